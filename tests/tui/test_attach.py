"""Runs of other processes on the screen: attached, handed over, left alone; here and over a real ssh."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from front_door import ENDLESS_RUN, SMALL_RUN, Door, OpenedApp, opened
from link.sshd import HOST, Box

from engine.recipes import prepare_run, resolve
from engine.runs import RunDirectory, RunState, Stop
from engine.runs.broadcast import LOGS
from engine.runs.records import LinkState
from engine.runs.remote import RemoteRun
from engine.tools import runner
from engine.tools.orders import order
from engine.training.local import LocalRun
from tui.app import GridrlApp
from tui.cli import _close_session, session_of
from tui.session import Session

WIDE = (160, 45)


class AttachedApp(OpenedApp):
    """The app as `gridrl-tui attach` opens it."""

    def __init__(self, root: Path, run_id: str, size: tuple[int, int], remote: RemoteRun | None = None) -> None:
        super().__init__(root, "navigation", (), size)
        self._app = GridrlApp(lambda fps: session_of(run_id, remote, fps), attached=run_id)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRIDRL_RUNS", str(tmp_path))
    monkeypatch.setenv("GRIDRL_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def far(root: Path) -> Iterator[psutil.Process]:
    """A run called `far` in a process of its own."""
    process = psutil.Process(runner.start(["train", "navigation", *ENDLESS_RUN, "run=far"], root).process.pid)
    yield process
    end(process)


def end(process: psutil.Process) -> None:
    if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        process.kill()
    psutil.wait_procs([process], timeout=30)


def commands(root: Path, run_id: str = "far") -> list[str]:
    return [event["message"] for event in RunDirectory(root / run_id).read_events() if event["kind"] == "command"]


async def until_training(door: Door, root: Path, run_id: str = "far") -> None:
    await door.until(lambda: RunDirectory(root / run_id).state().step > 0, f"steps of {run_id}")


async def test_a_run_of_another_process_is_seen_and_steered(root: Path, far: psutil.Process) -> None:
    async with AttachedApp(root, "far", WIDE) as door:
        await until_training(door, root)
        await door.until_seen("● training")
        await door.until_seen("rollout/ep_rew_mean")
        await door.until_seen("far env 0")  # its agents are in the Live pane from the beginning

        await door.press("f3", "space")
        await door.until(lambda: commands(root) == ["paused"], "a pause")
        await door.until_seen("‖ paused")
        await door.press("space")
        await door.until(lambda: commands(root) == ["paused", "resumed"], "a resume")
        await door.press("f2", "w")
        await door.until(lambda: not door.session.watching, "the own game")
        await door.press("w")
        await door.until_seen("far env 0")
    assert far.is_running()
    assert RunDirectory(root / "far").state().status is RunState.TRAINING  # leaving leaves it alone


async def test_what_ends_elsewhere_ends_on_the_screen(root: Path, far: psutil.Process) -> None:
    async with AttachedApp(root, "far", (80, 24)) as door:
        await until_training(door, root)
        await door.until(lambda: door.session.watching, "its agents")

        order(RunDirectory(root / "far"), Stop(), "test")

        await door.until_seen("■ stopped")
        await door.until(lambda: not door.session.watching, "the own game")
        await door.press("space")
        await door.until_seen("far")
        assert "stop asked for" in commands(root)[-1]


async def test_a_run_is_handed_to_a_process_of_its_own_without_losing_a_step(root: Path) -> None:
    settings = (*SMALL_RUN, "trainer.total_steps=60000", "run=moved")
    async with opened(root, *settings, size=WIDE) as door:
        await door.train()
        await door.press("f3", "D")
        await door.until(lambda: door.session.own_run is None, "another process")
        await door.until_seen("in a process of its own")
        runner_ = door.session._runner
        assert runner_ is not None
        process = runner_.process
        await door.until(lambda: process.poll() is not None, "its end")
        assert process.returncode == 0
        await door.until_seen("finished")

    whole = prepare_run("navigation", resolve("navigation", [*settings[:-1], "run=whole"]), root)
    finished(whole)
    moved, steps = RunDirectory(root / "moved"), []
    for line in moved.read_metrics():
        steps.append((line.step, line.values["rollout/reward_per_step"]))
    assert steps == [
        (line.step, line.values["rollout/reward_per_step"]) for line in RunDirectory(root / "whole").read_metrics()
    ]
    assert [words for words in commands(root, "moved")] == ["stop asked for: another process goes on with it"]


def finished(run: LocalRun) -> None:
    run.start()
    assert run.join(120)
    assert run.state().status is RunState.FINISHED


async def test_quitting_can_leave_the_run_to_another_process(root: Path) -> None:
    async with opened(root, *ENDLESS_RUN, size=WIDE) as door:
        await door.train()
        await door.press("ctrl+q")
        await door.until_seen("let it train on")
        await door.press("n")
        assert not door.app.detaches
        await door.press("ctrl+q", "d")

        assert door.app.detaches
        assert door.app.return_code == 0
        run = door.run_directory
        await asyncio.to_thread(_close_session, door.app)
    await asyncio.to_thread(order, run, Stop(), "test")  # it is there, and answers
    process = psutil.Process(run.pulse().pid)
    assert process.pid != os.getpid()
    await asyncio.to_thread(psutil.wait_procs, [process], 60)
    assert [event["attempt"] for event in run.read_events()][-1] == 2


async def test_without_a_run_the_question_has_no_third_answer(root: Path) -> None:
    async with opened(root, size=WIDE) as door:
        await door.press("f4", ".", "ctrl+q")
        await door.until_seen("no file has")
        assert "train on" not in door.screen
        await door.press("d")
        assert "no file has" in door.screen


# ---- Over ssh


@pytest.fixture
def calls(box: Box, root: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], RemoteRun]:
    monkeypatch.setenv("GRIDRL_SSH", box.ssh())
    monkeypatch.setenv("GRIDRL_REMOTE", box.remote(root))
    return lambda: RemoteRun(HOST, "far", episodes=True, history=None)


async def test_a_run_on_another_machine_is_seen_steered_asked_and_left_alone(
    root: Path, far: psutil.Process, calls: Callable[[], RemoteRun], box: Box
) -> None:
    remote = calls()
    async with AttachedApp(root, "far", WIDE, remote) as door:
        await door.until_seen(f"{HOST}:")
        await until_training(door, root)
        await door.until_seen("rollout/ep_rew_mean")
        await door.until_seen("far env 0")
        await door.press("f3", "space")
        await door.until(lambda: commands(root) == ["paused"], "a pause")
        await door.until_seen("paused")
        await door.press("f5")
        door.app._console.query_one(
            "#console-sql"
        ).text = "SELECT count(*) > 0 AS yes, run_id FROM metrics GROUP BY ALL"
        await door.press("f5")
        await door.until_seen("true")
    assert far.is_running()
    for process in psutil.wait_procs(box.processes(), timeout=10)[1]:
        assert process.pid == far.pid, process.cmdline()
    same_story(remote, root)


async def test_a_broken_link_is_told_and_mended(
    root: Path, far: psutil.Process, calls: Callable[[], RemoteRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = calls()
    async with AttachedApp(root, "far", WIDE, remote) as door:
        await until_training(door, root)
        await door.until_seen("● training")
        monkeypatch.setenv("GRIDRL_SSH", "false")  # there is no way there for a while
        assert remote._call is not None
        remote._call._process.kill()
        await door.until_seen("reconnecting")
        monkeypatch.setenv("GRIDRL_SSH", os.environ["GRIDRL_SSH_GOOD"])
        await door.until(lambda: remote.link().state is LinkState.LIVE, "the link")
        await door.until(lambda: "reconnecting" not in door.screen, "the word to go")
        order(RunDirectory(root / "far"), Stop(), "test")
        await door.until_seen("■ stopped")
    same_story(remote, root)


@pytest.fixture(autouse=True)
def _good_ssh(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "calls" in request.fixturenames:
        monkeypatch.setenv("GRIDRL_SSH_GOOD", request.getfixturevalue("box").ssh())


def same_story(remote: RemoteRun, root: Path) -> None:
    """What was seen of the run is a beginning of what it was."""
    seen, was = RunDirectory(remote.root / "far"), RunDirectory(root / "far")
    for log in LOGS:
        lines = seen.log(log).read_new()
        assert lines == was.log(log).read_new()[: len(lines)]
        assert lines


async def test_a_run_of_another_version_shows_its_curves(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = prepare_run("navigation", resolve("navigation", [*SMALL_RUN, "trainer.total_steps=2048", "run=far"]), root)
    finished(run)
    text = (root / "far" / "run.json").read_text()
    (root / "far" / "run.json").write_text(text.replace('"max_steps"', '"most_steps"'))
    async with AttachedApp(root, "far", WIDE) as door:
        await door.until_seen("finished")
        await door.until_seen("rollout/ep_rew_mean")
        assert isinstance(door.session, Session)
        assert not door.session.can_watch
