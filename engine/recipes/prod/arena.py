"""Six agents turn ore into batteries and three batteries into a heart: the classic, and a long one."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from engine.recipes.config import EvaluateConfig, Parameter, RecipeConfig, Simulation, SweepConfig, WorldConfig
from engine.sim import games
from engine.training.config import TrainerConfig

Batteries = Annotated[int, Field(ge=1, le=100, description="batteries that an altar takes for a heart")]


def world(batteries_per_heart: Batteries = 3) -> WorldConfig:
    """Shared by all tools: who plays, plays what is trained on."""
    return WorldConfig(rules=games.arena(batteries_per_heart=batteries_per_heart), map="arena_basic")


def simulations() -> tuple[Simulation, ...]:
    """Whoever has learnt the large map should find their way on the small one, with the same rules."""
    return (Simulation(name="small", map="arena_small"),)


def train(batteries_per_heart: Batteries = 3) -> RecipeConfig:
    """Hearts are rare at first: the longer discount lets three batteries be worth the walk."""
    trainer = TrainerConfig(
        env_count=128, minibatch_size=2048, total_steps=100_000_000, gamma=0.995, entropy_coefficient=0.02
    )
    played = world(batteries_per_heart)
    return RecipeConfig(rules=played.rules, map=played.map, trainer=trainer)


def evaluate(batteries_per_heart: Batteries = 3) -> EvaluateConfig:
    """A walker that knows the chain, and chance: what a trained policy has to beat, and what it must."""
    played = world(batteries_per_heart)
    return EvaluateConfig(
        rules=played.rules, map=played.map, policies=("goal-seeker", "random"), simulations=simulations(), episodes=8
    )


def sweep(batteries_per_heart: Batteries = 3) -> SweepConfig:
    """What decides here is how long rewards are looked for, and how far ahead they count."""
    trained = train(batteries_per_heart)
    trainer = trained.trainer.model_copy(update={"total_steps": 2_000_000})
    parameters = (
        Parameter(key="trainer.learning_rate", min=3e-4, max=1e-2, scale="log"),
        Parameter(key="trainer.entropy_coefficient", min=3e-3, max=1e-1, scale="log"),
        Parameter(key="trainer.gamma", choices=("0.99", "0.995", "0.999")),
    )
    return SweepConfig(rules=trained.rules, map=trained.map, trainer=trainer, parameters=parameters)
