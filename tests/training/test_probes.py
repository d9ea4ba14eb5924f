"""Worlds so small that the right value or action is known: each can break for one reason only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.policies.trained import TorchPolicy
from engine.sim import Action, Batch, End, Kind, Resource, Rules, Term, Verb, Window, World
from engine.training.trainer import Trainer

from .drawn import cells_of, small_config, trained

GAMMA = 0.9
EAST = Action(name="move_east", verb=Verb.MOVE, direction="east")
WEST = Action(name="move_west", verb=Verb.MOVE, direction="west")

# A goal gives a heart and 2 coins, an altar a heart alone; a heart ends the episode and costs 1, a coin pays 1.
PRIZES = {
    "goal": Kind(style="use", bump=True, outputs={"heart": 1, "coin": 2}),
    "altar": Kind(style="use", bump=True, outputs={"heart": 1}),
}
PRIZE_TERMS = (Term(name="coin", stat="coin.gained", weight=1.0), Term(name="heart", stat="heart.gained", weight=-1.0))
PER_STEP = (Term(name="alive", stat="steps", weight=1.0),)


def probe(*actions: Action, rewards: tuple[Term, ...] = PRIZE_TERMS, max_steps: int = 20) -> Rules:
    return Rules(
        name="probe",
        window=Window(width=3, height=3),
        resources={"heart": Resource(limit=1), "coin": Resource(limit=2)},
        kinds=PRIZES,
        actions=actions,
        rewards=rewards,
        max_steps=max_steps,
        end=End(resource="heart"),
    )


def learn(root: Path, rules: Rules, *maps: str, steps: int = 60_000) -> Trainer:
    config = small_config(
        total_steps=steps,
        env_count=64,
        epochs=4,
        learning_rate=5e-3,
        entropy_coefficient=0.0,
        gamma=GAMMA,
        log_episodes=0,
    )
    trainer, _ = trained(root, rules, [cells_of(text, rules) for text in maps], config)
    return trainer


def at_start(trainer: Trainer, rules: Rules, text: str) -> tuple[np.ndarray, float]:
    """Action probabilities and value of a map's first observation."""
    with Batch(World(rules, cells_of(text, rules))) as batch:
        probabilities, values = TorchPolicy(trainer.network).evaluate(batch.observations)
    return probabilities[0], float(values[0])


def test_constant_reward_is_valued(tmp_path: Path) -> None:
    rules = probe(EAST)

    trainer = learn(tmp_path, rules, "@*")

    assert at_start(trainer, rules, "@*")[1] == pytest.approx(1.0, abs=0.02)


def test_reward_that_depends_on_the_observation_is_valued(tmp_path: Path) -> None:
    rules = probe(EAST)

    trainer = learn(tmp_path, rules, "@*", "@_")

    assert at_start(trainer, rules, "@*")[1] == pytest.approx(1.0, abs=0.02)
    assert at_start(trainer, rules, "@_")[1] == pytest.approx(-1.0, abs=0.02)


def test_reward_one_step_away_is_discounted(tmp_path: Path) -> None:
    rules = probe(EAST)

    trainer = learn(tmp_path, rules, "@.*")

    assert at_start(trainer, rules, "@.*")[1] == pytest.approx(GAMMA, abs=0.02)


def test_better_action_is_learnt(tmp_path: Path) -> None:
    rules = probe(WEST, EAST)

    trainer = learn(tmp_path, rules, "_@*")

    assert at_start(trainer, rules, "_@*")[0][1] > 0.95


def test_action_that_depends_on_the_observation_is_learnt(tmp_path: Path) -> None:
    rules = probe(WEST, EAST)

    trainer = learn(tmp_path, rules, "_@*", "*@_")

    assert at_start(trainer, rules, "_@*")[0][1] > 0.95
    assert at_start(trainer, rules, "*@_")[0][0] > 0.95


@pytest.mark.slow
def test_endless_reward_cut_by_the_clock_is_worth_the_endless_sum(tmp_path: Path) -> None:
    rules = probe(Action(name="noop"), rewards=PER_STEP, max_steps=10)

    trainer = learn(tmp_path, rules, "@.", steps=80_000)

    assert at_start(trainer, rules, "@.")[1] == pytest.approx(1 / (1 - GAMMA), rel=0.02)


@pytest.mark.slow
def test_same_reward_ended_by_the_rules_is_worth_its_own_sum(tmp_path: Path) -> None:
    rules = probe(EAST, rewards=PER_STEP)
    ten_steps = "@.........*"

    trainer = learn(tmp_path, rules, ten_steps, steps=80_000)

    assert at_start(trainer, rules, ten_steps)[1] == pytest.approx((1 - GAMMA**10) / (1 - GAMMA), rel=0.02)
