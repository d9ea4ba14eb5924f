"""A run watched over a bad line: whatever happens to the line, the copy is the run, and nothing is left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from . import sshd

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "attack" / "link.py"


@pytest.mark.slow
@pytest.mark.skipif(bool(sshd.missing()), reason=sshd.missing())
def test_six_cuts_lose_nothing_repeat_nothing_and_leave_nothing() -> None:
    words = ["--cuts", "6", "--windows", "0", "--dead-after", "4", "--json"]
    done = subprocess.run([sys.executable, str(SCRIPT), *words], capture_output=True, text=True, timeout=900)

    assert done.stdout, done.stderr
    record = json.loads(done.stdout)
    assert record["differences"] == []
    assert record["left behind"] == []
    assert record["mishaps"] == {"ssh killed": 2, "line cut": 1, "line silent": 1, "ssh stopped": 1, "short silence": 1}
    assert min(record["rows"].values()) > 0
    assert done.returncode == 0
