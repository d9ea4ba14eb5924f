"""Everybody for themselves: energy buys hearts, shields and shots, and one shot takes all of it."""

from __future__ import annotations

from engine.recipes.config import RecipeConfig
from engine.sim import games
from engine.training.config import TrainerConfig


def train() -> RecipeConfig:
    """Two altar visits' worth of energy at the start gives early returns; the rest must be earned."""
    trainer = TrainerConfig(
        env_count=128, minibatch_size=2048, total_steps=50_000_000, gamma=0.995, entropy_coefficient=0.02
    )
    return RecipeConfig(rules=games.arena_energy(max_steps=1000), map="arena_energy", trainer=trainer)
