"""A minute's check of the whole chain: train a little, save, evaluate, play."""

from __future__ import annotations

from engine.recipes.config import EvaluateConfig, PlayConfig, RecipeConfig, WorldConfig
from engine.sim import games
from engine.training.config import TrainerConfig


def world() -> WorldConfig:
    """The smallest game there is."""
    return WorldConfig(rules=games.navigation(), map="navigation_walls9")


def train() -> RecipeConfig:
    """Enough to see curves move and a checkpoint written; nothing is learnt in it."""
    trainer = TrainerConfig(env_count=64, horizon=32, minibatch_size=512, total_steps=20_000)
    played = world()
    return RecipeConfig(rules=played.rules, map=played.map, trainer=trainer)


def evaluate() -> EvaluateConfig:
    """One that walks there, beside chance."""
    played = world()
    return EvaluateConfig(rules=played.rules, map=played.map, policies=("goal-seeker", "random"), episodes=4)


def play() -> PlayConfig:
    """One episode, drawn."""
    played = world()
    return PlayConfig(rules=played.rules, map=played.map, episodes=1, render=True)
