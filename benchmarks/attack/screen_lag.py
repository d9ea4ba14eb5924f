"""How soon a number that is written into a run on another machine stands on the screen of who watches it (goal R9).

    python benchmarks/attack/screen_lag.py [--rows 300] [--rate 5] [--delay-ms 50] [--seconds 20] [--json]

The other machine is a real sshd on loopback behind a line that takes --delay-ms each way. A process there writes rows
of metrics, each with a number of its own; here `gridrl-tui attach` runs in a real pseudo-terminal behind an emulator.
The time is from the moment before a row is written to the moment when its number, or a later one, stands on the
emulated screen; so the delay of the line is in it once. Then, for --seconds, what it costs: bytes on the line with 10
rows a second of 42 metrics, and bytes into the terminal. The exit code is 1 where p99 is 250 ms or more, or the line
carries 12 kB/s or more.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # run from anywhere, installed or not
sys.path.append(str(Path(__file__).parents[1]))

from machine import machine
from terminal import wrong_terminal

from engine.runs import RunState, RunWriter
from tests.link import sshd
from tests.link.link import Link
from tests.link.screen import APP, Screen

RUN = "ruddy-otter"
METRICS = 42
COST_RATE = 10.0  # rows a second while bytes are counted
STEP = 0.1  # between two numbers: the chart shows one digit behind the point from 100 to 9,999
FIRST = 100.0
SHOWN = re.compile(r"rollout/ep_rew_mean\s+\+([\d,]+\.\d)")
GOAL_MS, GOAL_KB = 250.0, 12.0
SETTLED = 20  # rows at the beginning that count for nothing: the app is still loading


def main() -> int:
    if sys.argv[1:2] == ["write"]:
        return write(Path(sys.argv[2]), float(sys.argv[3]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--rate", type=float, default=5.0, help="rows a second while the lag is measured")
    parser.add_argument("--delay-ms", type=float, default=50.0, help="of the line, each way")
    parser.add_argument("--seconds", type=float, default=20.0, help="over which bytes are counted")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    if reason := sshd.missing():
        raise SystemExit(reason)
    with tempfile.TemporaryDirectory() as folder, closing(sshd.start(Path(folder) / "box")) as box:
        lag = measured(box, Path(folder) / "lag", options.rate, options)
        cost = measured(box, Path(folder) / "cost", COST_RATE, options, counts=True)
    wrong = []
    if lag["write to screen ms"]["p99"] >= GOAL_MS:
        wrong.append(f"p99 of the lag is not below {GOAL_MS:.0f} ms")
    if cost["kB/s on the line"] >= GOAL_KB:
        wrong.append(f"the line carries {GOAL_KB:.0f} kB/s or more")
    record = {**lag, **cost, "wrong": wrong, "machine": machine()}
    print(json.dumps(record) if options.json else "\n".join(f"{name}: {value}" for name, value in record.items()))
    return 1 if wrong else 0


def measured(
    box: sshd.Box, folder: Path, rate: float, options: argparse.Namespace, *, counts: bool = False
) -> dict[str, Any]:
    """One run, one screen: how late its rows are or, `counts`, how many bytes they are."""
    with ExitStack() as stack:
        writer = stack.enter_context(written(folder / "runs", rate))
        stack.callback(writer.terminate)
        link = stack.enter_context(Link(box.port, delay_s=options.delay_ms / 1e3))
        settings = {"GRIDRL_SSH": box.ssh(link.port), "GRIDRL_REMOTE": box.remote(folder / "runs")}
        settings |= {"GRIDRL_CACHE": f"{folder}/cache", "GRIDRL_RUNS": f"{folder}/none"}
        screen = stack.enter_context(Screen([*APP, "attach", f"{sshd.HOST}:{RUN}"], settings))
        seen = Seen(screen)
        screen.until(lambda _: len(seen.at) >= SETTLED, "rows on the screen")
        if counts:
            record = counted(screen, link, seen, options.seconds)
        else:
            first = max(seen.at) + 1
            while (newest := max(seen.at)) < first + options.rows:
                screen.until(lambda _, newest=newest: max(seen.at) > newest, "more rows")  # type: ignore[misc]
        screen.type("\x11")
        screen.until_gone()
        if wrong := wrong_terminal(screen):
            raise SystemExit(f"the terminal is not as it was: {wrong}")
        writer.terminate()
        assert writer.stdout is not None
        times = [float(line) for line in writer.stdout.read().split()]
    return record if counts else {"write to screen ms": lags(times, seen, first, options.rows)}


def written(runs: Path, rate: float) -> subprocess.Popen[str]:
    """The process that writes the run, once the run exists."""
    command = [sys.executable, __file__, "write", str(runs), str(rate)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "NO_COLOR": "1"})
    while not (runs / RUN / "state.json").exists():
        time.sleep(0.05)
    return writer


def write(runs: Path, rate: float) -> int:
    """That process: a row each time, with when it was begun; says all those times at its end, row by row."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    dice = random.Random(0)
    times: list[float] = []
    writer = RunWriter.create(runs, RUN, {}, {"recipe": "x", "game": "x", "map": "m", "seed": 0, "versions": {}})
    writer.state(RunState.TRAINING, step=0, total=10**9)
    due = time.monotonic()
    try:
        while True:
            number = len(times)
            others = {f"train/metric_{index}": dice.random() for index in range(METRICS - 1)}  # every digit is news
            times.append(time.time())
            writer.metrics(4096 * number, {"rollout/ep_rew_mean": FIRST + STEP * number, **others})
            writer.beat()
            due += dice.uniform(0.5, 1.5) / rate  # in step with no look of whoever reads
            time.sleep(max(0.0, due - time.monotonic()))
    finally:
        print("\n".join(map(repr, times)), flush=True)


class Seen:
    """When each row first stood on a screen; one that was never drawn, as a later one was, counts as seen with that."""

    def __init__(self, screen: Screen) -> None:
        self.at: dict[int, float] = {}
        screen.on_change = self._look

    def _look(self, screen: Screen) -> None:
        now = time.time()
        found = SHOWN.search("\n".join(screen.rows()))
        if found is not None:
            self.at.setdefault(round((float(found[1].replace(",", "")) - FIRST) / STEP), now)

    def of(self, row: int) -> float:
        return min(at for shown, at in self.at.items() if shown >= row)


def lags(times: list[float], seen: Seen, first: int, rows: int) -> dict[str, Any]:
    """Milliseconds, by share of the rows."""
    late = sorted(1e3 * (seen.of(row) - times[row]) for row in range(first, first + rows))
    drawn = sum(row in seen.at for row in range(first, first + rows))
    share = {f"p{percent}": round(late[min(rows - 1, rows * percent // 100)]) for percent in (50, 90, 99)}
    return {**share, "max": round(late[-1]), "rows": rows, "drawn": drawn}


def counted(screen: Screen, link: Link, seen: Seen, seconds: float) -> dict[str, Any]:
    before = time.monotonic(), link.bytes_back, link.bytes_there, len(screen.written), max(seen.at)
    while time.monotonic() < before[0] + seconds:
        time.sleep(0.1)
    after = time.monotonic(), link.bytes_back, link.bytes_there, len(screen.written), max(seen.at)
    taken, back, there, drawn, rows = (new - old for old, new in zip(before, after, strict=True))
    return {
        "metrics": METRICS,
        "rows/s": round(rows / taken, 1),
        "kB/s on the line": round(back / taken / 1e3, 2),
        "kB/s the other way": round(there / taken / 1e3, 2),
        "kB/s into the terminal": round(drawn / taken / 1e3, 2),
    }


if __name__ == "__main__":
    sys.exit(main())
