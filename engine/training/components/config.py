"""The settings of the components. Frozen; any thread; no torch."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CheckpointerConfig(_Settings):
    """Saving while a run goes on. At its end the trainer saves in any case."""

    enabled: bool = Field(default=True, description="save every checkpoint_every_s seconds")
    every: int = Field(default=0, ge=0, description="save every so many iterations, too; 0 = by time alone")
    keep: int = Field(default=5, ge=1, le=10_000, description="checkpoints kept: the last ones, and the best")
    best: str | None = Field(
        default=None,
        max_length=200,
        description="metric that saves whenever it is better than ever, and the best is kept; empty = none is; without "
        "it, eval/return_mean if the evaluator is on, else of those saved anyway the best by rollout/ep_rew_mean",
    )
    best_is: Literal["highest", "lowest"] = Field(default="highest", description="which of its values is the best")


class EvaluatorConfig(_Settings):
    """Playing held-out episodes while a run goes on; training waits for them."""

    enabled: bool = Field(default=False, description="evaluate on held-out seeds")
    every: int = Field(default=50, ge=1, description="iterations from one evaluation to the next")
    episodes: int = Field(default=64, ge=1, le=100_000, description="envs, each of which plays one episode")
    maps: tuple[str, ...] = Field(
        default=(), max_length=1000, description="maps to play on; those of training without any"
    )
    greedy: bool = Field(default=False, description="take the likeliest action instead of drawing one")
    seed: int = Field(default=0, ge=0, lt=2**63, description="of the suite; never the same episodes as in training")


class GradientsConfig(_Settings):
    """Norms of gradients and weights, tensor by tensor."""

    enabled: bool = Field(default=False, description="log gradient, weight and change of every tensor")
    every: int = Field(default=10, ge=1, description="iterations from one report to the next")


class StatsConfig(_Settings):
    """Smoothed rollout figures."""

    enabled: bool = Field(default=False, description="log running means of rollout metrics and the area under reward")
    window: int = Field(default=5, ge=1, le=10_000, description="iterations that a running mean is taken over")


class EpochTunerConfig(_Settings):
    """The number of passes over each batch, by how far the policy moves in them."""

    enabled: bool = Field(default=False, description="raise and lower epochs by the KL divergence of the updates")
    target: float = Field(default=0.015, gt=0, le=10, description="KL divergence of an update that is aimed at")
    tolerance: float = Field(default=0.3, ge=0, lt=1, description="share of the target it may be off by")
    clip_fraction: float = Field(
        default=0.3, gt=0, le=1, description="where more of the samples are clipped, one pass less"
    )
    warm_up: int = Field(default=2, ge=0, description="iterations at the start that are only watched")
    cooldown: int = Field(default=2, ge=0, description="iterations after each change that are only watched")
    least: int = Field(default=1, ge=1, le=100, description="fewest passes")
    most: int = Field(default=10, ge=1, le=100, description="most passes")

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"least: {self.least} is more than most, {self.most}", "swap them")
        return self


class ProgressConfig(_Settings):
    """How far the run is, and how long it will go on."""

    enabled: bool = Field(default=True, description="log the share done and the seconds left")


class SystemConfig(_Settings):
    """What the run takes of the machine."""

    enabled: bool = Field(default=True, description="log processor, memory, threads and open files")
    every_s: float = Field(default=10.0, gt=0, allow_inf_nan=False, description="seconds from one look to the next")


class ProfilerConfig(_Settings):
    """Where torch spends its time, for a few iterations."""

    enabled: bool = Field(default=False, description="profile some iterations into the run's folder profile/")
    start: int = Field(default=3, ge=2, description="first iteration that is profiled; earlier ones warm up")
    iterations: int = Field(default=1, ge=1, le=100, description="how many; a trace takes megabytes for each")


class FlopsConfig(_Settings):
    """An estimate of the arithmetic done."""

    enabled: bool = Field(default=False, description="log floating-point operations per step and second")


class ComponentsConfig(_Settings):
    """What a trainer does beside training."""

    checkpointer: CheckpointerConfig = Field(default=CheckpointerConfig(), description="saves while a run goes on")
    evaluator: EvaluatorConfig = Field(default=EvaluatorConfig(), description="plays held-out episodes now and then")
    gradients: GradientsConfig = Field(default=GradientsConfig(), description="norms of gradients and weights")
    stats: StatsConfig = Field(default=StatsConfig(), description="running means of rollout metrics")
    epoch_tuner: EpochTunerConfig = Field(default=EpochTunerConfig(), description="sets epochs by KL divergence")
    progress: ProgressConfig = Field(default=ProgressConfig(), description="share done and seconds left")
    system: SystemConfig = Field(default=SystemConfig(), description="what the run takes of the machine")
    profiler: ProfilerConfig = Field(default=ProfilerConfig(), description="where torch spends its time")
    flops: FlopsConfig = Field(default=FlopsConfig(), description="floating-point operations per step and second")
