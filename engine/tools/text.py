"""Words and numbers on their way to a terminal or a pipe.

`printable` is the one door for text that was not written by us: names, paths, SQL cells, messages of other
programs. A terminal obeys control characters, so none leaves here. The screen has a door of its own
(tui.text); the engine knows nothing of the screen. Pure functions; any thread.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Iterator, Sequence

from rich.cells import cell_len

GAP = "  "  # between columns


def printable(text: object) -> str:
    """Outside text on one line: what a terminal would obey or hide is shown as its escape, such as \\x1b."""
    raw = str(text)
    return raw if raw.isprintable() else "".join(map(_visible, raw))


def _visible(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")


def line(text: str = "") -> None:
    """Print a line at once, so that a pipe sees it when it happens."""
    print(text, flush=True)


def note(text: str) -> None:
    """Say something that is not part of the result, on stderr."""
    print(text, file=sys.stderr, flush=True)


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Fill up to so many terminal cells; never cuts."""
    space = " " * max(width - cell_len(text), 0)
    return space + text if right else text + space


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> Iterator[str]:
    """A table, line by line: columns as wide as their widest cell. Cells are printable already.

    Args:
        right: indices of columns whose cells end at the right, as numbers do.
    """
    table = [header, *rows]
    widths = [max(cell_len(row[column]) for row in table) for column in range(len(header))]
    for row in table:
        cells = [padded(cell, widths[column], right=column in right) for column, cell in enumerate(row)]
        yield GAP.join(cells).rstrip()


def number(value: float | None, digits: int = 3) -> str:
    """A fixed count of decimals, `-` where there is no number."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def count(value: float | None) -> str:
    """A whole number with its thousands apart."""
    return "-" if value is None or not math.isfinite(value) else f"{value:,.0f}"


def ago(seconds: float) -> str:
    """How long ago something was, in its largest unit."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(int(seconds), 0)} s"
