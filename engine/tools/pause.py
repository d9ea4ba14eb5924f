"""`gridrl pause RUN`: hold a run that is under way; `gridrl resume RUN` lets it go on. Main thread."""

from __future__ import annotations

import argparse

from engine.runs import Pause, RunState

from .orders import add_run_argument, carry_out, wait_for


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    wait_for(carry_out(arguments.run, Pause(), "gridrl pause"), RunState.PAUSED)
    return 0
