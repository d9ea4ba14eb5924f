"""What needs a memory is learnt with one, and is a coin's toss without: t_maze and cue_recall."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.maps import cells_for, load_map
from engine.policies.networks import PolicyNetwork
from engine.runs import RunDirectory, RunWriter
from engine.sim import World, games
from engine.training.trainer import Trainer

from .drawn import small_config, trained
from .playing import played

T_MAZE = games.t_maze()
CELLS = [cells_for(load_map(f"t_maze_{side}"), T_MAZE) for side in ("left", "right")]
WORLDS = [World(T_MAZE, cells) for cells in CELLS]


def learnt(root: Path, memory: str) -> PolicyNetwork:
    config = small_config(
        total_steps=300_000,
        env_count=256,
        horizon=32,
        minibatch_size=1024,
        policy={"memory": memory},
        log_episodes=0,
    )
    trainer, _ = trained(root, T_MAZE, CELLS, config)
    return trainer.network


def share_right(network: PolicyNetwork) -> float:
    """Of the first episodes of many envs, those that ended at the goal."""
    return float(played(network, WORLDS).episodes.terms[:, 0].mean())


@pytest.fixture(scope="module")
def lstm(tmp_path_factory: pytest.TempPathFactory) -> PolicyNetwork:
    return learnt(tmp_path_factory.mktemp("lstm"), "lstm")


@pytest.mark.slow
def test_an_lstm_knows_which_way_at_the_fork(lstm: PolicyNetwork) -> None:
    assert share_right(lstm) >= 0.95


@pytest.mark.slow
def test_a_mingru_knows_which_way_at_the_fork(tmp_path: Path) -> None:
    assert share_right(learnt(tmp_path, "mingru")) >= 0.95


@pytest.mark.slow
def test_without_memory_the_fork_is_a_coins_toss(tmp_path: Path) -> None:
    network = learnt(tmp_path, "none")

    assert share_right(network) == pytest.approx(0.5, abs=0.06)  # 512 tosses: 2.7 standard deviations


@pytest.mark.slow
def test_a_cue_from_before_the_rollout_is_still_known(tmp_path: Path, lstm: PolicyNetwork) -> None:
    """The way to the fork is six steps and a rollout four: what is known at the fork came over from the one before.

    Gradients of so short a rollout do not reach the cue, so the network that plays has learnt with long ones.
    """
    config = small_config(
        total_steps=256 * 4 * 8,
        env_count=256,
        horizon=4,
        minibatch_size=1024,
        learning_rate=1e-12,
        policy={"memory": "lstm"},
    )

    with RunWriter.create(tmp_path, "short", {}, {}) as writer:
        trainer = Trainer(WORLDS, config, writer)
        trainer.network.load_state_dict(lstm.state_dict())
        trainer.run()
        trainer.close()

    ended = [line.values for line in RunDirectory(writer.path).read_metrics() if "rollout/term/goal" in line.values]
    episodes = sum(values["rollout/episodes"] for values in ended)
    goals = sum(values["rollout/term/goal"] * values["rollout/episodes"] for values in ended)
    assert episodes > 1000
    assert goals / episodes >= 0.95
