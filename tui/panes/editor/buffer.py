"""The map being drawn: cells, cursor, undo. No Textual here; EditorPane owns it and calls it on the UI thread.

Every change of cells goes through `_put` or `_replace`, which record how to take it back. A stroke (one drag of the
mouse, one walk with the pen down, one fill) is one step of undo; a stroke that changed nothing is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from engine.maps import EMPTY, MAX_SIDE, GridMap
from engine.maps.regions import label_regions

from .shapes import Cell

HISTORY_CELLS: Final = 4_000_000
"""Changed cells kept for undo over all steps: about 250 MB at worst, far more than hands can draw."""

Rows = tuple[tuple[str, ...], ...]


class CellChange(NamedTuple):
    """One cell that became another. A tuple: a fill of the largest map makes a million."""

    row: int
    column: int
    old: str
    new: str


@dataclass(frozen=True)
class SizeChange:
    """The whole grid replaced by one of another size."""

    old: Rows
    new: Rows


@dataclass(frozen=True)
class Stroke:
    """One step of undo. `before` and `after` number the states it leads between."""

    changes: tuple[CellChange | SizeChange, ...]
    before: int
    after: int

    @property
    def weight(self) -> int:
        """Cells that it remembers."""
        sizes = (
            1 if isinstance(change, CellChange) else len(change.old) * len(change.old[0]) for change in self.changes
        )
        return sum(sizes)


class MapBuffer:
    """A map under the pencil. Rows and columns from 0; the cursor is always on the map."""

    def __init__(self, grid_map: GridMap) -> None:
        self.name = grid_map.name
        self.cursor: Cell = (0, 0)
        self._rows = [list(cells) for cells in grid_map.rows]
        self._undo: list[Stroke] = []
        self._redo: list[Stroke] = []
        self._weight = 0
        self._open: list[CellChange | SizeChange] | None = None
        self._state = 0
        self._last_state = 0
        self._saved_state = 0

    # -- What it holds

    @property
    def width(self) -> int:
        return len(self._rows[0])

    @property
    def height(self) -> int:
        return len(self._rows)

    @property
    def state(self) -> int:
        """Number of the present state: undo comes back to the same one, a new stroke gets a new one."""
        return self._state

    @property
    def is_dirty(self) -> bool:
        """Whether there is something to lose."""
        return self._state != self._saved_state or bool(self._open)

    @property
    def can_undo(self) -> bool:
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        return bool(self._redo)

    def at(self, row: int, column: int) -> str:
        return self._rows[row][column]

    def row(self, row: int) -> list[str]:
        """One row of object names, for drawing: read it, do not keep it."""
        return self._rows[row]

    def contains(self, row: int, column: int) -> bool:
        return 0 <= row < self.height and 0 <= column < self.width

    def to_map(self) -> GridMap:
        return GridMap(self.name, tuple(map(tuple, self._rows)))

    def mark_saved(self, state: int) -> None:
        """That state is on disk now."""
        self._saved_state = state

    # -- Cursor

    def move_to(self, row: int, column: int) -> None:
        """Put the cursor on a cell, or on the nearest one of the map."""
        self.cursor = (min(max(row, 0), self.height - 1), min(max(column, 0), self.width - 1))

    # -- Drawing. Each returns the rows that look different now.

    def paint(self, cells: Iterable[Cell], name: str) -> set[int]:
        """Put an object on cells; those outside the map are left out."""
        with self._stroke():
            return {row for row, column in cells if self.contains(row, column) and self._put(row, column, name)}

    def fill(self, row: int, column: int, name: str) -> set[int]:
        """Put an object on all cells that hang together with this one and hold the same."""
        with self._stroke():
            return {row for row, column in self._same_area(row, column) if self._put(row, column, name)}

    def resize(self, width: int, height: int) -> set[int]:
        """Cut or grow at the right and at the bottom; new cells are empty.

        Raises:
            ValueError: a side is not in 1..MAX_SIDE.
        """
        if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
            raise ValueError(f"sides go from 1 to {MAX_SIDE}")
        if (width, height) == (self.width, self.height):
            return set()
        rows = [(cells + [EMPTY] * width)[:width] for cells in self._rows[:height]]
        rows += [[EMPTY] * width for _ in range(height - len(rows))]
        with self._stroke():
            self._replace(rows)
        return set(range(height))

    # -- Strokes and history

    def begin_stroke(self) -> None:
        """From here to `end_stroke` everything is one step of undo. A stroke already open goes on."""
        if self._open is None:
            self._open = []

    def end_stroke(self) -> None:
        changes, self._open = self._open, None
        if not changes:
            return
        before, self._state = self._state, self._last_state + 1
        self._last_state = self._state
        self._redo.clear()
        stroke = Stroke(tuple(changes), before, self._state)
        self._undo.append(stroke)
        self._weight += stroke.weight
        self._forget_oldest()

    def undo(self) -> set[int]:
        """Take back the last step; the cursor goes where it happened."""
        self.end_stroke()
        if not self._undo:
            return set()
        stroke = self._undo.pop()
        self._redo.append(stroke)
        self._weight -= stroke.weight
        self._state = stroke.before
        return self._apply(_reverse(change) for change in reversed(stroke.changes))

    def redo(self) -> set[int]:
        """Do again what was taken back last."""
        self.end_stroke()
        if not self._redo:
            return set()
        stroke = self._redo.pop()
        self._undo.append(stroke)
        self._weight += stroke.weight
        self._state = stroke.after
        return self._apply(stroke.changes)

    @contextmanager
    def _stroke(self) -> Iterator[None]:
        """A stroke of its own, or a part of the one that is open."""
        nested = self._open is not None
        self.begin_stroke()
        try:
            yield
        finally:
            if not nested:
                self.end_stroke()

    def _put(self, row: int, column: int, name: str) -> bool:
        """Change one cell of the open stroke; whether it was another before."""
        assert self._open is not None
        old = self._rows[row][column]
        if old == name:
            return False
        self._open.append(CellChange(row, column, old, name))
        self._rows[row][column] = name
        return True

    def _replace(self, rows: list[list[str]]) -> None:
        assert self._open is not None
        self._open.append(SizeChange(tuple(map(tuple, self._rows)), tuple(map(tuple, rows))))
        self._rows = rows
        self.move_to(*self.cursor)

    def _apply(self, changes: Iterable[CellChange | SizeChange]) -> set[int]:
        rows: set[int] = set()
        first: Cell | None = None
        for change in changes:
            if isinstance(change, SizeChange):
                self._rows = [list(cells) for cells in change.new]
                rows |= set(range(self.height))
            else:
                self._rows[change.row][change.column] = change.new
                rows.add(change.row)
                first = first or (change.row, change.column)
        self.move_to(*(first or self.cursor))
        return rows

    def _forget_oldest(self) -> None:
        while self._weight > HISTORY_CELLS and len(self._undo) > 1:
            self._weight -= self._undo.pop(0).weight

    def _same_area(self, row: int, column: int) -> list[Cell]:
        """Cells of the same object, 4-connected to this one: a diagonal gap holds paint as it looks on screen."""
        name = self._rows[row][column]
        labels = label_regions(np.array([[other == name for other in cells] for cells in self._rows]), diagonal=False)
        return [(r, c) for r, c in np.argwhere(labels == labels[row, column]).tolist()]


def _reverse(change: CellChange | SizeChange) -> CellChange | SizeChange:
    if isinstance(change, SizeChange):
        return SizeChange(change.new, change.old)
    return CellChange(change.row, change.column, change.new, change.old)
