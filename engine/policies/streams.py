"""Random numbers for rows of several envs: one stream for each env, whatever is played beside it.

Owned by the policy that draws from it; one thread at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_LOW_HALF = (1 << 64) - 1

Seeds = int | Sequence[int]
"""One seed for all rows; or several, each for an equal share of the rows, in their order."""


class Streams:
    """Draws for many rows, each share of them from a stream of its own. Sizes begin with the rows."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self._streams = [np.random.Generator(np.random.PCG64(seed)) for seed in seeds]

    def integers(self, low: int, high: int, size: int, dtype: DTypeLike = np.int64) -> NDArray[Any]:
        """(size,) from low to below high."""
        share = size // len(self._streams)
        return np.concatenate([stream.integers(low, high, share, dtype) for stream in self._streams])

    def random(self, size: int | tuple[int, ...]) -> NDArray[np.float64]:
        """From 0 to below 1."""
        rows, *others = (size,) if isinstance(size, int) else size
        share = (rows // len(self._streams), *others)
        return np.concatenate([stream.random(share) for stream in self._streams])

    def state(self) -> NDArray[np.int64]:
        """(streams, 6): where each of them stands."""
        return np.array([_to_words(stream) for stream in self._streams], dtype=np.uint64).view(np.int64)

    def restore(self, state: NDArray[np.int64]) -> None:
        """Go on from where `state` was taken."""
        for stream, words in zip(self._streams, state.view(np.uint64).tolist(), strict=True):
            _from_words(stream, words)


def _to_words(stream: np.random.Generator) -> list[int]:
    """A PCG64's two 128-bit numbers, low half first, and the half of a draw that it keeps."""
    state: dict[str, Any] = dict(stream.bit_generator.state)
    numbers = state["state"]["state"], state["state"]["inc"]
    halves = [half for number in numbers for half in (number & _LOW_HALF, number >> 64)]
    return [*halves, state["has_uint32"], state["uinteger"]]


def _from_words(stream: np.random.Generator, words: list[int]) -> None:
    low, high, inc_low, inc_high, has_half, half = words
    stream.bit_generator.state = {
        "bit_generator": "PCG64",
        "state": {"state": high << 64 | low, "inc": inc_high << 64 | inc_low},
        "has_uint32": has_half,
        "uinteger": half,
    }


def random_of(seed: Seeds) -> Streams:
    """The source of a policy's random numbers."""
    return Streams((seed,) if isinstance(seed, int) else seed)
