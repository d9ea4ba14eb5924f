"""Turn a map into the cell codes that the engine compiles. Pure; any thread. The engine validates them again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engine.errors import MapError

from .characters import AGENT, EMPTY, TEAM_PREFIX
from .dialect import translated
from .grid_map import GridMap

if TYPE_CHECKING:  # drawing maps works without the compiled engine
    from engine.sim import Rules

# GW_CELL_* of gridworld.h
CELL_EMPTY = 0
CELL_KIND = 1
CELL_SPAWN_ANY = 128
CELL_SPAWN_GROUP = 129


def cell_codes(rules: Rules) -> dict[str, int]:
    """Object name -> cell code, for every object that this game knows."""
    codes = {EMPTY: CELL_EMPTY, AGENT: CELL_SPAWN_ANY}
    codes |= {f"{TEAM_PREFIX}{group + 1}": CELL_SPAWN_GROUP + group for group in range(rules.groups)}
    codes |= {name: CELL_KIND + index for index, name in enumerate(rules.kinds)}
    return codes


def cells_for(grid_map: GridMap, rules: Rules) -> npt.NDArray[np.uint8]:
    """The map as cell codes, shape (height, width).

    Raises:
        MapError: the map holds an object that this game does not know; line and column say where.
    """
    codes = cell_codes(rules)
    grid_map = translated(grid_map, rules)
    try:
        flat = [codes[name] for cells in grid_map.rows for name in cells]
    except KeyError as unknown:
        raise _unknown(grid_map, str(unknown.args[0]), codes, rules) from None
    return np.array(flat, dtype=np.uint8).reshape(grid_map.height, grid_map.width)


def map_of(name: str, cells: npt.NDArray[np.uint8], rules: Rules) -> GridMap:
    """The map that has these cell codes, (height, width)."""
    names = {code: object_name for object_name, code in cell_codes(rules).items()}
    return GridMap(name, tuple(tuple(names[code] for code in row) for row in cells.tolist()))


def _unknown(grid_map: GridMap, name: str, codes: dict[str, int], rules: Rules) -> MapError:
    row, column = grid_map.find(name) or (0, 0)
    return MapError(
        f"{grid_map.name}, line {row + 1}, column {column + 1}: {rules.name} knows no {name}",
        hint="it knows " + ", ".join(codes),
        line=row + 1,
        column=column + 1,
    )
