"""`gridrl resume RUN`: go on with a run that stopped or was killed, exactly where its last checkpoint stands."""

from __future__ import annotations

import argparse
import time
from typing import Any

from engine.errors import ConfigError
from engine.recipes.overrides import parse_override, parse_value
from engine.recipes.resume import CHANGEABLE, resume_run
from engine.runs import EventLogged, runs_root
from engine.runs.names import check_run_name
from engine.training.local import LocalRun
from engine.training.torchrun import place_of

from .foreground import asked_to_stop
from .text import note, printable
from .train import follow, follow_silently


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="name of the run; gridrl runs lists them")
    changes = ", ".join(f"trainer.{name}" for name in CHANGEABLE)
    parser.add_argument("changes", nargs="*", metavar="KEY=VALUE", help=f"another value for one of {changes}")
    parser.epilog = "A finished run goes on with more steps: gridrl resume first trainer.total_steps=2e6"


def run(arguments: argparse.Namespace) -> int:
    changes = dict(map(_change, arguments.changes))
    place, began = place_of(), time.time()
    with asked_to_stop() as signals:
        local = resume_run(runs_root() / check_run_name(arguments.run), changes, place=place)
        try:
            if not place.is_first:
                return follow_silently(local.start(), signals)
            _pass_over_history(local, began)
            return follow(local.start(), signals)
        finally:
            local.close(timeout=None)  # a checkpoint on a slow disk may take its time; a second signal does not


def _change(argument: str) -> tuple[str, Any]:
    override = parse_override(argument)
    try:
        return override.key.removeprefix("trainer."), parse_value(override.text)
    except ValueError as error:
        raise ConfigError(f"{override}: {error}") from None


def _pass_over_history(local: LocalRun, began: float) -> None:
    """Tell what was logged since `began` (wall time): from where the run goes on, and what is wrong; not the rest."""
    while events := local.drain():
        for event in events:
            if isinstance(event, EventLogged) and event.time >= began:
                note(f"warning: {printable(event.message)}" if event.kind == "warning" else printable(event.message))
