"""The newest events of a run, newest first: checkpoints, who changed what, warnings. View only, UI thread."""

from __future__ import annotations

import os
from collections import deque
from textwrap import wrap

from rich.style import Style
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from engine.runs.records import EventLogged, Gap
from tui.text import safe_str, si

from .words import ASCII_EVENT_MARKS, EVENT_MARKS, clock

REMEMBERED = 100
"""More than any screen has rows; the Query pane has them all."""


COLUMN = 60
"""Narrower than this, messages go on in a next row: there are rows enough at the side of a wide screen."""

MOST_ROWS = 3
"""For one message."""


class EventList(Widget):
    """One line an event: when, at which step, a mark for its kind, and what happened."""

    COMPONENT_CLASSES = {
        "event-list--title",
        "event-list--time",
        "event-list--message",
        "event-list--warning",
        "event-list--error",
    }

    ascii_only: reactive[bool] = reactive(False)
    """No marks beyond ASCII."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._events: deque[EventLogged] = deque(maxlen=REMEMBERED)

    def add(self, events: list[EventLogged | Gap]) -> None:
        """Take in events in their order."""
        for event in events:
            self._events.appendleft(_told(event) if isinstance(event, Gap) else event)
        self.refresh()

    def clear(self) -> None:
        self._events.clear()
        self.refresh()

    def render(self) -> Text:
        width, height = self.size
        rows = [Text("events", self._look("title"))] if height >= 6 else []
        for event in self._events:
            if len(rows) >= height:
                break
            rows += self._rows(event, width)
        if not self._events:
            rows.append(
                Text(safe_str("No events yet: checkpoints and changes appear here.", width), self._look("time"))
            )
        return Text("\n", no_wrap=True, overflow="crop").join(rows[:height])

    def _rows(self, event: EventLogged, width: int) -> list[Text]:
        """One row; where the list is a narrow column the message may take more."""
        marks = ASCII_EVENT_MARKS if self.ascii_only else EVENT_MARKS
        when = f"{clock(event.time)} {si(event.step):>5} "
        row = Text(when if event.time else " " * len(when), self._look("time"))
        look = self._look(event.kind if event.kind in ("warning", "error") else "message")
        row.append(f"{marks.get(event.kind, '.' if self.ascii_only else '·')} ", look)
        indent = row.cell_len
        if width >= COLUMN:
            return [row.append(safe_str(_words(event), max(width - indent, 0)), look)]
        message = safe_str(_words(event), MOST_ROWS * width)
        pieces = wrap(message, max(width - indent, 8))[:MOST_ROWS] or [""]
        row.append(pieces[0], look)
        return [row, *(Text(" " * indent + piece, look) for piece in pieces[1:])]

    def _look(self, part: str) -> Style:
        return self.get_component_rich_style(f"event-list--{part}")


def _words(event: EventLogged) -> str:
    """What happened and, if it was not this program that asked for it, who did."""
    by = event.data.get("by")
    if not isinstance(by, str) or by.endswith(f"process {os.getpid()}"):
        return event.message
    return f"{event.message}  by {by}"


def _told(gap: Gap) -> EventLogged:
    records = "record was" if gap.count == 1 else "records were"
    return EventLogged(0, 0.0, "warning", f"{gap.count:,} {records} skipped here. The log of the run has them.")
