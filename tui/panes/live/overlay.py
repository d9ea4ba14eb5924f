"""Overlay: tints and marks for the cells of a map, and what they say. A value; made in tui/overlays.py.

Tints and marks are bits that are laid over the codes of a map (picture.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Codes = NDArray[np.uint32]

TINT_SHIFT = 16
"""5 bits: 0 none, 1 .. 15 from little to much, 16 .. 31 from most negative to most positive, with ZERO for zero."""
LEVELS, FIRST_DIVERGING, ZERO = 15, 16, 24
MARK_SHIFT = 21
"""4 bits, on floor alone: 0 none, 1 .. 8 an arrow by DIRECTIONS, DOT to stay, TRACE a path."""
DOT, TRACE = 9, 10


@dataclass(frozen=True)
class Overlay:
    """What is laid over the map."""

    name: str
    codes: Codes
    """(height, width)"""
    words: str
    """Whose it is, from what sample, and on what scale: `V arena:v12, T 318, -1.20 .. +6.00`."""


def sequential_tint(values: NDArray[np.floating], most: float) -> Codes:
    """Tints for amounts from 0, which has none, to `most`; what is more counts as that, and nan has none."""
    share = np.clip(np.nan_to_num(values / most if most > 0 else values * 0), 0, 1)
    levels: Codes = np.ceil(share * LEVELS).astype(np.uint32)
    return levels << np.uint32(TINT_SHIFT)


def diverging_tint(values: NDArray[np.floating], most: float) -> Codes:
    """Tints for values from -`most` to `most`, with one of its own for zero; nan has none."""
    share = np.clip(np.nan_to_num(values / most if most > 0 else values * 0), -1, 1)
    # Seven levels above zero and eight below; what is not zero is never drawn as zero.
    steps = np.where(share > 0, np.ceil(share * 7), np.floor(share * 8))
    levels: Codes = np.where(np.isnan(values), 0, steps + ZERO).astype(np.uint32)
    return levels << np.uint32(TINT_SHIFT)


def marks(kinds: NDArray[np.integer]) -> Codes:
    """Bits for marks: 0 none, 1..8 arrows by DIRECTIONS, DOT, TRACE."""
    codes: Codes = kinds.astype(np.uint32)
    return codes << np.uint32(MARK_SHIFT)
