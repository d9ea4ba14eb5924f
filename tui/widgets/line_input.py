"""A line to type in, in which keys with Alt stay commands: a terminal may send a character along with them."""

from __future__ import annotations

from textual.events import Key
from textual.widgets import Input


class LineInput(Input):
    """Textual's, but for what it takes for text."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Whether a key is text here, and no command."""
        return not key.startswith("alt+") and super().check_consume_key(key, character)

    def on_key(self, event: Key) -> None:
        if event.key.startswith("alt+"):
            event.prevent_default()  # Textual would call its own handler next, which takes it for text
