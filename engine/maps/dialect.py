"""What a map's objects are called in one game: older maps share characters between kinds that never met.

Pure; any thread. A name that the game knows is never taken for another, so at most one reading is possible.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from .characters import SPAWN_PREFIX, TEAM_PREFIX
from .grid_map import GridMap

if TYPE_CHECKING:  # drawing maps works without the compiled engine
    from engine.sim import Rules

OLD_NAMES: Final = MappingProxyType({"mine": "mine_red", "generator": "generator_red", "mine_green": "generator"})
"""Name on the map -> what it meant in games that know only the latter: classic maps draw red mines and generators
as `m` and `n`, energy maps draw generators as `g`."""


def translated(grid_map: GridMap, rules: Rules) -> GridMap:
    """The map in the names of this game. What it cannot mean here keeps its name, for others to complain about."""
    names = {name: meaning for name in grid_map.names() if (meaning := _meaning(name, rules)) != name}
    if not names:
        return grid_map
    return GridMap(grid_map.name, tuple(tuple([names.get(name, name) for name in row]) for row in grid_map.rows))


def _meaning(name: str, rules: Rules) -> str:
    if name.startswith(SPAWN_PREFIX):
        return _team_of(name, rules)
    old = OLD_NAMES.get(name)
    return old if old in rules.kinds and name not in rules.kinds else name


def _team_of(name: str, rules: Rules) -> str:
    """`agent.prey` as the first team that plays prey."""
    role = name.removeprefix(SPAWN_PREFIX)
    teams = [group + 1 for group in range(rules.groups) if rules.role_of_group(group) == role]
    return f"{TEAM_PREFIX}{teams[0]}" if teams else name
