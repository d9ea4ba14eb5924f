"""A run whose disk is full: it trains on and says so, and at its end it insists on the last checkpoint for a while."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.runs import Checkpoint, RunDirectory, RunState, RunWriter, Stop, load_checkpoint
from engine.sim import World, games
from engine.training import trainer as trainer_module
from engine.training.local import LocalRun

from .drawn import WALLS_9, cells_of, small_config

RULES = games.navigation(max_steps=20)
PATIENCE_S = 60.0

_write = os.write


class Space:
    """Whether the disk has any."""

    def __init__(self) -> None:
        self.is_full = False

    def write(self, descriptor: int, data: bytes) -> int:
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return _write(descriptor, data)


@pytest.fixture
def space(monkeypatch: pytest.MonkeyPatch) -> Space:
    space = Space()
    monkeypatch.setattr(os, "write", space.write)
    monkeypatch.setattr("engine.runs.background._AGAIN_S", 0.0)
    monkeypatch.setattr("engine.runs.background.LAST_PATIENCE_S", 0.0)
    monkeypatch.setattr(trainer_module, "_LAST_PATIENCE_S", 0.0)
    return space


@pytest.fixture
def run(space: Space, tmp_path: Path) -> Iterator[LocalRun]:
    config = small_config(total_steps=10**12, anneal=False)
    writer = RunWriter.create(tmp_path, "test", config.model_dump(mode="json"), {})
    run = LocalRun([World(RULES, cells_of(WALLS_9, RULES))], config, writer).start()
    until(run, lambda: run.state().step > 0)
    yield run
    space.is_full = False
    run.close()


def until(run: LocalRun, condition: Callable[[], object], *, over: bool = False) -> None:
    """Wait for the run to reach a state; it is not over before."""
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.002)):
        if condition():
            return
        assert over or not run.join(0), run.state()
        pause.wait(0.002)
    raise AssertionError(run.state())


def test_training_goes_on_while_the_disk_is_full_and_the_log_has_all_of_it(
    space: Space, run: LocalRun, tmp_path: Path
) -> None:
    directory = RunDirectory(tmp_path / "test")
    run.send(Checkpoint())
    until(run, directory.latest_checkpoint)
    kept = directory.latest_checkpoint()
    space.is_full = True
    until(run, lambda: run.state().message.startswith("the disk is full: "))
    reached = run.state().step
    run.send(Checkpoint())
    until(run, lambda: run.state().step > reached + 20 * 64)
    assert run.state().status is RunState.TRAINING
    assert directory.latest_checkpoint() == kept
    assert kept is not None
    assert load_checkpoint(kept)[0]

    space.is_full = False
    until(run, lambda: not run.state().message)
    run.close()

    steps = [line.step for line in directory.read_metrics()]
    assert steps == list(range(steps[0], directory.state().step + 1, steps[0]))
    assert steps[-1] > reached
    events = [record["message"] for record in directory.read_events() if record["kind"] == "warning"]
    assert [words for words in events if "not saved" in words]
    assert [words for words in events if "had to wait" in words]
    assert directory.state().status is RunState.STOPPED


def test_the_last_checkpoint_is_insisted_on(
    space: Space, run: LocalRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer_module, "_LAST_PATIENCE_S", PATIENCE_S)
    monkeypatch.setattr(trainer_module, "_HEARTBEAT_S", 0.01)
    space.is_full = True
    run.send(Stop())
    until(run, lambda: run.state().message == "the disk is full: the last checkpoint is to be written")

    space.is_full = False
    until(run, lambda: run.join(0), over=True)

    directory = RunDirectory(tmp_path / "test")
    assert directory.state().status is run.state().status is RunState.STOPPED
    assert run.state().message == ""
    assert directory.checkpoints()[-1].step == directory.state().step


def test_a_run_that_cannot_save_what_it_learnt_has_failed_in_words(space: Space, run: LocalRun) -> None:
    space.is_full = True
    run.send(Stop())

    until(run, lambda: run.join(0), over=True)

    assert run.state().status is RunState.FAILED
    assert "the disk is full" in run.state().message
