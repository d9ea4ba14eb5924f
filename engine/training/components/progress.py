"""How far the run is, and how long it will go on.

Logs time/progress, 0 to 1, and from the second iteration on time/remaining_s, by the speed of the last iterations,
pauses left out. Costs a microsecond an iteration.
"""

from __future__ import annotations

from collections import deque
from typing import ClassVar

from .base import Component, TrainerView

_ITERATIONS = 32  # that the speed is taken over: seconds as a rule, so an evaluation or a save does not show


class Progress(Component):
    """Reads the trainer's own count of steps and seconds."""

    name: ClassVar[str] = "progress"

    def __init__(self) -> None:
        self._recent: deque[tuple[int, float]] = deque(maxlen=_ITERATIONS)  # agent steps, seconds

    def on_epoch_end(self, trainer: TrainerView) -> None:
        total, metrics = trainer.config.total_steps, trainer.metrics
        metrics["time/progress"] = min(trainer.step / total, 1.0)
        self._recent.append((trainer.step, metrics["time/elapsed_s"]))
        (first_step, first_s), (step, now_s) = self._recent[0], self._recent[-1]
        if step > first_step:
            metrics["time/remaining_s"] = max(total - step, 0) * (now_s - first_s) / (step - first_step)
