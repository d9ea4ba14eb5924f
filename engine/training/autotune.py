"""How fast a run would be with other numbers of envs, learner threads and samples a minibatch: measured.

Called by a tool, on its main thread; owns one Trainer at a time, which writes nothing. It measures the machine as it is
now: what else runs there is part of the answer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from engine.errors import ConfigError, GridrlError
from engine.runs import SilentWriter, Stop
from engine.sim import Spec, World

from .components.config import ComponentsConfig
from .config import TrainerConfig
from .control import Controls
from .curriculum import CurriculumConfig
from .trainer import Trainer
from .warm_up import warm_up

CHANGES: Final = {
    "learner_threads": "the run's sums round otherwise, no more",
    "env_count": "another batch: what is learnt changes, and the learning rate may have to",
    "minibatch_size": "another number of updates: what is learnt changes, and the learning rate may have to",
}
"""The settings that are tried, and what another value of each means; those of the recipe first."""

_ENV_FACTORS: Final = (1, 2, 4)
_MINIBATCH_FACTORS: Final = (1, 4)
_WORTH: Final = 1.05  # a setting that changes what is learnt must be so many times faster: less is noise
_NO_COMPONENTS: Final = ComponentsConfig.model_validate(
    {name: {"enabled": False} for name in ComponentsConfig.model_fields}
)
_LEAST_S: Final = 0.5  # for one candidate: less measures the first touch of its memory


@dataclass(frozen=True)
class Measured:
    """One candidate, and how fast it went."""

    config: TrainerConfig
    memory: int  # bytes, estimated
    rate: float  # agent steps per second
    cpu_us: float  # CPU microseconds per agent step, all threads


def candidates(config: TrainerConfig, spec: Spec, cores: int, memory_cap: int) -> list[TrainerConfig]:
    """What is worth a try: the settings as they are, then those that fit the game and the memory.

    Args:
        cores: that this process may use; no more learner threads are tried.
        memory_cap: bytes of a run's tables.
    """
    threads = [count for count in (1, 2, 4, 8, 16) if count <= cores]
    found = [config]
    for factor in _ENV_FACTORS:
        for minibatch in _MINIBATCH_FACTORS:
            for count in threads:
                changes = {
                    "env_count": config.env_count * factor,
                    "minibatch_size": config.minibatch_size * minibatch,
                    "learner_threads": count,
                }
                tried = _fitting(config, changes, spec.agent_count)
                if tried is not None and tried not in found and memory_of(tried, spec) <= memory_cap:
                    found.append(tried)
    return sorted(found, key=lambda each: len(changed(each, config) - {"learner_threads"}))  # stable


def _fitting(config: TrainerConfig, changes: Mapping[str, Any], agents: int) -> TrainerConfig | None:
    try:
        tried = TrainerConfig.model_validate({**config.model_dump(), **changes})
        tried.require_fit(agents)
    except (ValidationError, ConfigError):
        return None
    return tried


def memory_of(config: TrainerConfig, spec: Spec) -> int:
    """Bytes of a run's large tables, about: the rollout, and a minibatch on its way through the layers."""
    samples = config.batch_size(spec.agent_count)
    kept = spec.observation_size + 4 * 12 + config.masks * len(spec.action_names)
    widths = sum(config.policy.hidden) + config.policy.memory_size * (config.policy.memory != "none")
    return samples * kept + config.minibatch_size * (spec.observation_size + 4 * 6 * widths)


def changed(config: TrainerConfig, base: TrainerConfig) -> set[str]:
    """Which of the settings that are tried differ."""
    return {name for name in CHANGES if getattr(config, name) != getattr(base, name)}


def measurements(worlds: Sequence[World], configs: Sequence[TrainerConfig], seconds: float) -> Iterator[Measured]:
    """Each candidate's speed as it is known, until the time is over; the first one's in any case.

    Raises:
        GridrlError: the first candidate, the settings as they are, cannot be trained at all.
    """
    end = time.monotonic() + seconds
    for number, config in enumerate(configs):
        left = end - time.monotonic()
        if number and left <= 0:
            return
        try:
            yield _measured(worlds, config, max(_LEAST_S, left / (len(configs) - number)))
        except GridrlError:
            if not number:
                raise  # another candidate that fails is none


def best_of(found: Sequence[Measured], base: TrainerConfig) -> tuple[Measured, Measured]:
    """The fastest of those that learn the same, and the one to recommend: another only if it is clearly faster."""
    same = max(
        (each for each in found if changed(each.config, base) <= {"learner_threads"}), key=lambda each: each.rate
    )
    fastest = max(found, key=lambda each: each.rate)
    return same, fastest if fastest.rate > _WORTH * same.rate else same


def _measured(worlds: Sequence[World], config: TrainerConfig, seconds: float) -> Measured:
    controls = Controls()
    clock = _Clock(controls, seconds)
    # Neither a curriculum nor what is done beside training is measured.
    quiet = {"curriculum": CurriculumConfig(), "components": _NO_COMPONENTS}
    endless = config.model_copy(update={"total_steps": 1 << 60, "anneal": False, **quiet})
    trainer = Trainer(worlds, endless, clock, controls)
    try:
        for learner in trainer.learners:
            warm_up(learner.network, learner.compute)
        trainer.run()
    finally:
        trainer.close()
    (first, began, cpu_began), (last, ended, cpu_ended) = clock.laps[0], clock.laps[-1]
    steps = last - first
    return Measured(
        config, memory_of(config, worlds[0].spec), steps / (ended - began), (cpu_ended - cpu_began) / steps * 1e6
    )


class _Clock(SilentWriter):
    """Stops the run when its time is over; the first iteration, which touches all memory, is not measured."""

    def __init__(self, controls: Controls, seconds: float) -> None:
        super().__init__("autotune")
        self._controls = controls
        self._end = time.monotonic() + seconds
        self.laps: list[tuple[int, float, float]] = []  # (agent steps, seconds, CPU seconds) after each iteration

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        now = time.monotonic()
        self.laps.append((step, now, time.process_time()))
        if len(self.laps) > 1 and now >= self._end:
            self._controls.send(Stop())
