"""Six agents turn ore into batteries and three batteries into a heart: the classic, and a long one."""

from __future__ import annotations

from engine.recipes.config import RecipeConfig
from engine.sim import games
from engine.training.config import TrainerConfig


def train() -> RecipeConfig:
    """Hearts are rare at first: the longer discount lets three batteries be worth the walk."""
    trainer = TrainerConfig(env_count=128, total_steps=100_000_000, gamma=0.995, entropy_coefficient=0.02)
    return RecipeConfig(rules=games.arena(), map="arena_basic", trainer=trainer)
