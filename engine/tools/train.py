"""`gridrl train`: a run in the foreground, one line of figures every two seconds; or one in a process of its own.

Main thread; the trainer has its own. The first SIGINT, SIGTERM or SIGHUP asks for a checkpoint and the end,
the second ends at once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from engine.errors import RunError
from engine.recipes import RecipeConfig, Resolution, prepare_run
from engine.runs import EventLogged, MetricsLogged, RunHandle, RunState, runs_root
from engine.training.local import LocalRun
from engine.training.torchrun import place_of

from . import runner
from .foreground import POLL_S, Signal, asked_to_stop, wait
from .text import GAP, count, line, note, number, padded, printable

_LINE_PERIOD_S = 2.0  # slow enough to read, fast enough to see that it lives

_COLUMNS = (
    # heading, metric, width in cells, decimals (None: a whole number)
    ("steps", "time/total_timesteps", 13, None),
    ("SPS", "time/fps", 10, None),
    ("reward", "rollout/ep_rew_mean", 9, 3),
    ("length", "rollout/ep_len_mean", 8, 1),
    ("KL", "train/approx_kl", 9, 5),
    ("entropy", "train/entropy", 8, 3),
)


def run(resolution: Resolution) -> int:
    config = resolution.config
    assert isinstance(config, RecipeConfig)
    place, detached = place_of(), runner.is_one()  # asked once: whoever started us may be gone in a moment
    if detached:
        runner.prepare()
    with asked_to_stop() as signals:
        local = prepare_run(resolution.recipe.name, config, place=place)
        try:
            if detached:
                return runner.serve(local.start(), runs_root(), signals)
            return follow(local.start(), signals) if place.is_first else follow_silently(local.start(), signals)
        finally:
            local.close(timeout=None)  # a checkpoint on a slow disk may take its time; a second signal does not


def detach(recipe: str, settings: Sequence[str]) -> int:
    """Begin the same in a process of its own, and leave it."""
    root = runs_root()
    runner.print_started(runner.start(["train", recipe, "--", *settings], root), root)
    return 0


def follow(local: LocalRun, signals: list[Signal]) -> int:
    """Print a run until it ends. Returns the exit code."""
    folder = printable(runs_root() / local.run_id)
    line(f"run     {local.run_id}")
    line(f"folder  {folder}")
    line(GAP.join(padded(name, width, right=True) for name, _, width, _ in _COLUMNS))
    figures = _Figures()

    def look() -> None:
        figures.read(local)
        figures.print_if_due()

    wait(local, signals, look)
    figures.read(local)
    figures.print_if_new()
    return _said_goodbye(local, folder, signals)


def follow_silently(local: LocalRun, signals: list[Signal]) -> int:
    """Wait for a rank that is not the first, which alone prints. Returns the exit code.

    A signal is for the first rank to answer: this one ends when that one says so, or is gone.
    """
    while not local.join(POLL_S):
        if signals and local.state().status is RunState.STARTING:
            os._exit(128 + signals[0].number)  # the others have not come, and nothing but this interrupts the wait
    state = local.state()
    if state.status is RunState.FAILED:
        raise RunError(state.message)
    return 128 + signals[0].number if signals else 0


def _said_goodbye(local: LocalRun, folder: str, signals: list[Signal]) -> int:
    state = local.state()
    if state.status is RunState.FAILED:
        raise RunError(f"run {local.run_id} failed: {state.message}", hint=f"its record is in {folder}")
    line(f"{state.status.label} at {count(state.step)} of {count(state.total_steps)} steps")
    line(f"folder  {folder}")
    return 128 + signals[0].number if signals else 0


class _Figures:
    """The newest value of each metric, and when they were last printed."""

    def __init__(self) -> None:
        self._values: dict[str, float] = {}
        self._new = False
        self._due = 0.0  # monotonic seconds

    def read(self, handle: RunHandle) -> None:
        """Take in what was logged; warnings are passed on at once."""
        while events := handle.drain():
            for event in events:
                if isinstance(event, MetricsLogged):
                    self._values.update(event.values)
                    self._new = True
                elif isinstance(event, EventLogged) and event.kind == "warning":
                    note(f"warning: {printable(event.message)}")

    def print_if_due(self) -> None:
        if self._new and time.monotonic() >= self._due:
            self._due = time.monotonic() + _LINE_PERIOD_S
            self.print_if_new()

    def print_if_new(self) -> None:
        if not self._new:
            return
        self._new = False
        cells = (self._cell(metric, width, decimals) for _, metric, width, decimals in _COLUMNS)
        line(GAP.join(cells))

    def _cell(self, metric: str, width: int, decimals: int | None) -> str:
        value = self._values.get(metric)
        return padded(count(value) if decimals is None else number(value, decimals), width, right=True)
