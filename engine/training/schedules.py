"""Schedules: hyperparameters that change while a run goes on, and gates that open and close losses.

Settings and pure functions, and the Scheduler that holds what depends on metrics already seen: it is owned by a
learner's trainer, called by its thread, and its state is part of a checkpoint. No torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

LIMITS: Final[Mapping[str, tuple[float, float]]] = {
    "learning_rate": (0.0, 1.0),
    "entropy_coefficient": (0.0, 10.0),
    "value_coefficient": (0.0, 1e3),
    "clip": (1e-3, 10.0),
    "value_clip": (0.0, 1e6),
    "gamma": (0.0, 1.0),
    "gae_lambda": (0.0, 1.0),
    "epochs": (1.0, 100.0),
}
"""Hyperparameters that a schedule may move, and how far."""

KL: Final = "train/approx_kl"
"""The metric that `kind: kl` follows."""

_FACTOR: Final = 1.5  # one step of a learning rate that follows the KL divergence
_STEPS_DOWN, _STEPS_UP = -12, 6  # of those, at most: from 1/130 of the base to 11 times it
_BAND: Final = (0.5, 2.0)  # of the target: inside it the learning rate is left alone

_FIELDS_OF: Final[Mapping[str, frozenset[str]]] = {
    "linear": frozenset({"to", "from_step", "until_step"}),
    "cosine": frozenset({"to", "from_step", "until_step"}),
    "metric": frozenset({"to", "metric", "low", "high", "rate"}),
    "kl": frozenset({"target"}),
}


class Schedule(BaseModel):
    """How one hyperparameter moves away from its base value, the one that is set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["linear", "cosine", "metric", "kl"] = Field(
        default="linear",
        description="linear, cosine: by agent steps; metric: as a metric goes; kl: the learning rate, by how far the "
        "policy moves",
    )
    to: float = Field(default=0.0, ge=0, le=1e6, description="the value at its end")
    from_step: int = Field(default=0, ge=0, description="agent step at which it leaves the base value")
    until_step: int | None = Field(
        default=None, ge=1, description="agent step from which it is at its end; null = total_steps"
    )
    metric: str | None = Field(
        default=None, min_length=1, max_length=200, description="what a metric schedule follows, as it is logged"
    )
    low: float = Field(
        default=0.0, allow_inf_nan=False, description="where the metric is here, the value is the base; clamped"
    )
    high: float = Field(
        default=1.0, allow_inf_nan=False, description="where the metric is here, the value is `to`; may be below `low`"
    )
    rate: float = Field(
        default=0.1, gt=0, le=1, description="weight of the newest value in the running mean of the metric"
    )
    target: float = Field(
        default=0.015, gt=0, le=10, description="KL divergence of an update that kl keeps to, within half and double"
    )

    @model_validator(mode="after")
    def _check_fields(self) -> Self:
        fields = type(self).model_fields
        for name in fields.keys() - _FIELDS_OF[self.kind] - {"kind"}:
            if getattr(self, name) != fields[name].default:
                raise ValueError(f"{name}: it means nothing to kind {self.kind}", "leave it out")
        if self.kind == "metric" and self.metric is None:
            raise ValueError("metric: it is missing", "such as rollout/success_rate")
        if self.low == self.high:
            raise ValueError(f"high: it is the same as low, {self.low:g}", "make one of them another")
        if self.until_step is not None and self.until_step <= self.from_step:
            raise ValueError(f"until_step: {self.until_step} is not after from_step {self.from_step}", "raise it")
        return self


