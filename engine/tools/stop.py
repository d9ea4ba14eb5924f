"""`gridrl stop RUN`: end a run that is under way, with a checkpoint. Main thread."""

from __future__ import annotations

import argparse
import time
from typing import Final

from engine.errors import RunError
from engine.runs import RunDirectory, RunState, Stop

from .orders import add_run_argument, carry_out
from .text import count, line

_LAST_SAVE_S: Final = 120.0  # a checkpoint on a slow disk may take its time
_LOOK_S: Final = 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    directory = carry_out(arguments.run, Stop(), "gridrl stop")
    _wait_for_the_end(directory)
    state = directory.state()
    if state.status is RunState.FAILED:
        raise RunError(f"run {directory.run_id} failed: {state.message}")
    line(f"{directory.run_id}: {state.status.label} at {count(state.step)} of {count(state.total_steps)} steps")
    return 0


def _wait_for_the_end(directory: RunDirectory) -> None:
    until = time.monotonic() + _LAST_SAVE_S
    while directory.is_live():
        if time.monotonic() > until:
            raise RunError(
                f"run {directory.run_id} has been asked to stop, and has not within {_LAST_SAVE_S:.0f} s",
                hint="gridrl runs shows how it is, and its process",
            )
        time.sleep(_LOOK_S)
