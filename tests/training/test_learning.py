"""PPO against the exact optimum of a stock map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.maps import cells_for, load_map
from engine.policies.trained import TorchPolicy
from engine.sim import Batch, World, games
from engine.training.config import TrainerConfig

from .drawn import cells_of, small_config, trained
from .layouts import BUDGET, LAYOUTS, share_of_optimum
from .playing import played
from .switches import optimal_steps, scripted_win
from .value_iteration import optimal_return, optimal_values


def test_oracle_counts_steps_around_walls() -> None:
    rules = games.navigation(max_steps=100)

    values = optimal_values(rules, cells_of("#####\n#.#*#\n#...#\n#####", rules))

    assert values[1, 1] == pytest.approx(1 - 0.02)  # southeast, then northeast into the goal
    assert values[2, 1] == pytest.approx(1 - 0.02)
    assert values[2, 2] == values[2, 3] == pytest.approx(1 - 0.01)
    assert np.isnan(values[0, 0])


def test_oracle_knows_the_clock() -> None:
    rules = games.navigation(max_steps=2)

    values = optimal_values(rules, cells_of("#......*#", rules))

    assert values[0, 6] == pytest.approx(0.99)
    assert values[0, 5] == pytest.approx(0.98)
    assert values[0, 1] == pytest.approx(-0.02)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_ppo_reaches_the_optimum_of_walls9(tmp_path: Path, seed: int) -> None:
    rules = games.navigation()
    cells = cells_for(load_map("navigation/walls9"), rules)
    config = TrainerConfig(total_steps=500_000, seed=seed)

    trainer, _ = trained(tmp_path, rules, [cells], config)

    policy = TorchPolicy(trainer.network, seed=100 + seed)
    with Batch(World(rules, cells), 1024, seed=900 + seed, episode_capacity=200_000) as batch:
        for _ in range(rules.max_steps + 1):
            batch.step(policy.act(batch.observations))
        episodes = batch.drain_episodes()
        first = episodes.episode_return[episodes.episode == 0]  # one for each env: no bias toward short ones
    assert len(first) == 1024
    assert first.mean() >= 0.98 * optimal_return(rules, cells)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_goals_among_walls_are_found_as_fast_as_can_be(tmp_path: Path, layout: str, seed: int) -> None:
    rules = games.navigation()
    config = TrainerConfig(total_steps=BUDGET, seed=seed, log_episodes=0)

    trainer, _ = trained(tmp_path, rules, [cells_of(LAYOUTS[layout], rules)], config)

    assert share_of_optimum(trainer.network, layout) >= 0.99


SWITCHES = games.two_switch()
SWITCH_MAP = cells_for(load_map("two_switch"), SWITCHES)


def test_oracle_of_two_switches_is_reached_in_the_engine() -> None:
    steps = optimal_steps(SWITCH_MAP, SWITCHES)

    assert steps == 8
    assert scripted_win(SWITCHES, SWITCH_MAP) == (steps, pytest.approx(1 - 0.01 * steps))


@pytest.mark.slow
def test_two_agents_press_two_switches_as_fast_as_can_be(tmp_path: Path) -> None:
    config = small_config(
        total_steps=1_000_000,
        env_count=128,
        horizon=32,
        minibatch_size=1024,
        entropy_coefficient=0.02,
        log_episodes=0,
    )

    trainer, _ = trained(tmp_path, SWITCHES, [SWITCH_MAP], config)

    result = played(trainer.network, World(SWITCHES, SWITCH_MAP), greedy=True)
    assert result.mean_return >= 0.99 * (1 - 0.01 * optimal_steps(SWITCH_MAP, SWITCHES))
