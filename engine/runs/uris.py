"""What a person calls checkpoints: a run, a path, or a URI of another place, with a choice among those that lie there.

    RUN, RUN:latest, RUN:best, RUN:v4096                one
    RUN:all, RUN:top:3:eval/return_mean, RUN:v1..v9     several
    file://PATH, a path, s3://BUCKET/PREFIX, wandb://ENTITY/PROJECT/NAME, ssh://[USER@]HOST/RUN

Pure; any thread. Whether anything is there, shelves.py asks. `vN` is the checkpoint after N agent steps, everywhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from engine.errors import UsageError

LATEST: Final = "latest"
BEST: Final = "best"
ALL: Final = "all"
MAX_CHOSEN: Final = 64
"""Checkpoints that one choice may come to: each takes memory, and a table with more lines is read by nobody."""

_CHOICE: Final = re.compile(
    r"(?P<base>.*)(?P<mark>[:@])(?:(?P<word>latest|best|all)"
    r"|v(?P<first>[0-9]{1,18})(?:\.\.v?(?P<last>[0-9]{1,18}))?"
    r"|top:(?P<count>[0-9]{1,4}):(?P<metric>[A-Za-z0-9_][\w./-]{0,199}))",
    re.ASCII | re.DOTALL,
)
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*)://(.*)", re.ASCII | re.DOTALL | re.IGNORECASE)
_PASSWORD: Final = re.compile(r"(?<=://)[^/@]*:[^/@]*(?=@)")
_MAX_SHOWN: Final = 80  # characters of what was typed, in an error


@dataclass(frozen=True)
class Choice:
    """Which of the checkpoints of one place."""

    word: str = LATEST
    """latest, best, all; else `range` or `top`."""
    first: int = 0
    last: int = 0
    """Of a range, both included: agent steps. Of one checkpoint by its number they are equal."""
    count: int = 0
    metric: str = ""
    """Of `top`: how many, and by what."""

    @property
    def is_one(self) -> bool:
        """Whether it can only be one checkpoint."""
        return self.word in (LATEST, BEST) or self.is_number

    @property
    def is_number(self) -> bool:
        return self.word == "range" and self.first == self.last

    def __str__(self) -> str:
        if self.is_number:
            return f"v{self.first}"
        if self.word == "range":
            return f"v{self.first}..v{self.last}"
        return f"top:{self.count}:{self.metric}" if self.word == "top" else self.word


@dataclass(frozen=True)
class Uri:
    """A text taken apart."""

    text: str
    scheme: str
    """In small letters; empty for a run's name or a path."""
    place: str
    """Behind the scheme, without the choice."""
    choice: Choice
    mark: str = ":"
    """What stands before the choice: `:`, or `@`, which no shell's completion breaks at."""

    @property
    def base(self) -> str:
        """The text without the choice."""
        return f"{self.scheme}://{self.place}" if self.scheme else self.place

    def called(self, step: int) -> str:
        """One checkpoint of that place, by its number."""
        return f"{self.base}{self.mark}v{step}"


def read_uri(text: str) -> Uri:
    """Take a text apart. Whatever it is, it is something: a scheme that nobody knows is kept for others to refuse.

    Raises:
        UsageError: a choice that chooses nothing, such as `top:0:reward` or a range whose end is before its start.
    """
    base, mark, choice = _split_choice(text)
    scheme = _SCHEME.fullmatch(base)
    if scheme is None:
        return Uri(text, "", base, choice, mark)
    return Uri(text, scheme[1].lower(), scheme[2], choice, mark)


def shown(text: str) -> str:
    """Enough of a text to know it again in an error, and no password that was written into it."""
    text = _PASSWORD.sub("***", text)
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "..."


def _split_choice(text: str) -> tuple[str, str, Choice]:
    found = _CHOICE.fullmatch(text)
    if found is None:
        return text, ":", Choice()
    return found["base"], found["mark"], _choice(found)


def _choice(found: re.Match[str]) -> Choice:
    if found["word"]:
        return Choice(found["word"])
    if found["metric"]:
        count = int(found["count"])
        if not 1 <= count <= MAX_CHOSEN:
            raise UsageError(f"{shown(found[0])}: top takes 1 to {MAX_CHOSEN}", hint="such as top:3:eval/return_mean")
        return Choice("top", count=count, metric=found["metric"])
    first = int(found["first"])
    last = first if found["last"] is None else int(found["last"])
    if last < first:
        raise UsageError(f"{shown(found[0])}: the range ends before it begins", hint=f"say v{last}..v{first}")
    return Choice("range", first, last)
