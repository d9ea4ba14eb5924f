"""A map on the screen: drawn line by line, and only the lines that changed are drawn again.

The owner hands in an array of cell codes and a function that tells how a code looks; the view keeps what it
has sent and compares. It owns the viewport (pan and follow) and nothing else. UI thread only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.events import Click, MouseEvent, MouseScrollDown, MouseScrollLeft, MouseScrollRight, MouseScrollUp
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Codes = NDArray[np.uint16]

CellText = tuple[str, Style]
"""A cell as drawn: two characters (the second one only when cells are wide) and their style."""


class GridView(Widget):
    """Shows a (height, width) array of cell codes. Cells are two columns wide where the whole map then fits."""

    class CellClicked(Message):
        """The user clicked a cell of the map."""

        def __init__(self, grid: GridView, row: int, column: int) -> None:
            super().__init__()
            self.grid, self.row, self.column = grid, row, column

        @property
        def control(self) -> GridView:
            """The view that was clicked."""
            return self.grid

    DEFAULT_CSS = "GridView { width: 1fr; height: 1fr; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._codes: Codes | None = None
        self._cell_text: Callable[[int], CellText] = lambda code: ("  ", Style())
        self._texts: dict[int, CellText] = {}
        self._strips: dict[int, Strip] = {}
        self._placed_in = Size(0, 0)  # what the viewport was placed for
        self._top = 0  # map row at the view's first line; negative when the map is centred in a larger view
        self._left = 0  # map column at the view's first cell
        self._cell_width = 1

    def show(self, codes: Codes, cell_text: Callable[[int], CellText], centre: tuple[int, int] | None) -> None:
        """Show these codes; with `centre` (row, column) given, move the viewport so that this cell stays in sight.

        `cell_text` must be the same object as long as codes look the same.
        """
        old = self._codes
        looks_same = cell_text is self._cell_text and old is not None and old.shape == codes.shape
        self._codes, self._cell_text = codes, cell_text
        if not looks_same or old is None:
            self._texts.clear()
            self._place_viewport()
            self._keep_in_sight(centre)
            self._redraw()
        elif self._keep_in_sight(centre):
            self._redraw()
        else:
            self._refresh_changed(old, codes)

    def pan(self, rows: int, columns: int) -> None:
        """Move the viewport over the map; it stops at the edges."""
        if self._codes is None:
            return
        before = (self._top, self._left)
        self._top, self._left = self._clamped(self._top + rows, self._left + columns)
        if (self._top, self._left) != before:
            self._redraw()

    @property
    def viewport(self) -> tuple[int, int, int, int]:
        """(top row, left column, rows, columns) of the map in sight."""
        height, width = self._shape
        rows, columns = self._capacity
        return max(self._top, 0), max(self._left, 0), min(rows, height), min(columns, width)

    def render_line(self, y: int) -> Strip:
        if self.size != self._placed_in:  # drawn before the event of its resize came
            self._place_viewport()
            self._strips.clear()
        strip = self._strips.get(y)
        if strip is None:
            strip = self._strips[y] = self._draw_line(y)
        return strip

    def on_resize(self) -> None:
        self._place_viewport()
        self._redraw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._texts.clear()
        self._strips.clear()

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        self._wheel(event, 2, 0)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        self._wheel(event, -2, 0)

    def on_mouse_scroll_left(self, event: MouseScrollLeft) -> None:
        self._wheel(event, 0, -4)

    def on_mouse_scroll_right(self, event: MouseScrollRight) -> None:
        self._wheel(event, 0, 4)

    def _wheel(self, event: MouseEvent, rows: int, columns: int) -> None:
        event.stop()
        self.pan(rows, columns)

    def on_click(self, event: Click) -> None:
        height, width = self._shape
        row, column = event.y + self._top, event.x // self._cell_width + self._left
        if 0 <= row < height and 0 <= column < width:
            self.post_message(self.CellClicked(self, row, column))

    # ---- Viewport

    @property
    def _shape(self) -> tuple[int, int]:
        return (0, 0) if self._codes is None else (self._codes.shape[0], self._codes.shape[1])

    @property
    def _capacity(self) -> tuple[int, int]:
        """(rows, columns) of cells that the view has room for."""
        return self.size.height, self.size.width // self._cell_width

    def _place_viewport(self) -> None:
        self._placed_in = self.size
        height, width = self._shape
        fits_wide = width * 2 <= self.size.width and height <= self.size.height
        self._cell_width = 2 if fits_wide else 1
        self._top, self._left = self._clamped(self._top, self._left)

    def _clamped(self, top: int, left: int) -> tuple[int, int]:
        (height, width), (rows, columns) = self._shape, self._capacity
        return _clamp_axis(top, height, rows), _clamp_axis(left, width, columns)

    def _keep_in_sight(self, centre: tuple[int, int] | None) -> bool:
        """Centre the viewport on a cell that comes near its edge. True if it moved."""
        if centre is None:
            return False
        rows, columns = self._capacity
        top, left = self._top, self._left
        # A margin of a quarter: following an agent step by step would redraw everything at every step.
        if not rows // 4 <= centre[0] - top < rows - rows // 4:
            top = centre[0] - rows // 2
        if not columns // 4 <= centre[1] - left < columns - columns // 4:
            left = centre[1] - columns // 2
        before = (self._top, self._left)
        self._top, self._left = self._clamped(top, left)
        return (self._top, self._left) != before

    # ---- Drawing

    def _redraw(self) -> None:
        self._strips.clear()
        self.refresh()

    def _refresh_changed(self, old: Codes, new: Codes) -> None:
        changed = old != new
        first_row, last_row = max(self._top, 0), min(self._top + self.size.height, new.shape[0])
        for row in changed[first_row:last_row].any(axis=1).nonzero()[0].tolist():
            y = row + first_row - self._top
            self._strips.pop(y, None)
            columns = changed[row + first_row].nonzero()[0]
            x = (int(columns[0]) - self._left) * self._cell_width
            end = (int(columns[-1]) + 1 - self._left) * self._cell_width
            region = Region(x, y, end - x, 1).intersection(Region(0, 0, *self.size))
            if region.area:
                self.refresh(region)

    def _draw_line(self, y: int) -> Strip:
        row, width = y + self._top, self.size.width
        height, columns = self._shape
        if self._codes is None or not 0 <= row < height:
            return Strip.blank(width, self.rich_style)
        first, last = max(self._left, 0), min(self._left + width // self._cell_width, columns)
        segments = [Segment(" " * ((first - self._left) * self._cell_width), self.rich_style)]
        segments += self._merged(self._codes[row, first:last].tolist())
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _merged(self, codes: list[int]) -> list[Segment]:
        """Neighbours of one style become one segment: every segment costs an escape sequence."""
        segments: list[Segment] = []
        texts, wide, ground = self._texts, self._cell_width == 2, self.rich_style
        run, run_style = "", None
        for code in codes:
            entry = texts.get(code)
            if entry is None:
                text, style = self._cell_text(code)
                entry = texts[code] = (text, ground + style)
            text, style = entry
            if style is not run_style:
                if run:
                    segments.append(Segment(run, run_style))
                run, run_style = "", style
            run += text if wide else text[0]
        if run:
            segments.append(Segment(run, run_style))
        return segments

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return self._shape[1]


def _clamp_axis(at: int, length: int, room: int) -> int:
    """First map index in sight: the map is centred in a larger view, and never leaves a gap in a smaller one."""
    if length <= room:
        return -((room - length) // 2)
    return min(max(at, 0), length - room)
