"""Three screens and a shell steer and watch one detached run (goal R10).

    python benchmarks/attack/watchers.py [--commands 1020] [--seed 0] [--json]

One watcher is `gridrl-tui attach` in a real pseudo-terminal, steered by keys; one an AttachedRun in this process; one a
RemoteRun, over a real sshd. The shell is processes of `gridrl pause`, `resume` and `checkpoint`, at most three at a
time. They give so many commands in all, drawn at random, all at once: pauses, resumes, checkpoints, hyperparameters
each with a value of its own, and some that are refused. Afterwards every command must have been accepted and answered
exactly once, the log must hold each once with who asked, in the words of the answer, and all watchers must have seen
that log, in its order: both handles all of it, the screen its end. The exit code is 1 if that is not so.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # run from anywhere, installed or not
sys.path.append(str(Path(__file__).parents[1]))

from machine import machine
from terminal import wrong_terminal

from engine.runs import (
    AttachedRun,
    Checkpoint,
    Command,
    Event,
    EventLogged,
    Pause,
    Resume,
    RunDirectory,
    RunState,
    SetHyper,
)
from engine.runs.desk import Desk
from engine.runs.remote import RemoteRun
from tests.link import sshd
from tests.link.screen import APP, Screen

RUN = "ruddy-otter"
SETTINGS = (
    "trainer.env_count=8",
    "trainer.horizon=16",
    "trainer.minibatch_size=128",
    "trainer.total_steps=1e9",
    "trainer.anneal=false",
    "trainer.components.checkpointer.keep=3",
)
GRIDRL = (sys.executable, "-P", "-m", "engine.cli")
PATIENCE_S = 120.0
MOST_SHELLS = 3  # processes at a time
SHARES = {"screen": 4, "here": 4, "far": 4, "shell": 1}  # of the commands; a process takes a second to start
COLUMNS, ROWS = 160, 50
EVENT = re.compile(r"\d\d:\d\d +\S+ [▪»▲✗·] (.+?) *$", re.MULTILINE)
FIRST_RATE, RATE_STEP = 1e-4, 1e-7  # learning rates: six digits are shown of each


class Handle:
    """A handle that watches and steers: what it asked, what it was told, what it has seen."""

    def __init__(self, run: AttachedRun | RemoteRun, desk: Desk) -> None:
        self.run = run
        self.sent = 0
        self.accepted: Counter[int] = Counter()
        self.answered: Counter[int] = Counter()
        self.words: Counter[str] = Counter()
        self.events: list[dict[str, Any]] = []
        self._hear = desk.hear
        desk.hear = self._overhear  # type: ignore[method-assign]  # the app needs the answers alone, not the acks

    def _overhear(self, record: Mapping[str, Any]) -> list[dict[str, Any]]:
        if "accepted" in record:
            self.accepted[record["accepted"]] += 1
        for kind in ("applied", "refused"):
            if kind in record:
                self.answered[record[kind]] += 1
                self.words[record["words"]] += 1
        return self._hear(record)

    def send(self, command: Command) -> None:
        self.run.send(command)
        self.sent += 1

    def look(self) -> None:
        self.events += [told(event) for event in self.run.drain() if isinstance(event, EventLogged)]

    def wrong(self, name: str) -> list[str]:
        """Where not every command was accepted once and answered once."""
        once = Counter(range(1, self.sent + 1))
        wrong = [f"{name}: not each was accepted once: {(self.accepted - once) or (once - self.accepted)}"]
        wrong += [f"{name}: not each was answered once: {(self.answered - once) or (once - self.answered)}"]
        return [each for each, counts in zip(wrong, (self.accepted, self.answered), strict=True) if counts != once]


class Shell:
    """Processes that each give one command and wait for what comes of it."""

    def __init__(self) -> None:
        self.open: list[subprocess.Popen[str]] = []
        self.words: Counter[str] = Counter()
        self.pids: set[int] = set()
        self.too_late = 0
        self.wrong: list[str] = []

    def give(self, op: str) -> None:
        while len(self.open) >= MOST_SHELLS:
            time.sleep(0.02)
            self.reap()
        process = subprocess.Popen([*GRIDRL, op, RUN], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.open.append(process)

    def reap(self) -> None:
        for process in [each for each in self.open if each.poll() is not None]:
            self.open.remove(process)
            out, complaint = process.communicate()
            if process.returncode == 0:
                self.pids.add(process.pid)
                self.words[out.strip().removeprefix(f"{RUN}: ")] += 1
            elif "is under way: another process trains it" in complaint:
                self.too_late += 1  # somebody else had let it go on: the tool has asked nothing
            else:
                self.wrong.append(f"shell: {complaint}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=int, default=1020)
    parser.add_argument("--seed", type=int, default=0, help="of who gives which command")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    if reason := sshd.missing():
        raise SystemExit(reason)
    with tempfile.TemporaryDirectory() as folder, closing(sshd.start(Path(folder) / "box")) as box:
        runs = Path(folder) / "runs"
        os.environ |= {"GRIDRL_RUNS": str(runs), "GRIDRL_CACHE": f"{folder}/cache"}
        os.environ |= {"GRIDRL_SSH": box.ssh(), "GRIDRL_REMOTE": box.remote(runs)}
        gridrl("train", "navigation", "--detach", f"run={RUN}", *SETTINGS)
        try:
            record = attack(runs / RUN, options)
        finally:
            if RunDirectory(runs / RUN).is_live():
                gridrl("stop", RUN)
    record["machine"] = machine()
    print(json.dumps(record) if options.json else "\n".join(f"{name}: {value}" for name, value in record.items()))
    return 1 if record["wrong"] else 0


def gridrl(*words: str) -> None:
    done = subprocess.run([*GRIDRL, *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)


def attack(path: Path, options: argparse.Namespace) -> dict[str, Any]:
    with ExitStack() as stack:
        screen = stack.enter_context(Screen([*APP, "attach", RUN], {}, columns=COLUMNS, rows=ROWS))
        here, far = AttachedRun(path, "here"), RemoteRun(sshd.HOST, RUN, name="far")
        stack.callback(here.close)
        stack.callback(far.close)
        handles = {"here": Handle(here, here._desk), "far": Handle(far, far._desk)}
        screen.type("\x1b[13~")  # F3
        screen.until(lambda text: "TRAIN" in text and f"{RUN}  ● training" in text, "run that trains")
        screen.until_seen("c checkpoint")
        shell = Shell()
        typed, seconds = commanded(screen, handles, shell, options)
        settle(path, handles, shell, typed, screen.process.pid)
        log = [told_record(record) for record in RunDirectory(path).read_events()]
        wrong = [*shell.wrong, *wrong_log(log, handles, shell, typed, screen.process.pid)]
        wrong += wrong_watchers(log, handles, screen)
        screen.type("\x11")
        code = screen.until_gone()
        wrong += [f"the screen ended with {code}"] if code else []
        wrong += wrong_terminal(screen)  # type: ignore[arg-type]  # it looks at what both kinds have
    given = {"screen": typed, **{name: each.sent for name, each in handles.items()}, "shell": len(shell.pids)}
    return {
        "commands": given,
        "asked nothing, as the run went on already": shell.too_late,
        "seconds": round(seconds, 1),
        "kinds": dict(Counter(event["kind"] for event in log)),
        "wrong": wrong,
    }


def commanded(
    screen: Screen, handles: dict[str, Handle], shell: Shell, options: argparse.Namespace
) -> tuple[int, float]:
    """Give them all. Returns how many were typed, and the seconds it took."""
    dice = random.Random(options.seed)
    typed, start = 0, time.monotonic()
    for number in range(options.commands):
        who = dice.choices(list(SHARES), list(SHARES.values()))[0]
        if who == "screen":
            press(screen, dice, number)
            typed += 1
        elif who == "shell":
            shell.give(dice.choice(("pause", "resume", "checkpoint")))
        else:
            handles[who].send(drawn(dice, number))
        for handle in handles.values():
            handle.look()
        shell.reap()
        time.sleep(dice.uniform(0.0, 0.03))
    handles["here"].send(Resume())  # whoever spoke last: the run goes on, and answers what waits
    return typed, time.monotonic() - start


def drawn(dice: random.Random, number: int) -> Command:
    rate = SetHyper("learning_rate", FIRST_RATE + RATE_STEP * number)
    wrong = SetHyper("learning_rate", 50.0 + number)
    return dice.choice((Pause(), Resume(), Resume(), Checkpoint(), rate, rate, wrong, SetHyper("gamma", 0.5)))


def press(screen: Screen, dice: random.Random, number: int) -> None:
    """Pause or go on, save, or another learning rate: what stands in the field is selected, and typed over."""
    key = dice.choice((" ", " ", "c", "L"))
    screen.type(key)
    if key == "L":
        screen.until_seen("New learning rate.")
        screen.type(f"{FIRST_RATE + RATE_STEP * number:.9f}\r")
        screen.until(lambda text: "New learning rate." not in text, "answer to it")


def settle(path: Path, handles: dict[str, Handle], shell: Shell, typed: int, pid: int) -> None:
    """Wait until all is answered and the run trains, and everybody has seen it."""
    run = RunDirectory(path)

    def is_done() -> bool:
        shell.reap()
        if run.state().status is RunState.PAUSED:  # a process of the shell came last
            handles["here"].send(Resume())
        for handle in handles.values():
            handle.look()
        asked = sum(f", process {pid}" in by_of(record) for record in run.read_events())
        answered = all(sum(each.answered.values()) >= each.sent for each in handles.values())
        return not shell.open and answered and asked >= typed and run.state().status is RunState.TRAINING

    waited(is_done)  # what is wrong still is told afterwards
    count = len(run.read_events())
    waited(lambda: [each.look() for each in handles.values()] and all(len(e.events) >= count for e in handles.values()))


def waited(condition: Callable[[], object]) -> bool:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.3)
    return True


def told(event: Event) -> dict[str, Any]:
    assert isinstance(event, EventLogged)
    return {"step": event.step, "kind": event.kind, "message": event.message, "by": str(event.data.get("by", ""))}


def told_record(record: Mapping[str, Any]) -> dict[str, Any]:
    return {**{key: record[key] for key in ("step", "kind", "message")}, "by": by_of(record)}


def by_of(record: Mapping[str, Any]) -> str:
    return str(record.get("data", {}).get("by", ""))


def wrong_log(log: list[dict[str, Any]], handles: dict[str, Handle], shell: Shell, typed: int, pid: int) -> list[str]:
    """Where the log does not hold just what was asked, with who asked."""
    by: dict[str, Counter[str]] = {name: Counter() for name in ("screen", "here", "far", "shell")}
    wrong = []
    for event in log:
        if not event["by"]:
            wrong += [f"nobody asked for {event}"] if event["kind"] == "command" else []
            continue
        who = asker(event["by"], pid, shell)
        if who is None:
            wrong.append(f"{event} is of nobody we know")
        else:
            by[who][event["message"].removesuffix(" (asked for)")] += 1
    for name, handle in handles.items():
        wrong += handle.wrong(name)
        wrong += differences(name, handle.words, by[name])
    wrong += differences("shell", shell.words, by["shell"])
    if by["screen"].total() != typed:
        wrong.append(f"screen: {typed} commands were typed, the log has {by['screen'].total()}")
    return wrong


def differences(name: str, answers: Counter[str], events: Counter[str]) -> list[str]:
    wrong = [f"{name}: answered and not in the log: {words!r}" for words in answers - events]
    return wrong + [f"{name}: in the log and not answered: {words!r}" for words in events - answers]


def asker(by: str, pid: int, shell: Shell) -> str | None:
    """Who that is, by the run's history."""
    number = int(by.rpartition(" ")[2])
    if ", far attach, from 127.0.0.1, process " in by:
        return "far"
    if ", here, process " in by and number == os.getpid():
        return "here"
    if ", gridrl-tui, process " in by and number == pid:
        return "screen"
    return "shell" if ", gridrl " in by and number in shell.pids else None


def wrong_watchers(log: list[dict[str, Any]], handles: dict[str, Handle], screen: Screen) -> list[str]:
    """Where a watcher has not seen the log."""
    wrong = [
        f"{name}: saw {len(handle.events)} events, the log has {len(log)}, not the same"
        for name, handle in handles.items()
        if handle.events != log
    ]
    try:
        screen.until(lambda _: is_end(shown(screen), log), "log's end on the screen")
    except AssertionError as error:
        wrong.append(f"screen: {error}")
    return wrong


def shown(screen: Screen) -> list[str]:
    """The messages in the list of events, newest first."""
    return EVENT.findall(screen.text)


def is_end(rows: list[str], log: list[dict[str, Any]]) -> bool:
    """Whether rows, newest first, are the last events; each is its message and who asked, as far as there is room."""
    pairs = zip(rows, reversed(log), strict=False)
    return len(rows) > 1 and all(row.startswith(event["message"][: len(row) - 1]) for row, event in pairs)


if __name__ == "__main__":
    sys.exit(main())
