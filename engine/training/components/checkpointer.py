"""Saving while a run goes on: by time, by iterations, and whenever the run is better than it ever was.

No keys of its own. Costs a look at the clock an iteration; a save takes tens of milliseconds, most of them the disk's.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from engine.errors import RunError

from .base import Component, TrainerView, warn
from .config import CheckpointerConfig

_PAUSE = 20.0  # times what a save takes, until the next one for being better: 5 % of the time goes into those at most
_UNSEEN_FOR = 100  # iterations: a metric that was not there by then will hardly come
_EVALUATED, _PLAYED = "eval/return_mean", "rollout/ep_rew_mean"


class Checkpointer(Component):
    """Saves when a save is due, and keeps the best. What a full disk refuses is tried again when the next is due.

    The trainer's own saves (at the end, or because somebody asked) are none of its business.
    """

    name: ClassVar[str] = "checkpointer"

    def __init__(
        self,
        config: CheckpointerConfig,
        every_s: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        evaluated: bool = True,
    ) -> None:
        """Begin to count the time.

        Args:
            evaluated: whether there is an evaluator to say which is the best.
        """
        self._config, self._every_s, self._clock = config, every_s, clock
        self._metric = config.best if config.best is not None else _EVALUATED if evaluated else _PLAYED
        # What a rollout says is better by luck in every other one: it is no reason to save.
        self._only_when_due = config.best is None and not evaluated
        self._best: float | None = None
        self._unseen: int | None = 0  # iterations that the metric was waited for; None: it has come
        self._saved_at = clock()
        self._better_from = -math.inf
        """When a save for being better is allowed again."""

    def on_logged(self, trainer: TrainerView) -> None:
        due = self._is_due(trainer.iteration)
        value = trainer.metrics.get(self._metric, math.nan)
        self._note(trainer, value)
        better = self._is_better(value)
        if better and (due or (not self._only_when_due and self._clock() >= self._better_from)):
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

    def _note(self, trainer: TrainerView, value: float) -> None:
        """Say once that the metric does not come: a slip of the pen, most often."""
        if self._unseen is None or not self._metric:
            return
        self._unseen = None if math.isfinite(value) else self._unseen + 1
        if self._unseen == _UNSEEN_FOR:
            warn(trainer, f"no metric {self._metric} in {_UNSEEN_FOR} iterations: the best is kept once it comes")

    def _is_better(self, value: float) -> bool:
        if not math.isfinite(value):
            return False
        if self._best is None:
            return True
        return value > self._best if self._config.best_is == "highest" else value < self._best

    def _save_best(self, trainer: TrainerView, value: float) -> None:
        before, self._best = self._best, value  # first: what is saved has to know it
        if not self._save(trainer, f"best {self._metric}: {value:.6g}", best=True):
            self._best = before

    def _save(self, trainer: TrainerView, why: str, *, best: bool = False) -> bool:
        """Save, or say why not. Either way the next one is due after the usual time."""
        started = self._clock()
        try:
            trainer.checkpoint(why, best=best)
        except RunError as error:
            self._saved_at = self._clock()
            self._better_from = self._saved_at + self._every_s
            again = f"training goes on, the next try is in {self._every_s:g} s at the latest"
            warn(trainer, f"no checkpoint was saved: {error.message}; {again}", hint=error.hint)
            return False
        self._saved_at = self._clock()
        self._better_from = self._saved_at + _PAUSE * (self._saved_at - started)
        return True
