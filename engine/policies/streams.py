"""Random numbers for rows of several envs: one stream for each env, whatever is played beside it.

Owned by the policy that draws from it; one thread at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Seeds = int | Sequence[int]
"""One seed for all rows; or several, each for an equal share of the rows, in their order."""


class Streams:
    """Draws for many rows, each share of them from a stream of its own. Sizes begin with the rows."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self._streams = [np.random.default_rng(seed) for seed in seeds]

    def integers(self, low: int, high: int, size: int, dtype: DTypeLike = np.int64) -> NDArray[Any]:
        """(size,) from low to below high."""
        share = size // len(self._streams)
        return np.concatenate([stream.integers(low, high, share, dtype) for stream in self._streams])

    def random(self, size: int | tuple[int, ...]) -> NDArray[np.float64]:
        """From 0 to below 1."""
        rows, *others = (size,) if isinstance(size, int) else size
        share = (rows // len(self._streams), *others)
        return np.concatenate([stream.random(share) for stream in self._streams])


def random_of(seed: Seeds) -> np.random.Generator | Streams:
    """The source of a policy's random numbers."""
    return np.random.default_rng(seed) if isinstance(seed, int) else Streams(seed)
