"""What logits mean as choices of actions, computed in C: log-probabilities, entropies, their gradient, and draws.

Immutable; any thread, several at once: C lets go of the interpreter and keeps nothing between calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .native import bytes_of, check, ffi, floats_of, lib, whole_of

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Whole = NDArray[np.int32]


class Heads:
    """Independent choices: how many actions each has. Logits of all heads stand side by side."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = tuple(sizes)
        self._sizes = ffi.new("int32_t[]", list(sizes))

    def __reduce__(self) -> tuple[type[Heads], tuple[tuple[int, ...]]]:
        return Heads, (self.sizes,)  # a copied network makes its own memory of C

    def evaluate_into(
        self, chosen: Floats, entropy: Floats, logits: Floats, masks: Bytes | None, actions: Whole
    ) -> None:
        """Write the log-probability of each row's actions and the entropy in nats, summed over the heads.

        Args:
            chosen, entropy: (rows,).
            logits: (rows, actions of all heads), in any order of memory; the other arrays are C-contiguous.
            masks: like the logits, 1 = legal. Where a head has no legal action, all of its actions are.
            actions: (rows, heads).

        Raises:
            SimError: an action is none of its head.
        """
        heads = self._described(logits, masks)
        assert chosen.shape == entropy.shape == (len(logits),)
        assert actions.shape == (len(logits), len(self.sizes))
        check(lib.gw_heads_evaluate(heads, whole_of(actions), floats_of(chosen), floats_of(entropy)))

    def gradient_into(
        self,
        gradient: Floats,
        logits: Floats,
        masks: Bytes | None,
        actions: Whole,
        of_chosen: Floats,
        of_entropy: Floats,
    ) -> None:
        """Write the gradient of the logits (actions of all heads, rows), from those of what `evaluate_into` wrote."""
        heads = self._described(logits, masks)
        assert gradient.shape == logits.shape[::-1]
        assert of_chosen.shape == of_entropy.shape == (len(logits),)
        assert actions.shape == (len(logits), len(self.sizes))
        given = whole_of(actions), floats_of(of_chosen), floats_of(of_entropy)
        check(lib.gw_heads_gradient(heads, *given, floats_of(gradient)))

    def draw_into(self, actions: Whole, chosen: Floats, logits: Floats, masks: Bytes | None, uniforms: Floats) -> None:
        """Draw actions (rows, heads), and write their log-probability (rows,).

        Args:
            uniforms: (rows, heads) from 0 to below 1, one for each choice.
        """
        heads = self._described(logits, masks)
        assert chosen.shape == (len(logits),)
        assert actions.shape == uniforms.shape == (len(logits), len(self.sizes))
        check(lib.gw_heads_draw(heads, floats_of(uniforms), whole_of(actions), floats_of(chosen)))

    def _described(self, logits: Floats, masks: Bytes | None) -> Any:
        assert logits.dtype == np.float32
        assert logits.ndim == 2
        assert logits.shape[1] == sum(self.sizes)
        assert masks is None or masks.shape == logits.shape
        row_step, action_step = (stride // logits.itemsize for stride in logits.strides)
        first = ffi.cast("float *", logits.__array_interface__["data"][0])  # from_buffer takes contiguous arrays alone
        legal = ffi.NULL if masks is None else bytes_of(masks)
        return ffi.new("gw_heads *", [self._sizes, len(self.sizes), row_step, action_step, first, legal, len(logits)])
