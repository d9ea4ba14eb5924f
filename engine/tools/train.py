"""`gridrl train`: a run in the foreground, one line of figures every two seconds.

Main thread; the trainer has its own. The first SIGINT, SIGTERM or SIGHUP asks for a checkpoint and the end,
the second ends at once.
"""

from __future__ import annotations

import argparse
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NamedTuple

from engine.errors import RunError
from engine.recipes import RecipeConfig, overrides_of, prepare_run, resolve, world_of
from engine.runs import EventLogged, MetricsLogged, RunHandle, RunState, Stop, runs_root
from engine.training.local import LocalRun

from .arguments import add_recipe
from .text import GAP, count, line, note, number, padded, printable

_LINE_PERIOD_S = 2.0  # slow enough to read, fast enough to see that it lives
_POLL_S = 0.2  # how soon a signal is answered and the end noticed
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_TWICE_S = 1.0  # a signal this soon after the first is the first once more: `timeout` and others send both

_COLUMNS = (
    # heading, metric, width in cells, decimals (None: a whole number)
    ("steps", "time/total_timesteps", 13, None),
    ("SPS", "time/fps", 10, None),
    ("reward", "rollout/ep_rew_mean", 9, 3),
    ("length", "rollout/ep_len_mean", 8, 1),
    ("KL", "train/approx_kl", 9, 5),
    ("entropy", "train/entropy", 8, 3),
)


class Signal(NamedTuple):
    """A request to stop."""

    number: int
    at: float  # monotonic seconds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_recipe(parser)
    parser.add_argument("--dry-run", action="store_true", help="check and print the settings, start nothing")


def run(arguments: argparse.Namespace) -> int:
    config = resolve(arguments.recipe, arguments.settings)
    if arguments.dry_run:
        world_of(config)
        _print_settings(resolve(arguments.recipe), config)
        return 0
    with _asked_to_stop() as signals:
        local = prepare_run(arguments.recipe, config)
        try:
            return _follow(local.start(), signals)
        finally:
            local.close(timeout=None)  # a checkpoint on a slow disk may take its time; a second signal does not


def _print_settings(recipe: RecipeConfig, config: RecipeConfig) -> None:
    """Every setting as it could be typed; those that differ from the recipe say what they were."""
    before = {setting.key: setting.text for setting in overrides_of(recipe)}
    for setting in overrides_of(config):
        was = before.get(setting.key)
        remark = "" if was == setting.text else f"{GAP}(recipe: {'not there' if was is None else was})"
        line(printable(f"{setting.key}={setting.text}{remark}"))
    note("the settings are right; nothing was started")


def _follow(local: LocalRun, signals: list[Signal]) -> int:
    """Print a run until it ends. Returns the exit code."""
    folder = printable(runs_root() / local.run_id)
    line(f"run     {local.run_id}")
    line(f"folder  {folder}")
    line(GAP.join(padded(name, width, right=True) for name, _, width, _ in _COLUMNS))
    figures = _Figures()
    stopping = False
    while not local.join(_POLL_S):
        if signals and not stopping:
            stopping = True
            note("stopping, with a checkpoint; once more to leave at once")
            _ask_to_stop(local)
        figures.read(local)
        figures.print_if_due()
    figures.read(local)
    figures.print_if_new()
    return _said_goodbye(local, folder, signals)


def _ask_to_stop(local: LocalRun) -> None:
    try:
        local.send(Stop())
    except RunError:  # it just ended by itself
        return


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


@contextmanager
def _asked_to_stop() -> Iterator[list[Signal]]:
    """The signal that came, once one has. What our starter ignores (nohup, a background job) stays ignored."""
    came: list[Signal] = []

    def note_signal(signum: int, frame: FrameType | None) -> None:
        if not came:
            came.append(Signal(signum, time.monotonic()))
        elif time.monotonic() - came[0].at > _TWICE_S:
            os._exit(128 + signum)  # the trainer's thread may be inside torch: an orderly exit would wait for it

    caught = {signum: old for signum in _SIGNALS if (old := signal.getsignal(signum)) is not signal.SIG_IGN}
    for signum in caught:
        signal.signal(signum, note_signal)
    try:
        yield came
    finally:
        for signum, old in caught.items():
            signal.signal(signum, old)
