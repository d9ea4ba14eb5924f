"""From the runs' logs into the tables: follows every run directory by offset and appends what is new.

Owned by a QuerySession, which lets one thread at a time in. A run whose files are damaged is listed with its
problem; the others never notice.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import QueryError, RunError
from engine.runs import LogReader, RunDirectory, RunInfo, RunStatus, run_paths

if TYPE_CHECKING:  # importing duckdb takes 0.1 s: the session does it when it is first asked for something
    from duckdb import DuckDBPyConnection

CHUNK_BYTES = 4 * 1024 * 1024  # of one log in one transaction: about 100,000 rows, 0.1 s
MAX_TEXT = 10_000  # characters of a message or name that are kept

Row = tuple[object, ...]


@dataclass(frozen=True)
class Refreshed:
    """What one refresh found."""

    runs: int
    """Runs under the root."""
    lines: int
    """New log lines."""
    rows: int
    """New rows in the tables."""
    bad_lines: int
    """Lines skipped as damaged, over the whole session."""


class Names(dict[str, int]):
    """Numbers for the names of metrics; a new name gets the next number and waits in `fresh` to be stored."""

    def __init__(self) -> None:
        super().__init__()
        self.fresh: list[Row] = []

    def __missing__(self, name: str) -> int:
        index = self[name] = len(self)
        self.fresh.append((index, _text(name)))
        return index


class Ingest:
    """Keeps the tables of one connection up to date with the runs under `root`."""

    def __init__(self, connection: DuckDBPyConnection, root: Path) -> None:
        self._connection = connection
        self._root = root
        self._sources: dict[Path, _Source] = {}
        self._names = Names()
        self._next_run = 0
        self._run_rows: list[Row] = []
        self._full = False
        self._stopping = False

    def stop(self) -> None:
        """Make a refresh that is under way end after the chunk it is at. Any thread."""
        self._stopping = True

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def refresh(self) -> Refreshed:
        """Append what is new. Rows become visible to queries chunk by chunk, each chunk whole.

        Raises:
            RunError: the root cannot be read.
            QueryError: the logs no longer fit in the session's memory; what is there stays.
        """
        from duckdb import OutOfMemoryException

        if self._full:
            raise _out_of_memory()
        try:
            return self._refresh()
        except OutOfMemoryException as error:
            self._connection.rollback()
            self._full = True
            raise _out_of_memory() from error

    def _refresh(self) -> Refreshed:
        self._follow(run_paths(self._root))
        sources = list(self._sources.values())
        counts = [self._read_log(source, log) for source in sources for log in source.logs]
        self._store_runs([source.row() for source in sources])
        lines, rows = sum(count[0] for count in counts), sum(count[1] for count in counts)
        return Refreshed(len(sources), lines, rows, sum(source.bad_lines for source in sources))

    def _follow(self, paths: Iterable[Path]) -> None:
        """Begin with new runs, forget those that are gone or that were replaced by another of the same name."""
        identities = {path: identity for path in paths if (identity := _identity(path))}
        gone = [path for path, source in self._sources.items() if identities.get(path) != source.identity]
        for path in gone:
            self._forget(self._sources.pop(path).run)
        # The newest first: should memory run out, it is old runs that are missing.
        for path in sorted(identities.keys() - self._sources.keys(), key=_modified, reverse=True):
            self._sources[path] = _Source(self._next_run, path, identities[path], self._names)
            self._next_run += 1

    def _forget(self, run: int) -> None:
        for table in ("metrics", "episodes", "agent_values", "events"):
            self._connection.execute(f"DELETE FROM log.{table} WHERE run = ?", [run])

    def _read_log(self, source: _Source, log: _Log) -> tuple[int, int]:
        """Read a log to its end. Returns lines and rows."""
        line_count = row_count = 0
        try:
            while not self._stopping and (records := log.reader.read_new(CHUNK_BYTES)):
                line_count += len(records)
                row_count += self._append(log, records)
        except RunError as error:
            source.problem = error.message
        return line_count, row_count

    def _append(self, log: _Log, records: list[dict[str, Any]]) -> int:
        self._connection.begin()
        count = 0
        for attempt, part in log.attempts(records):
            self._supersede(log, attempt, part)
            tables = log.rows_of(part)
            count += sum(len(rows) for rows in tables.values())
            self._store_rows(tables)
        self._connection.commit()
        return count

    def _supersede(self, log: _Log, attempt: int, records: list[dict[str, Any]]) -> None:
        """A resumed run takes steps again that it had taken after its checkpoint: the later attempt counts."""
        if attempt == log.attempt:
            return
        log.attempt = attempt
        step = records[0].get("step")
        if isinstance(step, int):
            for table in log.superseded:
                delete = f"DELETE FROM log.{table} WHERE run = ? AND attempt < ? AND step >= ?"
                self._connection.execute(delete, [log.run, attempt, max(0, min(step, 2**62))])

    def _store_rows(self, tables: Mapping[str, list[Row]]) -> None:
        fresh, self._names.fresh = self._names.fresh, []
        for table, rows in {"names": fresh, **tables}.items():
            if rows:
                # The appender takes a million rows a second; INSERT with parameters takes a thousand.
                appender = self._connection.appender(f"log.{table}")
                appender.append_rows(rows)
                appender.flush()

    def _store_runs(self, rows: list[Row]) -> None:
        if rows == self._run_rows:
            return
        self._connection.begin()
        self._connection.execute("DELETE FROM log.runs")
        self._store_rows({"runs": rows})
        self._connection.commit()
        self._run_rows = rows


class _Source:
    """One run directory and how far each of its logs has been read."""

    def __init__(self, run: int, path: Path, identity: tuple[int, int], names: Names) -> None:
        self.run = run
        self.identity = identity
        self.directory = RunDirectory(path)
        self.problem = ""
        self.logs = (
            _Log(run, path / "metrics", ("metrics",), _metric_rows(run, names)),
            _Log(run, path / "episodes", ("episodes", "agent_values"), _episode_rows(run, names)),
            _Log(run, path / "events", (), _event_rows(run)),  # what happened, happened: nothing supersedes it
        )
        self._info: RunInfo | None = None
        self._info_signature: tuple[int, int] | None = None
        self._status: RunStatus | None = None
        self._status_signature: tuple[int, int] | None = None

    @property
    def bad_lines(self) -> int:
        return sum(log.bad_records + log.reader.bad_lines for log in self.logs)

    def row(self) -> Row:
        """The run's row in log.runs. NULL for what its files do not tell."""
        problem = self._read_info()
        status = self._read_status()
        info = self._info
        who: Row = (None,) * 5
        if info is not None:
            created = info.created.astimezone(UTC).replace(tzinfo=None)
            who = (_text(info.recipe), _text(info.game), _text(info.map), created, _bounded(info.seed))
        recipe, game, map_name, created_at, seed = who
        doing = (_text(status.status.value), _bounded(status.step), _bounded(status.total_steps))
        rest = (status.sps, status.elapsed, _text(status.message), self._problem(problem))
        return (self.run, _text(self.directory.run_id), recipe, game, map_name, created_at, *doing, seed, *rest)

    def _problem(self, found: str) -> str | None:
        lines = f"{self.bad_lines} damaged lines in its logs" if self.bad_lines else ""
        return _text(found or self.problem or lines) or None

    def _read_info(self) -> str:
        """Read run.json if it changed. Returns what is wrong with it."""
        signature = _signature(self.directory.path / "run.json")
        if self._info is not None and signature == self._info_signature:
            return ""
        try:
            self._info, self._info_signature = self.directory.info(), signature
        except RunError as error:
            self._info = None
            return error.message
        return ""

    def _read_status(self) -> RunStatus:
        """Read state.json, unless the run has ended and nobody touched it since."""
        signature = _signature(self.directory.path / "state.json")
        known = self._status
        if known is None or known.status.is_open or signature != self._status_signature:
            known = self._status = self.directory.state()
            self._status_signature = signature
        return known


