"""The grid view: what it draws, that it draws no more than changed, and where its viewport goes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from rich.style import Style
from textual.app import App, ComposeResult
from textual.events import MouseScrollDown, MouseScrollUp
from textual.geometry import Region, Size

from tui.widgets.grid_view import GridView
from tui.widgets.viewport import clamp_axis

Codes = NDArray[np.uint16]


def letters(code: int) -> tuple[str, Style]:
    """Code 0 is `a`, in a wide cell `a'`; every third code is bold."""
    return chr(ord("a") + code % 26) + "'", Style(bold=code % 3 == 0)


class Sheet(GridView):
    """A view of a fixed size without an app; remembers what it asked to be drawn again."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__()
        self.asked: list[Region] = []
        self.room = Size(width, height)

    @property
    def size(self) -> Size:
        return self.room

    @property
    def rich_style(self) -> Style:
        return Style()

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Sheet:
        self.asked += regions or [Region(0, 0, *self.room)]
        return self

    def drawn(self) -> list[str]:
        return [self.render_line(y).text for y in range(self.room.height)]


def sheet(width: int, height: int, codes: Codes) -> Sheet:
    """A view that shows these codes and has drawn all its lines."""
    view = Sheet(width, height)
    view.show(codes, letters, None)
    view.drawn()
    view.asked.clear()
    return view


def codes_of(*rows: str) -> Codes:
    return np.array([[ord(character) - ord("a") for character in row] for row in rows], np.uint16)


# What is drawn


def test_a_map_that_fits_is_drawn_wide_and_centred() -> None:
    view = sheet(10, 4, codes_of("abc", "def"))

    assert view.drawn() == ["          ", "  a'b'c'  ", "  d'e'f'  ", "          "]


def test_a_map_too_wide_for_two_columns_a_cell_is_drawn_narrow() -> None:
    view = sheet(5, 3, codes_of("abc", "def"))

    assert view.drawn() == [" abc ", " def ", "     "]


def test_a_map_larger_than_the_view_is_cut_at_the_viewport() -> None:
    view = sheet(3, 2, codes_of("abcde", "fghij", "klmno"))

    view.pan(1, 1)

    assert view.drawn() == ["ghi", "lmn"]
    assert view.viewport == (1, 1, 2, 3)


def test_neighbours_of_one_look_are_one_segment() -> None:
    view = sheet(6, 1, codes_of("bcbdac"))

    assert [segment.text for segment in view.render_line(0) if segment.text] == ["bcb", "da", "c"]


def test_every_line_is_as_wide_as_the_view() -> None:
    view = sheet(9, 5, codes_of("abc", "def"))

    assert {view.render_line(y).cell_length for y in range(5)} == {9}


def test_an_empty_view_is_blank() -> None:
    view = Sheet(4, 2)

    assert view.drawn() == ["    ", "    "]
    assert view.viewport == (0, 0, 0, 0)


# Only what changed


def test_one_changed_cell_refreshes_that_cell() -> None:
    view = sheet(20, 6, codes_of("aaaa", "aaaa", "aaaa"))
    before = [view.render_line(y) for y in range(6)]

    view.show(codes_of("aaaa", "aaba", "aaaa"), letters, None)

    left, top = 6, 1  # the map, 8 x 3, stands in the middle of 20 x 6
    assert view.asked == [Region(left + 2 * 2, top + 1, 2, 1)]
    after = [view.render_line(y) for y in range(6)]
    assert [y for y in range(6) if after[y] is not before[y]] == [top + 1]
    assert after[top + 1].text == "      a'a'b'a'      "


def test_a_changed_row_refreshes_from_its_first_change_to_its_last() -> None:
    view = sheet(5, 3, codes_of("aaaaa", "aaaaa", "aaaaa"))

    view.show(codes_of("aaaaa", "abaca", "daaaa"), letters, None)

    assert view.asked == [Region(1, 1, 3, 1), Region(0, 2, 1, 1)]


def test_nothing_changed_refreshes_nothing() -> None:
    codes = codes_of("ab", "cd")
    view = sheet(8, 4, codes)

    view.show(codes.copy(), letters, None)

    assert view.asked == []


