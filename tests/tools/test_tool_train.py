"""gridrl train in a process of its own: however it ends, the run it leaves is whole."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from engine.cli import PIPE_CLOSED, main
from engine.recipes import prepare_run, resolve
from engine.runs import RunDirectory, RunState, load_checkpoint

from .console import TIMEOUT_S, gridrl, started

TINY = ["trainer.env_count=16", "trainer.horizon=16", "trainer.minibatch_size=64", "run=tiny"]


def check_whole(directory: RunDirectory, status: RunState) -> None:
    """Everything that a run promises to its readers is there and sound."""
    assert directory.state().status is status
    assert not directory.is_live()
    assert directory.info().recipe == "navigation"
    steps = [logged.step for logged in directory.read_metrics()]
    assert steps
    assert steps == sorted(steps)
    latest = directory.latest_checkpoint()
    assert latest is not None
    tensors, manifest = load_checkpoint(latest)
    assert tensors
    assert manifest["step"] == directory.state().step == steps[-1]


def wait_for_figures(process: subprocess.Popen[str]) -> list[str]:
    """Read until the first line of figures; the lines before it."""
    assert process.stdout is not None
    before = []
    for text in process.stdout:
        if text.split()[0].replace(",", "").isdigit():
            return before
        before.append(text)
    raise AssertionError("".join(before))


def test_dry_run_prints_every_setting_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRIDRL_RUNS", str(tmp_path))

    assert main(["train", "navigation", "trainer.gamma=0.9", "--dry-run"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert "map=navigation_walls9" in lines
    assert "trainer.gamma=0.9  (recipe: 0.99)" in lines
    assert resolve("navigation", [line for line in lines if "(recipe" not in line]) == resolve("navigation")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_run_ends_by_itself_and_can_be_played(tmp_path: Path) -> None:
    done = gridrl(tmp_path, "train", "navigation", *TINY, "trainer.total_steps=2048")

    assert done.returncode == 0, done.stderr
    assert done.stdout.count(str(tmp_path / "tiny")) == 2  # at the start and at the end
    assert "finished at 2,048 of 2,048 steps" in done.stdout
    directory = RunDirectory(tmp_path / "tiny")
    check_whole(directory, RunState.FINISHED)
    assert directory.info().config["trainer"]["env_count"] == 16
    assert directory.info().meta["map_text"].startswith("#########\n")

    played = gridrl(tmp_path, "play", "navigation", "--policy", "trained:tiny", "--episodes", "2")
    assert played.returncode == 0, played.stderr
    again = gridrl(tmp_path, "train", "navigation", *TINY)
    assert again.returncode == 1
    assert "there is a run tiny already" in again.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_leaves_a_whole_run(tmp_path: Path, number: signal.Signals, code: int) -> None:
    process = started(tmp_path, "train", "navigation", *TINY, "trainer.total_steps=1e12")
    wait_for_figures(process)

    process.send_signal(number)
    process.send_signal(number)  # as `timeout` and some shells do: still one request
    rest, _ = process.communicate(timeout=TIMEOUT_S)

    assert process.returncode == code, rest
    assert "stopping, with a checkpoint" in rest
    assert str(tmp_path / "tiny") in rest
    check_whole(RunDirectory(tmp_path / "tiny"), RunState.STOPPED)


@pytest.mark.slow
def test_a_reader_that_left_ends_the_run_whole(tmp_path: Path) -> None:
    process = started(tmp_path, "train", "navigation", *TINY, "trainer.total_steps=1e12")
    wait_for_figures(process)
    assert process.stdout is not None
    process.stdout.close()

    assert process.wait(TIMEOUT_S) == PIPE_CLOSED
    check_whole(RunDirectory(tmp_path / "tiny"), RunState.STOPPED)


def test_a_run_that_was_prepared_and_never_started_is_closed(tmp_path: Path) -> None:
    run = prepare_run("navigation", resolve("navigation", ["run=idle"]), tmp_path)

    run.close()

    assert RunDirectory(tmp_path / "idle").state().status is RunState.STOPPED
