"""`gridrl query`: SQL over all runs, as a table, JSON or CSV. Main thread; the database has its own."""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from typing import Any

from engine.errors import QueryError
from engine.runs import runs_root
from engine.stats import QuerySession, Result
from engine.stats.session import MAX_ROWS

from .arguments import whole_number
from .text import aligned, line, note, printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sql", metavar="SQL", help="such as: SELECT run_id, status, step FROM runs")
    rows = whole_number(1, 10_000_000)
    parser.add_argument("--rows", type=rows, default=MAX_ROWS, metavar="N", help=f"print at most so many; {MAX_ROWS}")
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="a JSON list with an object for each row")
    forms.add_argument("--csv", action="store_true", help="comma-separated values with a header")


def run(arguments: argparse.Namespace) -> int:
    with QuerySession(runs_root()) as session:
        result = _answer(session, arguments.sql, arguments.rows)
    if arguments.json:
        _print_json(result)
    elif arguments.csv:
        _print_csv(result)
    else:
        _print_table(result)
    if result.truncated:
        note("there are more rows; --rows N prints more")
    return 0


def _answer(session: QuerySession, sql: str, rows: int) -> Result:
    """Ask on another thread: inside the database this one could not hear Ctrl-C."""

    def ask() -> Result:
        session.refresh()
        return session.run(sql, max_rows=rows)

    with ThreadPoolExecutor(1) as worker:
        answer = worker.submit(ask)
        try:
            return answer.result()
        except QueryError as error:
            place = f"line {error.line}, column {error.column}: " if error.line else ""
            raise QueryError(place + error.message, hint=error.hint) from error
        except KeyboardInterrupt:
            session.cancel()
            raise


def _print_table(result: Result) -> None:
    numeric = [i for i in range(len(result.columns)) if any(_is_number(row[i]) for row in result.rows)]
    rows = [[_cell(value) for value in row] for row in result.rows]
    for text in aligned([printable(name) for name in result.columns], rows, right=numeric):
        line(text)
    note(result.summary)


def _print_csv(result: Result) -> None:
    clean = printable if sys.stdout.isatty() else str  # a file gets the data as it is, a terminal nothing to obey
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow([clean(name) for name in result.columns])
    table.writerows(["" if value is None else clean(value) for value in row] for row in result.rows)


def _print_json(result: Result) -> None:
    names = _distinct(result.columns)
    objects = [json.dumps({name: _plain(v) for name, v in zip(names, row, strict=True)}) for row in result.rows]
    line("[\n" + ",\n".join(objects) + "\n]" if objects else "[]")


def _distinct(names: Sequence[str]) -> list[str]:
    """Column names as keys: the second `a` is `a_2`."""
    seen: Counter[str] = Counter()
    keys = []
    for name in names:
        seen[name] += 1
        keys.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return keys


def _plain(value: Any) -> Any:
    """A value that JSON knows; dates as ISO text, NaN as null, everything else as the database writes it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, str | bool | int) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: Any) -> str:
    if value is None:
        return "NULL"
    return f"{value:.10g}" if isinstance(value, float) else printable(value)
