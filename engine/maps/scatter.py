"""A map anew by chance: what lies within its border, strewn over other cells. Pure; any thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from engine.errors import MapError

from .characters import EMPTY
from .grid_map import GridMap

MAX_TRIES: Final = 1000
"""Draws before it is given up: a map half full of walls seldom has room for everything to be reached."""


def scattered(source: GridMap, seed: int, fits: Callable[[GridMap], bool]) -> GridMap:
    """The same objects as `source` has, its outermost cells kept and all others put somewhere by chance.

    Args:
        seed: the same one always gives the same map, on every machine.
        fits: whether a draw will do; the first one that does is taken.

    Raises:
        MapError: none of `MAX_TRIES` draws did.
    """
    places = [(row, column) for row in range(1, source.height - 1) for column in range(1, source.width - 1)]
    objects = [source.rows[row][column] for row, column in places]
    draws = np.random.Philox(key=seed)
    for _ in range(MAX_TRIES):
        drawn = _shuffled(objects, draws)
        cells = [(row, column, name) for (row, column), name in zip(places, drawn, strict=True)]
        grid_map = source.with_cells(cells).renamed(f"{source.name}-{seed}")
        if fits(grid_map):
            return grid_map
    inside = sum(name != EMPTY for name in objects)
    raise MapError(
        f"{source.name} cannot be scattered: not everything could be reached in {MAX_TRIES} draws",
        hint=f"{inside} of its {len(places)} cells are taken; take one with more room",
    )


def _shuffled(objects: list[str], draws: np.random.Philox) -> list[str]:
    """Fisher-Yates on raw draws: numpy keeps that stream, but not the shuffles of its generators, for good."""
    shuffled = list(objects)
    numbers = draws.random_raw(len(objects))
    for at in range(len(shuffled) - 1, 0, -1):
        other = int(numbers[at]) % (at + 1)  # the bias of a remainder is below 2^-40 here
        shuffled[at], shuffled[other] = shuffled[other], shuffled[at]
    return shuffled
