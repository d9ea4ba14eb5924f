"""One pinned state hash for each game: equal for every thread count, and after a save and load in mid-episode.

A change here needs a sentence in the commit that says which rule changed.
"""

from __future__ import annotations

import numpy as np
import pytest

from engine.sim import Batch, Rules, games

from .drawn import world_from

GAMES = {"navigation": games.navigation(max_steps=50), "arena": games.arena(max_steps=120, batteries_per_heart=1)}

MAPS = {
    "navigation": """
        #########
        #...#...#
        #.#...#.#
        #.#.#.#.#
        #...#..*#
        #########
        """,
    "arena": """
        #######
        #1m.n2#
        #.._..#
        #1n.m2#
        #._m..#
        #1.n.2#
        #######
        """,
}

GOLDENS = {"navigation": 0x15535C7D6831E342, "arena": 0xAC5627720839B9F2}

ENVS, STEPS, SEED = 7, 400, 2024


def actions_at(tick: int, rules: Rules, rows: int) -> np.ndarray:
    """Pseudo-random actions by integer arithmetic alone, so that no library's generator is pinned along."""
    counters = np.arange(rows, dtype=np.uint64) + np.uint64(tick * rows)
    mixed = counters * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return ((mixed >> np.uint64(33)) % np.uint64(len(rules.actions))).astype(np.int32)


def play(batch: Batch, rules: Rules, first: int, last: int) -> None:
    for tick in range(first, last):
        batch.step(actions_at(tick, rules, batch.rows))


def batch_of(game: str, thread_count: int = 1, seed: int = SEED) -> Batch:
    return Batch(world_from(MAPS[game], GAMES[game]), ENVS, seed=seed, thread_count=thread_count)


@pytest.mark.parametrize("thread_count", [1, 2, 3, 8])
@pytest.mark.parametrize("game", GAMES)
def test_golden_hash(game: str, thread_count: int) -> None:
    with batch_of(game, thread_count) as batch:
        play(batch, GAMES[game], 0, STEPS)

        assert f"{batch.hash():#018x}" == f"{GOLDENS[game]:#018x}"


@pytest.mark.parametrize("thread_count", [1, 2, 3])
@pytest.mark.parametrize("game", GAMES)
def test_golden_hash_after_save_and_load_in_mid_episode(game: str, thread_count: int) -> None:
    with batch_of(game) as first, batch_of(game, thread_count, seed=7) as second:
        play(first, GAMES[game], 0, 137)
        assert all(first.look(env).tick > 0 for env in range(2))

        second.load(first.save())
        play(second, GAMES[game], 137, STEPS)

        assert f"{second.hash():#018x}" == f"{GOLDENS[game]:#018x}"


@pytest.mark.parametrize("game", GAMES)
def test_the_pinned_games_show_more_than_noops(game: str) -> None:
    with batch_of(game) as batch:
        play(batch, GAMES[game], 0, STEPS)
        episodes = batch.drain_episodes()

        gained = episodes.stats[:, batch.spec.stat_names.index("heart.gained")]
        assert gained.sum() > 0
        assert episodes.truncated.any()
