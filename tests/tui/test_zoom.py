"""Zooming the grid view: what each scale draws, what stays where it is, and that no more is drawn than changed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from test_grid_view import Sheet
from textual.app import App, ComposeResult
from textual.events import MouseDown, MouseMove, MouseScrollDown, MouseScrollUp, MouseUp
from textual.geometry import Region

from tui.widgets.grid_view import GridView

Codes = NDArray[np.uint32]

LOOKS = {
    ".": Style(color="#111111"),
    "#": Style(color="#222222"),
    "@": Style(color="#333333", bold=True),
    "~": Style(color="#444444", bgcolor="#000055"),
}
CODES = {character: code for code, character in enumerate(LOOKS)}
TINTED = 1 << 16  # a bit above the look


def ink(code: int) -> tuple[str, Style]:
    """Code 0 is an empty cell, 1 a wall, 2 an agent, 3 water."""
    character = list(LOOKS)[code & 0xFF]
    return character + " ", LOOKS[character] + (Style(bgcolor="#770000") if code & TINTED else Style())


def codes_of(*rows: str) -> Codes:
    return np.array([[CODES[character] for character in row] for row in rows], np.uint32)


def sheet(width: int, height: int, codes: Codes, level: str = "", *, ascii_only: bool = False) -> Sheet:
    """A view of these codes at a zoom level, all drawn."""
    view = Sheet(width, height)
    view.ascii_only = ascii_only
    view.show(codes, ink, None)
    for _ in range(20):
        if level and view.zoom_level != level:
            view.zoom(-1)
    assert not level or view.zoom_level == level
    view.drawn()
    view.asked.clear()
    return view


def levels(view: GridView) -> list[str]:
    """From the closest to the farthest."""
    view.zoom(100)
    names = [view.zoom_level]
    while True:
        view.zoom(-1)
        if view.zoom_level == names[-1]:
            return names
        names.append(view.zoom_level)


class Blocks:
    """Art of 3 x 2: a cell's code, and below it dashes."""

    columns, rows = 3, 2

    def lines(self, code: int) -> tuple[tuple[Segment, ...], ...]:
        return (Segment(f"[{code}"), Segment("]")), (Segment("---"),)


# The scales


def test_zooming_out_ends_where_the_whole_map_is_in_sight() -> None:
    small, large = sheet(20, 5, codes_of("#.@")), sheet(64, 40, np.zeros((1024, 1024), np.uint32))

    assert levels(small) == ["2 columns", "1 column", "half blocks", "braille"]
    assert levels(large)[-2:] == ["braille 1:4", "braille 1:8"]
    assert large.viewport == (0, 0, 1024, 1024)


def test_without_unicode_cells_are_sampled() -> None:
    view = sheet(64, 40, np.zeros((1024, 1024), np.uint32), ascii_only=True)

    assert levels(view) == ["2 columns", "1 column", *(f"1 for {n}x{n}" for n in (2, 4, 8, 16, 32))]


def test_art_is_the_closest_scale_and_the_default_where_there_is_some() -> None:
    view = Sheet(9, 4)

    view.show(codes_of("#.#.#"), ink, None, Blocks())

    assert view.zoom_level == "art"
    assert levels(view)[:2] == ["art", "2 columns"]


def test_there_is_no_art_without_unicode() -> None:
    view = Sheet(9, 4)
    view.ascii_only = True

    view.show(codes_of("#.#.#"), ink, None, Blocks())

    assert view.zoom_level == "1 column"


def test_art_draws_every_line_of_a_cell() -> None:
    view = Sheet(6, 4)

    view.show(codes_of("#.", "@#"), ink, None, Blocks())

    assert view.drawn() == ["[1][0]", "------", "[2][1]", "------"]


def test_the_default_comes_back() -> None:
    view = sheet(20, 5, codes_of("#.@"), "braille")

    view.zoom_to_default()

    assert view.zoom_level == "2 columns"


# What they draw


def test_a_half_block_has_two_cells_in_their_colours() -> None:
    view = sheet(6, 1, codes_of(".##.@~", ".#.#~."), "half blocks")
    line = view.render_line(0)

    assert line.text == " █▀▄▀▀"
    wall, agent, water = (Color.parse(colour) for colour in ("#222222", "#333333", "#444444"))
    styles = [style for segment in line for style in [segment.style] * len(segment.text)]
    assert [style.color for style in styles[1:4]] == [wall] * 3
    assert (styles[4].color, styles[4].bgcolor) == (agent, water)
    assert (styles[5].color, styles[5].bgcolor) == (water, None)


