"""GridMap: a map as a value. Whoever holds one may share it with any thread; nobody can change it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from engine.errors import MapError

from .characters import CHARACTERS, EMPTY, WALL

MAX_SIDE: Final = 1024
"""Cells per side, GW_MAX_SIDE of the engine."""


@dataclass(frozen=True)
class GridMap:
    """Object names by cell, and a name for people. Rows from the top, columns from the left, both from 0."""

    name: str
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        if not self.rows or not self.rows[0]:
            raise MapError(f"{self.name} has no cells", hint="a map needs at least one row and one column")
        if self.height > MAX_SIDE or self.width > MAX_SIDE:
            raise MapError(
                f"{self.name} is {self.width}x{self.height} cells, more than {MAX_SIDE}x{MAX_SIDE}",
                hint="split it into smaller maps",
            )
        for row, cells in enumerate(self.rows):
            if len(cells) != self.width:
                raise MapError(
                    f"{self.name}, line {row + 1}: {len(cells)} cells, but the first line has {self.width}",
                    hint="make all lines equally long",
                    line=row + 1,
                    column=min(len(cells), self.width) + 1,
                )

    @classmethod
    def walled(cls, name: str, width: int, height: int) -> GridMap:
        """An empty room with a wall around it."""
        edge = (WALL,) * width
        inner = (WALL, *(EMPTY,) * (width - 2), WALL) if width > 2 else edge
        return cls(name, tuple(edge if row in (0, height - 1) else inner for row in range(height)))

    @property
    def width(self) -> int:
        return len(self.rows[0])

    @property
    def height(self) -> int:
        return len(self.rows)

    @property
    def size(self) -> str:
        """Width x height, as shown: `25x25`."""
        return f"{self.width}x{self.height}"

    def count(self, name: str) -> int:
        """How many cells hold this object."""
        return sum(cells.count(name) for cells in self.rows)

    def find(self, name: str) -> tuple[int, int] | None:
        """The first cell (row, column) that holds this object, in reading order."""
        for row, cells in enumerate(self.rows):
            if name in cells:
                return row, cells.index(name)
        return None

    def names(self) -> frozenset[str]:
        """Every object on the map."""
        return frozenset(name for cells in self.rows for name in cells)

    def renamed(self, name: str) -> GridMap:
        return replace(self, name=name)

    def with_cells(self, cells: Iterable[tuple[int, int, str]]) -> GridMap:
        """A map with some cells (row, column, object) put in place of the old ones."""
        rows = [list(row) for row in self.rows]
        for row, column, name in cells:
            rows[row][column] = name
        return replace(self, rows=tuple(map(tuple, rows)))

    def to_text(self) -> str:
        """The map as ASCII, each line ended: the same map always gives the same bytes.

        Raises:
            MapError: an object has no character in the map format.
        """
        try:
            return "".join("".join([CHARACTERS[name] for name in cells]) + "\n" for cells in self.rows)
        except KeyError as unknown:
            raise self._unwritable(str(unknown.args[0])) from None

    def _unwritable(self, name: str) -> MapError:
        row, column = self.find(name) or (0, 0)
        return MapError(
            f"{self.name}, line {row + 1}, column {column + 1}: the map format has no character for {name!r}",
            hint="it can write " + ", ".join(CHARACTERS),
            line=row + 1,
            column=column + 1,
        )
