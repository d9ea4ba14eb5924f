"""Goal gridworlds of 5 x 5 to 9 x 9 cells with walls, and how well a network does in one beside the optimum."""

from __future__ import annotations

from engine.policies.networks import PolicyNetwork
from engine.sim import World, games

from .drawn import WALLS_9, cells_of
from .playing import played
from .value_iteration import optimal_values

LAYOUTS = {
    "open5": """
        #######
        #.....#
        #.....#
        #.....#
        #.....#
        #....*#
        #######""",
    "walls5": """
        #######
        #..#..#
        #.##..#
        #.....#
        #.#.#.#
        #.#..*#
        #######""",
    "rooms7": """
        #########
        #...#...#
        #.......#
        #...#...#
        ##.###.##
        #...#...#
        #.......#
        #...#..*#
        #########""",
    "walls7": WALLS_9,
    "maze9": """
        ###########
        #.#.......#
        #.#.#####.#
        #...#...#.#
        #.###.#.#.#
        #.....#.#.#
        #####.#.#.#
        #.....#...#
        #.#######.#
        #........*#
        ###########""",
}
"""By name and the cells of a side."""

BUDGET = 200_000
"""Agent steps within which the trainer's defaults have to solve them: 49 iterations."""


def share_of_optimum(network: PolicyNetwork, name: str) -> float:
    """The greedy policy's mean return over that of the best one from the same start cells."""
    rules = games.navigation()
    cells = cells_of(LAYOUTS[name], rules)
    result = played(network, World(rules, cells), greedy=True)
    rows, columns = result.starts[:, 0].T
    return result.mean_return / float(optimal_values(rules, cells)[rows, columns].mean())
