"""The programs of benchmarks/attack, each in its short form: real processes, real disks and terminals."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = Path(__file__).parents[2] / "benchmarks" / "attack"
LONGEST_S = 300.0

needs_shim = pytest.mark.skipif(
    shutil.which("cc") is None or not sys.platform.startswith("linux"), reason="the shim needs Linux and a C compiler"
)


def attacked(program: str, *options: str) -> dict[str, Any]:
    """What a program has found, with nothing wrong in it."""
    ended = subprocess.run(
        [sys.executable, str(PROGRAMS / program), *options, "--json"],
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
        cwd=PROGRAMS.parents[1],
        env={name: value for name, value in os.environ.items() if name != "NO_COLOR"},
    )
    assert ended.stdout, ended.stderr
    record: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    assert record["wrong"] == [], ended.stderr
    assert ended.returncode == 0
    return record


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="tmpfs is Linux's")
def test_training_goes_on_while_a_real_disk_is_full() -> None:
    record = attacked("disk_full.py", "--rounds", "1", "--full-s", "1", "--no-end")
    if record["disk"] != "tmpfs":
        pytest.skip("no tmpfs can be mounted here: the shim took its place")

    assert record["while full"][0] > 0
    assert record["refused checkpoints"] > 0


@needs_shim
def test_training_goes_on_while_all_writes_are_refused() -> None:
    record = attacked("disk_full.py", "--rounds", "1", "--full-s", "1", "--no-end", "--shim")

    assert record["while full"][0] > 0


def test_the_terminal_survives_stops_and_a_storm_of_resizes() -> None:
    record = attacked("terminal.py", "--cases", "INT,TSTP,resizes", "--resizes", "150")

    assert "stopped and continued 3 times" in record["TSTP"]
    assert "150 resizes" in record["resizes"]


@pytest.mark.parametrize(
    "place",
    ["home", "network", pytest.param("ahead", marks=needs_shim), pytest.param("behind", marks=needs_shim)],
)
def test_a_run_is_trained_where_something_is_missing(place: str) -> None:
    record = attacked("odd_places.py", "--places", place, "--programs", "train")
    if record[f"{place} train"].startswith("not here"):
        pytest.skip(record[f"{place} train"])

    assert "60 iterations, exit code 0, said ''" in record[f"{place} train"]


@needs_shim
def test_a_run_without_locks_is_told_of_and_goes_on() -> None:
    record = attacked("odd_places.py", "--places", "flock")

    assert "said 'warning: the file system has no locks" in record["flock train"]
    assert "resumed: 70 iterations" in record["flock train"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="files of another process are counted as Linux does")
def test_a_sitting_leaves_no_files_open_and_ends_well() -> None:
    record = attacked("soak_app.py", "--minutes", "0.3")

    assert record["switches"] >= 12
    assert record["updates"] > 0
