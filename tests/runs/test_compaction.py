"""Parquet parts: the same records to the last digit, each once at every moment, and never less than the lines held."""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.runs import LogReader, LogWriter, RunDirectory, RunState, RunWriter
from engine.runs import compaction as run_compaction
from engine.runs.compaction import COLUMNS, compact, part_path
from engine.runs.log import part_numbers, segment_numbers, segment_path

ODD_NAMES = {"": 1.0, "loss": 0.1, "Loss": 0.2, "LOSS": 0.3, 'it\'s "quoted"': 4.0, "zwölf \u202e": 5.0, "a.b/c": 6.0}
EPISODE = {
    "step": 30,
    "time": 1795284285.499097,
    "env": 3,
    "agent": 1,
    "group": 0,
    "world": 2,
    "episode": 9,
    "length": 300,
    "reward": 0.1 + 0.2,
    "end": "truncated",
    "terms": {"goal": 1e-300, "Goal": -0.0},
    "stats": {"ore.gained": 7, "steps": 2**40},
}


def closed_segment(prefix: Path, records: list[dict[str, Any]], attempt: int = 1) -> Path:
    with LogWriter(prefix, attempt=attempt) as log:
        log.extend(records)
    return segment_path(prefix, 1)


def everything(prefix: Path, **how: Any) -> list[dict[str, Any]]:
    return LogReader(prefix, **how).read_new()


def texts(records: list[dict[str, Any]]) -> list[str]:
    """Comparable to the last digit, with 1 apart from 1.0 and from true, and in the order of the fields."""
    return [json.dumps(record) for record in records]


def seqs(records: list[dict[str, Any]]) -> list[int]:
    return [record["seq"] for record in records]


def metrics(step: int, **values: float | None) -> dict[str, Any]:
    return {"step": step, "time": 1e9 + step / 7, "values": values}


@pytest.mark.parametrize(
    "record",
    [
        metrics(1, loss=0.1, bad=None, tiny=5e-324, large=1.7976931348623157e308, minus=-0.0, whole=3.0),
        {"step": 2, "time": 1.5, "values": ODD_NAMES},
        {"step": 2, "time": 1.5, "values": {}},
        {"step": 2, "time": 1.5, "values": {"count": 3, "big": 2**60, "truth": True}},
        {"step": 2, "time": 1.5, "values": None},
        {"step": 2, "time": None, "values": {"a": 1.0}},
        {"step": 2, "time": 7, "values": {"a": 1.0}},
        {"step": 2**70, "time": 1.5, "values": {"a": [1, {"b": None}], "c": "text"}},
        {"time": 1.5, "step": 2, "values": {"a": 1.0}},
        {"step": 2, "time": 1.5, "values": {"a": 1.0}, "later": {"unknown": [1, 2.0, "3"]}, "line": "x"},
        {"values": "no record of ours"},
        {},
    ],
)
def test_a_record_of_metrics_comes_back_to_the_last_digit(tmp_path: Path, record: dict[str, Any]) -> None:
    segment = closed_segment(tmp_path / "metrics", [metrics(0, a=1.0), record, metrics(3, a=2.0)])
    before = everything(tmp_path / "metrics")

    assert compact(segment, "metrics")

    assert [path.name for path in tmp_path.iterdir()] == ["metrics-00001.parquet"]
    assert texts(everything(tmp_path / "metrics")) == texts(before)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"reward": None},
        {"reward": 1},
        {"terms": {}, "stats": {}},
        {"stats": {"a": 2.5, "b": 1.0, "c": None, "C": 2**80}},
        {"end": 'it\'s "odd" \u0000 zwölf'},
        {"env": 1.0},
        {"more": 1},
    ],
)
def test_a_record_of_episodes_comes_back_to_the_last_digit(tmp_path: Path, changes: dict[str, Any]) -> None:
    without_world = {name: value for name, value in EPISODE.items() if name != "world"}
    segment = closed_segment(tmp_path / "episodes", [EPISODE, {**EPISODE, **changes}, without_world], attempt=4)
    before = everything(tmp_path / "episodes")

    assert compact(segment, "episodes")

    assert texts(everything(tmp_path / "episodes")) == texts(before)


