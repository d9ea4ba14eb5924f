"""The append-only log of a run: JSON lines in segments, one writer, any number of readers.

A numbered log is `<prefix>-00001.jsonl`, `-00002` and so on; an undivided one is `<prefix>.jsonl`. A segment that is
closed becomes `<prefix>-00001.parquet`, see compaction.py; between the two there is a moment with both, and the lines
count. The writer belongs to the thread of its RunWriter. A reader belongs to whoever made it and holds no file open
between calls.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from engine.errors import RunError

from .compaction import COLUMNS, ROW_BYTES, DamagedPart, compact, part_path, read_part, remove_drafts, seqs_of
from .files import LineFile, refusals_in_words, to_json
from .lines import parsed, seq_of

FORMAT = 1
"""Version of a line, its `v`. A reader takes any version: fields are added, never given another meaning."""

SEGMENT_BYTES = 8 * 1024 * 1024  # a closed segment is one quick upload, one quick compaction
CHUNK_BYTES = 1024 * 1024  # read at a time: parses in about 10 ms
MAX_LINE_BYTES = 16 * 1024 * 1024  # a longer line is no record of ours, and would fill the memory


def segment_path(prefix: Path, number: int) -> Path:
    """The file of segment `number`; 0 is the only file of an undivided log."""
    return prefix.with_name(f"{prefix.name}-{number:05d}.jsonl" if number else f"{prefix.name}.jsonl")


def segment_numbers(prefix: Path) -> list[int]:
    """The segments of a log that exist as lines, in order."""
    return _numbers(prefix, r"(?:-(\d{5,9}))?\.jsonl")


def part_numbers(prefix: Path) -> list[int]:
    """The segments of a log that exist as Parquet, in order."""
    return _numbers(prefix, r"-(\d{5,9})\.parquet")


def _numbers(prefix: Path, ending: str) -> list[int]:
    shape = re.compile(re.escape(prefix.name) + ending)
    try:
        names = os.listdir(prefix.parent)
    except FileNotFoundError:
        return []
    matches = (shape.fullmatch(name) for name in names)
    return sorted(int(match[1] or 0) for match in matches if match)


def _exists(prefix: Path, number: int) -> bool:
    path = segment_path(prefix, number)
    return path.exists() or part_path(path).exists()  # in this order: it turns from the one into the other


class LogWriter:
    """Appends records to one log and numbers them. Owner of the log's files; one thread.

    Args:
        prefix: path of the log without `-00001.jsonl`.
        segment_bytes: begin a new segment rather than pass this size; None for an undivided log.
        attempt: how many times the run has been opened for writing, the `attempt` of every line.
    """

    def __init__(self, prefix: Path, *, segment_bytes: int | None = SEGMENT_BYTES, attempt: int = 1) -> None:
        self._prefix = prefix
        self._segment_bytes = segment_bytes
        self._attempt = attempt
        with refusals_in_words("read", prefix.parent):
            numbers, parts = segment_numbers(prefix), part_numbers(prefix)
            remove_drafts(prefix)
        self._number = max([*numbers, *(part + 1 for part in parts), self._first_number()])
        self._closed = deque(number for number in numbers if 0 < number < self._number)
        """Segments that wait to be compacted."""
        self._file = LineFile(segment_path(prefix, self._number))
        self.next_seq = last_seq(prefix) + 1
        """`seq` of the next record; counts from 1 through all segments and attempts."""

    def append(self, record: Mapping[str, Any]) -> None:
        """Write one record."""
        self.extend([record])

    def extend(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Write records with one system call. On RunError those that fitted are kept, the others are not."""
        lines = [self._line(record, self.next_seq + index) for index, record in enumerate(records)]
        if not lines:
            return
        data = b"".join(lines)
        self._make_room(len(data))
        before = self._file.size
        try:
            self._file.append(data)
        finally:
            self.next_seq += _lines_within(lines, self._file.size - before)

    def compact_next(self) -> bool:
        """Turn the oldest closed segment that is still one into Parquet: half a second for 8 MB. Whether there was one.

        Never fails: a segment that cannot become Parquet stays, and the next attempt at the run tries again.
        """
        if not self._closed or self._prefix.name not in COLUMNS:
            return False
        compact(segment_path(self._prefix, self._closed.popleft()), self._prefix.name)
        return True

    def sync(self) -> None:
        """Wait until the disk has every line."""
        self._file.sync()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> LogWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _line(self, record: Mapping[str, Any], seq: int) -> bytes:
        return to_json({"v": FORMAT, "seq": seq, "attempt": self._attempt, **record}) + b"\n"

    def _first_number(self) -> int:
        return 0 if self._segment_bytes is None else 1

    def _make_room(self, length: int) -> None:
        if self._segment_bytes is None or self._file.size == 0 or self._file.size + length <= self._segment_bytes:
            return
        successor = LineFile(segment_path(self._prefix, self._number + 1))
        try:
            self._file.sync()  # a reader takes the next segment as the sign that this one is whole
            self._closed.append(self._number)
        finally:
            self._file.close()
            self._file = successor
            self._number += 1


