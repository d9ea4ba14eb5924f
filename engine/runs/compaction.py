"""Parquet parts of a log: a closed segment takes a fifth of its size as one, and any SQL engine reads it.

A part has the fields of its log as columns and, in `line`, the text of those records that the columns cannot tell to
the last digit. The segment is deleted only after what a reader gets from the part was compared with it, line by line.

`compact` is called on the thread of the run's writer, the rest on any. Importing this does not import duckdb; the
first call does, which takes 0.2 s once in a process: `prepare` does it in good time.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import RunError

from .files import FILE_MODE, refusals_in_words, sync_directory, to_json
from .lines import parsed

if TYPE_CHECKING:  # see above
    from duckdb import DuckDBPyConnection

ROW_BYTES = 1024
"""What a row counts for where a reader limits its work by bytes: a line of metrics, two of episodes."""

_LABEL = {"v": "BIGINT", "seq": "BIGINT", "attempt": "BIGINT", "step": "BIGINT", "time": "DOUBLE"}
_FIGURES, _COUNTS = "MAP(VARCHAR, DOUBLE)", "MAP(VARCHAR, BIGINT)"
_WHO = {name: "BIGINT" for name in ("env", "agent", "group", "world", "episode", "length")}
COLUMNS = {
    "metrics": {**_LABEL, "values": _FIGURES},
    "episodes": {**_LABEL, **_WHO, "reward": "DOUBLE", "end": "VARCHAR", "terms": _FIGURES, "stats": _COUNTS},
}
"""The columns of the logs that are compacted, in the order of their fields in a line. `line` comes after them."""

_LONGEST_LINE = 4 * 1024 * 1024  # DuckDB sets aside a multiple of it; a segment with a longer one stays as it is
_ROW_GROUP = 2048  # DuckDB's smallest: to go on in the middle of a part decodes no more than that
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,  # the trainer needs the other cores
    "memory_limit": "256MB",
    "temp_directory": "",  # never spill: DuckDB would make a .tmp wherever the user happens to stand
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,
    "enable_external_file_cache": False,  # the system caches files, once for all processes
}


class DamagedPart(Exception):
    """A file that is no part of a log, or not any more."""


def part_path(segment: Path) -> Path:
    """The Parquet file of a segment."""
    return segment.with_suffix(".parquet")


def prepare() -> None:
    """Load what reading a part takes, 0.2 s: for a worker, before a thread that must not wait reads one."""
    with _cursor():
        pass


def compact(segment: Path, kind: str) -> bool:
    """Replace a closed segment by its part: half a second for 8 MB, half of it without holding the interpreter.

    Args:
        kind: name of the log, a key of COLUMNS.

    Returns:
        Whether it is replaced. Else the segment stays, whole: it has a line that is no record of ours, or the
        system refuses.
    """
    from duckdb import Error

    part = part_path(segment)
    draft = part.with_name(f".{part.name}.{os.getpid()}.tmp")
    try:
        if not _write_exactly(draft, segment, kind):
            return False
        _sync(draft)
        os.replace(draft, part)
        sync_directory(part.parent)  # else a power cut might take the new name and keep that the old one is gone
        segment.unlink()
    except (OSError, Error, DamagedPart, RunError, MemoryError):
        return False
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return True


def remove_drafts(prefix: Path) -> None:
    """Delete what a writer that was killed has left of its parts. For the log's one writer."""
    for draft in prefix.parent.glob(f".{prefix.name}-*.parquet.*.tmp"):
        with suppress(OSError):
            draft.unlink()


def read_part(part: Path, after: int, limit: int) -> list[tuple[int, dict[str, Any] | None]]:
    """The next records of a part, each with its number; None for one that is damaged.

    Args:
        after: only those whose `seq` is above.
        limit: at most so many.

    Raises:
        DamagedPart: it is no part.
        RunError: the system refuses.
    """
    query = f"{_ROWS} WHERE seq > $after LIMIT $limit"
    rows = _query(part, query, after=after, limit=limit)
    return [(seq, _record(is_line, text)) for seq, is_line, text in rows]


def seqs_of(part: Path) -> tuple[int, int] | None:
    """The first and the last `seq` of a part, None if it has none. Raises as `read_part`."""
    [(first, last)] = _query(part, "SELECT min(seq), max(seq) FROM read_parquet($part)")
    return None if first is None else (int(first), int(last))


