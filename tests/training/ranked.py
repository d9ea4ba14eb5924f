"""One of two ranks that train side by side: `python -m training.ranked FOLDER`, twice, started by test_ranks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, ClassVar

from engine.runs import RunWriter, SilentWriter
from engine.sim import World, games
from engine.training.components.base import Component, Components, TrainerView
from engine.training.config import TrainerConfig
from engine.training.ranks import Ranks
from engine.training.torchrun import place_of
from engine.training.trainer import Trainer

from .drawn import WALLS_9, cells_of, small_config

GAME = games.navigation(max_steps=11)  # so short that episodes end within a rollout
TAG = games.hide_and_seek(max_steps=17)
HUNT = """
    ##########
    #1..#...2#
    #...#....#
    #........#
    #.......2#
    ##########"""

STEERED = {
    # Only the first rank evaluates; all of them must go by what it found.
    "components": {"evaluator": {"enabled": True, "every": 1, "episodes": 8}},
    "schedules": {"entropy_coefficient": {"kind": "metric", "metric": "eval/length_mean", "to": 0.1, "high": 9.0}},
}
SETTINGS: dict[str, dict[str, Any]] = {
    "feed-forward": {"epochs": 2},
    "odd minibatches": {"env_count": 6, "minibatch_size": 2, "epochs": 1},  # of some, a rank has nothing
    "scaled": {"normalize_rewards": True, "epochs": 2},
    "stopped by KL": {"epochs": 6, "target_kl": 1e-4},
    "masked": {"masks": True, "vtrace": True, "epochs": 2},
    "lstm": {"policy": {"memory": "lstm", "hidden": [16], "memory_size": 8}, "bptt": 8, "epochs": 2},
    "mingru": {"policy": {"memory": "mingru", "hidden": [16], "memory_size": 8}, "bptt": 4, "epochs": 2},
    # With some seeds a gradient is as small as its rounding, and Adam makes a step of it: not with these.
    "threads": {"learner_threads": 2, "epochs": 2, "seed": 2},
    "roles": {"roles": {"seeker": {"gamma": 0.9}}, "env_count": 8, "minibatch_size": 128},
    "steered": STEERED,
    "a component fails": {"epochs": 2, "seed": 2},
}


class Failing(Component):
    """Sets the passes and saves, then fails; and is on the first rank alone."""

    name: ClassVar[str] = "failing"

    def on_rollout_end(self, trainer: TrainerView) -> None:
        if trainer.iteration == 3:
            raise ValueError("no")
        trainer.learners[0].hyper["epochs"] = 3.0

    def on_logged(self, trainer: TrainerView) -> None:
        trainer.checkpoint("for the test")


def config_of(name: str) -> TrainerConfig:
    """Four updates or so: rounding has no time to grow."""
    settings = {"env_count": 16, "minibatch_size": 128, "log_episodes": 10_000, **SETTINGS[name]}
    rows = settings["env_count"] * (3 if "roles" in settings else 1)
    return small_config(**settings, total_steps=4 * 16 * rows)


def train(folder: Path, name: str, run: str, ranks: Ranks) -> None:
    """One run; the first rank leaves it in the folder."""
    config = config_of(name)
    rules, text = (TAG, HUNT) if config.roles else (GAME, WALLS_9)
    writer = RunWriter.create(folder, run, {}, {}) if ranks.is_first else SilentWriter(run)
    trainer = Trainer([World(rules, cells_of(text, rules))], config, writer, ranks=ranks)
    if name == "a component fails" and ranks.is_first:
        trainer.components = Components([Failing()])
    trainer.run()
    trainer.close()
    writer.close()


def main() -> None:
    ranks = Ranks.joined(place_of())
    for name in SETTINGS:
        for run in ("two", "again"):
            train(Path(sys.argv[1]) / name, name, run, ranks)
    ranks.leave()


if __name__ == "__main__":
    main()
