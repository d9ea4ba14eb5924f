"""LineChart: one titled line plot, made to stand in a grid of many.

View only: its parent hands it lines and it draws them when the screen next asks for its rows. New data costs a
refresh of its own cells, never a layout; a chart that is scrolled away or hidden costs nothing. UI thread.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from tui.text import ELLIPSIS, brief, cut, safe_str, si

from .plot import Line, Run, render_lines, value_at


class LineChart(Widget, can_focus=True):
    """A title with the latest value at its right, and a plot below."""

    COMPONENT_CLASSES = {
        "chart--title",
        "chart--value",
        "chart--axis",
        "chart--raw",
        "chart--line",
        "chart--cursor",
        "chart--note",
    }

    DEFAULT_CSS = """
    LineChart {
        height: 1fr;
        & > .chart--title { color: $text-muted; }
        & > .chart--value { color: $text; text-style: bold; }
        & > .chart--axis { color: $text-disabled; }
        & > .chart--raw { color: $primary-muted; }
        & > .chart--line { color: $primary; }
        & > .chart--cursor { color: $accent; }
        & > .chart--note { color: $text-disabled; }
        &:focus > .chart--title { color: $accent; text-style: bold; }
    }
    """

    log_scale: reactive[bool] = reactive(False)
    """A logarithmic y axis."""
    ascii_only: reactive[bool] = reactive(False)
    """No braille, for terminals without Unicode."""
    cursor: reactive[float | None] = reactive(None)
    """A step to mark; the title then shows the value there instead of the latest."""

    def __init__(self, title: str, *, signed: bool = False, id: str | None = None, classes: str | None = None) -> None:
        """A chart without data.

        Args:
            title: what is drawn; may come from outside.
            signed: show a plus too, as rewards want it.
        """
        super().__init__(id=id, classes=classes)
        self.title = title
        self.signed = signed
        self._lines: tuple[Line, ...] = ()
        self._latest: float | None = None
        self._strips: list[Strip] | None = None
        self._styles: dict[str, Style] = {}  # Textual forgets them at every refresh, and they are dear

    def show(self, lines: Sequence[Line], latest: float | None = None) -> None:
        """Replace what is drawn.

        Args:
            lines: later ones hide earlier ones. Not to be changed afterwards.
            latest: the number at the right of the title; nan and None are shown as `-`.
        """
        given = tuple(lines)
        if given == self._lines and _same(latest, self._latest):
            return
        self._lines, self._latest = given, latest
        self._redraw()

    def show_latest(self, latest: float | None) -> None:
        """Replace the number at the right of the title alone, which costs one row: curves are read slower than that."""
        if _same(latest, self._latest):
            return
        self._latest = latest
        if self._strips and self.cursor is None:
            self._strips[0] = self._strip(self._title_row(self.size.width), self.size.width)
            self.refresh(Region(0, 0, self.size.width, 1))

    @property
    def lines(self) -> tuple[Line, ...]:
        """What is drawn now."""
        return self._lines

    def watch_log_scale(self) -> None:
        self._redraw()

    def watch_ascii_only(self) -> None:
        self._redraw()

    def watch_cursor(self) -> None:
        self._redraw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips = None
        self._styles.clear()

    def on_resize(self) -> None:
        self._strips = None

    def on_focus(self) -> None:
        self._redraw()

    def on_blur(self) -> None:
        self._redraw()

    def render_line(self, y: int) -> Strip:
        if self._strips is None:
            self._strips = self._draw()
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.rich_style)

    def plain_text(self) -> str:
        """The chart as it stands on the screen, without colour: for tests and for copying."""
        return "\n".join(strip.text.rstrip() for strip in self._draw())

    def _redraw(self) -> None:
        self._strips = None
        self.refresh()

    def _draw(self) -> list[Strip]:
        width, height = self.size
        plot = render_lines(
            self._lines, width, height - 1, log=self.log_scale, ascii_only=self.ascii_only, cursor=self.cursor
        )
        rows = [self._title_row(width), *plot][:height]
        return [self._strip(row, width) for row in rows]

    def _strip(self, row: list[Run], width: int) -> Strip:
        return Strip([Segment(text, self._style(role)) for text, role in row], width)

    def _title_row(self, width: int) -> list[Run]:
        value = self._value_text()
        mark = (">" if self.ascii_only else "▸") if self.has_focus else " "  # focus is not said by colour alone
        room = width - cell_len(value) - 2
        if room < 4:
            return [(cut(value, width).rjust(width), "value")]
        title = safe_str(self.title, room)
        if self.ascii_only:
            title = title.replace(ELLIPSIS, "~")
        return [(mark + title, "title"), (" " * (room - cell_len(title) + 1) + value, "value")]

    def _value_text(self) -> str:
        if self.cursor is None:
            return brief(self._latest, sign=self.signed)
        value = value_at(self._lines[-1], self.cursor) if self._lines else None
        return f"{brief(value, sign=self.signed)} at {si(self.cursor)}"

    def _style(self, role: str) -> Style:
        style = self._styles.get(role)
        if style is None:
            style = self._styles[role] = self.get_component_rich_style(f"chart--{role}")
        return style


def _same(a: float | None, b: float | None) -> bool:
    return a == b or (a is not None and b is not None and math.isnan(a) and math.isnan(b))
