"""The trainer's settings, checked as a whole before anything runs.

Frozen; any thread; no torch. A step is one agent-step everywhere: one row acting once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.errors import ConfigError
from engine.policies.architecture import Architecture

from .components.config import ComponentsConfig
from .curriculum import CurriculumConfig
from .schedules import LIMITS, Gate, Schedule, Schedules

HYPER_LIMITS = {name: LIMITS[name] for name in ("learning_rate", "entropy_coefficient")}
"""What can be changed while a run is under way, and the smallest and largest values."""

Scripted = Literal["random", "noop", "simple", "goal-seeker"]


class LossConfig(BaseModel):
    """How much a loss counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weight: float = Field(default=1.0, ge=0, le=1e6, description="what its value is multiplied by; 0 = off")
    schedule: Schedule | None = Field(default=None, description="of the weight")
    gate: Gate | None = Field(default=None, description="when it counts; always without one")


class CloningConfig(LossConfig):
    """Behaviour cloning: make the actions of recorded play likely."""

    weight: float = Field(default=0.0, ge=0, le=1e6, description="what its value is multiplied by; 0 = off")
    demonstrations: tuple[str, ...] = Field(
        default=(),
        max_length=1000,
        description="what is learnt from: recordings of play (.gridrec) of this game, directories of demonstrations",
    )
    minibatch_size: int = Field(default=512, ge=1, le=1 << 20, description="demonstrated steps of one optimiser step")

    def require_demonstrations(self) -> None:
        """Check that there is something to imitate.

        Raises:
            ConfigError: there is not.
        """
        if not self.demonstrations:
            raise ConfigError(
                "losses.behaviour_cloning has a weight and no demonstrations",
                hint="losses.behaviour_cloning.demonstrations: recordings that gridrl play RECIPE --record FILE writes",
            )


class LossesConfig(BaseModel):
    """The losses, by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ppo: LossConfig = Field(default=LossConfig(), description="clipped policy gradient, values and entropy")
    behaviour_cloning: CloningConfig = Field(default=CloningConfig(), description="imitates recorded play")


class RoleConfig(BaseModel):
    """What one role has of its own; what is left out is as for all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    play: Scripted | None = Field(
        default=None, description="a policy that plays this role and does not learn; left out: it learns"
    )
    learning_rate: float | None = Field(default=None, gt=0, le=1, description="Adam's step size")
    entropy_coefficient: float | None = Field(default=None, ge=0, le=10, description="weight of the entropy bonus")
    gamma: float | None = Field(default=None, ge=0, le=1, description="discount per step")
    gae_lambda: float | None = Field(default=None, ge=0, le=1, description="weight of longer returns")
    policy: Architecture | None = Field(default=None, description="kind and sizes of the network")