finite = st.floats(allow_nan=False, allow_infinity=False)
loose = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | finite | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
figures = st.dictionaries(st.text(max_size=8), finite | st.none() | st.integers(), max_size=5)
any_metrics = st.fixed_dictionaries(
    {"step": st.integers(0, 2**62), "time": finite, "values": figures | loose}, optional={"extra": loose}
)


@given(st.lists(any_metrics, min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_any_records_read_the_same_after_compaction(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]]
) -> None:
    prefix = tmp_path_factory.mktemp("log") / "metrics"
    segment = closed_segment(prefix, records)
    before = everything(prefix)

    is_part = compact(segment, "metrics")

    assert texts(everything(prefix)) == texts(before)
    assert len(before) == len(records)
    assert (part_path(segment).exists(), segment.exists()) == (is_part, not is_part)


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"",
        b"[1]",
        b'{"seq":1}',
        b'{"seq":2.5}',
        b'{"seq":"3"}',
        b"{}",
        b'{"seq":3,"values":{"a":1,"a":2}}',
        b'{"seq":3,"values":{"\\ud800":1.0}}',
        b'{"seq":3,"values":{"a":1e400}}',
        b'{"seq":3,"values":{"a":NaN}}',
        b'{"seq":99999999999999999999}',
        b"\xff\xfe",
        b'{"seq":3} {"seq":4}',
        b"\x00",
    ],
)
def test_a_segment_that_a_part_could_not_tell_exactly_stays(tmp_path: Path, line: bytes) -> None:
    segment = closed_segment(tmp_path / "metrics", [metrics(0, a=1.0), metrics(1, a=1.0)])
    segment.write_bytes(segment.read_bytes() + line + b"\n")
    before, data = everything(tmp_path / "metrics"), segment.read_bytes()

    compacted = compact(segment, "metrics")

    assert texts(everything(tmp_path / "metrics")) == texts(before)
    assert sorted(tmp_path.iterdir()) == [part_path(segment) if compacted else segment]
    assert compacted or segment.read_bytes() == data


@pytest.mark.parametrize("tail", [b'{"v":1,"seq":3', b"\n"])
def test_a_segment_that_does_not_end_with_a_line_stays(tmp_path: Path, tail: bytes) -> None:
    segment = closed_segment(tmp_path / "metrics", [metrics(0, a=1.0), metrics(1, a=1.0)])
    segment.write_bytes(segment.read_bytes() + tail)

    assert not compact(segment, "metrics")

    assert list(tmp_path.iterdir()) == [segment]


def test_a_part_belongs_to_its_user_alone_whatever_its_folder_is_called(tmp_path: Path) -> None:
    folder = tmp_path / "it's [a]*?{b} 'run' ~"
    folder.mkdir()
    segment = closed_segment(folder / "metrics", [metrics(0, a=1.0)])

    assert compact(segment, "metrics")

    assert part_path(segment).stat().st_mode & 0o777 == 0o600
    assert seqs(everything(folder / "metrics")) == [1]


def test_sql_sees_the_fields_as_columns(tmp_path: Path) -> None:
    compact(closed_segment(tmp_path / "metrics", [metrics(5, a=0.5, b=None)]), "metrics")
    compact(closed_segment(tmp_path / "episodes", [EPISODE]), "episodes")

    def ask(name: str, what: str) -> list[tuple[Any, ...]]:
        return duckdb.sql(f"SELECT {what} FROM read_parquet('{tmp_path}/{name}-*.parquet')").fetchall()

    assert ask("metrics", "seq, attempt, step, \"values\"['a'], \"values\"['b'], line") == [(1, 1, 5, 0.5, None, None)]
    assert ask("episodes", "env, reward, \"end\", stats['ore.gained'], terms['Goal']") == [
        (3, 0.1 + 0.2, "truncated", 7, -0.0)
    ]


def test_columns_are_the_documented_ones() -> None:
    assert list(COLUMNS["metrics"]) == ["v", "seq", "attempt", "step", "time", "values"]
    assert list(COLUMNS["episodes"])[5:] == [
        "env", "agent", "group", "world", "episode", "length", "reward", "end", "terms", "stats",
    ]  # fmt: skip


# Readers


