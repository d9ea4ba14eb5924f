"""The control socket: whoever may read the run's directory steers and watches it, and its history says who."""

from __future__ import annotations

import json
import os
import socket
import stat
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import RunError
from engine.runs import (
    AttachedRun,
    Checkpoint,
    Command,
    EventLogged,
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
from engine.runs.control_link import ControlLink
from engine.runs.control_socket import NAME, connect, listen
from engine.runs.desk import Answer, Desk
from engine.runs.wire import LineBuffer, to_line
from engine.tools.orders import order
from engine.training import serving
from engine.training.local import LocalRun

from .test_local import local_run, until

LOOK_S = 0.02


class Steersman:
    """A program that gives commands and collects the answers."""

    def __init__(self, path: Path, name: str) -> None:
        self.desk = Desk()
        self.answers: list[Answer] = []
        self.accepted: list[int] = []
        self._news = threading.Condition()
        self.link = ControlLink(path, name, self._hear)

    def _hear(self, record: dict[str, Any]) -> None:
        with self._news:
            if "accepted" in record:
                self.accepted.append(record["accepted"])
            for reply in self.desk.hear(record):
                self.link.say(reply)
            self.answers += self.desk.answers()
            self._news.notify_all()

    def ask(self, command: Command) -> None:
        self.link.say(self.desk.ask(command))

    def wait(self, condition: Callable[[], bool]) -> None:
        with self._news:
            assert self._news.wait_for(condition, timeout=60)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[LocalRun]:
    run = local_run(tmp_path).start()
    until(run, lambda: run.state().step > 0)
    yield run
    run.close()


@pytest.fixture
def path(run: LocalRun, tmp_path: Path) -> Path:
    return tmp_path / run.run_id


def test_the_socket_is_for_its_user_alone_and_gone_with_the_run(run: LocalRun, path: Path) -> None:
    status = (path / NAME).lstat()
    assert stat.S_ISSOCK(status.st_mode)
    assert stat.S_IMODE(status.st_mode) == 0o600

    run.close()

    assert not os.path.lexists(path / NAME)
    with pytest.raises(RunError, match="nobody trains it now"):
        connect(path)


def test_a_command_is_accepted_then_applied_and_the_history_says_who(run: LocalRun, path: Path) -> None:
    steersman = Steersman(path, "gridrl test")
    steersman.ask(SetHyper("learning_rate", 1e-4))
    steersman.wait(lambda: len(steersman.answers) == 1)

    assert steersman.accepted == [1]
    assert steersman.answers[0].applied
    assert steersman.answers[0].words.endswith("-> 0.0001")
    by = f"gridrl test, process {os.getpid()}"
    until(run, lambda: any(by in event["data"].get("by", "") for event in RunDirectory(path).read_events()))
    steersman.link.close()


def test_what_cannot_be_done_is_refused_in_words_and_changes_nothing(run: LocalRun, path: Path) -> None:
    steersman = Steersman(path, "gridrl test")
    for command in (SetHyper("learning_rate", 50.0), SetHyper("gamma", 0.5), Watch(32, 10.0)):
        steersman.ask(command)
    steersman.wait(lambda: len(steersman.answers) == 3)

    words = {answer.number: answer.words for answer in steersman.answers}
    assert not any(answer.applied for answer in steersman.answers)
    assert "must be" in words[1]
    assert "cannot be changed" in words[2]
    assert words[3] == "cannot watch env 32 of 32 at 10 fps"
    steersman.link.close()


def test_a_paused_run_shows_itself_to_who_begins_to_watch(run: LocalRun, path: Path) -> None:
    run.send(Pause())
    until(run, lambda: run.state().status is RunState.PAUSED)
    handle = AttachedRun(path)
    handle.send(Watch(5, 30.0))
    until(run, lambda: handle.latest_frame() is not None)

    first = handle.latest_frame()
    assert first is not None
    assert first.env == 5
    handle.send(Resume())
    until(run, lambda: (frame := handle.latest_frame()) is not None and frame.step > first.step)
    handle.close()


def test_two_watch_different_envs_and_each_sees_its_own(run: LocalRun, path: Path) -> None:
    handles = [AttachedRun(path), AttachedRun(path)]
    for env, handle in zip((3, 30), handles, strict=True):
        handle.send(Watch(env, 30.0))
    until(run, lambda: all(handle.latest_frame() is not None for handle in handles))

    assert [frame.env for handle in handles if (frame := handle.latest_frame())] == [3, 30]
    handles[0].send(Unwatch())
    seen = handles[1].latest_frame()
    assert seen is not None
    until(run, lambda: (frame := handles[1].latest_frame()) is not None and frame.step > seen.step)
    for handle in handles:
        handle.close()


def test_who_says_nonsense_is_told_so_and_let_go_and_the_others_stay(run: LocalRun, path: Path) -> None:
    good = Steersman(path, "good")
    with connect(path) as bad:
        bad.settimeout(30)
        bad.sendall(b"GET / HTTP/1.1\r\n")
        heard = b""
        while data := _received(bad):
            heard += data
    assert "no record" in json.loads(heard.splitlines()[-1])["error"]

    good.ask(Pause())
    good.wait(lambda: len(good.answers) == 1)
    assert good.answers[0].words == "paused"
    good.link.close()


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(4096)
    except ConnectionResetError:  # it was let go before all that it said was read
        return b""


def test_who_reads_nothing_is_let_go_and_holds_nobody_up(
    run: LocalRun, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "_MAX_UNREAD_BYTES", 1_000_000)
    with connect(path) as deaf:
        deaf.settimeout(60)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            deaf.sendall(b"".join(to_line({"op": "nonsense" * 10, "id": number}) for number in range(100_000)))
        before = run.state().step
        until(run, lambda: run.state().step > before)
        other = Steersman(path, "other")
        other.ask(Checkpoint())
        other.wait(lambda: len(other.answers) == 1)
        other.link.close()


def test_commands_too_late_are_refused_and_none_is_left_unanswered(run: LocalRun, path: Path) -> None:
    steersman = Steersman(path, "late")
    commands: list[Command] = [Stop(), *[SetHyper("learning_rate", 1e-4)] * 50]
    for command in commands:
        steersman.ask(command)
    steersman.wait(lambda: len(steersman.answers) == len(commands) or not steersman.link.is_open)
    assert run.join(60)

    answered = Counter(answer.number for answer in steersman.answers)
    assert set(answered.values()) == {1}
    assert set(steersman.accepted) <= set(answered)  # what was accepted was answered
    steersman.link.close()


def test_a_run_in_a_path_too_long_for_a_socket_is_steered_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    runtime = tmp_path_factory.mktemp("x")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    run = local_run(deep).start()
    try:
        assert (deep / run.run_id / NAME).is_symlink()
        steersman = Steersman(deep / run.run_id, "far down")
        steersman.ask(Stop())
        steersman.wait(lambda: len(steersman.answers) == 1)
        steersman.link.close()
    finally:
        run.close()
    assert not os.path.lexists(deep / run.run_id / NAME)
    assert not list(runtime.rglob("*.sock"))


def test_a_socket_of_a_process_that_was_killed_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "test" / NAME))
    left.close()
    with pytest.raises(RunError, match="nobody trains it now"):
        connect(tmp_path / "test")
    (tmp_path / "test" / NAME).rename(tmp_path / NAME)
    (tmp_path / "test").rmdir()

    run = local_run(tmp_path)
    (tmp_path / NAME).rename(tmp_path / "test" / NAME)
    run.start()
    try:
        steersman = Steersman(tmp_path / "test", "again")
        steersman.link.close()
    finally:
        run.close()


