"""The history of an env: whatever way one goes through it, every moment is the one that straight simulation gives."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.errors import SimError
from engine.maps import cells_for, load_map
from engine.sim import Batch, Cursor, History, Moment, World, games
from engine.sim.timeline import ACTIONS, FACT_BYTES, STATE_BYTES

from .test_games_goldens import MAPS

SEED = 5


def worlds_of(game: str, **changes: object) -> list[World]:
    rules = games.GAMES[game](**changes)
    return [World(rules, cells_for(load_map(name), rules)) for name in MAPS[game]]


def begun(worlds: list[World], **budgets: int) -> Cursor:
    batch = Batch(worlds, seed=SEED)
    history = History(Moment(batch.save()), batch.rows, {"mark": (np.int32, ())}, **budgets)
    return Cursor(history, batch)


def drawn_actions(cursor: Cursor, random: np.random.Generator) -> np.ndarray:
    return random.integers(-1, len(cursor.batch.spec.action_names) + 1, cursor.batch.rows, np.int32)


def play(cursor: Cursor, actions: np.ndarray, mark: int = 0) -> None:
    cursor.extend({ACTIONS: actions, "mark": np.int32(mark)})
    cursor.keep()


def moment(batch: Batch) -> tuple[object, ...]:
    """All there is to compare of a moment: the state, and every array of the step that led there."""
    arrays = (batch.observations, batch.rewards, batch.terminated, batch.truncated, batch.results)
    return (batch.hash(), *(array.tobytes() for array in arrays))


def straight(worlds: list[World], actions: list[np.ndarray]) -> Iterator[tuple[object, ...]]:
    """The oracle: every moment of a batch that only ever goes forward."""
    with Batch(worlds, seed=SEED) as batch:
        for each in actions:
            batch.step(each)
        yield moment(batch)


WAYS = st.lists(
    st.one_of(
        st.tuples(st.just("play"), st.integers(1, 40), st.just(0)),
        st.tuples(st.just("back"), st.integers(1, 30), st.just(0)),
        st.tuples(st.just("on"), st.integers(1, 10), st.just(0)),
        st.tuples(st.just("scrub"), st.integers(0, 99), st.just(0)),
        st.tuples(st.just("branch"), st.integers(0, 99), st.integers(0, 9)),
        st.tuples(st.just("drop"), st.integers(0, 2), st.just(0)),
    ),
    min_size=4,
    max_size=25,
)


@pytest.mark.parametrize("game", ["arena", "hide_and_seek", "t_maze", "arena_energy"])
@example(  # from a tick of a branch to a later one of its parent that no kept state lies between
    ways=[("play", 14, 0), ("back", 12, 0), ("play", 7, 0), ("branch", 13, 0)], small=False
)
@given(ways=WAYS, small=st.booleans())
@settings(max_examples=40, deadline=None)
def test_any_way_through_time_gives_what_straight_simulation_gives(
    game: str, ways: list[tuple[str, int, int]], small: bool
) -> None:
    worlds = worlds_of(game, max_steps=37)  # episodes end on the way
    cursor = begun(worlds, state_bytes=20_000 if small else STATE_BYTES)
    random = np.random.default_rng(SEED)
    lines: dict[int, list[np.ndarray]] = {0: []}

    for what, number, which in ways:
        if what == "play":
            for _ in range(number):
                before, tick, actions = cursor.branch, cursor.tick, drawn_actions(cursor, random)
                play(cursor, actions)
                lines[cursor.branch] = [*lines[before][:tick], actions]
        elif what == "back":
            cursor.seek(max(cursor.tick - number, 0))
        elif what == "on":
            for _ in range(min(number, cursor.end - cursor.tick)):
                cursor.step()
        elif what == "scrub":
            cursor.seek(number % (cursor.end + 1))
        elif what == "branch":
            branches = sorted(cursor.history.branches)
            branch = branches[which % len(branches)]
            cursor.seek(number % (cursor.history.end(branch) + 1), branch)
        elif number % 3 == 0 and cursor.branch != 0:
            doomed, parent = cursor.branch, cursor.history.branches[cursor.branch].parent
            cursor.seek(0, 0)
            cursor.history.drop(doomed)
            assert parent in cursor.history.branches
            lines = {index: line for index, line in lines.items() if index in cursor.history.branches}
        if cursor.tick:
            assert moment(cursor.batch) == next(straight(worlds, lines[cursor.branch][: cursor.tick]))
        assert cursor.end == len(lines[cursor.branch])


def test_two_cursors_on_one_history_do_not_disturb_one_another() -> None:
    worlds = worlds_of("arena")
    cursor, random = begun(worlds), np.random.default_rng(1)
    for _ in range(50):
        play(cursor, drawn_actions(cursor, random))
    cursor.seek(20)
    play(cursor, drawn_actions(cursor, random))
    here = moment(cursor.batch)
    other = Cursor(cursor.history, Batch(worlds, seed=0))

    other.seek(50, 0)

    assert moment(cursor.batch) == here
    assert (other.branch, other.tick, cursor.branch, cursor.tick) == (0, 50, 1, 21)
    cursor.seek(50, 0)
    assert moment(cursor.batch) == moment(other.batch)


def test_facts_are_those_of_the_line_one_is_on() -> None:
    cursor, random = begun(worlds_of("arena")), np.random.default_rng(1)
    for mark in range(1, 31):
        play(cursor, drawn_actions(cursor, random), mark)
    cursor.seek(10)
    for mark in range(101, 106):
        play(cursor, drawn_actions(cursor, random), mark)
    history = cursor.history

    assert history.span(1, "mark", 7, 15).tolist() == [8, 9, 10, 101, 102, 103, 104, 105]
    assert history.span(0, "mark", 7, 13).tolist() == [8, 9, 10, 11, 12, 13]
    assert history.fact(1, "mark", 10) == 10
    assert history.fact(1, "mark", 11) == 101
    assert [(each.parent, each.fork, each.end) for each in history.branches.values()] == [(None, 0, 30), (0, 10, 15)]


def test_a_branch_of_a_branch_leaves_the_line_where_it_was_made() -> None:
    cursor, random = begun(worlds_of("arena")), np.random.default_rng(1)
    for mark in range(1, 21):
        play(cursor, drawn_actions(cursor, random), mark)
    cursor.seek(10)
    play(cursor, drawn_actions(cursor, random), 50)
    cursor.seek(5)
    play(cursor, drawn_actions(cursor, random), 60)

    assert cursor.history.branches[2].parent == 0  # tick 5 of branch 1 is the first branch's own time
    assert cursor.history.span(2, "mark", 3, 6).tolist() == [4, 5, 60]


def test_what_cannot_be_reached_is_refused_and_nothing_moves() -> None:
    cursor, random = begun(worlds_of("arena")), np.random.default_rng(1)
    for _ in range(5):
        play(cursor, drawn_actions(cursor, random))
    here = moment(cursor.batch)

    for tick, branch in ((6, 0), (-1, 0), (0, 7)):
        with pytest.raises(SimError):
            cursor.seek(tick, branch)
    with pytest.raises(SimError, match="nothing was played after tick 5"):
        cursor.step()
    with pytest.raises(SimError, match="first branch"):
        cursor.history.drop(0)

    assert (cursor.tick, moment(cursor.batch)) == (5, here)


def test_ten_thousand_steps_of_24_agents_stay_within_64_mib() -> None:
    rules = games.GAMES["arena"](agents=24, max_steps=10_000).model_copy(update={"spawn_anywhere": True})
    worlds = [World(rules, cells_for(load_map("arena_basic"), rules))]
    batch = Batch(worlds, seed=SEED)
    actions = len(batch.spec.action_names)
    facts = {
        "said": (np.float16, (24, actions)),
        "value": (np.float32, (24,)),
        "cells": (np.int16, (24, 2)),
        "player": (np.uint8, (24,)),
    }
    tracemalloc.start()
    cursor = Cursor(History(Moment(batch.save()), 24, facts), batch)
    random = np.random.default_rng(1)

    for _ in range(10_000):
        cursor.extend({ACTIONS: drawn_actions(cursor, random)})
        cursor.keep()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert cursor.history.end(0) == 10_000
    assert cursor.history.first == 0  # nothing was forgotten
    assert cursor.history.state_size + cursor.history.fact_size < 64 * 1024 * 1024
    assert peak < 64 * 1024 * 1024


def test_over_its_budget_the_oldest_half_is_forgotten_and_the_rest_is_exact() -> None:
    worlds = worlds_of("arena", max_steps=50)
    cursor, random = begun(worlds, fact_bytes=30_000), np.random.default_rng(1)
    line = []
    for _ in range(2_000):
        actions = drawn_actions(cursor, random)
        play(cursor, actions)
        line.append(actions)
    first = cursor.history.first
    assert 0 < first < 2_000
    assert cursor.history.fact_size <= 30_000

    for tick in (first, first + 1, (first + 2_000) // 2, 2_000):
        cursor.seek(tick)
        hashes = next(straight(worlds, line[:tick]))
        assert cursor.batch.hash() == hashes[0]
        if tick > first:
            assert moment(cursor.batch) == hashes
    with pytest.raises(SimError):
        cursor.seek(first - 1)


def test_forgetting_keeps_branches_of_the_later_half() -> None:
    cursor, random = begun(worlds_of("arena"), fact_bytes=60_000), np.random.default_rng(1)
    for _ in range(1_200):
        play(cursor, drawn_actions(cursor, random))
    cursor.seek(10)
    play(cursor, drawn_actions(cursor, random))  # branch 1, early
    cursor.seek(1_190, 0)
    play(cursor, drawn_actions(cursor, random), 77)  # branch 2, late
    cursor.seek(1_200, 0)

    while cursor.history.first == 0:
        play(cursor, drawn_actions(cursor, random))

    assert 10 < cursor.history.first <= 1_190
    assert sorted(cursor.history.branches) == [0, 2]
    cursor.seek(1_191, 2)
    assert cursor.history.fact(2, "mark", 1_191) == 77


def test_the_budgets_together_are_below_64_mib() -> None:
    assert STATE_BYTES + FACT_BYTES < 64 * 1024 * 1024


def test_many_branches_stay_within_the_budget_of_facts() -> None:
    cursor, random = begun(worlds_of("arena"), fact_bytes=20_000), np.random.default_rng(1)
    for _ in range(12):
        play(cursor, drawn_actions(cursor, random))
    for _ in range(200):
        cursor.seek(5)
        play(cursor, drawn_actions(cursor, random))

        assert cursor.history.fact_size <= 20_000

    assert cursor.branch in cursor.history.branches
    assert len(cursor.history.branches) > 5
