"""A line to type in, in which keys with Alt stay commands: a terminal may send a character along with them."""

from __future__ import annotations

from textual.events import Key
from textual.widgets import Input


class LineInput(Input):
    """Textual's, but for what it takes for text."""

    async def _on_key(self, event: Key) -> None:
        if not event.key.startswith("alt+"):
            await super()._on_key(event)
