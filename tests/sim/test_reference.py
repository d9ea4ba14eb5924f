"""The engine against the reference, byte for byte, on the games that ship and on any game at all.

benchmarks/differential.py plays the same for as long as one likes.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sim import Batch, Rules, World

from .differential import Case, cases, chosen, play
from .lockstep import Lockstep
from .strategies import games_with_maps

AGENT_STEPS = 1_500  # of each case; a few seconds for all
SEEDS = st.integers(0, 2**64 - 1)
ENVS, STEPS = 2, 25

Game = tuple[Rules, list[np.ndarray]]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_game_agrees_with_the_reference(case: Case) -> None:
    assert play(case, AGENT_STEPS, seed=1) >= AGENT_STEPS


@settings(max_examples=150)
@given(games_with_maps(), SEEDS)
def test_any_game_agrees_with_the_reference(game: Game, seed: int) -> None:
    rules, maps = game
    lockstep = Lockstep(rules, maps, ENVS, seed, weights=[3, 1, 2][: len(maps)])

    random = np.random.default_rng(seed)
    for tick in range(STEPS):
        lockstep.step(chosen(lockstep.batch, random))
        if tick % 5 == 0:
            lockstep.compare_states()
    lockstep.compare_episodes()


@settings(max_examples=50)
@given(games_with_maps(), SEEDS, st.integers(0, STEPS), st.sampled_from([1, 2, 3]))
def test_any_game_agrees_after_a_load_in_mid_episode(game: Game, seed: int, pause: int, threads: int) -> None:
    rules, maps = game
    weights = [3, 1, 2][: len(maps)]
    lockstep = Lockstep(rules, maps, ENVS, seed, weights=weights)
    other = Batch([World(rules, cells) for cells in maps], ENVS, seed=~seed, thread_count=threads)
    other.set_world_weights(weights)

    random = np.random.default_rng(seed)
    for tick in range(STEPS):
        if tick == pause:
            lockstep.move_to(other)
            lockstep.compare_states()
        lockstep.step(chosen(lockstep.batch, random))
    lockstep.compare_states()
