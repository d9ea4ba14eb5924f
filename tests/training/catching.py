"""The exact optimum of hide-and-seek small enough to solve: one seeker that sees all around, one hider that plays at
random, a clock. Dynamic programming over both positions and the time left.

The game as the engine plays it: both act in an order drawn anew each tick, a move into the hider is a try to catch it
and no step, the seeker is paid for each tick after which it sees the hider, for the catch, and for a catch that never
came. Whoever is caught is seen no more, and the episode ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

from engine.sim import CELL_EMPTY, CELL_SPAWN_GROUP, Rules, games
from tests.sim.sight import Look

Floats = NDArray[np.float64]

STEPS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))
"""What an action does: noop and the four turns stay, then north, south, west, east."""

_HIDER_DRAWS = (5 / 9, 1 / 9, 1 / 9, 1 / 9, 1 / 9)  # by STEPS: of nine actions five stay

SMALL = """
    #######
    #1....#
    #.##..#
    #.....#
    #.....#
    #....2#
    #######"""


def small_game(rewards: games.RewardSet, chance_percent: int = 100) -> Rules:
    """One hider that counts for two: the sight of it pays double, and its catch is the prize of both and for all."""
    rules = games.hide_and_seek(rewards, hiders=1, hide_ticks=0, chance_percent=chance_percent, cone_degrees=360)
    double = {"sees", "caught"}
    terms = [
        term.model_copy(update={"weight": 2 * term.weight}) if term.name in double else term for term in rules.rewards
    ]
    return rules.model_copy(update={"rewards": tuple(terms)})


@dataclass(frozen=True)
class Solution:
    """What the best seeker does, and what comes of it."""

    places: tuple[tuple[int, int], ...]  # (row, column) of each free cell, by its number
    actions: NDArray[np.int8]  # (steps, seeker's cell, hider's cell) index into STEPS
    mean_return: float  # undiscounted
    caught: Floats  # (steps,) probability that the catch comes at this step

    @property
    def median_catch(self) -> float:
        """The step by which half of the episodes have ended with a catch; their length if fewer do."""
        by_then = np.cumsum(self.caught)
        return float(np.searchsorted(by_then, 0.5) + 1) if by_then[-1] >= 0.5 else float(len(by_then))


def solved(rules: Rules, cells: NDArray[np.uint8], gamma: float, *, endless: bool = False) -> Solution:
    """The best that a seeker can do who is paid discounted.

    Args:
        endless: it plays as if the clock were an interruption and no end: what a learner aims at that bootstraps
            truncated episodes. Discount below 1.
    """
    free = np.argwhere((cells == CELL_EMPTY) | _is_spawn(cells))
    places = tuple((int(row), int(column)) for row, column in free)
    weights = {term.name: term.weight for term in rules.rewards if term.role == "seeker"}
    assert rules.tag is not None
    moves, catches = _chances(places, rules.tag.chance_percent / 100)
    prize = weights["caught"] + weights["caught_all"]
    seen = weights["sees"] * _visible(rules, places, cells).ravel()  # (states,)
    gains = catches * prize + moves @ seen  # (actions, states) what a step pays
    choose = _endless if endless else _until_the_end
    actions = choose(gains, moves, gamma, rules.max_steps, weights["caught_none"])
    start = _start(places, cells)
    total, caught = _followed(actions, moves, catches, start, prize, seen, weights["caught_none"])
    return Solution(places, actions.reshape(-1, len(places), len(places)), total, caught)


def _until_the_end(gains: Floats, moves: Floats, gamma: float, steps: int, missed: float) -> NDArray[np.int8]:
    """(steps, states) best actions, from the last step back; `missed` is paid after it."""
    actions = np.zeros((steps, moves.shape[1]), np.int8)
    worth = np.full(moves.shape[1], missed / gamma)
    for t in reversed(range(steps)):
        values = gains + gamma * (moves @ worth)
        actions[t] = _first_best(values)
        worth = values.max(0)
    return actions


