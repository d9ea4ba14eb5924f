"""A map on the screen: drawn line by line, and only the lines that changed are drawn again.

The owner hands in an array of cell codes and a function that tells how a code looks; the view keeps what it
has sent and compares what is in sight. It owns the viewport (pan, zoom and follow) and nothing else. UI thread only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from rich.segment import Segment
from rich.style import Style
from textual.events import (
    Click,
    MouseDown,
    MouseEvent,
    MouseMove,
    MouseScrollDown,
    MouseScrollLeft,
    MouseScrollRight,
    MouseScrollUp,
    MouseUp,
)
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from .viewport import NARROW, WIDE, Scale, Viewport, scales

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .zoomed import Looks

    Codes = NDArray[np.uint16] | NDArray[np.uint32]

CellText = tuple[str, Style]
"""A cell as drawn: two characters for wide cells, a third for narrow ones if it is not the first, and their style."""


class CellArt(Protocol):
    """Draws cells larger than 2x1 characters."""

    @property
    def columns(self) -> int:
        """Characters of a cell."""
        ...

    @property
    def rows(self) -> int:
        """Lines of a cell."""
        ...

    def lines(self, code: int) -> tuple[tuple[Segment, ...], ...]:
        """A cell's lines from above; each has `columns` characters."""
        ...


