"""The arena on a small map, one battery to a heart: learning shows within a minute or two."""

from __future__ import annotations

from engine.recipes.config import RecipeConfig
from engine.sim import Term, games
from engine.training.config import TrainerConfig


def train() -> RecipeConfig:
    """Ore soon stops paying and a battery pays more than ore, or agents settle for digging.

    Short episodes give early returns; the entropy bonus keeps agents trying until the first hearts come. In one run
    they came after some 500,000 steps, in another after 3,000,000; at the end both had 1.5 an episode or more. A
    quarter of the batch learnt nothing but digging in 2,500,000.
    """
    rewards = (
        Term(name="heart", stat="heart.gained", weight=1.0),
        Term(name="battery", stat="battery.gained", weight=0.3, cap=1.0),
        Term(name="ore", stat="ore.gained", weight=0.1, cap=0.3),
    )
    return RecipeConfig(
        rules=games.arena(max_steps=200, batteries_per_heart=1).model_copy(update={"rewards": rewards}),
        map="arena_small",
        trainer=TrainerConfig(env_count=64, minibatch_size=2048, total_steps=6_000_000, entropy_coefficient=0.03),
    )