def _endless(gains: Floats, moves: Floats, gamma: float, steps: int, missed: float) -> NDArray[np.int8]:
    """(steps, states) best actions of a game without a clock, the same at each step: policy iteration."""
    del missed  # nobody gets there
    states = np.arange(moves.shape[1])
    chosen = np.zeros(len(states), np.int8)
    while True:
        worth = np.linalg.solve(np.eye(len(states)) - gamma * moves[chosen, states], gains[chosen, states])
        better = _first_best(gains + gamma * (moves @ worth))
        if (better == chosen).all():
            return np.tile(chosen, (steps, 1))
        chosen = better


def _first_best(values: Floats) -> NDArray[np.int8]:
    """Of actions worth the same the first, whatever the rounding: what can wait, waits."""
    best: NDArray[np.int8] = (values >= values.max(0) - 1e-7).argmax(0).astype(np.int8)
    return best


def _followed(
    actions: NDArray[np.int8], moves: Floats, catches: Floats, start: int, prize: float, seen: Floats, missed: float
) -> tuple[float, Floats]:
    """Mean return and catch probabilities by step, from the chance of each state over time."""
    chance = np.zeros(actions.shape[1])
    chance[start] = 1.0
    total, caught = 0.0, np.zeros(len(actions))
    states = np.arange(len(chance))
    for t, chosen in enumerate(actions):
        caught[t] = chance @ catches[chosen, states]
        chance = chance @ moves[chosen, states]
        total += caught[t] * prize + chance @ seen
    return float(total + chance.sum() * missed), caught


def _chances(places: tuple[tuple[int, int], ...], tag_chance: float) -> tuple[Floats, Floats]:
    """Of each action in each state (seeker * cells + hider): next states (actions, states, states), and a catch."""
    count = len(places)
    number = {place: i for i, place in enumerate(places)}
    ahead = np.array([[number.get((r + dr, c + dc), i) for dr, dc in STEPS] for i, (r, c) in enumerate(places)])
    moves = np.zeros((len(STEPS), count * count, count * count))
    catches = np.zeros((len(STEPS), count * count))
    for seeker, hider in permutations(range(count), 2):
        state = seeker * count + hider
        for action, (draw, share), first in product(range(len(STEPS)), enumerate(_HIDER_DRAWS), (True, False)):
            targets = ahead[seeker, action], ahead[hider, draw]
            tries, after = _tick(seeker, hider, *targets, seeker_first=first)
            caught = share / 2 * tag_chance * tries
            catches[action, state] += caught
            moves[action, state, after[0] * count + after[1]] += share / 2 - caught
    return moves, catches


def _tick(
    seeker: int, hider: int, seeker_to: int, hider_to: int, *, seeker_first: bool
) -> tuple[bool, tuple[int, int]]:
    """Whether the seeker tries to catch, and where both are if it fails to."""
    if not seeker_first and hider_to != seeker:
        hider = hider_to
    tries = seeker_to == hider
    seeker = seeker if tries else seeker_to
    if seeker_first and hider_to != seeker:
        hider = hider_to
    return tries, (seeker, hider)


def _visible(rules: Rules, places: tuple[tuple[int, int], ...], cells: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(seeker's cell, hider's cell): line of sight within the window."""
    height, width = rules.window.height, rules.window.width
    clear = np.zeros((cells.shape[0] + height, cells.shape[1] + width), bool)  # beyond the map nothing is seen
    for row, column in places:
        clear[row + height // 2, column + width // 2] = True
    seen = np.zeros((len(places), len(places)), bool)
    for i, (row, column) in enumerate(places):
        look = Look(height, width, rules.sight, 0, clear[row : row + height, column : column + width].tobytes())
        seen[i] = [look.shows(r - row, c - column) for r, c in places]
    return seen


def _start(places: tuple[tuple[int, int], ...], cells: NDArray[np.uint8]) -> int:
    """The state at the start: one spawn cell for each of the two groups."""
    (seeker,), (hider,) = (np.argwhere(cells == CELL_SPAWN_GROUP + group) for group in (0, 1))
    return places.index(tuple(seeker)) * len(places) + places.index(tuple(hider))


def _is_spawn(cells: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return cells >= CELL_SPAWN_GROUP
