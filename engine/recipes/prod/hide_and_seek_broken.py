"""Hide-and-seek with rewards that teach the seeker to watch and not to catch: a lesson."""

from __future__ import annotations

from engine.recipes.config import RecipeConfig
from engine.sim import games
from engine.training.config import TrainerConfig


def train() -> RecipeConfig:
    """The discount is that under which watching all game is worth as much as catching."""
    trainer = TrainerConfig(
        env_count=128, horizon=60, minibatch_size=2304, total_steps=20_000_000, gamma=0.995, entropy_coefficient=0.01
    )
    return RecipeConfig(rules=games.hide_and_seek("hs_broken"), map="hide_and_seek", trainer=trainer)
