"""A cue at the start says left or right, a corridor later it counts: a test of memory."""

from __future__ import annotations

from engine.policies.architecture import Architecture
from engine.recipes.config import RecipeConfig
from engine.sim import games
from engine.training.config import TrainerConfig


def train() -> RecipeConfig:
    """With a memory it is solved within a million steps (a return of 0.94); without one, policy.memory=none, half of
    the episodes end wrong however long it trains (0.44)."""
    trainer = TrainerConfig(total_steps=1_000_000, learning_rate=1e-3, policy=Architecture(memory="mingru"))
    return RecipeConfig(rules=games.t_maze(), map="t_maze_left", more_maps=("t_maze_right",), trainer=trainer)
