"""Agent-steps a second of the C batch, with and without its observations.

    python benchmarks/sim_speed.py [--json] [--seconds 0.5] [--repeats 7]

Each sample steps for about `--seconds` on random actions that were drawn beforehand; handing them over
(one copy of rows int32 per step) is part of the time, as it is when a policy chooses them. Episodes end and
restart as they come. Window 1 shows what the observing costs: it is the same game with a 1 x 1 window.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run from anywhere, installed or not

import numpy as np
from machine import Figure, figure, seconds, show

from engine.maps import cells_for, load_map
from engine.sim import Batch, Rules, Window, World, games

MAPS = {"navigation": "navigation_walls9", "arena": "arena_basic"}
ACTION_SETS = 64  # different sets of actions, used in turn


def rules_with_window(game: str, side: int) -> Rules:
    return games.GAMES[game]().model_copy(update={"window": Window(width=side, height=side)})


def measure(game: str, envs: int, threads: int, window: int, span: float, repeats: int) -> Figure:
    rules = rules_with_window(game, window)
    world = World(rules, cells_for(load_map(MAPS[game]), rules))
    with Batch(world, envs, seed=1, thread_count=threads) as batch:
        choices = np.random.default_rng(1).integers(0, len(rules.actions), (ACTION_SETS, batch.rows), np.int32)
        actions = np.zeros(batch.rows, np.int32)
        step = batch.bind(
            observations=batch.observations,
            actions=actions,
            rewards=batch.rewards,
            terminated=batch.terminated,
            truncated=batch.truncated,
            final_observations=batch.final_observations,
        )

        def run(steps: int) -> None:
            for number in range(steps):
                actions[:] = choices[number % ACTION_SETS]
                step()

        steps = steps_in(run, span)
        samples = [batch.rows * steps / seconds(partial(run, steps)) for _ in range(repeats)]
        configuration = {
            "game": game,
            "map": MAPS[game],
            "agents": rules.agents,
            "envs": envs,
            "threads": threads,
            "window": window,
            "observation_bytes": batch.spec.observation_size,
            "steps_per_repeat": steps,
        }
    return figure("sim_speed", "agent-steps/s", configuration, samples)


def steps_in(run: Callable[[int], None], span: float) -> int:
    """How many steps take about `span` seconds; running them warms the caches up as well."""
    steps = 16
    while (taken := seconds(partial(run, steps))) < span / 4:
        steps *= 2
    return max(1, int(steps * span / taken))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--seconds", type=float, default=0.5, help="length of one repeat")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    for game, threads, envs, window in product(MAPS, (1, 2), (64, 1024), (11, 1)):
        show(measure(game, envs, threads, window, options.seconds, options.repeats), options.json)


if __name__ == "__main__":
    main()
