"""Maps drawn in text, and small runs, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.maps import cells_for, parse_ascii
from engine.runs import RunDirectory, RunWriter
from engine.sim import Rules, World
from engine.training.config import TrainerConfig
from engine.training.trainer import Trainer

WALLS_9 = """
    #########
    #...#...#
    #.#...#.#
    #.#.#.#.#
    #...#...#
    #.#.#.#.#
    #.#...#.#
    #...#..*#
    #########"""


def cells_of(text: str, rules: Rules) -> NDArray[np.uint8]:
    """Cell codes of a map drawn in text, indented as the test likes."""
    lines = "\n".join(line.strip() for line in text.strip().splitlines())
    return cells_for(parse_ascii(lines, "test"), rules)


def small_config(**values: object) -> TrainerConfig:
    """A run of moments; what the test is about comes in as arguments."""
    small = {"total_steps": 2048, "env_count": 32, "horizon": 16, "minibatch_size": 256, "checkpoint_every_s": 1e6}
    return TrainerConfig.model_validate({**small, **values})


def trained(
    root: Path, rules: Rules, maps: Sequence[NDArray[np.uint8]], config: TrainerConfig, name: str = "test"
) -> tuple[Trainer, RunDirectory]:
    """Run a trainer to its end."""
    writer = RunWriter.create(root, name, config.model_dump(mode="json"), {})
    with writer:
        trainer = Trainer([World(rules, cells) for cells in maps], config, writer)
        trainer.run()
        trainer.close()
    return trainer, RunDirectory(writer.path)
