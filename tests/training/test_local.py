"""A run in a thread, steered from outside."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.errors import ConfigError, RunError
from engine.runs import (
    Checkpoint,
    EventLogged,
    MetricsLogged,
    Pause,
    Resume,
    RunDirectory,
    RunState,
    RunWriter,
    SetHyper,
    Stop,
    Unwatch,
    Watch,
)
from engine.sim import World, games
from engine.training.local import LocalRun

from .drawn import WALLS_9, cells_of, small_config

RULES = games.navigation(max_steps=20)
MAP = cells_of(WALLS_9, RULES)
ENDLESS = 10**12


def local_run(root: Path, *, worlds: list[World] | None = None, **values: object) -> LocalRun:
    config = small_config(**{"total_steps": ENDLESS, "anneal": False, **values})
    writer = RunWriter.create(root, "test", config.model_dump(mode="json"), {})
    return LocalRun([World(RULES, MAP)] if worlds is None else worlds, config, writer)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[LocalRun]:
    run = local_run(tmp_path).start()
    until(run, lambda: run.state().step > 0)
    yield run
    run.close()


def until(run: LocalRun, condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for the run to reach a state."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, run.state()
        assert not run.join(0.002) or condition(), run.state()


class Heard:
    """Everything a run has told so far."""

    def __init__(self, run: LocalRun) -> None:
        self.run = run
        self.events: list[EventLogged] = []
        self.metrics: list[MetricsLogged] = []

    def has(self, kind: str, text: str) -> bool:
        for event in self.run.drain():
            if isinstance(event, EventLogged):
                self.events.append(event)
            elif isinstance(event, MetricsLogged):
                self.metrics.append(event)
        return any(event.kind == kind and text in event.message for event in self.events)


def test_finishes_and_closes_its_directory(tmp_path: Path) -> None:
    run = local_run(tmp_path, total_steps=1024).start()

    assert run.join(60)
    assert run.state().status is RunState.FINISHED
    assert run.state().step == 1024
    directory = RunDirectory(tmp_path / "test")
    assert not directory.is_live()
    assert [info.step for info in directory.checkpoints()] == [1024]


def test_pause_holds_and_resume_goes_on(run: LocalRun) -> None:
    heard = Heard(run)
    run.send(Pause())
    until(run, lambda: run.state().status is RunState.PAUSED)
    held_at = run.state().step

    run.send(SetHyper("entropy_coefficient", 0.5))  # obeyed while paused: by then the run had its chance to go on
    until(run, lambda: heard.has("command", "entropy_coefficient 0.01 -> 0.5"))
    assert run.state().step == held_at

    run.send(Resume())
    until(run, lambda: run.state().step > held_at)
    assert run.state().status is RunState.TRAINING
    assert heard.has("command", "paused")
    until(run, lambda: heard.has("command", "resumed"))


def test_stop_ends_with_a_checkpoint(run: LocalRun, tmp_path: Path) -> None:
    run.send(Stop())

    assert run.join(60)
    assert run.state().status is RunState.STOPPED
    assert [info.step for info in RunDirectory(tmp_path / "test").checkpoints()] == [run.state().step]
    with pytest.raises(RunError, match="is over"):
        run.send(Pause())


def test_stop_ends_a_paused_run(run: LocalRun) -> None:
    run.send(Pause())
    until(run, lambda: run.state().status is RunState.PAUSED)
    run.send(Stop())

    assert run.join(60)
    assert run.state().status is RunState.STOPPED


def test_learning_rate_changes_from_the_next_iteration_on(run: LocalRun) -> None:
    heard = Heard(run)
    run.send(SetHyper("learning_rate", 0.125))

    until(run, lambda: heard.has("command", "learning_rate 0.0025 -> 0.125"))
    step = heard.events[-1].step
    until(run, lambda: heard.has("", "") or any(line.step > step for line in heard.metrics))
    assert next(line for line in heard.metrics if line.step > step).values["train/learning_rate"] == 0.125


def test_learning_rate_is_set_as_it_is_seen_under_annealing(tmp_path: Path) -> None:
    run = local_run(tmp_path, total_steps=1 << 22, anneal=True).start()
    heard = Heard(run)
    until(run, lambda: run.state().step >= 1 << 16)  # by now the rate is well below where it began

    run.send(SetHyper("learning_rate", 0.125))
    until(run, lambda: heard.has("command", "-> 0.125"))
    step = next(event.step for event in heard.events if "-> 0.125" in event.message)
    until(run, lambda: heard.has("", "") or any(line.step > step for line in heard.metrics))
    run.close()

    rate = next(line for line in heard.metrics if line.step > step).values["train/learning_rate"]
    assert rate == pytest.approx(0.125, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("learning_rate", float("nan"), "must be 0 to 1"),
        ("entropy_coefficient", -1.0, "must be 0 to 10"),
        ("gamma", 0.5, "gamma cannot be changed in a run; learning_rate and entropy_coefficient can"),
    ],
)
def test_bad_hyperparameter_is_answered_in_words(run: LocalRun, name: str, value: float, words: str) -> None:
    heard = Heard(run)

    run.send(SetHyper(name, value))

    until(run, lambda: heard.has("warning", words))


def test_checkpoint_is_saved_on_request(run: LocalRun, tmp_path: Path) -> None:
    heard = Heard(run)
    run.send(Checkpoint())

    until(run, lambda: heard.has("checkpoint", "asked for"))
    assert RunDirectory(tmp_path / "test").checkpoints()


def test_watched_env_is_shown_and_the_latest_picture_wins(run: LocalRun) -> None:
    run.send(Watch(env=7, fps=60.0))
    until(run, lambda: run.latest_frame() is not None)
    first = run.latest_frame()
    until(run, lambda: run.latest_frame() is not first)
    second = run.latest_frame()

    assert first is not None
    assert second is not None
    assert (first.run_id, first.env) == ("test", 7)
    assert first.view.cells.shape == MAP.shape
    assert second.step > first.step
    run.send(Unwatch())
    until(run, lambda: run.latest_frame() is None)


def test_env_that_does_not_exist_is_answered_in_words(run: LocalRun) -> None:
    with pytest.raises(RunError, match="cannot watch env 32 of 32"):
        run.send(Watch(env=32, fps=10.0))


def test_failure_is_published_and_not_raised(tmp_path: Path) -> None:
    other = World(RULES.model_copy(update={"max_steps": 7}), MAP)  # no batch can hold worlds of two games
    run = local_run(tmp_path, worlds=[World(RULES, MAP), other]).start()

    assert run.join(60)
    assert run.state().status is RunState.FAILED
    assert run.state().message
    assert RunDirectory(tmp_path / "test").state().status is RunState.FAILED
    heard = Heard(run)
    assert heard.has("error", run.state().message)
    with pytest.raises(RunError, match="is over"):
        run.send(Pause())


def test_settings_that_do_not_fit_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not divide"):
        local_run(tmp_path, minibatch_size=100)


def test_close_before_start_closes_the_directory(tmp_path: Path) -> None:
    local_run(tmp_path).close()

    assert RunDirectory(tmp_path / "test").state().status is RunState.STOPPED


def test_no_thread_is_left_behind(tmp_path: Path) -> None:
    before = threading.active_count()
    run = local_run(tmp_path).start()

    run.close()

    assert threading.active_count() == before
