"""Staged and weighted curricula: which maps episodes are played on, and when that changes.

The settings are frozen and need no torch. A Curriculum is owned by a trainer and called by its thread; its state is
part of a checkpoint.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.errors import ConfigError

if TYPE_CHECKING:
    from engine.sim import Batch

_SCALE: Final = 1_000_000  # of the largest weight: the engine counts in whole numbers


class Stage(BaseModel):
    """A part of the run, with its own share of each map."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: dict[str, float] = Field(
        min_length=1, max_length=4096, description="share of the episodes by map; maps that are not named have none"
    )
    until_step: int | None = Field(default=None, ge=1, description="agent step at which the next stage begins")
    metric: str | None = Field(
        default=None, min_length=1, max_length=200, description="what `above` looks at, as it is logged"
    )
    above: float | None = Field(
        default=None, allow_inf_nan=False, description="the next stage begins once the metric is above this"
    )
    retire: bool = Field(
        default=False, description="at its beginning, end the episodes on maps that it does not have, as truncated"
    )

    @model_validator(mode="after")
    def _check_fields(self) -> Self:
        if any(not 0 <= weight < math.inf for weight in self.weights.values()) or not any(self.weights.values()):
            raise ValueError("weights: each is 0 or more, and one at least is more", "such as 1")
        if (self.metric is None) != (self.above is None):
            raise ValueError("metric: it and above go together", "such as metric: rollout/success_rate, above: 0.9")
        return self

    def is_over(self, step: int, metrics: Mapping[str, float]) -> bool:
        """Whether the next stage is due, by step or by score, whichever comes first."""
        by_step = self.until_step is not None and step >= self.until_step
        return by_step or (self.above is not None and metrics.get(self.metric or "", math.nan) > self.above)


class CurriculumConfig(BaseModel):
    """The stages of a run, in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stages: tuple[Stage, ...] = Field(
        default=(), max_length=1000, description="one after the other; without any, all maps have the same share"
    )

    @model_validator(mode="after")
    def _check_ends(self) -> Self:
        for number, stage in enumerate(self.stages[:-1]):
            if stage.until_step is None and stage.above is None:
                raise ValueError(f"stages.{number}: it has no end, and another follows", "give until_step or above")
        return self


class Curriculum:
    """Where a run stands in its stages. Sets the engine's weights; decides nothing about single episodes."""

    def __init__(self, config: CurriculumConfig, names: Sequence[str]) -> None:
        """Check the stages against the maps there are.

        Args:
            names: of each world's map, in the worlds' order; several worlds may share one.

        Raises:
            ConfigError: a stage names a map that the run does not have; with the nearest.
        """
        self.config = config
        self.stage = 0
        self._weights = [_weights(stage.weights, names, number) for number, stage in enumerate(config.stages)]

    def begin(self, batches: Sequence[Batch]) -> None:
        """Give the envs the weights of the present stage; at the start, and after their states were restored."""
        if self._weights:
            for batch in batches:
                batch.set_world_weights(self._weights[self.stage])
                if self.stage and self.config.stages[self.stage].retire:
                    batch.retire_worlds()

    def advance(self, step: int, metrics: Mapping[str, float], batches: Sequence[Batch]) -> bool:
        """Go on to the next stage if this one is over; the last one never is. Returns whether it did."""
        stages = self.config.stages
        if self.stage + 1 >= len(stages) or not stages[self.stage].is_over(step, metrics):
            return False
        self.stage += 1
        self.begin(batches)
        return True

    def words(self) -> str:
        """The present stage, for the event log."""
        weights = ", ".join(f"{name} {weight:g}" for name, weight in self.config.stages[self.stage].weights.items())
        return f"curriculum: stage {self.stage + 1} of {len(self.config.stages)} ({weights})"

    def state(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"stage": self.stage}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`; `begin` must follow."""
        self.stage = min(int(state["stage"]), max(len(self.config.stages) - 1, 0))


def _weights(shares: Mapping[str, float], names: Sequence[str], stage: int) -> list[int]:
    """For each world a whole number; worlds of one name share its weight."""
    for name in shares:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=2)
            hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(dict.fromkeys(names))}"
            raise ConfigError(f"trainer.curriculum.stages.{stage}.weights: the run has no map {name!r}", hint=hint)
    each = [shares.get(name, 0.0) / list(names).count(name) for name in names]
    return [max(round(weight / max(each) * _SCALE), 1) if weight else 0 for weight in each]
