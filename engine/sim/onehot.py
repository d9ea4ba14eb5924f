"""Linear layers over one-hot bytes, computed in C: sums of the weight rows that bytes select, and their gradient.

Immutable; any thread, several at once: C lets go of the interpreter and keeps nothing between calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .native import check, ffi, lib

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

MAX_BYTES: int = lib.GW_MAX_CODED
"""Bytes of an observation that one layer may read."""


class OneHot:
    """Which bytes of an observation are codes, and of how many values. A code too large counts as the largest.

    The weight has a row for each byte and value: all values of a span's first byte, then those of the next, then the
    next span's.
    """

    def __init__(self, spans: Sequence[tuple[int, int, int]]) -> None:
        """Take the layout.

        Args:
            spans: (first byte, bytes, values 1..256) of bytes that take the same values.
        """
        self.spans = tuple(spans)
        self.weight_rows = sum(count * values for _, count, values in self.spans)
        self._spans = ffi.new("gw_span[]", [list(span) for span in self.spans])

    def __reduce__(self) -> tuple[type[OneHot], tuple[tuple[tuple[int, int, int], ...]]]:
        return OneHot, (self.spans,)  # a copied network makes its own memory of C

    def sum_into(self, sums: Floats, observations: Bytes, weight: Floats) -> None:
        """Write the sum of the weight's rows that each observation selects.

        Args:
            sums: (rows, width), C-contiguous as all arrays here.
            observations: (rows, bytes).
            weight: (weight_rows, width).

        Raises:
            SimError: a span lies outside of the observation, or the weight has other rows.
        """
        assert sums.shape == (len(observations), weight.shape[1])
        layer, rows = self._layer(observations, weight.shape[1]), len(observations)
        check(lib.gw_onehot_sum(layer, _bytes(observations), rows, _floats(weight), len(weight), _floats(sums)))

    def gradient_into(self, out: Floats, observations: Bytes, gradient: Floats, total: Floats) -> None:
        """Write the gradient of the weight.

        Args:
            out: (weight_rows, width).
            gradient: (rows, width) of the sums.
            total: (width,) its sum over the rows, which the caller is quicker to know.

        Raises:
            SimError: a span lies outside of the observation, or `out` has other rows.
        """
        assert gradient.shape == (len(observations), out.shape[1])
        assert total.shape == (out.shape[1],)
        layer, rows = self._layer(observations, out.shape[1]), len(observations)
        given = _floats(gradient), _floats(total)
        check(lib.gw_onehot_gradient(layer, _bytes(observations), rows, *given, _floats(out), len(out)))

    def _layer(self, observations: Bytes, width: int) -> Any:
        assert observations.ndim == 2
        return ffi.new("gw_onehot *", [self._spans, len(self.spans), observations.shape[1], width])


def _bytes(array: Bytes) -> Any:
    assert array.dtype == np.uint8  # from_buffer looks at neither type nor order
    assert array.flags.c_contiguous
    return ffi.from_buffer("uint8_t[]", array)


def _floats(array: Floats) -> Any:
    assert array.dtype == np.float32
    assert array.flags.c_contiguous
    return ffi.from_buffer("float[]", array)
