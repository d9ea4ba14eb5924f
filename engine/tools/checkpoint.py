"""`gridrl checkpoint RUN`: save a run that is under way, now. Main thread."""

from __future__ import annotations

import argparse

from engine.runs import Checkpoint

from .orders import add_run_argument, carry_out


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    carry_out(arguments.run, Checkpoint(), "gridrl checkpoint")
    return 0