def test_no_more_pictures_are_sent_than_have_been_seen_but_for_two(run: LocalRun, path: Path) -> None:
    with connect(path) as watcher:
        watcher.settimeout(60)
        lines = LineBuffer()
        watcher.sendall(to_line({"op": "watch", "env": 0, "fps": 60.0, "id": 1}))
        heard: list[dict[str, Any]] = []

        def hear(until_: Callable[[], bool]) -> None:
            while not until_():
                heard.extend(lines.feed(watcher.recv(65536)))

        def pictures() -> list[int]:
            return [record["frame"]["n"] for record in heard if "frame" in record]

        hear(lambda: len(pictures()) == 2)
        watcher.sendall(to_line({"op": "nonsense", "id": 2}))  # the answer comes behind all that is sent before it
        before = run.state().step
        until(run, lambda: run.state().step > before)
        watcher.sendall(to_line({"op": "nonsense", "id": 3}))
        hear(lambda: any(record.get("refused") == 3 for record in heard))
        assert pictures() == [1, 2]

        watcher.sendall(to_line({"op": "seen", "frame": 1}))
        hear(lambda: len(pictures()) == 3)


@pytest.mark.parametrize("fps", [1e-300, 1e-7, 0.0, -1.0, 1e6])
def test_a_rate_beyond_reason_is_refused_and_the_server_lives(run: LocalRun, path: Path, fps: float) -> None:
    steersman = Steersman(path, "odd")
    steersman.ask(Watch(0, fps))
    steersman.ask(Pause())
    steersman.wait(lambda: len(steersman.answers) == 2)

    assert {answer.number: answer.applied for answer in steersman.answers} == {1: False, 2: True}
    steersman.link.close()


