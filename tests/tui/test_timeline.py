"""The timeline as it is drawn, sign by sign, and where a press on it goes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text
from textual.app import App, ComposeResult

from tui.panes.live.clock import Clock, Line
from tui.panes.live.events import Mark
from tui.panes.live.timeline import MOST_LINES, Timeline, branch_track, place_of, track


def clock(tick: int, end: int, *lines: Line, marks: dict[tuple[int, int], Mark] | None = None, first: int = 0) -> Clock:
    """Of two agents, on branch 0 unless there are lines; marks by (tick, agent)."""
    found = np.zeros((end - first, 2), np.uint8)
    for (at, agent), mark in (marks or {}).items():
        found[at - first - 1, agent] |= int(mark)
    return Clock(first, tick, end, 0, (Line(0, None, first, end), *lines), found)


def drawn(which: Clock, width: int = 21, selected: int = 0, *, plain: bool = True) -> str:
    return track(which, selected, width, "red", plain=plain).plain


def test_what_was_passed_the_present_and_what_lies_ahead() -> None:
    assert drawn(clock(5, 20), plain=False) == "─────▲┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄"
    assert drawn(clock(0, 20), plain=False) == "▲" + "┄" * 20
    assert drawn(clock(20, 20), plain=False) == "─" * 20 + "▲"


def test_ascii_alone() -> None:
    assert drawn(clock(5, 20)) == "-----A..............."


def test_at_the_beginning_there_is_the_present_alone() -> None:
    assert drawn(clock(0, 0)) == "A" + " " * 20


def test_the_longest_branch_sets_the_scale() -> None:
    assert drawn(clock(5, 10, Line(1, 0, 5, 20))) == "-----A.....          "


def test_a_past_that_is_forgotten_takes_no_room() -> None:
    assert drawn(clock(1005, 1020, first=1000)) == "-----A..............."


@pytest.mark.parametrize(
    ("mark", "sign"),
    [
        (Mark.END, "|"),
        (Mark.CAUGHT, "x"),
        (Mark.FROZEN, "*"),
        (Mark.HEART, "h"),
        (Mark.REWARD, "+"),
        (Mark.HAND, "'"),
        (Mark.HEART | Mark.REWARD | Mark.HAND, "h"),
        (Mark.END | Mark.REWARD, "|"),
        (Mark.CAUGHT | Mark.FROZEN, "x"),
        (Mark.IDLE, "."),
    ],
)
def test_a_mark_stands_at_its_step(mark: Mark, sign: str) -> None:
    line = drawn(clock(5, 20, marks={(12, 0): mark}))

    assert line == "-----A......" + sign + "........"


def test_marks_of_the_agent_are_inked_and_those_of_others_dim_and_fewer() -> None:
    marks = {(8, 0): Mark.REWARD, (10, 1): Mark.FROZEN, (12, 1): Mark.REWARD, (14, 1): Mark.HAND, (16, 1): Mark.END}
    which = clock(5, 20, marks=marks)

    text = track(which, 0, 21, "red", plain=True)
    assert text.plain == "-----A..+.*.....|...."
    assert "red" in style_at(text, 8)
    assert style_at(text, 10) == style_at(text, 16) == "dim"

    other = track(which, 1, 21, "blue", plain=True)
    assert other.plain == "-----A....*.+.'.|...."


def style_at(text: Text, column: int) -> str:
    (found,) = (str(span.style) for span in text.spans if span.start <= column < span.end)
    return found


def test_a_mark_of_the_agent_is_drawn_over_anothers() -> None:
    assert drawn(clock(0, 20, marks={(9, 0): Mark.HEART, (9, 1): Mark.END}))[9] == "h"


def test_where_one_stands_is_to_be_seen_whatever_happened_there() -> None:
    text = track(clock(9, 20, marks={(9, 0): Mark.HEART}), 0, 21, "red", plain=True)

    assert text.plain[9] == "A"
    assert any(str(span.style) == "bold reverse" for span in text.spans)


def test_of_several_in_one_column_the_weightiest_is_drawn() -> None:
    marks = {(tick, 0): Mark.REWARD for tick in range(1, 101)}
    marks[50, 0] = Mark.CAUGHT

    line = drawn(clock(0, 100, marks=marks), 11)

    assert line == "A++++x+++++"


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        (Line(1, 0, 5, 20), "     \\-------------->"),
        (Line(1, 0, 5, 6), "     \\>              "),
        (Line(1, 0, 5, 5), "     \\               "),
        (Line(1, 0, 0, 3), "\\-->                 "),
    ],
)
def test_a_branch_leaves_where_it_parts(line: Line, plain: str) -> None:
    which = replace(clock(5, 20, line))

    assert branch_track(line, which, 21, plain=True).plain == plain


def test_seen_from_a_branch_its_parent_parts_where_they_do() -> None:
    lines = (Line(0, None, 0, 20), Line(3, 0, 8, 15), Line(5, 3, 12, 14))
    which = Clock(0, 13, 14, 5, lines, np.zeros((14, 2), np.uint8))

    assert [which.parting(branch) for branch in (0, 3, 5)] == [8, 12, 14]
    assert branch_track(lines[0], which, 21, plain=True).plain.index("\\") == 8
    assert branch_track(lines[1], which, 21, plain=True).plain.index("\\") == 12
    assert track(which, 0, 21, "red", plain=True).plain == "-------------A.      "


class Lonely(App[None]):
    """A timeline and what was pressed on it."""

    def __init__(self) -> None:
        super().__init__()
        self.pressed: list[int] = []

    def compose(self) -> ComposeResult:
        yield Timeline(id="time")

    def on_timeline_scrubbed(self, event: Timeline.Scrubbed) -> None:
        self.pressed.append(event.tick)


@pytest.mark.parametrize("width", [30, 80, 200])
@pytest.mark.parametrize("span", [7, 60, 500])
async def test_a_press_goes_to_a_tick_that_is_drawn_there(width: int, span: int) -> None:
    app = Lonely()
    async with app.run_test(size=(width, 5)) as pilot:
        line = app.query_one(Timeline)
        which = clock(span // 2, span, first=0)
        line.show_clock(which, 0, "red")
        await pilot.pause()
        room = line.size.width - len(" branch 0") - 2
        for column in (*range(0, room - 1, max(room // 8, 1)), room - 1):
            app.pressed.clear()
            await pilot.mouse_down("#time", offset=(1 + column, 0))
            await pilot.mouse_up("#time", offset=(1 + column, 0))
            assert place_of(app.pressed[0], which, room) == column or span < room
            assert abs(place_of(app.pressed[0], which, room) - column) <= max(room / span, 1)
        assert set(app.pressed) == {span}
        for offset, tick in ((0, 0), (room + 6, span)):  # beside it the nearest end
            await pilot.mouse_down("#time", offset=(offset, 0))
            await pilot.mouse_up("#time", offset=(offset, 0))
            assert app.pressed[-1] == tick


async def test_the_present_is_drawn_where_a_press_goes_to_it() -> None:
    app = Lonely()
    async with app.run_test(size=(80, 5)) as pilot:
        line = app.query_one(Timeline)
        for tick in (0, 13, 44, 60):
            line.show_clock(clock(tick, 60, Line(1, 0, 10, 20)), 0, "red")
            await pilot.pause()
            drawn_at = line.render_line(0).text.index("▲")
            await pilot.mouse_down("#time", offset=(drawn_at, 0))
            await pilot.mouse_up("#time", offset=(drawn_at, 0))
            assert app.pressed[-1] == tick


async def test_of_many_branches_the_newest_are_shown() -> None:
    app = Lonely()
    async with app.run_test(size=(80, 12)) as pilot:
        line = app.query_one(Timeline)
        line.styles.height = 10
        others = [Line(branch, 0, branch, 20) for branch in range(1, 7)]

        rows = line.show_clock(clock(5, 20, *others), 0, "red")
        await pilot.pause()

        shown = [line.render_line(y).text.split("branch ")[-1].strip() for y in range(rows)]
        assert rows == 1 + MOST_LINES
        assert shown == ["0", "4", "5", "6"]


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 5000), st.integers(2, 300))
def test_every_tick_has_a_column_and_they_are_in_order(first: int, span: int, tick: int, width: int) -> None:
    which = clock(first, first + span, first=first)
    tick = first + min(tick, span)

    assert 0 <= place_of(tick, which, width) < width
    assert place_of(first, which, width) == 0
    assert place_of(first + span, which, width) == (width - 1 if span else 0)
    assert place_of(tick, which, width) <= place_of(tick + 1, which, width)
