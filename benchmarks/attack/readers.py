"""Reads a run from other processes while it is written, rotated, compacted, killed and resumed (goal R14).

    python benchmarks/attack/readers.py [--reads 1000] [--seed 0] [--json]

One process writes: files of the log are tiny, so that it closes and compacts one every few milliseconds, and it gets
SIGKILL now and then and goes on where it was. Two processes read: the whole log, what is new since their last look, or
what comes after a number; through a LogReader each, and the state of the run beside it. Every read must succeed and be
a prefix of the truth: numbers without a gap, none twice, each record the one that was written under its number, and
never fewer than the reader has seen before. The exit code is 1 if one is not.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb  # noqa: F401  # loaded once, before the forks; each process opens its own

from engine.runs import LogReader, RunDirectory, RunState, RunWriter
from engine.runs.log import part_numbers, segment_numbers

SEGMENT_BYTES = 4_000
READERS = 2
READS_OF_A_RUN = 100  # each reads the log from the beginning: with more of them it would read most of the time
LONGEST_LIFE_S = 1.5  # of the writer between two kills
LONGEST_PAUSE_S = 0.05  # between two reads: for the log to become another one
LOGS = {"metrics": 1, "episodes": 3}
"""Records of a step in each log: the number of a record tells what it must be."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reads", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="of the moments and of the kinds of reads")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    totals: Counter[str] = Counter(reads=0, records=0, runs=0, kills=0, parts=0)
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        while totals["reads"] < options.reads and not failures:
            path = Path(folder) / f"run-{totals['runs']}"
            reads = min(READS_OF_A_RUN, options.reads - totals["reads"])
            counts, failures = attack(path, reads, options.seed + totals["runs"])
            totals += counts
            totals["runs"] += 1
    record = {**totals, "failures": failures}
    print(json.dumps(record) if options.json else told(record))
    return 1 if failures else 0


def told(record: dict[str, Any]) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in record.items() if kind.startswith(("of ", "from ")))
    verdict = f"FAILED: {record['failures']}" if record["failures"] else "every one a prefix of the truth"
    return (
        f"{record['reads']} reads ({kinds}) of {record['records']:,} records in {record['runs']} runs, "
        f"{record['parts']} files compacted, {record['kills']} kills of the writer: {verdict}"
    )


