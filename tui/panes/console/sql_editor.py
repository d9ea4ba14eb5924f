"""The field where SQL is typed: Textual's TextArea with coloured words and no unsafe characters. UI thread."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.document._document import EditResult
from textual.document._edit import Edit  # not exported elsewhere; `TextArea.edit` takes it
from textual.events import Key
from textual.widgets import TextArea

from .sql_text import coloured_words, editable


class SqlEditor(TextArea):
    """View and owner of the text being typed. Tab leaves it, so the keyboard is never trapped."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "sql-editor--keyword",
        "sql-editor--string",
        "sql-editor--number",
        "sql-editor--comment",
    }

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(
            id=id, compact=True, show_line_numbers=False, tab_behavior="focus", highlight_cursor_line=False
        )
        self.cursor_blink = False  # calm, and nothing to send over a slow link while nobody types

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        """Whether a key is text here, and no command: with Alt it is none."""
        return not key.startswith("alt+") and super().check_consume_key(key, character)

    def on_key(self, event: Key) -> None:
        if event.key.startswith("alt+"):
            event.prevent_default()  # Textual would call its own handler next, which takes it for text

    def show(self, sql: str) -> None:
        """Replace the text, as one edit that can be undone, and go to its end."""
        self.history.checkpoint()
        self.replace(sql, self.document.start, self.document.end)
        self.move_cursor(self.document.end)

    def chosen(self) -> tuple[str, tuple[int, int]]:
        """What to run, the selection or else everything, and where it starts (row and column from 0)."""
        if self.selected_text.strip():
            return self.selected_text, min(self.selection)
        return self.text, (0, 0)

    def edit(self, edit: Edit) -> EditResult:
        """Every road into the document (keys, pastes, examples) ends here, so this is where text is made safe."""
        edit.text = editable(edit.text)
        return super().edit(edit)

    def get_line(self, line_index: int) -> Text:
        """A line of the document with its words coloured."""
        line = super().get_line(line_index)
        for start, end, kind in coloured_words(self.text).get(line_index, ()):
            line.stylize(self.get_component_rich_style(f"sql-editor--{kind}"), start, end)
        return line
