"""Flaws of peers that we lack (training.md B4), those that no other test is about; docs/learning.md lists them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from engine.runs import RunWriter
from engine.sim import World, games
from engine.training.config import TrainerConfig
from engine.training.learner import Learner
from engine.training.samples import Minibatch
from engine.training.trainer import Trainer

from .drawn import WALLS_9, cells_of, small_config

LONG = games.navigation(max_steps=1000, goal_reward=50.0)  # so long that most episodes run through several rollouts


@contextmanager
def run_of(root: Path, **values: object) -> Iterator[Trainer]:
    """A run that has ended, its last rollout still in its tables."""
    with RunWriter.create(root, "test", {}, {}) as writer:
        trainer = Trainer([World(LONG, cells_of(WALLS_9, LONG))], small_config(**values), writer)
        trainer.run()
        yield trainer
        trainer.close()


def test_rewards_are_not_clamped(tmp_path: Path) -> None:
    with run_of(tmp_path) as trainer:
        assert trainer.rollout.rewards.max() == pytest.approx(50 - 0.01)
        assert trainer.rollout.returns.max() > 10


def test_the_last_step_of_a_rollout_has_an_advantage_like_any_other(tmp_path: Path) -> None:
    with run_of(tmp_path, gamma=0.9, gae_lambda=0.9) as trainer:
        rollout, learner = trainer.rollout, trainer.learners[0]
        running = ~(rollout.terminated[-1] | rollout.truncated[-1]).bool()

        looked = rollout.rewards[-1] + 0.9 * learner.last_values - rollout.values[-1]

        assert running.sum() > 10
        assert torch.allclose(rollout.advantages[-1][running], looked[running], atol=1e-5)
        assert (rollout.advantages[-1][running] != 0).all()


@pytest.mark.parametrize("memory", ["lstm", "mingru"])
def test_memory_goes_on_where_an_episode_goes_on(tmp_path: Path, memory: str) -> None:
    with run_of(tmp_path, policy={"memory": memory, "hidden": [16]}, learning_rate=1e-12) as trainer:
        rollout, learner = trainer.rollout, trainer.learners[0]
        assert learner.memories is not None
        going_on = ~rollout.starts[0]
        new = rollout.starts[0]

        assert going_on.sum() > 10
        assert (learner.memories[0][going_on].abs().sum(1) > 0).all()
        assert (learner.memories[0][new] == 0).all()


def test_memories_are_renewed_before_each_later_pass(tmp_path: Path) -> None:
    settings = {"policy": {"memory": "lstm", "hidden": [16]}, "bptt": 4, "epochs": 3, "learning_rate": 0.01}
    with run_of(tmp_path, **settings) as trainer:
        learner, rollout = trainer.learners[0], trainer.rollout
        assert learner.memories is not None
        before_last_pass: list[torch.Tensor] = []
        inner = learner._refresh

        def noting(*arguments: object) -> None:
            inner(*arguments)
            before_last_pass[:] = [_memories(learner, rollout.observations, rollout.starts)]

        learner._refresh = noting  # type: ignore[method-assign]  # watched, and called all the same
        stale = learner.memories.clone()
        learner.learn(rollout)

        assert not torch.allclose(learner.memories[1:], stale[1:], atol=1e-3)
        assert torch.allclose(learner.memories, before_last_pass[0], atol=1e-5)


def _memories(learner: Learner, observations: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
    """By definition: what the present network remembers before each sequence, from the first one's beginning on."""
    assert learner.memories is not None
    found, memory = [], learner.memories[0].clone()
    for t in range(len(observations) - 1):
        memory = torch.where(starts[t].unsqueeze(1) & (t > 0), torch.zeros(()), memory)
        if t % learner.length == 0:
            found.append(memory)
        with torch.no_grad():
            memory = learner.network.step(observations[t], memory)[2]
    return torch.stack(found)


def test_renewed_advantages_are_what_the_next_pass_learns_from(tmp_path: Path) -> None:
    with run_of(tmp_path, vtrace=True, epochs=2, learning_rate=0.02) as trainer:
        learner, rollout = trainer.learners[0], trainer.rollout
        learnt_from: list[torch.Tensor] = []
        inner: Callable[[Minibatch, int], torch.Tensor] = learner._step

        def noting(minibatch: Minibatch, count: int) -> torch.Tensor:
            learnt_from.append(minibatch.column("returns").clone())
            return inner(minibatch, count)

        learner._step = noting  # type: ignore[method-assign]  # watched, and called all the same
        learner.learn(rollout)
        half = len(learnt_from) // 2
        first, second = (torch.cat(part).sort().values for part in (learnt_from[:half], learnt_from[half:]))

        assert not torch.allclose(first, second, atol=1e-3)
        assert torch.allclose(second, rollout.returns.flatten().sort().values)


def test_by_default_the_future_is_discounted_and_rewards_are_as_they_are() -> None:
    config = TrainerConfig()

    assert 0.9 < config.gamma < 1
    assert not config.normalize_rewards
    assert config.bootstrap_truncated
