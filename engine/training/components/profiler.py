"""Where torch spends its time: a few iterations under torch's profiler.

No keys. Writes profile/ops.txt, the operations that take most, and profile/trace.json, for a trace viewer, into the
run's folder. The profiled iterations take several times as long, and megabytes of memory and disk each.
"""

from __future__ import annotations

import os
from typing import ClassVar

import torch
from torch.profiler import ProfilerActivity, profile

from engine.runs.files import DIRECTORY_MODE, FILE_MODE, refusals_in_words, replace_file

from .base import Component, TrainerView
from .config import ProfilerConfig

_ROWS = 30  # of the table


class Profiler(Component):
    """Begins after the iteration before the first one wanted; on the trainer's thread, which it watches alone."""

    name: ClassVar[str] = "profiler"

    def __init__(self, config: ProfilerConfig) -> None:
        # torch's tracer talks on the error stream, the screen of a run inside the app; 99 is above all it says.
        os.environ.setdefault("KINETO_LOG_LEVEL", "99")
        self._after, self._until = config.start - 1, config.start - 1 + config.iterations
        self._profile: profile | None = None

    def on_logged(self, trainer: TrainerView) -> None:
        if self._profile is not None and trainer.iteration >= self._until:
            self._finish(trainer)
        if trainer.iteration == self._after:
            activities = [ProfilerActivity.CPU]
            if _has_gpu():
                activities.append(ProfilerActivity.CUDA)
            self._profile = profile(activities=activities)
            self._profile.start()

    def on_complete(self, trainer: TrainerView) -> None:
        self._finish(trainer)

    def on_failure(self, trainer: TrainerView, error: BaseException) -> None:
        self._finish(trainer)

    def _finish(self, trainer: TrainerView) -> None:
        """Write what was seen, if the profiler is on."""
        if self._profile is None:
            return
        done, self._profile = self._profile, None
        done.stop()
        folder = trainer.writer.path / "profile"
        with refusals_in_words("create", folder):
            folder.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
        order = "self_cuda_time_total" if _has_gpu() else "self_cpu_time_total"
        table = done.key_averages().table(sort_by=order, row_limit=_ROWS)
        replace_file(folder / "ops.txt", table.encode(), durable=False)
        trace = folder / "trace.json"
        trace.unlink(missing_ok=True)
        done.export_chrome_trace(str(trace))
        trace.chmod(FILE_MODE)
        trainer.event("state", f"profile written to {folder.name}/", path=str(folder))


def _has_gpu() -> bool:
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]
