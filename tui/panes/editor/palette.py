"""The palette: every object of the game with its character and how often it stands on the map."""

from __future__ import annotations

from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.text import safe_str

from .brushes import Slot, arrange, label_of, lines_of, shown_as

STACKED_WIDTH = 30
"""Columns of a stacked line: name and count stay close enough to be read as one."""


class Palette(Widget):
    """Shows the brushes and which one is in hand. View only: EditorPane decides what a click means."""

    COMPONENT_CLASSES = {"palette--name", "palette--count", "palette--chosen"}

    class Clicked(Message):
        """A brush was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.brush = name

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.names: tuple[str, ...] = ()
        self.chosen = ""
        self.counts: dict[str, int] = {}
        self.stacked = True

    def show(self, names: tuple[str, ...], chosen: str, counts: dict[str, int]) -> None:
        """Show these brushes, with `chosen` in hand."""
        if (names, chosen, counts) != (self.names, self.chosen, self.counts):
            self.names, self.chosen, self.counts = names, chosen, counts
            self.refresh(layout=True)

    def stack(self, stacked: bool) -> None:
        """One brush a line, or one line of brushes."""
        if stacked != self.stacked:
            self.stacked = stacked
            self.refresh(layout=True)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return container.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return max(1, lines_of(self._slots(width)))

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        segments: list[Segment] = []
        used = 0
        for slot in self._slots(self.size.width):
            if slot.line == y:
                segments.append(Segment(" " * (slot.start - used), base))
                segments += self._entry(self.names[slot.brush])
                used = slot.start + self._width(self.names[slot.brush])
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def on_click(self, event: events.Click) -> None:
        where = event.get_content_offset(self)
        if where is None:
            return
        for slot in self._slots(self.size.width):
            if slot.line == where.y and slot.start <= where.x < slot.start + slot.width:
                self.post_message(self.Clicked(self.names[slot.brush]))

    def _slots(self, width: int) -> list[Slot]:
        return arrange([self._width(name) for name in self.names], width, stacked=self.stacked)

    def _entry(self, name: str) -> list[Segment]:
        """`> # wall 96`: the mark says what is in hand where colour cannot."""
        chosen = name == self.chosen
        label, count = self._parts(name)
        style = self.get_component_rich_style("palette--chosen" if chosen else "palette--name")
        count_style = self.get_component_rich_style("palette--chosen" if chosen else "palette--count")
        return [Segment(f"{'>' if chosen else ' '} {label}", style), Segment(count, count_style)]

    def _parts(self, name: str) -> tuple[str, str]:
        label = f"{shown_as(name)} {safe_str(label_of(name), 20)}"
        count = f"{self.counts.get(name, 0):,}"
        if self.stacked:
            return label, count.rjust(max(len(count) + 1, STACKED_WIDTH - len(label) - 2)) + " "
        return label, f" {count}"

    def _width(self, name: str) -> int:
        return 2 + sum(map(len, self._parts(name)))
