"""Three predators run down one prey: alone they only chase it."""

from __future__ import annotations

from engine.recipes.config import RecipeConfig
from engine.sim import games
from engine.training.config import TrainerConfig


def train() -> RecipeConfig:
    """All four play with one network, which sees who is who by the role plane."""
    trainer = TrainerConfig(env_count=128, minibatch_size=2048, total_steps=10_000_000)
    return RecipeConfig(rules=games.pursuit(), map="pursuit", trainer=trainer)
