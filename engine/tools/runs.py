"""`gridrl runs`: the runs there are, newest first, once or for as long as one looks. Main thread; reads only."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from engine.errors import RunError
from engine.runs import LogReader, RunDirectory, RunState, list_runs, runs_root
from engine.runs.directory import LaterVersion
from engine.runs.log import last_seq

from .orders import SILENT_S
from .text import ago, aligned, count, line, note, number, printable

_HEADER: Final = ("run", "recipe", "status", "steps", "of", "SPS", "reward", "age", "process")
_RIGHT: Final = (3, 4, 5, 6, 7, 8)
_REWARD: Final = "rollout/ep_rew_mean"
_LOOK_S: Final = 1.0
_ROWS: Final = 200  # read first: some 5 ms

_HOME_AND_CLEAR: Final = "\x1b[H\x1b[J"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--watch", action="store_true", help="look again each second, until Ctrl-C")
    parser.add_argument("--live", action="store_true", help="only those that somebody trains now")


def run(arguments: argparse.Namespace) -> int:
    table = _Table(runs_root(), arguments.live)
    if not arguments.watch:
        table.show()
        return 0
    try:
        while True:
            if sys.stdout.isatty():
                print(_HOME_AND_CLEAR, end="")
            table.show()
            time.sleep(_LOOK_S)
    except KeyboardInterrupt:
        return 0


class _Table:
    """What is known of each run, so that a second look reads only what is new."""

    def __init__(self, root: Path, live_only: bool) -> None:
        self._root, self._live_only = root, live_only
        self._rewards: dict[Path, _Reward] = {}

    def show(self) -> None:
        runs = [run for run in list_runs(self._root) if not self._live_only or run.is_live()]
        if not runs:
            kind = "no run is under way" if self._live_only else "no runs"
            note(f"{kind} in {printable(self._root)}; gridrl train navigation makes one")
            return
        for text in aligned(_HEADER, [self._row(run) for run in runs], right=_RIGHT):
            line(text)

    def _row(self, run: RunDirectory) -> list[str]:
        """One run; a damaged one is listed too, with what is left of it."""
        state, pulse = run.state(), run.pulse()
        name = printable(run.run_id)
        try:
            info = run.info()
        except RunError as error:
            word = "of a later version" if isinstance(error, LaterVersion) else "damaged"
            return [name, "-", word, count(state.step), "-", "-", "-", "-", "-"]
        silent = time.time() - pulse.heartbeat
        status = state.status.label
        if state.status.is_open and silent > SILENT_S:
            status += f", silent for {ago(silent)}"
        speed = count(state.sps) if state.status is RunState.TRAINING else "-"
        age = ago(time.time() - info.created.timestamp())
        process = str(pulse.pid) if state.status.is_open else "-"
        wanted = count(state.total_steps) if state.total_steps else "-"
        reward = number(self._rewards.setdefault(run.path, _Reward(run.path)).latest())
        return [name, printable(info.recipe) or "-", status, count(state.step), wanted, speed, reward, age, process]


class _Reward:
    """The newest mean reward of one run."""

    def __init__(self, path: Path) -> None:
        self._prefix = path / "metrics"
        self._reader: LogReader | None = None
        self._value: float | None = None

    def latest(self) -> float | None:
        with suppress(RunError):
            if self._reader is None:
                self._look_back()
            else:
                self._read(self._reader)
        return self._value

    def _look_back(self) -> None:
        """The end of the log, and all of it only where that has none: not every iteration ends an episode."""
        last = last_seq(self._prefix)
        for after in dict.fromkeys((max(0, last - _ROWS), 0)):
            self._reader = LogReader(self._prefix, after=after)
            self._read(self._reader)
            if self._value is not None:
                return

    def _read(self, reader: LogReader) -> None:
        for record in reader.read_new():
            values = record.get("values")
            value = values.get(_REWARD) if isinstance(values, dict) else None
            self._value = float(value) if isinstance(value, (int, float)) else self._value
