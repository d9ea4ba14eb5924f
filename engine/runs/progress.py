"""progress.csv: one row an iteration, for spreadsheets and one-liners. The log is the truth, this is a view of it.

Owned by the run's writer, on its thread.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .files import LineFile, refusals_in_words, replace_file

FIXED_COLUMNS = ("step", "time")


class ProgressTable:
    """A CSV file with one header. A metric that appears later adds a column to every row, at the right."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = LineFile(path)  # first: it cuts off a torn row, which might be the header
        self._columns = _columns_of(path)
        self._is_stale = False  # these two may be of a file that was replaced
        self.rows = 0
        """Rows written by this writer."""

    def extend(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Write a row for each record of the metrics log. On RunError those that fitted are kept."""
        for record in records:
            self._append(record["step"], record["time"], record["values"])
            self.rows += 1

    def _append(self, step: int, time: float, values: Mapping[str, float | None]) -> None:
        """Write a row; a metric without a finite value leaves its cell blank."""
        if self._is_stale:
            self._open_again()
        named = {_one_line(name): value for name, value in values.items()}
        cells: dict[str, float | None] = {**named, "step": step, "time": round(time, 3)}
        self._add_columns([name for name in (*FIXED_COLUMNS, *named) if name not in self._columns])
        self._file.append(_csv_line([_cell(cells.get(name)) for name in self._columns]))

    def close(self) -> None:
        self._file.close()

    def _add_columns(self, names: Sequence[str]) -> None:
        if not names:
            return
        columns = [*self._columns, *dict.fromkeys(names)]
        with refusals_in_words("read", self._path):
            rows = self._path.read_bytes().splitlines()[1:]
        blanks = b"," * (len(columns) - len(self._columns))
        self._is_stale = True
        try:
            replace_file(self._path, _csv_line(columns) + b"".join(row + blanks + b"\n" for row in rows))
        finally:  # a refusal may have come after the file was replaced
            self._open_again()

    def _open_again(self) -> None:
        """The file that has the name now; the descriptor may be of the one before it."""
        before, self._file = self._file, LineFile(self._path)
        before.close()
        self._columns = _columns_of(self._path)
        self._is_stale = False


def _columns_of(path: Path) -> list[str]:
    with refusals_in_words("read", path):
        if not path.exists():
            return []
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            return next(csv.reader(file), [])


def _csv_line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([_one_line(cell) for cell in cells])
    return text.getvalue().encode("utf-8", "replace")


def _one_line(cell: str) -> str:
    """A row is a line here, whatever a metric is called: growing the table relies on it."""
    return " ".join(cell.splitlines()) if cell else cell


def _cell(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else repr(value)
