"""`gridrl demos`: what people played, set by set, and how to train on it. Main thread; reads only."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path
from typing import Final

from engine.errors import RecordingError
from engine.runs.demonstrations import demonstrations_root, list_demonstrations, list_sets

from .text import aligned, count, line, note, number, printable

_HEADER: Final = ("set", "game", "episodes", "ended", "actions", "return")
_RIGHT: Final = (2, 3, 4, 5)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", help="where the sets are; GRIDRL_DEMONSTRATIONS without it")


def run(arguments: argparse.Namespace) -> int:
    root = Path(arguments.folder).expanduser() if arguments.folder else demonstrations_root()
    sets = list_sets(root)
    if not sets:
        note(f"no demonstrations in {printable(root)}; gridrl-tui keeps what you play by hand there")
        return 0
    for text in aligned(_HEADER, [_row(each) for each in sets], right=_RIGHT):
        line(text)
    names = f"trainer.losses.behaviour_cloning.demonstrations={json.dumps([str(sets[0])])}"
    words = ["gridrl", "train", "RECIPE", "trainer.losses.behaviour_cloning.weight=1", names]
    line(f"\ntrain on one: {printable(shlex.join(words))}")
    return 0


def _row(directory: Path) -> list[str]:
    """One set; a damaged one is listed too, with what is wrong."""
    name = printable(directory.name)
    try:
        entries = list_demonstrations(directory)
    except RecordingError as error:
        return [name, printable(error.message), "-", "-", "-", "-"]
    returns = [value for entry in entries for value in entry.returns.values()]
    mean = number(sum(returns) / len(returns)) if returns else "-"
    ended, actions = sum(entry.ended for entry in entries), sum(entry.actions for entry in entries)
    game = printable(entries[0].game) if entries else "-"
    return [name, game, count(len(entries)), count(ended), count(actions), mean]
