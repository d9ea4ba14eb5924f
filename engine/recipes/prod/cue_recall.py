"""A red or a blue cue at the start, doors of both colours at the end: a test of memory."""

from __future__ import annotations

from engine.recipes.config import RecipeConfig
from engine.sim import games
from engine.training.config import TrainerConfig


def train() -> RecipeConfig:
    """The doors change places, so the colour must be kept in mind and not a direction."""
    others = ("cue_recall_red_right", "cue_recall_blue_left", "cue_recall_blue_right")
    trainer = TrainerConfig(total_steps=4_000_000)
    return RecipeConfig(rules=games.cue_recall(), map="cue_recall_red_left", more_maps=others, trainer=trainer)
