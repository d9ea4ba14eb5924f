"""Roles with a policy of their own: each learner moves its own network, by its own rows, and nobody else's."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch

from engine.runs import RunWriter
from engine.sim import World, games
from engine.training.trainer import Trainer

from .drawn import cells_of, small_config

TAG = games.hide_and_seek(max_steps=17, hide_ticks=2)
MAP = """
    #######
    #1...2#
    #.....#
    #....2#
    #######"""


def run_of(writer: RunWriter, roles: dict[str, object]) -> Trainer:
    """A trainer of two iterations that has ended; its last rollout is still there."""
    config = small_config(total_steps=1536, env_count=16, minibatch_size=192, roles=roles)
    trainer = Trainer([World(TAG, cells_of(MAP, TAG))], config, writer)
    trainer.run()
    return trainer


def weights(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_learning_moves_the_network_of_the_own_role_alone(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path, "test", {}, {}) as writer:
        trainer = run_of(writer, {"seeker": {}, "hider": {}})
        seeker, hider = trainer.learners
        before = weights(seeker.network), weights(hider.network)

        seeker.learn(trainer.rollout)

        assert (seeker.name, hider.name) == ("seeker", "hider")
        assert not equal(weights(seeker.network), before[0])
        assert equal(weights(hider.network), before[1])
        trainer.close()


def test_a_role_learns_from_its_own_rows_alone(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path, "test", {}, {}) as writer:
        trainer = run_of(writer, {"seeker": {}, "hider": {}})
        seeker, hider = trainer.learners
        twin = copy.deepcopy(seeker.network.state_dict()), seeker.generator.get_state()
        optimizer = copy.deepcopy(seeker.optimizer.state_dict())
        seeker.learn(trainer.rollout)
        first = weights(seeker.network)

        seeker.network.load_state_dict(twin[0])
        seeker.generator.set_state(twin[1])
        seeker.optimizer.load_state_dict(optimizer)
        trainer.rollout.rewards[:, hider.rows] = 1e6
        trainer.rollout.observations[:, hider.rows] = 0
        seeker.learn(trainer.rollout)

        assert equal(weights(seeker.network), first)
        trainer.close()


def test_a_setting_is_told_by_role_and_as_one_only_where_it_is_one(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path, "test", {}, {}) as writer:
        trainer = run_of(writer, {"seeker": {"learning_rate": 1e-4}, "hider": {"learning_rate": 3e-4}})
        metrics = trainer.metrics
        trainer.close()

    assert metrics["hider/train/learning_rate"] == pytest.approx(3 * metrics["seeker/train/learning_rate"])
    assert "train/learning_rate" not in metrics
    assert metrics["train/entropy_coefficient"] == metrics["seeker/train/entropy_coefficient"] == 0.01
    assert metrics["train/loss"] == (metrics["seeker/train/loss"] + metrics["hider/train/loss"]) / 2


def test_who_has_no_role_of_its_own_tells_its_settings_without_one(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path, "test", {}, {}) as writer:
        trainer = run_of(writer, {"seeker": {"learning_rate": 1e-4}})
        trainer.close()

    assert trainer.metrics["train/learning_rate"] == trainer.learners[1].hyper["learning_rate"]


def test_roles_and_runs_begin_with_weights_and_shuffles_of_their_own(tmp_path: Path) -> None:
    found = []
    with RunWriter.create(tmp_path, "test", {}, {}) as writer:
        for seed in (0, 1):
            config = small_config(seed=seed, env_count=16, minibatch_size=192, roles={"seeker": {}, "hider": {}})
            trainer = Trainer([World(TAG, cells_of(MAP, TAG))], config, writer)
            found += [trainer.generator.initial_seed()]
            for learner in trainer.learners:
                found += [
                    learner.generator.initial_seed(),
                    hash(tuple(learner.network.state_dict()["entry.weight"][0].tolist())),
                ]
            trainer.close()

    assert len(set(found)) == 10


def test_a_scripted_role_has_no_learner_and_is_played_by_its_script(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path, "test", {}, {}) as writer:
        trainer = run_of(writer, {"seeker": {}, "hider": {"play": "noop"}})
        (seeker,) = trainer.learners
        hiders = torch.tensor([row for row in range(trainer.rollout.row_count) if row % 3])

        assert seeker.name == "seeker"
        assert torch.equal(seeker.rows, torch.arange(0, trainer.rollout.row_count, 3))
        assert (trainer.rollout.actions[:, hiders] == 0).all()
        assert not (trainer.rollout.actions[:, seeker.rows] == 0).all()
        trainer.close()
