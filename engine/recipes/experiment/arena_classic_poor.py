"""The old arena with three mines and two generators: who shares gets through."""

from __future__ import annotations

from engine.recipes.config import RecipeConfig
from engine.sim import games
from engine.training.config import TrainerConfig


def train() -> RecipeConfig:
    """Scarcity is in the map alone; the rules are those of arena_classic."""
    trainer = TrainerConfig(
        env_count=128, minibatch_size=2048, total_steps=50_000_000, gamma=0.995, entropy_coefficient=0.02
    )
    return RecipeConfig(rules=games.arena_classic(), map="arena_classic_poor", trainer=trainer)
