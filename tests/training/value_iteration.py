"""The best possible result of a navigation game, computed without learning: value iteration over its cells.

The game as the engine plays it: every step pays the time term, a move into a goal pays the goal term too and
ends the episode, a blocked move leaves the agent where it is, and the clock ends what lasts max_steps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.sim import CELL_EMPTY, CELL_KIND, DIRECTION_STEPS, Rules


def optimal_values(rules: Rules, cells: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Best undiscounted return from each cell with all of max_steps left; NaN on cells nobody can stand on."""
    weights = {term.name: term.weight for term in rules.rewards}
    goal = CELL_KIND + list(rules.kinds).index("goal")
    bordered = np.pad(cells, 1, constant_values=255)  # beyond the map nobody can go
    free = bordered == CELL_EMPTY
    values = np.zeros(bordered.shape)
    for _ in range(rules.max_steps):
        values = _backed_up(values, bordered == goal, free, weights["goal"], weights["time"])
    return np.where(free, values, np.nan)[1:-1, 1:-1]


def optimal_return(rules: Rules, cells: NDArray[np.uint8]) -> float:
    """Mean best return over the cells an episode may start on: every empty one, each as likely."""
    return float(np.nanmean(optimal_values(rules, cells)))


def _backed_up(
    values: NDArray[np.float64],
    goal: NDArray[np.bool_],
    free: NDArray[np.bool_],
    goal_reward: float,
    time_reward: float,
) -> NDArray[np.float64]:
    """Values with one more step to go, from those with one step less."""
    best = values.copy()  # noop, or a blocked move
    for step in DIRECTION_STEPS:
        back = (-step[0], -step[1])
        ahead = np.roll(np.where(goal, goal_reward, np.where(free, values, -np.inf)), back, axis=(0, 1))
        best = np.maximum(best, ahead)
    return best + time_reward