def rotated(prefix: Path, count: int = 40) -> LogWriter:
    """A log of several segments, still open, none of them compacted."""
    log = LogWriter(prefix, segment_bytes=700)
    for step in range(count):
        log.append(metrics(step, a=step / 3))
    assert len(segment_numbers(prefix)) > 4
    return log


@pytest.mark.parametrize("bite", [1, 300, 5_000])
def test_a_reader_goes_on_in_the_part_where_it_was_in_the_segment(tmp_path: Path, bite: int) -> None:
    with rotated(tmp_path / "metrics") as log:
        reader = LogReader(tmp_path / "metrics")
        found: list[dict[str, Any]] = []
        while some := reader.read_new(bite):
            found += some
            log.compact_next()  # the segments that the reader is in, or before, or after

        assert seqs(found) == list(range(1, 41))
        assert reader.bad_lines == 0


def test_a_reader_in_the_middle_of_every_segment_repeats_and_loses_nothing(tmp_path: Path) -> None:
    with rotated(tmp_path / "metrics") as log:
        readers = [LogReader(tmp_path / "metrics") for _ in range(40)]
        starts = [
            [record for _ in range(index) for record in reader.read_new(1)] for index, reader in enumerate(readers)
        ]
        while log.compact_next():
            pass
        assert len(part_numbers(tmp_path / "metrics")) > 4

        for start, reader in zip(starts, readers, strict=True):
            assert seqs(start + reader.read_new()) == list(range(1, 41))


def test_each_record_is_read_once_while_both_files_are_there(tmp_path: Path) -> None:
    with rotated(tmp_path / "metrics") as log:
        copy = segment_path(tmp_path / "metrics", 2)
        data = copy.read_bytes()
        while log.compact_next():
            pass
        copy.write_bytes(data)  # killed between rename and unlink

        assert seqs(everything(tmp_path / "metrics")) == list(range(1, 41))
        assert seqs(everything(tmp_path / "metrics", after=3)) == list(range(4, 41))
    with LogWriter(tmp_path / "metrics", segment_bytes=700, attempt=2) as log:
        assert log.next_seq == 41
        while log.compact_next():
            pass
    assert not copy.exists()
    assert seqs(everything(tmp_path / "metrics")) == list(range(1, 41))


@pytest.mark.parametrize("compacted", [0, 2, 99])
def test_a_reader_begins_after_any_number(tmp_path: Path, compacted: int) -> None:
    with rotated(tmp_path / "metrics") as log:
        for _ in range(compacted):
            log.compact_next()

        for after in range(45):
            assert seqs(everything(tmp_path / "metrics", after=after)) == list(range(after + 1, 41))
            reader = LogReader(tmp_path / "metrics", after=after)
            bites = [record for _ in range(50) for record in reader.read_new(1)]
            assert seqs(bites) == list(range(after + 1, 41))


def test_a_reader_that_is_ahead_of_the_log_waits_for_its_number(tmp_path: Path) -> None:
    with LogWriter(tmp_path / "metrics") as log:
        log.append({})
        reader = LogReader(tmp_path / "metrics", after=2)
        assert reader.read_new() == []
        log.extend([{}, {}])

        assert seqs(reader.read_new()) == [3]


def test_segments_before_the_first_record_asked_for_are_not_read(tmp_path: Path) -> None:
    with rotated(tmp_path / "metrics") as log:
        log.compact_next()
    part_path(segment_path(tmp_path / "metrics", 1)).write_bytes(b"damaged")
    (tmp_path / "metrics-00002.jsonl").write_bytes(b'{"v":1,"seq":5,"no JSON')
    reader = LogReader(tmp_path / "metrics", after=20)

    assert seqs(reader.read_new()) == list(range(21, 41))
    assert reader.bad_lines == 0


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "other"])
def test_a_damaged_part_counts_as_a_bad_line_and_the_rest_is_read(tmp_path: Path, damage: str) -> None:
    with rotated(tmp_path / "metrics") as log:
        log.compact_next()
    part = part_path(segment_path(tmp_path / "metrics", 1))
    data = {"cut": part.read_bytes()[:-50], "text": b"no Parquet", "empty": b"", "other": b""}[damage]
    part.write_bytes(data)
    if damage == "other":
        duckdb.sql("SELECT 1 AS one").write_parquet(str(part))
    reader = LogReader(tmp_path / "metrics")

    found = reader.read_new() + reader.read_new()

    assert seqs(found) == list(range(found[0]["seq"], 41))
    assert found[0]["seq"] > 1
    assert reader.bad_lines == 1


