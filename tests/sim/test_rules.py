"""Rules as data: what is refused with which path, what survives a round trip, and that C has the same names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from engine.errors import MapError, SimError
from engine.sim import CELL_SPAWN_ANY, Action, Batch, Kind, Resource, Rules, Term, World, games, spec_of
from engine.sim.native import ffi, lib
from engine.sim.spec import ActionResult
from engine.sim.world import rules_def

from . import strategies

ROOM = np.full((3, 3), CELL_SPAWN_ANY, np.uint8)


def changed(**changes: Any) -> dict[str, Any]:
    """The arena as plain data, with some keys replaced."""
    return {**games.arena().model_dump(mode="json"), **changes}


def complaint(data: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        Rules.model_validate(data)
    error = caught.value.errors()[0]
    return ".".join(str(part) for part in error["loc"]) + "|" + error["msg"]


@pytest.mark.parametrize("make", games.GAMES.values())
def test_the_games_survive_a_round_trip(make: Any) -> None:
    rules = make()

    assert Rules.model_validate(rules.model_dump()) == rules
    assert Rules.model_validate(rules.model_dump(mode="json")) == rules
    assert Rules.model_validate_json(rules.model_dump_json()) == rules


@settings(max_examples=60)
@given(strategies.games())
def test_any_game_survives_a_round_trip_and_keeps_its_order(rules: Rules) -> None:
    again = Rules.model_validate_json(rules.model_dump_json())

    assert again == rules
    assert spec_of(again) == spec_of(rules)


def c_stat_names(rules: Rules) -> list[str]:
    native, count, name = rules_def(rules), ffi.new("int32_t *"), ffi.new("char[64]")
    assert lib.gw_stat_count(native, count) == lib.GW_OK
    names = []
    for index in range(count[0]):
        assert lib.gw_stat_name(native, index, name) == lib.GW_OK
        names.append(ffi.string(name).decode())
    return names


@pytest.mark.parametrize("make", games.GAMES.values())
def test_stat_names_are_those_of_c(make: Any) -> None:
    assert c_stat_names(make()) == list(make().stat_names)


@settings(max_examples=60)
@given(strategies.games())
def test_stat_names_of_any_game_are_those_of_c(rules: Rules) -> None:
    assert c_stat_names(rules) == list(rules.stat_names)


def test_results_are_those_of_c() -> None:
    for result in ActionResult:
        assert getattr(lib, f"GW_RESULT_{result.name}") == result
    assert len(ActionResult) == lib.GW_RESULT_COUNT


def test_the_limits_of_python_are_those_of_c() -> None:
    assert Rules.model_json_schema()["properties"]["agents"]["maximum"] == lib.GW_MAX_AGENTS
    assert Rules.model_json_schema()["properties"]["groups"]["maximum"] == lib.GW_MAX_GROUPS
    assert Rules.model_json_schema()["properties"]["actions"]["maxItems"] == lib.GW_MAX_ACTIONS
    assert Rules.model_json_schema()["properties"]["rewards"]["maxItems"] == lib.GW_MAX_TERMS
    assert Rules.model_json_schema()["properties"]["kinds"]["maxProperties"] == lib.GW_MAX_KINDS
    assert Rules.model_json_schema()["properties"]["resources"]["maxProperties"] == lib.GW_MAX_RESOURCES


@pytest.mark.parametrize(
    ("data", "path", "words"),
    [
        (changed(agnets=3), "agnets", "not permitted"),
        (changed(agents=0), "agents", "greater than or equal to 1"),
        (changed(groups=9), "groups", "less than or equal to 8"),
        (changed(max_steps=-1), "max_steps", "greater than or equal to 0"),
        (changed(window={"width": 10, "height": 11}), "window", "both sides must be odd"),
        (changed(window={"width": 17, "height": 11}), "window.width", "less than or equal to 15"),
        (changed(planes=["kind", "kind"]), "", "planes: 'kind' is there twice"),
        (changed(planes=["colour"]), "planes.0", "'kind', 'group', 'facing' or 'ready'"),
        (changed(actions=[]), "actions", "at least 1"),
        (changed(actions=[{"name": "a", "verb": "move"}]), "actions.0", "move needs a direction"),
        (changed(actions=[{"name": "a", "direction": "north"}]), "actions.0", "noop takes no direction"),
        (changed(actions=[{"name": "a", "verb": "jump"}]), "actions.0.verb", "'noop', 'move', 'rotate' or 'use'"),
        (changed(actions=[{"name": "A"}]), "actions.0.name", "pattern"),
        (changed(actions=[{"name": "a" * 32}]), "actions.0.name", "pattern"),
        (changed(rewards=[{"name": "x", "weight": 1}]), "rewards.0", "either stat"),
        (changed(rewards=[{"name": "x", "weight": "nan", "stat": "steps"}]), "rewards.0.weight", "finite"),
        (
            changed(rewards=[{"name": "x", "weight": 1, "stat": "heart.gaind"}]),
            "",
            "rewards.0.stat: no stat 'heart.gaind', did you mean 'heart.gained'?",
        ),
        (
            changed(rewards=[{"name": "x", "weight": 1, "holding": "batery"}]),
            "",
            "rewards.0.holding: no resource 'batery', did you mean 'battery'?",
        ),
        (changed(end={"resource": "hart"}), "", "end.resource: no resource 'hart', did you mean 'heart'?"),
        (
            changed(kinds={"mine": {"style": "use", "outputs": {"orre": 1}}}),
            "",
            "kinds.mine.outputs: no resource 'orre', did you mean 'ore'?",
        ),
        (
            changed(kinds={"mine": {"style": "use", "inputs": {"ore": 51}}}),
            "",
            "kinds.mine.inputs.ore: 51 can never be held, the limit is 50",
        ),
        (changed(kinds={"wall": {"cooldown": 1}}), "", "kinds.wall: only a converter has"),
        (changed(resources={"Ore": {}}), "resources.Ore.[key]", "pattern"),
    ],
)
def test_what_is_wrong_is_said_with_its_path(data: dict[str, Any], path: str, words: str) -> None:
    where, said = complaint(data).split("|")

    assert where == path
    assert words in said


def rules_with(**changes: Any) -> Rules:
    """Rules that Python lets through, for C to refuse."""
    return Rules(name="odd", actions=(Action(name="noop"),), **changes)


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (rules_with(resources={"ore": Resource(limit=1, initial=2)}), "resource 'ore' starts above its limit"),
        (rules_with(kinds={"agent": Kind()}), "kind 'agent' has a name that the engine keeps for itself"),
        (rules_with(rewards=(Term(name="x", stat="steps", weight=1e300),)), "reward 'x' needs a weight"),
    ],
)
def test_c_refuses_what_python_overlooked(rules: Rules, words: str) -> None:
    with pytest.raises(SimError, match=words):
        World(rules, ROOM)


def test_a_bad_cell_is_refused_with_line_and_column() -> None:
    cells = ROOM.copy()
    cells[1, 2] = 77

    with pytest.raises(MapError, match="a code that this game does not know") as caught:
        World(games.navigation(), cells)

    assert (caught.value.line, caught.value.column) == (2, 3)


def test_a_map_without_starts_is_refused_without_a_place() -> None:
    with pytest.raises(MapError, match="6 agents need spawn cells but there are only 0") as caught:
        World(games.arena(), np.zeros((5, 5), np.uint8))

    assert (caught.value.line, caught.value.column) == (0, 0)


@pytest.mark.parametrize("cells", [np.zeros((2, 2), np.int32), np.zeros(4, np.uint8), np.zeros((1, 2, 2), np.uint8)])
def test_cells_must_be_a_table_of_bytes(cells: np.ndarray) -> None:
    with pytest.raises(SimError, match="2-D uint8"):
        World(games.navigation(), cells)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1025, 1)])
def test_sides_out_of_range_are_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(MapError, match="1 to 1024 cells"):
        World(games.navigation(), np.zeros(shape, np.uint8))


def test_a_view_of_cells_is_read_in_its_own_order() -> None:
    cells = np.zeros((2, 6), np.uint8)
    cells[0, 1] = 1  # a wall
    rules = games.navigation()

    flipped = World(rules, cells[:, ::-1])

    assert (flipped.width, flipped.height) == (6, 2)
    assert Batch(flipped).look().cells[0].tolist()[4] == 3
