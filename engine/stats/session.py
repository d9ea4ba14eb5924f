"""The SQL console's engine: every run's log as tables in a DuckDB that lives in memory and can reach nothing else.

A `QuerySession` is owned by the app's session. `refresh`, `run` and `tables` block and belong on worker threads,
one cursor each; `cancel` and `close` may be called from any thread. DuckDB is imported at the first of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.errors import QueryError

from .ingest import Ingest, Refreshed
from .refusal import cancelled, forbidden, refusal

if TYPE_CHECKING:  # importing duckdb takes 0.1 s, which the first frame must not wait for
    from duckdb import DuckDBPyConnection, Statement

MAX_ROWS = 10_000
"""Rows of one result: more than anybody scrolls through."""

MAX_RESULT_BYTES = 64 * 1024 * 1024  # of text and lists in one result: the table on screen holds all of it
FETCH_ROWS = 2_048  # one vector of DuckDB

_KNOCK_PERIOD = 0.05  # seconds: DuckDB answers an interrupt within 22 ms

_HARDENED: dict[str, str | int | float | list[str]] = {
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    "python_enable_replacements": False,  # else `SELECT * FROM x` reads the Python variable x
    "memory_limit": "512MB",
    "temp_directory": "",  # never spill: DuckDB would make a .tmp wherever the user happens to stand
    "threads": 2,  # the trainer needs the other cores
    "errors_as_json": True,
}

_TABLE_OF_VIEW = {
    "runs": "runs",
    "metrics": "metrics",
    "episodes": "episodes",
    "agent_metrics": "agent_values",
    "events": "events",
}


@dataclass(frozen=True)
class Result:
    """The rows of the last statement of a query."""

    columns: list[str]
    types: list[str]
    """DuckDB's names, such as BIGINT."""
    rows: list[tuple[Any, ...]]
    """Plain Python values."""
    row_count: int
    """Rows here; all of them unless `truncated`."""
    truncated: bool
    """There are more rows than were fetched."""
    elapsed_ms: float

    @property
    def summary(self) -> str:
        """How many rows, honestly: "42 rows", "first 10,000 of more"."""
        if self.truncated:
            return f"first {self.row_count:,} of more"
        return "1 row" if self.row_count == 1 else f"{self.row_count:,} rows"


class TableInfo(NamedTuple):
    """One line of the console's list of tables."""

    name: str
    kind: str
    """view, or temporary for a table that the user made."""
    row_count: int
    columns: tuple[tuple[str, str], ...]
    """Names and types."""


