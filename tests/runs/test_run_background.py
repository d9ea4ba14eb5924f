"""The writer behind a thread: in order, whole, never silent about a refusal, and alive as long as its trainer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from engine.errors import RunError
from engine.runs import ENDED_WITHOUT_CLOSING, BackgroundWriter, RunDirectory, RunState, RunWriter
from engine.runs.background import _MOST_CALLS

WORDS = "cannot write metrics-00001.jsonl: the disk is full"
PATIENCE_S = 60.0


class Disk(RunWriter):
    """A RunWriter that stands still until it is let go, and refuses some steps."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.go = threading.Event()
        self.go.set()
        self.refused: set[int] = set()
        self.refusing = threading.Event()
        self.beats = threading.Semaphore(0)
        self.logged_before_saving: list[int] = []

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        assert self.go.wait(PATIENCE_S)
        if step in self.refused:
            self.refusing.set()
            raise RunError(WORDS, hint="free some space")
        super().metrics(step, values)

    def checkpoint(self, step: int, *arguments: Any, **settings: Any) -> Path:
        self.logged_before_saving = steps_of(self.path)
        if -step in self.refused:
            raise RunError("cannot write ck: the disk is full")
        return super().checkpoint(step, *arguments, **settings)

    def beat(self, **extra: Any) -> None:
        super().beat(**extra)
        self.beats.release()


def steps_of(path: Path) -> list[int]:
    return [line.step for line in RunDirectory(path).read_metrics()]


