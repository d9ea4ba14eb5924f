"""The arena on a small map, one battery to a heart: learning shows within a minute or two."""

from __future__ import annotations

from engine.recipes.config import RecipeConfig
from engine.sim import Term, games
from engine.training.config import TrainerConfig


def train() -> RecipeConfig:
    """Ore soon stops paying and a battery pays more than ore, or agents settle for digging.

    Few envs and short episodes give many updates and early returns; the entropy bonus keeps agents trying
    until the first hearts come, after some 500,000 steps.
    """
    rewards = (
        Term(name="heart", stat="heart.gained", weight=1.0),
        Term(name="battery", stat="battery.gained", weight=0.3, cap=1.0),
        Term(name="ore", stat="ore.gained", weight=0.1, cap=0.3),
    )
    return RecipeConfig(
        rules=games.arena(max_steps=200, batteries_per_heart=1).model_copy(update={"rewards": rewards}),
        map="arena_small",
        trainer=TrainerConfig(env_count=64, total_steps=6_000_000, entropy_coefficient=0.03),
    )
