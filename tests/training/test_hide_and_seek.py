"""Hide-and-seek against its exact optimum: the oracle is the engine's game; old rewards are watched for, new ones
caught for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.policies.registry import create_policy
from engine.sim import Batch, World, games

from .catching import SMALL, STEPS, Solution, small_game, solved
from .drawn import cells_of, small_config, trained
from .playing import Played, played

GAMMA = 0.998
"""Waiting a step for a prize of 40 costs 0.08, and watching pays 0.2: with the old rewards it never ends by itself."""


def of_optimum(rewards: games.RewardSet, chance: int, gamma: float) -> Solution:
    rules = small_game(rewards, chance)
    return solved(rules, cells_of(SMALL, rules), gamma)


@pytest.mark.parametrize(
    ("rewards", "gamma", "chance", "median"),
    [
        ("hs_broken", 1.0, 100, 238.0),  # watches all game
        ("hs_fixed", 1.0, 100, 235.0),  # so do the new rewards, undiscounted: the prize can wait
        ("hs_broken", 0.998, 100, 237.0),
        ("hs_fixed", 0.998, 100, 7.0),
        ("hs_fixed", 0.995, 20, 11.0),
        ("hs_broken", 0.99, 100, 7.0),
    ],
)
def test_the_optimum_by_discount(rewards: games.RewardSet, gamma: float, chance: int, median: float) -> None:
    assert of_optimum(rewards, chance, gamma).median_catch == median


def test_the_old_rewards_tip_where_a_step_of_sight_is_worth_a_step_of_delay() -> None:
    assert of_optimum("hs_broken", 100, 0.9949).median_catch < 20  # 0.2 < 0.0051 x 40
    assert of_optimum("hs_broken", 100, 0.9951).median_catch > 200


@pytest.mark.parametrize(("rewards", "chance"), [("hs_broken", 100), ("hs_broken", 20), ("hs_fixed", 20)])
def test_the_oracle_is_right_about_the_engine(rewards: games.RewardSet, chance: int) -> None:
    rules = small_game(rewards, chance)
    cells = cells_of(SMALL, rules)
    best = solved(rules, cells, 0.99)
    number = {place: i for i, place in enumerate(best.places)}
    moves = [rules.action_names.index(name) for name in ("noop", *(f"move_{way}" for way in _WAYS))]
    envs = 400
    with Batch(World(rules, cells), envs, seed=5, episode_capacity=100_000) as batch:
        hider = create_policy("random", rules, batch.spec, seed=6)
        for _ in range(60):  # nearly all are caught by then
            views = [batch.look(env) for env in range(envs)]
            actions = hider.act(batch.observations)
            for env, view in enumerate(views):
                seeker, other = (number[agent.row, agent.column] for agent in view.agents)
                actions[2 * env] = moves[best.actions[view.tick, seeker, other]]
            batch.step(actions)
        episodes = batch.drain_episodes()
    first = (episodes.agent == 0) & (episodes.episode == 0)
    caught = np.bincount(episodes.length[first], minlength=61)[1:61] / envs

    assert len(STEPS) == len(moves)
    by_then = np.cumsum(best.caught)[:60]
    assert np.abs(np.cumsum(caught) - by_then).max() < 1.63 / np.sqrt(envs)  # Kolmogorov-Smirnov at 1 %
    assert by_then[-1] > 0.95


_WAYS = ("north", "south", "west", "east")


def seeker_of(root: Path, rewards: games.RewardSet) -> Played:
    """What a learnt seeker does with hiders at random, after 800,000 agent steps."""
    rules = small_game(rewards)
    cells = cells_of(SMALL, rules)
    config = small_config(
        total_steps=800_000,
        env_count=64,
        horizon=64,
        minibatch_size=1024,
        gamma=GAMMA,
        normalize_rewards=True,  # prizes of 40 and 200: without it the value loss has the whole gradient
        entropy_coefficient=0.001,
        learning_rate=2.5e-3,
        roles={"hider": {"play": "random"}},
        log_episodes=0,
        epochs=2,
    )
    trainer, _ = trained(root, rules, [cells], config)
    return played({"": trainer.network, "hider": "random"}, World(rules, cells))


@pytest.mark.slow
def test_with_the_old_rewards_the_seeker_watches(tmp_path: Path) -> None:
    result = seeker_of(tmp_path, "hs_broken")

    assert np.median(result.by_env(result.episodes.length)) > 0.7 * 240


@pytest.mark.slow
def test_with_the_new_rewards_the_seeker_catches(tmp_path: Path) -> None:
    result = seeker_of(tmp_path, "hs_fixed")

    assert np.median(result.by_env(result.episodes.length)) < 0.2 * 240
    best = of_optimum("hs_fixed", 100, GAMMA).mean_return
    assert result.by_env(result.episodes.episode_return).mean() > 0.98 * best
