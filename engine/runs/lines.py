"""One line of a log: its record, and its number without parsing it. Pure functions, any thread."""

from __future__ import annotations

import json
import re
from typing import Any

_BEGINNING = re.compile(rb'\{"v":\d{1,9},"seq":(\d{1,18}),')  # of every line that a LogWriter wrote

# NaN and Infinity are no JSON, but other writers know them; they mean: no number.
_decode = json.JSONDecoder(parse_constant=lambda _: None).decode


def parsed(line: bytes) -> dict[str, Any] | None:
    """The record of a line, None if it is none."""
    try:
        record = _decode(line.decode("utf-8"))
    except (ValueError, RecursionError):  # a bad byte, bad JSON, a number of 5000 digits, nesting without end
        return None
    return record if isinstance(record, dict) else None


def seq_of(line: bytes) -> int | None:
    """The number of a line, None if it has none. A line cut off is enough, as far as it is one of ours."""
    match = _BEGINNING.match(line)
    if match:
        return int(match[1])
    seq = (parsed(line) or {}).get("seq")
    return seq if isinstance(seq, int) and not isinstance(seq, bool) else None
