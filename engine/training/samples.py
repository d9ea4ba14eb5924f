"""Experience by name, flat over time and rows, and its minibatches.

Built by the trainer thread after a rollout; read by the losses. Nothing here copies until a minibatch is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from engine.policies.networks import PolicyNetwork

from .compute import Compute


@dataclass(frozen=True)
class Samples:
    """N samples. With a memory they are whole sequences, time first: sample = step * sequences + sequence."""

    tensors: Mapping[str, Tensor]  # each (N, ...); a loss declares the names it needs
    memory: Tensor | None = None  # (sequences, memory size) before the first step; None: samples stand alone
    length: int = 1  # steps of a sequence

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name]

    def __len__(self) -> int:
        return len(next(iter(self.tensors.values())))

    def to(self, device: torch.device) -> Samples:
        """The same on a device; nothing is copied where they are there."""
        tensors = {name: tensor.to(device) for name, tensor in self.tensors.items()}
        return Samples(tensors, None if self.memory is None else self.memory.to(device), self.length)

    def shares(self, count: int) -> list[Samples]:
        """Cut into `count` nearly equal parts, sequences kept whole; of few sequences, some are empty."""
        return [self] if count == 1 else [self._between(*ends) for ends in _cut(len(self) // self.length, count)]

    def gathered(self) -> Samples:
        """Themselves: they are."""
        return self

    def _between(self, first: int, stop: int) -> Samples:
        tensors = {
            name: _by_step(tensor, self.length)[:, first:stop].flatten(0, 1) for name, tensor in self.tensors.items()
        }
        return Samples(tensors, None if self.memory is None else self.memory[first:stop], self.length)


@dataclass(frozen=True)
class Outputs:
    """What a network says about samples, before any loss."""

    logits: Tensor  # (N, actions of all heads), masks not yet applied
    chosen: Tensor  # (N,) log-probability of the sample's action
    values: Tensor  # (N,)
    entropy: Tensor  # (N,) of the legal actions


def evaluated(network: PolicyNetwork, samples: Samples, compute: Compute) -> Outputs:
    """One pass of a network over samples."""
    with torch.autocast(compute.device.type, torch.bfloat16, enabled=compute.half):
        logits, values = _seen_by(network, samples)
    logits, values = logits.float(), values.float()
    chosen, entropy = network.heads.evaluate(logits, samples.tensors.get("masks"), samples["actions"])
    return Outputs(logits, chosen, values, entropy)


def _seen_by(network: PolicyNetwork, samples: Samples) -> tuple[Tensor, Tensor]:
    """Logits (N, actions) and values (N,)."""
    observations = samples["observations"]
    if samples.memory is None:
        return network(observations)  # type: ignore[no-any-return]
    starts = _by_step(samples["starts"], samples.length)  # (L, sequences) bool
    logits, values = network.sequence(_by_step(observations, samples.length), samples.memory, starts)
    return logits.flatten(0, 1), values.flatten()


@dataclass(frozen=True)
class Experience:
    """A rollout as one learner sees it: its own rows of everything, and where its sequences begin."""

    tensors: Mapping[str, Tensor]  # each (T * rows, ...), of all rows of the batch
    horizon: int  # T
    row_count: int  # rows of the batch
    rows: Tensor | None = None  # (own rows,) int64, ascending; None: all
    memories: Tensor | None = None  # (chunks, own rows, memory size) before the first step of each chunk
    length: int = 1  # steps of a chunk; 1 without memory

    @property
    def own_rows(self) -> int:
        """Rows of this learner."""
        return self.row_count if self.rows is None else len(self.rows)

    def __len__(self) -> int:
        return self.horizon * self.own_rows

    @property
    def device(self) -> torch.device:
        """Where all of it is."""
        return next(iter(self.tensors.values())).device

    def column(self, name: str) -> Tensor:
        """(T, own rows, ...) of one name."""
        table = _by_step(self.tensors[name], self.horizon)
        return table if self.rows is None else table.index_select(1, self.rows)

    def steps(self) -> Iterator[Samples]:
        """The own rows' samples of each step, in order of time."""
        for t in range(self.horizon):
            rows = slice(t * self.row_count, (t + 1) * self.row_count)
            tables = {name: tensor[rows] for name, tensor in self.tensors.items()}
            own = self.rows
            yield Samples(tables if own is None else {name: table[own] for name, table in tables.items()})

    def minibatches(self, size: int, generator: torch.Generator, shard: Shard) -> Iterator[tuple[Minibatch, int]]:
        """All samples once, shuffled, in minibatches; with how many samples all ranks together have in each.

        Sequences are shuffled whole. The order is drawn for all ranks, and each takes what is its own of it: the
        minibatches of two ranks are together those of one.
        """
        chunks = self.horizon // self.length
        order = torch.randperm(chunks * self.own_rows * shard.count, generator=generator)
        for picked in torch.split(order, size // self.length):
            own = shard.own(picked, self.own_rows).to(self.device)
            yield Minibatch(self, own), len(picked) * self.length


@dataclass(frozen=True)
class Minibatch:
    """Some of an experience's sequences, by number: chunk * own rows + own row. Who learns from them gathers them."""

    experience: Experience
    picked: Tensor  # (sequences,)

    def __len__(self) -> int:
        return len(self.picked) * self.experience.length

    def shares(self, count: int) -> list[Minibatch]:
        """Cut into `count` nearly equal parts; of few sequences, some are empty."""
        cut = _cut(len(self.picked), count)
        return [Minibatch(self.experience, self.picked[first:stop]) for first, stop in cut]

    def column(self, name: str) -> Tensor:
        """(N, ...) of one name."""
        return self.experience.tensors[name].index_select(0, self._indices)

    def gathered(self) -> Samples:
        """The samples. index_select: ten times faster than indexing on byte rows."""
        whole, indices = self.experience, self._indices
        tensors = {name: tensor.index_select(0, indices) for name, tensor in whole.tensors.items()}
        if whole.memories is None:
            return Samples(tensors)
        chunk, row = self._places
        return Samples(tensors, whole.memories[chunk, row], whole.length)

    @property
    def _places(self) -> tuple[Tensor, Tensor]:
        """(sequences,) chunk and own row of each."""
        rows = self.experience.own_rows
        return self.picked.div(rows, rounding_mode="floor"), self.picked.remainder(rows)

    @property
    def _indices(self) -> Tensor:
        """(N,) places in the experience's tensors, time first."""
        whole = self.experience
        if whole.rows is None and whole.length == 1:
            return self.picked
        chunk, row = self._places
        columns = row if whole.rows is None else whole.rows[row]
        steps = torch.arange(whole.length, device=whole.device).unsqueeze(1) + chunk * whole.length
        return (steps * whole.row_count + columns).flatten()


@dataclass(frozen=True)
class Shard:
    """Which part of the global batch this process has: rank 0 of 1 unless torchrun started several."""

    rank: int = 0
    count: int = 1

    def own(self, picked: Tensor, rows: int) -> Tensor:
        """Of global numbers time * (rows of all ranks) + row: those of this rank, as its own numbers."""
        if self.count == 1:
            return picked
        time, row = picked.div(rows * self.count, rounding_mode="floor"), picked.remainder(rows * self.count)
        own = row.div(rows, rounding_mode="floor") == self.rank
        return time[own] * rows + row[own] % rows


def _cut(total: int, count: int) -> Iterator[tuple[int, int]]:
    """(first, stop) of nearly equal parts."""
    return pairwise(total * part // count for part in range(count + 1))


def _by_step(tensor: Tensor, steps: int) -> Tensor:
    """(steps * n, ...) as (steps, n, ...)."""
    return tensor.view(steps, len(tensor) // steps, *tensor.shape[1:])  # no -1: a rank may have nothing