# As text: DuckDB writes a record as JSON and json.loads reads it twice as fast as the two hand over its values.
_ROWS = "SELECT seq, line IS NOT NULL, coalesce(line, to_json(row)::VARCHAR) FROM read_parquet($part) AS row"


def _record(is_line: bool, text: str) -> dict[str, Any] | None:
    record = parsed(text.encode("utf-8"))
    if record is None or is_line:
        return record
    return {name: value for name, value in record.items() if value is not None}  # NULL: the record has no such field


def _write_exactly(draft: Path, segment: Path, kind: str) -> bool:
    """Write a part from which a reader gets what is in the segment. False if there can be none."""
    inexact: list[int] = []
    for _ in range(2):  # nearly always once; again for the lines of what the columns could not tell
        _write(draft, segment, kind, inexact)
        found = _inexact(draft, segment)
        if not found:
            return found is not None
        inexact = found
    return False


def _write(draft: Path, segment: Path, kind: str, inexact: Sequence[int]) -> None:
    """Write the draft; the rows with the numbers `inexact` carry their lines too."""
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE))  # DuckDB would let others read it
    shape = to_json(COLUMNS[kind]).decode("ascii")
    rows = f"""
        SELECT fields.*, CASE WHEN fields.seq IN (SELECT unnest($inexact::BIGINT[])) THEN json::VARCHAR END AS line
        FROM (
            SELECT json, from_json(json, '{shape}') AS fields
            FROM read_json_objects($segment, format = 'newline_delimited', maximum_object_size = {_LONGEST_LINE})
        )"""
    options = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP}, USE_TMP_FILE false"
    target = str(draft.absolute()).replace("'", "''")
    with _cursor() as cursor:
        cursor.execute(
            f"COPY ({rows}) TO '{target}' ({options})", {"segment": str(segment.absolute()), "inexact": inexact}
        )


def _inexact(draft: Path, segment: Path) -> list[int] | None:
    """Numbers of the records that a reader would not get as they are in the segment.

    None if it is no segment to compact: a line is no record, or the numbers do not rise.
    """
    found: list[int] = []
    last = 0
    with segment.open("rb") as lines, _cursor() as cursor:
        cursor.execute(_ROWS, {"part": str(draft.absolute())})
        for seq, is_line, text in _rows(cursor):
            line = lines.readline(_LONGEST_LINE + 2)
            record = parsed(line)
            if record is None or record.get("seq") != seq or not isinstance(seq, int) or seq <= last:
                return None
            last = seq
            if not _tells(text, is_line, line[:-1]):
                found.append(seq)
        return None if lines.read(1) else found


def _tells(text: str, is_line: bool, line: bytes) -> bool:
    """Whether a row's text is read as exactly this line's record: every digit, and an integer as an integer."""
    if text.encode("utf-8") == line:
        return True
    record = _record(is_line, text)
    return record is not None and not is_line and to_json(record) == line


def _rows(cursor: DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while rows := cursor.fetchmany(_ROW_GROUP):
        yield from rows


def _query(part: Path, query: str, **parameters: int) -> list[tuple[Any, ...]]:
    from duckdb import Error, OutOfMemoryException

    with refusals_in_words("read", part):
        os.close(os.open(part, os.O_RDONLY))  # what the system says about it, in its own words
    try:
        with _cursor() as cursor:
            return cursor.execute(query, {"part": str(part.absolute()), **parameters}).fetchall()
    except OutOfMemoryException as error:
        raise RunError(f"cannot read {part}: it takes too much memory") from error
    except Error as error:
        raise DamagedPart(str(part)) from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_opening = threading.Lock()
_database: DuckDBPyConnection | None = None
"""In memory, with nothing in it: DuckDB reads and writes files through a database."""

_inherited: list[DuckDBPyConnection | None] = []  # from the parent of a fork: to close it would wait for its threads


def _begin_anew() -> None:
    global _database, _opening
    _inherited.append(_database)
    _database, _opening = None, threading.Lock()


os.register_at_fork(after_in_child=_begin_anew)


@contextmanager
def _cursor() -> Iterator[DuckDBPyConnection]:
    """A cursor for one query; threads may not share one."""
    with _opening:
        cursor = _opened().cursor()
    try:
        yield cursor
    finally:
        cursor.close()


def _opened() -> DuckDBPyConnection:
    global _database
    if _database is None:
        import duckdb

        _database = duckdb.connect(":memory:", config=_SETTINGS)
    return _database
