"""The processes that train one network together, each on its share of the envs; most often there is one.

Owned by the trainer and used by its thread. Sums over ranks are taken in one order everywhere, so every rank computes
the same update and no weights are sent. What is sent is numbers, JSON and safetensors: never a pickle.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from datetime import timedelta
from typing import Any, Final

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import ConfigError, RankLost
from engine.sim import Episodes

from .report import joined
from .samples import Shard
from .torchrun import Place

_PATIENCE: Final = timedelta(minutes=10)
"""How long a rank waits for another: the first one evaluates and saves while the others wait. One that dies is noticed
at once, by its connection."""


class Ranks:
    """Sums and means over all ranks; with one rank, over this process alone and at no cost."""

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.shard = Shard(rank, count)

    @classmethod
    def joined(cls, place: Place) -> Ranks:
        """Join the others, and wait for all of them to have come.

        Raises:
            RankLost: they do not come.
        """
        ranks = cls(place.rank, place.count)
        if place.count > 1:
            with ranks._or_words():
                dist.init_process_group(_backend(), rank=place.rank, world_size=place.count, timeout=_PATIENCE)
        return ranks

    def leave(self) -> None:
        """Let go of the others; those that still wait for this one hear that it has gone."""
        if self.count > 1 and dist.is_initialized():
            dist.destroy_process_group()

    @property
    def is_first(self) -> bool:
        """Whether this rank is the one that writes."""
        return self.shard.rank == 0

    @property
    def count(self) -> int:
        """Processes."""
        return self.shard.count

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over ranks, the same on each of them; in place where there are several."""
        if self.count > 1:
            with self._or_words():
                dist.all_reduce(tensor)
        return tensor

    def gathered(self, tensor: Tensor, dim: int) -> Tensor:
        """All ranks' tensors, of one shape, one after the other along a dimension; on every rank."""
        if self.count == 1:
            return tensor
        parts = [torch.empty_like(tensor, memory_format=torch.contiguous_format) for _ in range(self.count)]
        with self._or_words():
            dist.all_gather(parts, tensor.contiguous())
        return torch.cat(parts, dim)

    def own(self, gathered: Tensor, dim: int) -> Tensor:
        """This rank's part of what `gathered` gave."""
        return gathered.chunk(self.count, dim)[self.shard.rank]

    def told(self, value: Any = None) -> Any:
        """What the first rank says, on every rank: anything that JSON can hold. The others' own value is not heard."""
        if self.count == 1:
            return value
        said = json.dumps(value).encode() if self.is_first else b""
        length = torch.tensor([len(said)])
        with self._or_words():
            dist.broadcast(length, src=0)
            data = torch.zeros(int(length), dtype=torch.uint8)
            if self.is_first:
                data.copy_(torch.frombuffer(bytearray(said), dtype=torch.uint8))
            dist.broadcast(data, src=0)
        return json.loads(data.numpy().tobytes())

    def merged(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors of all ranks, on every rank; their names must differ."""
        if self.count == 1:
            return dict(tensors)
        from safetensors.torch import load, save  # deferred: only several ranks need it

        found: dict[str, Tensor] = {}
        for data in self._collected(save(dict(tensors))):
            found.update(load(data))
        return found

    def episodes(self, episodes: Episodes) -> Episodes:
        """The episodes of all ranks, on every rank, in the order of ranks."""
        if self.count == 1:
            return episodes
        names = [each.name for each in fields(Episodes)]
        own = {f"{self.shard.rank}.{name}": torch.from_numpy(np.array(getattr(episodes, name))) for name in names}
        found = {name: tensor.numpy() for name, tensor in self.merged(own).items()}
        return joined([_episodes_of(found, f"{rank}.") for rank in range(self.count)])

    def _collected(self, data: bytes) -> list[bytes]:
        """Every rank's bytes, however many each has."""
        length = torch.tensor([len(data)])
        lengths = self.gathered(length, dim=0).tolist()
        padded = torch.zeros(max(lengths), dtype=torch.uint8)
        padded[: len(data)] = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        parts = self.gathered(padded.unsqueeze(0), dim=0)
        return [part[:size].numpy().tobytes() for part, size in zip(parts, lengths, strict=True)]

    def share_of(self, what: str, total: int) -> int:
        """This rank's part of something that must be cut evenly.

        Raises:
            ConfigError: it cannot be; with the arithmetic.
        """
        if total % self.count:
            raise ConfigError(
                f"{what} {total} cannot be shared by {self.count} ranks",
                hint=f"{what}={total - total % self.count or self.count} can",
            )
        return total // self.count

    def scale_of(self, advantages: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Mean and deviation over all ranks; deviation 1 where they hardly vary: noise is not blown up.

        Args:
            advantages: (own samples,).
            count: samples of all ranks.
        """
        mean = self.sum(advantages.sum()) / count
        deviation = (self.sum((advantages - mean).square().sum()) / count).sqrt()
        return mean, torch.where(deviation > 1e-6, deviation, torch.ones_like(deviation))

    def variance(self, values: Tensor) -> Tensor:
        """Over the values of all ranks."""
        count = values.numel() * self.count
        centred = values - self.sum(values.sum()) / count
        return self.sum(centred.square().sum()) / count

    def explained_variance(self, values: Tensor, returns: Tensor) -> Tensor:
        """Share of the returns' variance that the values foretold: 1 all of it, 0 none, below 0 worse than a
        constant. 0 where the returns do not vary."""
        variance = self.variance(returns)
        share = 1 - self.variance(returns - values) / variance
        return torch.where(variance > 1e-12, share, torch.zeros_like(share))

    @contextmanager
    def _or_words(self) -> Iterator[None]:
        """Whatever goes wrong between processes: somebody has gone, or does not answer."""
        try:
            yield
        except (RuntimeError, ValueError) as error:
            raise RankLost(
                f"rank {self.shard.rank} of {self.count} cannot go on: another rank has ended or does not answer",
                hint="its own last line says why; gridrl resume goes on from the last checkpoint",
            ) from error


def _episodes_of(arrays: Mapping[str, NDArray[Any]], prefix: str) -> Episodes:
    own = {each.name: arrays[prefix + each.name] for each in fields(Episodes) if each.name != "dropped"}
    return Episodes(**own, dropped=int(arrays[f"{prefix}dropped"]))


def _backend() -> str:
    """What carries tensors: gloo those in memory, nccl those on a GPU. Each rank of a machine has its GPU."""
    if not torch.cuda.is_available():
        return "gloo"
    torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
    return "cpu:gloo,cuda:nccl"
