"""One agent finds the goal among walls: learnt in seconds."""

from __future__ import annotations

from engine.recipes.config import RecipeConfig
from engine.sim import games
from engine.training.config import TrainerConfig


def train() -> RecipeConfig:
    """Short episodes and one goal, so nearly every episode teaches something."""
    return RecipeConfig(rules=games.navigation(), map="navigation_walls9", trainer=TrainerConfig(total_steps=2_000_000))
