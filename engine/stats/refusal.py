"""What DuckDB says when it refuses SQL, in the user's words and with the place in their text.

Pure functions, called on the thread of the query. The connection is set to report errors as JSON, which has the
position in bytes; the printed form shortens long lines and so loses it.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Sequence
from typing import Any

from engine.errors import QueryCancelled, QueryError

READ_ONLY_HINT = "CREATE TEMP TABLE name AS SELECT ... makes one of your own"
MEMORY_HINT = "aggregate more, or add a LIMIT"

_WORDS = (
    ("launched in read-only mode", "the runs' tables can only be read", READ_ONLY_HINT),
    ("disabled by configuration|disabled through configuration", "this console does not touch files", ""),
    ("configuration has been locked", "settings cannot be changed here", ""),
    ("^Out of Memory|failed to (?:allocate|pin)|could not allocate", "the query needs too much memory", MEMORY_HINT),
    ("INSTALL |[Ee]xtension", "extensions cannot be loaded here", ""),
)
"""What to look for in DuckDB's sentence, and our sentence and hint instead."""

_FORBIDDEN = {
    "TRANSACTION": "transactions are opened by the console itself",
    "ATTACH": "databases cannot be attached here",
    "DETACH": "databases cannot be detached here",
    "COPY": "this console does not touch files",
    "COPY_DATABASE": "this console does not touch files",
    "EXPORT": "this console does not touch files",
    "LOAD": "extensions cannot be loaded here",
}

_MAX_MESSAGE = 400  # characters: DuckDB may list forty functions


def forbidden(kind: str) -> str:
    """Why a kind of statement is not run at all; empty for those that are."""
    return _FORBIDDEN.get(kind, "")


def cancelled() -> QueryCancelled:
    return QueryCancelled("the query was cancelled")


def refusal(error: Exception, sql: str, tables: Sequence[str]) -> QueryError:
    """DuckDB's exception as a QueryError. `tables` are the names that the user could have meant."""
    report = _report(str(error))
    message, hint = _message(report), _hint(report, tables)
    for shape, words, advice in _WORDS:
        if re.search(shape, message):
            message, hint = words, advice or hint
            break
    line, column = place(sql, report.get("position"))
    return QueryError(message, hint=hint, line=line, column=column)


def place(sql: str, position: Any) -> tuple[int, int]:
    """Line and column, from 1, of a byte offset in `sql`; 0, 0 if there is none."""
    try:
        before = sql.encode("utf-8", "replace")[: int(position)].decode("utf-8", "ignore")
    except (TypeError, ValueError):
        return 0, 0
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _report(text: str) -> dict[str, Any]:
    """The JSON of the error; where there is none, its text as the message."""
    start = text.find("{")
    try:
        report = json.loads(text[start:]) if start >= 0 else None
    except (ValueError, RecursionError):
        report = None
    if isinstance(report, dict) and "exception_message" in report:
        return report
    return {"exception_message": text}


def _message(report: dict[str, Any]) -> str:
    """The sentence, without the suggestions that follow it: they become the hint."""
    text = str(report["exception_message"])
    sentence = re.split(r"\s*\n\s*(?:Candidate|Did you mean|LINE \d+:|Traceback)", text, maxsplit=1)[0].strip()
    sentence = sentence.removesuffix("!") or "the query was refused"
    return sentence if len(sentence) <= _MAX_MESSAGE else sentence[: _MAX_MESSAGE - 3] + "..."


def _hint(report: dict[str, Any], tables: Sequence[str]) -> str:
    if report.get("type") == "Table":
        return _table_hint(str(report.get("name", "")), tables)
    candidates = [name.strip() for name in str(report.get("candidates", "")).split(",") if name.strip()]
    if report.get("error_subtype") == "NO_MATCHING_FUNCTION":  # signatures have commas of their own
        return "check the types of the arguments"
    return f"did you mean {' or '.join(candidates[:3])}?" if candidates else ""


def _table_hint(name: str, tables: Sequence[str]) -> str:
    """Nearest of our own tables: DuckDB also suggests those of its catalogue, which nobody meant."""
    close = difflib.get_close_matches(name.lower(), tables, n=1)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(tables)}"
