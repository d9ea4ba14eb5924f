"""The short forms of benchmarks/attack/: readers beside a writer that is killed, and faults below the writer."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.errors import RunError
from engine.runs import RunDirectory, RunWriter

ATTACKS = Path(__file__).parents[2] / "benchmarks" / "attack"


def report_of(script: str, *options: str) -> dict[str, Any]:
    command = [sys.executable, str(ATTACKS / script), *options, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.stdout, done.stderr
    record: dict[str, Any] = json.loads(done.stdout)
    assert record["failures"] == [], done.stderr
    assert done.returncode == 0
    return record


@pytest.mark.slow
def test_fifty_reads_beside_a_killed_writer_are_prefixes_of_the_truth() -> None:
    record = report_of("readers.py", "--reads", "50")

    assert record["reads"] == 50
    assert min(record[count] for count in ("records", "kills", "parts")) > 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux" or shutil.which("cc") is None, reason="the shim needs Linux and `cc`")
@pytest.mark.parametrize("mode", ["once", "dead", "full", "short"])
def test_a_call_that_fails_anywhere_loses_and_breaks_nothing(mode: str) -> None:
    record = report_of("faults.py", "--modes", mode, "--every", "29")

    assert record[mode] > 2
    assert record["refusals"] > 0


def test_a_run_whose_creation_was_cut_short_is_resumed(tmp_path: Path) -> None:
    RunWriter.create(tmp_path, "calm-fox", {}, {}).close()
    (tmp_path / "calm-fox" / "state.json").unlink()

    with RunWriter.resume(tmp_path / "calm-fox") as run:
        run.metrics(1, {"a": 1.0})

    assert [line.step for line in RunDirectory(run.path).read_metrics()] == [1]


def test_a_run_that_has_lost_its_state_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path, "calm-fox", {}, {}) as run:
        run.metrics(1, {"a": 1.0})
    (run.path / "state.json").unlink()

    with pytest.raises(RunError, match=r"state\.json: it does not exist"):
        RunWriter.resume(run.path)
