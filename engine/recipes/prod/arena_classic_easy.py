"""The old arena with one unit for each recipe, on a small map: a first heart within minutes."""

from __future__ import annotations

from engine.recipes.config import RecipeConfig
from engine.sim import games
from engine.training.config import TrainerConfig


def train() -> RecipeConfig:
    """Short episodes: mines fill up once, and what is shared is shared often."""
    trainer = TrainerConfig(env_count=64, minibatch_size=2048, total_steps=10_000_000, entropy_coefficient=0.03)
    rules = games.arena_classic("easy", max_steps=300)
    return RecipeConfig(rules=rules, map="arena_classic_small", trainer=trainer)
