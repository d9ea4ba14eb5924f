"""Five hearts lie in the altars and no more are made: freeze the others and take theirs."""

from __future__ import annotations

from engine.recipes.config import RecipeConfig
from engine.sim import games
from engine.training.config import TrainerConfig


def train() -> RecipeConfig:
    """Hearts pay while they are held, so what one team robs the other loses."""
    trainer = TrainerConfig(
        env_count=128, minibatch_size=2048, total_steps=50_000_000, gamma=0.995, entropy_coefficient=0.03
    )
    return RecipeConfig(rules=games.arena_classic("tag"), map="arena_classic_tag", trainer=trainer)
