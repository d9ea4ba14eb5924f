"""The append-only log: whole lines, contiguous numbers, readers that see a prefix and never a torn line."""

from __future__ import annotations

import errno
import json
import math
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import RunError
from engine.runs import LogReader, LogWriter
from engine.runs import files as run_files
from engine.runs.log import segment_numbers, segment_path


def seqs(records: list[dict[str, Any]]) -> list[int]:
    return [record["seq"] for record in records]


def write_three(prefix: Path) -> Path:
    with LogWriter(prefix) as log:
        log.extend({"step": step, "text": "zwölf" * step} for step in range(3))
    return segment_path(prefix, 1)


def test_a_record_comes_back_with_version_number_and_attempt(tmp_path: Path) -> None:
    with LogWriter(tmp_path / "metrics", attempt=2) as log:
        log.append({"step": 7})

    assert LogReader(tmp_path / "metrics").read_new() == [{"v": 1, "seq": 1, "attempt": 2, "step": 7}]


def test_a_torn_last_line_is_invisible_at_every_byte(tmp_path: Path) -> None:
    data = write_three(tmp_path / "metrics").read_bytes()
    start = data[:-1].rfind(b"\n") + 1

    for cut in range(start, len(data)):
        (tmp_path / f"cut{cut}-00001.jsonl").write_bytes(data[:cut])
        reader = LogReader(tmp_path / f"cut{cut}")

        assert seqs(reader.read_new()) == [1, 2]
        assert reader.bad_lines == 0


def test_a_torn_last_line_is_cut_off_when_writing_goes_on_at_every_byte(tmp_path: Path) -> None:
    data = write_three(tmp_path / "metrics").read_bytes()
    start = data[:-1].rfind(b"\n") + 1

    for cut in range(start, len(data)):
        prefix = tmp_path / f"cut{cut}"
        segment_path(prefix, 1).write_bytes(data[:cut])
        with LogWriter(prefix) as log:
            log.append({"step": 99})
        reader = LogReader(prefix)
        records = reader.read_new()

        assert seqs(records) == [1, 2, 3]
        assert records[-1]["step"] == 99
        assert reader.bad_lines == 0


def test_a_reader_that_met_a_torn_tail_goes_on_after_the_repair(tmp_path: Path) -> None:
    path = write_three(tmp_path / "metrics")
    os.truncate(path, path.stat().st_size - 5)
    reader = LogReader(tmp_path / "metrics")

    before = reader.read_new()
    with LogWriter(tmp_path / "metrics") as log:
        log.append({"step": 99})
    after = reader.read_new()

    assert seqs(before + after) == [1, 2, 3]
    assert reader.bad_lines == 0


def test_a_file_of_one_torn_line_starts_over(tmp_path: Path) -> None:
    segment_path(tmp_path / "metrics", 1).write_bytes(b'{"v":1,"seq":1')

    with LogWriter(tmp_path / "metrics") as log:
        log.append({})

    assert seqs(LogReader(tmp_path / "metrics").read_new()) == [1]


def test_segments_rotate_before_they_pass_their_size(tmp_path: Path) -> None:
    with LogWriter(tmp_path / "metrics", segment_bytes=400) as log:
        for step in range(50):
            log.append({"step": step})

    numbers = segment_numbers(tmp_path / "metrics")
    sizes = [segment_path(tmp_path / "metrics", number).stat().st_size for number in numbers]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 3
    assert max(sizes) <= 400
    assert seqs(LogReader(tmp_path / "metrics").read_new()) == list(range(1, 51))


def test_a_record_larger_than_a_segment_gets_one_of_its_own(tmp_path: Path) -> None:
    with LogWriter(tmp_path / "metrics", segment_bytes=100) as log:
        log.append({"text": "short"})
        log.append({"text": "long" * 100})
        log.append({"text": "short"})

    assert segment_numbers(tmp_path / "metrics") == [1, 2, 3]
    assert seqs(LogReader(tmp_path / "metrics").read_new()) == [1, 2, 3]


def test_numbering_goes_on_over_attempts_and_segments(tmp_path: Path) -> None:
    for attempt in range(1, 6):
        with LogWriter(tmp_path / "metrics", segment_bytes=200, attempt=attempt) as log:
            log.extend({"step": step} for step in range(3))

    records = LogReader(tmp_path / "metrics").read_new()
    assert seqs(records) == list(range(1, 16))
    assert [record["attempt"] for record in records] == sorted([1, 2, 3, 4, 5] * 3)


