"""Cuts the line to a run on another machine again and again, and holds what was seen of the run against the run itself.

    python benchmarks/attack/link.py [--cuts 100] [--windows 3] [--seed 0] [--delay-ms 50] [--dead-after S] [--json]

The other machine is a real sshd on loopback, the run a real trainer there, the watcher the app's own (RemoteRun, at 30
looks a second). Half of the mishaps end the connection (SIGKILL of ssh, or the line is cut), half are silent: SIGSTOP
of ssh, or a line that lets nothing through and tells nobody, for good or for a moment. Afterwards every row of metrics,
episodes and events must be in the copy once, and as it was; and 5 s after the line has gone for good no process may be
left over there. The exit code is 1 if that is not so.

Before that, over the same line undisturbed: bytes a second as they come out of ssh and as they are on the line, without
and with pictures (10 a second, of 24 agents on 40 x 40 cells), and how old a row is when it is seen.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # run from anywhere, installed or not
sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil
from live_frames import drawn_map
from machine import machine

from engine import ssh
from engine.maps import save_map
from engine.runs import MetricsLogged, RunDirectory, RunState, Watch, remote
from engine.runs.broadcast import LOGS
from engine.runs.records import LinkState
from engine.runs.remote import RemoteRun
from tests.link import sshd
from tests.link.link import Link

RUN = "ruddy-otter"
SETTINGS = (  # small: iterations, and so rows and pictures, come ten times a second and more
    "rules.agents=24",
    "rules.spawn_anywhere=true",
    "trainer.env_count=4",
    "trainer.horizon=16",
    "trainer.minibatch_size=512",
    "trainer.epochs=1",
    "trainer.total_steps=1e9",
)
LOOK_S = 1 / 30
WINDOW_S = 5.0
PATIENCE_S = 180.0
AFTERWARDS_S = 5.0  # that the other side has to notice that nobody is there
SHORT_SILENCE_S = 1.5

DROPS = ("ssh killed", "line cut")
SHORT = "short silence"
SILENCES = ("line silent", "ssh stopped", SHORT)


class Watcher:
    """A screen's worth of watching: drains what comes and keeps how old it was."""

    def __init__(self, run: RemoteRun) -> None:
        self.run = run
        self.rows = 0
        self.pictures = 0
        self.ages: list[float] = []
        self.states: Counter[str] = Counter()
        self._frame: object = None
        self._state = LinkState.CONNECTING

    def look(self) -> None:
        """One tick of the screen."""
        time.sleep(LOOK_S)
        metrics = [event for event in self.run.drain() if isinstance(event, MetricsLogged)]
        self.rows += len(metrics)
        self.ages += [time.time() - event.time for event in metrics]
        frame = self.run.latest_frame()
        self.pictures += frame is not None and frame is not self._frame
        self._frame = frame
        state = self.run.link().state
        self.states[state.value] += state is not self._state
        self._state = state

    def until(self, what: Callable[[], bool], words: str) -> float:
        """Look until it is so. Returns the seconds that took."""
        start = time.monotonic()
        while not what():
            if time.monotonic() - start > PATIENCE_S:
                raise SystemExit(f"{words}: not in {PATIENCE_S:.0f} s; the link says {self.run.link()}")
            self.look()
        return time.monotonic() - start

    def a_row_and_a_picture(self) -> float:
        """Wait until the next of each, so that the connection is a good one."""
        rows, pictures = self.rows, self.pictures
        return self.until(lambda: self.rows > rows and self.pictures > pictures, "a row and a picture")

    def during(self, seconds: float) -> None:
        start = time.monotonic()
        self.until(lambda: time.monotonic() - start >= seconds, "a moment")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuts", type=int, default=100)
    parser.add_argument("--windows", type=int, default=3, help="of 5 s, undisturbed; 0 leaves those figures out")
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the cuts")
    parser.add_argument("--delay-ms", type=float, default=50.0, help="each way")
    parser.add_argument("--dead-after", type=float, metavar="S", help="seconds of silence until the watcher hangs up")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    if reason := sshd.missing():
        raise SystemExit(reason)
    if options.dead_after is not None:
        remote._DEAD_S = options.dead_after
    with tempfile.TemporaryDirectory() as folder, closing(sshd.start(Path(folder) / "box")) as box:
        os.environ |= {"GRIDRL_CACHE": f"{folder}/cache", ssh.REMOTE: box.remote(Path(folder) / "runs")}
        record = attack(box, Path(folder), options)
    record |= {"machine": machine()}
    print(json.dumps(record) if options.json else told(record))
    return 0 if record["good"] else 1


