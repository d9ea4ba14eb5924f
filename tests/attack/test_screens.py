"""Screens on runs that outlive them, each program of benchmarks/attack in its short form: real ptys, a real sshd."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = Path(__file__).parents[2] / "benchmarks" / "attack"
LONGEST_S = 900.0


def attacked(program: str, *options: str) -> dict[str, Any]:
    """What a program has found, with nothing wrong in it; skipped where it cannot be run."""
    command = [sys.executable, str(PROGRAMS / program), *options, "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, check=False)
    if not ended.stdout and "apt-get install" in ended.stderr:
        pytest.skip(ended.stderr.strip())
    assert ended.stdout, ended.stderr
    record: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    assert record["wrong"] == []
    assert ended.returncode == 0
    return record


@pytest.mark.slow
def test_three_screens_and_a_shell_give_a_hundred_commands_and_see_one_history() -> None:
    record = attacked("watchers.py", "--commands", "100")

    assert min(record["commands"].values()) > 0


@pytest.mark.slow
def test_a_run_that_is_killed_resumed_and_handed_over_tells_one_true_story() -> None:
    record = attacked("story.py", "--iterations", "400", "--cuts", "2")

    assert record["attempts"] == 4
    assert record["rows"] > record["rows that count"] == 400


@pytest.mark.slow
def test_a_number_written_far_away_stands_on_the_screen() -> None:
    """How soon is for the program to say, on a machine that does nothing else; here, that each does."""
    command = [sys.executable, str(PROGRAMS / "screen_lag.py"), "--rows", "20", "--seconds", "2", "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, check=False)
    if not ended.stdout and "apt-get install" in ended.stderr:
        pytest.skip(ended.stderr.strip())

    assert ended.stdout, ended.stderr
    record = json.loads(ended.stdout.splitlines()[-1])
    assert record["write to screen ms"]["rows"] == 20
    assert record["write to screen ms"]["p50"] >= 50  # the delay of the line: nothing came from anywhere else
