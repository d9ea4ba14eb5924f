"""`retire_worlds`: worlds of weight 0 are left in the next step, exactly, whatever is saved and loaded in between."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sim import Batch, World, games

from .differential import chosen
from .drawn import world_from
from .lockstep import Lockstep
from .strategies import games_with_maps
from .test_properties import SEEDS, Game

ROOMS = ("...\n.*.", "....\n*...", "..*..\n.....")
ENVS, STEPS = 6, 30


def batch_in(worlds: list[World], weights: list[int], **arguments: int) -> Batch:
    """All envs in the worlds of these weights."""
    batch = Batch(worlds, ENVS, seed=4, **arguments)
    batch.set_world_weights(weights)
    batch.reset(4)
    return batch


def worlds_of(batch: Batch) -> list[int]:
    return [batch.look(env).world for env in range(batch.env_count)]


def noops(batch: Batch) -> np.ndarray:
    return np.full(batch.rows, batch.spec.action_names.index("noop"))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_retired_world_is_left_in_the_next_step_and_the_others_are_not(threads: int) -> None:
    worlds = [world_from(room, games.navigation(max_steps=1000)) for room in ROOMS]
    batch = batch_in(worlds, [1, 1, 0], thread_count=threads)
    before = np.array(worlds_of(batch))
    assert set(before) == {0, 1}
    batch.step(noops(batch))
    observed = batch.observations.copy()

    batch.set_world_weights([0, 1, 5])
    batch.step(noops(batch))
    assert not batch.truncated.any()  # weights alone wait for the end
    batch.retire_worlds()
    batch.step(noops(batch))

    left = before == 0
    assert batch.truncated.tolist() == left.tolist()
    assert not batch.terminated.any()
    completion = batch.spec.plane_size + batch.spec.self_features.index("episode_completion")
    same = np.arange(batch.spec.observation_size) != completion
    assert np.array_equal(batch.final_observations[left][:, same], observed[left][:, same])
    assert np.array_equal(batch.observations[~left][:, same], observed[~left][:, same])
    assert 0 not in worlds_of(batch)
    assert np.array_equal(np.array(worlds_of(batch))[~left], before[~left])
    episodes = batch.drain_episodes()
    assert episodes.env.tolist() == np.flatnonzero(left).tolist()
    assert (set(episodes.world), set(episodes.length), episodes.truncated.all()) == ({0}, {3}, True)
    batch.step(noops(batch))
    assert not batch.truncated.any()


def test_new_weights_end_it() -> None:
    worlds = [world_from(room, games.navigation(max_steps=1000)) for room in ROOMS]
    batch = batch_in(worlds, [1, 1, 1])
    batch.set_world_weights([0, 0, 1])
    batch.retire_worlds()
    batch.step(noops(batch))
    assert set(worlds_of(batch)) == {2}

    batch.set_world_weights([1, 0, 0])
    batch.step(noops(batch))

    assert not batch.truncated.any()
    assert set(worlds_of(batch)) == {2}


@settings(max_examples=100)
@given(games_with_maps(), SEEDS, st.sampled_from([1, 2, 3]))
def test_any_curriculum_agrees_with_the_reference(game: Game, seed: int, threads: int) -> None:
    """Weights change at random, worlds retire or do not, and the batch is replaced by a loaded one now and then."""
    rules, maps = game
    maps = (maps * 3)[:3]
    lockstep = Lockstep(rules, maps, 2, seed, thread_count=threads)
    random = np.random.default_rng(seed)
    weights, retires = [1, 1, 1], False
    for _ in range(STEPS):
        if random.random() < 0.3:
            weights, retires = random.integers(0, 3, 3).tolist(), bool(random.integers(2))
            weights[random.integers(3)] = 1
            lockstep.set_weights(weights, retires)
        if random.random() < 0.2:  # between the retirement and the step that leaves, as often as not
            lockstep.move_to(Batch(lockstep.batch.worlds, 2, seed=~seed, thread_count=4 - threads))
            lockstep.set_weights(weights, retires)
        lockstep.step(chosen(lockstep.batch, random))
    lockstep.compare_states()
    lockstep.compare_episodes()
