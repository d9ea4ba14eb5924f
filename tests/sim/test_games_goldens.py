"""A pinned state hash for each game on its stock map: 200 steps, equal for every thread count.

A change here needs a sentence in the commit that says which rule changed.
"""

from __future__ import annotations

import pytest

from engine.maps import cells_for, load_map
from engine.sim import Batch, Rules, World, games

from .test_goldens import actions_at

MAPS = {
    "navigation": ("navigation_walls9",),
    "arena": ("arena_basic",),
    "arena_classic": ("arena_classic", "arena_classic_poor"),
    "arena_classic_easy": ("arena_classic_small",),
    "arena_classic_combat": ("arena_classic_combat",),
    "arena_classic_tag": ("arena_classic_tag",),
    "arena_classic_full": ("arena_classic_full",),
    "arena_energy": ("arena_energy",),
    "hide_and_seek": ("hide_and_seek",),
    "pursuit": ("pursuit",),
    "t_maze": ("t_maze_left", "t_maze_right"),
    "cue_recall": ("cue_recall_red_left", "cue_recall_blue_left"),
    "two_switch": ("two_switch",),
}

GOLDENS = {
    "navigation": 0xD1F2C55AFBCD73FC,
    "arena": 0x13E7AF1E2A02A094,
    "arena_classic": 0x2E933B6B573757DD,
    "arena_classic_easy": 0xE5C323DF91D68079,
    "arena_classic_combat": 0x15C19C65780630B8,
    "arena_classic_tag": 0xA66DAE9EE8D7FCA1,
    "arena_classic_full": 0x0B43CE1E62B21D81,
    "arena_energy": 0xB65930B02B46CF9E,
    "hide_and_seek": 0x7213D1A0ECCBA82F,
    "pursuit": 0xF59B2FE549F89F9A,
    "t_maze": 0x0841D9F4921D588A,
    "cue_recall": 0x2FADF39FC9A07953,
    "two_switch": 0xE82EDC5E4065346C,
}

ENVS, STEPS, SEED = 6, 200, 2025


def worlds_of(game: str) -> tuple[Rules, list[World]]:
    rules = games.GAMES[game]()
    return rules, [World(rules, cells_for(load_map(name), rules)) for name in MAPS[game]]


def hash_after(game: str, thread_count: int) -> int:
    rules, worlds = worlds_of(game)
    with Batch(worlds, ENVS, seed=SEED, thread_count=thread_count) as batch:
        for tick in range(STEPS):
            batch.step(actions_at(tick, rules, batch.rows))
        return batch.hash()


def test_every_game_is_pinned() -> None:
    assert list(MAPS) == list(GOLDENS) == list(games.GAMES)


@pytest.mark.parametrize("thread_count", [1, 2, 3, 8])
@pytest.mark.parametrize("game", MAPS)
def test_golden_hash_of_a_game(game: str, thread_count: int) -> None:
    assert f"{hash_after(game, thread_count):#018x}" == f"{GOLDENS[game]:#018x}"


@pytest.mark.parametrize("game", MAPS)
def test_chance_play_shows_more_than_noops(game: str) -> None:
    rules, worlds = worlds_of(game)
    with Batch(worlds, ENVS, seed=SEED) as batch:
        paid = False
        for tick in range(STEPS):
            batch.step(actions_at(tick, rules, batch.rows))
            paid = paid or bool(batch.rewards.any())

    # Classic mines yield little and random agents seldom face them; walking costs nothing there.
    assert paid or game.startswith("arena")
