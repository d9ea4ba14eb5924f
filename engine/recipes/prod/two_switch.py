"""Two agents must hold two switches at once: neither can win alone."""

from __future__ import annotations

from engine.recipes.config import RecipeConfig
from engine.sim import games
from engine.training.config import TrainerConfig


def train() -> RecipeConfig:
    """Half of the prize is lent to whoever presses first, and taken back if the other does not follow."""
    # With 256 envs and minibatches of 2,048, two of eight runs had not found it after 1 M steps.
    trainer = TrainerConfig(env_count=128, minibatch_size=1024, total_steps=4_000_000, entropy_coefficient=0.02)
    return RecipeConfig(rules=games.two_switch(), map="two_switch", trainer=trainer)
