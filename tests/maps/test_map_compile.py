"""Cell codes: what the engine is given for each object."""

from __future__ import annotations

import pytest

from engine.errors import GridrlError, MapError
from engine.maps import cells_for, lint, parse_ascii
from engine.maps import compile as map_compile
from engine.sim import World, games, world


def test_codes_follow_the_order_of_kinds() -> None:
    cells = cells_for(parse_ascii(".#m\nn_@\n12.", "room"), games.arena(groups=2))

    assert cells.tolist() == [[0, 1, 2], [3, 4, 128], [129, 130, 0]]
    assert cells.dtype == "uint8"


def test_codes_are_those_of_the_engine() -> None:
    assert map_compile.CELL_EMPTY == world.CELL_EMPTY
    assert map_compile.CELL_KIND == world.CELL_KIND
    assert map_compile.CELL_SPAWN_ANY == world.CELL_SPAWN_ANY
    assert map_compile.CELL_SPAWN_GROUP == world.CELL_SPAWN_GROUP


@pytest.mark.parametrize(("text", "name"), [("..\n.*", "goal"), ("..\n.3", "agent.team_3")])
def test_object_of_another_game_is_refused_with_its_place(text: str, name: str) -> None:
    with pytest.raises(MapError, match=f"arena knows no {name}") as caught:
        cells_for(parse_ascii(text, "room"), games.arena(groups=2))

    assert (caught.value.line, caught.value.column) == (2, 2)


@pytest.mark.parametrize(
    ("agents", "groups", "text"),
    [
        (1, 1, "@"),
        (2, 1, "@"),
        (2, 2, "1@"),
        (2, 2, "12"),
        (2, 2, "11"),
        (4, 2, "1@@"),
        (4, 2, "11@"),
        (4, 2, "1122"),
        (3, 2, "@@@"),
    ],
)
def test_lint_and_engine_agree_on_enough_spawn_cells(agents: int, groups: int, text: str) -> None:
    rules = games.arena(agents=agents, groups=groups)
    grid_map = parse_ascii(text, "room")
    spawn_errors = [problem for problem in lint(grid_map, rules) if "but" in problem.message]

    try:
        World(rules, cells_for(grid_map, rules))
        refused = False
    except GridrlError:
        refused = True

    assert bool(spawn_errors) == refused
