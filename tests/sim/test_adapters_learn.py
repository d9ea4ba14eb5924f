"""Somebody else's PPO learns our game through the adapter, measured against the exact optimum of the map."""

from __future__ import annotations

import pytest
from stable_baselines3 import PPO
from training.value_iteration import optimal_return

from engine.maps import cells_for, load_map
from engine.sim import Batch, World, games
from engine.sim.adapters.sb3_vec_env import GridworldVecEnv


def mean_return(world: World, model: PPO) -> float:
    """Over the first episode of each of many envs, so that short ones do not count more."""
    with Batch(world, 512, seed=9, episode_capacity=512 * world.rules.max_steps) as batch:
        for _ in range(world.rules.max_steps):
            batch.step(model.predict(batch.observations, deterministic=True)[0])
        episodes = batch.drain_episodes()
        first = episodes.episode_return[episodes.episode == 0]
    assert len(first) == 512
    return float(first.mean())


@pytest.mark.slow
def test_ppo_of_stable_baselines_learns_navigation() -> None:
    rules = games.navigation(max_steps=50)
    cells = cells_for(load_map("navigation/walls9"), rules)
    world = World(rules, cells)
    best = optimal_return(rules, cells)
    env = GridworldVecEnv(world, 32)
    model = PPO(
        "MlpPolicy",
        env,
        n_steps=64,
        batch_size=512,
        n_epochs=4,
        learning_rate=1e-3,
        ent_coef=0.01,
        seed=1,
        device="cpu",
    )
    assert mean_return(world, model) < 0.2  # an untrained policy finds the goal by luck, if at all

    model.learn(80_000)

    assert mean_return(world, model) > 0.98 * best
