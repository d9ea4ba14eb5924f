"""Which of the processes that train together this one is, as torchrun says it through the environment.

Read by tools before a run is made, on the main thread. No torch: it takes seconds to load, and this is asked first.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from engine.errors import ConfigError

from .config import TrainerConfig

_HINT: Final = (
    "torchrun --standalone --nproc-per-node 2 -m engine.cli train ... starts all at once; or unset WORLD_SIZE"
)


@dataclass(frozen=True)
class Place:
    """One of several processes; alone by default."""

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes and prints."""
        return self.rank == 0


ALONE: Final = Place()
"""Without others."""


def place_of(environment: Mapping[str, str] = os.environ) -> Place:
    """This process's place; alone where torchrun is not at work.

    Raises:
        ConfigError: RANK, WORLD_SIZE or the address of the others are not as torchrun sets them.
    """
    if "WORLD_SIZE" not in environment:
        return ALONE
    count = _number(environment, "WORLD_SIZE")
    if count < 1:
        raise ConfigError(f"WORLD_SIZE is {count}: it counts processes, so 1 or more", hint=_HINT)
    if count == 1:
        return ALONE
    rank = _number(environment, "RANK")
    if not 0 <= rank < count:
        raise ConfigError(f"RANK is {rank}, and WORLD_SIZE {count} has ranks 0 to {count - 1}", hint=_HINT)
    for name in ("MASTER_ADDR", "MASTER_PORT"):
        if not environment.get(name):
            raise ConfigError(f"WORLD_SIZE is {count}, and {name} does not say where the others are", hint=_HINT)
    if not 1 <= _number(environment, "MASTER_PORT") <= 65535:
        raise ConfigError("MASTER_PORT is no port: 1 to 65535", hint="torchrun --standalone finds a free one")
    return Place(rank, count)


def require_shares(config: TrainerConfig, agent_count: int, place: Place) -> None:
    """Check that every thread of every process gets equally many envs.

    Raises:
        ConfigError: they cannot be cut so; with the arithmetic and the nearest number that can.
    """
    parts = place.count * config.learner_threads
    if config.env_count % parts == 0:
        return
    per_env = agent_count * config.horizon  # samples
    unit = math.lcm(parts, config.minibatch_size // math.gcd(config.minibatch_size, per_env))
    envs = max(1, round(config.env_count / unit)) * unit
    shares = f"{place.count} ranks x {config.learner_threads} learner_threads = {parts} shares"
    raise ConfigError(
        f"trainer.env_count {config.env_count} cannot be cut into {shares}",
        hint=f"trainer.env_count={envs} makes {envs // parts} for each",
    )


def _number(environment: Mapping[str, str], name: str) -> int:
    text = environment.get(name, "")
    try:
        return int(text)
    except ValueError:
        said = f"is {text[:40]!r}, no whole number" if text else "is missing"
        raise ConfigError(f"WORLD_SIZE is set, and {name} {said}", hint=_HINT) from None
