"""Words in the place of the result: what the pane is for, what went wrong, the whole value of a cell. UI thread."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from tui.text import safe

MAX_LINES = 500
"""Lines of one text: a cell may hold a book, and every line is a line to lay out."""


class Notice(VerticalScroll, can_focus=True):
    """A heading, some lines and a quieter last line, scrolled where they do not fit. View only."""

    def compose(self) -> ComposeResult:
        yield Static(classes="heading", markup=False)
        yield Static(classes="lines", markup=False)
        yield Static(classes="hint", markup=False)

    def say(self, heading: str, lines: str, hint: str, *, is_error: bool = False) -> None:
        """Show these words; all of them may be outside text."""
        self.set_class(is_error, "-error")
        for name, text in (("heading", heading), ("lines", lines), ("hint", hint)):
            part = self.query_one(f".{name}", Static)
            part.update(_paragraph(text))
            part.display = bool(text.strip())
        self.scroll_home(animate=False)


def _paragraph(text: str) -> Text:
    """Outside text that keeps its own line breaks."""
    lines = text.expandtabs(4).splitlines()
    shown = [safe(line) for line in lines[:MAX_LINES]]
    if len(lines) > MAX_LINES:
        shown.append(Text(f"... and {len(lines) - MAX_LINES:,} more lines", "dim"))
    return Text("\n").join(shown)
