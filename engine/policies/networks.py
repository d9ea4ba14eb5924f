"""Policy networks over byte observations: `mlp` (default) and a small `cnn`.

A network is owned by one trainer or one TorchPolicy and used by one thread at a time. Input is the engine's
uint8 rows as they are; one-hot and scaling happen inside, so nobody else knows the layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .architecture import Architecture
from .signature import ByteGroup, Signature

_CHUNK_ROWS = 1024  # rows of one-hot floats made at a time: they stay in the cache (2.9 -> 1.1 us a row, Zen 4)
_RARE_SHARE = 0.07  # of a group's bytes: picking one costs 25 ns, a column of the product 1.9 ns a row and byte
_CONV_CHANNELS = (16, 32)  # twice as many in the first take twice the time


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


class PolicyNetwork(nn.Module):
    """A network with an action head and a value head, and the names it was made for."""

    def __init__(self, architecture: Architecture, signature: Signature) -> None:
        super().__init__()
        self.architecture = architecture
        self.signature = signature

    def forward(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 (B, observation size) -> logits (B, actions), values (B,)."""
        raise NotImplementedError


class MlpNetwork(PolicyNetwork):
    """One-hot cells and self vector through fully connected layers; trunks shared or apart."""

    def __init__(self, architecture: Architecture, signature: Signature, generator: torch.Generator) -> None:
        super().__init__(architecture, signature)
        self.trunk_count = 1 if architecture.shared_trunk else 2
        width = architecture.hidden[0]
        self.entry = OneHotLinear(signature.plane_groups() + signature.coded_self_groups(), width * self.trunk_count)
        self.amounts = ScaledSelf(signature)
        self.amount_entry = nn.Linear(self.amounts.count, width * self.trunk_count)  # its bias is the whole entry's
        self.trunks = nn.ModuleList(_dense_layers(architecture.hidden, generator) for _ in range(self.trunk_count))
        self.policy_head = _linear(architecture.hidden[-1], len(signature.actions), 0.01, generator)
        self.value_head = _linear(architecture.hidden[-1], 1, 1.0, generator)
        self._init_entry(width, generator)

    def forward(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        entered = self.entry(observations) + self.amount_entry(self.amounts(observations))  # (B, width * trunks)
        features = [trunk(part) for trunk, part in zip(self.trunks, entered.chunk(self.trunk_count, 1), strict=True)]
        return self.policy_head(features[0]), self.value_head(features[-1]).squeeze(1)

    def _init_entry(self, width: int, generator: torch.Generator) -> None:
        """The two entries are one matrix over all inputs, orthogonal for each trunk."""
        with torch.no_grad():
            for trunk in range(self.trunk_count):
                columns = slice(trunk * width, (trunk + 1) * width)
                whole = torch.empty(len(self.entry.weight) + self.amounts.count, width)
                nn.init.orthogonal_(whole, sqrt(2), generator)
                self.entry.weight[:, columns] = whole[: len(self.entry.weight)]
                self.amount_entry.weight[columns] = whole[len(self.entry.weight) :].t()
            nn.init.zeros_(self.amount_entry.bias)


class CnnNetwork(PolicyNetwork):
    """Two 3 x 3 convolutions over the one-hot window, then fully connected layers; one trunk."""

    def __init__(self, architecture: Architecture, signature: Signature, generator: torch.Generator) -> None:
        super().__init__(architecture, signature)
        self.planes = signature.plane_groups()
        self.coded = signature.coded_self_groups()
        self.amounts = ScaledSelf(signature)
        first, second = _CONV_CHANNELS
        self.convolutions = nn.Sequential(
            nn.Conv2d(sum(group.classes for group in self.planes), first, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(first, second, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        for layer in (self.convolutions[0], self.convolutions[2]):
            _init(layer, sqrt(2), generator)
        cells = ((signature.window_height + 1) // 2) * ((signature.window_width + 1) // 2)
        flat = cells * second + sum(group.classes for group in self.coded) + self.amounts.count
        self.entry = _linear(flat, architecture.hidden[0], sqrt(2), generator)
        self.trunk = _dense_layers(architecture.hidden, generator)
        self.policy_head = _linear(architecture.hidden[-1], len(signature.actions), 0.01, generator)
        self.value_head = _linear(architecture.hidden[-1], 1, 1.0, generator)

    def forward(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        size = (len(observations), self.signature.window_height, self.signature.window_width, -1)
        window = torch.cat(
            [_one_hot(observations, group).view(size) for group in self.planes], dim=3
        )  # (B, h, w, classes)
        seen = self.convolutions(window.permute(0, 3, 1, 2)).flatten(1)
        own = [_one_hot(observations, group).flatten(1) for group in self.coded]
        features = self.trunk(self.entry(torch.cat([seen, *own, self.amounts(observations)], dim=1)))
        return self.policy_head(features), self.value_head(features).squeeze(1)


def _one_hot(observations: Tensor, group: ByteGroup) -> Tensor:
    identity = torch.eye(group.classes, device=observations.device)
    return F.embedding(observations[:, group.start : group.start + group.count].int(), identity)  # (B, bytes, classes)


def _dense_layers(hidden: Sequence[int], generator: torch.Generator) -> nn.Sequential:
    """What follows the entry: its activation, then the other hidden layers."""
    layers: list[nn.Module] = [nn.ReLU()]  # 0.01 us a row where tanh takes 0.16
    for width_in, width_out in pairwise(hidden):
        layers += [_linear(width_in, width_out, sqrt(2), generator), nn.ReLU()]
    return nn.Sequential(*layers)


def _linear(width_in: int, width_out: int, gain: float, generator: torch.Generator) -> nn.Linear:
    layer = nn.Linear(width_in, width_out)
    _init(layer, gain, generator)
    return layer


def _init(layer: nn.Module, gain: float, generator: torch.Generator) -> None:
    """Orthogonal weights and zero biases."""
    assert isinstance(layer, nn.Linear | nn.Conv2d)
    nn.init.orthogonal_(layer.weight, gain, generator)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def build_network(architecture: Architecture, signature: Signature, seed: int) -> PolicyNetwork:
    """A freshly initialised network. The seed alone decides its weights; no global stream is touched."""
    generator = torch.Generator().manual_seed(seed)
    network = MlpNetwork if architecture.kind == "mlp" else CnnNetwork
    return network(architecture, signature, generator)


def log_probabilities(logits: Tensor) -> Tensor:
    """log softmax over actions. By logsumexp: 5 times faster than torch's on rows this short."""
    return logits - logits.logsumexp(1, keepdim=True)


def sample_actions(log_probs: Tensor, generator: torch.Generator | None) -> Tensor:
    """One action per row of log-probabilities (B, actions) -> (B,) int64, with one random number a row."""
    cumulated = log_probs.exp().cumsum(1)  # (B, actions)
    drawn = torch.rand((len(log_probs), 1), generator=generator) * cumulated[:, -1:]
    actions = (cumulated <= drawn).sum(1)
    return actions.clamp_(max=log_probs.shape[1] - 1)  # a draw may round up to the whole sum
