"""Layers that several networks are made of, over observations of planes; and how fresh weights are drawn.

Parts of a PolicyNetwork; used by its thread.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise
from math import sqrt
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.sim.onehot import OneHot

from .signature import ByteGroup, Signature

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)


class OneHotLinear(nn.Module):
    """A linear layer over one-hot bytes that it never builds, and over bytes that are amounts; with its ReLU.

    One weight row per (byte, value); an output is the sum of the rows that the bytes select, which C adds up faster
    than a matrix product that is mostly zeros (0.3 against 1.2 us a row). Where C has no hand, torch does the same.
    """

    first_rows: Tensor  # (bytes,) int32: weight row of value 0 of each byte
    columns: Tensor  # (amounts,) bytes of the observation
    scales: Tensor  # (amounts,)

    def __init__(self, groups: Sequence[ByteGroup], width: int, amounts: Sequence[tuple[int, float]] = ()) -> None:
        """Make the layer; its owner has the amounts' weights, and the bias.

        Args:
            amounts: (byte of the observation, what one of it counts).
        """
        super().__init__()
        self.groups = tuple(groups)
        self.layout = OneHot([(group.start, group.count, group.classes) for group in groups], amounts)
        self.weight = nn.Parameter(torch.zeros(self.layout.weight_rows, width))
        first_rows = [0]
        for group in groups:
            for _ in range(group.count):
                first_rows.append(first_rows[-1] + group.classes)
        self.register_buffer("first_rows", torch.tensor(first_rows[:-1], dtype=torch.int32), persistent=False)
        columns = torch.tensor([byte for byte, _ in amounts], dtype=torch.int64)
        self.register_buffer("columns", columns, persistent=False)
        self.register_buffer("scales", torch.tensor([scale for _, scale in amounts]), persistent=False)

    def forward(self, observations: Tensor, amount_weight: Tensor, bias: Tensor) -> Tensor:
        """(B, observation size) uint8 -> (B, width).

        Args:
            amount_weight: (width, amounts), as an nn.Linear has it.
            bias: (width,).
        """
        if is_plain(self.weight):
            given = observations, self.weight, amount_weight, bias, self.layout
            summed: Tensor = _Selected.apply(*given)  # type: ignore[no-untyped-call]
            return summed
        codes = torch.cat([observations[:, group.start : group.start + group.count] for group in self.groups], dim=1)
        selected = F.embedding_bag(codes + self.first_rows, self.weight, mode="sum")  # uint8 + int32 is int32
        amounts = observations.index_select(1, self.columns) * self.scales
        return F.relu(selected + F.linear(amounts, amount_weight, bias))


class _Selected(torch.autograd.Function):
    """The bias, the weight rows that the bytes select, and the amounts times theirs, in C; then ReLU."""

    @staticmethod
    def forward(
        ctx: Any, observations: Tensor, weight: Tensor, amount_weight: Tensor, bias: Tensor, layout: OneHot
    ) -> Tensor:
        observations = observations.contiguous()
        ctx.layout = layout
        sums = weight.new_empty(len(observations), weight.shape[1])
        parts = (part.detach().contiguous().numpy() for part in (weight, amount_weight.t(), bias))
        layout.sum_into(sums.numpy(), observations.numpy(), *parts)
        sums.relu_()
        ctx.save_for_backward(observations, sums)
        return sums

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor, Tensor, Tensor, None]:
        observations, out = ctx.saved_tensors
        layout, gradient = ctx.layout, _through_relu(gradients[0], out)
        total, width = gradient.sum(0), gradient.shape[1]
        written, amounts = gradient.new_empty(layout.weight_rows, width), gradient.new_empty(len(layout.amounts), width)
        given = observations.numpy(), gradient.numpy(), total.numpy()
        layout.gradient_into(written.numpy(), amounts.numpy(), *given)
        return None, written, amounts.t().contiguous(), total, None  # fused Adam looks at no strides


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


class Dense(nn.Linear):
    """A linear layer and its activation. ReLU: 0.01 us a row where tanh takes 0.16."""

    def forward(self, features: Tensor) -> Tensor:
        """(B, width in) -> (B, width out)."""
        if is_plain(features):
            activated: Tensor = _Dense.apply(features, self.weight, self.bias)  # type: ignore[no-untyped-call]
            return activated
        return F.relu(super().forward(features))


class _Dense(torch.autograd.Function):
    """As autograd does it, but for the ReLU, which takes place in the product's memory."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        out = torch.addmm(bias, features, weight.t()).relu_()
        ctx.save_for_backward(features, weight, out)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        features, weight, out = ctx.saved_tensors
        gradient = _through_relu(gradients[0], out)
        needed = gradient @ weight if ctx.needs_input_grad[0] else None
        return needed, gradient.t() @ features, gradient.sum(0)


class Narrow(nn.Linear):
    """A linear layer with few outputs, whose rows are columns in memory: written so it takes a third of the time."""

    def forward(self, features: Tensor) -> Tensor:
        """(B, width in) -> (B, width out)."""
        if not is_plain(features):
            return super().forward(features)
        columns: Tensor = _Columns.apply(features, self.weight, self.bias)  # type: ignore[no-untyped-call]
        return columns.t()


class _Columns(torch.autograd.Function):
    """weight @ features.t() + bias, (width out, B); its gradients keep their rows in order."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(features, weight)
        return torch.addmm(bias.unsqueeze(1), weight, features.t())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        features, weight = ctx.saved_tensors
        (gradient,) = gradients
        needed = gradient.t() @ weight if ctx.needs_input_grad[0] else None
        return needed, gradient @ features, gradient.sum(1)


def is_plain(tensor: Tensor) -> bool:
    """Whether it is for our own code: float32 in the CPU's memory, and no other precision asked for."""
    return tensor.device.type == "cpu" and tensor.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")


def _through_relu(gradient: Tensor, out: Tensor) -> Tensor:
    """The gradient before a ReLU, of that behind it."""
    return torch.ops.aten.threshold_backward(gradient.contiguous(), out, 0)  # type: ignore[no-any-return]


def dense_layers(hidden: Sequence[int], generator: torch.Generator) -> nn.Sequential:
    """The hidden layers that follow the entry."""
    layers: dict[str, nn.Module] = {}
    for width_in, width_out in pairwise(hidden):
        name = str(2 * len(layers) + 1)  # as checkpoints know them
        layers[name] = init(Dense(width_in, width_out), sqrt(2), generator)
    return nn.Sequential(OrderedDict(layers))


def linear(width_in: int, width_out: int, gain: float, generator: torch.Generator) -> nn.Linear:
    return init(nn.Linear(width_in, width_out), gain, generator)


def init(layer: Layer, gain: float, generator: torch.Generator) -> Layer:
    """Orthogonal weights and zero biases, of a layer that is handed back."""
    nn.init.orthogonal_(layer.weight, gain, generator)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