class _Log:
    """One log of one run on its way into tables."""

    def __init__(
        self,
        run: int,
        prefix: Path,
        superseded: tuple[str, ...],
        rows_of: Callable[[dict[str, Any], dict[str, list[Row]]], None],
    ) -> None:
        self.run = run
        self.reader = LogReader(prefix)
        self.superseded = superseded
        self.attempt = 0
        self.bad_records = 0
        self._rows_of = rows_of

    def attempts(self, records: list[dict[str, Any]]) -> list[tuple[int, list[dict[str, Any]]]]:
        """The records cut where a new attempt begins: nearly always one piece."""
        pieces: list[tuple[int, list[dict[str, Any]]]] = []
        highest = self.attempt
        for record in records:
            attempt = record.get("attempt")
            highest = max(highest, attempt if isinstance(attempt, int) and attempt < 2**31 else 1)
            if not pieces or pieces[-1][0] != highest:
                pieces.append((highest, []))
            pieces[-1][1].append(record)
        return pieces

    def rows_of(self, records: list[dict[str, Any]]) -> dict[str, list[Row]]:
        """The rows of the records by table. A record that is none of ours is counted and left out."""
        tables: dict[str, list[Row]] = {"metrics": [], "episodes": [], "agent_values": [], "events": []}
        for record in records:
            try:
                self._rows_of(record, tables)
            except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
                self.bad_records += 1
        return tables


