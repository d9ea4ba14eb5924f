"""A disk that is full for a while: records wait, none is lost or doubled, and a run ends in words if it stays full."""

from __future__ import annotations

import csv
import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import RunError
from engine.runs import BackgroundWriter, RunDirectory, RunState, RunWriter, load_checkpoint
from engine.runs import background as background_module

_write = os.write


class Space:
    """What is left on the disk. A write takes what fits, the next one is refused: as the kernel does it."""

    def __init__(self) -> None:
        self.room: float = float("inf")
        self.error = errno.ENOSPC

    def write(self, descriptor: int, data: bytes) -> int:
        if self.room <= 0:
            raise OSError(self.error, os.strerror(self.error))
        written = _write(descriptor, data[: int(min(self.room, len(data)))])
        self.room -= written
        return written

    def free(self) -> None:
        self.room = float("inf")


@pytest.fixture
def space(monkeypatch: pytest.MonkeyPatch) -> Space:
    space = Space()
    monkeypatch.setattr(os, "write", space.write)
    monkeypatch.setattr(background_module, "_AGAIN_S", 0.0)
    monkeypatch.setattr(background_module, "LAST_PATIENCE_S", 0.0)
    return space


@pytest.fixture
def run(space: Space, tmp_path: Path) -> Iterator[BackgroundWriter]:
    run = BackgroundWriter(RunWriter.create(tmp_path, "calm-fox", {}, {}))
    yield run
    space.free()
    run.close()


def iterate(run: BackgroundWriter | RunWriter, steps: Sequence[int], *, episodes: int = 3) -> None:
    """What a trainer logs."""
    for step in steps:
        run.metrics(step, {"a": float(step), "nothing": float("nan")})
        run.episodes([{"env": env, "reward": 0.5} for env in range(episodes)], step=step)
        run.state(RunState.TRAINING, step, 99)
        run.event("command", f"event {step}")


def refused(run: BackgroundWriter, step: int) -> RunError:
    """A checkpoint that the disk refuses: all that was logged before has been tried."""
    with pytest.raises(RunError) as refusal:
        run.checkpoint(step, {"w": np.ones(1000, np.float32)}, {})
    return refusal.value


def lines(path: Path, log: str) -> list[dict[str, Any]]:
    """The records of a log, which are numbered from 1 without a hole."""
    records = RunDirectory(path).log(log).read_new()
    assert [record["seq"] for record in records] == list(range(1, len(records) + 1))
    return records


def assert_logged_once(path: Path, steps: Sequence[int], *, episodes: int = 3) -> None:
    assert [record["step"] for record in lines(path, "metrics")] == list(steps)
    assert all(record["values"] == {"a": float(record["step"]), "nothing": None} for record in lines(path, "metrics"))
    told = [(record["step"], record["env"]) for record in lines(path, "episodes")]
    assert told == [(step, env) for step in steps for env in range(episodes)]
    events = [record for record in lines(path, "events") if record["kind"] == "command"]
    assert [(event["step"], event["message"]) for event in events] == [(step, f"event {step}") for step in steps]
    with (path / "progress.csv").open(newline="") as file:
        assert [(row["step"], row["a"], row["nothing"]) for row in csv.DictReader(file)] == [
            (str(step), str(float(step)), "") for step in steps
        ]


def test_what_a_full_disk_refuses_is_written_once_there_is_room(
    space: Space, run: BackgroundWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.runs.directory.STATE_PERIOD", 0.0)
    iterate(run, range(1, 4))
    run.checkpoint(3, {}, {})
    space.room = 0
    iterate(run, range(4, 9))
    refused(run, 8)
    assert run.trouble == "the disk is full: 25 records waiting"
    assert [record["step"] for record in lines(run.path, "metrics")] == [1, 2, 3]

    space.free()
    iterate(run, range(9, 12))
    run.checkpoint(11, {}, {})

    assert run.trouble == ""
    assert_logged_once(run.path, range(1, 12))
    told = [record for record in lines(run.path, "events") if record["kind"] == "warning"]
    assert [event["message"].split(" s: ")[1] for event in told] == ["25 records had to wait"]
    assert told[0]["message"].startswith("the disk is full for ")
    assert RunDirectory(run.path).state().step == 11


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rooms=st.lists(st.integers(0, 1500), min_size=1, max_size=12), at_once=st.integers(1, 5))
def test_no_record_is_lost_or_doubled_wherever_a_write_breaks_off(
    space: Space, tmp_path_factory: pytest.TempPathFactory, rooms: list[int], at_once: int
) -> None:
    space.free()
    writer = RunWriter.create(tmp_path_factory.mktemp("runs"), "calm-fox", {}, {}, segment_bytes=900)
    run = BackgroundWriter(writer)
    step = 0
    for room in rooms:
        space.room = room
        iterate(run, range(step + 1, step + 1 + at_once))
        step += at_once
        run._wait()
    space.free()
    run.close()

    assert_logged_once(run.path, range(1, step + 1))
    assert RunDirectory(run.path).state().status is RunState.FINISHED