def test_a_tinted_empty_cell_is_a_half_block_of_its_ground() -> None:
    codes = codes_of(".", ".")
    codes[1, 0] |= TINTED

    line = sheet(1, 1, codes, "half blocks").render_line(0)

    assert line.text == "▄"
    assert [segment.style.color for segment in line if segment.style] == [Color.parse("#770000")]


def test_a_map_of_an_odd_height_ends_in_upper_halves() -> None:
    assert sheet(2, 2, codes_of("##", "##", "##"), "half blocks").drawn() == ["██", "▀▀"]


def test_a_character_of_braille_has_eight_cells() -> None:
    codes = codes_of("#...", "....", "....", ".#@.")
    view = sheet(2, 1, codes, "braille")

    assert view.drawn() == ["⢁⡀"]
    styles = [segment.style for segment in view.render_line(0) if segment.style]
    assert [style.color for style in styles] == [Color.parse("#222222"), Color.parse("#333333")]


def test_an_agent_is_never_lost_in_an_overview() -> None:
    codes = np.zeros((300, 300), np.uint32)
    codes[77, 201] = CODES["@"]

    shown = sheet(20, 10, codes, "braille 1:8").drawn()

    assert [(y, x) for y, line in enumerate(shown) for x, character in enumerate(line) if character != " "] == [
        (77 // 32, (20 - 19) // 2 + 201 // 16)
    ]


def test_a_sample_is_the_highest_cell_or_the_first() -> None:
    codes = codes_of("..#.", ".#.@")

    assert sheet(2, 1, codes, "1 for 2x2", ascii_only=True).drawn() == ["#@"]


maps = st.integers(1, 40).flatmap(
    lambda rows: st.integers(1, 40).flatmap(
        lambda columns: st.builds(
            lambda seed: np.random.default_rng(seed).choice([0, 0, 0, 1, 2, 3, TINTED], (rows, columns)),
            st.integers(0, 9999),
        )
    )
)


@given(st.data())
def test_at_every_scale_changes_and_pans_leave_what_a_fresh_view_draws(data: st.DataObject) -> None:
    codes = data.draw(maps, label="map").astype(np.uint32)
    width, height = data.draw(st.integers(1, 12), label="width"), data.draw(st.integers(1, 8), label="height")
    only, out = data.draw(st.booleans(), label="ascii"), data.draw(st.integers(0, 6), label="zoom out")
    art = data.draw(st.sampled_from([None, Blocks()]), label="art")
    view, fresh = Sheet(width, height), Sheet(width, height)
    for each in (view, fresh):
        each.ascii_only = only
        each.show(codes, ink, None, art)
        each.zoom(10)
        each.zoom(-out)
    view.drawn()

    for _ in range(data.draw(st.integers(1, 4), label="moments")):
        codes = codes.copy()
        for cell in data.draw(st.lists(st.integers(0, codes.size - 1), max_size=4), label="changed cells"):
            codes.flat[cell] = (codes.flat[cell] + 1) % 4
        view.show(codes, ink, None, art)
        if data.draw(st.booleans(), label="pans"):
            view.pan(data.draw(st.integers(-3, 3), label="down"), data.draw(st.integers(-3, 3), label="right"))
        view.cursor = data.draw(st.none() | st.just((codes.shape[0] - 1, 0)), label="cursor")
        fresh._strips.clear()
        fresh.show(codes, ink, None, art)
        fresh._port.move_to(view._port.top, view._port.left)
        fresh._cursor = view.cursor
        fresh._strips.clear()

        lines = [list(view.render_line(y)) for y in range(height)]
        assert lines == [list(fresh.render_line(y)) for y in range(height)]
        assert {view.render_line(y).cell_length for y in range(height)} == {width}


def test_one_changed_cell_refreshes_one_character_of_an_overview() -> None:
    codes = np.zeros((1024, 1024), np.uint32)
    view = sheet(64, 40, codes, "braille 1:8")
    other = codes.copy()
    other[100, 500] = CODES["@"]

    view.show(other, ink, None)

    top, left = (40 - 32) // 2, 0
    assert view.asked == [Region(left + 500 // 16, top + 100 // 32, 1, 1)]


def test_a_change_of_art_refreshes_all_lines_of_the_cell() -> None:
    view = Sheet(6, 4)
    art = Blocks()
    view.show(codes_of("#.", "@#"), ink, None, art)
    view.drawn()
    view.asked.clear()

    view.show(codes_of("#.", "##"), ink, None, art)

    assert view.asked == [Region(0, 2, 3, 2)]
    assert view.drawn() == ["[1][0]", "------", "[1][1]", "------"]


# What stays where it is


@pytest.mark.parametrize("by", [-1, -2, 1])
def test_zooming_keeps_the_cell_under_the_pointer(by: int) -> None:
    view = sheet(30, 20, np.zeros((400, 400), np.uint32))
    view.pan(150, 150)
    row, column = view._port.cell_at(7, 5) or (0, 0)

    view.zoom(by, at=(7, 5))

    now, scale = view._port.cell_at(7, 5), view._port.scale
    assert now is not None
    assert row - scale.rows < now[0] <= row
    assert column - scale.columns < now[1] <= column


def test_the_edges_stop_pans_at_every_scale() -> None:
    codes = np.zeros((1001, 1003), np.uint32)
    for level in levels(sheet(64, 40, codes)):
        view = sheet(64, 40, codes, level) if level != "2 columns" else sheet(64, 40, codes)
        view.pan(10_000, 10_000)
        top, left, rows, columns = view.viewport

        assert (top + rows, left + columns) == (1001, 1003)


# The cursor


def test_the_cursor_is_reversed() -> None:
    view = sheet(3, 1, codes_of("#.@#"))
    view.cursor = (0, 1)

    styles = [(segment.text, bool(segment.style and segment.style.reverse)) for segment in view.render_line(0)]

    assert styles == [("#", False), (".", True), ("@", False)]


def test_a_moved_cursor_refreshes_where_it_was_and_is() -> None:
    view = sheet(10, 3, codes_of("#.@", "...", "..."))
    view.cursor = (0, 0)
    view.drawn()
    view.asked.clear()

    view.cursor = (1, 2)

    assert view.asked == [Region(2, 0, 2, 1), Region(6, 1, 2, 1)]


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 79)), min_size=1, max_size=5), st.integers(0, 5))
def test_the_cursor_is_always_in_sight(cells: list[tuple[int, int]], out: int) -> None:
    codes = np.zeros((100, 80), np.uint32)
    view = sheet(13, 7, codes)
    view.zoom(-out)

    for cell in cells:
        view.cursor = cell
        view.show(codes.copy(), ink, (0, 0))  # following something else

        top, left, rows, columns = view.viewport
        assert top <= cell[0] < top + rows
        assert left <= cell[1] < left + columns


