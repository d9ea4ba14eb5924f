"""SIGKILL of a real writer at random points: what is on disk stays whole, contiguous and continuable."""

from __future__ import annotations

import csv
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.runs import ENDED_WITHOUT_CLOSING, RunDirectory, RunState, RunWriter

WRITER = """
import sys
from pathlib import Path
from engine.runs import RunState, RunWriter

path = Path(sys.argv[1])
run = RunWriter.resume(path, segment_bytes=60_000)
run.state(RunState.TRAINING, 0, 10**9)
step = 0
while True:
    step += 1
    run.metrics(step, {f"train/metric_{index}": step * 0.1 for index in range(15 + step % 3)})
    run.episodes([{"env": env, "agent": 0, "episode": step, "reward": 1.0, "stats": {"a": 1}} for env in range(100)])
    run.event("warning", "word " * 100)
    run.state(RunState.TRAINING, step, 10**9)
    sys.stdout.write(".")
    sys.stdout.flush()
"""
KILLS = 20


def kill_a_writer(path: Path, iterations: int) -> None:
    root = Path(__file__).parents[2]
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, cwd=root)
    assert writer.stdout is not None
    writer.stdout.read(iterations)
    writer.send_signal(signal.SIGKILL)
    writer.stdout.read()
    writer.stdout.close()
    assert writer.wait() == -signal.SIGKILL


@pytest.mark.slow
def test_a_killed_writer_leaves_contiguous_logs_and_a_run_that_goes_on(tmp_path: Path) -> None:
    RunWriter.create(tmp_path, "calm-fox", {}, {}).close(RunState.STOPPED)
    run = RunDirectory(tmp_path / "calm-fox")
    readers = {name: run.log(name) for name in ("metrics", "episodes", "events")}
    followed: dict[str, list[int]] = {name: [] for name in readers}
    dice = random.Random(7)

    for _ in range(KILLS):
        kill_a_writer(run.path, dice.randrange(1, 30))

        assert run.state().status is RunState.FAILED
        assert run.state().message == ENDED_WITHOUT_CLOSING
        for name, reader in readers.items():
            followed[name] += [record["seq"] for record in reader.read_new()]

    for name, reader in readers.items():
        afresh = [record["seq"] for record in run.log(name).read_new()]
        assert afresh == followed[name] == list(range(1, len(afresh) + 1))
        assert reader.bad_lines == 0
    RunWriter.resume(run.path).close()
    with (run.path / "progress.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert len({len(row) for row in rows}) == 1
    assert sum(row[0] == "step" for row in rows) == 1
    assert not list(run.path.glob("*.tmp"))
