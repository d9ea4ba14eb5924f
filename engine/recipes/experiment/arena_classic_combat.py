"""The old arena with lasers that freeze and rob, and armor that stops them."""

from __future__ import annotations

from engine.recipes.config import RecipeConfig
from engine.sim import games
from engine.training.config import TrainerConfig


def train() -> RecipeConfig:
    """Nine attacks make a wide choice, so the entropy bonus stays above that of the peaceful arena."""
    trainer = TrainerConfig(
        env_count=128, minibatch_size=2048, total_steps=50_000_000, gamma=0.995, entropy_coefficient=0.03
    )
    return RecipeConfig(rules=games.arena_classic("combat"), map="arena_classic_combat", trainer=trainer)