def test_a_change_out_of_sight_refreshes_nothing() -> None:
    view = sheet(3, 2, codes_of("aaaaa", "aaaaa", "aaaaa"))

    view.show(codes_of("aaaaz", "aaaaa", "zzzzz"), letters, None)

    assert view.asked == []
    assert view.drawn() == ["aaa", "aaa"]


def test_a_change_half_in_sight_refreshes_the_part_in_sight() -> None:
    view = sheet(3, 1, codes_of("aaaaa"))
    view.pan(0, 1)
    view.drawn()
    view.asked.clear()

    view.show(codes_of("zaazz"), letters, None)

    assert view.asked == [Region(2, 0, 1, 1)]
    assert view.drawn() == ["aaz"]


def test_other_inks_draw_everything_again() -> None:
    codes = codes_of("ab")
    view = sheet(4, 1, codes)

    view.show(codes.copy(), lambda code: ("XY", Style()), None)

    assert view.asked == [Region(0, 0, 4, 1)]
    assert view.drawn() == ["XYXY"]


def test_a_map_of_another_shape_draws_everything_again() -> None:
    view = sheet(4, 2, codes_of("ab"))

    view.show(codes_of("a", "b"), letters, None)

    assert view.asked == [Region(0, 0, 4, 2)]
    assert view.drawn() == ["a'  ", "b'  "]


@given(st.data())
def test_after_any_history_the_lines_are_those_of_a_fresh_view(data: st.DataObject) -> None:
    width, height = data.draw(st.integers(0, 12), label="width"), data.draw(st.integers(0, 8), label="height")
    rows, columns = data.draw(st.integers(1, 10), label="rows"), data.draw(st.integers(1, 10), label="columns")
    codes = np.zeros((rows, columns), np.uint16)
    view = sheet(width, height, codes)

    for _ in range(data.draw(st.integers(1, 6), label="moments")):
        codes = codes.copy()
        for cell in data.draw(st.lists(st.integers(0, rows * columns - 1), max_size=4), label="changed cells"):
            codes.flat[cell] += 1
        centre = data.draw(st.none() | st.tuples(st.integers(0, rows - 1), st.integers(0, columns - 1)))
        view.show(codes, letters, centre)
        view.pan(data.draw(st.integers(-3, 3), label="down"), data.draw(st.integers(-3, 3), label="right"))
        shown = view.drawn()

        fresh = Sheet(width, height)
        fresh.show(codes, letters, None)
        fresh.pan(view._port.top - fresh._port.top, view._port.left - fresh._port.left)
        assert shown == fresh.drawn()


# The viewport


@given(at=st.integers(-2000, 2000), length=st.integers(0, 500), room=st.integers(0, 500))
def test_a_clamped_axis_shows_as_much_map_as_there_is_room(at: int, length: int, room: int) -> None:
    first = clamp_axis(at, length, room)
    in_sight = range(max(first, 0), min(first + room, length))

    assert len(in_sight) == min(length, room)
    if length <= room:
        before, behind = -first, room - length + first
        assert 0 <= behind - before <= 1  # centred, the odd one behind
    elif 0 <= at <= length - room:
        assert first == at


@given(
    size=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    shape=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    walk=st.lists(st.tuples(st.integers(-1, 1), st.integers(-1, 1)), max_size=60),
)
def test_a_followed_cell_is_always_in_sight(
    size: tuple[int, int], shape: tuple[int, int], walk: list[tuple[int, int]]
) -> None:
    view = Sheet(*size)
    row = column = 0
    codes = np.zeros(shape, np.uint16)

    for down, right in walk:
        row, column = min(max(row + down, 0), shape[0] - 1), min(max(column + right, 0), shape[1] - 1)
        view.show(codes, letters, (row, column))

        top, left, rows, columns = view.viewport
        assert top <= row < top + rows
        assert left <= column < left + columns


def test_following_redraws_only_when_the_cell_comes_near_the_edge() -> None:
    codes = np.zeros((100, 100), np.uint16)
    view = Sheet(20, 20)
    view.show(codes, letters, (50, 50))
    view.asked.clear()

    for step in range(1, 5):
        view.show(codes, letters, (50, 50 + step))
    assert view.asked == []

    view.show(codes, letters, (50, 55))
    assert view.asked == [Region(0, 0, 20, 20)]
    assert view.viewport == (40, 45, 20, 20)


