"""One seeker, two hiders, walls to hide behind: catching pays forty times what watching does."""

from __future__ import annotations

from engine.recipes.config import RecipeConfig
from engine.sim import games
from engine.training.config import RoleConfig, TrainerConfig


def train() -> RecipeConfig:
    """Episodes of 240 steps as in the journal, whose corrected rewards these are.

    Prizes of 50 and 100 are scaled to what a value can follow: without it a seeker learnt a small map slowly. Each role
    has an entropy bonus of its own, the seeker a small one. What comes of it on this map has not been measured.
    """
    trainer = TrainerConfig(
        env_count=128,
        horizon=60,
        minibatch_size=2304,
        total_steps=20_000_000,
        gamma=0.998,
        normalize_rewards=True,
        roles={"seeker": RoleConfig(entropy_coefficient=0.001), "hider": RoleConfig(entropy_coefficient=0.01)},
    )
    return RecipeConfig(rules=games.hide_and_seek("hs_fixed"), map="hide_and_seek", trainer=trainer)
