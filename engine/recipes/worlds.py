"""Maps and worlds that were made before: kept by what they were made from, so that nothing is made twice.

One cache serves the process: the screen, the trainer's start and the tools ask it, from any thread. Worlds are
immutable, so whoever gets one may share it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Final

from engine.errors import MapError
from engine.maps import GridMap, Problem, cells_for, lint, scattered
from engine.sim import Rules, World

CACHED_WORLDS: Final = 512
"""Some 150 kB each in a small game: 75 MB when full."""


@dataclass(frozen=True)
class MapSource:
    """What a map is made from: a map as it was drawn, or one to scatter, by a seed."""

    drawing: GridMap
    seed: int | None = None
    """None: take the drawing as it is."""


@dataclass(frozen=True)
class MadeWorld:
    """A map that its game can be played on, and the game compiled with it."""

    grid_map: GridMap
    world: World


class WorldCache:
    """The last worlds asked for, by rules, drawing and seed; the one not asked for the longest goes first."""

    def __init__(self, capacity: int = CACHED_WORLDS) -> None:
        self.hits = 0
        self.misses = 0
        self._capacity = capacity
        self._made: OrderedDict[tuple[str, MapSource], MadeWorld] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._made)

    @property
    def hit_rate(self) -> float:
        """Share of the worlds asked for that were there; 0 before the first question."""
        return self.hits / max(self.hits + self.misses, 1)

    def get(self, rules: Rules, source: MapSource) -> MadeWorld:
        """The world of a map, made now if it is not there.

        Raises:
            MapError: the game cannot be played on the map; line and column say where.
            SimError: the engine refused the rules.
        """
        key = (rules.model_dump_json(), source)
        with self._lock:
            if key in self._made:
                self.hits += 1
                self._made.move_to_end(key)
                return self._made[key]
        made = _make(rules, source)  # outside the lock: it may take a while, and twice does no harm
        with self._lock:
            self.misses += 1
            self._made[key] = made
            while len(self._made) > self._capacity:
                self._made.popitem(last=False)
        return made


def _make(rules: Rules, source: MapSource) -> MadeWorld:
    grid_map = source.drawing
    if source.seed is not None:
        grid_map = scattered(grid_map, source.seed, lambda drawn: not _errors(drawn, rules))
    errors = _errors(grid_map, rules)
    if errors:
        raise _refusal(grid_map, errors)
    return MadeWorld(grid_map, World(rules, cells_for(grid_map, rules)))


def _errors(grid_map: GridMap, rules: Rules) -> list[Problem]:
    return [problem for problem in lint(grid_map, rules) if problem.is_error]


def _refusal(grid_map: GridMap, errors: list[Problem]) -> MapError:
    first = errors[0]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return MapError(
        f"{grid_map.name}, line {first.row + 1}, column {first.column + 1}: {first.message}{more}",
        hint=first.hint,
        line=first.row + 1,
        column=first.column + 1,
    )


WORLDS: Final = WorldCache()
"""The process's own."""