class Gate(BaseModel):
    """When a loss counts: while all of it holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    from_step: int = Field(default=0, ge=0, description="agent step from which it is open")
    until_step: int | None = Field(default=None, ge=1, description="agent step from which it is closed; null = never")
    metric: str | None = Field(
        default=None, min_length=1, max_length=200, description="what `above` and `below` look at, as it is logged"
    )
    above: float | None = Field(
        default=None, allow_inf_nan=False, description="open only while the metric's last value is above this"
    )
    below: float | None = Field(
        default=None, allow_inf_nan=False, description="open only while the metric's last value is below this"
    )

    @model_validator(mode="after")
    def _check_fields(self) -> Self:
        bounded = self.above is not None or self.below is not None
        if bounded and self.metric is None:
            raise ValueError("metric: it is missing", "name what above and below look at")
        if self.metric is not None and not bounded:
            raise ValueError("metric: it says nothing alone", "give above, below, or both")
        if self.until_step is not None and self.until_step <= self.from_step:
            raise ValueError(f"until_step: {self.until_step} is not after from_step {self.from_step}", "raise it")
        return self


class Schedules(BaseModel):
    """The schedules of a learner's hyperparameters; a loss has its own beside its weight."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    learning_rate: Schedule | None = Field(default=None, description="of Adam's step size; takes the place of anneal")
    entropy_coefficient: Schedule | None = Field(default=None, description="of the entropy bonus")
    value_coefficient: Schedule | None = Field(default=None, description="of the value loss")
    clip: Schedule | None = Field(default=None, description="of the largest change of a probability that pays")
    value_clip: Schedule | None = Field(default=None, description="of the largest change of a value that counts")
    gamma: Schedule | None = Field(default=None, description="of the discount")
    gae_lambda: Schedule | None = Field(default=None, description="of the weight of longer returns")
    epochs: Schedule | None = Field(default=None, description="of the passes over each batch; rounded")

    @model_validator(mode="after")
    def _check_limits(self) -> Self:
        for name, (least, most) in LIMITS.items():
            schedule: Schedule | None = getattr(self, name)
            if schedule is None:
                continue
            if schedule.kind == "kl" and name != "learning_rate":
                raise ValueError(f"{name}.kind: kl moves only the learning rate", "choose linear, cosine or metric")
            if schedule.kind != "kl" and not least <= schedule.to <= most:
                raise ValueError(f"{name}.to: {schedule.to:g} is too far", f"it takes {least:g} to {most:g}")
        return self

    def by_name(self, *, anneal: bool) -> dict[str, Schedule]:
        """Those that there are. `anneal` stands for a learning rate that falls linearly to 0."""
        found = {name: schedule for name in LIMITS if (schedule := getattr(self, name)) is not None}
        return {"learning_rate": Schedule(), **found} if anneal else found


def progress(schedule: Schedule, step: int, total_steps: int) -> float:
    """How far a schedule by steps has come, 0 to 1, at an agent step."""
    until = total_steps if schedule.until_step is None else schedule.until_step
    done = min(max((step - schedule.from_step) / max(until - schedule.from_step, 1), 0.0), 1.0)
    return 0.5 * (1.0 - math.cos(math.pi * done)) if schedule.kind == "cosine" else done


def between(base: float, to: float, progress: float) -> float:
    """The value so far on the way from base to end; exact at both."""
    return base * (1.0 - progress) + to * progress


def is_open(gate: Gate, step: int, latest: Mapping[str, float]) -> bool:
    """Whether a loss counts at an agent step. A metric that was never logged keeps a gate closed.

    Args:
        latest: the last value of each metric.
    """
    if step < gate.from_step or (gate.until_step is not None and step >= gate.until_step):
        return False
    if gate.metric is None:
        return True
    value = latest.get(gate.metric, math.nan)  # with which every comparison fails
    above = gate.above is None or value > gate.above
    below = gate.below is None or value < gate.below
    return above and below


