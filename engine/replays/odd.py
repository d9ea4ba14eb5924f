"""What is odd about a file from elsewhere: short sentences with their place, and never too many.

Owned by the reader that collects them. Pure; any thread.
"""

from __future__ import annotations

from typing import Any, Final

MAX_ODD: Final = 100
"""Sentences kept: a file that is odd throughout is not odder for being told a million times."""

_MAX_SHOWN: Final = 60  # characters of outside text
_MAX_LISTED: Final = 3  # entries of a list that is shown and not counted


def safe(text: object, most: int = _MAX_SHOWN) -> str:
    """Outside text on one line and not long: whatever a terminal would obey or hide is shown as its escape."""
    raw = text if isinstance(text, str) else repr(text)
    cut = raw if len(raw) <= most else raw[:most] + "..."
    return cut if cut.isprintable() else "".join(map(_visible, cut))


def shown(value: Any) -> str:
    """An outside value, for a sentence about it. Of lists and tables only what they are: their text may be endless."""
    if (
        isinstance(value, list)
        and len(value) <= _MAX_LISTED
        and not any(isinstance(each, (list, dict)) for each in value)
    ):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, list):
        return f"a list of {len(value):,}"
    if isinstance(value, dict):
        return f"a table of {len(value):,}"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**20:
        return "a number of more than 20 digits"
    return safe(value if isinstance(value, str) else repr(value))


def _visible(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")


class Oddities:
    """Collects sentences; the same one is kept once, and beyond MAX_ODD they are only counted."""

    def __init__(self) -> None:
        self._said: dict[str, None] = {}
        self._more = 0

    def note(self, where: str, what: str) -> None:
        """Keep `where: what`."""
        sentence = f"{where}: {what}" if where else what
        if sentence in self._said:
            return
        if len(self._said) >= MAX_ODD:
            self._more += 1
        else:
            self._said[sentence] = None

    def sentences(self) -> tuple[str, ...]:
        """All that were kept, in their order."""
        rest = (f"and {self._more:,} more like these",) if self._more else ()
        return (*self._said, *rest)
