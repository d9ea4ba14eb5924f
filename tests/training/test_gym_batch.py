"""Environments of Gymnasium in our trainer: ends kept apart, episodes counted, several choices at once, seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from engine.errors import CheckpointError, SimError
from engine.runs import RunDirectory, RunState, RunWriter, load_checkpoint
from engine.training.gym_batch import GymnasiumBatch, gymnasium_envs
from engine.training.trainer import Trainer

from .drawn import small_config
from .test_exactness import assert_same


class Counting(gymnasium.Env[Any, Any]):
    """Shows (steps so far, seed of the first reset); pays 1 a step; ends after `over`, is cut after `cut` steps."""

    def __init__(self, over: int = 0, cut: int = 0, actions: spaces.Space[Any] | None = None) -> None:
        self.observation_space = spaces.Box(-np.inf, np.inf, (2, 1))
        self.action_space = actions or spaces.Discrete(3, start=5)
        self._over, self._cut, self._first_seed = over, cut, -1
        self.taken: list[Any] = []
        self.is_closed = False

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        self._first_seed = self._first_seed if seed is None else seed
        self._steps = 0
        return self._seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.taken.append(action)
        assert self.action_space.contains(action)
        self._steps += 1
        return self._seen(), 1.0, self._steps == self._over, self._steps == self._cut, {}

    def close(self) -> None:
        self.is_closed = True

    def _seen(self) -> Any:
        return np.array([[self._steps], [self._first_seed]], np.float64)


def arrays(batch: GymnasiumBatch, heads: int = 0) -> dict[str, Any]:
    rows = batch.rows
    return {
        "observations": np.full((rows, 2), -1, np.float32),
        "actions": np.zeros((rows, heads) if heads else rows, np.int32),
        "rewards": np.zeros(rows, np.float32),
        "terminated": np.zeros(rows, np.uint8),
        "truncated": np.zeros(rows, np.uint8),
        "final_observations": np.full((rows, 2), -1, np.float32),
    }


def test_an_ended_env_begins_anew_and_shows_what_it_saw_last() -> None:
    batch = GymnasiumBatch([Counting(over=2), Counting(cut=2), Counting(over=2, cut=2)], seed=10)
    bound = arrays(batch)
    step = batch.bind(**bound)
    batch.reset_into(bound["observations"], 5)

    step()
    step()

    assert bound["terminated"].tolist() == [1, 0, 1]
    assert bound["truncated"].tolist() == [0, 1, 0]  # what has ended is not cut as well
    assert bound["observations"][:, 0].tolist() == [0, 0, 0]
    assert bound["final_observations"][:, 0].tolist() == [2, 2, 2]
    assert bound["observations"][:, 1].tolist() == [15, 16, 17]  # each env has a seed of its own


def test_episodes_are_counted_and_handed_out_once() -> None:
    batch = GymnasiumBatch([Counting(over=2), Counting(cut=3)], first_env=4)
    bound = arrays(batch)
    step = batch.bind(**bound)
    batch.reset_into(bound["observations"], 0)
    for _ in range(4):
        step()

    episodes = batch.drain_episodes()

    assert episodes.env.tolist() == [4, 5, 4]
    assert episodes.episode.tolist() == [0, 0, 1]
    assert episodes.length.tolist() == [2, 3, 2]
    assert episodes.episode_return.tolist() == [2, 3, 2]
    assert episodes.truncated.tolist() == [False, True, False]
    assert len(batch.drain_episodes()) == 0


def test_actions_are_those_of_the_space() -> None:
    one, several = Counting(), Counting(actions=spaces.MultiDiscrete([2, 3], start=[1, 0]))
    for env, heads, action in ((one, 0, [2]), (several, 2, [[1, 2]])):
        batch = GymnasiumBatch([env])
        bound = arrays(batch, heads)
        bound["actions"][:] = action
        step = batch.bind(**bound)
        batch.reset_into(bound["observations"], 0)
        step()

    assert one.taken == [7]
    assert several.taken[0].tolist() == [2, 2]


@pytest.mark.parametrize(
    ("seen", "done", "words"),
    [
        (spaces.Discrete(4), spaces.Discrete(2), "no box of numbers"),
        (spaces.Box(0, 1, (3,)), spaces.Box(0, 1, (1,)), "cannot be chosen"),
    ],
)
def test_other_spaces_are_refused_in_words(seen: Any, done: Any, words: str) -> None:
    env = Counting(actions=done)
    env.observation_space = seen

    with pytest.raises(SimError, match=words):
        GymnasiumBatch([env])


def test_a_run_of_several_choices_learns_and_is_recorded(tmp_path: Path) -> None:
    made: list[Counting] = []

    def make() -> Counting:
        made.append(Counting(cut=5, actions=spaces.MultiDiscrete([2, 3])))
        return made[-1]

    with RunWriter.create(tmp_path, "test", {}, {}) as writer:
        config = small_config(total_steps=256, env_count=4, minibatch_size=64)
        trainer = Trainer([], config, writer, make_batch=gymnasium_envs(make))
        ended = trainer.run()
        trainer.close()

    assert ended is RunState.FINISHED
    assert trainer.network.heads.sizes == (2, 3)
    assert not trainer.is_exact
    line = RunDirectory(writer.path).read_metrics()[-1]
    assert line.values["rollout/ep_len_mean"] == line.values["rollout/ep_rew_mean"] == 5
    assert all(env.is_closed for env in made)
    assert {tuple(action) for env in made for action in env.taken} == {(i, j) for i in range(2) for j in range(3)}


def cart_poles(root: Path, name: str) -> Trainer:
    with RunWriter.create(root, name, {}, {}) as writer:
        config = small_config(total_steps=1024, env_count=4, minibatch_size=64)
        trainer = Trainer([], config, writer, make_batch=gymnasium_envs(lambda: gymnasium.make("CartPole-v1")))
        trainer.run()
        trainer.close()
    return trainer


def test_the_seed_decides_a_run(tmp_path: Path) -> None:
    assert_same(cart_poles(tmp_path, "a").tensors(), cart_poles(tmp_path, "b").tensors())


def test_a_run_cannot_be_resumed_and_says_so(tmp_path: Path) -> None:
    trainer = cart_poles(tmp_path, "a")
    tensors, manifest = load_checkpoint(tmp_path / "a" / "checkpoints")

    assert "network.entry.weight" in tensors
    with pytest.raises(CheckpointError, match="holds a policy and no run"):
        trainer.restore({}, manifest["meta"])


@pytest.mark.slow
def test_cart_pole_is_balanced(tmp_path: Path) -> None:
    config = small_config(
        total_steps=80_000,
        env_count=8,
        horizon=128,
        minibatch_size=256,
        epochs=4,
        learning_rate=1e-3,
        policy={"shared_trunk": False},  # the value loss is a thousand times the policy's, and would have the trunk
    )
    with RunWriter.create(tmp_path, "test", {}, {}) as writer:
        trainer = Trainer([], config, writer, make_batch=gymnasium_envs(lambda: gymnasium.make("CartPole-v1")))
        trainer.run()
        trainer.close()

    lines = RunDirectory(writer.path).read_metrics()[-15:]
    returns = [line.values["rollout/ep_rew_mean"] for line in lines if "rollout/ep_rew_mean" in line.values]
    assert np.mean(returns) > 300  # at random 22; benchmarks/learning.py trains to the end
