"""`gridrl __complete`: candidates on stdout, one a line, and nothing else anywhere.

    gridrl __complete PROGRAM WORD... CURRENT     the words without their quotes: `text<TAB>what it is`
    gridrl __complete --bash BREAKS LINE          a line of bash up to the cursor: what to insert, as bash reads it

Main thread; ends the process, whose exit code is always 0: a shell in the middle of a line has no use for complaints.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from .bash import read_line
from .names import Candidate
from .words import candidates


def answer(arguments: Sequence[str], tools: Mapping[str, str], recipe_tools: Sequence[str]) -> NoReturn:
    """Print the candidates and end the process.

    Args:
        tools: each tool's line in the help.
        recipe_tools: those that take a recipe.
    """
    try:
        gc.disable()  # nothing that imports make is garbage
        out = _hushed()
        text = "\n".join([*_said(arguments, tools, recipe_tools), ""])
        os.write(out, text.encode(sys.getfilesystemencoding(), "replace"))  # file names are what they are on the disk
    finally:
        os._exit(0)  # at once: no traceback, whatever was raised, and no tidying up that takes as long again


def _hushed() -> int:
    """Take the terminal away from whatever runs now: a person's own recipe may print, or read. Returns stdout."""
    out = os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    return out


def _said(arguments: Sequence[str], tools: Mapping[str, str], recipe_tools: Sequence[str]) -> list[str]:
    if arguments[:1] == ["--bash"]:
        breaks, text = arguments[1:]
        line = read_line(text, breaks)
        return [shown for found in candidates(line.words, tools, recipe_tools) if (shown := line.inserted(found))]
    return [_with_words(found) for found in candidates(arguments, tools, recipe_tools)]


def _with_words(candidate: Candidate) -> str:
    return f"{candidate.text}\t{candidate.about}"