def last_seq(prefix: Path) -> int:
    """The highest `seq` of a log on disk, 0 if it has none. An empty last segment means: killed after a rotation."""
    numbers = {*segment_numbers(prefix), *part_numbers(prefix)}
    seqs = (_highest_seq(segment_path(prefix, number)) for number in sorted(numbers, reverse=True))
    return next((seq for seq in seqs if seq), 0)


def _highest_seq(path: Path) -> int:
    """The highest `seq` of a segment or, if it is none any more, of its part; 0 if there is none."""
    with refusals_in_words("read", path):
        try:
            lines = path.read_bytes().splitlines()
        except FileNotFoundError:
            return _last_of(part_path(path))
    records = map(parsed, lines)
    seqs = [record.get("seq") for record in records if record]
    return max((seq for seq in seqs if isinstance(seq, int)), default=0)


def _last_of(part: Path) -> int:
    try:
        seqs = seqs_of(part)
    except DamagedPart:
        return 0
    return seqs[1] if seqs else 0


def _lines_within(lines: list[bytes], written: int) -> int:
    """How many whole lines lie within the first `written` bytes."""
    count = 0
    for line in lines:
        written -= len(line)
        if written < 0:
            break
        count += 1
    return count


class LogReader:
    """Follows a log, by byte in its segments and by `seq` in its Parquet parts. Never writes, never blocks the writer,
    never sees a torn line, and returns each record once, whatever becomes of its segment meanwhile.

    Lines that are no records are skipped and counted in `bad_lines`; a damaged part counts as one.

    Args:
        prefix: path of the log without `-00001.jsonl`.
        after: begin with the first record whose `seq` is above; whole segments before it are not read.
    """

    def __init__(self, prefix: Path, after: int = 0) -> None:
        self._prefix = prefix
        self._after = after
        self._number: int | None = None
        self._offset = 0
        self._seq = after  # the last one returned from this segment
        self._is_part = False  # the segment has become Parquet
        self._is_over = False  # the part is damaged from here on
        self._skipping = False  # inside a line that is too long to be a record
        self.bad_lines = 0

    def read_new(self, max_bytes: int | None = None) -> list[dict[str, Any]]:
        """The records that were completed since the last call.

        The first Parquet part that a process reads costs 0.2 s for loading DuckDB; a thread that must not wait has a
        worker call `compaction.prepare` before.

        Args:
            max_bytes: stop after about this much of the file; the next call goes on. None reads to the end.
        """
        records: list[dict[str, Any]] = []
        budget = max_bytes if max_bytes is not None else -1
        while budget != 0:
            batch, cost = self._next_batch(CHUNK_BYTES if budget < 0 else min(budget, CHUNK_BYTES))
            if not cost:
                break
            records.extend(batch)
            if budget > 0:
                budget = max(0, budget - cost)
        return records

    def _next_batch(self, size: int) -> tuple[list[dict[str, Any]], int]:
        """Records of the current segment or, once that is finished, of the next, and how many bytes they count for;
        0 at the end."""
        while self._find_segment():
            # Asked before reading: what is written after the answer would be lost otherwise.
            successor = self._successor()
            records, cost = self._read_part(size) if self._is_part else self._read_segment(size)
            if cost or successor is None:
                return records, cost
            self._begin(successor)
        return [], 0

    def _find_segment(self) -> bool:
        if self._number is None:
            numbers = sorted({*segment_numbers(self._prefix), *part_numbers(self._prefix)})
            earlier = (number for number in reversed(numbers) if self._begins_early_enough(number))
            self._number = next(earlier, numbers[0]) if numbers else None
        return self._number is not None

    def _begins_early_enough(self, number: int) -> bool:
        """Whether no record that is asked for lies before this segment."""
        if not self._after:
            return False
        first = _first_seq(segment_path(self._prefix, number))
        return first is not None and first <= self._after + 1

    def _successor(self) -> int | None:
        assert self._number is not None
        return self._number + 1 if _exists(self._prefix, self._number + 1) else None

    def _begin(self, number: int) -> None:
        self._number, self._offset, self._skipping = number, 0, False
        self._seq, self._is_part, self._is_over = self._after, False, False

    def _read_segment(self, size: int) -> tuple[list[dict[str, Any]], int]:
        assert self._number is not None
        path = segment_path(self._prefix, self._number)
        try:
            chunk = self._read_lines(path, size)
            while chunk and self._is_before(chunk):
                chunk = self._read_lines(path, CHUNK_BYTES)
        except FileNotFoundError:
            self._is_part = part_path(path).exists()  # that is why: go on in it after what was read so far
            return self._read_part(size) if self._is_part else ([], 0)
        records = self._records_in(chunk) if chunk else []
        return records, len(chunk)

    def _is_before(self, chunk: bytes) -> bool:
        """Whether all of a chunk was not asked for."""
        last = seq_of(chunk[chunk.rfind(b"\n", 0, -1) + 1 : -1]) if self._after else None
        return last is not None and last <= self._after

    def _read_part(self, size: int) -> tuple[list[dict[str, Any]], int]:
        assert self._number is not None
        part = part_path(segment_path(self._prefix, self._number))
        if self._is_over or not part.exists():
            return [], 0
        try:
            rows = read_part(part, self._seq, max(1, size // ROW_BYTES))
        except DamagedPart:
            self.bad_lines += 1
            self._is_over = True
            return [], 0
        records = [record for _, record in rows if record is not None]
        self.bad_lines += len(rows) - len(records)
        self._seq = rows[-1][0] if rows else self._seq
        return records, ROW_BYTES * len(rows)

    def _read_lines(self, path: Path, size: int) -> bytes:
        """Bytes from the offset up to a newline. Grows the chunk for a long line, gives up on an absurd one."""
        while True:
            data = self._read(path, size)
            end = data.rfind(b"\n") + 1
            if end:
                self._offset += end
                return data[:end]
            if len(data) < size:
                return b""  # the tail of the file, perhaps torn: it stays unread until its newline comes
            if size >= MAX_LINE_BYTES:
                self._give_up_on(len(data))
            size = min(2 * size, MAX_LINE_BYTES)

    def _read(self, path: Path, size: int) -> bytes:
        try:
            if path.stat().st_size <= self._offset:
                return b""
            with path.open("rb", buffering=0) as file:
                file.seek(self._offset)
                return file.read(size)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise RunError(f"cannot read {path}: {error.strerror}") from error

    def _give_up_on(self, length: int) -> None:
        if not self._skipping:
            self.bad_lines += 1
        self._skipping = True
        self._offset += length

    def _records_in(self, chunk: bytes) -> list[dict[str, Any]]:
        lines = chunk[:-1].split(b"\n")
        if self._skipping:  # the rest of the line given up on, already counted
            lines = lines[1:]
            self._skipping = False
        found = [record for record in map(parsed, lines) if record is not None]
        self.bad_lines += len(lines) - len(found)
        self._seq = _number_of(found[-1], self._seq) if found else self._seq
        if not self._after:
            return found
        return [record for record in found if _number_of(record, self._after + 1) > self._after]


def _number_of(record: Mapping[str, Any], default: int) -> int:
    seq = record.get("seq")
    return seq if isinstance(seq, int) else default


def _first_seq(path: Path) -> int | None:
    """The first `seq` of a segment, or of its part; None if that does not tell."""
    with refusals_in_words("read", path):
        try:
            with path.open("rb") as file:
                return seq_of(file.readline(CHUNK_BYTES))
        except FileNotFoundError:
            pass
    try:
        seqs = seqs_of(part_path(path))
    except DamagedPart:
        return None
    return seqs[0] if seqs else None
