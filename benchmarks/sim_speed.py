"""Agent-steps a second of the C batch; what a reset costs, and what an env weighs.

    python benchmarks/sim_speed.py [--json] [--only arena] [--seconds 0.5] [--repeats 7]

Each sample steps for about `--seconds` on random actions that were drawn beforehand; handing them over (one copy of
rows int32 per step) is part of the time, as it is when a policy chooses them. Episodes end and restart as they come.
`sim_speed` counts the wall clock and `sim_speed_cpu` the CPU seconds of the process, which neighbours on the machine
disturb less. Window 1 shows what observing costs: the same game with a 1 x 1 window. `sim_threads` steps the same
game in turn on one thread and on two.
"""

from __future__ import annotations

import argparse
import ctypes
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # run from anywhere, installed or not

import numpy as np
from machine import Figure, figure, seconds, show
from sim_cases import Case, cases

from engine.sim import Batch, Window, World

ACTION_SETS = 64  # different sets of actions, used in turn
SMALL, LARGE = 64, 1024
"""Envs of a batch: one that stays in the cache, and one that does not."""


class Stepping:
    """A batch on random actions, and its prepared step."""

    def __init__(self, world: World, envs: int, threads: int = 1) -> None:
        self.batch = batch = Batch(world, envs, seed=1, thread_count=threads)
        self.choices = np.random.default_rng(1).integers(
            0, len(world.rules.actions), (ACTION_SETS, batch.rows), np.int32
        )
        self.actions = np.zeros(batch.rows, np.int32)
        self.step = batch.bind(
            observations=batch.observations,
            actions=self.actions,
            rewards=batch.rewards,
            terminated=batch.terminated,
            truncated=batch.truncated,
            final_observations=batch.final_observations,
        )

    def run(self, steps: int) -> None:
        for number in range(steps):
            self.actions[:] = self.choices[number % ACTION_SETS]
            self.step()

    def __enter__(self) -> Stepping:
        return self

    def __exit__(self, *_: object) -> None:
        self.batch.close()


def speed(case: Case, envs: int, window: int | None, span: float, repeats: int) -> Iterator[Figure]:
    changes = {} if window is None else {"window": Window(width=window, height=window)}
    world = case.world(**changes)
    with Stepping(world, envs) as stepping:
        steps = steps_in(stepping.run, span)
        walls, cpus = [], []
        for _ in range(repeats):
            cpu = time.process_time()
            walls.append(stepping.batch.rows * steps / seconds(partial(stepping.run, steps)))
            cpus.append(stepping.batch.rows * steps / (time.process_time() - cpu))
    configuration = described(case, world, envs, threads=1) | {"steps_per_repeat": steps}
    yield figure("sim_speed", "agent-steps/s", configuration, walls)
    yield figure("sim_speed_cpu", "agent-steps/CPU s", configuration, cpus)


def threads(case: Case, envs: int, span: float, repeats: int) -> Iterator[Figure]:
    world = case.world()
    with Stepping(world, envs, 1) as one, Stepping(world, envs, 2) as two:
        steps = steps_in(one.run, span)
        ratios = [seconds(partial(one.run, steps)) / seconds(partial(two.run, steps)) for _ in range(repeats)]
    yield figure("sim_threads", "x of one thread", described(case, world, envs, threads=2), ratios)


def reset(case: Case, envs: int, repeats: int) -> Iterator[Figure]:
    world = case.world()
    with Batch(world, envs) as batch:
        samples = [1e6 * seconds(partial(batch.reset, seed)) / envs for seed in range(repeats)]
    yield figure("sim_reset", "us/env", described(case, world, envs, threads=1), samples)


def memory(case: Case, envs: int) -> Iterator[Figure]:
    """Bytes that C holds for each env more: those of a batch twice as large, less its own."""
    world = case.world()
    bytes_in_use = [_held(world, envs), _held(world, 2 * envs)]
    per_env = (bytes_in_use[1] - bytes_in_use[0]) / envs
    yield figure("sim_memory", "bytes/env", described(case, world, envs, threads=1), [per_env])


def _held(world: World, envs: int) -> int:
    before = _allocated()
    capacity = world.rules.agents  # the ring of finished episodes is the caller's choice, and so not an env's weight
    with Batch(world, envs, episode_capacity=capacity) as batch:
        arrays = [value for value in vars(batch).values() if isinstance(value, np.ndarray)]
        return _allocated() - before - sum(array.nbytes for array in arrays)


def _allocated() -> int:
    """Bytes that malloc has handed out (glibc)."""
    fields = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
    kind = type("Mallinfo2", (ctypes.Structure,), {"_fields_": [(name, ctypes.c_size_t) for name in fields]})
    call = ctypes.CDLL(None).mallinfo2
    call.restype = kind
    info: Any = call()
    return int(info.uordblks + info.hblkhd)


def described(case: Case, world: World, envs: int, *, threads: int) -> dict[str, Any]:
    rules = world.rules
    return {
        "case": case.name,
        "map": f"{world.width}x{world.height}",
        "agents": rules.agents,
        "envs": envs,
        "threads": threads,
        "encoding": str(rules.encoding),
        "window": rules.window.width,
        "observation_bytes": world.spec.observation_size,
    }


def steps_in(run: Callable[[int], None], span: float) -> int:
    """How many steps take about `span` seconds; running them warms the caches up as well."""
    steps = 16
    while (taken := seconds(partial(run, steps))) < span / 4:
        steps *= 2
    return max(1, int(steps * span / taken))


def figures(only: str, span: float, repeats: int) -> Iterator[Figure]:
    chosen = [case for case in cases().values() if only in case.name]
    for case in chosen:
        for envs in (SMALL, LARGE):
            yield from speed(case, envs, None, span, repeats)
        yield from speed(case, SMALL, 1, span, repeats)
    for case in chosen:
        if case.name in ("navigation", "arena", "all_mechanics"):
            yield from threads(case, LARGE, span, repeats)
        if case.name == "arena_24":
            yield from reset(case, LARGE, repeats)
            yield from memory(case, LARGE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--seconds", type=float, default=0.5, help="length of one repeat")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    for one in figures(options.only, options.seconds, options.repeats):
        show(one, options.json)


if __name__ == "__main__":
    main()
