"""A film as an asciinema cast, version 2: a terminal in which only the rows that change are written again. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .drawing import Row, ansi


@dataclass(frozen=True)
class Still:
    """One picture of a film, and the line below it."""

    tick: int
    rows: list[Row]

    @property
    def caption(self) -> str:
        """What stands below it."""
        return f"tick {self.tick}"


def cast_of(stills: Iterable[Still], width: int, height: int, fps: float, title: str) -> Iterator[str]:
    """The lines of a cast.

    Args:
        width, height: of the pictures, in characters; the caption takes one more row.
    """
    header = {"version": 2, "width": max(width, 12), "height": height + 1, "title": title, "env": {"TERM": "xterm"}}
    yield json.dumps(header)
    before: list[Row] = []
    index = 0
    for index, still in enumerate(stills):
        begin = "\x1b[?25l\x1b[2J" if not before else ""
        yield json.dumps([round(index / fps, 6), "o", begin + _changes(before, still)])
        before = still.rows
    yield json.dumps([round((index + 1) / fps, 6), "o", "\x1b[?25h"])  # the last picture stays as long as the others


def _changes(before: list[Row], still: Still) -> str:
    """What turns one picture into the next: whole rows, those that differ."""
    rows = [
        f"\x1b[{number};1H{ansi(row)}\x1b[K"
        for number, row in enumerate(still.rows, start=1)
        if number > len(before) or before[number - 1] != row
    ]
    return "".join([*rows, f"\x1b[{len(still.rows) + 1};1H{still.caption}\x1b[K"])
