"""The rule between the query and its result, with the figures of the last run on it. UI thread."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from tui.text import duration, safe_str


class StatusRule(Widget):
    """A horizontal rule that carries one short sentence at its right end. View only."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"status-rule--words"}

    words: reactive[str] = reactive("")
    """The sentence; outside text is welcome, it is made safe here."""

    def render(self) -> Text:
        width = self.size.width
        if not self.words:
            return Text("─" * width)
        words = safe_str(self.words, max(width - 4, 0))
        label = Text.assemble(" ", (words, self.get_component_rich_style("status-rule--words")), " ")
        return Text("─" * max(width - label.cell_len - 1, 0), no_wrap=True) + label + Text("─")


def rows_words(row_count: int, truncated: bool) -> str:
    """`42 rows`, or `first 10,000 rows` where there are more than were fetched."""
    if truncated:
        return f"first {row_count:,} rows"
    return {0: "no rows", 1: "1 row"}.get(row_count, f"{row_count:,} rows")


def time_words(seconds: float) -> str:
    """`31 ms`, `3.1 s`, `1:32`."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else duration(seconds)