def test_numbering_goes_on_when_the_writer_died_right_after_a_rotation(tmp_path: Path) -> None:
    write_three(tmp_path / "metrics")
    segment_path(tmp_path / "metrics", 2).touch()

    with LogWriter(tmp_path / "metrics") as log:
        log.append({})

    assert seqs(LogReader(tmp_path / "metrics").read_new()) == [1, 2, 3, 4]


def test_numbering_goes_on_after_a_damaged_last_line(tmp_path: Path) -> None:
    path = write_three(tmp_path / "metrics")
    path.write_bytes(path.read_bytes() + b"\x00\xff garbage\n")

    with LogWriter(tmp_path / "metrics") as log:
        log.append({})

    reader = LogReader(tmp_path / "metrics")
    assert seqs(reader.read_new()) == [1, 2, 3, 4]
    assert reader.bad_lines == 1


def test_an_undivided_log_keeps_to_one_file(tmp_path: Path) -> None:
    with LogWriter(tmp_path / "events", segment_bytes=None) as log:
        log.append({"text": "x" * 100_000})
        log.append({"text": "y"})

    assert [path.name for path in tmp_path.iterdir()] == ["events.jsonl"]
    assert seqs(LogReader(tmp_path / "events").read_new()) == [1, 2]


def test_logs_with_a_common_beginning_stay_apart(tmp_path: Path) -> None:
    for name in ("met", "metrics", "metrics-x", "metrics.x"):
        with LogWriter(tmp_path / name) as log:
            log.append({"name": name})

    assert [record["name"] for record in LogReader(tmp_path / "metrics").read_new()] == ["metrics"]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[1]",
        b"3",
        b"null",
        b"\xff\xfe",
        b"\x00" * 50,
        b"[" * 100_000,
        b'{"step":' + b"9" * 6000 + b"}",
        b'"x"',
    ],
)
def test_a_bad_line_is_counted_and_the_others_are_read(tmp_path: Path, line: bytes) -> None:
    path = segment_path(tmp_path / "metrics", 1)
    path.write_bytes(b'{"seq":1}\n' + line + b'\n{"seq":2}\n')
    reader = LogReader(tmp_path / "metrics")

    assert seqs(reader.read_new()) == [1, 2]
    assert reader.bad_lines == 1


def test_a_line_too_long_to_be_a_record_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.runs.log.CHUNK_BYTES", 64)
    monkeypatch.setattr("engine.runs.log.MAX_LINE_BYTES", 256)
    long = b'{"seq":9,"text":"' + b"x" * 5000 + b'"}'
    segment_path(tmp_path / "metrics", 1).write_bytes(b'{"seq":1}\n' + long + b'\n{"seq":2}\n')
    reader = LogReader(tmp_path / "metrics")

    assert seqs(reader.read_new()) == [1, 2]
    assert reader.bad_lines == 1


def test_a_record_longer_than_a_chunk_is_read(tmp_path: Path) -> None:
    with LogWriter(tmp_path / "metrics") as log:
        log.extend([{"text": "x" * 3000}, {"text": "y"}])
    reader = LogReader(tmp_path / "metrics")

    records = reader.read_new(10) + reader.read_new(10)

    assert seqs(records) == [1, 2]


def test_reading_in_small_bites_loses_nothing(tmp_path: Path) -> None:
    with LogWriter(tmp_path / "metrics", segment_bytes=500) as log:
        log.extend({"step": step} for step in range(10))
        for step in range(100):
            log.append({"step": step})
    reader = LogReader(tmp_path / "metrics")

    records: list[dict[str, Any]] = []
    while bite := reader.read_new(100):
        assert len(bite) < 10
        records += bite

    assert seqs(records) == list(range(1, 111))


def test_a_log_that_does_not_exist_yet_is_empty_and_then_found(tmp_path: Path) -> None:
    reader = LogReader(tmp_path / "later" / "metrics")
    assert reader.read_new() == []

    (tmp_path / "later").mkdir()
    with LogWriter(tmp_path / "later" / "metrics") as log:
        log.append({})

    assert seqs(reader.read_new()) == [1]