class TrainerConfig(BaseModel):
    """One PPO run. The defaults suit one agent in a small gridworld on two CPU cores; presets fit them to more."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    total_steps: int = Field(
        default=1_000_000, ge=1, description="agent steps until the run is finished; the last iteration is completed"
    )
    env_count: int = Field(
        default=128, ge=1, le=1_000_000, description="envs stepped together; rows are this times the game's agents"
    )
    horizon: int = Field(default=32, ge=1, le=65_536, description="steps of every env between two updates")
    minibatch_size: int = Field(default=1024, ge=2, description="samples of one optimiser step; divides rows x horizon")
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
        default=0.0,
        ge=0,
        description="largest change of a value that still counts, in reward (normalize_rewards: deviations of the "
        "return); 0 = off",
    )
    entropy_coefficient: float = Field(default=0.01, ge=0, le=10, description="weight of the entropy bonus")
    value_coefficient: float = Field(default=0.5, ge=0, description="weight of the value loss")
    max_grad_norm: float | None = Field(
        default=0.5, gt=0, description="gradients are scaled down to this norm over all parameters; null = never"
    )
    adam_epsilon: float = Field(default=1e-5, gt=0, le=1, description="Adam's epsilon")
    target_kl: float | None = Field(
        default=None,
        gt=0,
        description="skip the remaining epochs of a batch once the policy moved this far; looked at between epochs",
    )
    normalize_advantages: bool = Field(default=True, description="advantages of a minibatch get mean 0 and deviation 1")
    normalize_rewards: bool = Field(
        default=False, description="divide rewards by the running deviation of the discounted return"
    )

    bootstrap_truncated: bool = Field(
        default=True, description="an episode cut by the clock goes on in the values; off = its end is worth nothing"
    )
    vtrace: bool = Field(
        default=False,
        description="before each later pass, advantages anew by the present network, importance-weighted (V-trace)",
    )
    vtrace_rho_clip: float = Field(
        default=1.0,
        gt=0,
        le=1e6,
        description="V-trace: most that a step's own error weighs; decides which policy the values are of",
    )
    vtrace_c_clip: float = Field(
        default=1.0,
        gt=0,
        le=1e6,
        description="V-trace: most that what came after a step weighs; decides how fast the values get there",
    )
    bptt: int | None = Field(
        default=None,
        ge=1,
        description="steps that a network with memory learns over at once; divides horizon. null = the horizon",
    )
    masks: bool = Field(
        default=False, description="forbid actions that cannot succeed: before they are drawn, and in the loss"
    )
    losses: LossesConfig = Field(default=LossesConfig(), description="what is minimised, and how much each counts")
    schedules: Schedules = Field(default=Schedules(), description="hyperparameters that change while the run goes on")
    components: ComponentsConfig = Field(
        default=ComponentsConfig(), description="what the trainer does beside training"
    )
    curriculum: CurriculumConfig = Field(
        default=CurriculumConfig(), description="stages in which maps have shares of their own"
    )
    roles: dict[str, RoleConfig] = Field(
        default={}, max_length=64, description="roles of the game with a policy of their own; the others share one"
    )

    policy: Architecture = Field(default=Architecture(), description="kind and sizes of the network")
    seed: int = Field(default=0, ge=0, lt=2**63, description="of everything random: worlds, weights, actions, shuffles")
    device: str = Field(
        default="cpu",
        pattern=r"^(auto|cpu|cuda(:\d{1,3})?)$",
        description="where networks play and learn: cpu, cuda, cuda:1...; auto = the first GPU if there is one",
    )
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32", description="of matrix products; weights, losses and statistics are float32 in any case"
    )
    threads: int = Field(
        default=1, ge=1, le=64, description="workers that step envs, for each learner thread; does not change the run"
    )
    learner_threads: int = Field(
        default=1,
        ge=1,
        le=64,
        description="threads that play and learn side by side, each on its share; another number rounds otherwise",
    )
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
        default=16,
        ge=0,
        le=10_000,
        description="most episodes written to the log per iteration, evenly chosen among those that ended in it",
    )

    @model_validator(mode="after")
    def _check_across_fields(self) -> Self:
        losses = (self.losses.ppo, self.losses.behaviour_cloning)
        if not any(loss.weight > 0 or loss.schedule is not None for loss in losses):
            raise ValueError("losses: none of them has a weight, so nothing would be learnt", "losses.ppo.weight=1")
        if self.target_kl is not None and self.losses.ppo.weight == 0 and self.losses.ppo.schedule is None:
            raise ValueError("target_kl follows the ppo loss, which is off: give it a weight, or drop target_kl")
        if self.target_kl is not None and self._passes()[1] == 1:
            raise ValueError("target_kl skips later epochs, and there is only 1: set epochs to 2 or more, or drop it")
        if self.vtrace and self._passes()[1] == 1:
            raise ValueError(
                "vtrace: it corrects later passes over a batch, and there is only 1",
                "set epochs to 2 or more, or drop it",
            )
        if self.components.epoch_tuner.enabled and self.schedules.epochs is not None:
            raise ValueError("schedules.epochs: components.epoch_tuner sets them already; keep one of the two")
        if self.env_count % self.learner_threads:
            fits = max(1, self.env_count // self.learner_threads) * self.learner_threads
            shared = f"env_count {self.env_count} cannot be shared by {self.learner_threads} learner_threads"
            raise ValueError(f"{shared}; env_count={fits} can")
        if self.bptt is not None and self.horizon % self.bptt:
            fits = max(steps for steps in range(1, self.bptt + 1) if self.horizon % steps == 0)
            raise ValueError(f"bptt {self.bptt} does not divide the horizon of {self.horizon} steps; bptt={fits} does")
        if self.minibatch_size > self.batch_size(1) and self.batch_size(1) == 1:
            raise ValueError("env_count 1 x horizon 1 is a batch of 1 sample: nothing can be learned from that")
        return self

    def for_role(self, role: str) -> TrainerConfig:
        """These settings with the role's own in their places."""
        own = self.roles[role].model_dump(exclude={"play"}, exclude_none=True) if role in self.roles else {}
        return self.model_copy(update={**own, **({"policy": self.roles[role].policy} if "policy" in own else {})})

    def batch_size(self, agent_count: int) -> int:
        """Agent steps between two updates."""
        return self.env_count * agent_count * self.horizon

    def require_fit(self, agent_count: int) -> None:
        """Check what depends on the game.

        Raises:
            ConfigError: the minibatch does not divide the batch; with the arithmetic. Or it is the batch, and something
                goes by a KL divergence that is then never seen.
        """
        batch = self.batch_size(agent_count)
        if batch % self.minibatch_size == 0:
            self._require_whole_sequences()
            if batch == self.minibatch_size:
                self._require_second_step()
            return
        product = f"{self.env_count} envs x {agent_count} agents x {self.horizon} steps = {batch}"
        divisors = _divisors(self.env_count, agent_count, self.horizon) - {1}  # 1 is no minibatch
        near = min(divisors, key=lambda size: abs(math.log(size / self.minibatch_size)))
        raise ConfigError(
            f"minibatch_size {self.minibatch_size} does not divide the batch of {product}",
            hint=f"minibatch_size={near} makes {batch // near} whole minibatch{'' if near == batch else 'es'}",
        )

    def require_game(self, roles: Sequence[str], encoding: str) -> None:
        """Check what depends on who plays the game and how it is observed.

        Args:
            roles: of each agent.

        Raises:
            ConfigError: a role that nobody has, nobody who learns, a network that cannot read the game, nothing to
                imitate.
        """
        unknown = sorted(set(self.roles) - set(roles))
        if unknown:
            known = ", ".join(dict.fromkeys(roles))
            raise ConfigError(f"roles.{unknown[0]}: no agent has this role", hint=f"roles: there are {known}")
        learning = [role for role in dict.fromkeys(roles) if role not in self.roles or self.roles[role].play is None]
        if not learning:
            raise ConfigError(
                "roles: every role is played by a policy that does not learn", hint="roles: let one of them learn"
            )
        for role in learning:
            self.for_role(role).policy.require_readable(encoding)
        cloning = self.losses.behaviour_cloning
        if cloning.weight > 0 or cloning.schedule is not None:
            cloning.require_demonstrations()

    def _passes(self) -> tuple[int, int]:
        """Fewest and most over a batch, wherever a schedule or the epoch tuner takes them."""
        tuner, schedule = self.components.epoch_tuner, self.schedules.epochs
        if tuner.enabled:
            return tuner.least, tuner.most
        other = self.epochs if schedule is None else round(schedule.to)
        return min(self.epochs, other), max(self.epochs, other)

    def _require_second_step(self) -> None:
        """Where a pass is one minibatch. KL is measured before a step: what goes by that of a batch's only step sees 0
        and turns one way for ever."""
        tuned, rate = self.components.epoch_tuner.enabled, self.schedules.learning_rate
        follows = rate is not None and rate.kind == "kl"
        if self._passes()[0] > 1 or not (tuned or follows):
            return
        follower, more = "schedules.learning_rate", "epochs=2"
        if tuned:
            follower, more = "components.epoch_tuner", "components.epoch_tuner.least=2"
        raise ConfigError(
            f"{follower}: it goes by the KL divergence before each optimiser step, which is 0 where a batch is learnt "
            "from in a single step",
            hint=f"minibatch_size below {self.minibatch_size}, or {more}",
        )

    def _require_whole_sequences(self) -> None:
        length = self.bptt or self.horizon
        if self.policy.memory != "none" and self.minibatch_size % length:
            raise ConfigError(
                f"minibatch_size {self.minibatch_size} is no whole number of sequences of {length} steps",
                hint=f"minibatch_size={max(length, self.minibatch_size // length * length)}, or another bptt",
            )


def _divisors(*factors: int) -> set[int]:
    """Of the product: each is a product of divisors of the factors."""
    found = {1}
    for factor in factors:
        small = [n for n in range(1, math.isqrt(factor) + 1) if factor % n == 0]
        found = {one * other for one in found for n in small for other in (n, factor // n)}
    return found
