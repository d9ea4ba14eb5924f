"""Runs in a process of their own, and the tools that steer them: real processes, real signals, real sockets."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from engine.runs import RunDirectory, RunState, load_checkpoint
from engine.tools import runner

from .console import command, environment, gridrl

SMALL = ("trainer.env_count=4", "trainer.horizon=16", "trainer.minibatch_size=64", "trainer.epochs=1")
ENDLESS = (*SMALL, "trainer.total_steps=1e12")
LOOK_S = 0.05


@pytest.fixture
def detached(tmp_path: Path) -> Iterator[psutil.Process]:
    """The process of a run called `night`."""
    done = gridrl(tmp_path, "train", "navigation", *ENDLESS, "run=night", "--detach")
    assert done.returncode == 0, done.stderr
    process = psutil.Process(int(re.findall(r"in process (\d+)", done.stdout)[0]))
    yield process
    if process.is_running():
        process.kill()
        process.wait(30)


def until_ended(process: psutil.Process) -> None:
    psutil.wait_procs([process], timeout=60)
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def until_training(path: Path, process: psutil.Process, *, beyond: int = 0) -> None:
    for _ in range(int(60 / LOOK_S)):
        if RunDirectory(path).state().step > beyond:
            return
        assert not psutil.wait_procs([process], timeout=LOOK_S)[0], (path / runner.LOG).read_text()
    raise AssertionError("it does not train")


def test_a_detached_run_is_nobodys_child_and_says_where_it_is(tmp_path: Path, detached: psutil.Process) -> None:
    assert os.getsid(detached.pid) == detached.pid  # no terminal's hang-up reaches it
    assert detached.ppid() != os.getpid()
    until_training(tmp_path / "night", detached)

    listed = gridrl(tmp_path, "runs", "--live").stdout
    assert str(detached.pid) in listed
    assert "training" in listed


def test_pause_resume_checkpoint_and_stop_do_it_and_say_so(tmp_path: Path, detached: psutil.Process) -> None:
    run = RunDirectory(tmp_path / "night")
    until_training(run.path, detached)

    assert gridrl(tmp_path, "pause", "night").stdout == "night: paused\n"
    assert run.state().status is RunState.PAUSED
    assert gridrl(tmp_path, "resume", "night").stdout == "night: resumed\n"
    saved = gridrl(tmp_path, "checkpoint", "night").stdout
    stopped = gridrl(tmp_path, "stop", "night")
    until_ended(detached)

    assert (run.path / "checkpoints" / saved.split()[1]).exists()
    assert stopped.stdout.splitlines()[0] == "night: stop asked for"
    assert run.state().status is RunState.STOPPED
    by = [event["data"]["by"].split(", ")[1] for event in run.read_events() if "by" in event["data"]]
    assert by == ["gridrl pause", "gridrl resume", "gridrl checkpoint", "gridrl stop"]


def test_a_signal_ends_a_detached_run_with_a_checkpoint_and_exit_code_0(tmp_path: Path) -> None:
    # Started by us alone, so that we may ask how it ended.
    started = runner_of(tmp_path, "train", "navigation", *ENDLESS, "run=night")
    until_training(tmp_path / "night", psutil.Process(started.pid))
    started.send_signal(signal.SIGHUP)  # of a terminal that is closed: none of its business
    step = RunDirectory(tmp_path / "night").state().step
    until_training(tmp_path / "night", psutil.Process(started.pid), beyond=step + 1000)
    started.send_signal(signal.SIGTERM)

    assert started.wait(60) == 0
    run = RunDirectory(tmp_path / "night")
    assert run.state().status is RunState.STOPPED
    latest = run.latest_checkpoint()
    assert latest is not None
    assert load_checkpoint(latest)[1]["step"] <= run.state().step
    assert "stopped at" in (run.path / runner.LOG).read_text()
    assert (run.path / runner.LOG).stat().st_mode & 0o777 == 0o600


def runner_of(runs: Path, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(*words),
        env={**environment(runs), "GRIDRL_RUNNER": str(os.getpid())},
        cwd=runs,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("trainer.total_steps=none",), "total_steps"),
        (("trainer.device=cuda",), "shows no GPU"),
        (("run=taken",), "there is a run taken already"),
    ],
)
def test_what_cannot_begin_says_so_in_the_shell(tmp_path: Path, words: tuple[str, ...], complaint: str) -> None:
    (tmp_path / "taken").mkdir()

    done = gridrl(tmp_path, "train", "navigation", *words, "--detach")

    assert done.returncode != 0
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("*/run.json"))


def test_a_detached_run_goes_on_where_it_was_stopped_and_ends_as_one_that_never_was(tmp_path: Path) -> None:
    settings = (*SMALL, "trainer.total_steps=6400")
    for name in ("whole", "halves"):
        (tmp_path / name).mkdir()
    whole = gridrl(tmp_path / "whole", "train", "navigation", *settings, "run=r")
    assert whole.returncode == 0, whole.stderr
    begun = gridrl(
        tmp_path / "halves", "train", "navigation", *ENDLESS[:-1], "trainer.total_steps=6400", "run=r", "--detach"
    )
    process = psutil.Process(int(re.findall(r"in process (\d+)", begun.stdout)[0]))
    until_training(tmp_path / "halves" / "r", process)
    process.terminate()
    until_ended(process)
    half = RunDirectory(tmp_path / "halves" / "r")
    if half.state().status is RunState.STOPPED:  # on a fast machine it may have finished before
        again = gridrl(tmp_path / "halves", "resume", "r", "--detach")
        assert again.returncode == 0, again.stderr
        until_ended(psutil.Process(int(re.findall(r"in process (\d+)", again.stdout)[0])))

    finals = [RunDirectory(tmp_path / name / "r").latest_checkpoint() for name in ("whole", "halves")]
    weights = [load_checkpoint(path)[0] for path in finals if path is not None]
    assert len(weights) == 2
    assert weights[0].keys() == weights[1].keys()
    assert all((weights[0][name] == weights[1][name]).all() for name in weights[0])


@pytest.mark.parametrize("tool", ["stop", "pause", "checkpoint"])
def test_orders_to_runs_that_are_none_or_over(tmp_path: Path, tool: str) -> None:
    (tmp_path / "old").mkdir()
    for name, status in (("run.json", {}), ("state.json", {"status": "finished", "step": 7, "total_steps": 7})):
        (tmp_path / "old" / name).write_text(json.dumps({"v": 1, **status}))

    over, none, no_name = (gridrl(tmp_path, tool, name) for name in ("old", "odl", "../x"))

    assert over.returncode == 1
    assert "run old is over (finished at 7 steps)" in over.stderr
    assert none.returncode == 2
    assert "did you mean old?" in none.stderr
    assert "cannot be a run's name" in no_name.stderr


def test_systemd_that_ends_processes_at_logout_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main, folder = tmp_path / "logind.conf", tmp_path / "logind.conf.d"
    monkeypatch.setattr(runner, "_LOGIND", (main, folder))
    monkeypatch.setattr(runner, "_LINGER", tmp_path / "linger")
    assert not runner.ends_at_logout()
    main.write_text("[Login]\n#KillUserProcesses=yes\nKillUserProcesses = no\n")
    assert not runner.ends_at_logout()
    folder.mkdir()
    (folder / "50-mine.conf").write_text("[Login]\nKillUserProcesses=yes\n")

    assert runner.ends_at_logout()