def test_panning_stops_at_the_edges() -> None:
    view = sheet(3, 2, codes_of("abcde", "fghij", "klmno"))

    view.pan(-5, -5)
    assert view.asked == []

    view.pan(50, 50)
    assert view.drawn() == ["hij", "mno"]


def test_a_map_that_fits_does_not_pan() -> None:
    view = sheet(10, 4, codes_of("abc", "def"))

    view.pan(1, 1)

    assert view.asked == []


# In an app


class Host(App[None]):
    """Holds one view and writes down the clicks."""

    def __init__(self, codes: Codes) -> None:
        super().__init__()
        self.codes = codes
        self.clicks: list[tuple[int, int]] = []

    def compose(self) -> ComposeResult:
        yield GridView()

    def on_mount(self) -> None:
        self.view = self.query_one(GridView)
        self.call_after_refresh(lambda: self.view.show(self.codes, letters, None))

    def on_grid_view_cell_clicked(self, event: GridView.CellClicked) -> None:
        self.clicks.append((event.row, event.column))


@pytest.mark.parametrize(
    ("size", "offset", "cell"),
    [
        ((10, 4), (2, 1), (0, 0)),  # wide cells, centred: the map begins at 2, 1
        ((10, 4), (5, 2), (1, 1)),  # the second column of a wide cell
        ((5, 3), (3, 1), (1, 2)),  # narrow cells
    ],
)
async def test_a_click_tells_the_cell(size: tuple[int, int], offset: tuple[int, int], cell: tuple[int, int]) -> None:
    app = Host(codes_of("abc", "def"))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        await pilot.click(GridView, offset=offset)
        await pilot.pause()

        assert app.clicks == [cell]


@pytest.mark.parametrize("offset", [(0, 1), (9, 1), (4, 0), (4, 3)])
async def test_a_click_beside_the_map_tells_nothing(offset: tuple[int, int]) -> None:
    app = Host(codes_of("abc", "def"))
    async with app.run_test(size=(10, 4)) as pilot:
        await pilot.pause()
        await pilot.click(GridView, offset=offset)
        await pilot.pause()

        assert app.clicks == []


async def test_a_click_after_panning_tells_the_cell_under_the_pointer() -> None:
    app = Host(np.zeros((40, 40), np.uint16))
    async with app.run_test(size=(10, 5)) as pilot:
        await pilot.pause()
        app.view.pan(7, 20)
        await pilot.click(GridView, offset=(3, 2))
        await pilot.pause()

        assert app.clicks == [(9, 23)]


async def test_the_wheel_pans() -> None:
    app = Host(np.zeros((40, 40), np.uint16))
    async with app.run_test(size=(10, 5)) as pilot:
        await pilot.pause()
        await pilot._post_mouse_events([MouseScrollDown], GridView, button=0)
        await pilot._post_mouse_events([MouseScrollDown], GridView, button=0)
        await pilot._post_mouse_events([MouseScrollUp], GridView, button=0)
        await pilot.pause()

        assert app.view.viewport == (2, 0, 5, 10)


async def test_a_larger_terminal_shows_the_map_wide_and_a_smaller_one_cut() -> None:
    app = Host(codes_of("abcd", "efgh"))
    async with app.run_test(size=(8, 2)) as pilot:
        await pilot.pause()
        assert [app.view.render_line(y).text for y in range(2)] == ["a'b'c'd'", "e'f'g'h'"]

        await pilot.resize_terminal(6, 2)
        await pilot.pause()
        assert [app.view.render_line(y).text for y in range(2)] == [" abcd ", " efgh "]

        await pilot.resize_terminal(3, 1)
        await pilot.pause()
        assert app.view.render_line(0).text == "abc"


async def test_another_theme_draws_the_cells_on_its_ground() -> None:
    app = Host(codes_of("ab"))
    async with app.run_test(size=(4, 1)) as pilot:
        await pilot.pause()
        dark = app.view.render_line(0)

        app.theme = "textual-light"
        await pilot.pause()

        light = app.view.render_line(0)
        grounds = [{segment.style.bgcolor for segment in line if segment.style} for line in (dark, light)]
        assert grounds[0] != grounds[1]
