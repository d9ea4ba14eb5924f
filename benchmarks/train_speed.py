"""End-to-end training speed on this machine: env steps, network, update and logging together.

    python benchmarks/train_speed.py [--json] [--repeats N] [--only NAME]

A repeat is a fresh run of a few seconds; its first tenth is left out. Steps are agent steps. With --json,
one object a line.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from machine import figure, show

from engine.maps import cells_for, load_map
from engine.runs import RunDirectory, RunWriter
from engine.sim import Rules, World, games
from engine.training.config import TrainerConfig
from engine.training.trainer import Trainer
from engine.training.warm_up import warm_up

NAVIGATION = (games.navigation(), "navigation/walls9")
ARENA = (games.arena(), "arena/basic")

# One epoch of large minibatches: the setting of the published figures for small networks.
FAST = {"env_count": 2048, "horizon": 64, "minibatch_size": 16_384, "epochs": 1, "total_steps": 1_310_720}
FOUR_EPOCHS = {**FAST, "minibatch_size": 4096, "epochs": 4, "total_steps": 655_360}
CASES: dict[str, tuple[tuple[Rules, str], dict[str, Any]]] = {
    "navigation_mlp64": (NAVIGATION, FAST),
    "navigation_mlp64_two_torch_threads": (NAVIGATION, {**FAST, "torch_threads": 2, "threads": 2}),
    "navigation_mlp64_separate_trunks": (NAVIGATION, {**FAST, "policy": {"shared_trunk": False}}),
    "navigation_mlp64_four_epochs": (NAVIGATION, FOUR_EPOCHS),
    "navigation_defaults": (NAVIGATION, {"total_steps": 500_000}),
    "navigation_cnn": (NAVIGATION, {**FAST, "policy": {"kind": "cnn"}, "total_steps": 262_144}),
    "arena_mlp64": (ARENA, {**FAST, "env_count": 512, "horizon": 32, "total_steps": 983_040}),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=list(CASES), help="one configuration")
    options = parser.parse_args()
    for name in [options.only] if options.only else CASES:
        measure(name, options.repeats, options.json)
    return 0


def measure(name: str, repeats: int, as_json: bool) -> None:
    """Speed of one configuration over some repeats, and what a step costs."""
    (rules, map_name), values = CASES[name]
    config = TrainerConfig.model_validate(values)
    rates, costs = zip(*(one_run(rules, map_name, config) for _ in range(repeats)), strict=True)
    setting = {"case": name, "game": rules.name, "map": map_name, **values}
    show(figure("train_speed", "agent-steps/s", setting, rates), as_json)
    show(figure("train_speed_cpu", "CPU us/agent-step", setting, costs), as_json)


def one_run(rules: Rules, map_name: str, config: TrainerConfig) -> tuple[float, float]:
    """(agent steps per second after the first tenth, CPU microseconds per agent step) of a fresh run."""
    with tempfile.TemporaryDirectory() as folder:
        with RunWriter.create(Path(folder), "speed", {}, {}) as writer:
            trainer = Trainer([World(rules, cells_for(load_map(map_name), rules))], config, writer)
            warm_up(trainer.network)
            started = time.process_time()
            trainer.run()
            cpu_s = time.process_time() - started
            trainer.close()
        lines = RunDirectory(Path(folder) / "speed").read_metrics()
    first, last = lines[max(0, len(lines) // 10)], lines[-1]
    seconds = last.values["time/elapsed_s"] - first.values["time/elapsed_s"]
    return (last.step - first.step) / seconds, cpu_s / last.step * 1e6


if __name__ == "__main__":
    sys.exit(main())
