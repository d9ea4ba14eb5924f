"""What the reference's agents see: range, cone and line of sight, by other means than c_src/sight.c if there are any.

Angles are taken with floating point here and with dot products there. Shadow casting has one definition, which both
follow (Albert Ford, "Symmetric Shadowcasting", 2020); this one uses fractions, rows of tiles and a queue.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

from engine.sim import DIRECTION_STEPS, Sight

Offset = tuple[int, int]  # (down, right) from the agent


def window_offsets(height: int, width: int) -> list[Offset]:
    """Of all cells of a window, in reading order."""
    rows, columns = range(-(height // 2), height // 2 + 1), range(-(width // 2), width // 2 + 1)
    return [(row, column) for row in rows for column in columns]


@dataclass(frozen=True)
class Look:
    """One agent's look at its window. `clear` tells, a byte a cell, where one can see through; None: anywhere."""

    height: int
    width: int
    sight: Sight
    facing: int
    clear: bytes | None

    def shows(self, down: int, right: int) -> bool:
        """Whether it shows the cell at an offset from the agent."""
        if abs(down) > self.height // 2 or abs(right) > self.width // 2:
            return False
        return bool(self.mask()[down + self.height // 2, right + self.width // 2])

    def mask(self) -> np.ndarray:
        """(height, width) of what is visible."""
        return _mask(self)


@lru_cache(maxsize=50_000)
def _mask(look: Look) -> np.ndarray:
    offsets = window_offsets(look.height, look.width)
    lit = _lit(look.height, look.width, look.clear) if look.clear is not None else set(offsets)
    seen = [offset in lit and _is_near(look.sight, offset) and _in_cone(look, offset) for offset in offsets]
    return np.array(seen, bool).reshape(look.height, look.width)


def _is_near(sight: Sight, offset: Offset) -> bool:
    return sight.range == 0 or max(abs(offset[0]), abs(offset[1])) <= sight.range


def _in_cone(look: Look, offset: Offset) -> bool:
    if offset == (0, 0):
        return True
    ahead = DIRECTION_STEPS[look.facing]
    turn = math.atan2(offset[0], offset[1]) - math.atan2(ahead[0], ahead[1])
    turn = abs((turn + math.pi) % (2 * math.pi) - math.pi)
    return math.degrees(turn) <= look.sight.cone_degrees / 2 + 1e-6  # the edges of the cone belong to it


@lru_cache(maxsize=50_000)
def _lit(height: int, width: int, bytes_clear: bytes) -> set[Offset]:
    """Offsets that are lit from the centre: walls that are touched, floors whose middle is reached."""
    clear = {offset: bool(byte) for offset, byte in zip(window_offsets(height, width), bytes_clear, strict=True)}
    lit = {(0, 0)}
    for turn in (lambda d, c: (-d, c), lambda d, c: (d, c), lambda d, c: (c, -d), lambda d, c: (c, d)):
        rows = [(1, Fraction(-1), Fraction(1))]
        while rows:
            depth, start, end = rows.pop()
            first = math.floor(depth * start + Fraction(1, 2))
            last = math.ceil(depth * end - Fraction(1, 2))
            before: bool | None = None
            for column in range(first, last + 1):
                tile = turn(depth, column)
                if tile not in clear:
                    continue
                if not clear[tile] or depth * start <= column <= depth * end:
                    lit.add(tile)
                edge = Fraction(2 * column - 1, 2 * depth)
                if before is False and clear[tile]:
                    start = edge
                if before is True and not clear[tile]:
                    rows.append((depth + 1, start, edge))
                before = clear[tile]
            if before is True:
                rows.append((depth + 1, start, end))
    return lit
