"""`gridrl resume RUN`: go on with a run that is paused; or with one that ended, where its last checkpoint stands."""

from __future__ import annotations

import argparse
import time
from typing import Any

from engine.errors import ConfigError, RunError
from engine.recipes.overrides import parse_override, parse_value
from engine.recipes.resume import CHANGEABLE, resume_run
from engine.runs import EventLogged, Resume, RunState, runs_root
from engine.runs.names import check_run_name
from engine.training.local import LocalRun
from engine.training.torchrun import place_of

from . import runner
from .foreground import asked_to_stop
from .orders import carry_out, existing_run, wait_for
from .text import note, printable
from .train import follow, follow_silently


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="name of the run; gridrl runs lists them")
    changes = ", ".join(f"trainer.{name}" for name in CHANGEABLE)
    parser.add_argument("changes", nargs="*", metavar="KEY=VALUE", help=f"another value for one of {changes}")
    parser.add_argument("--detach", action="store_true", help="train in a process of its own, which outlives the shell")
    parser.epilog = "A finished run goes on with more steps: gridrl resume first trainer.total_steps=2e6"


def run(arguments: argparse.Namespace) -> int:
    changes = dict(map(_change, arguments.changes))
    place, began = place_of(), time.time()
    detached = runner.is_one()  # asked once: whoever started us may be gone in a moment
    if place.is_first and existing_run(arguments.run).is_live():
        return _go_on(arguments)
    if arguments.detach:
        root = runs_root()
        runner.print_started(runner.start(["resume", arguments.run, "--", *arguments.changes], root), root)
        return 0
    if detached:
        runner.prepare()
    with asked_to_stop() as signals:
        local = resume_run(runs_root() / check_run_name(arguments.run), changes, place=place)
        try:
            if not place.is_first:
                return follow_silently(local.start(), signals)
            if detached:
                return runner.serve(local.start(), runs_root(), signals)
            _pass_over_history(local, began)
            return follow(local.start(), signals)
        finally:
            local.close(timeout=None)  # a checkpoint on a slow disk may take its time; a second signal does not


def _go_on(arguments: argparse.Namespace) -> int:
    """A run that is under way has a process already: let it go on if it is paused."""
    run = existing_run(arguments.run)
    is_paused = run.state().status is RunState.PAUSED
    if arguments.changes or arguments.detach or not is_paused:
        go_on = f"gridrl resume {run.run_id} lets it go on there; " if is_paused else ""
        raise RunError(
            f"run {run.run_id} is {'paused' if is_paused else 'under way'}: another process trains it",
            hint=f"{go_on}gridrl stop {run.run_id} ends it first",
        )
    wait_for(carry_out(arguments.run, Resume(), "gridrl resume"), RunState.TRAINING)
    return 0


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
