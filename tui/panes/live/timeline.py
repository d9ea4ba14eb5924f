"""The timeline: the past and the recorded future of a game in one line, its events, and its branches below. View only.

Drawn again only where a line says something new. UI thread.
"""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from rich.text import Text
from textual.events import MouseDown, MouseMove, MouseUp
from textual.message import Message

from tui.widgets.text_lines import TextLines

from .events import SIGNS, Mark

if TYPE_CHECKING:
    from .clock import Clock, Line

MOST_LINES = 3
"""Other branches that are shown at a time."""

_OF_OTHERS = Mark.END | Mark.CAUGHT | Mark.FROZEN | Mark.HEART
"""What is shown of agents that are not selected."""

_PRESENT, _PASSED, _AHEAD = "A", "-", "."
_FINE = {"present": "▲", "passed": "─", "ahead": "┄"}


class Timeline(TextLines):
    """Time from left to right. A press on it goes there."""

    class Scrubbed(Message):
        """The user pressed on a tick."""

        def __init__(self, tick: int) -> None:
            super().__init__()
            self.tick = tick

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._clock: Clock | None = None
        self._margin = 0
        self._shown_for = (0, "")  # the selected agent, and its colour
        self.plain = False
        """Whether only ASCII is to be drawn."""

    def show_clock(self, clock: Clock, selected: int, colour: str) -> int:
        """Show this moment; returns the lines that are needed."""
        self._clock, self._shown_for = clock, (selected, colour)
        others = [line for line in clock.lines if line.branch != clock.branch][-MOST_LINES:]
        label = f" branch {clock.branch}"
        width = max(self.size.width - len(label) - 1, 10)
        self._margin = 1
        text = track(clock, selected, width - 1, colour, plain=self.plain)
        text.append(label, "dim")
        for line in others:
            text.append("\n").append_text(branch_track(line, clock, width - 1, plain=self.plain))
            text.append(f" branch {line.branch}", "dim")
        self.show(Text(" ").append_text(text) if not others else _indented(text))
        return 1 + len(others)

    def on_resize(self) -> None:
        if self._clock is not None:
            self.show_clock(self._clock, *self._shown_for)

    def on_mouse_down(self, event: MouseDown) -> None:
        self.capture_mouse()
        self._scrub(event.x)

    def on_mouse_move(self, event: MouseMove) -> None:
        if event.button:
            self._scrub(event.x)

    def on_mouse_up(self, event: MouseUp) -> None:
        self.release_mouse()

    def _scrub(self, x: int) -> None:
        if self._clock is None:
            return
        clock = self._clock
        width = max(self.size.width - len(f" branch {clock.branch}") - 2, 9)
        share = min(max((x - self._margin) / max(width - 1, 1), 0.0), 1.0)
        self.post_message(self.Scrubbed(clock.first + round(share * (clock.last - clock.first))))


def track(clock: Clock, selected: int, width: int, colour: str, *, plain: bool = False) -> Text:
    """The present branch in so many columns: what was passed, what lies ahead, and the events of an agent in its ink;
    those of others are dim."""
    own, others = summary(clock, selected, width)
    here, end = place_of(clock.tick, clock, width), place_of(clock.end, clock, width)
    passed, ahead = (_PASSED, _AHEAD) if plain else (_FINE["passed"], _FINE["ahead"])
    drawn: list[tuple[str, str]] = [(passed if column < here else ahead, "dim") for column in range(end + 1)]
    for column, marks in enumerate(others):
        sign = sign_of(marks) if marks else ""
        if sign:
            drawn[column] = (sign, "dim")
    for column, marks in enumerate(own):
        sign = sign_of(marks) if marks else ""
        if sign:
            drawn[column] = (sign, f"bold {colour}")
    drawn[here] = (_PRESENT if plain else _FINE["present"], "bold reverse" if own[here] or others[here] else "bold")
    text = Text(no_wrap=True)
    for style, run in groupby(drawn, key=itemgetter(1)):  # a run of one style is one piece: a frame has a millisecond
        text.append("".join(sign for sign, _ in run), style)
    return text.append(" " * (width - 1 - end))


def summary(clock: Clock, selected: int, width: int) -> tuple[bytes, bytes]:
    """The marks of each column: those of one agent, and what weighs most of all agents'."""
    import numpy as np  # deferred: it comes after the first frame

    found = np.zeros((2, width), np.uint8)
    if len(clock.marks):
        columns = np.round(np.arange(1, len(clock.marks) + 1) * ((width - 1) / (clock.last - clock.first)))
        begins = np.flatnonzero(np.diff(columns, prepend=-1))
        here = columns[begins].astype(np.intp)
        each = np.bitwise_or.reduceat(clock.marks, begins, axis=0)
        found[0, here] = each[:, selected]
        found[1, here] = np.bitwise_or.reduce(each, axis=1) & np.uint8(_OF_OTHERS)
    return found[0].tobytes(), found[1].tobytes()


def branch_track(line: Line, clock: Clock, width: int, *, plain: bool = False) -> Text:
    """Another branch on the same scale: from where it and the present one part."""
    begin, end = place_of(clock.parting(line.branch), clock, width), place_of(line.end, clock, width)
    corner, dash, tip = ("\\", "-", ">") if plain else ("╰", "─", "╴")
    drawn = " " * begin + corner + dash * max(end - begin - 1, 0) + (tip if end > begin else "")
    return Text(drawn[:width].ljust(width), style="dim", no_wrap=True)


def place_of(tick: int, clock: Clock, width: int) -> int:
    """The column of a tick, on a scale that has room for the longest branch."""
    span = max(clock.last - clock.first, 1)
    return min(max(round((tick - clock.first) * (width - 1) / span), 0), width - 1)


def sign_of(marks: int) -> str:
    """The weightiest of some marks as a character; empty without any that is drawn."""
    return _SIGNS[marks]


# By byte: flags of an enum are slow, and a frame asks a hundred times.
_SIGNS = tuple(next((sign for mark, sign in SIGNS.items() if marks & mark), "") for marks in range(256))


def _indented(text: Text) -> Text:
    lines = text.split("\n")
    return Text("\n").join(Text(" ").append_text(line) for line in lines)