class QuerySession:
    """Tables over all runs under `root`, and a safe place to query them."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._opening = threading.Lock()
        self._refreshing = threading.Lock()
        self._querying = threading.Lock()
        self._looking = threading.Lock()
        self._watch = threading.Lock()
        """Guards `_is_running` and `_is_cancelled`, so that an interrupt meets the query it was meant for."""
        self._is_running = False
        self._is_cancelled = False
        self._query_number = 0
        self._is_closed = False
        self._store: _Store | None = None
        self._temporary: list[TableInfo] = []

    def refresh(self) -> Refreshed:
        """Take in what the runs have logged since the last call.

        Raises:
            RunError: the directory of the runs cannot be read.
            QueryError: the logs no longer fit in memory.
        """
        with self._refreshing:
            return self._opened().ingest.refresh()

    def run(self, sql: str, max_rows: int = MAX_ROWS) -> Result:
        """Run the statements of `sql` in one transaction that cannot change the runs' tables.

        Returns:
            The last statement's result.

        Raises:
            QueryError: DuckDB or this console refuses it; nothing of it has happened then.
            QueryCancelled: `cancel` was called.
        """
        with self._querying:
            cursor = self._opened().user
            started = time.perf_counter()
            with self._errors_in_words(sql), self._running():
                page = self._run_script(cursor, _encodable(sql), max_rows)
            self._temporary = _temporary_tables(cursor)
            return page.result(1000 * (time.perf_counter() - started))

    def cancel(self) -> None:
        """Stop the query that is running, if any; `run` raises QueryCancelled within some milliseconds."""
        self._interrupt(self._query_number)

    def _interrupt(self, query_number: int) -> None:
        with self._watch:
            if not self._is_running or query_number != self._query_number or self._store is None:
                return
            self._is_cancelled = True
            self._store.user.interrupt()
        # An interrupt that falls between two statements is lost, so knock again until somebody hears.
        again = threading.Timer(_KNOCK_PERIOD, self._interrupt, [query_number])
        again.daemon = True
        again.start()

    def tables(self) -> list[TableInfo]:
        """The views, then the user's temporary tables as of the last query. Does not wait for a running query."""
        with self._looking:
            return [*self._opened().views(), *self._temporary]

    def stop(self) -> None:
        """Cancel what runs and begin nothing more; does not wait."""
        self._is_closed = True
        self.cancel()
        if self._store is not None:
            self._store.ingest.stop()

    def close(self) -> None:
        """Stop, wait, and let go of the memory."""
        self.stop()
        with self._refreshing, self._querying, self._looking, self._opening:
            if self._store is not None:
                self._store.close()
                self._store = None

    def __enter__(self) -> QuerySession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _opened(self) -> _Store:
        with self._opening:
            if self._is_closed:
                raise QueryError("the console is closed")
            if self._store is None:
                self._store = _Store(self._root)
            return self._store

    @contextmanager
    def _running(self) -> Iterator[None]:
        with self._watch:
            self._is_running, self._is_cancelled = True, self._is_closed
            self._query_number += 1
        try:
            yield
        finally:
            with self._watch:
                self._is_running = False

    @contextmanager
    def _errors_in_words(self, sql: str) -> Iterator[None]:
        from duckdb import Error

        try:
            yield
        except (Error, ValueError, OverflowError) as error:  # the latter two: a date that Python cannot hold
            if self._is_cancelled:
                raise cancelled() from error
            raise refusal(error, sql, [*_TABLE_OF_VIEW, *(table.name for table in self._temporary)]) from error

    def _run_script(self, cursor: DuckDBPyConnection, sql: str, max_rows: int) -> _Page:
        statements = _allowed(cursor, sql)
        try:
            cursor.execute("USE memory.main")  # a USE of an earlier query would hide the views
            cursor.execute("BEGIN TRANSACTION READ ONLY")  # temporary tables are exempt
            for statement in statements[:-1]:
                self._start(cursor, statement)
                cursor.complete()
            self._start(cursor, statements[-1])
            page = self._fetch(cursor, max_rows)
        except BaseException:
            self._finish(cursor, "ROLLBACK")
            raise
        self._finish(cursor, "COMMIT")
        return page

    def _start(self, cursor: DuckDBPyConnection, statement: Statement) -> None:
        self._stop_if_cancelled()
        cursor.execute(statement)

    def _fetch(self, cursor: DuckDBPyConnection, max_rows: int) -> _Page:
        page = _Page.of(cursor)
        while not page.truncated:
            self._stop_if_cancelled()
            rows = cursor.fetchmany(min(FETCH_ROWS, max_rows - len(page.rows) + 1))
            if not rows:
                break
            page.take(rows, max_rows)
        cursor.abort()  # an open result would keep the connection
        return page

    def _stop_if_cancelled(self) -> None:
        """An interrupt between two statements interrupts nothing: this is what notices it."""
        if self._is_cancelled:
            raise cancelled()

    def _finish(self, cursor: DuckDBPyConnection, command: str) -> None:
        """End the transaction; too late to cancel now."""
        from duckdb import Error

        with self._watch:
            self._is_running = False
        try:
            cursor.execute(command)
        except Error:
            if command == "COMMIT":  # a rollback fails where the error has ended the transaction already
                raise


class _Store:
    """The connection and its cursors: a connection shared by two threads is refused, a cursor for each works."""

    def __init__(self, root: Path) -> None:
        import duckdb

        self._connection = duckdb.connect(":memory:", config=_HARDENED)
        self._connection.execute("SET GLOBAL TimeZone = 'UTC'")  # as `runs.created`; no option of connect()
        self._connection.execute("SET GLOBAL lock_configuration = true")
        for file in ("schema.sql", "views.sql"):
            self._connection.execute(resources.files(__package__).joinpath(file).read_text("utf-8"))
        self.user = self._connection.cursor()
        self.ingest = Ingest(self._connection.cursor(), root)
        self._sidebar = self._connection.cursor()
        self._columns = _columns(self._sidebar, "database_name = 'memory' AND schema_name = 'main'")

    def views(self) -> list[TableInfo]:
        """Our views, counted by the tables under them: that is instant, counting a join is not."""
        return [
            TableInfo(view, "view", _count(self._sidebar, f"log.{table}"), self._columns[view])
            for view, table in _TABLE_OF_VIEW.items()
        ]

    def close(self) -> None:
        self.ingest.close()
        self.user.close()
        self._sidebar.close()
        self._connection.close()


