"""Lines of styled text that change a few at a time: only lines that say something new are drawn.

Used where a Static would send all its lines again for one changed number. View only, UI thread.
"""

from __future__ import annotations

from rich.segment import Segment
from rich.text import Text
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class TextLines(Widget):
    """Shows a text line by line, cut to the width; what does not fit below is left out."""

    DEFAULT_CSS = "TextLines { height: 1fr; }"

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: list[Text] = []

    def show(self, text: Text) -> None:
        """Replace the text; refreshes the lines that differ from those that stood there."""
        old, new = self._lines, list(text.split("\n", allow_blank=True))
        self._lines = new
        for y in range(max(len(old), len(new))):
            if y >= len(old) or y >= len(new) or not _same(old[y], new[y]):
                self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        width, style = self.size.width, self.rich_style
        if y >= len(self._lines):
            return Strip.blank(width, style)
        line = self._lines[y].copy()
        line.truncate(width, overflow="ellipsis")
        segments = Segment.apply_style(line.render(self.app.console), style)
        return Strip(segments).adjust_cell_length(width, style)


def _same(a: Text, b: Text) -> bool:
    return a.plain == b.plain and a.spans == b.spans and a.style == b.style
