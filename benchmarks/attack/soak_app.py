"""Uses the real app for a while, with a run in it, and looks at what it holds on to (goal R4).

    python benchmarks/attack/soak_app.py [--minutes 5] [--json]

In a pseudo-terminal: panes are switched, the run's agents are watched and played with, the log is queried, all the
time while small iterations are trained. Memory, open files and threads are noted as it goes. An hour of R4 is a 24th of
a day of 10^6 updates, 10^5 frames and 10^4 switches of panes; what was done is told in such hours. The first third is
the warm-up and no part of the slopes. The exit code is 1 if files or threads have grown, or if the program ends badly.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import textual
import torch
from terminal import Terminal, wrong_run, wrong_terminal

SETTINGS = ("trainer.env_count=8", "trainer.horizon=8", "trainer.minibatch_size=64")  # 64 agent steps an iteration
AN_HOUR = {"updates": 1e6 / 24, "frames": 1e5 / 24, "switches": 1e4 / 24}
SQL = "SELECT run_id, count(*), max(step) FROM metrics GROUP BY ALL"
ROUND = (
    ("\x1b[12~", 0.25),  # F2: live
    ("w", 0.4),  # the run's agents, or back
    ("w", 0.1),
    (" ", 0.4),  # time flows
    (" ", 0.1),
    ("\x1b[13~", 0.3),  # F3: the charts
    ("\x1b[14~", 0.25),  # F4: maps
    ("\x1b[15~", 0.25),  # F5: query
    ("\x1b[15~", 0.4),  # run it
)
"""Keys, and the seconds after each."""

SWITCHES = 4  # of a round
SETTLED_MINUTES = 3.0  # pools of threads fill up in the first one
KEPT_BYTES = 1 << 16  # of what the program wrote: enough for its last words


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    record: dict[str, Any] = {"python": sys.version.split()[0], "textual": textual.__version__}
    record |= {"torch": torch.__version__, "system": os.uname().release}
    with tempfile.TemporaryDirectory() as folder:
        record |= soaked(Path(folder), options.minutes)
    print(json.dumps(record) if options.json else "\n".join(f"{name}: {value}" for name, value in record.items()))
    return 1 if record["wrong"] else 0


@dataclass(frozen=True)
class Sample:
    """What the process held at one moment."""

    minutes: float
    rss_mb: float
    files: int
    threads: int
    updates: int


class Screen(Terminal):
    """A terminal that has its frames marked, counts them, and forgets what was on them."""

    frames = 0

    def read(self, seconds: float) -> None:
        before = len(self.written)
        super().read(seconds)
        if b"\x1b[?2026$p" in self.written[before:]:
            os.write(self.master, b"\x1b[?2026;2$y")
        self.frames += self.written.count(b"\x1b[?2026l", max(before - 7, 0))

    def read_for(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and self.process.poll() is None:
            self.read(left)
        self.forget()

    def forget(self) -> None:
        """All but the modes that were set at the start and the last words."""
        if len(self.written) > 3 * KEPT_BYTES:
            self.written = self.written[:KEPT_BYTES] + self.written[-KEPT_BYTES:]


def soaked(folder: Path, minutes: float) -> dict[str, Any]:
    screen = Screen(folder, overrides=SETTINGS)
    log = screen.run.log("metrics")
    updates = rounds = 0
    samples: list[Sample] = []
    try:
        screen.train()
        screen.type("\x1b[15~")
        screen.until_written("QUERY")
        screen.type(SQL)
        process = psutil.Process(screen.process.pid)
        began = time.monotonic()
        while time.monotonic() - began < 60 * minutes and screen.process.poll() is None:
            for key, seconds in ROUND:
                screen.type(key)
                screen.read_for(seconds)
            rounds += 1
            updates += len(log.read_new())
            samples.append(sampled(process, (time.monotonic() - began) / 60, updates))
        screen.process.send_signal(signal.SIGTERM)
        code = screen.until_gone()
        wrong = [] if code == 128 + signal.SIGTERM else [f"exit code {code}: {screen.written[-2000:]!r}"]
        wrong += wrong_terminal(screen) + wrong_run(screen.run)
    finally:
        screen.close()
    return told(samples, {"updates": updates, "frames": screen.frames, "switches": SWITCHES * rounds}, wrong)


def sampled(process: psutil.Process, minutes: float, updates: int) -> Sample:
    with process.oneshot():
        rss = process.memory_info().rss / 1e6
        return Sample(minutes, rss, process.num_fds(), process.num_threads(), updates)


def told(samples: list[Sample], done: dict[str, int], wrong: list[str]) -> dict[str, Any]:
    warm = samples[len(samples) // 3 :]
    minutes = [sample.minutes for sample in warm]
    rss, files, threads = (
        slope(minutes, [getattr(sample, name) for sample in warm]) for name in ("rss_mb", "files", "threads")
    )
    half = len(warm) // 2
    settled = samples[-1].minutes >= SETTLED_MINUTES
    for name in ("files", "threads") if settled else ("files",):  # they come and go: the least must not rise
        early, late = (min(getattr(sample, name) for sample in part) for part in (warm[:half], warm[half:]))
        wrong += [f"{name}: {early} at least, then {late}"] if late > early + 1 else []
    per_update = slope([float(sample.updates) for sample in warm], [sample.rss_mb for sample in warm])
    return {
        "minutes": round(samples[-1].minutes, 1),
        **done,
        "hours of R4": {name: round(count / AN_HOUR[name], 2) for name, count in done.items()},
        "first": str(samples[0]),
        "after the warm-up": str(warm[0]),
        "last": str(samples[-1]),
        "RSS, MB in an hour of the clock": round(60 * rss, 1),
        "RSS, MB in an hour's updates": round(AN_HOUR["updates"] * per_update, 2),
        "files an hour": round(60 * files, 2),
        "threads an hour": round(60 * threads, 2),
        "wrong": wrong,
    }


def slope(places: list[float], values: list[float]) -> float:
    """Of the line of least squares through some points; 0 where there is none."""
    middle, mean = sum(places) / len(places), sum(values) / len(values)
    spread = sum((place - middle) ** 2 for place in places)
    return sum((place - middle) * (value - mean) for place, value in zip(places, values, strict=True)) / (spread or 1.0)


if __name__ == "__main__":
    sys.exit(main())
