"""Lint: maps drawn in text beside what is said about them."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.maps import CHARACTERS, EMPTY, GridMap, Problem, lint, parse_ascii
from engine.sim import Kind, Rules, Style, games

NAVIGATION = games.navigation()
ARENA = games.arena(agents=1, groups=1)
TWO = games.arena(agents=2, groups=1)
STRAIGHT = ARENA
"""A game without diagonal moves."""


def problems_of(drawing: str, rules: Rules) -> list[Problem]:
    return lint(parse_ascii(textwrap.dedent(drawing).strip("\n"), "drawn"), rules)


def said(drawing: str, rules: Rules) -> list[tuple[str, int, int, str]]:
    return [(p.severity, p.row, p.column, p.message) for p in problems_of(drawing, rules)]


def test_closed_room_with_everything_has_no_problems() -> None:
    drawing = """
        #######
        #@....#
        #.m.n_#
        #######"""

    assert said(drawing, ARENA) == []


def test_open_border_is_an_error_at_its_first_gap() -> None:
    drawing = """
        ##.##
        #..*#
        #...#
        ###.#"""

    assert said(drawing, NAVIGATION) == [("error", 0, 2, "the border is open in 2 cells")]


def test_object_in_the_border_closes_it() -> None:
    drawing = """
        ##*##
        #...#
        #####"""

    assert said(drawing, NAVIGATION) == []


def test_no_spawn_cell_is_an_error() -> None:
    drawing = """
        #######
        #.....#
        #.m.n_#
        #######"""

    assert said(drawing, ARENA) == [("error", 1, 1, "1 agent, but no spawn cell")]


def test_too_few_spawn_cells_are_counted() -> None:
    drawing = """
        #######
        #@....#
        #.m.n_#
        #######"""

    assert said(drawing, TWO) == [("error", 1, 1, "2 agents, but 1 spawn cell")]
    assert problems_of(drawing, TWO)[0].hint == "draw 1 more: agent (@)"


def test_team_with_cells_of_its_own_does_not_take_plain_ones() -> None:
    drawing = """
        #######
        #1@@@@#
        #.m.n_#
        #######"""

    messages = said(drawing, games.arena(agents=4, groups=2))

    assert messages == [("error", 1, 1, "2 agents of team 1, but 1 spawn cell")]


def test_start_anywhere_needs_free_cells() -> None:
    drawing = """
        ###
        #*#
        ###"""

    assert ("error", 0, 0, "1 agent, but no free cell") in said(drawing, NAVIGATION)


def test_spawn_cells_mean_nothing_where_agents_start_anywhere() -> None:
    drawing = """
        #####
        #@.*#
        #####"""

    assert said(drawing, NAVIGATION) == [
        ("warning", 1, 1, "1 spawn cell without effect: agents of navigation start anywhere")
    ]


def test_unknown_object_is_an_error_once() -> None:
    drawing = """
        #####
        #m.*#
        #m..#
        #####"""

    assert said(drawing, NAVIGATION) == [("error", 1, 1, "navigation knows no mine")]
    assert problems_of(drawing, NAVIGATION)[0].hint == "erase 2 cells, or choose another game"


def test_missing_generator_is_named_with_its_character() -> None:
    drawing = """
        #####
        #@.m#
        #.._#
        #####"""

    problem = problems_of(drawing, ARENA)[0]

    assert problem.message == "no generator: nothing on this map gives battery"
    assert problem.hint == "place generator (n)"


def test_missing_goal_is_an_error() -> None:
    drawing = """
        ####
        #..#
        ####"""

    assert said(drawing, NAVIGATION) == [("error", 1, 1, "no goal: nothing on this map gives heart")]


def test_sealed_object_is_an_error() -> None:
    drawing = """
        #######
        #@.mn_#
        #..####
        #..m#_#
        #######"""

    assert ("error", 3, 5, "altar is sealed off") not in said(drawing, ARENA)
    assert ("error", 1, 4, "generator is sealed off") in said(drawing, ARENA)
    assert ("error", 1, 5, "2 of altar are sealed off") in said(drawing, ARENA)


