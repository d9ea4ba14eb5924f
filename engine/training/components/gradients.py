"""Norms of gradients and weights, tensor by tensor.

Logs for each tensor of a network, once in n iterations: grads/norm/<tensor> of the gradient of the last minibatch (as
it was applied: clipped), grads/weight/<tensor> of the weights, grads/change/<tensor>, the norm of what the whole
update changed over that of the weights before it. grads/all/norm, grads/all/mean and grads/all/variance are over all
elements of that gradient. Where several learners play, a role's begin with <role>/. Costs a copy of the weights and
one read-back in each iteration that reports, nothing in the others.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from .base import Component, LearnerView, TrainerView
from .config import GradientsConfig


class GradientReporter(Component):
    """Reports on the update of every n-th iteration. Holds a copy of the weights while that update runs."""

    name: ClassVar[str] = "gradients"

    def __init__(self, config: GradientsConfig) -> None:
        self.every = config.every
        self._before: list[list[Tensor]] = []  # by learner and tensor

    def on_rollout_end(self, trainer: TrainerView) -> None:
        networks = [learner.network for learner in trainer.learners]
        self._before = [[weight.detach().clone() for weight in network.parameters()] for network in networks]

    def on_epoch_end(self, trainer: TrainerView) -> None:
        for learner, before in zip(trainer.learners, self._before, strict=True):
            prefix = f"{learner.name}/" if learner.name else ""
            trainer.metrics.update((prefix + name, value) for name, value in _report(learner, before).items())
        self._before = []


def _report(learner: LearnerView, before: list[Tensor]) -> dict[str, float]:
    """grads/* of one learner, with one read-back."""
    parameters = list(learner.network.named_parameters())
    gradients = [torch.zeros_like(weight) if weight.grad is None else weight.grad for _, weight in parameters]
    with torch.no_grad():
        norms = torch.stack([gradient.norm() for gradient in gradients])
        weights = torch.stack([weight.norm() for _, weight in parameters])
        started = torch.stack([weight.norm() for weight in before])
        moved = torch.stack([(weight - old).norm() for (_, weight), old in zip(parameters, before, strict=True)])
        total = torch.stack([gradient.sum() for gradient in gradients]).sum()
        changes = moved / started.clamp(min=1e-12)  # biases begin at 0
        read = torch.stack([norms, weights, changes]).double().tolist()
    count = sum(gradient.numel() for gradient in gradients)
    squares = sum(norm * norm for norm in read[0])
    mean = float(total) / count
    values = {"grads/all/norm": squares**0.5, "grads/all/mean": mean, "grads/all/variance": squares / count - mean**2}
    for kind, numbers in zip(("norm", "weight", "change"), read, strict=True):
        values.update((f"grads/{kind}/{name}", number) for (name, _), number in zip(parameters, numbers, strict=True))
    return values
