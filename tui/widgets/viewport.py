"""Where a view stands over its map, and how large cells are in it: plain arithmetic, no widget.

Owned by GridView; one thread. Rows and columns count cells of the map, lines and characters those of the screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MOST_CELLS_A_DOT = 64  # braille of 1:64 shows any map that fits into memory


@dataclass(frozen=True)
class Scale:
    """How cells become characters. Where a cell takes one, so many cells down and across share one."""

    name: str
    """As the status says it."""
    kind: Literal["art", "cells", "halves", "dots", "samples"]
    rows: int = 1
    """Cells down in one line."""
    columns: int = 1
    """Cells across in one character."""
    lines: int = 1
    """Lines of one cell."""
    width: int = 1
    """Characters of one cell."""

    def room(self, width: int, height: int) -> tuple[int, int]:
        """Rows and columns of whole cells in a view of so many characters and lines."""
        return height // self.lines * self.rows, width // self.width * self.columns

    def fits(self, shape: tuple[int, int], size: tuple[int, int]) -> bool:
        """Whether a map of (rows, columns) is all in sight in a view of (characters, lines)."""
        rows, columns = self.room(*size)
        return shape[0] <= rows and shape[1] <= columns


WIDE = Scale("2 columns", "cells", width=2)
NARROW = Scale("1 column", "cells")
HALVES = Scale("half blocks", "halves", rows=2)


def scales(
    shape: tuple[int, int], size: tuple[int, int], art: tuple[int, int] | None, *, ascii_only: bool
) -> list[Scale]:
    """All there are, from the closest to one that shows the whole map.

    Args:
        shape: rows and columns of the map.
        size: characters and lines of the view.
        art: characters and lines of a drawn cell, if cells are drawn.
        ascii_only: whether blocks and braille are out of the question.
    """
    known = [Scale("art", "art", width=art[0], lines=art[1])] if art else []
    known += [WIDE, NARROW] if ascii_only else [WIDE, NARROW, HALVES]
    cells = 2 if ascii_only else 1
    while cells <= MOST_CELLS_A_DOT:
        known.append(_overview(cells, ascii_only=ascii_only))
        if known[-1].fits(shape, size):
            break
        cells *= 2
    return known


def _overview(cells: int, *, ascii_only: bool) -> Scale:
    if ascii_only:
        return Scale(f"1 for {cells}x{cells}", "samples", rows=cells, columns=cells)
    return Scale("braille" if cells == 1 else f"braille 1:{cells}", "dots", rows=4 * cells, columns=2 * cells)


class Viewport:
    """The part of a map in sight. `place` it first, and whenever the map, the view or the scale is another one."""

    def __init__(self) -> None:
        self.shape = self.size = (0, 0)
        self.scale = NARROW
        self.top = 0
        """Map row at the view's first line; negative when the map is centred in a larger view."""
        self.left = 0
        """Map column at the view's first character."""

    @property
    def room(self) -> tuple[int, int]:
        """Rows and columns of cells that the view has room for."""
        return self.scale.room(*self.size)

    @property
    def in_sight(self) -> tuple[int, int, int, int]:
        """(top row, left column, rows, columns) of the map in sight."""
        (rows, columns), (height, width) = self.room, self.shape
        top, left = max(self.top, 0), max(self.left, 0)
        return top, left, min(rows, height - top), min(columns, width - left)

    def place(self, shape: tuple[int, int], size: tuple[int, int], scale: Scale) -> None:
        """Take the map's rows and columns, the view's characters and lines, and a scale."""
        self.shape, self.size, self.scale = shape, size, scale
        self.move_to(self.top, self.left)

    def move_to(self, top: int, left: int) -> bool:
        """Go there, or as near as the edges let it. True if it moved."""
        before = (self.top, self.left)
        (height, width), (rows, columns) = self.shape, self.room
        self.top = clamp_axis(top, height, rows, self.scale.rows)
        self.left = clamp_axis(left, width, columns, self.scale.columns)
        return (self.top, self.left) != before

    def follow(self, row: int, column: int) -> bool:
        """Centre on a cell that comes near the edge. True if it moved."""
        rows, columns = self.room
        top, left = self.top, self.left
        # A margin of a quarter: following an agent step by step would redraw everything at every step.
        if not rows // 4 <= row - top < rows - rows // 4:
            top = row - rows // 2
        if not columns // 4 <= column - left < columns - columns // 4:
            left = column - columns // 2
        return self.move_to(top, left)

    def reveal(self, row: int, column: int) -> bool:
        """Move no further than it takes to see a cell and its neighbours. True if it moved."""
        (rows, columns), scale = self.room, self.scale
        return self.move_to(
            _with_in(self.top, row, rows, scale.rows), _with_in(self.left, column, columns, scale.columns)
        )

    def cell_at(self, x: int, y: int) -> tuple[int, int] | None:
        """The cell under a character of the view, the first if there are several; None beside the map."""
        row, column = self.cell_under(x, y)
        height, width = self.shape
        return (row, column) if 0 <= row < height and 0 <= column < width else None

    def cell_under(self, x: int, y: int) -> tuple[int, int]:
        """As cell_at, but beyond the edges it goes on counting."""
        scale = self.scale
        return self.top + y // scale.lines * scale.rows, self.left + x // scale.width * scale.columns

    def place_of(self, row: int, column: int) -> tuple[int, int]:
        """The first character and line of a cell, maybe out of sight."""
        scale = self.scale
        y, x = (row - self.top) // scale.rows * scale.lines, (column - self.left) // scale.columns * scale.width
        return x, y

    def set_under(self, cell: tuple[int, int], x: int, y: int) -> None:
        """Move so that a cell comes under a character of the view."""
        scale = self.scale
        self.move_to(
            cell[0] - y // scale.lines * scale.rows,
            cell[1] - x // scale.width * scale.columns,
        )


def _with_in(first: int, at: int, room: int, step: int) -> int:
    first, at, room = first // step, at // step, room // step
    margin = min(2, (room - 1) // 2)
    return max(min(first, at - margin), at - room + 1 + margin) * step


def clamp_axis(at: int, length: int, room: int, step: int = 1) -> int:
    """First map index in sight, a multiple of `step` cells.

    The map is centred in a larger view, and never leaves a gap of a character in a smaller one.
    """
    if length <= room:
        return -((room - length) // 2 // step * step)
    last = -((room - length) // step * step)
    return min(max(at // step * step, 0), last)
