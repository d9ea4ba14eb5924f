"""What a policy decides at a step: actions, and how likely it thought each of them.

Plain values; any thread; no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Actions = NDArray[np.int32]
Masks = NDArray[np.uint8] | None
Ended = NDArray[np.bool_]
State = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Decision:
    """Of all rows, at one step."""

    actions: Actions
    """(rows,), or (rows, heads) of several heads."""
    probabilities: NDArray[np.float32] | None = None
    """(rows, actions of all heads) that the actions were drawn by. None where the policy cannot say; of rows that are
    played by one that cannot, NaN."""
    values: NDArray[np.float32] | None = None
    """(rows,) of what the policy expects to earn from here on, discounted; None and NaN likewise."""


def entropy_of(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Entropy (...) in nats of probabilities (..., actions): 0 where one action is certain, log n where n are alike.

    Of several heads it is the sum over them. NaN stays NaN.
    """
    logs = np.log(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    entropy: NDArray[np.float32] = -(probabilities * logs).sum(axis=-1)
    return entropy + np.float32(0)  # -0 is no entropy that anybody wants to read


def most_entropy(head_sizes: Sequence[int]) -> float:
    """The largest entropy, in nats, of choices among so many actions each."""
    return float(np.log(np.asarray(head_sizes, dtype=np.float64)).sum())
