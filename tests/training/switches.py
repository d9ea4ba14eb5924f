"""The exact optimum of two_switch: the fewest steps in which two agents can have a switch pressed each.

A bound and a witness: no pair of agents can be there sooner than the farther of the two walks alone, if each takes
the switch that suits the pair best; and `scripted_win` plays those two walks in the engine, so the bound is reached.
"""

from __future__ import annotations

from collections import deque
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from engine.sim import CELL_EMPTY, CELL_KIND, CELL_SPAWN_ANY, DIRECTION_STEPS, Batch, Rules, World

Cell = tuple[int, int]


def optimal_steps(cells: NDArray[np.uint8], rules: Rules) -> int:
    """Fewest steps until both hold a switch; the game ends with the last one's press."""
    starts, switches = _starts(cells), _switches(cells, rules)
    walks = {(start, switch): len(_walk(cells, start, switch)) for start in starts for switch in switches}
    return min(max(walks[pair] for pair in zip(starts, order, strict=True)) for order in permutations(switches))


def scripted_win(rules: Rules, cells: NDArray[np.uint8]) -> tuple[int, float]:
    """Both walk to the switch that suits them and press together: (steps, return of each) by the engine."""
    with Batch(World(rules, cells)) as batch:
        starts = [(agent.row, agent.column) for agent in batch.look().agents]
        order = min(
            permutations(_switches(cells, rules)),
            key=lambda order: max(len(_walk(cells, *pair)) for pair in zip(starts, order, strict=True)),
        )
        walks = [_walk(cells, *pair) for pair in zip(starts, order, strict=True)]
        longest = max(len(walk) for walk in walks)
        for t in range(longest):
            # Whoever is nearer waits before it starts.
            waited = [t - (longest - len(walk)) for walk in walks]
            moves = [walk[i] if i >= 0 else None for walk, i in zip(walks, waited, strict=True)]
            batch.step(np.array([_action(rules, move) for move in moves]))
        episodes = batch.drain_episodes()
        assert episodes.terminated.all()
        return int(episodes.length[0]), float(episodes.episode_return[0])


def _action(rules: Rules, step: Cell | None) -> int:
    if step is None:
        return rules.action_names.index("noop")
    names = {(-1, 0): "move_north", (1, 0): "move_south", (0, -1): "move_west", (0, 1): "move_east"}
    return rules.action_names.index(names[step])


def _walk(cells: NDArray[np.uint8], start: Cell, goal: Cell) -> list[Cell]:
    """A shortest way, as steps; the last one presses."""
    before: dict[Cell, tuple[Cell, Cell]] = {}
    queue = deque([start])
    while queue:
        here = queue.popleft()
        for step in DIRECTION_STEPS[:4]:
            ahead = here[0] + step[0], here[1] + step[1]
            if ahead in before or ahead == start or not (ahead == goal or _is_floor(int(cells[ahead]))):
                continue
            before[ahead] = here, step
            if ahead == goal:
                return _steps_to(goal, start, before)
            queue.append(ahead)
    raise AssertionError(f"no way from {start} to {goal}")


def _steps_to(goal: Cell, start: Cell, before: dict[Cell, tuple[Cell, Cell]]) -> list[Cell]:
    steps, here = [], goal
    while here != start:
        here, step = before[here]
        steps.append(step)
    return steps[::-1]


def _is_floor(code: int) -> bool:
    return code == CELL_EMPTY or code >= CELL_SPAWN_ANY


def _starts(cells: NDArray[np.uint8]) -> list[Cell]:
    return [(int(row), int(column)) for row, column in np.argwhere(cells >= CELL_SPAWN_ANY)]


def _switches(cells: NDArray[np.uint8], rules: Rules) -> list[Cell]:
    code = CELL_KIND + list(rules.kinds).index("switch")
    return [(int(row), int(column)) for row, column in np.argwhere(cells == code)]
