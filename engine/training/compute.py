"""Where and how precisely the networks compute: the CPU's memory as it is, or a device with copies of it.

Immutable; any thread.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from engine.errors import ConfigError
from engine.policies.networks import PolicyNetwork


@dataclass(frozen=True)
class Compute:
    """A device and a precision. Weights, losses, statistics and memories are float32 in any case."""

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    half: bool = False
    """Matrix products in bfloat16."""
    is_staged: bool = False
    """Whether the engine's tables are copied to the network, as another device needs it."""

    @classmethod
    def of(cls, device: str, precision: str) -> Compute:
        """From a trainer's settings.

        Raises:
            ConfigError: this machine has no such device.
        """
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        found = torch.device(device)
        if found.type == "cuda":
            count = torch.cuda.device_count() if torch.cuda.is_available() else 0
            if (found.index or 0) >= count:
                there = f"torch sees {count} of them" if count else "torch sees none here"
                raise ConfigError(f"trainer.device {device}: there is no such GPU; {there}", hint="trainer.device=auto")
        return cls(found, precision == "bfloat16", found.type != "cpu")

    def step(self, network: PolicyNetwork, observations: Tensor, memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`network.step` in this precision."""
        if not self.half:
            return network.step(observations, memory)
        with torch.autocast(self.device.type, torch.bfloat16):
            logits, values, after = network.step(observations, memory)
        return logits.float(), values.float(), after.float()

    def table(self, *shape: int, dtype: torch.dtype = torch.float32, fill: int = 0) -> Tensor:
        """A table that the engine writes: in the CPU's memory, pinned where a GPU will read it."""
        return torch.full(shape, fill, dtype=dtype, pin_memory=self.device.type == "cuda")

    def mirrored(self, table: Tensor) -> Tensor:
        """Where the network sees an engine's table: the table itself, or its twin on the device."""
        return torch.empty_like(table, device=self.device).copy_(table) if self.is_staged else table
