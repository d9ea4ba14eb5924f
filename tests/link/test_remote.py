"""A run on another machine, without a screen: what is kept of it here, and what happens when it is another one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.errors import GridrlError, RunError
from engine.runs import EventLogged, RunDirectory, RunState, RunWriter
from engine.runs.broadcast import LOGS
from engine.runs.files import LineFile
from engine.runs.mirror import Mirror
from engine.runs.records import LinkState
from engine.runs.remote import RemoteRun, _status_of
from engine.runs.wire import to_line

from .sshd import HOST, ROOT, Box

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


def test_what_a_cut_took_comes_whole_also_where_the_past_was_thinned(
    runs: Path, calls: Callable[..., RemoteRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    with written(runs, 100) as writer:
        remote = calls(history=10)
        until(lambda: len(lines(remote.root, "metrics")) == 10)
        way = os.environ["GRIDRL_SSH"]
        monkeypatch.setenv("GRIDRL_SSH", "false")
        assert remote._call is not None
        remote._call._process.kill()
        until(lambda: remote.link().state is LinkState.RECONNECTING)
        for step in range(101, 161):
            writer.metrics(step, {"a": 1.0})
        monkeypatch.setenv("GRIDRL_SSH", way)
        until(lambda: len(lines(remote.root, "metrics")) == 70)

    assert [line["seq"] for line in lines(remote.root, "metrics")] == [*range(10, 101, 10), *range(101, 161)]
    assert any("one row of 10" in event.message for event in remote.drain() if isinstance(event, EventLogged))


def test_all_fetches_what_was_left_out_before(runs: Path, calls: Callable[..., RemoteRun]) -> None:
    with written(runs, 100):
        first = calls(history=10)
        until(lambda: len(lines(first.root, "metrics")) == 10)
        first.close()
        second = calls(history=None)
        until(lambda: len(lines(second.root, "metrics")) == 100)

        assert lines(second.root, "metrics") == lines(runs, "metrics")


def test_a_line_that_goes_silent_is_stale_and_then_live_again(
    runs: Path, calls: Callable[..., RemoteRun], box: Box
) -> None:
    with written(runs, 5):
        remote = calls()
        there = box.processes()
        for process in there:
            process.suspend()
        until(lambda: remote.link().state is LinkState.STALE)
        for process in there:
            process.resume()
        until(lambda: remote.link().state is LinkState.LIVE)


def test_an_ssh_that_says_nothing_more_and_does_not_end_is_given_up(
    runs: Path, calls: Callable[..., RemoteRun], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "ssh"
    script.write_text("#!/bin/sh\nexec 1>&-\nsleep 300\n")
    script.chmod(0o700)
    monkeypatch.setenv("GRIDRL_SSH", str(script))

    with pytest.raises(RunError, match="ended the call"):
        calls()


@pytest.mark.parametrize(
    "state", [{"total_steps": 10**400}, {"step": -1}, {"sps": float("inf")}, {"status": "great"}, {"elapsed": "1"}]
)
def test_a_state_that_is_none_is_refused(state: dict[str, object]) -> None:
    good = {"status": "training", "step": 1, "total_steps": 2, "sps": 1.0, "elapsed": 1.0}
    assert _status_of(good).step == 1

    with pytest.raises(RunError):
        _status_of({**good, **state})


def test_a_silent_watcher_ends_the_stream_even_where_nobody_reads(runs: Path) -> None:
    with written(runs, 2000):
        script = "import engine.tools.stream as s; s._SILENCE_S = 1.0; from engine.cli import main; main(['stream'])"
        process = subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "GRIDRL_RUNS": str(runs), "PYTHONPATH": str(ROOT)},
        )
        assert process.stdin is not None
        process.stdin.write(to_line({"op": "follow", "proto": 1, "run": "r", "pings": True}))
        process.stdin.flush()

        assert process.wait(60) == 0  # with a pipe that is full, and a stdin that is open


# ---- The copy


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    monkeypatch.setenv("GRIDRL_CACHE", str(tmp_path / "cache"))
    mirror = Mirror("host", "r")
    mirror.begin({"v": 1, "created": "today"})
    yield mirror
    mirror.close()


def row(seq: int) -> dict[str, object]:
    return {"seq": seq, "step": seq, "values": {}}


def test_a_row_that_comes_twice_is_kept_once(mirror: Mirror) -> None:
    mirror.add("metrics", [row(1), row(2), row(2)])
    mirror.add("metrics", [row(1), row(2), row(3)])

    assert [line["seq"] for line in lines(mirror.root, "metrics")] == [1, 2, 3]
    assert mirror.after["metrics"] == 3


def test_what_a_full_disk_did_not_take_is_asked_for_again(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror.add("metrics", [row(1)])
    whole = LineFile.append

    def half(file: LineFile, data: bytes) -> None:
        whole(file, data[: data.index(b"\n", len(data) // 2) + 1])
        raise RunError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(LineFile, "append", half)
        with pytest.raises(RunError, match="full"):
            mirror.add("metrics", [row(seq) for seq in range(2, 10)])
    kept = [line["seq"] for line in lines(mirror.root, "metrics")]

    assert 1 < len(kept) < 9
    assert mirror.after["metrics"] == kept[-1]


def test_a_link_in_the_cache_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDRL_CACHE", str(tmp_path / "cache"))
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.tex").write_text("all of it")
    (tmp_path / "cache" / "remote" / "host" / "r").mkdir(parents=True)
    (tmp_path / "cache" / "remote" / "host" / "r" / "r").symlink_to(precious)

    with pytest.raises(RunError, match="not followed"):
        Mirror("host", "r")
    assert (precious / "thesis.tex").exists()


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GRIDRL_CACHE", str(tmp_path / "file"))

    with pytest.raises(RunError) as caught:
        Mirror("host", "r")
    assert "GRIDRL_CACHE" in caught.value.hint


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
