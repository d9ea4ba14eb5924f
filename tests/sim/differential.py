"""Every game that ships, played by engine and reference side by side: for test_reference.py and for a benchmark."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engine.maps import cells_for, load_map, stock_names
from engine.sim import CELL_EMPTY, CELL_KIND, Batch, Rules, World, games

from .lockstep import Lockstep

ENVS = 4
CROWD_SIDE = 9  # cells: so small that agents are always in each other's way


@dataclass(frozen=True)
class Case:
    """A game and the maps that its envs draw from."""

    name: str
    rules: Rules
    maps: tuple[np.ndarray, ...]


def cases() -> Iterator[Case]:
    """Each game twice: on its own maps, and in a crowd where everybody has something to spend and to lose."""
    for name, make in games.GAMES.items():
        rules = make()
        yield Case(name, rules, tuple(cells_for(load_map(map_name), rules) for map_name in maps_of(name)))
        yield Case(f"{name}_crowd", crowded(rules), tuple(crowd_map(rules, seed) for seed in range(3)))


def maps_of(game: str) -> list[str]:
    """The stock maps drawn for a game, or else for the one that it is a variant of."""
    drawn = [name for name in stock_names() if games.game_of_map(name) is games.GAMES.get(game)]
    return drawn or maps_of(game.rpartition("_")[0])


def crowded(rules: Rules) -> Rules:
    """The game with full hands, anywhere on the map, in short episodes."""
    data = rules.model_dump()
    for name, resource in data["resources"].items():
        ends_at = rules.end.amount if rules.end and rules.end.resource == name else 65536
        resource["initial"] = max(resource["initial"], min(3, resource["limit"], ends_at - 1))
    return Rules.model_validate({**data, "spawn_anywhere": True, "max_steps": 60})


def crowd_map(rules: Rules, seed: int = 0) -> np.ndarray:
    """A third of the cells objects of all kinds, the rest floor."""
    random = np.random.default_rng(seed)
    cells = np.full((CROWD_SIDE, CROWD_SIDE), CELL_EMPTY, np.uint8)
    objects = random.random(cells.shape) < 1 / 3
    cells[objects] = CELL_KIND + random.integers(0, len(rules.kinds), int(objects.sum()))
    return cells


def chosen(batch: Batch, random: np.random.Generator) -> np.ndarray:
    """(rows,) actions: half of them from what would succeed, so that things happen; one in thirty is none at all."""
    count = len(batch.spec.action_names)
    actions = random.integers(0, count, batch.rows)
    for env in range(batch.env_count):
        for agent, allowed in enumerate(batch.action_mask(env)):
            if random.random() < 0.5:
                actions[env * batch.spec.agent_count + agent] = random.choice(np.flatnonzero(allowed))
    invalid = random.random(batch.rows) < 1 / 30
    return np.where(invalid, random.choice([-1, count, 2**31 - 1, -(2**31)]), actions).astype(np.int32)


def play(case: Case, agent_steps: int, seed: int, threads: int = 3) -> int:
    """Play so many agent-steps or a few more; returns how many were compared.

    The second half goes on from a snapshot, in a batch of so many threads.
    """
    weights = [1 + index % 2 for index in range(len(case.maps))]
    lockstep = Lockstep(case.rules, list(case.maps), ENVS, seed, weights=weights)
    random = np.random.default_rng([seed, zlib.crc32(case.name.encode())])
    rows = lockstep.batch.rows
    steps = -(-agent_steps // rows)
    for tick in range(steps):
        lockstep.step(chosen(lockstep.batch, random))
        if tick % 9 == 0 or tick == steps - 1:
            lockstep.compare_states()
        if tick % 50 == 0:
            lockstep.compare_episodes()
        if tick == steps // 2:
            worlds = [World(case.rules, cells) for cells in case.maps]
            other = Batch(worlds, ENVS, seed=seed + 1, thread_count=threads)
            other.set_world_weights(weights)
            lockstep.move_to(other)
    lockstep.compare_episodes()
    return rows * steps