def test_numbers_that_are_not_finite_become_null(tmp_path: Path) -> None:
    values = {"a": math.nan, "b": math.inf, "c": [-math.inf, 1.5], "d": np.float32("nan"), "e": np.int64(3)}
    with LogWriter(tmp_path / "metrics") as log:
        log.append({"values": values})

    text = segment_path(tmp_path / "metrics", 1).read_text()
    strict = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert strict["values"] == {"a": None, "b": None, "c": [None, 1.5], "d": None, "e": 3}


def test_a_log_holds_no_control_characters(tmp_path: Path) -> None:
    with LogWriter(tmp_path / "events") as log:
        log.append({"message": "\x1b]0;owned\x07 \u202e \x9b \u2028 \ud800"})

    data = segment_path(tmp_path / "events", 1).read_bytes()
    assert all(0x20 <= byte < 0x7F for byte in data[:-1])


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
records_of_json = st.lists(st.dictionaries(st.text(), json_values, max_size=4), max_size=6)


@given(records_of_json, st.integers(20, 300), st.integers(1, 200))
@settings(max_examples=60, deadline=None)
def test_any_records_survive_any_segment_size_and_any_bite(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]], segment_bytes: int, bite: int
) -> None:
    prefix = tmp_path_factory.mktemp("log") / "metrics"
    with LogWriter(prefix, segment_bytes=segment_bytes) as log:
        for record in records:
            log.append({"payload": record})
    reader = LogReader(prefix)

    found: list[dict[str, Any]] = []
    while part := reader.read_new(bite):
        found += part

    assert [record["payload"] for record in found] == records
    assert seqs(found) == list(range(1, len(records) + 1))


@given(st.lists(st.integers(0, 400), max_size=12))
@settings(max_examples=60, deadline=None)
def test_a_reader_of_a_file_that_grows_by_any_bytes_sees_each_line_once(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    directory = tmp_path_factory.mktemp("log")
    data = write_three(directory / "whole").read_bytes()
    reader, grown = LogReader(directory / "grown"), segment_path(directory / "grown", 1)

    found: list[dict[str, Any]] = []
    for cut in [*sorted(cuts), len(data)]:
        grown.write_bytes(data[:cut])
        found += reader.read_new()

    assert seqs(found) == [1, 2, 3]
    assert reader.bad_lines == 0


def test_a_reader_beside_a_writer_sees_every_record_once_and_in_order(tmp_path: Path) -> None:
    total = 5000

    def write() -> None:
        with LogWriter(tmp_path / "metrics", segment_bytes=20_000) as log:
            for step in range(0, total, 5):
                log.extend({"step": step + index} for index in range(5))

    writer, reader = threading.Thread(target=write), LogReader(tmp_path / "metrics")
    writer.start()
    found: list[dict[str, Any]] = []
    while writer.is_alive():
        found += reader.read_new()
    found += reader.read_new()

    assert seqs(found) == list(range(1, total + 1))
    assert reader.bad_lines == 0


class FullDisk:
    """Takes `room` bytes through os.write, a part of the last write too, as a real one does."""

    def __init__(self, room: int) -> None:
        self.room = room
        self._write = os.write

    def write(self, descriptor: int, data: Any) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self._write(descriptor, data[: self.room])
        self.room -= written
        return written


@pytest.mark.parametrize("room", range(0, 160, 7))
def test_a_full_disk_keeps_the_lines_that_fitted_and_tears_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    disk, reader = FullDisk(10_000), LogReader(tmp_path / "metrics")
    monkeypatch.setattr(run_files.os, "write", disk.write)

    with LogWriter(tmp_path / "metrics") as log:
        log.append({"step": 0})
        disk.room = room
        with pytest.raises(RunError, match="the disk is full"):
            log.extend({"step": step} for step in range(1, 6))
        seen = reader.read_new()  # somebody looks at the worst moment
        assert segment_path(tmp_path / "metrics", 1).read_bytes().endswith(b"\n")
        disk.room = 10_000
        log.append({"step": 99})
        seen += reader.read_new()

    assert seqs(seen) == list(range(1, len(seen) + 1))
    assert seen[-1]["step"] == 99
    assert reader.bad_lines == 0
