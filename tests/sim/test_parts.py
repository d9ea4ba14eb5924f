"""`first_env`: batches that share the envs of a large one play what it plays, and trade exact states with it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sim import Batch, Episodes, World, games

from .differential import Case, cases
from .drawn import sim_from
from .lockstep import Lockstep
from .strategies import games_with_maps
from .test_properties import SEEDS, Game, actions_for

WRITTEN = ("observations", "rewards", "terminated", "truncated", "final_observations", "results")
STEPS = 150


def joined(parts: list[Episodes]) -> dict[str, np.ndarray]:
    """All episodes of one step, in the order of the parts."""
    fields = [field.name for field in dataclasses.fields(Episodes) if field.name != "dropped"]
    return {name: np.concatenate([getattr(part, name) for part in parts]) for name in fields}


def check_step(whole: Batch, parts: list[Batch], actions: np.ndarray) -> int:
    """Step all of them and compare all that they let out; returns how many agent-episodes ended."""
    whole.step(actions)
    for part, given_actions in zip(parts, np.split(actions, [parts[0].rows]), strict=True):
        part.step(given_actions)
    for name in WRITTEN:
        assert np.array_equal(np.concatenate([getattr(part, name) for part in parts]), getattr(whole, name)), name
    expected = joined([whole.drain_episodes()])
    actual = joined([part.drain_episodes() for part in parts])
    for name, values in expected.items():
        assert np.array_equal(actual[name], values), name
    return len(expected["env"])


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_two_halves_play_what_the_whole_plays(case: Case) -> None:
    rules = case.rules.model_copy(update={"max_steps": 40})
    worlds = [World(rules, cells) for cells in case.maps]
    whole = Batch(worlds, 6, seed=11)
    parts = [Batch(worlds, 3, seed=11, thread_count=1 + half, first_env=3 * half) for half in range(2)]
    random = np.random.default_rng(11)
    ended = 0
    for _ in range(STEPS):
        ended += check_step(whole, parts, random.integers(-1, len(rules.actions), whole.rows))

    assert ended > 0
    assert [whole.save(0, 3), whole.save(3, 3)] == [part.save() for part in parts]


@settings(max_examples=40)
@given(games_with_maps(), SEEDS, st.integers(1, 4), st.sampled_from([1, 2, 3]))
def test_any_game_may_be_shared_anywhere(game: Game, seed: int, first: int, threads: int) -> None:
    rules, maps = game
    worlds = [World(rules, cells) for cells in maps]
    whole = Batch(worlds, 5, seed=seed, thread_count=threads)
    parts = [Batch(worlds, first, seed=seed), Batch(worlds, 5 - first, seed=seed, first_env=first)]
    for actions in actions_for(whole, seed):
        check_step(whole, parts, actions)


@settings(max_examples=20)
@given(games_with_maps(), SEEDS, st.sampled_from([1, 1000, 2**31 - 3]))
def test_any_number_agrees_with_the_reference(game: Game, seed: int, first: int) -> None:
    lockstep = Lockstep(*game, 2, seed, first_env=first)
    for actions in actions_for(lockstep.batch, seed):
        lockstep.step(actions)
    lockstep.compare_states()
    lockstep.compare_episodes()


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_state_goes_on_in_the_part_that_has_its_number(threads: int) -> None:
    rules = games.arena(agents=2, max_steps=13)
    whole = sim_from("1.m.2\n.n_..", rules, env_count=6, seed=3)
    actions = np.random.default_rng(3).integers(0, 10, (60, whole.rows))
    for tick in range(20):
        whole.step(actions[tick])
    states = [whole.save(0, 2), whole.save(2, 4)]
    parts = [
        Batch(whole.worlds, count, seed=99, thread_count=threads, first_env=first) for first, count in ((0, 2), (2, 4))
    ]
    for part, state in zip(parts, states, strict=True):
        part.load(state)
    whole.drain_episodes()
    whole.final_observations[:] = 0  # what a loaded batch has not seen

    assert sum(check_step(whole, parts, actions[tick]) for tick in range(20, 60)) > 0

    before = whole.hash()
    whole.step(actions[0])
    for part in parts:
        whole.load(part.save(), part.first_env, part.env_count)
    assert whole.hash() == before


def test_a_reset_returns_to_the_batchs_own_numbers() -> None:
    """As ever, a loaded env draws from the streams that it was saved with; a reset ends that."""
    first, second = (sim_from("....\n.#*.\n....", games.navigation(), 2, seed=1) for _ in range(2))
    other = Batch(first.worlds, 2, seed=1, first_env=2)
    assert other.hash() != first.hash()

    other.load(first.save())
    assert other.hash() == first.hash() == second.hash()
    other.reset(1)

    assert other.hash() == Batch(first.worlds, 2, seed=1, first_env=2).hash()