# One record to rows. Each function checks all it needs before it adds anything.


def _metric_rows(run: int, names: Names) -> Callable[[dict[str, Any], dict[str, list[Row]]], None]:
    def add(record: dict[str, Any], tables: dict[str, list[Row]]) -> None:
        attempt, seq, step, time = _label(record)
        values = record["values"].items()
        rows = [(run, attempt, seq, step, time, names[name], _number(value)) for name, value in values]
        tables["metrics"] += rows

    return add


def _episode_rows(run: int, names: Names) -> Callable[[dict[str, Any], dict[str, list[Row]]], None]:
    def add(record: dict[str, Any], tables: dict[str, list[Row]]) -> None:
        attempt, seq, step, time = _label(record)
        env, agent, group = (_small(record.get(key)) for key in ("env", "agent", "group"))
        episode, length, reward = _bounded(record.get("episode")), record.get("length"), _number(record.get("reward"))
        ended = _text(record.get("end") or "")
        values = {**(record.get("stats") or {}), **(record.get("terms") or {}), "length": length, "reward": reward}
        agent_rows = [
            (run, attempt, step, episode, env, agent, names[name], _number(value)) for name, value in values.items()
        ]
        tables["agent_values"] += agent_rows
        tables["episodes"].append(
            (run, attempt, seq, step, time, env, agent, group, episode, _bounded(length), reward, ended)
        )

    return add


def _event_rows(run: int) -> Callable[[dict[str, Any], dict[str, list[Row]]], None]:
    def add(record: dict[str, Any], tables: dict[str, list[Row]]) -> None:
        attempt, seq, step, time = _label(record)
        kind, message = _text(record.get("kind") or ""), _text(record.get("message") or "")
        data = _text(json.dumps(record.get("data") or {}))
        tables["events"].append((run, attempt, seq, step, time, kind, message, data))

    return add


def _label(record: dict[str, Any]) -> tuple[int, int | None, int, float | None]:
    attempt, step = _small(record.get("attempt", 1)), _bounded(record["step"])
    if attempt is None or step is None:
        raise ValueError("a record without a step")
    return attempt, _bounded(record.get("seq")), step, _number(record.get("time"))


def _number(value: Any) -> float | None:
    """A finite float, or NULL."""
    if type(value) is float:
        return value if math.isfinite(value) else None
    return float(value) if isinstance(value, int) and abs(value) < 2**1000 else None


def _bounded(value: Any) -> int | None:
    """An integer that fits a BIGINT, or NULL."""
    return int(value) if isinstance(value, int) and -(2**63) <= value < 2**63 else None


def _small(value: Any) -> int | None:
    """An integer that fits an INTEGER, or NULL."""
    return int(value) if isinstance(value, int) and -(2**31) <= value < 2**31 else None


def _text(value: Any) -> str:
    """Text that UTF-8 can hold: JSON may spell half a surrogate pair, DuckDB refuses it."""
    text = str(value)[:MAX_TEXT]
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def _modified(path: Path) -> tuple[int, str]:
    signature = _signature(path / "state.json")
    return signature[0] if signature else 0, path.name


def _signature(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


def _out_of_memory() -> QueryError:
    return QueryError(
        "the runs' logs no longer fit in the console's memory: not all of their lines are here",
        hint="move old runs elsewhere and open the console again",
    )
