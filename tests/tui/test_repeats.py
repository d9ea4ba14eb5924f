"""Counts: the number that is typed, and how often the engine then sees the action."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from walking import ARENA, Walk

from engine.sim import games
from tui.panes.live.counter import MAX_COUNT, Counter
from tui.repeats import Repetition


def counted(keys: str) -> int:
    """The count after these digits."""
    counter = Counter()
    counter.begin()
    assert all(counter.typed(key) for key in keys)
    return counter.take()


@pytest.mark.parametrize(("keys", "count"), [("20", 20), ("", 1), ("0", 1), ("007", 7), ("99999", MAX_COUNT)])
def test_digits_are_a_count(keys: str, count: int) -> None:
    assert counted(keys) == count


@given(st.text("0123456789", max_size=30))
def test_a_count_has_its_limits(keys: str) -> None:
    assert 1 <= counted(keys) <= MAX_COUNT


def test_without_the_key_that_begins_a_count_digits_are_not_taken() -> None:
    counter = Counter()

    assert not counter.typed("2")
    assert counter.take() == 1
    assert counter.words == ""


def test_a_count_is_good_for_one_key() -> None:
    counter = Counter()
    counter.begin()
    counter.typed("5")

    assert not counter.typed("l")  # not the count's: the key to repeat
    assert counter.take() == 5
    assert counter.take() == 1


def test_a_count_can_be_mended_and_left() -> None:
    counter = Counter()
    counter.begin()
    counter.typed("2")
    counter.typed("3")

    assert counter.typed("backspace")
    assert counter.words == "how often? 2: now a key to act, Esc to leave"
    assert counter.typed("escape")
    assert not counter.is_open
    assert counter.take() == 1


def test_digits_of_other_scripts_are_not_digits() -> None:
    counter = Counter()
    counter.begin()

    assert not counter.typed("٣")
    assert not counter.typed("²")


def repeated(walk: Walk, action: str, count: int) -> Repetition:
    repetition = Repetition(walk.rules, 0, walk.rules.action_names.index(action), count)
    while (taken := repetition.next_action(walk.view, walk.batch.action_mask()[0])) is not None:
        walk.step(taken)
    return repetition


def test_an_action_is_taken_so_often() -> None:
    walk = Walk("@.........", ARENA)

    repetition = repeated(walk, "move_east", 5)

    assert (walk.cell, walk.view.tick) == ((0, 5), 5)
    assert repetition.words == "done"


def test_it_says_how_often_is_left() -> None:
    walk = Walk("@.........", ARENA)
    repetition = Repetition(ARENA, 0, ARENA.action_names.index("noop"), 13)

    repetition.next_action(walk.view, np.ones(len(ARENA.actions), np.bool_))

    assert repetition.words == "again 12 times; any key stops"


def test_it_stops_where_it_cannot_go_on() -> None:
    walk = Walk("@...", ARENA)

    repetition = repeated(walk, "move_east", 20)

    assert (walk.cell, walk.view.tick) == ((0, 3), 3)
    assert repetition.words == "stopped: move_east cannot be done any longer (17 times left)"


def test_what_cannot_be_done_is_tried_once() -> None:
    walk = Walk("#@..", ARENA)

    repeated(walk, "move_west", 20)

    assert walk.view.tick == 1


def test_it_stops_at_the_end_of_the_episode() -> None:
    walk = Walk("@...", games.arena(agents=1, max_steps=4))

    repetition = repeated(walk, "noop", 20)

    assert repetition.words == "stopped: the episode ended"
    assert (walk.view.episode, walk.view.tick) == (1, 0)
