"""What a loss is: named, with the experience it needs, a weight, gates, and metrics of its own.

A loss is a plug-in of the learner: a class with a `LossConfig`, listed in `losses/__init__.py`. It is called by
the learner's threads, several at a time on different samples, so it keeps no state in `compute`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from engine.training.samples import Outputs, Samples


class Loss(ABC):
    """One term of what a learner minimises."""

    name: ClassVar[str]
    keys: ClassVar[frozenset[str]]
    """Names of the experience that it reads, beside the observations."""
    metrics: ClassVar[tuple[str, ...]]
    """Names of what it logs, in the order of `compute`; each a mean over samples. Nothing while its weight is 0."""
    reads_rollout: ClassVar[bool] = True
    """Whether it learns from the rollout; if not, `minibatch` brings its samples."""

    @abstractmethod
    def compute(self, outputs: Outputs, samples: Samples, hyper: Mapping[str, float]) -> tuple[Tensor, Tensor]:
        """The loss as a mean over the samples, and its metrics: a scalar, and (metrics,) without gradient."""

    def minibatch(self, generator: torch.Generator) -> Samples:
        """Samples of its own for the next step, of a loss that does not read the rollout.

        Not called, so nothing is drawn, while its weight is 0: that hangs on saved state alone, so a resumed run draws
        the same.
        """
        raise NotImplementedError(f"{self.name} reads the rollout")
