"""Counts: a number typed before a key, and the key is then meant so many times. Pure.

A count begins with a key of its own (`'`, bound by the pane), for plain digits go to the panes: `'20` and a key do
what that key does twenty times. Owned by whoever reads the keys; UI thread.
"""

from __future__ import annotations

from typing import Final

MAX_COUNT: Final = 1000
"""The largest count: a typing error must not play for minutes."""


class Counter:
    """The digits typed so far. While it is open it takes digits, backspace and escape; the next key takes the count."""

    def __init__(self) -> None:
        self.is_open = False
        self._digits = ""

    def begin(self) -> None:
        """From now on digits are a count."""
        self.is_open, self._digits = True, ""

    def typed(self, key: str) -> bool:
        """Whether a key, by its name, belongs to the count; all others are for `take`."""
        if not self.is_open:
            return False
        if len(key) == 1 and "0" <= key <= "9":
            self._digits = str(min(int(self._digits + key), MAX_COUNT))
        elif key == "backspace" and self._digits:
            self._digits = self._digits[:-1]
        elif key in ("escape", "backspace"):
            self.is_open = False
        else:
            return False
        return True

    def take(self) -> int:
        """How often the key that came is meant, once without a count; the count is used up."""
        count = int(self._digits or 1) if self.is_open else 1
        self.is_open = False
        return max(count, 1)

    @property
    def words(self) -> str:
        """What to show while digits are typed; empty while it is closed."""
        if not self.is_open:
            return ""
        limit = f" (no more than {MAX_COUNT:,})" if self._digits == str(MAX_COUNT) else ""
        return f"how often? {self._digits or '_'}{limit}: now a key to act, Esc to leave"
