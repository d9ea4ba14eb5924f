"""Recordings for the tests of replays, and what their films have to be equal to."""

from __future__ import annotations

import numpy as np

from engine.maps import cells_for
from engine.recipes import maps_of, resolve, worlds_of
from engine.sim import Batch, EnvView, RecordedMap, Recorder, Recording, Rules, World


def recorded(worlds: list[World], maps: list[RecordedMap], ticks: int, seed: int = 0, skipped: int = 0) -> Recording:
    """Some ticks of random play; now and then an action that the game does not have."""
    random = np.random.default_rng(seed)
    with Batch(worlds, seed=seed) as batch:
        count = len(batch.spec.action_names)
        for _ in range(skipped):
            batch.step(random.integers(0, count, batch.rows))
        recorder = Recorder(batch, maps, seed)
        while not recorder.ended and recorder.ticks < ticks:
            actions = random.integers(0, count + (random.random() < 0.1), batch.rows)
            batch.step(actions)
            recorder.record(actions)
        return recorder.recording()


def of_recipe(recipe: str, ticks: int, *settings: str, seed: int = 0, skipped: int = 0) -> Recording:
    """Random play of a recipe."""
    config = resolve(recipe, list(settings))
    maps = [RecordedMap(each.name, cells_for(each, config.rules)) for each in maps_of(config)]
    return recorded(list(worlds_of(config)), maps, ticks, seed, skipped)


def of_game(rules: Rules, cells: np.ndarray, ticks: int, seed: int = 0) -> Recording:
    """Random play of a game on a map of one's own."""
    return recorded([World(rules, cells)], [RecordedMap("drawn", cells)], ticks, seed)


def check_same(one: EnvView, other: EnvView) -> None:
    """Every field of two views."""
    assert (one.tick, one.episode, one.world) == (other.tick, other.episode, other.world)
    assert np.array_equal(one.cells, other.cells)
    assert np.array_equal(one.ready, other.ready)
    assert one.agents == other.agents
