"""Cells of lines and rectangles. Pure."""

from __future__ import annotations

Cell = tuple[int, int]
"""Row and column, from 0."""


def line(start: Cell, end: Cell) -> list[Cell]:
    """Cells of a straight line, both ends included (Bresenham): a fast mouse leaves no gaps."""
    row, column = start
    rows, columns = abs(end[0] - row), abs(end[1] - column)
    down = 1 if end[0] > row else -1
    right = 1 if end[1] > column else -1
    error = columns - rows
    cells = [(row, column)]
    while (row, column) != end:
        doubled = 2 * error
        if doubled > -rows:
            error -= rows
            column += right
        if doubled < columns:
            error += columns
            row += down
        cells.append((row, column))
    return cells


def block(corner: Cell, opposite: Cell) -> list[Cell]:
    """All cells of a rectangle given by two opposite corners."""
    top, bottom = sorted((corner[0], opposite[0]))
    left, right = sorted((corner[1], opposite[1]))
    return [(row, column) for row in range(top, bottom + 1) for column in range(left, right + 1)]


def outline(corner: Cell, opposite: Cell) -> list[Cell]:
    """The edge cells of a rectangle given by two opposite corners."""
    rows, columns = {corner[0], opposite[0]}, {corner[1], opposite[1]}
    return [(row, column) for row, column in block(corner, opposite) if row in rows or column in columns]
