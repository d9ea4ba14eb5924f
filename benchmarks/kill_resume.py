"""SIGKILLs a training process again and again, resumes it each time, and compares it with a run that nobody disturbed.

    python benchmarks/kill_resume.py [--kills 200] [--seed 0] [--json]

The process is real and so is the signal. A quarter of the kills wait until a checkpoint is being written, a quarter
until the log begins a new file, a quarter until a closed file of it is being made into Parquet, the others come at any
time. At the end every tensor of the last checkpoint (weights, optimiser, random streams, worlds) and every metric that
is not a time must be equal, bit for bit; the exit code is 1 if one is not.
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

import duckdb  # noqa: F401  # as the next but one
import torch
import torch._dynamo  # an optimiser needs it: here it is loaded once, and not for seconds by each child

from engine.maps import cells_for, load_map
from engine.runs import BackgroundWriter, RunDirectory, RunWriter, load_checkpoint
from engine.sim import World, games
from engine.training.config import TrainerConfig
from engine.training.state import load_tensors
from engine.training.trainer import Trainer

SEGMENT_BYTES = 8_000  # of a log: it goes on in another file every second or so
SETTINGS = {
    "total_steps": 400_000,
    "env_count": 64,
    "horizon": 16,
    "minibatch_size": 256,
    "normalize_rewards": True,
    "checkpoint_every_s": 0.05,
    "policy": {"hidden": [32], "memory": "mingru", "memory_size": 16},
}
LONGEST_WAIT_S = 0.8
_NOT_REPEATED = ("time/", "system/", "memory/", "maps/cache_hit_rate")
"""Metrics that tell of the process, and not of what it learnt."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="of the moments, and of the runs")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    torch.set_num_threads(1)  # before the first fork: no child inherits half a pool of threads
    dice = random.Random(options.seed)
    totals: Counter[str] = Counter(kills=0, runs=0, attempts=0)
    differences: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        while totals["kills"] < options.kills and not differences:
            config = TrainerConfig.model_validate({**SETTINGS, "seed": options.seed + totals["runs"]})
            calm, hunted = Path(folder) / f"calm-{totals['runs']}", Path(folder) / f"hunted-{totals['runs']}"
            finish(calm, config)
            totals += hunt(hunted, config, options.kills - totals["kills"], dice)
            totals["runs"] += 1
            differences = compared(calm, hunted)
    record = {**totals, "identical": not differences, "differences": differences[:20]}
    print(json.dumps(record) if options.json else told(record))
    return 1 if differences else 0


def told(record: dict[str, object]) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in record.items() if str(kind).startswith("while "))
    verdict = "identical, bit for bit" if record["identical"] else f"DIFFERENT: {record['differences']}"
    return f"{record['kills']} kills ({kinds}) over {record['runs']} runs, {record['attempts']} attempts: {verdict}"


def hunt(path: Path, config: TrainerConfig, kills: int, dice: random.Random) -> Counter[str]:
    """Train one run to its end, killing its process up to so many times."""
    counts: Counter[str] = Counter()
    while True:
        counts["attempts"] += 1
        child = started(path, config)
        kind = dice.choice(("while saving", "while rotating", "while compacting", "while training"))
        moment = killed(child, path, kind, dice.uniform(0.05, LONGEST_WAIT_S)) if counts["kills"] < kills else ""
        if moment:
            counts["kills"] += 1
            counts[moment] += 1
        elif _exit_code(child) == 0:
            return counts


def started(path: Path, config: TrainerConfig) -> int:
    """A process that trains the run from where its directory stands. Forked: torch is imported once for all."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        train(path, config)
        code = 0
    except Exception:  # noqa: BLE001  # nobody above may see it: this process is a fork
        traceback.print_exc()
    finally:
        os._exit(code)


def finish(path: Path, config: TrainerConfig) -> None:
    if _exit_code(started(path, config)) != 0:
        raise SystemExit(f"{path.name} did not finish")


def train(path: Path, config: TrainerConfig) -> None:
    if path.exists():
        writer = RunWriter.resume(path, segment_bytes=SEGMENT_BYTES)
    else:
        writer = RunWriter.create(path.parent, path.name, {}, {}, segment_bytes=SEGMENT_BYTES)
    rules = games.navigation(max_steps=40)
    with BackgroundWriter(writer) as log:
        trainer = Trainer([World(rules, cells_for(load_map("navigation/walls9"), rules))], config, log)
        checkpoint = RunDirectory(path).latest_checkpoint()
        if checkpoint is not None:
            trainer.restore(*load_tensors(checkpoint))
        trainer.run()
        trainer.close()


def killed(child: int, path: Path, kind: str, delay_s: float) -> str:
    """Kill a process at its moment. Returns the moment it was: training, if the one wished for did not come in time;
    empty if the process was faster and is finished."""
    until = time.monotonic() + delay_s
    while time.monotonic() < until:
        time.sleep(0.002)
    moments = {"while saving": saving, "while rotating": rotating(path), "while compacting": compacting}
    moment = moments.get(kind, lambda _: True)
    patience = time.monotonic() + LONGEST_WAIT_S
    while not (seen := moment(path)) and time.monotonic() < patience:
        pass  # these moments last less than a millisecond
    os.kill(child, signal.SIGKILL)  # of a process that has ended and that nobody waited for, nothing comes
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        if os.waitstatus_to_exitcode(status):
            raise SystemExit(f"{path.name} failed by itself")
        return ""
    return kind if seen else "while training"


def saving(path: Path) -> bool:
    """A checkpoint's file is there under its temporary name."""
    try:
        return any(name.endswith(".tmp") for name in os.listdir(path / "checkpoints"))
    except FileNotFoundError:
        return False


def rotating(path: Path) -> Callable[[Path], bool]:
    """Tells when another file of the log has appeared."""
    before = files_of_log(path)
    return lambda run: files_of_log(run) > before


def files_of_log(path: Path) -> int:
    """Of those that have become Parquet, too; one may be both for a moment."""
    return len({file.stem for kind in ("jsonl", "parquet") for file in path.glob(f"*-*.{kind}")})


def compacting(path: Path) -> bool:
    """A closed file of the log is there as Parquet under its temporary name, or under both of its names."""
    try:
        names = set(os.listdir(path))
    except FileNotFoundError:
        return False
    return any(
        ".parquet." in name or (name.endswith(".parquet") and name.replace(".parquet", ".jsonl") in names)
        for name in names
    )


def compared(calm: Path, hunted: Path) -> list[str]:
    """What differs between two runs: names of tensors and of metrics."""
    (first, _), (second, _) = (load_checkpoint(path / "checkpoints") for path in (calm, hunted))
    tensors = [
        name
        for name in sorted({*first, *second})
        if name not in first or name not in second or first[name].tobytes() != second[name].tobytes()
    ]
    one, other = (metrics_of(path) for path in (calm, hunted))
    return tensors + [f"metrics at step {step}" for step in sorted({*one, *other}) if one.get(step) != other.get(step)]


def metrics_of(path: Path) -> dict[int, dict[str, float]]:
    """By step, times left out; what a later attempt logged again counts."""
    lines = RunDirectory(path).read_metrics()
    return {
        line.step: {name: value for name, value in line.values.items() if not name.startswith(_NOT_REPEATED)}
        for line in lines
    }


def _exit_code(child: int) -> int:
    try:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except ChildProcessError:  # `killed` was told already that it had finished
        return 0


if __name__ == "__main__":
    sys.exit(main())
