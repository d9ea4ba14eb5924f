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

from .signature import ByteGroup, Signature

_CHUNK_ROWS = 1024  # rows of one-hot floats made at a time: they stay in the cache (2.9 -> 1.1 us a row, Zen 4)
_RARE_SHARE = 0.07  # of a group's bytes: picking one costs 25 ns, a column of the product 1.9 ns a row and byte


class OneHotLinear(nn.Module):
    """A linear layer, without bias, over one-hot bytes that it never builds on the way forward.

    One weight row per (byte, value); an output is the sum of the rows that the bytes select: a few hundred
    additions of cached rows instead of a matrix product that is mostly zeros (0.3 against 1.2 us a row).
    """

    first_rows: Tensor  # (bytes,) int32: weight row of value 0 of each byte

    def __init__(self, groups: Sequence[ByteGroup], width: int) -> None:
        super().__init__()
        self.groups = tuple(groups)
        first_rows = [0]
        for group in groups:
            for _ in range(group.count):
                first_rows.append(first_rows[-1] + group.classes)
        self.weight = nn.Parameter(torch.zeros(first_rows[-1], width))
        self.register_buffer("first_rows", torch.tensor(first_rows[:-1], dtype=torch.int32), persistent=False)

    def forward(self, observations: Tensor) -> Tensor:
        """(B, observation size) uint8 -> (B, width)."""
        pieces = [observations[:, start:stop] for start, stop in _runs(self.groups)]
        codes = pieces[0] if len(pieces) == 1 else torch.cat(pieces, dim=1)  # (B, bytes)
        summed: Tensor = _SelectedRows.apply(codes, self.first_rows, self.weight, self.groups)  # type: ignore[no-untyped-call]
        return summed


class _SelectedRows(torch.autograd.Function):
    """The sum of the weight rows that the codes select."""

    @staticmethod
    def forward(ctx: Any, codes: Tensor, first_rows: Tensor, weight: Tensor, groups: tuple[ByteGroup, ...]) -> Tensor:
        ctx.save_for_backward(codes)
        ctx.groups = groups
        ctx.weight_rows = weight.shape[0]
        return F.embedding_bag(codes + first_rows, weight, mode="sum")  # uint8 + int32 is int32

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, Tensor, None]:
        (codes,) = ctx.saved_tensors
        (gradient,) = gradients  # (B, width)
        weight_gradient = gradient.new_zeros(ctx.weight_rows, gradient.shape[1])
        byte = row = 0
        for group in ctx.groups:
            rows = group.count * group.classes
            out = weight_gradient[row : row + rows]
            _group_gradient(codes[:, byte : byte + group.count], group, gradient, out)
            byte, row = byte + group.count, row + rows
        return None, None, weight_gradient, None


def _group_gradient(codes: Tensor, group: ByteGroup, gradient: Tensor, out: Tensor) -> None:
    """Write the gradient of a group's weight rows: (bytes * classes, width).

    A byte has exactly one value, so the commonest value's gradient is the whole less the others'. Of the
    others, frequent values go by a product with one-hot rows, rare ones are picked and added.
    """
    by_byte = out.view(group.count, group.classes, -1)
    if group.count == 1:  # too little to gain
        by_byte.copy_(_one_hot_product(codes, list(range(group.classes)), group, gradient))
        return
    sample = codes[:_CHUNK_ROWS].flatten()  # speaks for all: rows are shuffled. It decides the speed, not the result
    counts = torch.bincount(sample, minlength=group.classes).tolist()
    common = counts.index(max(counts))
    frequent = [value for value, n in enumerate(counts) if value != common and n >= _RARE_SHARE * len(sample)]
    _add_picked(codes, [common, *frequent], group.classes, gradient, out)
    if frequent:
        by_byte[:, frequent] = _one_hot_product(codes, frequent, group, gradient)
    by_byte[:, common] = gradient.sum(0) - by_byte.sum(1)


def _one_hot_product(codes: Tensor, values: list[int], group: ByteGroup, gradient: Tensor) -> Tensor:
    """One-hot rows of some values, transposed, times the gradient: (bytes, values, width)."""
    product = gradient.new_zeros(len(values) * group.count, gradient.shape[1])
    wanted = torch.tensor(values, dtype=codes.dtype, device=codes.device)
    one_hot = gradient.new_empty(min(len(codes), _CHUNK_ROWS), len(values) * group.count)
    for start in range(0, len(codes), _CHUNK_ROWS):
        part = codes[start : start + _CHUNK_ROWS]
        rows = one_hot[: len(part)]
        # Written as floats at once: ten times faster than a lookup, or a bool that is converted.
        if group.count == 1:
            torch.eq(part, wanted, out=rows)
        else:
            for place, value in enumerate(values):
                torch.eq(part, value, out=rows[:, place * group.count : (place + 1) * group.count])
        product.addmm_(rows.t(), gradient[start : start + _CHUNK_ROWS])
    return product.view(len(values), group.count, -1).transpose(0, 1)


def _add_picked(codes: Tensor, left_out: list[int], classes: int, gradient: Tensor, out: Tensor) -> None:
    """For each byte and value, but for those left out, the sum of the gradient rows that have it."""
    codes = codes.contiguous()
    picked, other = torch.ones_like(codes), torch.empty_like(codes)
    for value in left_out:  # into bytes, not bools: ten times faster
        picked.mul_(torch.ne(codes, value, out=other))
    rows, bytes_ = picked.nonzero(as_tuple=True)
    slots, order = (bytes_ * classes + codes[rows, bytes_]).sort(stable=True)  # stable: one order of summation
    starts = torch.searchsorted(slots, torch.arange(len(out), device=out.device))
    out.copy_(F.embedding_bag(rows[order], gradient, starts, mode="sum"))


def _runs(groups: Sequence[ByteGroup]) -> list[tuple[int, int]]:
    """Slices (start, stop) of the observation that cover the groups, neighbours joined."""
    runs: list[tuple[int, int]] = []
    for group in groups:
        stop = group.start + group.count
        if runs and runs[-1][1] == group.start:
            runs[-1] = (runs[-1][0], stop)
        else:
            runs.append((group.start, stop))
    return runs


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