class _Page:
    """The first rows of a result, while they are fetched."""

    def __init__(self, columns: list[str], types: list[str]) -> None:
        self.columns = columns
        self.types = types
        self.rows: list[tuple[Any, ...]] = []
        self.truncated = False
        self._bytes = 0
        self._bulky = [index for index, name in enumerate(types) if not name.startswith(_SMALL_TYPES)]

    @classmethod
    def of(cls, cursor: DuckDBPyConnection) -> _Page:
        description = cursor.description or []
        return cls([str(column[0]) for column in description], [str(column[1]) for column in description])

    def take(self, rows: list[tuple[Any, ...]], max_rows: int) -> None:
        for row in rows:
            if len(self.rows) >= max_rows or self._bytes > MAX_RESULT_BYTES:
                self.truncated = True
                return
            self.rows.append(self._plain_row(row) if self._bulky else row)

    def result(self, elapsed_ms: float) -> Result:
        return Result(self.columns, self.types, self.rows, len(self.rows), self.truncated, elapsed_ms)

    def _plain_row(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        cells = list(row)
        for index in self._bulky:
            cells[index] = _plain(cells[index])
            self._bytes += _weight(cells[index])
        return tuple(cells)


_SMALL_TYPES = ("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UINTEGER", "UBIGINT", "FLOAT", "DOUBLE")


def _plain(value: Any) -> Any:
    """`value` without Decimals: a chart and a sort want numbers, and 17 digits are enough for either."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and abs(value) >= 2**53 else float(value)
    if isinstance(value, (list, tuple)):
        return type(value)(map(_plain, value))
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    return value


def _weight(value: Any) -> int:
    """About how many bytes a cell takes."""
    if isinstance(value, (str, bytes, bytearray)):
        return len(value)
    if isinstance(value, (list, tuple)):
        return sum(map(_weight, value)) + 8 * len(value)
    if isinstance(value, dict):
        return sum(_weight(key) + _weight(item) for key, item in value.items())
    return 16


def _encodable(sql: str) -> str:
    return sql.encode("utf-8", "replace").decode("utf-8")


def _allowed(cursor: DuckDBPyConnection, sql: str) -> list[Statement]:
    """The statements of `sql`, none of a kind that this console keeps to itself."""
    statements = cursor.extract_statements(sql)
    if not statements:
        raise QueryError("there is no statement to run", hint="try: SELECT * FROM runs")
    for statement in statements:
        reason = forbidden(statement.type.name)
        if reason:
            start = max(sql.find(statement.query), 0)
            first = start + len(statement.query) - len(statement.query.lstrip())
            raise QueryError(reason, line=sql.count("\n", 0, first) + 1, column=first - sql.rfind("\n", 0, first))
    return statements


def _temporary_tables(cursor: DuckDBPyConnection) -> list[TableInfo]:
    columns = _columns(cursor, "database_name = 'temp' AND schema_name = 'main'")
    return [
        TableInfo(name, "temporary", _count(cursor, f"temp.main.{_quoted(name)}"), of)
        for name, of in sorted(columns.items())
    ]


def _columns(cursor: DuckDBPyConnection, where: str) -> dict[str, tuple[tuple[str, str], ...]]:
    found: dict[str, list[tuple[str, str]]] = {}
    query = f"SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE {where} ORDER BY column_index"
    for table, column, kind in cursor.execute(query).fetchall():
        found.setdefault(str(table), []).append((str(column), str(kind)))
    return {table: tuple(columns) for table, columns in found.items()}


def _count(cursor: DuckDBPyConnection, table: str) -> int:
    row = cursor.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(row[0]) if row else 0


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