def test_a_damaged_part_at_the_end_is_counted_once(tmp_path: Path) -> None:
    part_path(segment_path(tmp_path / "metrics", 1)).write_bytes(b"no Parquet")
    reader = LogReader(tmp_path / "metrics")

    assert [reader.read_new() for _ in range(3)] == [[], [], []]
    assert reader.bad_lines == 1


def test_a_reader_takes_a_part_in_bites_of_the_size_asked_for(tmp_path: Path) -> None:
    segment = closed_segment(tmp_path / "metrics", [metrics(step, a=1.0) for step in range(5_000)])
    compact(segment, "metrics")
    reader = LogReader(tmp_path / "metrics")

    sizes = []
    while some := reader.read_new(64 * 1024):
        sizes.append(len(some))

    assert sum(sizes) == 5_000
    assert max(sizes) == 64


# Writers


def test_numbering_goes_on_from_parts(tmp_path: Path) -> None:
    compact(closed_segment(tmp_path / "metrics", [metrics(step, a=1.0) for step in range(3)]), "metrics")

    with LogWriter(tmp_path / "metrics") as log:
        assert log.next_seq == 4
        log.append(metrics(3, a=1.0))

    assert segment_numbers(tmp_path / "metrics") == [2]
    assert seqs(everything(tmp_path / "metrics")) == [1, 2, 3, 4]


def test_numbering_goes_on_when_the_segment_after_a_part_is_empty(tmp_path: Path) -> None:
    compact(closed_segment(tmp_path / "metrics", [metrics(step, a=1.0) for step in range(3)]), "metrics")
    segment_path(tmp_path / "metrics", 2).touch()

    with LogWriter(tmp_path / "metrics") as log:
        assert log.next_seq == 4


def test_a_writer_compacts_the_segments_of_the_attempts_before(tmp_path: Path) -> None:
    rotated(tmp_path / "metrics").close()
    last = segment_numbers(tmp_path / "metrics")[-1]

    with LogWriter(tmp_path / "metrics", segment_bytes=700, attempt=2) as log:
        while log.compact_next():
            pass

    assert segment_numbers(tmp_path / "metrics") == [last]
    assert part_numbers(tmp_path / "metrics") == list(range(1, last))


def test_drafts_of_a_killed_writer_are_removed_by_the_next(tmp_path: Path) -> None:
    rotated(tmp_path / "metrics").close()
    ours, other = tmp_path / ".metrics-00001.parquet.123.tmp", tmp_path / ".episodes-00001.parquet.123.tmp"
    ours.write_bytes(b"half")
    other.write_bytes(b"half")

    LogWriter(tmp_path / "metrics").close()

    assert (ours.exists(), other.exists()) == (False, True)


def test_a_log_of_another_kind_is_left_as_it_is(tmp_path: Path) -> None:
    with LogWriter(tmp_path / "notes", segment_bytes=100) as log:
        for _ in range(20):
            log.append({"text": "word"})

        assert not log.compact_next()

    assert part_numbers(tmp_path / "notes") == []


@pytest.mark.parametrize("refused", ["open", "fsync", "replace", "unlink"])
def test_a_compaction_that_the_disk_refuses_leaves_the_lines_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with rotated(tmp_path / "metrics") as log:
        first = segment_path(tmp_path / "metrics", 1)
        data = first.read_bytes()
        with monkeypatch.context() as disk:
            if refused == "unlink":  # of the lines, once the part is there; drafts are unlinked too
                disk.setattr(Path, "unlink", lambda path, **how: full() if path == first else os.remove(path))
            else:
                disk.setattr(run_compaction.os, refused, full)
            log.compact_next()

        assert first.read_bytes() == data
        assert not list(tmp_path.glob(".*"))
        assert seqs(everything(tmp_path / "metrics")) == list(range(1, 41))
        log.append(metrics(40, a=1.0))
    assert seqs(everything(tmp_path / "metrics")) == list(range(1, 42))


