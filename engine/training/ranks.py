"""The processes that train one network together, each on its share of the envs; most often there is one.

`torchrun` says through the environment which of them this is. Owned by the trainer and used by its thread. Sums
over ranks are taken in one order everywhere, so every rank computes the same update and no weights are sent.
"""

from __future__ import annotations

import os

import torch
import torch.distributed as dist
from torch import Tensor

from engine.errors import ConfigError

from .samples import Shard


class Ranks:
    """Sums and means over all ranks; with one rank, over this process alone and at no cost."""

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.shard = Shard(rank, count)

    @classmethod
    def of_environment(cls) -> Ranks:
        """Join the others that torchrun started; alone without it."""
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if count == 1:
            return cls()
        if not dist.is_initialized():
            dist.init_process_group("gloo")
        return cls(dist.get_rank(), dist.get_world_size())

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
            dist.all_reduce(tensor)
        return tensor

    def gathered(self, tensor: Tensor, dim: int) -> Tensor:
        """All ranks' tensors, of one shape, one after the other along a dimension; on every rank."""
        if self.count == 1:
            return tensor
        parts = [torch.empty_like(tensor) for _ in range(self.count)]
        dist.all_gather(parts, tensor.contiguous())
        return torch.cat(parts, dim)

    def own(self, gathered: Tensor, dim: int) -> Tensor:
        """This rank's part of what `gathered` gave."""
        return gathered.chunk(self.count, dim)[self.shard.rank]

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

    def normalized(self, advantages: Tensor, count: int) -> Tensor:
        """Mean 0 and deviation 1 over all ranks; only centred where they hardly vary: noise is not blown up.

        Args:
            advantages: (own samples,).
            count: samples of all ranks.
        """
        centred = advantages - self.sum(advantages.sum()) / count
        deviation = (self.sum(centred.square().sum()) / count).sqrt()
        return centred / torch.where(deviation > 1e-6, deviation, torch.ones_like(deviation))

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
