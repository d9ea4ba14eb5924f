"""`gridrl runs`: the runs there are, newest first. Main thread; reads only."""

from __future__ import annotations

import argparse
import time

from engine.errors import RunError
from engine.runs import RunDirectory, list_runs, runs_root

from .text import ago, aligned, count, line, note, number, printable

_HEADER = ("run", "recipe", "status", "steps", "reward", "age")
_REWARD = "rollout/ep_rew_mean"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It takes none."""


def run(arguments: argparse.Namespace) -> int:
    root = runs_root()
    rows = [_row(directory) for directory in list_runs(root)]
    if not rows:
        note(f"no runs in {printable(root)}; gridrl train navigation makes one")
        return 0
    for text in aligned(_HEADER, rows, right=(3, 4, 5)):
        line(text)
    return 0


def _row(directory: RunDirectory) -> list[str]:
    """One run; a damaged one is listed too, with what is left of it."""
    state = directory.state()
    name = printable(directory.run_id)
    try:
        info = directory.info()
    except RunError:
        return [name, "-", "damaged", count(state.step), "-", "-"]
    age = ago(time.time() - info.created.timestamp())
    return [name, printable(info.recipe) or "-", state.status.label, count(state.step), _last_reward(directory), age]


def _last_reward(directory: RunDirectory) -> str:
    try:
        logged = directory.read_metrics()
    except RunError:
        return "-"
    return number(next((event.values[_REWARD] for event in reversed(logged) if _REWARD in event.values), None))
