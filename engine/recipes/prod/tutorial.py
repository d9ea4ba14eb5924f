"""Two small rooms to learn the keys and the ideas in, in five minutes; gridrl-tui teaches them."""

from __future__ import annotations

from typing import Literal

from engine.recipes.config import RecipeConfig
from engine.sim import games
from engine.training.config import TrainerConfig


def train(room: Literal["walk", "workshop"] = "walk") -> RecipeConfig:
    """A room to walk in, where learning shows within seconds; and a workshop, where rewards have several terms."""
    if room == "walk":
        # Endless for a lesson: who reads slowly still finds it under way.
        trainer = TrainerConfig(total_steps=20_000_000)
        return RecipeConfig(rules=games.navigation(), map="navigation_tutorial", trainer=trainer)
    rules = games.arena(agents=3, groups=1, max_steps=500, batteries_per_heart=1)
    # As in arena_easy: the entropy bonus keeps agents trying until the first hearts come.
    trainer = TrainerConfig(env_count=64, minibatch_size=2048, total_steps=3_000_000, entropy_coefficient=0.03)
    return RecipeConfig(rules=rules, map="arena_tutorial", trainer=trainer)
