"""The smallest trainer that a component can be called with: it writes down what it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.training.components.base import Components
from engine.training.config import TrainerConfig


class Clock:
    """Stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class StandIn:
    """A trainer without training. `iterate` goes through the hooks as a trainer does."""

    config: TrainerConfig = field(default_factory=TrainerConfig)
    learners: tuple[Any, ...] = ()
    worlds: tuple[Any, ...] = ()
    spec: Any = None
    rollout: Any = None
    writer: Any = None
    step: int = 0
    iteration: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    events: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    saved: list[str] = field(default_factory=list)
    save: Callable[[str, bool], Path] | None = None
    """What a checkpoint does, beside being noted; whether it is the best is told."""
    rules: Any = None

    def event(self, kind: str, message: str, **data: Any) -> None:
        self.events.append((kind, message, data))

    def checkpoint(self, why: str, *, best: bool = False) -> Path:
        path = Path() if self.save is None else self.save(why, best)
        self.saved.append(why)
        return path

    def iterate(self, components: Components, steps: int = 0, **metrics: float) -> dict[str, float]:
        """One iteration with these metrics. Returns what is logged."""
        for t in range(steps):
            components.on_step(self, t)
        self.iteration += 1
        self.metrics = {}
        components.on_rollout_end(self)
        self.metrics.update(metrics)
        components.on_epoch_end(self)
        components.on_logged(self)
        return self.metrics
