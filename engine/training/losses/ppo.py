"""Proximal policy optimisation: clipped surrogate, value loss, entropy bonus (Schulman et al. 2017).

Pure functions over tensors, and the plug-in that adds them up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from engine.training.samples import Outputs, Samples

from .base import Loss


class PpoLoss(Loss):
    """Learns from the rollout's advantages and returns. Reads clip, value_clip and both coefficients from hyper."""

    name: ClassVar[str] = "ppo"
    keys: ClassVar[frozenset[str]] = frozenset({"actions", "log_probs", "values", "advantages", "returns"})
    metrics: ClassVar[tuple[str, ...]] = (
        "train/policy_gradient_loss",
        "train/value_loss",
        "train/entropy",
        "train/approx_kl",
        "train/clip_fraction",
    )

    def compute(self, outputs: Outputs, samples: Samples, hyper: Mapping[str, float]) -> tuple[Tensor, Tensor]:
        log_ratio = outputs.chosen - samples["log_probs"]
        policy = policy_loss(log_ratio, samples["advantages"], hyper["clip"])
        value = value_loss(outputs.values, samples["values"], samples["returns"], hyper["value_clip"])
        entropy = outputs.entropy.mean()
        loss = policy + hyper["value_coefficient"] * value - hyper["entropy_coefficient"] * entropy
        with torch.no_grad():
            ratio = log_ratio.exp()
            kl = (ratio - 1 - log_ratio).mean()  # Schulman's k3: unbiased, never negative
            clipped = ((ratio - 1).abs() > hyper["clip"]).float().mean()
            return loss, torch.stack([policy, value, entropy, kl, clipped])


def policy_loss(log_ratio: Tensor, advantages: Tensor, clip: float) -> Tensor:
    """The clipped surrogate: what a change of probability is worth, but for the part that goes too far."""
    ratio = log_ratio.exp()
    return -torch.min(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages).mean()


def value_loss(values: Tensor, old_values: Tensor, returns: Tensor, value_clip: float) -> Tensor:
    """Half the squared error; with a clip, the worse of it and of that of a value that moved no further."""
    error = (values - returns).square()
    if value_clip > 0:
        near = old_values + (values - old_values).clamp(-value_clip, value_clip)
        error = torch.max(error, (near - returns).square())
    return 0.5 * error.mean()