class GridView(Widget):
    """Shows a (height, width) array of cell codes. Cells are two columns wide where the whole map then fits."""

    class CellClicked(Message):
        """The user clicked a cell of the map; where a character stands for several, the first of them."""

        def __init__(self, grid: GridView, row: int, column: int) -> None:
            super().__init__()
            self.grid, self.row, self.column = grid, row, column

        @property
        def control(self) -> GridView:
            """The view that was clicked."""
            return self.grid

    class Dragged(Message):
        """The user moved or zoomed the view with the mouse: whoever follows something should let go."""

        def __init__(self, grid: GridView) -> None:
            super().__init__()
            self.grid = grid

        @property
        def control(self) -> GridView:
            """The view that was moved."""
            return self.grid

    DEFAULT_CSS = "GridView { width: 1fr; height: 1fr; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._codes: Codes | None = None
        self._cell_text: Callable[[int], CellText] = lambda code: ("  ", Style())
        self._art: CellArt | None = None
        self._texts: dict[int, CellText] = {}
        self._ground: Style | None = None  # rich_style, which takes longer to ask for than a line to draw
        self._looks: Looks | None = None  # made when a zoomed-out line is drawn
        self._strips: dict[int, Strip] = {}
        self._port = Viewport()
        self._chosen = ""  # name of the scale that the user chose
        self._cursor: tuple[int, int] | None = None
        self._ascii_only = False
        self._grabbed: tuple[int, int, tuple[int, int]] | None = None  # pointer when pressed, and the cell under it
        self._was_dragged = False

    def show(
        self,
        codes: Codes,
        cell_text: Callable[[int], CellText],
        centre: tuple[int, int] | None,
        art: CellArt | None = None,
    ) -> None:
        """Show these codes; with `centre` (row, column) given, move the viewport so that this cell stays in sight.

        `cell_text` and `art` must be the same objects as long as codes look the same. With a cursor, it is the
        cursor that stays in sight. The array is kept: hand in another one when cells have changed.
        """
        old = self._codes
        looks_same = cell_text is self._cell_text and art is self._art and old is not None and old.shape == codes.shape
        self._codes, self._cell_text, self._art = codes, cell_text, art
        if not looks_same or old is None:
            self._forget_looks()
            self._place()
            self._keep_in_sight(centre)
            self._redraw()
        elif self._keep_in_sight(centre):
            self._redraw()
        else:
            self._refresh_changed(old, codes)

    # ---- Where it looks

    @property
    def viewport(self) -> tuple[int, int, int, int]:
        """(top row, left column, rows, columns) of the map in sight."""
        return self._port.in_sight

    def pan(self, rows: int, columns: int) -> None:
        """Move the viewport over the map by cells, or by characters of several; it stops at the edges."""
        port = self._port
        if port.move_to(port.top + rows * port.scale.rows, port.left + columns * port.scale.columns):
            self._redraw()

    def centre_on(self, row: int, column: int) -> None:
        """Bring a cell into the middle, as far as the edges let it."""
        rows, columns = self._port.room
        if self._port.move_to(row - rows // 2, column - columns // 2):
            self._redraw()

    @property
    def zoom_level(self) -> str:
        """How cells are drawn, in words for the status."""
        return self._port.scale.name

    @property
    def is_zoomed(self) -> bool:
        """Whether the user chose how cells are drawn."""
        return bool(self._chosen)

    def place_of(self, row: int, column: int) -> tuple[int, int]:
        """The character (x, y) of the view at which a cell is drawn."""
        return self._port.place_of(row, column)

    def zoom(self, by: int, at: tuple[int, int] | None = None) -> None:
        """Come so many steps closer, or go back with negative ones.

        Args:
            by: steps.
            at: a character of the view whose cell stays where it is; else the cursor's, or the middle.
        """
        known = self._scales
        index = next((i for i, scale in enumerate(known) if scale == self._port.scale), 0)
        wanted = known[min(max(index - by, 0), len(known) - 1)]
        if wanted != self._port.scale:
            x, y = at or self._anchor
            cell = self._port.cell_under(x, y)
            self._chosen = wanted.name
            self._place()
            self._port.set_under(cell, x, y)
            self._redraw()

    def zoom_to_default(self) -> None:
        """Two columns a cell if the whole map fits then, else one."""
        self._chosen = ""
        self._place()
        self._redraw()

    @property
    def _anchor(self) -> tuple[int, int]:
        return self._port.place_of(*self._cursor) if self._cursor else (self.size.width // 2, self.size.height // 2)

    @property
    def cursor(self) -> tuple[int, int] | None:
        """The cell (row, column) that is shown reversed, and stays in sight; None for none."""
        return self._cursor

    @cursor.setter
    def cursor(self, cell: tuple[int, int] | None) -> None:
        if cell == self._cursor:
            return
        before, self._cursor = self._cursor, cell
        if cell is not None and self._port.reveal(*cell):
            self._redraw()
            return
        for each in (before, cell):
            if each is not None:
                self._refresh_cells(each[0], each[1], each[1])

    @property
    def ascii_only(self) -> bool:
        """Whether neither blocks nor braille may be drawn."""
        return self._ascii_only

    @ascii_only.setter
    def ascii_only(self, only: bool) -> None:
        if only != self._ascii_only:
            self._ascii_only = only
            self._place()
            self._redraw()

    # ---- What the app asks

    def render_lines(self, crop: Region) -> list[Strip]:
        if self.styles.gutter or self.opacity < 1.0:
            return super().render_lines(crop)
        # Without a frame around it Textual's own cache of lines only takes time: ours are kept as they are.
        strips, background = [self.render_line(y) for y in crop.line_range], self.background_colors[1]
        for each in self.get_line_filters():
            strips = [strip.apply_filter(each, background) for strip in strips]
        first, end = crop.column_span
        return strips if (first, end) == (0, self.size.width) else [strip.crop(first, end) for strip in strips]

    def render_line(self, y: int) -> Strip:
        if self._extent != self._port.size:  # drawn before the event of its resize came
            self._place()
            self._strips.clear()
        strip = self._strips.get(y)
        if strip is None:
            strip = self._strips[y] = self._draw_line(y)
        return strip

    def on_resize(self) -> None:
        self._place()
        if self._cursor is not None:
            self._port.reveal(*self._cursor)
        self._redraw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._forget_looks()
        self._strips.clear()

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return self._shape[1]

    # ---- The mouse

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
        if event.ctrl and rows:
            self.zoom(-1 if rows > 0 else 1, at=(event.x, event.y))
        else:
            self.pan(rows, columns)
        self.post_message(self.Dragged(self))

    def on_mouse_down(self, event: MouseDown) -> None:
        self._was_dragged = False
        if event.button == 1:
            self._grabbed = (event.x, event.y, self._port.cell_under(event.x, event.y))
            self.capture_mouse()

    def on_mouse_move(self, event: MouseMove) -> None:
        if self._grabbed is None or (event.x, event.y) == self._grabbed[:2]:
            return
        before = (self._port.top, self._port.left)
        self._port.set_under(self._grabbed[2], event.x, event.y)
        if before != (self._port.top, self._port.left):
            self._was_dragged = True
            self._redraw()
            self.post_message(self.Dragged(self))

    def on_mouse_up(self, event: MouseUp) -> None:
        if self._grabbed is not None:
            self._grabbed = None
            self.release_mouse()

    def on_click(self, event: Click) -> None:
        cell = None if self._was_dragged else self._port.cell_at(event.x, event.y)
        if cell is not None:
            self.post_message(self.CellClicked(self, *cell))

    # ---- Viewport

    @property
    def _shape(self) -> tuple[int, int]:
        return (0, 0) if self._codes is None else (self._codes.shape[0], self._codes.shape[1])

    @property
    def _extent(self) -> tuple[int, int]:
        return self.size.width, self.size.height

    @property
    def _scales(self) -> list[Scale]:
        art = None if self._art is None or self._ascii_only else (self._art.columns, self._art.rows)
        return scales(self._shape, self._extent, art, ascii_only=self._ascii_only)

    def _place(self) -> None:
        self._port.place(self._shape, self._extent, self._scale())

    def _scale(self) -> Scale:
        """What the user chose; else drawn cells, where cells are drawn; else two columns where all fits, or one."""
        known = self._scales
        if self._chosen:
            return next((scale for scale in known if scale.name == self._chosen), known[-1])
        if known[0].kind == "art":
            return known[0]  # letters of one column would say less than what was asked for
        large = known[: known.index(NARROW)]
        return next((scale for scale in large if scale.fits(self._shape, self._extent)), NARROW)

    def _keep_in_sight(self, centre: tuple[int, int] | None) -> bool:
        """True if the viewport moved."""
        if self._cursor is not None:
            return self._port.reveal(*self._cursor)
        return centre is not None and self._port.follow(*centre)

    # ---- Drawing

    def _forget_looks(self) -> None:
        self._texts.clear()
        self._looks = self._ground = None

    @property
    def _blank(self) -> Style:
        if self._ground is None:
            self._ground = self.rich_style
        return self._ground

    def _redraw(self) -> None:
        self._strips.clear()
        self.refresh()

    def _refresh_changed(self, old: Codes, new: Codes) -> None:
        top, left, rows, columns = self._port.in_sight
        sight = (slice(top, top + rows), slice(left, left + columns))
        changed = old[sight] != new[sight]
        for row in changed.any(axis=1).nonzero()[0].tolist():
            places = changed[row].nonzero()[0]
            self._refresh_cells(top + row, left + int(places[0]), left + int(places[-1]))

    def _refresh_cells(self, row: int, first: int, last: int) -> None:
        scale = self._port.scale
        x, y = self._port.place_of(row, first)
        end = self._port.place_of(row, last)[0] + scale.width
        region = Region(x, y, end - x, scale.lines).intersection(Region(0, 0, *self.size))
        for line in range(region.y, region.bottom):
            self._strips.pop(line, None)
        if region.area:
            self.refresh(region)

    def _draw_line(self, y: int) -> Strip:
        width, port = self.size.width, self._port
        top, left, rows, columns = port.in_sight
        row = port.cell_under(0, y)[0]
        if self._codes is None or not top <= row < top + rows:
            return Strip.blank(width, self._blank)
        x = port.place_of(row, left)[0]
        segments = [Segment(" " * x, self._blank)] if x > 0 else []
        segments += self._line_of(y, row, left, left + columns)
        strip = Strip(segments).adjust_cell_length(width, self._blank)
        return strip if self._cursor is None else self._with_cursor(strip, y, self._cursor)

    def _line_of(self, y: int, row: int, first: int, last: int) -> list[Segment]:
        assert self._codes is not None
        scale = self._port.scale
        codes = self._codes[row : row + scale.rows, first:last]
        if scale.kind == "art":
            assert self._art is not None
            lines, at = self._art.lines, y % scale.lines
            return [segment for code in codes[0].tolist() for segment in lines(code)[at]]
        if scale.kind == "cells":
            return merged(self._texts_of(codes[0].tolist()), wide=scale is WIDE)
        looks = self._zoomed_looks()
        if scale.kind == "halves":
            lower = codes[1].tolist() if len(codes) > 1 else [None] * codes.shape[1]
            return merged(looks.halves(codes[0].tolist(), lower))
        draw = looks.dots if scale.kind == "dots" else looks.samples
        return merged(draw(codes, scale.columns // 2 if scale.kind == "dots" else scale.columns))

    def _texts_of(self, codes: list[int]) -> list[CellText]:
        texts = self._texts
        try:
            return [texts[code] for code in codes]
        except KeyError:
            for code in set(codes) - texts.keys():
                text, style = self._cell_text(code)
                texts[code] = (text, self._blank + style)
            return [texts[code] for code in codes]

    def _zoomed_looks(self) -> Looks:
        if self._looks is None:
            from .zoomed import Looks  # deferred: numpy comes after the first frame

            self._looks = Looks(self._cell_text, self._blank)
        return self._looks

    def _with_cursor(self, strip: Strip, y: int, cursor: tuple[int, int]) -> Strip:
        x, line = self._port.place_of(*cursor)
        end = x + self._port.scale.width
        if not (line <= y < line + self._port.scale.lines and x >= 0 and end <= strip.cell_length):
            return strip
        under = [
            Segment(text, (style or Style()) + Style(reverse=not (style and style.reverse)))
            for text, style, _ in strip.crop(x, end)
        ]
        return Strip.join([strip.crop(0, x), Strip(under), strip.crop(end)])


def merged(texts: Iterable[CellText], *, wide: bool = False) -> list[Segment]:
    """Neighbours of one style become one segment: every segment costs an escape sequence."""
    segments: list[Segment] = []
    run, run_style = "", None
    for text, style in texts:
        if style is not run_style:
            if run:
                segments.append(Segment(run, run_style))
            run, run_style = "", style
        run += text[:2] if wide else text[2:] or text[0]
    if run:
        segments.append(Segment(run, run_style))
    return segments
