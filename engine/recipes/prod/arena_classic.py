"""The old arena: ore and batteries are put into machines and got out again, in two teams that share."""

from __future__ import annotations

from engine.recipes.config import RecipeConfig
from engine.sim import games
from engine.training.config import TrainerConfig


def train() -> RecipeConfig:
    """Recipes take long and batteries pay well, so the discount is long and the entropy bonus high at first."""
    trainer = TrainerConfig(
        env_count=128, minibatch_size=2048, total_steps=50_000_000, gamma=0.995, entropy_coefficient=0.02
    )
    return RecipeConfig(rules=games.arena_classic(), map="arena_classic", trainer=trainer)