def test_beyond_the_cap_the_oldest_episodes_go_first_then_metrics_and_never_events(
    space: Space, run: BackgroundWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.runs.directory.MOST_WAITING_BYTES", 20_000)
    space.room = 0
    iterate(run, range(1, 31), episodes=20)  # of some 80 bytes each
    refused(run, 30)
    space.free()
    run.checkpoint(30, {}, {})

    episodes = [(record["step"], record["env"]) for record in lines(run.path, "episodes")]
    all_episodes = [(step, env) for step in range(1, 31) for env in range(20)]
    lost = len(all_episodes) - len(episodes)
    assert 0 < lost < len(all_episodes)
    assert episodes == all_episodes[lost:]
    assert [record["step"] for record in lines(run.path, "metrics")] == list(range(1, 31))
    event = lines(run.path, "events")[-1]
    assert event["data"]["lost"] == {"episodes": lost}
    assert f"{lost:,} episodes were lost" in event["message"]

    monkeypatch.setattr("engine.runs.directory.MOST_WAITING_BYTES", 5_000)
    space.room = 0
    iterate(run, range(31, 91), episodes=1)
    refused(run, 90)
    space.free()
    run.checkpoint(90, {}, {})

    kept = [record["step"] for record in lines(run.path, "metrics")][30:]
    assert not [record for record in lines(run.path, "episodes") if record["step"] > 30]
    assert kept == list(range(91 - len(kept), 91))
    assert lines(run.path, "events")[-1]["data"]["lost"] == {"episodes": 60, "metrics": 60 - len(kept)}
    events = [record["message"] for record in lines(run.path, "events") if record["kind"] == "command"]
    assert events == [f"event {step}" for step in range(1, 91)]


def test_a_checkpoint_that_is_refused_leaves_the_one_before_it(space: Space, run: BackgroundWriter) -> None:
    iterate(run, [1])
    before = run.checkpoint(1, {"w": np.arange(4, dtype=np.float32)}, {})
    run.event("command", "saved")
    run._wait()
    space.room = 2000  # the log fits, four thousand bytes do not

    refusal = refused(run, 2)

    assert "the disk is full" in refusal.message
    assert RunDirectory(run.path).latest_checkpoint() == before
    assert load_checkpoint(before)[0]["w"].tolist() == [0.0, 1.0, 2.0, 3.0]
    assert [path.name for path in sorted(before.parent.iterdir())] == [
        "LATEST",
        before.with_suffix(".json").name,
        before.name,
    ]
    assert run.trouble == ""  # of the log nothing waits
    space.free()
    run.checkpoint(2, {}, {})


def test_a_checkpoint_never_comes_before_what_was_logged_before_it(space: Space, run: BackgroundWriter) -> None:
    space.room = 0
    iterate(run, [1])
    refused(run, 1)
    space.free()

    run.checkpoint(1, {}, {})

    assert_logged_once(run.path, [1])


def test_a_run_that_ends_on_a_full_disk_has_failed_in_words(space: Space, tmp_path: Path) -> None:
    run = BackgroundWriter(RunWriter.create(tmp_path, "calm-fox", {}, {}))
    iterate(run, [1])
    run._wait()
    space.room = 0
    iterate(run, [2])

    with pytest.raises(RunError, match="the disk is full: 5 records could not be written") as refusal:
        run.close(RunState.FINISHED)

    assert "free some space" in refusal.value.hint
    assert not RunDirectory(run.path).is_live()
    assert RunDirectory(run.path).state().status is RunState.FAILED
    space.free()
    RunWriter.resume(run.path).close()
    assert [record["step"] for record in lines(run.path, "metrics")] == [1]


def test_the_end_waits_for_room(space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_module, "LAST_PATIENCE_S", 60.0)
    tries: list[int] = []

    class Freed(RunWriter):
        def flush(self) -> None:
            tries.append(self.waiting)
            if len(tries) == 3:
                space.free()
            super().flush()

    run = BackgroundWriter(Freed.create(tmp_path, "calm-fox", {}, {}))
    space.room = 0
    iterate(run, [1, 2])

    run.close()

    assert len(tries) >= 3
    assert_logged_once(run.path, [1, 2])
    assert RunDirectory(run.path).state().status is RunState.FINISHED


def test_a_state_alone_that_is_refused_is_trouble_and_is_written_later(space: Space, run: BackgroundWriter) -> None:
    space.room = 0
    run.state(RunState.TRAINING, 7, 99)
    refused(run, 7)
    assert run.trouble == "the disk is full: 0 records waiting"

    space.free()
    run.checkpoint(7, {}, {})

    assert RunDirectory(run.path).state().status is RunState.TRAINING


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EDQUOT, "your disk quota is used up"),
        (errno.EIO, "the disk has failed"),
        (errno.ESTALE, os.strerror(errno.ESTALE)),
        (errno.EROFS, "the disk is read-only"),
    ],
)
def test_other_refusals_that_may_pass_are_waited_for_as_well(
    space: Space, run: BackgroundWriter, number: int, words: str
) -> None:
    space.error, space.room = number, 0
    run.metrics(1, {"a": 1.0})
    refused(run, 1)

    assert run.trouble == f"{words}: 1 record waiting"


def test_a_refusal_that_does_not_pass_is_raised(space: Space, run: BackgroundWriter) -> None:
    space.error, space.room = errno.EACCES, 0
    run.metrics(1, {"a": 1.0})

    assert "no permission" in refused(run, 1).message
    assert run.trouble == ""
    with pytest.raises(RunError, match="no permission"):
        run.metrics(2, {"a": 1.0})


def test_a_writer_without_a_thread_raises_and_writes_what_waited_before_the_next(space: Space, tmp_path: Path) -> None:
    with RunWriter.create(tmp_path, "calm-fox", {}, {}) as writer:
        space.room = 0
        with pytest.raises(RunError, match="the disk is full"):
            writer.metrics(1, {"a": 1.0, "nothing": float("nan")})
        assert writer.waiting == 1
        space.free()
        writer.metrics(2, {"a": 2.0})

    assert [record["step"] for record in lines(writer.path, "metrics")] == [1, 2]
