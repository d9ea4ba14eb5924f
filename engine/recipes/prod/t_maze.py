"""A cue at the start says left or right, a corridor later it counts: a test of memory."""

from __future__ import annotations

from engine.recipes.config import RecipeConfig
from engine.sim import games
from engine.training.config import TrainerConfig


def train() -> RecipeConfig:
    """Without memory half of the episodes end wrong, however long it trains: a return of about 0.44."""
    trainer = TrainerConfig(total_steps=2_000_000)
    return RecipeConfig(rules=games.t_maze(), map="t_maze_left", more_maps=("t_maze_right",), trainer=trainer)
