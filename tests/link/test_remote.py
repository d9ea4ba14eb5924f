"""A run on another machine, without a screen: what is kept of it here, and what happens when it is another one."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.errors import GridrlError
from engine.runs import EventLogged, RunDirectory, RunState, RunWriter
from engine.runs.broadcast import LOGS
from engine.runs.records import LinkState
from engine.runs.remote import RemoteRun

from .sshd import HOST, Box

PATIENCE_S = 60.0
LOOK_S = 0.02


@pytest.fixture
def runs(tmp_path: Path, box: Box, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where runs lie on the other machine."""
    monkeypatch.setenv("GRIDRL_SSH", box.ssh())
    monkeypatch.setenv("GRIDRL_REMOTE", box.remote(tmp_path / "there"))
    monkeypatch.setenv("GRIDRL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "there"


@pytest.fixture
def calls(runs: Path) -> Iterator[Callable[..., RemoteRun]]:
    open_calls: list[RemoteRun] = []

    def call(**wishes: object) -> RemoteRun:
        open_calls.append(RemoteRun(HOST, "r", **wishes))  # type: ignore[arg-type]
        return open_calls[-1]

    yield call
    for each in open_calls:
        each.close()


def written(runs: Path, rows: int) -> RunWriter:
    """A run with so many rows of metrics, and as many of episodes."""
    writer = RunWriter.create(runs, "r", {}, {"recipe": "navigation"})
    for step in range(1, rows + 1):
        writer.metrics(step, {"a": step / 3})
        writer.episodes([{"env": 0, "reward": step / 7}], step=step)
    return writer


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(LOOK_S)  # a real process at the other end of a real ssh: nothing to wait on


def lines(path: Path, log: str) -> list[dict[str, object]]:
    return RunDirectory(path / "r").log(log).read_new()


def test_every_row_is_here_and_a_second_call_fetches_only_what_is_new(
    runs: Path, calls: Callable[..., RemoteRun]
) -> None:
    with written(runs, 300) as writer:
        first = calls(episodes=True, history=None)
        until(lambda: len(lines(first.root, "episodes")) == 300)
        all_of_it = first.received_bytes
        first.close()
        writer.metrics(301, {"a": 0.5})
        second = calls(episodes=True, history=None)
        until(lambda: len(lines(second.root, "metrics")) == 301)

        assert all(lines(second.root, log) == lines(runs, log) for log in LOGS)
        assert second.received_bytes < all_of_it / 10


def test_of_a_long_past_every_so_many_rows_and_then_each(runs: Path, calls: Callable[..., RemoteRun]) -> None:
    with written(runs, 100) as writer:
        remote = calls(history=10)
        until(lambda: len(lines(remote.root, "metrics")) == 10)
        for step in range(101, 106):
            writer.metrics(step, {"a": 1.0})
        until(lambda: len(lines(remote.root, "metrics")) == 15)

    assert [line["seq"] for line in lines(remote.root, "metrics")] == [*range(10, 101, 10), *range(101, 106)]
    assert lines(remote.root, "episodes") == []


def test_two_screens_of_one_machine_have_a_copy_each(runs: Path, calls: Callable[..., RemoteRun]) -> None:
    with written(runs, 5):
        one, other = calls(), calls()
        until(lambda: len(lines(one.root, "metrics")) == len(lines(other.root, "metrics")) == 5)

    assert one.root != other.root


def test_a_run_that_is_made_anew_meanwhile_is_not_mixed_with_the_old_one(
    runs: Path, calls: Callable[..., RemoteRun]
) -> None:
    written(runs, 5).close(RunState.FINISHED)
    remote = calls()
    until(lambda: len(lines(remote.root, "metrics")) == 5)
    shutil.rmtree(runs / "r")
    written(runs, 7).close(RunState.FINISHED)
    until(lambda: remote.link().state is LinkState.LOST)

    assert "made anew" in remote.link().words
    assert "attach anew" in remote.link().words
    assert any(isinstance(event, EventLogged) and event.kind == "error" for event in remote.drain())
    assert len(lines(remote.root, "metrics")) == 5
    remote.close()

    again = calls()
    until(lambda: len(lines(again.root, "metrics")) == 7)


def test_a_call_that_cannot_be_made_leaves_no_lock(runs: Path, calls: Callable[..., RemoteRun]) -> None:
    with pytest.raises(GridrlError, match="there is no run r"):
        calls()
    written(runs, 1).close(RunState.FINISHED)

    assert not calls().root.name.endswith("~2")
