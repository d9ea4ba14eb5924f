"""Pacing: how many pictures may be under way, whose word counts for their arrival, and what the program does by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pty_app import QUERY, PtyApp

from tui.pacing import MOST_BYTES_IN_FLIGHT, MOST_IN_FLIGHT, PATIENCE_S, Pacing, is_remote


class Clock:
    """Seconds, told by hand."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def pacing(*, active: bool) -> tuple[Pacing, Clock]:
    """One whose terminal has answered Textual's own query, if it is active."""
    clock = Clock()
    paced = Pacing(active, clock)
    paced.restarted()
    if active:
        paced.answered()
    return paced, clock


def send(paced: Pacing, count: int, size: int = 100) -> None:
    for _ in range(count):
        assert paced.may_draw()
        paced.sent(size)


def test_a_few_pictures_may_be_under_way() -> None:
    paced, _ = pacing(active=True)

    send(paced, MOST_IN_FLIGHT)
    assert not paced.may_draw()

    paced.answered()
    assert paced.may_draw()
    assert paced.in_flight == MOST_IN_FLIGHT - 1


def test_a_large_picture_goes_alone() -> None:
    paced, _ = pacing(active=True)

    send(paced, 1, MOST_BYTES_IN_FLIGHT)

    assert not paced.may_draw()


def test_an_answer_to_nothing_makes_no_room() -> None:
    paced, _ = pacing(active=True)

    paced.answered()
    send(paced, MOST_IN_FLIGHT)

    assert not paced.may_draw()


def test_over_a_line_our_writer_does_not_count() -> None:
    paced, _ = pacing(active=True)
    send(paced, MOST_IN_FLIGHT)

    paced.written()

    assert not paced.may_draw()


def test_without_a_line_our_writer_counts() -> None:
    paced, _ = pacing(active=False)
    send(paced, MOST_IN_FLIGHT)
    assert not paced.may_draw()

    paced.written()

    assert paced.may_draw()
    assert not paced.asks


def test_until_a_terminal_has_answered_our_writer_counts() -> None:
    paced = Pacing(active=True)
    paced.restarted()
    send(paced, MOST_IN_FLIGHT)

    paced.written()

    assert paced.may_draw()
    assert paced.asks


def test_without_an_answer_one_more_picture_is_tried_after_a_while() -> None:
    paced, clock = pacing(active=True)
    send(paced, MOST_IN_FLIGHT)

    clock.now += PATIENCE_S
    assert not paced.may_draw()  # they may take a while to arrive
    clock.now += paced.waits_s
    assert paced.may_draw()

    paced.written()
    send(paced, MOST_IN_FLIGHT)
    paced.written()
    assert not paced.may_draw()  # what the writer says still does not count


def test_answers_that_come_late_are_not_taken_for_those_of_later_pictures() -> None:
    paced, clock = pacing(active=True)
    send(paced, MOST_IN_FLIGHT)
    clock.now += paced.waits_s
    send(paced, MOST_IN_FLIGHT)

    for _ in range(MOST_IN_FLIGHT):
        paced.answered()
        assert not paced.may_draw()

    paced.answered()
    assert paced.may_draw()


def test_answers_that_never_come_are_forgotten() -> None:
    paced, clock = pacing(active=True)
    for _ in range(2):
        send(paced, MOST_IN_FLIGHT)
        clock.now += paced.waits_s
    send(paced, MOST_IN_FLIGHT)

    paced.answered()

    assert paced.may_draw()


def test_a_large_picture_has_more_time_than_a_small_one() -> None:
    small, large = pacing(active=True)[0], pacing(active=True)[0]
    small.sent(100)
    large.sent(86_000)

    assert large.waits_s - small.waits_s == pytest.approx(8.59)


def test_the_rate_is_that_of_the_last_second() -> None:
    paced, clock = pacing(active=True)
    for _ in range(12):
        paced.sent(10)
        paced.answered()
        clock.now += 0.05
    assert paced.words == "12 fps, paced"

    clock.now += 0.88
    assert paced.words == "2 fps, paced"

    clock.now += 1.0
    assert paced.rate == 0.0


def test_without_a_line_nothing_is_said_of_pacing() -> None:
    assert pacing(active=False)[0].words == "0 fps"


def test_ssh_is_a_line() -> None:
    assert is_remote({"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"})
    assert not is_remote({})


@given(st.lists(st.sampled_from(["draw", "answer", "written", "wait"]), max_size=60), st.booleans())
def test_there_are_never_too_many_under_way_and_never_none_for_ever(events: list[str], active: bool) -> None:
    paced, clock = pacing(active=active)

    for event in events:
        if event == "draw" and paced.may_draw():
            paced.sent(5000)
        elif event == "answer":
            paced.answered()
        elif event == "written":
            paced.written()
        elif event == "wait":
            clock.now += 0.3
        assert paced.in_flight <= MOST_IN_FLIGHT

    clock.now += paced.waits_s
    assert paced.may_draw()


# The program over a line


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[PtyApp]:
    """The program as over ssh, with its first map on the screen."""
    settings = {"GRIDRL_RUNS": str(tmp_path), "SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}
    with PtyApp(["-m", "tui.cli", "arena"], 100, 32, **settings) as app:
        app.until(lambda: "T 0/" in app.text, "the map")
        app.settle()
        yield app


def test_a_query_goes_behind_each_picture(remote: PtyApp) -> None:
    remote.type(".")
    written = remote.settle()

    pictures = written.count(b"\x1b[?2026l")
    assert pictures >= 1
    assert written.count(b"\x1b[?2026l" + QUERY) == pictures


def test_a_terminal_that_holds_its_answers_back_gets_no_more_pictures(remote: PtyApp) -> None:
    remote.answers = False
    remote.type(" ")
    remote.read(5.0)
    remote.until(lambda: remote.written.count(QUERY) >= 2, "pictures")
    held = remote.settle()

    assert held.count(QUERY) <= MOST_IN_FLIGHT

    remote.answers = True
    remote.type(b"\x1b[?2026;2$y" * MOST_IN_FLIGHT)
    remote.until(lambda: remote.written.count(QUERY) > 6, "more pictures")


def test_what_was_dropped_is_on_the_screen_in_the_end(remote: PtyApp) -> None:
    remote.answers = False
    for _ in range(12):
        remote.type(".")
        remote.read(0.05)
    remote.settle()
    assert "T 12/" not in remote.text

    remote.answers = True
    remote.type(b"\x1b[?2026;2$y" * MOST_IN_FLIGHT)
    remote.until(lambda: "T 12/" in remote.text, "the last step")
    remote.settle()

    assert remote.picture() == remote.repainted()


def test_with_a_deaf_terminal_the_program_goes_on(tmp_path: Path) -> None:
    settings = {"GRIDRL_RUNS": str(tmp_path), "SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}
    with PtyApp(["-m", "tui.cli", "arena"], 100, 32, answers=False, **settings) as deaf:
        deaf.until(lambda: "T 0/" in deaf.text, "the map")
        for _ in range(12):
            deaf.type(".")
        deaf.until(lambda: "T 12/" in deaf.text, "the last step")
