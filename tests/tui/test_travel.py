"""Travel: ways are as short as a search by hand finds them, and the engine walks them to their end."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from walking import ARENA, CLASSIC, WALK, Walk

from engine.sim import DIRECTION_STEPS, DIRECTIONS, EMPTY, Action, EnvView, Rules, Verb, games
from tui.travel import MAX_DETOURS, MAX_STEPS, Journey, interruption, way_to


def test_the_way_to_a_cell_is_the_shortest() -> None:
    walk = Walk("#####\n#@#.#\n#.#.#\n#...#\n#####", ARENA)

    assert walk.names((1, 3)) == 2 * ["move_south"] + 2 * ["move_east"] + 2 * ["move_north"]
    assert walk.names((1, 1)) == []


def test_diagonals_are_gone_where_the_game_has_them() -> None:
    walk = Walk("@...\n....\n...*", WALK)

    assert walk.names((2, 2)) == ["move_southeast"] * 2


def test_an_object_is_gone_to_and_faced() -> None:
    walk = Walk("######\n#@...#\n#...m#\n######", ARENA)

    assert sorted(walk.names((2, 4))) == ["move_east", "move_east", "move_south"]
    assert walk.names((2, 4))[-1] == "move_east"  # one comes facing it, so that no turn is left


def test_one_turn_is_enough_beside_an_object() -> None:
    walk = Walk("#####\n#@m.#\n#####", ARENA)
    walk.step(ARENA.action_names.index("rotate_west"))

    assert walk.names((1, 2)) == ["rotate_east"]


def test_a_walk_along_the_facing_is_turns_and_steps() -> None:
    walk = Walk("#####\n#@#.#\n#.#.#\n#...#\n#####", CLASSIC)
    walk.step(CLASSIC.action_names.index("rotate_north"))

    # Backward is a step as well: facing north one backs down, and goes up again after one turn there and back.
    assert walk.names((3, 1)) == ["move_backward"] * 2
    walk.travel((1, 3))
    assert walk.cell == (1, 3)


def test_a_thing_that_a_step_would_use_is_left_alone() -> None:
    walk = Walk("@..*", WALK)

    assert walk.names((0, 3)) == ["move_east"] * 2
    journey = walk.travel((0, 3))

    assert journey.done
    assert walk.cell == (0, 2)
    assert walk.view.episode == 0  # the goal was not taken


def test_where_only_a_blocked_move_turns_it_is_made() -> None:
    actions = (*WALK.actions, Action(name="use", verb=Verb.USE))
    kinds = {**WALK.kinds, "goal": WALK.kinds["goal"].model_copy(update={"bump": False})}
    rules = WALK.model_copy(update={"actions": actions, "kinds": kinds})
    walk = Walk("*@..", rules)
    walk.step(rules.action_names.index("move_east"))

    journey = walk.travel((0, 0))

    assert journey.done
    assert walk.cell == (0, 1)
    assert DIRECTIONS[walk.view.agents[0].facing] == "west"


@pytest.mark.parametrize(
    ("drawing", "rules", "target", "words"),
    [
        ("####\n#@.#\n####", ARENA, (7, 0), "the map ends there"),
        ("#####\n#@#.#\n#####", ARENA, (1, 3), "no way there: walls all round you"),
        ("######\n#@.#.#\n######", ARENA, (1, 4), "no way there: walls all round it"),
        ("#######\n#@.#..#\n#######", ARENA, (1, 5), "no way there"),
        ("#####\n#12.#\n#####", games.arena(agents=2), (1, 2), "agent 1 stands there"),
        ("#####\n#12.#\n#####", games.arena(agents=2), (1, 3), "no way there: agent 1 is in the way"),
    ],
)
def test_why_there_is_no_way_is_said(drawing: str, rules: Rules, target: tuple[int, int], words: str) -> None:
    assert way_to(Walk(drawing, rules).view, rules, 0, target).why_not == words


def test_a_game_without_steps_says_so() -> None:
    rules = ARENA.model_copy(update={"actions": (Action(name="noop"),)})

    assert way_to(Walk("@.", rules).view, rules, 0, (0, 1)).why_not == "nobody walks in arena"


def test_a_frozen_agent_goes_nowhere() -> None:
    walk = Walk("@.", ARENA)
    frozen = replace(walk.view, agents=(replace(walk.view.agents[0], frozen=3),))

    assert way_to(frozen, ARENA, 0, (0, 1)).why_not == "you are frozen for 3 turns"


def test_a_way_without_end_is_not_looked_for() -> None:
    side = 200
    cells = np.full((side, side), EMPTY, np.uint8)
    cells[1::2] = 3
    for row in range(1, side, 2):
        cells[row, 0 if row // 2 % 2 else -1] = EMPTY
    walk = Walk("@.", ARENA)
    view = replace(walk.view, cells=cells, agents=(replace(walk.view.agents[0], row=0, column=0),))

    assert way_to(view, ARENA, 0, (side - 2, 5)).why_not == f"too far: it takes more than {MAX_STEPS:,} steps"


# ---- Against a search by hand


def searched(view: EnvView, rules: Rules, target: tuple[int, int]) -> int | None:
    """Fewest actions to a free cell, or to face a solid one from beside it, over (row, column, facing)."""
    free = view.cells == EMPTY
    me = view.agents[0]
    free[me.row, me.column] = True
    walks = any(action.verb is Verb.MOVE for action in rules.actions)
    seen = {(me.row, me.column, me.facing): 0}
    queue = deque(seen)
    while queue:
        row, column, facing = state = queue.popleft()
        rows, columns = DIRECTION_STEPS[facing]
        if (row, column) == target or (not free[target] and (row + rows, column + columns) == target):
            return seen[state]
        for action in rules.actions:
            turned = facing if action.direction is None else DIRECTIONS.index(action.direction)
            rows, columns = DIRECTION_STEPS[turned]
            sign = (1 if action.verb is Verb.MOVE else 0) if walks else (-1 if action.argument else 1)
            sign = sign if action.verb in (Verb.MOVE, Verb.STEP) else 0
            there = row + sign * rows, column + sign * columns
            inside = 0 <= there[0] < free.shape[0] and 0 <= there[1] < free.shape[1]
            after = (*there, turned)
            if inside and free[there] and after not in seen and action.verb in (Verb.MOVE, Verb.STEP, Verb.ROTATE):
                seen[after] = seen[state] + 1
                queue.append(after)
    return None


@given(
    rules=st.sampled_from((ARENA, CLASSIC)),
    rows=st.lists(st.text("..#", min_size=7, max_size=7), min_size=6, max_size=6),
    place=st.tuples(st.integers(0, 5), st.integers(0, 6)),
    target=st.tuples(st.integers(0, 5), st.integers(0, 6)),
)
def test_every_way_is_as_short_as_can_be_and_is_walked_by_the_engine(
    rules: Rules, rows: list[str], place: tuple[int, int], target: tuple[int, int]
) -> None:
    rows[place[0]] = rows[place[0]][: place[1]] + "@" + rows[place[0]][place[1] + 1 :]
    walk = Walk("\n".join(rows), rules)
    view = walk.view

    way = way_to(view, rules, 0, target)

    fewest = searched(view, rules, target)
    assert (fewest is None) == bool(way.why_not)
    if fewest is None:
        return
    assert len(way.actions) == fewest
    journey = walk.travel(target)
    assert journey.done
    assert walk.view.tick == fewest
    rows_ahead, columns_ahead = DIRECTION_STEPS[walk.view.agents[0].facing]
    ahead = walk.cell[0] + rows_ahead, walk.cell[1] + columns_ahead
    assert target == walk.cell if rows[target[0]][target[1]] != "#" else target == ahead


# ---- Journeys


def test_a_journey_goes_round_who_gets_in_the_way() -> None:
    walk = Walk("1...\n2...\n....", games.arena(agents=2), others="move_north")
    journey = Journey(walk.rules, 0, (2, 0))
    order = []

    while (action := journey.next_action(walk.view, walk.batch.action_mask()[0])) is not None:
        order.append(walk.rules.action_names[action])
        walk.step(action)

    assert journey.done
    assert walk.cell == (2, 0)
    assert "move_east" in order  # agent 1 stood below


def test_a_journey_ends_where_somebody_blocks_the_only_way() -> None:
    walk = Walk("####\n#@.#\n#.##\n####", ARENA)
    two = Walk("#######\n#1..2.#\n#######", games.arena(agents=2))
    journey = Journey(two.rules, 0, (1, 5))

    assert journey.next_action(two.view, two.batch.action_mask()[0]) is None
    assert journey.words == "stopped: no way there: agent 1 is in the way"
    assert walk.travel((2, 1)).words == "there"


def test_a_journey_says_how_far_it_is() -> None:
    walk = Walk("@....", ARENA)
    journey = Journey(ARENA, 0, (0, 3))

    assert journey.next_action(walk.view, walk.batch.action_mask()[0]) is not None

    assert journey.remaining == 2
    assert journey.words == "2 steps to go; any key stops"


def test_a_journey_is_planned_anew_where_the_agent_is_not_where_it_was_to_be() -> None:
    walk = Walk("....@....", ARENA)
    journey = Journey(ARENA, 0, (0, 8))

    journey.next_action(walk.view, walk.batch.action_mask()[0])
    walk.step(ARENA.action_names.index("move_west"))  # another hand moved it
    journey.next_action(walk.view, walk.batch.action_mask()[0])

    assert journey.remaining == 4


def test_a_journey_does_not_dodge_for_ever() -> None:
    walk = Walk("@....", ARENA)
    journey = Journey(ARENA, 0, (0, 4))

    taken = 0
    while journey.next_action(walk.view, walk.batch.action_mask()[0]) is not None:
        walk.step(ARENA.action_names.index("noop"))  # it never gets anywhere
        taken += 1

    assert journey.why_stopped == "somebody keeps getting in the way"
    assert taken == MAX_DETOURS + 1


def test_a_journey_stops_when_the_agent_is_hit() -> None:
    rules = games.arena_classic("combat", agents=2, teams=2)
    rules = rules.model_copy(
        update={"resources": {**rules.resources, "laser": rules.resources["laser"].model_copy(update={"initial": 5})}}
    )
    walk = Walk("#######\n#..1..#\n#.....#\n#..2..#\n#######", rules, others="attack_0")
    walk.others = rules.action_names.index("rotate_north")
    walk.step(0)
    walk.others = rules.action_names.index("attack_0")

    journey = walk.travel((1, 5))

    assert journey.why_stopped.startswith("agent 1 hits you: you are frozen for ")
    assert not journey.done


def test_a_journey_stops_at_the_end_of_the_episode() -> None:
    walk = Walk("@....", games.arena(agents=1, max_steps=2))

    journey = walk.travel((0, 4))

    assert journey.words == "stopped: the episode ended"


def test_going_back_in_time_interrupts_and_standing_still_does_not() -> None:
    walk = Walk("@....", ARENA)
    before = walk.view
    walk.step(ARENA.action_names.index("move_east"))

    assert interruption(before, walk.view, ARENA, 0) == ""
    assert interruption(walk.view, walk.view, ARENA, 0) == ""
    assert interruption(walk.view, before, ARENA, 0) == "time was turned back"