def test_a_run_compacts_what_it_closes_and_counts_steps_taken_again_once(tmp_path: Path) -> None:
    def train(run: RunWriter, steps: range) -> None:
        with run:
            for step in steps:
                run.metrics(step, {"a": float(step), "attempt": float(run.attempt), "nan": math.nan})
                run.episodes([{**EPISODE, "step": step, "reward": float(run.attempt)}] * 2, step=step)
                run.event("warning", "word")

    train(RunWriter.create(tmp_path / "runs", "calm-fox", {}, {}, segment_bytes=2_000), range(60))
    run = RunDirectory(tmp_path / "runs" / "calm-fox")
    train(RunWriter.resume(run.path, segment_bytes=2_000), range(30, 90))

    for name in ("metrics", "episodes"):
        lines, parts = segment_numbers(run.path / name), part_numbers(run.path / name)
        assert len(parts) > 5
        assert len(lines) <= 2  # the open one, and one that was closed after the last metrics
        assert sorted(lines + parts) == list(range(1, len(lines) + len(parts) + 1))
        assert seqs(run.log(name).read_new()) == list(range(1, (120 if name == "metrics" else 240) + 1))
    assert [(line.step, line.values["attempt"]) for line in run.read_metrics()] == [
        (step, 1.0 if step < 30 else 2.0) for step in range(90)
    ]
    assert [record["reward"] for record in run.read_episodes()] == [1.0] * 60 + [2.0] * 120
    assert run.state().status is RunState.FINISHED


KILLED = """
import os, sys
from pathlib import Path
from engine.runs import LogWriter
from engine.runs import compaction

prefix, moment = Path(sys.argv[1]), sys.argv[2]
if moment == "after rename":
    Path.unlink = lambda path, **how: os._exit(9)
elif moment == "before rename":
    compaction.os.replace = lambda *paths: os._exit(9)
elif moment == "while writing":
    compaction._inexact = lambda draft, segment: (os.truncate(draft, draft.stat().st_size // 2), os._exit(9))
log = LogWriter(prefix, segment_bytes=700, attempt=2)
while log.compact_next():
    pass
"""


@pytest.mark.parametrize("moment", ["while writing", "before rename", "after rename"])
def test_a_process_that_ends_in_a_compaction_leaves_each_record_once(tmp_path: Path, moment: str) -> None:
    rotated(tmp_path / "metrics").close()
    half = LogReader(tmp_path / "metrics")
    start = half.read_new(1)
    last = segment_numbers(tmp_path / "metrics")[-1]

    command = [sys.executable, "-c", KILLED, str(tmp_path / "metrics"), moment]
    assert subprocess.run(command, cwd=Path(__file__).parents[2], check=False).returncode == 9

    assert seqs(everything(tmp_path / "metrics")) == list(range(1, 41))
    assert part_numbers(tmp_path / "metrics") == ([1] if moment == "after rename" else [])
    with LogWriter(tmp_path / "metrics", segment_bytes=700, attempt=3) as log:
        assert log.next_seq == 41
        while log.compact_next():
            pass
        log.append({})
    assert part_numbers(tmp_path / "metrics") == list(range(1, last))
    assert seqs(start + half.read_new()) == list(range(1, 42))
    assert not list(tmp_path.glob(".*"))


def test_reading_a_log_without_parts_does_not_load_duckdb(tmp_path: Path) -> None:
    rotated(tmp_path / "metrics").close()
    program = (
        "import sys; from pathlib import Path; from engine.runs import LogReader, LogWriter;"
        f"prefix = Path({str(tmp_path / 'metrics')!r}); LogWriter(prefix).close();"
        "assert len(LogReader(prefix, after=30).read_new()) == 10; sys.exit('duckdb' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=False).returncode == 0


def test_a_run_that_is_deleted_under_its_reader_has_no_more_records(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with rotated(tmp_path / "run" / "metrics") as log:
        while log.compact_next():
            pass
    reader = LogReader(tmp_path / "run" / "metrics")
    assert reader.read_new(1)
    shutil.rmtree(tmp_path / "run")

    assert reader.read_new() == []
