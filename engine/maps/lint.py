"""What is wrong with a map, for one game: the list that the editor shows while you draw.

Pure; any thread. Errors are what keeps a map from being played or learned on; warnings are odd but playable.
Equal faults are one problem, placed at the first of them, so that a half-drawn map does not shout.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from .characters import AGENT, EMPTY, TEAM_PREFIX, WALL, character_of, is_passable, is_spawn
from .compile import cell_codes
from .dialect import translated
from .grid_map import GridMap
from .regions import BLOCKED, Labels, Mask, label_regions, neighbour_labels

if TYPE_CHECKING:  # drawing maps works without the compiled engine
    from engine.sim import Kind, Rules

Severity = Literal["error", "warning"]
Cells = npt.NDArray[np.intp]
"""(n, 2): row and column of some cells, in reading order."""

_STRAIGHT = ("north", "south", "west", "east")


@dataclass(frozen=True)
class Problem:
    """One fault of a map. Rows and columns from 0; the message says what, the hint what to do."""

    severity: Severity
    row: int
    column: int
    message: str
    hint: str

    @property
    def is_error(self) -> bool:
        return self.severity == "error"


def lint(grid_map: GridMap, rules: Rules) -> list[Problem]:
    """Every problem of this map in this game: errors first, then in reading order."""
    survey = _survey(grid_map, rules)
    problems = [problem for rule in _RULES for problem in rule(survey)]
    return sorted(problems, key=lambda problem: (not problem.is_error, problem.row, problem.column))


# ---------------------------------------------------------------------------------------------------
# The survey: what all rules look at


class _Survey(NamedTuple):
    rules: Rules
    names: tuple[str, ...]
    """Objects on the map; `cells` indexes them."""
    cells: npt.NDArray[np.int32]
    """(height, width)"""
    regions: Labels
    """(height, width): where an agent can walk to, BLOCKED elsewhere"""
    starts: Mask
    """(height, width): cells where an agent may start"""
    homes: npt.NDArray[np.int32]
    """Labels of the regions where an agent may start."""
    diagonal: bool
    """Whether agents move, and so reach, across corners."""

    def where(self, name: str) -> Cells:
        """The cells of one object."""
        if name not in self.names:
            return np.empty((0, 2), dtype=np.intp)
        return np.argwhere(self.cells == self.names.index(name))

    def where_spawn(self) -> Cells:
        return np.argwhere(self.mask([name for name in self.names if is_spawn(name)]))

    def mask(self, names: list[str]) -> Mask:
        return np.isin(self.cells, [self.names.index(name) for name in names])

    def reach(self, cells: Cells) -> Labels:
        """Regions from which each of these cells can be used, (n, 4 or 8)."""
        return neighbour_labels(self.regions, cells, diagonal=self.diagonal)

    def usable_kinds(self) -> list[str]:
        """Kinds on the map that an agent takes from or gives to, in the order of the rules."""
        kinds = self.rules.kinds.items()
        return [name for name, kind in kinds if name in self.names and (kind.inputs or kind.outputs)]

    def spare_place(self) -> tuple[int, int]:
        """Where to point when something is missing: a spawn cell, else a free one, else the corner."""
        for cells in (self.where_spawn(), np.argwhere(self.regions != BLOCKED)):
            if len(cells):
                return _place(cells)
        return 0, 0


def _survey(grid_map: GridMap, rules: Rules) -> _Survey:
    grid_map = translated(grid_map, rules)
    names = tuple(sorted(grid_map.names()))
    index = {name: number for number, name in enumerate(names)}
    flat = [index[name] for row in grid_map.rows for name in row]
    cells = np.array(flat, dtype=np.int32).reshape(grid_map.height, grid_map.width)

    diagonal = _moves_diagonally(rules)
    passable = np.array([is_passable(name) or _can_be_shifted(name, rules) for name in names])[cells]
    regions = label_regions(passable, diagonal=diagonal)

    starts = np.array([name == EMPTY if rules.spawn_anywhere else is_spawn(name) for name in names])[cells]
    return _Survey(rules, names, cells, regions, starts, np.unique(regions[starts]), diagonal)


def _moves_diagonally(rules: Rules) -> bool:
    directed = [action for action in rules.actions if action.direction not in (None, *_STRAIGHT)]
    steps = any(action.verb == "step" for action in rules.actions)  # along the facing, wherever that may turn
    return any(action.verb == "move" or (steps and action.verb == "rotate") for action in directed)


def _can_be_shifted(name: str, rules: Rules) -> bool:
    """Whether an agent gets past it by changing places with it."""
    swaps = any(action.verb == "swap" for action in rules.actions)
    return swaps and name in rules.kinds and rules.kinds[name].swappable


def _place(cells: Cells) -> tuple[int, int]:
    return int(cells[0][0]), int(cells[0][1])


def _at(cells: Cells, severity: Severity, message: str, hint: str) -> Problem:
    return Problem(severity, *_place(cells), message, hint)


def _drawn(name: str) -> str:
    """An object with the character that draws it: `generator (n)`."""
    character = character_of(name)
    return f"{name} ({character})" if character else name


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


# ---------------------------------------------------------------------------------------------------
# The rules


def _open_border(survey: _Survey) -> Iterator[Problem]:
    if WALL not in survey.rules.kinds:
        return
    border = np.ones(survey.cells.shape, dtype=bool)
    border[1:-1, 1:-1] = False
    gaps = np.argwhere(border & survey.mask([name for name in survey.names if is_passable(name)]))
    if len(gaps):
        yield _at(
            gaps, "error", f"the border is open in {_counted(len(gaps), 'cell')}", f"draw {_drawn(WALL)} all around"
        )


def _unknown_objects(survey: _Survey) -> Iterator[Problem]:
    known = cell_codes(survey.rules)
    for name in survey.names:
        if name not in known:
            cells = survey.where(name)
            message = f"{survey.rules.name} knows no {name}"
            yield _at(cells, "error", message, f"erase {_counted(len(cells), 'cell')}, or choose another game")


def _too_few_spawns(survey: _Survey) -> Iterator[Problem]:
    """As the engine draws starts: a team with cells of its own uses only those, all others share the plain ones."""
    rules = survey.rules
    if rules.spawn_anywhere:
        yield from _crowded(survey, rules.agents, EMPTY, f"{_counted(rules.agents, 'agent')}")
        return
    sharing = 0
    for group in range(rules.groups):
        members = rules.agent_groups.count(group)
        name = f"{TEAM_PREFIX}{group + 1}"
        if name in survey.names:
            yield from _crowded(survey, members, name, f"{_counted(members, 'agent')} of team {group + 1}")
        else:
            sharing += members
    yield from _crowded(survey, sharing, AGENT, f"{_counted(sharing, 'agent')}")


def _crowded(survey: _Survey, agents: int, name: str, who: str) -> Iterator[Problem]:
    """More agents than cells of this object for them to start on."""
    cells = survey.where(name)
    if len(cells) >= agents:
        return
    row, column = _place(cells) if len(cells) else survey.spare_place()
    noun = "free cell" if name == EMPTY else "spawn cell"
    message = f"{who}, but {_counted(len(cells), noun) if len(cells) else f'no {noun}'}"
    yield Problem("error", row, column, message, f"draw {agents - len(cells)} more: {_drawn(name)}")


def _idle_spawns(survey: _Survey) -> Iterator[Problem]:
    cells = survey.where_spawn()
    if survey.rules.spawn_anywhere and len(cells):
        message = f"{_counted(len(cells), 'spawn cell')} without effect: agents of {survey.rules.name} start anywhere"
        yield _at(cells, "warning", message, "erase it" if len(cells) == 1 else "erase them")


def _missing_kinds(survey: _Survey) -> Iterator[Problem]:
    """Every resource that the game makes must be made by something on the map."""
    for resource, givers in _givers(survey.rules).items():
        if not any(name in survey.names for name in givers):
            message = f"no {' or '.join(givers)}: nothing on this map gives {resource}"
            yield Problem("error", *survey.spare_place(), message, f"place {' or '.join(map(_drawn, givers))}")


def _givers(rules: Rules) -> dict[str, list[str]]:
    """The kinds that give each resource, in the order of the rules; resources without one are left out."""
    givers = {
        resource: [name for name, kind in rules.kinds.items() if resource in _gifts(kind)]
        for resource in rules.resources
    }
    return {resource: names for resource, names in givers.items() if names}


def _gifts(kind: Kind) -> Collection[str]:
    """What a kind can give: a chest has only what was put into it, unless it starts with something."""
    return kind.outputs if kind.converts or kind.initial_output else ()


def _unreachable_objects(survey: _Survey) -> Iterator[Problem]:
    for name in survey.usable_kinds():
        cells = survey.where(name)
        reach = survey.reach(cells)
        sealed = (reach == BLOCKED).all(axis=1)
        foreign = ~sealed & ~np.isin(reach, survey.homes).any(axis=1)
        if sealed.any():
            yield _at(cells[sealed], "error", f"{_subject(name, sealed)} sealed off", "free a cell beside it")
        if foreign.any() and len(survey.homes):
            message = f"{_subject(name, foreign)} out of reach of all agents"
            yield _at(cells[foreign], "error", message, "open a way to it")


def _subject(name: str, which: Mask) -> str:
    count = int(which.sum())
    return f"{name} is" if count == 1 else f"{count} of {name} are"


def _starved_starts(survey: _Survey) -> Iterator[Problem]:
    """Agents hold what they gather, so each must get every resource from within its own region."""
    kinds = survey.usable_kinds()
    access = _kinds_by_region(survey, kinds)
    everywhere = _obtainable(survey.rules, kinds)
    for mask in np.unique(access[survey.homes]):
        within = [name for number, name in enumerate(kinds) if int(mask) >> number & 1]
        got = _obtainable(survey.rules, within)
        # The first resource that the whole map adds to these lacks nothing but the way.
        lost = next((resource for resource in everywhere if resource not in got), None)
        if lost is not None:
            yield _starved(survey, access == mask, lost)


def _starved(survey: _Survey, which: Mask, resource: str) -> Problem:
    labels = np.intersect1d(np.flatnonzero(which), survey.homes)
    cells = np.argwhere(np.isin(survey.regions, labels) & survey.starts)
    who = "an agent that starts here" if len(cells) == 1 else f"agents that start in {len(cells)} cells"
    givers = [name for name in _givers(survey.rules)[resource] if name in survey.names]
    return _at(cells, "error", f"{who} cannot get {resource}", f"open a way to {' or '.join(givers)}")


def _kinds_by_region(survey: _Survey, kinds: list[str]) -> npt.NDArray[np.uint64]:
    """For each region a bit for each of these kinds that can be used from it. A game has at most 64 kinds."""
    access = np.zeros(int(survey.regions.max()) + 1, dtype=np.uint64)
    for number, name in enumerate(kinds):
        reached = np.unique(survey.reach(survey.where(name)))
        access[reached[reached != BLOCKED]] |= np.uint64(1 << number)
    return access


def _obtainable(rules: Rules, kinds: list[str]) -> list[str]:
    """Resources that an agent can come to hold with these kinds, in the order in which they can be got."""
    got = [name for name, resource in rules.resources.items() if resource.initial]
    while True:
        new = [name for kind in map(rules.kinds.__getitem__, kinds) for name in _given(kind, got) if name not in got]
        if not new:
            return got
        got.append(new[0])


def _given(kind: Kind, got: list[str]) -> Collection[str]:
    """What an agent that can have these resources gets from a kind: for its inputs, or left there from the start."""
    fed = kind.initial_output or all(need in got for need in kind.inputs)
    return _gifts(kind) if fed else ()


def _trapped_spawns(survey: _Survey) -> Iterator[Problem]:
    cells = survey.where_spawn()
    if survey.rules.spawn_anywhere or not len(cells):
        return
    trapped = (survey.reach(cells) == BLOCKED).all(axis=1)
    if trapped.any():
        who = "an agent that starts here" if trapped.sum() == 1 else f"agents on {trapped.sum()} spawn cells"
        yield _at(cells[trapped], "error", f"{who} cannot move", "free a cell beside it")


def _pockets(survey: _Survey) -> Iterator[Problem]:
    if not len(survey.homes):
        return
    cells = np.argwhere((survey.regions != BLOCKED) & ~np.isin(survey.regions, survey.homes))
    if len(cells):
        message = f"no agent can get into {'this cell' if len(cells) == 1 else f'{len(cells)} cells'}"
        yield _at(cells, "warning", message, f"open a way, or fill with {_drawn(WALL)}")


def _split_agents(survey: _Survey) -> Iterator[Problem]:
    if survey.rules.agents > 1 and len(survey.homes) > 1:
        cells = np.argwhere(survey.regions == survey.homes[1])
        yield _at(cells, "warning", f"agents start in {len(survey.homes)} separate areas", "open a way between them")


_RULES = (
    _unknown_objects,
    _open_border,
    _too_few_spawns,
    _missing_kinds,
    _unreachable_objects,
    _trapped_spawns,
    _starved_starts,
    _idle_spawns,
    _pockets,
    _split_agents,
)
