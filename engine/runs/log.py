"""The append-only log of a run: JSON lines in segments, one writer, any number of readers.

A numbered log is `<prefix>-00001.jsonl`, `-00002` and so on; an undivided one is `<prefix>.jsonl`. The writer
belongs to the thread of its RunWriter. A reader belongs to whoever made it and holds no file open between calls.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from engine.errors import RunError

from .files import LineFile, refusals_in_words, to_json

FORMAT = 1
"""Version of a line, its `v`. A reader takes any version: fields are added, never given another meaning."""

SEGMENT_BYTES = 8 * 1024 * 1024  # a closed segment is one quick upload, one quick compaction
CHUNK_BYTES = 1024 * 1024  # read at a time: parses in about 10 ms
MAX_LINE_BYTES = 16 * 1024 * 1024  # a longer line is no record of ours, and would fill the memory


def segment_path(prefix: Path, number: int) -> Path:
    """The file of segment `number`; 0 is the only file of an undivided log."""
    return prefix.with_name(f"{prefix.name}-{number:05d}.jsonl" if number else f"{prefix.name}.jsonl")


def segment_numbers(prefix: Path) -> list[int]:
    """The segments of a log that exist, in order."""
    shape = re.compile(re.escape(prefix.name) + r"(?:-(\d{5,9}))?\.jsonl")
    try:
        names = os.listdir(prefix.parent)
    except FileNotFoundError:
        return []
    matches = (shape.fullmatch(name) for name in names)
    return sorted(int(match[1] or 0) for match in matches if match)


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
            numbers = segment_numbers(prefix)
        self._number = numbers[-1] if numbers else self._first_number()
        self._file = LineFile(segment_path(prefix, self._number))
        self.next_seq = self._last_seq(numbers) + 1
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
        finally:
            self._file.close()
            self._file = successor
            self._number += 1

    def _last_seq(self, numbers: list[int]) -> int:
        """The last `seq` on disk. An empty last segment means: killed right after a rotation."""
        seqs = (_highest_seq(segment_path(self._prefix, number)) for number in reversed(numbers))
        return next((seq for seq in seqs if seq), 0)


def _highest_seq(path: Path) -> int:
    with refusals_in_words("read", path):
        records = map(_parsed, path.read_bytes().splitlines())
        seqs = [record.get("seq") for record in records if record]
    return max((seq for seq in seqs if isinstance(seq, int)), default=0)


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
    """Follows a log by byte offset. Never writes, never blocks the writer, never sees a torn line.

    Lines that are no records are skipped and counted in `bad_lines`.
    """

    def __init__(self, prefix: Path) -> None:
        self._prefix = prefix
        self._number: int | None = None
        self._offset = 0
        self._skipping = False  # inside a line that is too long to be a record
        self.bad_lines = 0

    def read_new(self, max_bytes: int | None = None) -> list[dict[str, Any]]:
        """The records that were completed since the last call.

        Args:
            max_bytes: stop after about this much of the file; the next call goes on. None reads to the end.
        """
        records: list[dict[str, Any]] = []
        budget = max_bytes if max_bytes is not None else -1
        while budget != 0:
            chunk = self._next_chunk(CHUNK_BYTES if budget < 0 else min(budget, CHUNK_BYTES))
            if not chunk:
                break
            records.extend(self._records_in(chunk))
            if budget > 0:
                budget = max(0, budget - len(chunk))
        return records

    def _next_chunk(self, size: int) -> bytes:
        """Whole lines from the current segment or, once that is finished, from the next; empty at the end."""
        while self._find_segment():
            assert self._number is not None
            # Asked before reading: what is written after the answer would be lost otherwise.
            successor = self._successor()
            chunk = self._read_lines(segment_path(self._prefix, self._number), size)
            if chunk or successor is None:
                return chunk
            self._number, self._offset, self._skipping = successor, 0, False
        return b""

    def _find_segment(self) -> bool:
        if self._number is None:
            numbers = segment_numbers(self._prefix)
            self._number = numbers[0] if numbers else None
        return self._number is not None

    def _successor(self) -> int | None:
        assert self._number is not None
        return self._number + 1 if segment_path(self._prefix, self._number + 1).exists() else None

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
            return b""
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
        records = [record for record in map(_parsed, lines) if record is not None]
        self.bad_lines += len(lines) - len(records)
        return records


# NaN and Infinity are no JSON, but other writers know them; they mean: no number.
_decode = json.JSONDecoder(parse_constant=lambda _: None).decode


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        record = _decode(line.decode("utf-8"))
    except (ValueError, RecursionError):  # a bad byte, bad JSON, a number of 5000 digits, nesting without end
        return None
    return record if isinstance(record, dict) else None
