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
