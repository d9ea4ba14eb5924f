"""Layers that several networks are made of, over observations of planes; and how fresh weights are drawn.

Parts of a PolicyNetwork; used by its thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.sim.onehot import OneHot

from .signature import ByteGroup, Signature


class OneHotLinear(nn.Module):
    """A linear layer, without bias, over one-hot bytes that it never builds.

    One weight row per (byte, value); an output is the sum of the rows that the bytes select, which C adds up faster
    than a matrix product that is mostly zeros (0.3 against 1.2 us a row). Where C has no hand, torch does the same.
    """

    first_rows: Tensor  # (bytes,) int32: weight row of value 0 of each byte

    def __init__(self, groups: Sequence[ByteGroup], width: int) -> None:
        super().__init__()
        self.groups = tuple(groups)
        self.layout = OneHot([(group.start, group.count, group.classes) for group in groups])
        self.weight = nn.Parameter(torch.zeros(self.layout.weight_rows, width))
        first_rows = [0]
        for group in groups:
            for _ in range(group.count):
                first_rows.append(first_rows[-1] + group.classes)
        self.register_buffer("first_rows", torch.tensor(first_rows[:-1], dtype=torch.int32), persistent=False)

    def forward(self, observations: Tensor) -> Tensor:
        """(B, observation size) uint8 -> (B, width)."""
        if self.weight.device.type == "cpu" and self.weight.dtype == torch.float32:
            summed: Tensor = _Selected.apply(observations, self.weight, self.layout)  # type: ignore[no-untyped-call]
            return summed
        codes = torch.cat([observations[:, group.start : group.start + group.count] for group in self.groups], dim=1)
        return F.embedding_bag(codes + self.first_rows, self.weight, mode="sum")  # uint8 + int32 is int32


class _Selected(torch.autograd.Function):
    """The sum of the weight rows that the bytes select; in C."""

    @staticmethod
    def forward(ctx: Any, observations: Tensor, weight: Tensor, layout: OneHot) -> Tensor:
        observations = observations.contiguous()
        ctx.save_for_backward(observations)
        ctx.layout = layout
        sums = weight.new_empty(len(observations), weight.shape[1])
        layout.sum_into(sums.numpy(), observations.numpy(), weight.detach().contiguous().numpy())
        return sums

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor, None]:
        (observations,) = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        total = gradient.sum(0)
        written = gradient.new_empty(ctx.layout.weight_rows, gradient.shape[1])
        ctx.layout.gradient_into(written.numpy(), observations.numpy(), gradient.numpy(), total.numpy())
        return None, written, None


class ScaledSelf(nn.Module):
    """The self features that are amounts, each divided by its largest value."""

    scales: Tensor  # (amounts,)
    columns: Tensor  # (amounts,) bytes of the observation

    def __init__(self, signature: Signature) -> None:
        super().__init__()
        features = signature.scaled_self_features()
        self.count = len(features)
        self.register_buffer(
            "columns", torch.tensor([byte for byte, _ in features], dtype=torch.int64), persistent=False
        )
        scales = torch.tensor([1 / scale for _, scale in features], dtype=torch.float32)
        self.register_buffer("scales", scales, persistent=False)

    def forward(self, observations: Tensor) -> Tensor:
        """(B, observation size) uint8 -> (B, amounts) in 0..1."""
        return observations.index_select(1, self.columns) * self.scales


def dense_layers(hidden: Sequence[int], generator: torch.Generator) -> nn.Sequential:
    """What follows the entry: its activation, then the other hidden layers."""
    layers: list[nn.Module] = [nn.ReLU()]  # 0.01 us a row where tanh takes 0.16
    for width_in, width_out in pairwise(hidden):
        layers += [linear(width_in, width_out, sqrt(2), generator), nn.ReLU()]
    return nn.Sequential(*layers)


def linear(width_in: int, width_out: int, gain: float, generator: torch.Generator) -> nn.Linear:
    layer = nn.Linear(width_in, width_out)
    init(layer, gain, generator)
    return layer


def init(layer: nn.Module, gain: float, generator: torch.Generator) -> None:
    """Orthogonal weights and zero biases."""
    assert isinstance(layer, nn.Linear | nn.Conv2d)
    nn.init.orthogonal_(layer.weight, gain, generator)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
