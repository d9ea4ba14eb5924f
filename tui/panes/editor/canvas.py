"""The canvas: the map itself, drawn line by line. Only lines that changed are drawn again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size, Spacing
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engine.maps import AGENT, EMPTY, WALL, GridMap, is_spawn
from tui.themes import GROUP_COLOURS

from .brushes import shown_as
from .buffer import MapBuffer
from .shapes import Cell

KIND_COLOURS = 4
"""Colours that kinds take in turn; their characters tell them apart, not these."""

LARGEST_SHARE = 2 / 3
"""Part of the width that the canvas takes at most where the palette stands beside it."""

RIGHT_BUTTON = 3


class MapCanvas(ScrollView, can_focus=True, inherit_bindings=False):
    """Shows a MapBuffer and where the mouse presses it. The buffer is the pane's: read here, never changed."""

    COMPONENT_CLASSES = {
        "map-canvas--empty",
        "map-canvas--wall",
        "map-canvas--agent",
        *(f"map-canvas--kind-{number}" for number in range(KIND_COLOURS)),
        "map-canvas--problem",
        "map-canvas--corner",
        "map-canvas--cursor",
        "map-canvas--cursor-blurred",
    }

    @dataclass
    class Pressed(Message):
        """A mouse button went down on a cell."""

        cell: Cell
        erase: bool

    @dataclass
    class Dragged(Message):
        """The mouse moved to another cell with the button down."""

        cell: Cell

    class Released(Message):
        """The mouse button came up."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.buffer = MapBuffer(GridMap.walled("untitled", 3, 3))
        self.names: tuple[str, ...] = ()
        self.corner: Cell | None = None
        self.problems: frozenset[Cell] = frozenset()
        self.cell_width = 1
        self._styles: dict[str, Style] = {}
        self._cursor_shown: Cell = (0, 0)
        self._pressed: Cell | None = None

    # -- What to show

    def show(self, buffer: MapBuffer, names: tuple[str, ...]) -> None:
        """Show another map, or the same one in another size or game."""
        self.buffer, self.names = buffer, names
        self._styles.clear()
        self._measure()
        self.refresh(layout=True)
        self.show_cursor()

    def show_rows(self, rows: Iterable[int]) -> None:
        """Draw these rows of the map again."""
        for row in rows:
            self.refresh_line(row)

    def show_cursor(self) -> None:
        """Draw the cursor where the buffer has it, and scroll to it."""
        row, column = self.buffer.cursor
        self.show_rows({self._cursor_shown[0], row})
        self._cursor_shown = (row, column)
        self.scroll_to_region(
            Region(column * self.cell_width, row, self.cell_width, 1),
            spacing=Spacing(1, 4, 1, 4),  # some cells of context ahead of the cursor
            animate=False,
            force=True,
        )

    def show_corner(self, corner: Cell | None) -> None:
        rows = {cell[0] for cell in (self.corner, corner) if cell}
        self.corner = corner
        self.show_rows(rows)

    def show_problems(self, places: frozenset[Cell]) -> None:
        rows = {row for row, _ in self.problems ^ places}
        self.problems = places
        self.show_rows(rows)

    # -- Drawing

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        left, top = self.scroll_offset
        row = top + y
        if row >= self.buffer.height:
            return Strip.blank(width, self.rich_style)
        first = left // self.cell_width
        last = min(self.buffer.width, (left + width) // self.cell_width + 1)
        strip = Strip(self._row_segments(row, first, last))
        skipped = left - first * self.cell_width
        return strip.crop(skipped, skipped + width).extend_cell_length(width, self.rich_style)

    def _row_segments(self, row: int, first: int, last: int) -> list[Segment]:
        """Cells of one row; neighbours of one look are one segment, which is what a slow link pays for."""
        segments: list[Segment] = []
        text, style = "", Style.null()
        cells = self.buffer.row(row)
        for column in range(first, last):
            look = self._look(row, column, cells[column])
            if look is not style and text:
                segments.append(Segment(text, style))
                text = ""
            style = look
            text += self._glyph(cells[column])
        segments.append(Segment(text, style))
        return segments

    def _glyph(self, name: str) -> str:
        """A cell of the map, one or two columns wide; walls close the gap to their neighbours."""
        character = shown_as(name)
        if self.cell_width == 1:
            return character
        return character + (character if name == WALL else " ")

    def _look(self, row: int, column: int, name: str) -> Style:
        if (row, column) == self.buffer.cursor:
            return self._style("cursor" if self.has_focus else "cursor-blurred")
        if (row, column) == self.corner:
            return self._style("corner")
        if (row, column) in self.problems:
            return self._style("problem")
        return self._style(name)

    def _style(self, key: str) -> Style:
        """The style of an object or of a mark, kept until the theme changes."""
        if key not in self._styles:
            self._styles[key] = self._new_style(key)
        return self._styles[key]

    def _new_style(self, key: str) -> Style:
        if key in ("cursor", "cursor-blurred", "corner", "problem"):
            return self.get_component_rich_style(f"map-canvas--{key}")
        if key in (EMPTY, WALL):
            return self.get_component_rich_style(f"map-canvas--{key}")
        if is_spawn(key):
            style = self.get_component_rich_style("map-canvas--agent")
            team = key.removeprefix(f"{AGENT}.team_")
            return style if team == key else style + Style(color=self._team_colour(int(team) - 1))
        kinds = [name for name in self.names if name not in (EMPTY, WALL) and not is_spawn(name)]
        number = kinds.index(key) if key in kinds else 0
        return self.get_component_rich_style(f"map-canvas--kind-{number % KIND_COLOURS}")

    def _team_colour(self, group: int) -> str:
        theme = self.app.current_theme
        return GROUP_COLOURS[group % len(GROUP_COLOURS)].on(dark=theme.dark, ansi=theme.ansi)

    def notify_style_update(self) -> None:
        self._styles.clear()
        super().notify_style_update()

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """As wide as the map, so that what is said about it stands beside it and not at the far edge."""
        room = int(container.width * LARGEST_SHARE)
        bar = int(self.buffer.height > container.height)
        return min(self.buffer.width * self._fitting_cell_width(room - bar) + bar, room)

    def _fitting_cell_width(self, room: int) -> int:
        """Two columns a cell where the whole map fits so: nearly square, as the agents see it."""
        return 2 if 2 * self.buffer.width <= room else 1

    def _measure(self) -> None:
        self.cell_width = self._fitting_cell_width(self.container_size.width)
        self.virtual_size = Size(self.buffer.width * self.cell_width, self.buffer.height)

    def on_resize(self) -> None:
        self._measure()
        self.refresh()
        self.show_cursor()

    def on_focus(self) -> None:
        self.refresh_line(self.buffer.cursor[0])

    def on_blur(self) -> None:
        self.refresh_line(self.buffer.cursor[0])

    # -- Mouse

    def on_mouse_down(self, event: events.MouseDown) -> None:
        cell = self._cell_at(event)
        if not self.buffer.contains(*cell):
            return
        self.capture_mouse()
        self._pressed = cell
        self.post_message(self.Pressed(cell, erase=event.button == RIGHT_BUTTON))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._pressed is None:
            return
        cell = self._cell_at(event)
        if cell != self._pressed:
            self._pressed = cell
            self.post_message(self.Dragged(cell))

    def on_mouse_up(self) -> None:
        if self._pressed is not None:
            self._pressed = None
            self.release_mouse()
            self.post_message(self.Released())

    def _cell_at(self, event: events.MouseEvent) -> Cell:
        """The cell under the mouse, which may lie beside the map. The canvas has neither border nor padding."""
        where = event.offset + self.scroll_offset
        return where.y, where.x // self.cell_width
