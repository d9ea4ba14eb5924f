"""What agents see: line of sight, range and cone, drawn; and that sight is mutual."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sim import CELL_EMPTY, CELL_KIND, OUTSIDE, Batch, Kind, Plane, Rules, Sight, Window, World

from .drawn import sim_from, step
from .small_game import small, stat

GLASS = {"trap": Kind(transparent=True)}  # drawn ^


def game(width: int = 9, height: int = 5, **sight: Any) -> Rules:
    return small(kinds=GLASS, window=Window(width=width, height=height), sight=Sight.model_validate(sight))


def seen(sim: Batch, row: int = 0) -> list[str]:
    """The window as the agent sees it: `?` what it does not see or what lies outside."""
    spec = sim.spec
    plane = sim.observations[row, : spec.window_width * spec.window_height]
    window = plane.reshape(spec.window_height, spec.window_width)
    return ["".join("?.A#^"[code] for code in line) for line in window]


def lines(text: str) -> list[str]:
    return dedent(text).strip("\n").split("\n")


def test_a_wall_hides_what_is_behind_it() -> None:
    sim = sim_from(
        """
        .........
        ...###...
        ....@....
        .........
        .........
        """,
        game(line_of_sight=True),
    )

    assert seen(sim) == lines("""
        .???????.
        ...###...
        ....A....
        .........
        .........
        """)


def test_a_pillar_throws_a_shadow_that_widens() -> None:
    sim = sim_from(
        """
        .........
        .........
        @.#......
        .........
        .........
        """,
        game(width=15, line_of_sight=True),
    )

    assert [line[7:] for line in seen(sim)] == lines("""
        ........
        .....???
        A.#?????
        .....???
        ........
        """)


def test_glass_blocks_the_way_but_not_the_view() -> None:
    sim = sim_from("..^@#..", game(height=1, line_of_sight=True))

    assert seen(sim) == ["?..^A#???"]


def test_a_room_is_seen_with_its_walls_and_corners() -> None:
    room = """
        #####....
        #...#....
        #.@.#....
        #...#....
        #####....
        """
    sim = sim_from(room, game(line_of_sight=True))

    assert [line[2:7] for line in seen(sim)] == ["#####", "#...#", "#.A.#", "#...#", "#####"]
    assert all(line[7:] == "??" for line in seen(sim))


def test_sight_ends_at_its_range() -> None:
    sim = sim_from("....@....", game(height=1, range=2))

    assert seen(sim) == ["??..A..??"]


def test_a_cone_of_90_degrees_looks_ahead() -> None:
    field = "\n".join([".......", ".......", "...@...", ".......", "......."])
    sim = sim_from(field, game(width=7, cone_degrees=90))
    drawings = {}
    for facing in ("north", "south", "west", "east"):
        step(sim, f"rotate_{facing}")
        drawings[facing] = seen(sim)

    assert drawings["north"] == [
        "?.....?",
        "??...??",
        "???A???",
        "???????",
        "???????",
    ]
    assert drawings["south"] == drawings["north"][::-1]
    assert drawings["east"] == [
        "?????..",
        "????...",
        "???A...",
        "????...",
        "?????..",
    ]
    assert drawings["west"] == [line[::-1] for line in drawings["east"]]


def test_wider_cones_leave_less_behind() -> None:
    field = "\n".join([".....", ".....", "..@..", ".....", "....."])
    sims = {degrees: sim_from(field, game(5, 5, cone_degrees=degrees)) for degrees in (180, 270)}
    for sim in sims.values():
        step(sim, "rotate_north")

    assert seen(sims[180]) == [".....", ".....", "..A..", "?????", "?????"]
    assert seen(sims[270]) == [".....", ".....", "..A..", "..?..", ".???."]


def test_what_is_not_seen_is_zero_in_every_plane() -> None:
    planes = (Plane.KIND, Plane.GROUP, Plane.FACING, Plane.READY, Plane.HP)
    rules = game(height=1, line_of_sight=True).model_copy(update={"planes": planes, "agents": 2, "groups": 2})
    sim = sim_from("1#2......", rules)

    windows = sim.observations[0, : sim.spec.plane_size].reshape(len(planes), -1)

    assert windows[0].tolist() == [0, 0, 0, 0, 2, 3, 0, 0, 0]
    assert (windows[1:, 6] == 0).all()


def hiding(text: str, **sight: Any) -> Batch:
    rules = small(
        agents=3,
        groups=2,
        group_sizes=(1, 2),
        roles=("seeker", "hider"),
        group_roles=("seeker", "hider"),
        sight=Sight.model_validate({"counts": True, "line_of_sight": True, **sight}),
    )
    sim = sim_from(text, rules)
    step(sim, "noop")
    return sim


def test_seeing_is_counted_by_role_each_tick() -> None:
    sim = hiding("2#1.2")
    step(sim, "noop")
    near = next(agent for agent in (1, 2) if sim.look().agents[agent].column == 4)

    assert stat(sim, "sees.hider") == 2
    assert stat(sim, "sees.seeker") == 0
    assert (stat(sim, "seen", near), stat(sim, "hidden", near)) == (2, 0)
    assert (stat(sim, "seen", 3 - near), stat(sim, "hidden", 3 - near)) == (0, 2)
    assert stat(sim, "sees.seeker", near) == 2
    assert stat(sim, "seen") == 2


def test_ones_own_side_counts_for_nothing() -> None:
    sim = hiding("22#1")

    assert [stat(sim, "hidden", agent) for agent in range(3)] == [1, 1, 1]
    assert [stat(sim, "sees.hider", agent) for agent in range(3)] == [0, 0, 0]


CELLS = st.lists(st.sampled_from([CELL_EMPTY, CELL_EMPTY, CELL_KIND]), min_size=63, max_size=63)


def visible_from(cells: np.ndarray) -> dict[tuple[int, int], set[tuple[int, int]]]:
    """The floor that is seen from each floor, of a map no larger than half a window."""
    height, width = cells.shape
    floor = [place for place in np.ndindex(cells.shape) if cells[place] == CELL_EMPTY]
    rules = small(
        agents=len(floor), spawn_anywhere=True, window=Window(width=15, height=15), sight=Sight(line_of_sight=True)
    )
    batch = Batch(World(rules, cells))
    views = {}
    for number, agent in enumerate(batch.look().agents):
        window = batch.observations[number, :225].reshape(15, 15)
        top, left = 7 - agent.row, 7 - agent.column
        mine = window[max(top, 0) : top + height, max(left, 0) : left + width]
        assert mine.shape == cells.shape
        views[agent.row, agent.column] = {place for place in floor if mine[place] != OUTSIDE}
    return views


@settings(max_examples=60)
@given(CELLS)
def test_of_two_floor_cells_each_sees_the_other_or_neither_does(codes: list[int]) -> None:
    cells = np.array(codes, np.uint8).reshape(7, 9)[:, :8]
    if not (cells == CELL_EMPTY).any():
        return
    views = visible_from(cells)

    for here, seen_from_here in views.items():
        assert here in seen_from_here
        for there in seen_from_here:
            assert here in views[there], f"{here} sees {there}"


def test_in_an_empty_room_everything_is_seen() -> None:
    views = visible_from(np.zeros((8, 8), np.uint8))

    assert all(len(view) == 64 for view in views.values())
