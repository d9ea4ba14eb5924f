"""Words and numbers on their way to the screen.

`safe` is the one door for text that was not written by us: run names, metric names, map legends, SQL cells, error
messages of other programs. A terminal obeys control characters (they set the clipboard, change the title, type
keys) and Textual obeys markup in a plain str, so outside text becomes a `Text` of visible characters here and
nowhere else. The number formats give `-` for whatever is missing or not finite: no `nan` reaches the eye.

Pure functions, any thread. Needs rich only, so that it can be imported before Textual is.
"""

from __future__ import annotations

import math
import unicodedata

from rich.cells import cell_len
from rich.text import Text

ELLIPSIS = "…"
MISSING = "-"

MARKS_PER_LETTER = 3
"""Living scripts need at most three combining marks on a letter; more is a tower that paints over other rows."""

DOTTED_CIRCLE = "◌"
"""Carries a combining mark that came without a letter, lest it land on ours."""

# Characters that draw nothing although they count as letters or marks: jamo fillers, joiners, variation selectors.
_INVISIBLE = frozenset(
    (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2028, 0x2029, 0x3164, 0xFFA0)
).union(range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))


def safe(text: object, width: int | None = None) -> Text:
    """Outside text as visible characters without markup, cut to `width` cells if given."""
    return Text(safe_str(text, width), no_wrap=width is not None)


def safe_str(text: object, width: int | None = None) -> str:
    """What `safe` shows, as a str: only for places that take no Text, and then with markup switched off."""
    raw = _as_str(text)
    if width is not None:
        # A cell needs at most one letter and its marks; what lies beyond cannot show. Keeps a 10 MB name cheap.
        raw = _only_start(raw, width)
    if not (raw.isascii() and raw.isprintable()):
        raw = _visible(raw)
    return raw if width is None else cut(raw, width)


def cut(text: str, width: int) -> str:
    """At most `width` cells of text that is safe already; `…` says that something is missing."""
    if width <= 0:
        return ""
    if cell_len(text) <= width:
        return text
    kept, used = 0, 0
    for character in text:
        used += cell_len(character)
        if used > width - 1:
            break
        kept += 1
    return text[:kept] + ELLIPSIS


def _as_str(text: object) -> str:
    if isinstance(text, Text):
        return text.plain
    try:
        return str(text)
    except ValueError:  # an int of more than 4300 digits
        return f"<{type(text).__name__}>"


def _only_start(raw: str, width: int) -> str:
    limit = max(width, 0) * (1 + MARKS_PER_LETTER) + 64
    return raw if len(raw) <= limit else raw[:limit] + ELLIPSIS


def _visible(raw: str) -> str:
    shown: list[str] = []
    marks = MARKS_PER_LETTER  # a mark at the very start has no letter either
    letter = False
    for character in raw:
        if _is_mark(character):
            if not letter:
                shown.append(DOTTED_CIRCLE)
                letter, marks = True, 0
            marks += 1
            if marks <= MARKS_PER_LETTER:
                shown.append(character)
            continue
        stand_in = _stand_in(character)
        letter, marks = stand_in == "", 0
        shown.append(stand_in or character)
    return "".join(shown)


def _is_mark(character: str) -> bool:
    return unicodedata.category(character) in ("Mn", "Me") and ord(character) not in _INVISIBLE


def _stand_in(character: str) -> str:
    """A visible sign for what must not reach the terminal; empty where the character may pass."""
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if code in _INVISIBLE or _is_noncharacter(code) or unicodedata.category(character) in ("Cc", "Cf", "Cs"):
        return f"<U+{code:04X}>"
    return "" if code < 0x300 or cell_len(character) else f"<U+{code:04X}>"


def _is_noncharacter(code: int) -> bool:
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF


# Numbers


_SI = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def si(value: float | None, *, fixed: bool = False) -> str:
    """Three significant digits and an SI suffix: 412k, 12.4M, 50M.

    Args:
        fixed: keep trailing zeros (12.0M), for a number that changes under the eye.
    """
    if not _finite(value):
        return MISSING
    assert value is not None
    if abs(value) >= 1e15:
        return _scientific(value)
    for unit, suffix in _SI:
        if abs(value) >= unit * 0.9995:
            return _digits(value / unit, 3, fixed) + suffix
    if abs(value) >= 1 or value == 0:
        return _digits(value, 3, fixed and value != int(value))
    return brief(value)


def number(value: float | None, digits: int = 2, *, sign: bool = False) -> str:
    """A fixed count of decimals; with `sign`, plus is shown too, as rewards want it."""
    if not _finite(value):
        return MISSING
    text = f"{value:{'+' if sign else ''}.{digits}f}"
    return text if text.strip("+-0.") else text.replace("-", "+" if sign else "")


def brief(value: float | None, *, sign: bool = False) -> str:
    """A number of any size in at most seven cells or so: +4.21, 0.0183, 3.0e-4, 412k."""
    if not _finite(value):
        return MISSING
    assert value is not None
    size = abs(value)
    if size >= 9999.5:
        return ("+" if sign and value > 0 else "") + si(value, fixed=True)
    if size != 0 and size < 0.00095:
        return ("+" if sign and value > 0 else "") + _scientific(value)
    if size == 0:
        return number(value, sign=sign)
    return number(value, 1 if size >= 99.95 else 2 if size >= 0.995 else 3 if size >= 0.0995 else 4, sign=sign)


def duration(seconds: float | None) -> str:
    """Hours, minutes and seconds as a clock shows them (1:32, 1:02:05), with days in front where there are any."""
    if not _finite(seconds) or (seconds is not None and seconds < 0):
        return MISSING
    assert seconds is not None
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days:,}d {hour}:{minute:02d}h"
    return f"{hour}:{minute:02d}:{second:02d}" if hour else f"{minute}:{second:02d}"


def _finite(value: float | None) -> bool:
    try:
        return value is not None and math.isfinite(value)
    except OverflowError:  # an int that is no float: a log may hold any
        return False


def _scientific(value: float) -> str:
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def _digits(value: float, significant: int, fixed: bool) -> str:
    whole = len(str(int(abs(value) + 0.5)))
    text = f"{value:.{max(significant - whole, 0)}f}"
    return text if fixed or "." not in text else text.rstrip("0").rstrip(".")
