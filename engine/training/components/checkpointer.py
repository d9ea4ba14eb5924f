"""Saving while a run goes on: by time, by iterations, and whenever the run is better than it ever was.

No keys of its own. Costs a look at the clock an iteration; a save takes tens of milliseconds, most of them the disk's.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch

from engine.errors import RunError
from engine.runs.checkpoints import mark_best

from .base import Component, TrainerView, warn
from .config import CheckpointerConfig

_PAUSE = 20.0  # times what a save takes, until the next one for being better: 5 % of the time goes into those at most


class Checkpointer(Component):
    """Saves when a save is due, and keeps the best. What a full disk refuses is tried again when the next is due.

    The trainer's own saves (at the end, or because somebody asked) are none of its business.
    """

    name: ClassVar[str] = "checkpointer"
    on_every_rank: ClassVar[bool] = True

    def __init__(self, config: CheckpointerConfig, every_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._config, self._every_s, self._clock = config, every_s, clock
        self._best: float | None = None
        self._saved_at = clock()
        self._better_from = -math.inf
        """When a save for being better is allowed again."""

    def on_logged(self, trainer: TrainerView) -> None:
        due = self._is_due(trainer.iteration)
        value = trainer.metrics.get(self._config.best, math.nan)
        better = self._is_better(value) and (due or self._clock() >= self._better_from)
        if trainer.ranks.count > 1:
            # All ranks save together; each has a clock of its own, and only the first has all metrics.
            wishes = [due, better] if trainer.ranks.is_first else [False, False]
            due, better = trainer.ranks.sum(torch.tensor(wishes, dtype=torch.int64)).tolist()
        if better:
            self._save_best(trainer, value)
        elif due:
            self._save(trainer, "scheduled")

    def state(self) -> dict[str, Any]:
        return {} if self._best is None else {"best": self._best}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._best = float(state["best"])

    def _is_due(self, iteration: int) -> bool:
        by_iterations = self._config.every > 0 and iteration % self._config.every == 0
        return by_iterations or self._clock() - self._saved_at >= self._every_s

    def _is_better(self, value: float) -> bool:
        if not math.isfinite(value):
            return False
        if self._best is None:
            return True
        return value > self._best if self._config.best_is == "highest" else value < self._best

    def _save_best(self, trainer: TrainerView, value: float) -> None:
        before, self._best = self._best, value  # first: what is saved has to know it
        if not self._save(trainer, f"best {self._config.best}: {value:.6g}", best=True):
            self._best = before

    def _save(self, trainer: TrainerView, why: str, *, best: bool = False) -> bool:
        """Save, or say why not. Either way the next one is due after the usual time."""
        started = self._clock()
        try:
            path = trainer.checkpoint(why)
            if best and trainer.ranks.is_first:
                mark_best(path)
        except RunError as error:
            self._saved_at = self._clock()
            self._better_from = self._saved_at + self._every_s
            again = f"training goes on, the next try is in {self._every_s:g} s at the latest"
            warn(trainer, f"no checkpoint was saved: {error.message}; {again}", hint=error.hint)
            return False
        self._saved_at = self._clock()
        self._better_from = self._saved_at + _PAUSE * (self._saved_at - started)
        return True
