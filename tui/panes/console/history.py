"""The queries that were run, in order. Pure, no Textual; owned by the console pane, UI thread."""

from __future__ import annotations

from collections.abc import Iterable

MAX_ENTRIES = 200
"""More than anybody walks through with a key."""


class History:
    """Walks through earlier queries and back to the one that was being typed."""

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self._entries: list[str] = []
        for entry in entries:
            self.remember(entry)
        self._at = len(self._entries)
        self._draft = ""

    @property
    def entries(self) -> list[str]:
        """Oldest first."""
        return list(self._entries)

    def remember(self, sql: str) -> None:
        """Add a query as the newest; one that is there already moves up instead of appearing twice."""
        if sql.strip():
            others = [entry for entry in self._entries if entry != sql]
            self._entries = [*others[-MAX_ENTRIES + 1 :], sql]
        self._at = len(self._entries)
        self._draft = ""

    def older(self, typed: str) -> str | None:
        """The query before the present one, None at the oldest. `typed` is kept to come back to."""
        if self._at == len(self._entries):
            self._draft = typed
        if self._at == 0:
            return None
        self._at -= 1
        if self._entries[self._at] == typed:  # it is on the screen already
            return self.older(typed)
        return self._entries[self._at]

    def newer(self) -> str | None:
        """The query after the present one, at the end what was being typed; None there already."""
        if self._at == len(self._entries):
            return None
        self._at += 1
        return self._draft if self._at == len(self._entries) else self._entries[self._at]