def test_object_in_an_area_without_agents_is_out_of_reach() -> None:
    drawing = """
        #########
        #@...#..#
        #m.n_#.m#
        #########"""

    assert said(drawing, ARENA) == [
        ("error", 2, 7, "mine is out of reach of all agents"),
        ("warning", 1, 6, "no agent can get into 3 cells"),
    ]


def test_agent_that_cannot_finish_the_chain_is_an_error() -> None:
    drawing = """
        #########
        #@...#@.#
        #m.n_#.m#
        #########"""

    assert said(drawing, TWO) == [
        ("error", 1, 6, "an agent that starts here cannot get battery"),
        ("warning", 1, 6, "agents start in 2 separate areas"),
    ]


def test_pocket_from_which_no_goal_can_be_reached_is_an_error() -> None:
    drawing = """
        ########
        #..#...#
        #..#..*#
        ########"""

    assert said(drawing, NAVIGATION) == [("error", 1, 1, "agents that start in 4 cells cannot get heart")]


def test_trapped_agent_is_an_error() -> None:
    drawing = """
        ######
        #@#..#
        ##@mn#
        #..._#
        ######"""

    assert ("error", 1, 1, "an agent that starts here cannot move") in said(drawing, TWO)


def test_corner_gap_is_open_only_to_diagonal_movers() -> None:
    drawing = """
        #####
        #.#.#
        ##.*#
        #####"""

    assert said(drawing, NAVIGATION) == []

    drawing = """
        ######
        #@#mn#
        ##.._#
        ######"""

    assert said(drawing, STRAIGHT)[0][3] == "an agent that starts here cannot move"


def test_warnings_come_after_errors() -> None:
    drawing = """
        ########
        #..#@mn#
        #..#.._#
        #####m##"""

    severities = [problem.severity for problem in problems_of(drawing, TWO)]

    assert severities == sorted(severities)
    assert len(set(severities)) == 2


def test_teams_of_unequal_size_need_as_many_cells_as_they_have_members() -> None:
    drawing = """
        #####
        #1.2#
        #####"""

    assert said(drawing, games.hide_and_seek()) == [("error", 1, 3, "2 agents of team 2, but 1 spawn cell")]


def test_a_block_that_can_be_swapped_away_shuts_nothing_off() -> None:
    drawing = """
        ########
        #1s.r_##
        #2s...R#
        ########"""

    assert said(drawing, games.arena_classic(agents=2)) == []


def test_a_chest_gives_what_was_put_into_it() -> None:
    chest = Kind(style=Style.CHEST, inputs={"ore": 1}, outputs={"ore": 1})
    drawing = """
        #######
        #@.C.n#
        #...._#
        #######"""

    for initial, missing in ((0, ["no mine: nothing on this map gives ore"]), (1, [])):
        kinds = {**ARENA.kinds, "chest": chest.model_copy(update={"initial_output": initial, "max_output": 5})}
        rules = ARENA.model_copy(update={"kinds": kinds})
        assert [message for *_, message in said(drawing, rules)] == missing


def test_facing_diagonally_and_walking_on_counts_as_a_way() -> None:
    walk = games.arena_classic(agents=1, teams=1)
    turns = (*walk.actions, *games.rotations("southeast"))
    drawing = """
        ########
        #1##R_##
        ##...r##
        ########"""

    assert any("cannot move" in message for *_, message in said(drawing, walk))
    assert said(drawing, walk.model_copy(update={"actions": turns})) == []


def names_in(rules: Rules) -> list[str]:
    return [name for name in CHARACTERS if name in rules.kinds or name in (EMPTY, "agent")]


@pytest.mark.parametrize("rules", [NAVIGATION, ARENA, games.arena(), games.arena_classic("tag"), games.pursuit()])
@given(data=st.data())
def test_any_map_can_be_checked(rules: Rules, data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 7))
    row = st.lists(st.sampled_from(sorted(CHARACTERS)), min_size=width, max_size=width).map(tuple)
    grid_map = GridMap("any", tuple(data.draw(st.lists(row, min_size=1, max_size=7))))

    for problem in lint(grid_map, rules):
        assert 0 <= problem.row < grid_map.height
        assert 0 <= problem.column < grid_map.width
        assert problem.message
        assert problem.hint
