"""A training process killed at random points, and resumed each time, ends with the weights of one left in peace."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "kill_resume.py"


@pytest.mark.slow
def test_thirty_kills_change_nothing() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--kills", "30", "--json"], capture_output=True, text=True, timeout=900
    )

    assert done.stdout, done.stderr
    record = json.loads(done.stdout)
    assert record["differences"] == []
    assert record["kills"] == 30
    assert min(record[kind] for kind in ("while saving", "while rotating", "while training")) > 0
    assert done.returncode == 0
