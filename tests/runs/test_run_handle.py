"""Watching a run through its directory."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import RunError
from engine.runs import (
    AttachedRun,
    EventLogged,
    Gap,
    MetricsLogged,
    Pause,
    RunHandle,
    RunState,
    RunWriter,
)
from engine.runs.feed import DRAIN_LIMIT


def make(root: Path) -> RunWriter:
    return RunWriter.create(root, "calm-fox", {}, {})


def test_a_past_run_tells_its_history_once_and_in_order(tmp_path: Path) -> None:
    with make(tmp_path) as run:
        for step in range(1, 6):
            run.metrics(step, {"a": float(step)})
            run.event("warning", f"after {step}")
    handle: RunHandle = AttachedRun(run.path)

    events = handle.drain()

    told = [(type(event), event.step) for event in events if not isinstance(event, Gap)]
    assert told == [pair for step in range(1, 6) for pair in ((MetricsLogged, step), (EventLogged, step))]
    assert handle.drain() == []
    assert handle.state().status is RunState.FINISHED
    assert handle.run_id == "calm-fox"


def test_a_drain_is_bounded_and_the_next_goes_on(tmp_path: Path) -> None:
    with make(tmp_path) as run:
        for step in range(DRAIN_LIMIT + 10):
            run.metrics(step, {})
    handle = AttachedRun(run.path)

    assert [len(handle.drain()) for _ in range(3)] == [DRAIN_LIMIT, 10, 0]


def test_a_run_that_another_process_writes_is_followed(tmp_path: Path) -> None:
    run = make(tmp_path)
    handle = AttachedRun(run.path)

    assert handle.drain() == []
    run.metrics(1, {"a": 1.0})
    [event] = handle.drain()
    run.close()

    assert isinstance(event, MetricsLogged)
    assert event.values == {"a": 1.0}


def test_damaged_lines_are_told_as_a_gap(tmp_path: Path) -> None:
    with make(tmp_path) as run:
        run.metrics(1, {})
    with (run.path / "metrics-00001.jsonl").open("ab") as file:
        file.write(b'garbage\n{"step":"x"}\n{"step":1,"time":2,"values":3}\n')

    events = AttachedRun(run.path).drain()

    assert events[-1] == Gap(3)
    assert len(events) == 2


def test_a_past_run_takes_no_commands_and_has_no_frame(tmp_path: Path) -> None:
    make(tmp_path).close()
    handle = AttachedRun(tmp_path / "calm-fox")

    with pytest.raises(RunError, match="nobody trains it now"):
        handle.send(Pause())
    assert handle.latest_frame() is None


def test_a_closed_handle_is_silent(tmp_path: Path) -> None:
    with make(tmp_path) as run:
        run.metrics(1, {})
    handle = AttachedRun(run.path)

    handle.close()

    assert handle.drain() == []


@pytest.mark.parametrize("room", ["engine.runs", "engine.stats"])
def test_importing_the_room_loads_nothing_heavy(room: str) -> None:
    script = (
        f"import sys, {room}; print([m for m in ('torch', 'duckdb', 'safetensors', 'textual') if m in sys.modules])"
    )
    command = [sys.executable, "-c", script]

    output = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]).stdout

    assert output.strip() == "[]"


def test_a_run_that_is_made_anew_is_not_taken_for_the_old_one(tmp_path: Path) -> None:
    with make(tmp_path) as old:
        old.metrics(1, {"a": 1.0})
    handle = AttachedRun(old.path)
    assert handle.drain()
    shutil.rmtree(old.path)
    with make(tmp_path) as new:
        new.metrics(1, {"b": 2.0})

    assert handle.state().status is RunState.FAILED
    assert "made anew" in handle.state().message
    assert handle.drain() == []
