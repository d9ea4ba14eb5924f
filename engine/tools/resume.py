"""`gridrl resume RUN`: go on with a run that stopped or was killed, exactly where its last checkpoint stands."""

from __future__ import annotations

import argparse

from engine.errors import UsageError
from engine.recipes.resume import CHANGEABLE, resume_run
from engine.runs import runs_root
from engine.runs.names import check_run_name

from .foreground import asked_to_stop
from .train import follow


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="name of the run")
    changes = ", ".join(f"trainer.{name}" for name in CHANGEABLE)
    parser.add_argument("changes", nargs="*", metavar="KEY=VALUE", help=f"another value for one of {changes}")


def run(arguments: argparse.Namespace) -> int:
    changes = dict(_change(text) for text in arguments.changes)
    with asked_to_stop() as signals:
        local = resume_run(runs_root() / check_run_name(arguments.run), changes)
        try:
            return follow(local.start(), signals)
        finally:
            local.close(timeout=None)  # a checkpoint on a slow disk may take its time; a second signal does not


def _change(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"{text[:80]!r} is no setting", hint="write trainer.total_steps=2000000")
    return key.removeprefix("trainer."), value.replace("_", "")
