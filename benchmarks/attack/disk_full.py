"""Fills the disk under a run that trains, gives the space back, and looks at what the run made of it (goal R12).

    python benchmarks/attack/disk_full.py [--rounds 3] [--full-s 5] [--shim] [--no-end] [--json]

The run is a real `gridrl train`. Its disk is a tmpfs of its own, filled by a file; where none can be mounted, or with
--shim, a shim under libc refuses its writes instead (see odd.py). While the disk is full, training must go on, say so,
and keep its last checkpoint; afterwards the log must have every iteration once, also those from when the disk was full.
At last a run is ended on a full disk: it must fail in words, and leave a checkpoint to go on from. The exit code is 1
if anything of it is otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import odd

from engine.runs import RunDirectory, RunState, load_checkpoint

RUN = "calm-fox"
BATCH = 32 * 16  # agent steps of an iteration
SETTINGS = (
    "trainer.env_count=32",
    "trainer.horizon=16",
    "trainer.minibatch_size=256",
    "trainer.total_steps=1000000000000",
    "trainer.anneal=false",
    "trainer.checkpoint_every_s=0.5",
    f"run={RUN}",
)
DISK_BYTES = 24 * 1024 * 1024
PATIENCE_S = 120.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often the disk is full")
    parser.add_argument("--full-s", type=float, default=5.0, help="for how long")
    parser.add_argument("--shim", action="store_true", help="refuse writes instead of filling a tmpfs")
    parser.add_argument("--no-end", action="store_true", help="end no run on a full disk, which takes 20 s")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, disk(Path(folder), shim=options.shim) as place:
        found = trained_through(place, options.rounds, options.full_s)
        wrong = found.pop("wrong")
        if not options.no_end:
            ended = ended_on_full(place)
            wrong += ended.pop("wrong")
            found |= ended
    record = {
        "disk": place.kind,
        "python": sys.version.split()[0],
        "system": os.uname().release,
        **found,
        "wrong": wrong,
    }
    print(json.dumps(record) if options.json else "\n".join(f"{name}: {value}" for name, value in record.items()))
    return 1 if wrong else 0


class Disk:
    """A place for runs that can be made full."""

    def __init__(self, root: Path, kind: str, environment: dict[str, str]) -> None:
        self.root, self.kind, self.environment = root, kind, environment
        self._filler = root / "filler" if kind == "tmpfs" else root.with_name(f"{root.name}.full")

    def fill(self) -> None:
        if self.kind != "tmpfs":
            self._filler.touch()
            return
        with suppress(OSError), self._filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def free(self) -> None:
        self._filler.unlink()


@contextmanager
def disk(folder: Path, *, shim: bool) -> Iterator[Disk]:
    root = folder / "disk"
    root.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "gridrl", str(root)]
    if not shim and subprocess.run(mount, capture_output=True, check=False).returncode == 0:
        try:
            yield Disk(root, "tmpfs", {})
        finally:
            subprocess.run(["umount", "-l", str(root)], check=True)
        return
    if not odd.can_build():
        raise SystemExit("needs to mount a tmpfs, or a C compiler for a shim")
    yield Disk(root, "shim", odd.environment_of(odd.build(folder), ODD_FULL=str(root)))


class Run:
    """A `gridrl train` in a process of its own."""

    def __init__(self, place: Disk) -> None:
        self.path = place.root / "runs" / RUN
        self.directory = RunDirectory(self.path)
        environment = {**os.environ, **place.environment, "GRIDRL_RUNS": str(self.path.parent)}
        self._words = tempfile.TemporaryFile("w+")  # not on the full disk  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-m", "engine.cli", "train", "navigation", *SETTINGS],
            stdout=subprocess.DEVNULL,
            stderr=self._words,
            env=environment,
        )

    def words(self) -> str:
        return os.pread(self._words.fileno(), 1 << 20, 0).decode()

    def until(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"no {what}; exit code {self.process.poll()}: {self.words()}")
            time.sleep(0.05)

    def logged(self, name: str) -> list[dict[str, Any]]:
        return self.directory.log(name).read_new() if self.path.exists() else []

    def waits_over(self) -> list[dict[str, Any]]:
        return [event for event in self.logged("events") if "had to wait" in event["message"]]

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._words.close()


def trained_through(place: Disk, rounds: int, full_s: float) -> dict[str, Any]:
    """A run, with a disk that is full now and then."""
    run = Run(place)
    wrong: list[str] = []
    spans = []
    try:
        for number in range(rounds):
            known = len(run.logged("metrics"))
            run.until(lambda known=known: len(run.logged("metrics")) > known + 10, "iterations")
            run.until(run.directory.latest_checkpoint, "checkpoint")
            place.fill()
            began = time.time()
            run.until(lambda number=number: run.words().count("; training goes on") > number, "words about the disk")
            time.sleep(full_s)
            kept = run.directory.latest_checkpoint()
            wrong += [] if kept is not None and load_checkpoint(kept)[0] else ["the last checkpoint is gone"]
            spans.append((began, time.time()))
            place.free()
            run.until(lambda number=number: len(run.waits_over()) > number, "records after there is room again")
        code = run.end()
    finally:
        run.close()
    metrics = run.logged("metrics")
    meanwhile = [sum(began < line["time"] < ended for line in metrics) for began, ended in spans]
    wrong += [] if code == 128 + signal.SIGTERM else [f"exit code {code}"]
    wrong += [] if all(meanwhile) else ["training stood still while the disk was full"]
    wrong += faults_of(run, metrics)
    shutil.move(run.path, run.path.with_name("through"))
    return {
        "iterations": len(metrics),
        "while full": meanwhile,
        "refused checkpoints": sum("no checkpoint was saved" in each["message"] for each in run_events(run, "through")),
        "told": [each["message"] for each in run_events(run, "through") if "had to wait" in each["message"]],
        "wrong": wrong,
    }


def run_events(run: Run, name: str) -> list[dict[str, Any]]:
    return RunDirectory(run.path.with_name(name)).read_events()


def faults_of(run: Run, metrics: list[dict[str, Any]]) -> list[str]:
    """What is wrong with a run that has ended well."""
    wrong = []
    if [line["step"] for line in metrics] != [BATCH * (index + 1) for index in range(len(metrics))]:
        wrong.append("the metrics lack an iteration, or have one twice")
    for name in ("metrics", "episodes", "events"):
        records = run.logged(name)
        if [record["seq"] for record in records] != list(range(1, len(records) + 1)):
            wrong.append(f"the numbers of {name} have a hole")
    rows = (run.path / "progress.csv").read_text().splitlines()[1:]
    if [int(row.split(",")[0]) for row in rows] != [line["step"] for line in metrics]:
        wrong.append("progress.csv is not the metrics")
    state, checkpoint = run.directory.state(), run.directory.latest_checkpoint()
    if state.status is not RunState.STOPPED:
        wrong.append(f"the run is {state}")
    if checkpoint is None or load_checkpoint(checkpoint)[1]["step"] != state.step:
        wrong.append("the last checkpoint is not the run's end")
    return wrong


def ended_on_full(place: Disk) -> dict[str, Any]:
    """A run that is ended while the disk is full, which stays so."""
    run = Run(place)
    try:
        run.until(lambda: run.path.exists() and run.directory.latest_checkpoint(), "checkpoint")
        place.fill()
        run.until(lambda: "; training goes on" in run.words(), "words about the disk")
        began = time.monotonic()
        code = run.end()
        took = time.monotonic() - began
        words = run.words().splitlines()
    finally:
        run.close()
        place.free()
    kept, state = run.directory.latest_checkpoint(), run.directory.state()
    failed = code == 1 and "the disk is full" in words[-2] + words[-1] and state.status is RunState.FAILED
    wrong = [] if failed else [f"ended on a full disk: exit code {code}, {state}, {words}"]
    wrong += [] if kept is not None and load_checkpoint(kept)[0] else ["ended on a full disk: no checkpoint"]
    return {"end": f"{took:.1f} s until exit code {code}: {' / '.join(words[-2:])}", "wrong": wrong}


if __name__ == "__main__":
    sys.exit(main())