def attack(box: sshd.Box, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    save_map(folder / "drawn.map", drawn_map(40))
    over_there(box, "train", "arena", "--detach", f"run={RUN}", f"map={folder}/drawn.map", *SETTINGS)
    with Link(box.port, delay_s=options.delay_ms / 1e3) as link:
        os.environ[ssh.PROGRAM] = box.ssh(link.port)
        record: dict[str, Any] = {}
        if options.windows:
            with closing(RemoteRun(sshd.HOST, RUN)) as run:
                record |= undisturbed(Watcher(run), link, options.windows)
        with closing(RemoteRun(sshd.HOST, RUN, episodes=True, history=None)) as run:
            record |= disturbed(Watcher(run), box, link, options)
            copy = run.root / RUN
    record |= {"left behind": left_behind(box)}
    differences = compared(folder / "runs" / RUN, copy)
    record |= {"rows": counted(copy), "differences": differences}
    return record | {"good": not differences and not record["left behind"]}


def over_there(box: sshd.Box, *words: str) -> None:
    """`gridrl` on the other machine, over a line of its own."""
    os.environ[ssh.PROGRAM] = box.ssh()
    done = subprocess.run(ssh.ssh_command(sshd.HOST, words, may_ask=False), capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)


def undisturbed(watcher: Watcher, link: Link, windows: int) -> dict[str, Any]:
    """What it costs to watch, and how soon one sees."""
    watcher.until(lambda: watcher.rows > 20, "rows")
    watcher.ages.clear()
    alone = [window(watcher, link) for _ in range(windows)]
    watcher.run.send(Watch(0, 10.0))
    watcher.until(lambda: watcher.pictures > 0, "a picture")
    together = [window(watcher, link) for _ in range(windows)]
    ages = statistics.quantiles(watcher.ages, n=100)
    return {
        "metrics": medians(alone),
        "metrics and pictures": medians(together),
        "write to screen ms": {"p50": round(1e3 * ages[49]), "p99": round(1e3 * ages[98]), "rows": len(watcher.ages)},
    }


def window(watcher: Watcher, link: Link) -> dict[str, float]:
    start = time.monotonic()
    before = (watcher.run.received_bytes, link.bytes_back, watcher.rows, watcher.pictures)
    watcher.during(WINDOW_S)
    after = (watcher.run.received_bytes, link.bytes_back, watcher.rows, watcher.pictures)
    out, line, rows, pictures = (
        (new - old) / (time.monotonic() - start) for old, new in zip(before, after, strict=True)
    )
    return {"kB/s out of ssh": out / 1e3, "kB/s on the line": line / 1e3, "rows/s": rows, "pictures/s": pictures}


def medians(windows: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(each[name] for each in windows), 2) for name in windows[0]}


def disturbed(watcher: Watcher, box: sshd.Box, link: Link, options: argparse.Namespace) -> dict[str, Any]:
    """All the mishaps, then the end of the run, seen from here."""
    dice = random.Random(options.seed)
    watcher.run.send(Watch(0, 10.0))
    mishaps: Counter[str] = Counter()
    back: list[float] = []
    most = 0
    for number in range(options.cuts):
        watcher.a_row_and_a_picture()
        watcher.during(dice.uniform(0.0, 0.5))
        kinds = SILENCES if number % 2 else DROPS
        kind = kinds[number // 2 % len(kinds)]
        mishaps[kind] += 1
        mishap(kind, watcher, link)
        back.append(watcher.a_row_and_a_picture())
        most = max(most, len(streams(box)))
    over_there(box, "stop", RUN)
    watcher.until(lambda: watcher.run.state().status is RunState.STOPPED, "the end of the run")
    watcher.during(2.0)
    return {
        "cuts": options.cuts,
        "mishaps": dict(mishaps),
        "seconds until row and picture": {"median": round(statistics.median(back), 2), "max": round(max(back), 2)},
        "link states": dict(watcher.states),
        "connections": link.connections,
        "most streams at a time": most,
    }


def mishap(kind: str, watcher: Watcher, link: Link) -> None:
    """Let it happen, and wait until the watcher has hung up; which it need not do for a short silence."""
    client = this_ssh()
    match kind:
        case "ssh killed":
            client.send_signal(signal.SIGKILL)
        case "line cut":
            link.cut()
        case "ssh stopped":
            client.send_signal(signal.SIGSTOP)
        case _:
            link.stall()
    if kind == SHORT:
        watcher.during(SHORT_SILENCE_S)
        link.resume()
    else:
        watcher.until(lambda: not client.is_running(), f"{kind}: its end")


def this_ssh() -> psutil.Process:
    """The ssh by which we watch."""
    return next(each for each in psutil.Process().children() if each.name() == "ssh")


def streams(box: sshd.Box) -> list[psutil.Process]:
    return [each for each in box.processes() if "stream" in words_of(each)]


def words_of(process: psutil.Process) -> list[str]:
    """Its command line; none where it has just ended."""
    try:
        words: list[str] = process.cmdline()
    except psutil.NoSuchProcess:
        return []
    return words


def left_behind(box: sshd.Box) -> list[str]:
    """What is still there after the time that it has."""
    until = time.monotonic() + AFTERWARDS_S
    while (left := box.processes()) and time.monotonic() < until:
        time.sleep(0.1)
    return [f"{each.pid} {' '.join(words_of(each))}" for each in left]


def compared(original: Path, copy: Path) -> list[str]:
    """Where the copy is not the run, row by row; and whether its files hold a row twice, which no reader would show."""
    differences = []
    for log in LOGS:
        ours, theirs = RunDirectory(copy).log(log).read_new(), RunDirectory(original).log(log).read_new()
        if len(theirs) != theirs[-1]["seq"]:
            differences.append(f"{log}: the run itself has {len(theirs)} rows and ends with number {theirs[-1]['seq']}")
        if len(ours) != len(theirs):
            differences.append(f"{log}: {len(ours)} rows of {len(theirs)}")
        differences += [f"{log}: row {b['seq']} differs" for a, b in zip(ours, theirs, strict=False) if a != b][:5]
        lines = sum(path.read_bytes().count(b"\n") for path in copy.glob(f"{log}*.jsonl"))
        if lines != len(ours):
            differences.append(f"{log}: {lines} lines for {len(ours)} rows")
    return differences


def counted(copy: Path) -> dict[str, int]:
    return {log: len(RunDirectory(copy).log(log).read_new()) for log in LOGS}


def told(record: dict[str, Any]) -> str:
    lines = [f"{name:<30} {json.dumps(value)}" for name, value in record.items() if name != "good"]
    verdict = (
        "no row lost or repeated, nothing left behind" if record["good"] else "BAD: see differences and left behind"
    )
    return "\n".join([*lines, verdict])


if __name__ == "__main__":
    sys.exit(main())
