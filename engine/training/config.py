"""The trainer's settings, checked as a whole before anything runs.

Frozen; any thread; no torch. A step is one agent-step everywhere: one row acting once.
"""

from __future__ import annotations

import math
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.errors import ConfigError
from engine.policies.architecture import Architecture

HYPER_LIMITS = {"learning_rate": (0.0, 1.0), "entropy_coefficient": (0.0, 10.0)}
"""What can be changed while a run is under way, and the smallest and largest values."""


class TrainerConfig(BaseModel):
    """One PPO run. The defaults suit a small gridworld on two CPU cores."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    total_steps: int = Field(
        default=1_000_000, ge=1, description="agent steps until the run is finished; the last iteration is completed"
    )
    env_count: int = Field(
        default=512, ge=1, le=1_000_000, description="envs stepped together; rows are this times the game's agents"
    )
    horizon: int = Field(default=32, ge=1, le=65_536, description="steps of every env between two updates")
    minibatch_size: int = Field(default=2048, ge=2, description="samples of one optimiser step; divides rows x horizon")
    epochs: int = Field(default=2, ge=1, le=100, description="passes over each batch")

    learning_rate: float = Field(
        default=2.5e-3, gt=0, le=1, description="Adam's step size; high, because minibatches are large"
    )
    anneal: bool = Field(default=True, description="lower the learning rate linearly to zero over total_steps")
    gamma: float = Field(default=0.99, ge=0, le=1, description="discount per step")
    gae_lambda: float = Field(
        default=0.95,
        ge=0,
        le=1,
        description="weight of longer returns in the advantage; 0 is one step, 1 the whole episode",
    )
    clip: float = Field(
        default=0.2, gt=0, le=10, description="largest change of an action's probability ratio that still pays"
    )
    value_clip: float = Field(
        default=0.0, ge=0, description="largest change of a value that still counts, in reward units; 0 = off"
    )
    entropy_coefficient: float = Field(default=0.01, ge=0, le=10, description="weight of the entropy bonus")
    value_coefficient: float = Field(default=0.5, ge=0, description="weight of the value loss")
    max_grad_norm: float = Field(
        default=0.5, gt=0, description="gradients are scaled down to this norm over all parameters"
    )
    target_kl: float | None = Field(
        default=None,
        gt=0,
        description="skip the remaining epochs of a batch once the policy moved this far; looked at between epochs",
    )
    normalize_advantages: bool = Field(default=True, description="advantages of a minibatch get mean 0 and deviation 1")
    normalize_rewards: bool = Field(
        default=False, description="divide rewards by the running deviation of the discounted return"
    )

    policy: Architecture = Field(default=Architecture(), description="kind and sizes of the network")
    seed: int = Field(default=0, ge=0, lt=2**63, description="of everything random: worlds, weights, actions, shuffles")
    threads: int = Field(default=1, ge=1, le=64, description="workers that step envs; does not change the run")
    torch_threads: int = Field(
        default=1,
        ge=1,
        le=256,
        description="threads inside one tensor operation; more of them collapse where cores are shared",
    )

    checkpoint_every_s: float = Field(
        default=300.0, gt=0, description="seconds between checkpoints; there is always one at the end"
    )
    log_episodes: int = Field(
        default=64,
        ge=0,
        le=10_000,
        description="most episodes written to the log per iteration, evenly chosen among those that ended in it",
    )

    @model_validator(mode="after")
    def _check_across_fields(self) -> Self:
        if self.target_kl is not None and self.epochs == 1:
            raise ValueError("target_kl skips later epochs, and there is only 1: set epochs to 2 or more, or drop it")
        if self.minibatch_size > self.batch_size(1) and self.batch_size(1) == 1:
            raise ValueError("env_count 1 x horizon 1 is a batch of 1 sample: nothing can be learned from that")
        return self

    def batch_size(self, agent_count: int) -> int:
        """Agent steps between two updates."""
        return self.env_count * agent_count * self.horizon

    def require_fit(self, agent_count: int) -> None:
        """Check what depends on the game.

        Raises:
            ConfigError: the minibatch does not divide the batch; with the arithmetic.
        """
        batch = self.batch_size(agent_count)
        if batch % self.minibatch_size == 0:
            return
        product = f"{self.env_count} envs x {agent_count} agents x {self.horizon} steps = {batch}"
        divisors = _divisors(self.env_count, agent_count, self.horizon) - {1}  # 1 is no minibatch
        near = min(divisors, key=lambda size: abs(math.log(size / self.minibatch_size)))
        raise ConfigError(
            f"minibatch_size {self.minibatch_size} does not divide the batch of {product}",
            hint=f"minibatch_size={near} makes {batch // near} whole minibatch{'' if near == batch else 'es'}",
        )

    def learning_rate_at(self, step: int, base: float) -> float:
        """The annealed learning rate after so many agent steps, from a base rate."""
        return base * max(0.0, 1.0 - step / self.total_steps) if self.anneal else base


def _divisors(*factors: int) -> set[int]:
    """Of the product: each is a product of divisors of the factors."""
    found = {1}
    for factor in factors:
        small = [n for n in range(1, math.isqrt(factor) + 1) if factor % n == 0]
        found = {one * other for one in found for n in small for other in (n, factor // n)}
    return found