def state_of(path: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((path / "state.json").read_bytes())
    return record


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk.create(tmp_path, "calm-fox", {}, {})
    assert isinstance(disk, Disk)
    yield disk
    disk.go.set()
    disk.close()


@pytest.fixture
def run(disk: Disk) -> Iterator[BackgroundWriter]:
    run = BackgroundWriter(disk)
    yield run
    disk.go.set()
    with suppress(RunError):  # a test may leave a refusal behind
        run.close()


def refuse(disk: Disk, run: BackgroundWriter, step: int) -> None:
    """Have a step refused, and wait until it was."""
    disk.refused.add(step)
    run.metrics(step, {"a": 1.0})
    assert disk.refusing.wait(PATIENCE_S)


def test_nothing_waits_for_the_disk_and_all_is_written_in_order(disk: Disk, run: BackgroundWriter) -> None:
    disk.go.clear()
    run.state(RunState.TRAINING, 1, 99)
    run.event("state", "first")
    run.metrics(5, {"a": 1.0})
    run.event("state", "second")
    run.metrics(9, {"a": 2.0})
    run.event("state", "third")
    assert steps_of(run.path) == []

    disk.go.set()
    run.close()

    assert steps_of(run.path) == [5, 9]
    events = RunDirectory(run.path).read_events()
    assert [(event["message"], event["step"]) for event in events] == [("first", 1), ("second", 5), ("third", 9)]
    assert RunDirectory(run.path).state().status is RunState.FINISHED


def test_metrics_are_those_of_the_call(disk: Disk, run: BackgroundWriter) -> None:
    disk.go.clear()
    values = {"a": 1.0}
    run.metrics(1, values)
    values["a"] = 2.0

    disk.go.set()
    run.close()

    assert RunDirectory(run.path).read_metrics()[0].values == {"a": 1.0}


def test_records_of_episodes_are_made_on_the_other_thread(run: BackgroundWriter) -> None:
    makers = []

    def rows() -> Iterator[dict[str, int]]:
        makers.append(threading.current_thread())
        yield {"env": 3}

    run.episodes(rows(), step=7)
    run.close()

    assert makers[0] is not threading.current_thread()
    assert [(row["step"], row["env"]) for row in RunDirectory(run.path).read_episodes()] == [(7, 3)]


def test_a_checkpoint_comes_after_what_was_logged_before_it(disk: Disk, run: BackgroundWriter) -> None:
    run.metrics(1, {"a": 1.0})
    run.metrics(2, {"a": 1.0})

    path = run.checkpoint(2, {}, {}, best=True)

    assert path.exists()
    assert disk.logged_before_saving == [1, 2]
    assert (path.parent / "BEST").read_text() == "ck-000000000002\n"


def test_a_refusal_is_raised_by_every_call_until_one_that_nobody_catches(disk: Disk, run: BackgroundWriter) -> None:
    run.metrics(1, {"a": 1.0})
    refuse(disk, run, 2)

    with pytest.raises(RunError, match=WORDS) as refused:
        run.event("warning", "caught by whoever warns")
    with pytest.raises(RunError, match=WORDS):
        run.checkpoint(2, {}, {})
    with pytest.raises(RunError, match=WORDS):
        run.metrics(3, {"a": 1.0})
    run.metrics(4, {"a": 1.0})
    run.close()

    assert refused.value.hint == "free some space"
    assert steps_of(run.path) == [1, 4]
    assert RunDirectory(run.path).latest_checkpoint() is None
    assert RunDirectory(run.path).state().status is RunState.FINISHED


def test_what_follows_a_refusal_before_anybody_heard_is_dropped(disk: Disk, run: BackgroundWriter) -> None:
    disk.go.clear()
    disk.refused.add(2)
    for step in (1, 2, 3):
        run.metrics(step, {"a": 1.0})
    disk.go.set()

    with pytest.raises(RunError, match=WORDS):
        run.checkpoint(3, {}, {})

    assert steps_of(run.path) == [1]


def test_a_refusal_that_no_call_followed_is_raised_by_close_and_the_run_has_failed(
    disk: Disk, run: BackgroundWriter
) -> None:
    disk.refused.add(1)
    run.metrics(1, {"a": 1.0})

    with pytest.raises(RunError, match=WORDS):
        run.close(RunState.FINISHED)

    state = RunDirectory(run.path).state()
    assert (state.status, state.message) == (RunState.FAILED, f"{WORDS} (free some space)")
    assert not RunDirectory(run.path).is_live()


def test_a_checkpoint_that_is_refused_is_told_at_once_and_costs_nothing_else(disk: Disk, run: BackgroundWriter) -> None:
    disk.refused.add(-1)

    with pytest.raises(RunError, match="cannot write ck"):
        run.checkpoint(1, {}, {})
    run.metrics(2, {"a": 1.0})
    run.close()

    assert steps_of(run.path) == [2]


def test_a_disk_that_stands_still_makes_the_trainer_wait_before_the_memory_is_full(tmp_path: Path) -> None:
    waiting: list[int] = []

    class Slow(Disk):
        def metrics(self, step: int, values: Mapping[str, float]) -> None:
            while step == 0 and len(run._calls) < _MOST_CALLS:
                pass
            waiting.append(len(run._calls))
            super().metrics(step, values)

    run = BackgroundWriter(Slow.create(tmp_path, "calm-fox", {}, {}))
    for step in range(4 * _MOST_CALLS):
        run.metrics(step, {"a": 1.0})
    run.close()

    assert _MOST_CALLS <= max(waiting) <= _MOST_CALLS + 1  # one more: the trainer that waits
    assert steps_of(run.path) == list(range(4 * _MOST_CALLS))


def test_the_heart_beats_while_the_trainer_says_nothing(
    disk: Disk, run: BackgroundWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.runs.directory.STATE_PERIOD", 0.0)
    run.state(RunState.TRAINING, 12, 99, sps=3.0)
    run.checkpoint(12, {}, {})  # all is written
    said = state_of(run.path)
    run.event("warning", "still here")

    while disk.beats.acquire(blocking=False):
        pass
    for _ in range(2):
        assert disk.beats.acquire(timeout=PATIENCE_S)

    beaten = state_of(run.path)
    assert beaten["heartbeat"] > said["heartbeat"]
    assert beaten["heartbeat"] > beaten["trainer_heartbeat"] > said["trainer_heartbeat"]
    assert {name: beaten[name] for name in ("status", "step", "sps")} == {"status": "training", "step": 12, "sps": 3.0}


def test_no_heart_outlives_the_trainer(tmp_path: Path) -> None:
    made: list[BackgroundWriter] = []

    def train() -> None:
        made.append(BackgroundWriter(RunWriter.create(tmp_path, "calm-fox", {}, {})))
        made[0].state(RunState.TRAINING, 12, 99)

    trainer = threading.Thread(target=train)
    trainer.start()
    trainer.join(PATIENCE_S)
    made[0]._thread.join(PATIENCE_S)

    assert not made[0]._thread.is_alive(), "it would wait for ever for a trainer that is gone"
    state = RunDirectory(tmp_path / "calm-fox").state()
    assert (state.status, state.step, state.message) == (RunState.FAILED, 12, ENDED_WITHOUT_CLOSING)
    assert not RunDirectory(tmp_path / "calm-fox").is_live()


def test_a_closed_run_takes_nothing_more(run: BackgroundWriter) -> None:
    run.close()
    run.close()

    with pytest.raises(RunError, match="calm-fox is closed"):
        run.metrics(1, {})
    with pytest.raises(RunError, match="calm-fox is closed"):
        run.checkpoint(1, {}, {})


def test_nobody_waits_for_a_thread_that_has_ended(disk: Disk) -> None:
    made: list[BackgroundWriter] = []
    trainer = threading.Thread(target=lambda: made.append(BackgroundWriter(disk)))
    trainer.start()
    trainer.join(PATIENCE_S)
    made[0]._thread.join(PATIENCE_S)

    for call in (lambda: made[0].metrics(1, {}), lambda: made[0].checkpoint(1, {}, {})):
        with pytest.raises(RunError, match="calm-fox is closed"):
            call()
    made[0].close()


def test_an_interrupted_close_can_be_repeated(run: BackgroundWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(timeout: float | None = None) -> None:
        raise KeyboardInterrupt

    run.metrics(1, {"a": 1.0})
    with monkeypatch.context() as patch:
        patch.setattr(run._thread, "join", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run.close()
    run.close()

    assert RunDirectory(run.path).state().status is RunState.FINISHED
    assert steps_of(run.path) == [1]


def test_an_error_within_it_is_what_the_run_failed_of(disk: Disk) -> None:
    with pytest.raises(ValueError, match="no"), BackgroundWriter(disk) as run:
        raise ValueError("no")

    state = RunDirectory(run.path).state()
    assert (state.status, state.message) == (RunState.FAILED, "no")