class Scheduler:
    """The schedules and gates of one learner. Owns what they remember of metrics."""

    def __init__(self, schedules: Mapping[str, Schedule], gates: Mapping[str, Gate], total_steps: int) -> None:
        """Nothing has been seen yet.

        Args:
            schedules: by name of the hyperparameter, `loss.<name>` for the weight of a loss.
            gates: by name of the loss.
        """
        self._schedules, self._gates, self._total_steps = dict(schedules), dict(gates), total_steps
        self._smoothed: dict[str, float] = {}
        """Running mean of the metric that a hyperparameter follows."""
        self._latest: dict[str, float] = {}
        """Last value of each metric that a gate looks at."""
        self._turns = 0
        """By how many factors the learning rate was raised, or lowered, to keep to its target."""

    def values(self, base: Mapping[str, float], step: int) -> dict[str, float]:
        """The hyperparameters in force in the update after so many agent steps; a closed loss has weight 0."""
        values = {name: self._value(name, value, step) for name, value in base.items()}
        for loss, gate in self._gates.items():
            if not is_open(gate, step, self._latest):
                values[f"loss.{loss}"] = 0.0
        return values

    def base_for(self, name: str, value: float, step: int) -> float:
        """The base that gives a hyperparameter this value now: a person sets what is seen.

        Where a schedule has come to its end nothing does; the base is then the value itself. A base may lie outside
        the limits; what comes of it never does.
        """
        schedule = self._schedules.get(name)
        if schedule is None:
            return value
        if schedule.kind == "kl":
            return value / _FACTOR**self._turns
        done = self._progress(name, schedule, step)
        return (value - schedule.to * done) / (1.0 - done) if done < 1.0 else value

    def observe(self, metrics: Mapping[str, float]) -> None:
        """Take note of an iteration's metrics, once and before the next `values`. What is not finite is passed over."""
        for name, schedule in self._schedules.items():
            value = metrics.get(KL if schedule.kind == "kl" else schedule.metric or "", math.nan)
            if math.isfinite(value):
                self._follow(name, schedule, value)
        for metric in {gate.metric for gate in self._gates.values()}:
            value = metrics.get(metric or "", math.nan)
            if metric is not None and math.isfinite(value):
                self._latest[metric] = value

    def unseen(self) -> list[str]:
        """Metrics that a schedule or gate waits for and that were never logged: misspelled, or from what is off."""
        waiting = {s.metric for name, s in self._schedules.items() if name not in self._smoothed}
        waiting |= {gate.metric for gate in self._gates.values() if gate.metric not in self._latest}
        return sorted(metric for metric in waiting if metric is not None)

    def state(self) -> dict[str, Any]:
        """What must be restored to go on exactly; JSON-ready."""
        return {"smoothed": dict(self._smoothed), "latest": dict(self._latest), "turns": self._turns}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`."""
        self._smoothed = {str(name): float(value) for name, value in state["smoothed"].items()}
        self._latest = {str(name): float(value) for name, value in state["latest"].items()}
        self._turns = int(state["turns"])

    def _value(self, name: str, base: float, step: int) -> float:
        schedule = self._schedules.get(name)
        if schedule is None:
            return base
        if schedule.kind == "kl":
            value = base * _FACTOR**self._turns
        else:
            value = between(base, schedule.to, self._progress(name, schedule, step))
        least, most = LIMITS.get(name, (0.0, math.inf))
        value = min(max(value, least), most)
        return float(round(value)) if name == "epochs" else value

    def _progress(self, name: str, schedule: Schedule, step: int) -> float:
        if schedule.kind != "metric":
            return progress(schedule, step, self._total_steps)
        seen = self._smoothed.get(name, schedule.low)  # before anything is seen: at the base
        return min(max((seen - schedule.low) / (schedule.high - schedule.low), 0.0), 1.0)

    def _follow(self, name: str, schedule: Schedule, value: float) -> None:
        if schedule.kind == "kl":
            turn = (value < _BAND[0] * schedule.target) - (value > _BAND[1] * schedule.target)
            self._turns = min(max(self._turns + turn, _STEPS_DOWN), _STEPS_UP)
        else:
            before = self._smoothed.get(name, value)
            self._smoothed[name] = before + schedule.rate * (value - before)
