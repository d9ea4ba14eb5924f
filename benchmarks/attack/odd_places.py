"""Trains in places where something that is usually there is missing (goal R13).

    python benchmarks/attack/odd_places.py [--places home,network,ahead,behind,flock] [--programs train,app] [--json]

    home           a home directory that cannot be written; the runs go elsewhere
    network        none at all, not even a loopback that is up
    ahead, behind  the wall clock jumps by a day while the run trains
    flock          a file system without locks

In each of them `gridrl train` and the real app, in a pseudo-terminal, must start, train and end as anywhere else; the
log must be whole, its times must not shorten what was measured, and whoever has lost a guarantee must be told once. A
run without locks must also go on with `gridrl resume`. Where the home is all there is, `gridrl train` must refuse in
words. The exit code is 1 if anything of it is otherwise.
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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import odd
import textual
import torch
from terminal import RUN, SETTINGS, Terminal, wrong_run, wrong_terminal

from engine.runs import RunDirectory, RunState

PLACES = ("home", "network", "ahead", "behind", "flock")
PROGRAMS = ("train", "app")
BATCH = 32 * 16  # agent steps of an iteration
ITERATIONS = 60
JUMP_AFTER = 5  # iterations
PATIENCE_S = 180.0
UNGUARDED = "the file system has no locks"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--places", default=",".join(PLACES))
    parser.add_argument("--programs", default=",".join(PROGRAMS))
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    record: dict[str, Any] = {"python": sys.version.split()[0], "textual": textual.__version__}
    record |= {"torch": torch.__version__, "system": os.uname().release}
    wrong: list[str] = []
    for name in options.places.split(","):
        for program in options.programs.split(","):
            with tempfile.TemporaryDirectory() as folder, place_of(name, Path(folder)) as place:
                told, found = (trained if program == "train" else watched)(place, Path(folder))
            record[f"{name} {program}"] = told
            wrong += [f"{name} {program}: {each}" for each in found]
    record["wrong"] = wrong
    print(json.dumps(record) if options.json else "\n".join(f"{name}: {value}" for name, value in record.items()))
    return 1 if wrong else 0


@dataclass(frozen=True)
class Place:
    """Somewhere to start programs: under another command, with environment variables of its own."""

    name: str
    under: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    cannot: str = ""
    """Why there is no such place on this machine."""

    def jump(self) -> None:
        """Let the clock jump, where it does."""
        if "ODD_JUMP" in self.environment:
            Path(self.environment["ODD_JUMP"]).touch()


@contextmanager
def place_of(name: str, folder: Path) -> Iterator[Place]:
    if name == "home":
        with read_only(folder / "home") as kind:
            yield Place(name, environment=home_of(folder / "home"), cannot=kind)
    elif name == "network":
        kinds = (("unshare", "-n"), ("unshare", "-rn"))
        under = next((kind for kind in kinds if works((*kind, "true"))), ())
        yield Place(name, under, cannot="" if under else "unshare is not allowed")
    elif not odd.can_build():
        yield Place(name, cannot="the shim needs Linux and a C compiler")
    else:
        jump = {"ODD_JUMP": str(folder / "jump"), "ODD_DAYS": "1" if name == "ahead" else "-1"}
        oddity = {"ODD_NO_FLOCK": "1"} if name == "flock" else jump
        yield Place(name, environment=odd.environment_of(odd.build(folder), **oddity))


@contextmanager
def read_only(home: Path) -> Iterator[str]:
    """Make a home that nobody can write, root least of all. Yields why it is none."""
    home.mkdir()
    if os.geteuid() != 0:
        home.chmod(0o500)
        yield ""
        home.chmod(0o700)
    elif works(("mount", "-t", "tmpfs", "-o", "ro,size=4096", "gridrl", str(home))):
        yield ""
        subprocess.run(["umount", "-l", str(home)], check=True)
    else:
        yield "root can write everywhere, and cannot mount here"


def home_of(home: Path) -> dict[str, str]:
    """HOME, and none of the variables that name directories elsewhere."""
    names = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "GRIDRL_CACHE")
    folders = (".config", ".local/share", ".local/state", ".cache", ".cache/gridrl")
    return {"HOME": str(home), **dict(zip(names, (str(home / each) for each in folders), strict=True))}


def works(command: tuple[str, ...]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


# The programs


def gridrl(place: Place, runs: Path | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **place.environment}
    environment.pop("GRIDRL_RUNS", None)
    if runs is not None:
        environment["GRIDRL_RUNS"] = str(runs)
    command = [*place.under, sys.executable, "-m", "engine.cli", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        run = RunDirectory((runs or Path()) / RUN)
        while process.poll() is None and not (run.path.exists() and len(run.read_metrics()) > JUMP_AFTER):
            time.sleep(0.05)
        place.jump()
        words, complaints = process.communicate(timeout=PATIENCE_S)
    return subprocess.CompletedProcess(command, process.returncode, words, complaints)


def trained(place: Place, folder: Path) -> tuple[str, list[str]]:
    """`gridrl train` from its start to its end; what was seen, and what is wrong with it."""
    if place.cannot:
        return f"not here: {place.cannot}", []
    settings = [each for each in SETTINGS if "total_steps" not in each]
    steps = f"trainer.total_steps={BATCH * ITERATIONS}"
    ended = gridrl(place, folder / "runs", "train", "navigation", *settings, steps)
    run = RunDirectory(folder / "runs" / RUN)
    wrong = wrong_end(ended) + wrong_words(place, ended.stderr) + wrong_log(place, run, ITERATIONS)
    told = f"{len(run.read_metrics())} iterations, exit code {ended.returncode}, said {ended.stderr.strip()!r}"
    if place.name == "flock":
        steps = f"trainer.total_steps={BATCH * (ITERATIONS + 10)}"
        again = gridrl(place, folder / "runs", "resume", RUN, steps)
        wrong += wrong_end(again) + wrong_log(place, run, ITERATIONS + 10)
        told += f"; resumed: {len(run.read_metrics())} iterations"
    if place.name == "home":
        refused = gridrl(place, None, "train", "navigation", *settings, steps)
        words = refused.stderr.strip()
        if refused.returncode != 1 or "GRIDRL_RUNS" not in words or "Traceback" in words:
            wrong.append(f"with the home alone: exit code {refused.returncode}, {words[-500:]!r}")
        told += f"; with the home alone: {words!r}"
    return told, wrong


def watched(place: Place, folder: Path) -> tuple[str, list[str]]:
    """The app, with a run in it."""
    if place.cannot:
        return f"not here: {place.cannot}", []
    terminal = Terminal(folder, under=place.under, **place.environment)
    try:
        terminal.train()
        place.jump()
        terminal.until(lambda: terminal.iterations() >= ITERATIONS, "iterations")
        if place.name == "flock":
            terminal.until(lambda: UNGUARDED[:20].encode() in terminal.written, "words about the locks")
        terminal.process.send_signal(signal.SIGTERM)
        code = terminal.until_gone()
        wrong = [] if code == 128 + signal.SIGTERM else [f"exit code {code}: {terminal.written[-500:]!r}"]
        wrong += wrong_terminal(terminal) + [f"left running: {each}" for each in terminal.left_behind()]
    finally:
        terminal.close()
    iterations = len(terminal.run.read_metrics())
    wrong += (wrong_run(terminal.run) if place.name != "flock" else []) + wrong_log(place, terminal.run, iterations)
    return f"{iterations} iterations, exit code {code}", wrong


# What may be wrong


def wrong_end(ended: subprocess.CompletedProcess[str]) -> list[str]:
    bad = ended.returncode != 0 or "Traceback" in ended.stderr
    return [f"exit code {ended.returncode}: {ended.stderr[-1000:]}"] if bad else []


def wrong_words(place: Place, words: str) -> list[str]:
    """One warning where a guarantee is lost, none elsewhere."""
    expected = 1 if place.name == "flock" else 0
    warnings = [line for line in words.splitlines() if "warning" in line.lower()]
    unfit = len(warnings) != expected or (expected and UNGUARDED not in warnings[0])
    return [f"warnings: {warnings}"] if unfit else []


def wrong_log(place: Place, run: RunDirectory, iterations: int) -> list[str]:
    metrics = run.read_metrics()
    wrong = []
    if [line.step for line in metrics] != [BATCH * (index + 1) for index in range(iterations)]:
        wrong.append(f"{len(metrics)} iterations instead of {iterations}, or not in order")
    spent = [line.values["time/elapsed_s"] for line in metrics]
    if spent != sorted(spent) or spent[-1] > PATIENCE_S or min(line.values["time/fps"] for line in metrics) <= 0:
        wrong.append("what was measured went with the wall clock")
    steps = [later.time - line.time for line, later in pairwise(metrics)]
    if place.name in ("ahead", "behind") and not any(abs(step) > 80_000 for step in steps):
        wrong.append("the clock did not jump while it trained")
    if run.state().status not in (RunState.FINISHED, RunState.STOPPED):
        wrong.append(f"the run is {run.state()}")
    told = [event for event in run.read_events() if event["kind"] == "warning" and UNGUARDED in event["message"]]
    if len(told) != (len({event["attempt"] for event in run.read_events()}) if place.name == "flock" else 0):
        wrong.append(f"told of locks {len(told)} times")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