# The mouse, in an app


class Host(App[None]):
    """Holds one view of a large map and writes down what it says."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[object] = []

    def compose(self) -> ComposeResult:
        yield GridView()

    def on_mount(self) -> None:
        self.view = self.query_one(GridView)
        self.call_after_refresh(lambda: self.view.show(np.zeros((200, 200), np.uint32), ink, None))

    def on_grid_view_cell_clicked(self, event: GridView.CellClicked) -> None:
        self.said.append((event.row, event.column))

    def on_grid_view_dragged(self, event: GridView.Dragged) -> None:
        self.said.append("dragged")


async def test_a_click_tells_the_cell_at_every_scale() -> None:
    app = Host()
    async with app.run_test(size=(30, 10)) as pilot:
        await pilot.pause()
        app.view.pan(40, 40)
        for _ in levels(app.view):
            app.said.clear()
            wanted = app.view._port.cell_at(15, 5)
            await pilot.click(GridView, offset=(15, 5))
            await pilot.pause()
            assert app.said == [wanted]
            app.view.zoom(1)


async def test_the_wheel_with_control_zooms() -> None:
    app = Host()
    async with app.run_test(size=(30, 10)) as pilot:
        await pilot.pause()
        await pilot._post_mouse_events([MouseScrollDown], GridView, offset=(4, 3), control=True)
        await pilot.pause()
        assert app.view.zoom_level == "half blocks"

        await pilot._post_mouse_events([MouseScrollUp], GridView, offset=(4, 3), control=True)
        await pilot.pause()
        assert app.view.zoom_level == "1 column"


async def test_dragging_takes_the_map_along_and_is_no_click() -> None:
    app = Host()
    async with app.run_test(size=(30, 10)) as pilot:
        await pilot.pause()
        app.view.pan(40, 40)
        await pilot._post_mouse_events([MouseDown], GridView, offset=(10, 8), button=1)
        await pilot._post_mouse_events([MouseMove], GridView, offset=(7, 4), button=1)
        await pilot._post_mouse_events([MouseUp], GridView, offset=(7, 4), button=1)
        await pilot.pause()

        assert app.view.viewport[:2] == (44, 43)
        assert app.said == ["dragged"]
        await pilot.hover(GridView, offset=(20, 5))
        await pilot.pause()
        assert app.view.viewport[:2] == (44, 43)  # let go
