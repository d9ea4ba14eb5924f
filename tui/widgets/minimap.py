"""The whole map in a small box: where things are, where the agents are, and what the large view shows of it.

View only: the owner hands in what the large view has, and moves that when a click asks for it. UI thread only. A map
is read again only when it or the viewport is another one; a huge one not more than a few times a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.style import Style
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from .grid_view import CellText, merged

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Codes = NDArray[np.uint16] | NDArray[np.uint32]

LARGEST = (24, 12)
"""Characters and lines that it takes at most."""
HUGE = 100_000  # cells: reading so many takes a millisecond
HUGE_PERIOD_S = 0.5

Cell = tuple[int, int]
Box = tuple[int, int, int, int]


class Minimap(Widget):
    """A picture of a map, at most 24 x 12 characters: braille, or with `ascii_only` one character for many cells."""

    class CentreRequested(Message):
        """The user clicked a place of the map: the large view should go there."""

        def __init__(self, minimap: Minimap, row: int, column: int) -> None:
            super().__init__()
            self.minimap, self.row, self.column = minimap, row, column

        @property
        def control(self) -> Minimap:
            """The minimap that was clicked."""
            return self.minimap

    COMPONENT_CLASSES = {"minimap--viewport", "minimap--agent"}
    DEFAULT_CSS = """
    Minimap {
        width: auto; height: auto;
        & .minimap--viewport { background: $primary 40%; }
        & .minimap--agent { color: $warning; text-style: bold; }
    }
    """

    ascii_only = False
    """Whether braille may not be drawn. Set before `show`."""

    def __init__(self, id: str | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(id=id)
        self._clock = clock
        self._codes: Codes | None = None
        self._cell_text: Callable[[int], CellText] = lambda code: ("  ", Style())
        self._viewport: Box = (0, 0, 0, 0)
        self._agents: list[Cell] = []
        self._ground: list[list[CellText]] = []  # the map without agents and viewport, by line and character
        self._read_codes: Codes | None = None  # what _ground shows
        self._read_at = 0.0
        self._reads_later: Timer | None = None
        self._strips: list[Strip] = []

    def show(
        self, codes: Codes, cell_text: Callable[[int], CellText], viewport: Box, agents: Sequence[Cell] = ()
    ) -> None:
        """Show a map, what the large view shows of it, and where agents are.

        Args:
            codes: (height, width); another array when cells have changed.
            cell_text: how a code looks; another object when codes look otherwise.
            viewport: as GridView.viewport says it.
            agents: (row, column) of each.
        """
        is_other = self._codes is None or self._codes.shape != codes.shape or cell_text is not self._cell_text
        same_places = self._viewport == viewport and self._agents == list(agents)
        if not is_other and same_places and codes is self._codes:
            return
        self._codes, self._cell_text = codes, cell_text
        self._viewport, self._agents = viewport, list(agents)
        if is_other:
            self._read_codes = None
            self.refresh(layout=True)
        self._read()
        self._draw()

    # ---- How large

    @property
    def _cells(self) -> int:
        """Cells across a dot, or a character of ASCII: as few as let the map fit."""
        assert self._codes is not None
        height, width = map(int, self._codes.shape)
        down, across = (1, 1) if self.ascii_only else (4, 2)
        return max(-(-width // (LARGEST[0] * across)), -(-height // (LARGEST[1] * down)), 1)

    @property
    def _step(self) -> tuple[int, int]:
        """Rows and columns of cells in a character."""
        down, across = (1, 1) if self.ascii_only else (4, 2)
        return self._cells * down, self._cells * across

    @property
    def _extent(self) -> Size:
        if self._codes is None:
            return Size(0, 0)
        (height, width), (rows, columns) = self._codes.shape, self._step
        return Size(-(-width // columns), -(-height // rows))

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return self._extent.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return self._extent.height

    # ---- Reading the map

    def _read(self) -> None:
        """Reduce the map to characters, unless that was done, or must wait as it was done a moment ago."""
        assert self._codes is not None
        if self._read_codes is self._codes:
            return
        due_s = self._read_at + HUGE_PERIOD_S - self._clock()
        if self._codes.size > HUGE and self._read_codes is not None and due_s > 0:
            if self._reads_later is None:
                self._reads_later = self.set_timer(due_s, self._read_late)
            return
        self._read_codes, self._read_at = self._codes, self._clock()
        self._ground = self._reduced()

    def _read_late(self) -> None:
        self._reads_later = None
        self._read()
        self._draw()

    def _reduced(self) -> list[list[CellText]]:
        from .zoomed import Looks  # deferred: numpy comes after the first frame

        assert self._codes is not None
        looks, (rows, _) = Looks(self._cell_text, self.rich_style), self._step
        draw = looks.samples if self.ascii_only else looks.dots
        return [draw(self._codes[row : row + rows], self._cells) for row in range(0, self._codes.shape[0], rows)]

    # ---- Drawing

    def _draw(self) -> None:
        """Put agents and the viewport over the map, and redraw the lines that differ."""
        lines = [list(line) for line in self._ground]
        self._add_agents(lines)
        self._add_viewport(lines)
        width = self._extent.width
        strips = [Strip(merged(line)).adjust_cell_length(width, self.rich_style) for line in lines]
        if strips != self._strips:
            self._strips = strips
            self.refresh()

    def _add_agents(self, lines: list[list[CellText]]) -> None:
        (rows, columns), style = self._step, self.get_component_rich_style("minimap--agent", partial=True)
        for row, column in self._agents:
            text, before = lines[row // rows][column // columns]
            down, across = row % rows // self._cells, column % columns // self._cells
            mark = "@" if self.ascii_only else _with_dot(text, down, across)
            lines[row // rows][column // columns] = (mark, before + style)

    def _add_viewport(self, lines: list[list[CellText]]) -> None:
        (rows, columns), style = self._step, self.get_component_rich_style("minimap--viewport", partial=True)
        top, left, height, width = self._viewport
        if not height or not width:
            return
        for line in lines[top // rows : (top + height - 1) // rows + 1]:
            for x in range(left // columns, (left + width - 1) // columns + 1):
                text, before = line[x]
                line[x] = (text, before + style)

    def render_line(self, y: int) -> Strip:
        if y < len(self._strips):
            return self._strips[y]
        return Strip.blank(self.size.width, self.rich_style)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._read_codes = None
        if self._codes is not None and self.is_attached:
            self._read()
            self._draw()

    def on_click(self, event: Click) -> None:
        if self._codes is None:
            return
        (height, width), (rows, columns) = self._codes.shape, self._step
        row, column = event.y * rows + rows // 2, event.x * columns + columns // 2
        self.post_message(self.CentreRequested(self, min(row, height - 1), min(column, width - 1)))


def _with_dot(text: str, down: int, across: int) -> str:
    """A character of braille, or a blank, with one more dot."""
    pattern = 0 if text == " " else ord(text) - 0x2800
    return chr(0x2800 + (pattern | _DOTS[down][across]))


_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
