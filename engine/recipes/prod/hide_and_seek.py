"""One seeker, two hiders, walls to hide behind: catching pays forty times what watching does."""

from __future__ import annotations

from engine.recipes.config import RecipeConfig
from engine.sim import games
from engine.training.config import TrainerConfig


def train() -> RecipeConfig:
    """Episodes of 240 steps as in the journal, whose corrected rewards these are."""
    trainer = TrainerConfig(
        env_count=128, horizon=60, minibatch_size=2304, total_steps=20_000_000, entropy_coefficient=0.01
    )
    return RecipeConfig(rules=games.hide_and_seek("hs_fixed"), map="hide_and_seek", trainer=trainer)
