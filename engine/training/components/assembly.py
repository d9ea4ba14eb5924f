"""The components that a run's settings ask for. Called by the trainer when it is made."""

from __future__ import annotations

from engine.maps import cells_for, load_map
from engine.sim import Rules, World
from engine.training.config import TrainerConfig

from .base import Component, Components
from .checkpointer import Checkpointer
from .config import EvaluatorConfig
from .epoch_tuner import EpochTuner
from .evaluator import Evaluator
from .flops import FlopsEstimate
from .gradients import GradientReporter
from .profiler import Profiler
from .progress import Progress
from .stats import StatsReporter
from .system import SystemMonitor


def components_of(config: TrainerConfig, rules: Rules | None) -> Components:
    """In the order in which they are called: who steers, who measures, who saves what all of them know.

    Args:
        rules: of the game; None where the envs are not ours.
    """
    chosen = config.components
    components: list[Component] = []
    if chosen.epoch_tuner.enabled:
        components.append(EpochTuner(chosen.epoch_tuner))
    if chosen.evaluator.enabled:
        components.append(Evaluator(chosen.evaluator, _held_out(chosen.evaluator, rules)))
    if chosen.gradients.enabled:
        components.append(GradientReporter(chosen.gradients))
    if chosen.stats.enabled:
        components.append(StatsReporter(chosen.stats))
    if chosen.progress.enabled:
        components.append(Progress())
    if chosen.system.enabled:
        components.append(SystemMonitor(chosen.system))
    if chosen.flops.enabled:
        components.append(FlopsEstimate())
    if chosen.profiler.enabled:
        components.append(Profiler(chosen.profiler))
    if chosen.checkpointer.enabled:
        evaluated = chosen.evaluator.enabled
        components.append(Checkpointer(chosen.checkpointer, config.checkpoint_every_s, evaluated=evaluated))
    return Components(components)


def _held_out(config: EvaluatorConfig, rules: Rules | None) -> list[World]:
    """The worlds that the evaluator plays on; none: those of training.

    Raises:
        MapError: a map cannot be read, or the game cannot be played on it.
    """
    return [] if rules is None else [World(rules, cells_for(load_map(name), rules)) for name in config.maps]