def test_another_account_is_not_let_in(run: LocalRun, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "peer_of", lambda connection: (os.getuid() + 1, 7))
    with connect(path) as stranger:
        stranger.settimeout(60)
        assert _received(stranger) == b""


def test_one_watcher_too_many_is_told_so(run: LocalRun, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_MAX_CLIENTS", 1)
    first = Steersman(path, "first")
    first.ask(Pause())
    first.wait(lambda: len(first.answers) == 1)

    with pytest.raises(RunError, match="1 watchers are connected already"):
        order(RunDirectory(path), Resume(), "second")
    first.link.close()


def test_a_screen_waits_for_no_process_that_stands_still(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path, "held", {}, {}) as writer, listen(writer.path):
        handle = AttachedRun(writer.path)
        with pytest.raises(RunError, match="takes no more commands"):
            list(map(handle.send, [Pause()] * 100_000))  # nobody reads them
        handle.close()


def test_a_runtime_directory_of_another_costs_the_commands_and_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / f"gridrl-{os.getuid()}").symlink_to(tmp_path)
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    run = local_run(deep, total_steps=1024).start()

    assert run.join(60)
    assert run.state().status is RunState.FINISHED
    events = RunDirectory(deep / run.run_id).read_events()
    assert any("takes no commands from other processes" in event["message"] for event in events)


def test_three_screens_and_a_shell_see_one_history(run: LocalRun, path: Path) -> None:
    """R10, the short form; benchmarks/attack/watchers.py gives 1,000 commands."""
    people = [Steersman(path, f"screen {number}") for number in range(3)] + [Steersman(path, "shell")]
    commands: list[Command] = [
        Pause(),
        Resume(),
        SetHyper("learning_rate", 1e-3),
        SetHyper("entropy_coefficient", 0.02),
    ]
    for turn in range(10):
        for number, person in enumerate(people):
            person.ask(commands[(turn + number) % len(commands)])
    people[0].ask(Resume())
    for number, person in enumerate(people):
        wanted = 11 if number == 0 else 10
        person.wait(lambda person=person, wanted=wanted: len(person.answers) == wanted)  # type: ignore[misc]

    watchers = [AttachedRun(path) for _ in range(3)]
    histories: list[list[str]] = [[] for _ in watchers]

    def all_there() -> bool:
        for history, watcher in zip(histories, watchers, strict=True):
            events = [event for event in watcher.drain() if isinstance(event, EventLogged)]
            history += [f"{event.message} by {event.data.get('by')}" for event in events if event.kind == "command"]
        return all(len(history) == 41 for history in histories)

    until(run, all_there)
    assert histories[0] == histories[1] == histories[2]
    assert all(Counter(answer.number for answer in person.answers).most_common(1)[0][1] == 1 for person in people)
    asked = Counter(line.split(" by ")[1].split(", ")[1] for line in histories[0])
    assert asked == {"screen 0": 11, "screen 1": 10, "screen 2": 10, "shell": 10}
    for each in (*people, *watchers):
        each.link.close() if isinstance(each, Steersman) else each.close()
