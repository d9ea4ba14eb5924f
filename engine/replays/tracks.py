"""A field of many things over time, as arrays: its value for all of them at any tick is one search.

Immutable once made; any thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

MAX_TICK: Final = 2**31 - 1

Series = list[tuple[int, Any]]
"""(tick, value) in the order of their ticks, each holding from there on. The first is of tick 0."""


class Track:
    """One field of n things.

    Args:
        series: one for each thing, none of them empty.
        dtype: of the values.
    """

    def __init__(self, series: Sequence[Series], dtype: DTypeLike) -> None:
        counts = [len(each) for each in series]
        ticks = np.array([tick for each in series for tick, _ in each], np.int64)
        self._rows = np.arange(len(series), dtype=np.int64) << 32
        self._ends = np.cumsum([0, *counts])
        self._keys = np.repeat(self._rows, counts) + ticks
        self._values = np.array([value for each in series for _, value in each], dtype)

    def at(self, tick: int) -> NDArray[Any]:
        """(n,): what each thing has at a tick."""
        found: NDArray[Any] = self._values[np.searchsorted(self._keys, self._rows + tick, side="right") - 1]
        return found

    def changes(self, index: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """The ticks at which one thing's value was set, and the values."""
        part = slice(self._ends[index], self._ends[index + 1])
        return self._keys[part] & MAX_TICK, self._values[part]


def merged(many: Sequence[Series]) -> list[tuple[int, tuple[Any, ...]]]:
    """Several fields of one thing as one: at each tick at which any of them changes, the values of all."""
    if all(len(each) == 1 for each in many):  # most things never change
        return [(0, tuple(each[0][1] for each in many))]
    ticks = sorted({tick for each in many for tick, _ in each})
    columns = []
    for each in many:
        column, at = [], 0
        for tick in ticks:
            while at + 1 < len(each) and each[at + 1][0] <= tick:
                at += 1
            column.append(each[at][1])
        columns.append(column)
    return list(zip(ticks, zip(*columns, strict=True), strict=True))