def attack(path: Path, reads: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Let two processes read a run so many times while a third writes it."""
    RunWriter.create(path.parent, path.name, {}, {}, segment_bytes=SEGMENT_BYTES).close(RunState.STOPPED)
    dice = random.Random(seed)
    shares = [reads // READERS + (index < reads % READERS) for index in range(READERS)]
    reports = [path.parent / f"{path.name}-reader-{index}.json" for index in range(READERS)]
    readers = [
        forked(lambda index=index: read(path, shares[index], reports[index], seed * READERS + index))
        for index in range(READERS)
    ]
    counts: Counter[str] = Counter()
    while any(os.waitid(os.P_PID, reader, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None for reader in readers):
        writer = forked(lambda: write(path))
        time.sleep(dice.uniform(0.2, LONGEST_LIFE_S))
        os.kill(writer, signal.SIGKILL)
        counts["kills"] += os.WIFSIGNALED(os.waitpid(writer, 0)[1])
    died = [f"a reader exited with {status}" for reader in readers if (status := os.waitpid(reader, 0)[1])]
    counts["parts"] = sum(len(part_numbers(path / name)) for name in LOGS)
    failures = [*died, *check_end(path)]
    for report in reports:
        said = json.loads(report.read_text()) if report.exists() else {"failures": ["a reader said nothing"]}
        failures += said.pop("failures")
        counts += Counter(said)
    return counts, failures


def forked(work: Callable[[], None]) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work()
        code = 0
    except BaseException:  # noqa: BLE001  # nobody above may see it: this process is a fork
        traceback.print_exc()
    finally:
        os._exit(code)


def write(path: Path) -> None:
    """Write the run from where its log ends, until the kill."""
    ends = {name: (LogReader(path / name).read_new() or [{"seq": 0}])[-1]["seq"] for name in LOGS}
    run = RunWriter.resume(path, segment_bytes=SEGMENT_BYTES)
    step = min(end // LOGS[name] for name, end in ends.items())
    run.state(RunState.TRAINING, step, 10**9)
    while True:
        step += 1
        if step > ends["metrics"]:
            run.metrics(step, values_of(step))
        first = max((step - 1) * LOGS["episodes"], ends["episodes"]) + 1
        run.episodes([row_of(seq) for seq in range(first, step * LOGS["episodes"] + 1)], step=step)
        run.state(RunState.TRAINING, step, 10**9)
        time.sleep(0.0005)  # else the log grows faster than it is read, and the reads take ever longer


def values_of(seq: int) -> dict[str, float]:
    return {f"train/metric_{index}": seq / (index + 3) for index in range(3 + seq % 4)}


def row_of(seq: int) -> dict[str, Any]:
    who = {"env": seq % 7, "agent": 0, "group": 0, "world": 0, "episode": seq, "length": seq % 50, "reward": seq / 7}
    return {**who, "end": "terminated", "terms": {"goal": seq / 3}, "stats": {"steps": seq}}


def truth(name: str, seq: int) -> dict[str, Any]:
    """What a record of this number says, but for the clock and the attempt."""
    step = (seq - 1) // LOGS[name] + 1
    said = {"values": values_of(seq)} if name == "metrics" else row_of(seq)
    return {"v": 1, "seq": seq, "step": step, **said}


def read(path: Path, reads: int, report: Path, seed: int) -> None:
    """Read so many times, each time the whole log, what is new, or what comes after a number."""
    dice = random.Random(seed)
    counts: Counter[str] = Counter()
    failures: list[str] = []
    followers = {name: LogReader(path / name) for name in LOGS}
    known = dict.fromkeys(LOGS, 0)
    followed = dict.fromkeys(LOGS, 0)
    while counts["reads"] < reads and not failures:
        name = dice.choice(list(LOGS))
        kind = dice.choice(["of all", "of what is new", "from a number on"])
        after = {"of all": 0, "of what is new": followed[name], "from a number on": dice.randrange(known[name] + 1)}[
            kind
        ]
        try:
            reader = followers[name] if kind == "of what is new" else LogReader(path / name, after=after)
            records = reader.read_new(dice.choice([None, None, 2_000]) if kind == "of what is new" else None)
            said = RunDirectory(path).state().message
        except Exception as error:  # noqa: BLE001  # whatever it is, the read did not succeed
            failures.append(f"{kind}, {name}: {error!r}")
            break
        failures += wrong(name, records, after) + ([f"bad lines in {name}"] if reader.bad_lines else [])
        failures += [f"state: {said}"] if said not in ("", "ended without closing") else []
        end = after + len(records)
        if kind == "of what is new":
            followed[name] = end
        elif end < known[name]:
            failures.append(f"{kind}, {name}: {end} records, there were {known[name]}")
        known[name] = max(known[name], end)
        counts.update({"reads": 1, "records": len(records), kind: 1})
        time.sleep(dice.uniform(0, LONGEST_PAUSE_S))
    report.write_text(json.dumps({**counts, "failures": failures}))


def wrong(name: str, records: list[dict[str, Any]], after: int) -> list[str]:
    """What is not as it was written."""
    for place, record in enumerate(records):
        expected = truth(name, after + place + 1)
        if {key: record.get(key) for key in expected} != expected or len(record) != len(expected) + 2:
            return [f"{name} {after + place + 1} is {record}"]
    return []


def check_end(path: Path) -> list[str]:
    """The log as it lies there at last, after one more resume."""
    RunWriter.resume(path, segment_bytes=SEGMENT_BYTES).close()
    failures = [error for name in LOGS for error in wrong(name, LogReader(path / name).read_new(), 0)]
    for name in LOGS:
        parts, lines = part_numbers(path / name), segment_numbers(path / name)
        if sorted({*parts, *lines}) != list(range(1, max(parts + lines) + 1)):
            failures.append(f"{name} has parts {parts} and segments {lines}")
    return failures + [f"{draft.name} is left" for draft in path.glob(".*.parquet.*.tmp")]


if __name__ == "__main__":
    sys.exit(main())
