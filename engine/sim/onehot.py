"""Linear layers over one-hot bytes and amounts, computed in C: sums of weight rows, and their gradient.

Immutable; any thread, several at once: C lets go of the interpreter and keeps nothing between calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .native import bytes_of, check, ffi, floats_of, lib

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

MAX_BYTES: int = lib.GW_MAX_CODED
"""Bytes of an observation that one layer may read."""


class OneHot:
    """Which bytes of an observation are codes, of how many values, and which are amounts.

    The weight has a row for each byte and value: all values of a span's first byte, then those of the next, then the
    next span's. A code too large counts as the largest. Another matrix has a row for each amount.
    """

    def __init__(self, spans: Sequence[tuple[int, int, int]], amounts: Sequence[tuple[int, float]] = ()) -> None:
        """Take the layout.

        Args:
            spans: (first byte, bytes, values 1..256) of bytes that take the same values.
            amounts: (byte, what one of it counts).
        """
        self.spans, self.amounts = tuple(spans), tuple(amounts)
        self.weight_rows = sum(count * values for _, count, values in self.spans)
        self._spans = ffi.new("gw_span[]", [list(span) for span in self.spans])
        self._amounts = ffi.new("gw_scaled[]", [list(amount) for amount in self.amounts])

    def __reduce__(self) -> tuple[type[OneHot], tuple[Any, ...]]:
        return OneHot, (self.spans, self.amounts)  # a copied network makes its own memory of C

    def sum_into(self, sums: Floats, observations: Bytes, weight: Floats, amount_weight: Floats, bias: Floats) -> None:
        """Write bias + the weight's rows that each observation selects + its amounts times theirs.

        Args:
            sums: (rows, width), C-contiguous as all arrays here.
            observations: (rows, bytes).
            weight: (weight_rows, width).
            amount_weight: (amounts, width).
            bias: (width,).

        Raises:
            SimError: a span or an amount lies outside of the observation, or the weight has other rows.
        """
        width = weight.shape[1]
        assert sums.shape == (len(observations), width)
        assert amount_weight.shape == (len(self.amounts), width)
        assert bias.shape == (width,)
        layer, rows = self._layer(observations, width), len(observations)
        given = floats_of(weight), len(weight), floats_of(amount_weight), floats_of(bias)
        check(lib.gw_onehot_sum(layer, bytes_of(observations), rows, *given, floats_of(sums)))

    def gradient_into(
        self, out: Floats, amount_out: Floats, observations: Bytes, gradient: Floats, total: Floats
    ) -> None:
        """Write the gradients of both weights.

        Args:
            out: (weight_rows, width).
            amount_out: (amounts, width).
            gradient: (rows, width) of the sums.
            total: (width,) its sum over the rows, which is the bias's gradient.

        Raises:
            SimError: a span or an amount lies outside of the observation, or `out` has other rows.
        """
        assert gradient.shape == (len(observations), out.shape[1])
        assert amount_out.shape == (len(self.amounts), out.shape[1])
        assert total.shape == (out.shape[1],)
        layer, rows = self._layer(observations, out.shape[1]), len(observations)
        given = floats_of(gradient), floats_of(total)
        written = floats_of(out), len(out), floats_of(amount_out)
        check(lib.gw_onehot_gradient(layer, bytes_of(observations), rows, *given, *written))

    def _layer(self, observations: Bytes, width: int) -> Any:
        assert observations.ndim == 2
        sizes = len(self.spans), len(self.amounts), observations.shape[1], width
        return ffi.new("gw_onehot *", [self._spans, self._amounts, *sizes])
