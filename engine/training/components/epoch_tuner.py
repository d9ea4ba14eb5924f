"""The number of passes over each batch, by how far the policy moves in them.

Sets `hyper["epochs"]` of each learner by itself, one up or down at a time, and logs train/epochs (a role's begins with
<role>/). Costs nothing to speak of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from .base import Component, LearnerView, TrainerView
from .config import EpochTunerConfig

_KL, _CLIPPED = "train/approx_kl", "train/clip_fraction"


@dataclass
class _Setting:
    """The passes of one learner."""

    epochs: int
    wait: int  # iterations that are still only watched


class EpochTuner(Component):
    """Watches each update's KL divergence and clip fraction. Owns the number of passes from its first iteration on."""

    name: ClassVar[str] = "epoch_tuner"

    def __init__(self, config: EpochTunerConfig) -> None:
        self._config = config
        self._settings: dict[str, _Setting] = {}
        """By name of the learner."""

    def on_rollout_end(self, trainer: TrainerView) -> None:
        for learner in trainer.learners:
            if learner.name not in self._settings:
                self._settings[learner.name] = _Setting(self._within(learner.hyper["epochs"]), self._config.warm_up)
            learner.hyper["epochs"] = float(self._settings[learner.name].epochs)

    def on_epoch_end(self, trainer: TrainerView) -> None:
        for learner in trainer.learners:
            setting = self._settings[learner.name]
            trainer.metrics[f"{learner.name}/train/epochs" if learner.name else "train/epochs"] = float(setting.epochs)
            if setting.wait:
                setting.wait -= 1
                continue
            epochs = self._within(setting.epochs + self._turn(learner))
            if epochs != setting.epochs:
                self._settings[learner.name] = _Setting(epochs, self._config.cooldown)

    def state(self) -> dict[str, Any]:
        return {name: asdict(setting) for name, setting in self._settings.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._settings = {name: _Setting(**setting) for name, setting in state.items()}

    def _turn(self, learner: LearnerView) -> int:
        """-1, 0 or 1 passes more. A learner without these metrics, one that only imitates, is left alone."""
        config, metrics = self._config, learner.metrics
        if _KL not in metrics:
            return 0
        if metrics[_CLIPPED] > config.clip_fraction or metrics[_KL] > config.target * (1 + config.tolerance):
            return -1
        return int(metrics[_KL] < config.target * (1 - config.tolerance))

    def _within(self, epochs: float) -> int:
        return min(max(round(epochs), self._config.least), self._config.most)
