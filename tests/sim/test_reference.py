"""The engine against the reference, byte for byte, on the games that ship."""

from __future__ import annotations

import numpy as np

from engine.sim import Rules, games

from .drawn import cells_from
from .lockstep import Lockstep

NAVIGATION_MAPS = [
    """
    #########
    #...#...#
    #.#...#.#
    #.#.#.#.#
    #...#..*#
    #########
    """,
    """
    .....
    .#*#.
    .....
    """,
]

ARENA_MAP = """
    #############
    #@..m...m..1#
    #...........#
    #.n.#_.#..n.#
    #...........#
    #@..m...m..1#
    #############
    """


def agent_steps(rules: Rules, maps: list[str], env_count: int, steps: int, seed: int) -> int:
    """Play random actions, one in twenty of them no action at all; returns the agent-steps compared."""
    lockstep = Lockstep(rules, [cells_from(text, rules) for text in maps], env_count, seed, weights=[1, 2][: len(maps)])
    random = np.random.default_rng(seed)
    rows, actions = lockstep.batch.rows, len(rules.actions)
    for tick in range(steps):
        chosen = random.integers(0, actions, rows)
        invalid = random.random(rows) < 0.05
        lockstep.step(np.where(invalid, random.choice([-1, actions, 2**31 - 1, -(2**31)]), chosen).astype(np.int32))
        if tick % 7 == 0:
            lockstep.compare_states()
        if tick % 50 == 0:
            lockstep.compare_episodes()
    lockstep.compare_episodes()
    return rows * steps


def test_navigation_agrees_with_the_reference() -> None:
    rules = games.navigation(max_steps=60)

    assert agent_steps(rules, NAVIGATION_MAPS, env_count=10, steps=2_000, seed=1) >= 20_000


def test_arena_agrees_with_the_reference() -> None:
    rules = games.arena(agents=4, max_steps=300, batteries_per_heart=1)

    assert agent_steps(rules, [ARENA_MAP], env_count=5, steps=1_000, seed=2) >= 20_000


def test_a_full_arena_agrees_with_the_reference() -> None:
    # So crowded that nearly every move is blocked and the order of agents decides most of what happens.
    rules = games.arena(agents=6, groups=3, max_steps=40).model_copy(update={"spawn_anywhere": True})
    text = """
        .m.n
        ._..
        .n..
        """

    assert agent_steps(rules, [text], env_count=2, steps=150, seed=3) == 1_800
