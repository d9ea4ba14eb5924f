"""What the run takes of the machine.

Logs every ten seconds system/cpu_percent (100 = one core, since the last look), system/rss_mb,
system/memory_percent of the machine, system/threads, system/open_files, and on a GPU system/gpu_memory_mb and
system/gpu_memory_peak_mb; all of the whole process, so of the screen too where a run is inside it. In the first
iteration, memory/rollout_mb, memory/networks_mb and memory/optimizers_mb. A look costs 0.2 ms, an iteration
without one a look at the clock.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from typing import ClassVar

import psutil
import torch
from torch import Tensor

from .base import Component, TrainerView
from .config import SystemConfig

_MB = 1e6


class SystemMonitor(Component):
    """Looks at the machine now and then."""

    name: ClassVar[str] = "system"

    def __init__(self, config: SystemConfig, clock: Callable[[], float] = time.monotonic) -> None:
        self._every_s, self._clock = config.every_s, clock
        self._next = -math.inf
        self._told_memory = False
        self._process = psutil.Process()
        self._process.cpu_percent()  # the first call only begins to count

    def on_epoch_end(self, trainer: TrainerView) -> None:
        if not self._told_memory:
            self._told_memory = True
            trainer.metrics.update(_memory(trainer))
        now = self._clock()
        if now >= self._next:
            self._next = now + self._every_s
            trainer.metrics.update(self._look())

    def _look(self) -> dict[str, float]:
        with self._process.oneshot():
            values = {
                "system/cpu_percent": self._process.cpu_percent(),
                "system/rss_mb": self._process.memory_info().rss / _MB,
                "system/memory_percent": psutil.virtual_memory().percent,
                "system/threads": float(self._process.num_threads()),
                "system/open_files": float(self._process.num_fds()),
            }
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            values["system/gpu_memory_mb"] = torch.cuda.memory_allocated() / _MB
            values["system/gpu_memory_peak_mb"] = torch.cuda.max_memory_allocated() / _MB
        return values


def _memory(trainer: TrainerView) -> dict[str, float]:
    """Bytes of what training holds, in MB."""
    networks = [learner.network for learner in trainer.learners]
    held = [held for learner in trainer.learners for held in learner.optimizer.state.values()]
    return {
        "memory/rollout_mb": _bytes(vars(trainer.rollout).values()) / _MB,
        "memory/networks_mb": _bytes(t for n in networks for t in (*n.parameters(), *n.buffers())) / _MB,
        "memory/optimizers_mb": _bytes(value for each in held for value in each.values()) / _MB,
    }


def _bytes(values: Iterable[object]) -> int:
    """Of the tensors among the values; a memory that several of them show counts once."""
    storages = [value.untyped_storage() for value in values if isinstance(value, Tensor)]
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())
