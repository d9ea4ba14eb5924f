"""Lines of a map whose cells are smaller than characters: half blocks, braille, samples. Pure; numpy is at hand here.

Owned by GridView and Minimap; one thread. What cells mean is not known here: a cell counts as empty if its character
is a blank or a dot, and of several cells the one of the highest code stands for all, which puts agents above things.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.style import Style

Codes = NDArray[np.uint16] | NDArray[np.uint32]
CellText = tuple[str, Style]

EMPTY = " .·"
"""Characters of cells with nothing in them."""
LOOK = 0xFFFF
"""The bits of a code that say what is in the cell; those above say how it is tinted and marked."""

SPARSE = 50
"""One cell in so many is no wall, but a thing by itself."""

_UNKNOWN, _EMPTY, _FULL = 0, 1, 2
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.uint8)  # braille's order of bits


class Looks:
    """What the codes of one map look like, remembered. Make a new one when they look otherwise."""

    def __init__(self, cell_text: Callable[[int], CellText], ground: Style) -> None:
        self._cell_text, self._ground = cell_text, ground
        self._texts: dict[int, CellText] = {}
        self._pairs: dict[tuple[int, int], CellText] = {}
        self._states = np.zeros(LOOK + 1, np.uint8)

    def text(self, code: int) -> CellText:
        """Characters and style of a cell."""
        entry = self._texts.get(code)
        if entry is None:
            text, style = self._cell_text(code)
            entry = self._texts[code] = (text, self._ground + style)
        return entry

    def full(self, looks: Codes) -> NDArray[np.bool_]:
        """Where there is something in the cell; codes without their upper bits."""
        states = self._states[looks]
        if not states.all():
            for code in np.unique(looks[states == _UNKNOWN]).tolist():
                self._states[code] = _EMPTY if self._cell_text(code)[0][0] in EMPTY else _FULL
            states = self._states[looks]
        full: NDArray[np.bool_] = states == _FULL
        return full

    # ---- Half blocks

    def halves(self, upper: list[int], lower: list[int | None]) -> list[CellText]:
        """A line of characters, each of two cells one above the other. Below the map there is None."""
        return [self._pair(above, below) for above, below in zip(upper, lower, strict=True)]

    def _pair(self, above: int, below: int | None) -> CellText:
        key = (above, -1 if below is None else below)
        entry = self._pairs.get(key)
        if entry is None:
            entry = self._pairs[key] = self._drawn_pair(self._ink(above), None if below is None else self._ink(below))
        return entry

    def _drawn_pair(self, above: Color | None, below: Color | None) -> CellText:
        if above is None and below is None:
            return " ", self._ground
        if above is None or below is None:
            return ("▄" if above is None else "▀"), self._ground + Style(color=above or below)
        if above == below:
            return "█", self._ground + Style(color=above)
        return "▀", self._ground + Style(color=above, bgcolor=below)

    def _ink(self, code: int) -> Color | None:
        """The colour that a cell is to the eye; None is the ground's."""
        text, style = self._cell_text(code)
        ink, ground = (style.bgcolor, style.color) if style.reverse else (style.color, style.bgcolor)
        if text[0] in EMPTY:
            return ground
        return ink or Color.default()

    # ---- Overviews

    def dots(self, block: Codes, cells: int) -> list[CellText]:
        """A line of braille, a dot for each square of so many cells.

        Args:
            block: the cells of the line: at most 4 * cells rows, of any width.
            cells: across a dot.
        """
        looks, full = self._padded(block, 4 * cells, 2 * cells)
        width = looks.shape[1] // (2 * cells)
        # As many as a wall takes that goes through: else a few walls in every square would be one large wall. What is
        # not the commonest thing counts each time: a goal must not get lost.
        count = full.reshape(4, cells, width, 2, cells).sum(axis=(1, 4))
        rare = (full & (looks != self._commonest(looks, full))).reshape(4, cells, width, 2, cells).any(axis=(1, 4))
        lit = (count >= cells) | rare
        patterns = np.where(lit, _DOTS[:, None, :], 0).sum(axis=(0, 2)).tolist()
        tops = np.where(full, looks, 0).reshape(4 * cells, width, 2 * cells).max(axis=(0, 2)).tolist()
        return [self._dot(pattern, top) for pattern, top in zip(patterns, tops, strict=True)]

    def _commonest(self, looks: NDArray[np.uint32], full: NDArray[np.bool_]) -> int:
        """The look of most full cells, if these are more than here and there."""
        found = np.bincount(looks[full], minlength=1)
        return int(found.argmax()) if found.max() > looks.size / SPARSE else -1

    def _dot(self, pattern: int, top: int) -> CellText:
        if not pattern:
            return " ", self._ground
        style = self.text(top)[1]
        return chr(0x2800 + pattern), style + Style(reverse=False) if style.reverse else style

    def samples(self, block: Codes, cells: int) -> list[CellText]:
        """A line of characters, each the one of the highest cell among so many down and across, else of the first."""
        looks, full = self._padded(block, cells, cells)
        squares = looks.reshape(cells, -1, cells)
        tops = np.where(full.reshape(squares.shape), squares, 0).max(axis=(0, 2))
        tops = np.where(full.reshape(squares.shape).any(axis=(0, 2)), tops, squares[0, :, 0])
        return [(text[0], style) for text, style in map(self.text, tops.tolist())]

    def _padded(self, block: Codes, rows: int, columns: int) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
        """Looks and what is full, filled up with empty cells to so many rows and a multiple of so many columns."""
        height, width = block.shape
        looks = np.zeros((rows, -(-width // columns) * columns), np.uint32)
        full = np.zeros(looks.shape, np.bool_)
        looks[:height, :width] = block & LOOK
        full[:height, :width] = self.full(looks[:height, :width])
        return looks, full
