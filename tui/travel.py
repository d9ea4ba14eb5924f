"""Travel: the way to a cell as actions of the game, and a journey along it that others may get in the way of. Pure.

Owned by whoever plays, UI thread. A way is looked for by a frontier that grows one action at a time, in numpy: an
open map of 1024x1024 takes some tens of milliseconds, and `MAX_STEPS` bounds mazes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from engine.sim import AGENT, DIRECTION_STEPS, DIRECTIONS, EMPTY, FIRST_KIND, FOREVER, AgentView, EnvView, Rules, Verb

from .panes.live.contact import agent_at, contact_of
from .panes.live.subject import frozen_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.sim import Kind

Cell = tuple[int, int]
"""Row and column."""

MAX_STEPS: Final = 4096
"""Actions of the longest way that is looked for: a screen must not wait for a maze of a million cells."""

MAX_DETOURS: Final = 16
"""How often a journey is planned anew before it is given up: two agents may dodge to the same side for ever."""

_AHEAD: Final = (Verb.USE, Verb.PUT, Verb.GET, Verb.SWAP, Verb.ATTACK)
_ANY: Final = -1  # facing of a pass that facing does not matter to


@dataclass(frozen=True)
class Way:
    """The actions that lead somewhere, none if the agent is there; or why there is no way, in words."""

    actions: tuple[int, ...] = ()
    why_not: str = ""


@dataclass(frozen=True)
class _Pass:
    """One action as a jump between states, for agents of one facing."""

    facing: int
    offset: int
    action: int


@dataclass(frozen=True)
class _Goal:
    """A state to get to, and what is left to do there unless one comes to it facing the right way."""

    way: int = _ANY  # the direction to face
    turn: tuple[int, ...] = ()


def way_to(view: EnvView, rules: Rules, agent: int, target: Cell) -> Way:
    """The shortest way to a cell; where something solid stands, to a cell beside it, facing it as far as the game can.

    Others are taken to stay where they are.
    """
    refusal = _refusal(view, rules, agent, target)
    if refusal:
        return Way(why_not=refusal)
    ground = _Ground(view, rules, agent)
    found = ground.search(target)
    if isinstance(found, tuple):
        return Way(found)
    return Way(why_not=found or _obstacle(view, rules, agent, target))


def _refusal(view: EnvView, rules: Rules, agent: int, target: Cell) -> str:
    height, width = view.cells.shape
    if not (0 <= target[0] < height and 0 <= target[1] < width):
        return "the map ends there"
    if view.agents[agent].frozen:
        return f"you are {frozen_words(view.agents[agent].frozen, FOREVER)}"
    if not (rules.has_verb(Verb.MOVE) or rules.has_verb(Verb.STEP)):
        return f"nobody walks in {rules.name}"
    other = agent_at(view, target)
    return "" if other in (None, agent) else f"agent {other} stands there"


def _obstacle(view: EnvView, rules: Rules, agent: int, target: Cell) -> str:
    """Why there is no way: who stands in the only one, or what is walled in."""
    through = _Ground(view, rules, agent, past_agents=True)
    found = through.search(target)
    if isinstance(found, tuple):
        return f"no way there: agent {_first_met(view, rules, agent, found)} is in the way"
    if through.is_walled_in((view.agents[agent].row, view.agents[agent].column)):
        return "no way there: walls all round you"
    return "no way there: walls all round it" if through.is_walled_in(target) else "no way there"


def _first_met(view: EnvView, rules: Rules, agent: int, actions: Sequence[int]) -> int | None:
    me = view.agents[agent]
    for stand in _stands(rules, me, actions):
        other = agent_at(view, stand[0])
        if other not in (None, agent):
            return other
    return None


def _stands(rules: Rules, me: AgentView, actions: Sequence[int]) -> Iterator[tuple[Cell, int]]:
    """Cell and facing after each of these actions, if nothing stops them."""
    cell, facing = (me.row, me.column), me.facing
    for action in actions:
        cell, facing = _after(rules, cell, facing, action)
        yield cell, facing


def _after(rules: Rules, cell: Cell, facing: int, action: int) -> tuple[Cell, int]:
    deed = rules.actions[action]
    if deed.direction is not None:
        facing = DIRECTIONS.index(deed.direction)
    sign = {Verb.MOVE: 1, Verb.STEP: -1 if deed.argument else 1}.get(deed.verb, 0)
    rows, columns = DIRECTION_STEPS[facing]
    return (cell[0] + sign * rows, cell[1] + sign * columns), facing


class _Ground:
    """Where an agent can walk, and by which actions. States are cells; where agents walk along their facing only,
    a cell for each facing."""

    def __init__(self, view: EnvView, rules: Rules, agent: int, *, past_agents: bool = False) -> None:
        self._view, self._rules, self._me = view, rules, view.agents[agent]
        height, width = view.cells.shape
        self._width: int = width + 2  # a rim that nobody walks on, so that no step leaves the array
        self._size: int = (height + 2) * self._width
        free = np.zeros((height + 2, self._width), np.bool_)
        free[1:-1, 1:-1] = np.isin(view.cells, (EMPTY, AGENT)) if past_agents else view.cells == EMPTY
        self._free = free.ravel()
        self._free[self._at((self._me.row, self._me.column))] = True
        self._offsets = [rows * self._width + columns for rows, columns in DIRECTION_STEPS]
        self._moves = _first_by_direction(rules, Verb.MOVE)
        self._turns = _first_by_direction(rules, Verb.ROTATE)
        self._passes = self._by_moves() if self._moves else self._by_steps()

    def _at(self, cell: Cell) -> int:
        return (cell[0] + 1) * self._width + cell[1] + 1

    def _by_moves(self) -> list[_Pass]:
        return [_Pass(_ANY, self._offsets[way], action) for way, action in self._moves.items()]

    def _by_steps(self) -> list[_Pass]:
        facings = sorted({self._me.facing, *self._turns})
        passes = []
        for i, action in enumerate(self._rules.actions):
            if action.verb is Verb.STEP:
                sign = -1 if action.argument else 1
                passes += [_Pass(facing, sign * self._offsets[facing], i) for facing in facings]
        for way, turn in self._turns.items():
            passes += [_Pass(facing, (way - facing) * self._size, turn) for facing in facings if facing != way]
        return passes

    def is_walled_in(self, cell: Cell) -> bool:
        """Whether no neighbour of a cell is free, of those that one can come from or go to."""
        ways = self._moves or {self._me.facing: 0, **self._turns}
        return not any(self._free[self._at(cell) + self._offsets[way]] for way in ways)

    def search(self, target: Cell) -> tuple[int, ...] | str | None:
        """The actions, or why none are known; None if there is no way."""
        goals = self._goals(target)
        start = self._at((self._me.row, self._me.column)) + (0 if self._moves else self._me.facing * self._size)
        if start in goals:
            return () if goals[start].way == self._me.facing else goals[start].turn
        return self._grow(start, goals)

    def _goals(self, target: Cell) -> dict[int, _Goal]:
        at = self._at(target)
        is_solid = not self._free[at]
        if not is_solid:
            return {at: _Goal()} if self._moves else {at + way * self._size: _Goal() for way in range(len(DIRECTIONS))}
        goals = {}
        for way, offset in enumerate(self._offsets):
            if self._free[at - offset] and (not self._moves or way in self._moves or way in self._turns):
                state = at - offset + (0 if self._moves else way * self._size)
                goals[state] = self._beside(target, way) if self._moves else _Goal()
        return goals

    def _beside(self, target: Cell, way: int) -> _Goal:
        turn = self._turns.get(way, self._moves.get(way) if self._can_only_bump(target) else None)
        return _Goal(way, () if turn is None else (turn,))

    def _can_only_bump(self, target: Cell) -> bool:
        """Whether facing it takes a move that is blocked, and there is a use in facing it at all."""
        kind = kind_at(self._view, self._rules, target)
        uses_moves = kind is not None and kind.bump
        return not uses_moves and any(self._rules.has_verb(verb) for verb in _AHEAD)

    def _grow(self, start: int, goals: Mapping[int, _Goal]) -> tuple[int, ...] | str | None:
        is_open = self._free.copy() if self._moves else np.tile(self._free, len(DIRECTIONS))
        came = np.zeros(len(is_open), np.uint8)  # by which pass
        is_open[start] = False
        frontier = np.array([start])
        for _ in range(MAX_STEPS):
            before, frontier = frontier, self._next(frontier, is_open, came)
            if not len(frontier):
                return None
            reached = [goal for goal in goals if not is_open[goal]]
            if reached:
                return self._actions(start, self._nicest(reached, goals, before, came), goals, came)
        return f"too far: it takes more than {MAX_STEPS:,} steps"

    def _next(
        self, frontier: NDArray[np.intp], is_open: NDArray[np.bool_], came: NDArray[np.uint8]
    ) -> NDArray[np.intp]:
        """The states one action further; each is closed as it is found, so none is found twice."""
        found, of_facing = [frontier[:0]], {_ANY: frontier}
        if not self._moves:
            facings = frontier // self._size
            of_facing = {facing: frontier[facings == facing] for facing in {each.facing for each in self._passes}}
        for index, each in enumerate(self._passes):
            there = of_facing[each.facing] + each.offset
            there = there[is_open[there]]
            is_open[there] = False
            came[there] = index
            found.append(there)
        return np.concatenate(found)

    def _nicest(
        self, reached: Sequence[int], goals: Mapping[int, _Goal], before: NDArray[np.intp], came: NDArray[np.uint8]
    ) -> int:
        """The goal that leaves nothing to do, if one can be entered so just as soon."""
        for goal in reached:
            index = self._pass_toward(goals[goal].way)
            if index is not None and (before == goal - self._passes[index].offset).any():
                came[goal] = index
                return goal
        return reached[0]

    def _pass_toward(self, way: int) -> int | None:
        """The pass of a move in a direction."""
        return list(self._moves).index(way) if way in self._moves else None

    def _actions(self, start: int, goal: int, goals: Mapping[int, _Goal], came: NDArray[np.uint8]) -> tuple[int, ...]:
        """What was found, told forward."""
        actions, state = [], goal
        while state != start:
            each = self._passes[came[state]]
            actions.append(each.action)
            state -= each.offset
        is_facing = came[goal] == self._pass_toward(goals[goal].way)
        return (*actions[::-1], *(() if is_facing else goals[goal].turn))


def _first_by_direction(rules: Rules, verb: Verb) -> dict[int, int]:
    """The first action of a verb for each direction it has one for."""
    found: dict[int, int] = {}
    for i, action in enumerate(rules.actions):
        if action.verb is verb and action.direction is not None:
            found.setdefault(DIRECTIONS.index(action.direction), i)
    return dict(sorted(found.items()))  # straight ways first: among equals they look better


def kind_at(view: EnvView, rules: Rules, cell: Cell) -> Kind | None:
    """The kind of the object on a cell of the map, None for floor and agents."""
    code = int(view.cells[cell])
    return None if code < FIRST_KIND else list(rules.kinds.values())[code - FIRST_KIND]


def interruption(before: EnvView, after: EnvView, rules: Rules, agent: int) -> str:
    """Why a person should look up from what goes on by itself, in words; empty if nothing happened to the agent."""
    if after.episode != before.episode:
        return "the episode ended"
    if after.tick == before.tick:
        return ""
    if after.tick < before.tick:
        return "time was turned back"
    contact = contact_of(before, after, rules, agent, agent)
    if contact is not None and contact.actor != agent:
        return contact.sentence.rstrip(".").replace("Agent ", "agent ", 1)
    if after.agents[agent].frozen and not before.agents[agent].frozen:
        return f"you are {frozen_words(after.agents[agent].frozen, FOREVER)}"
    return ""


class Journey:
    """One agent's way to a cell, asked for an action before each step. Finds a way round whoever gets in the way.

    Owned by whoever plays the agent; it keeps the last picture, to see what has happened since.
    """

    def __init__(self, rules: Rules, agent: int, target: Cell) -> None:
        self.agent, self.target = agent, target
        self.done = False
        self.why_stopped = ""
        self._rules = rules
        self._plan: list[int] = []
        self._ends_with_bump = False
        self._expected: tuple[Cell, int] | None = None
        self._seen: EnvView | None = None
        self._detours = -1  # the first plan is none

    @property
    def remaining(self) -> int:
        """Actions that are planned and not yet handed out."""
        return len(self._plan)

    @property
    def words(self) -> str:
        """How it stands: `4 steps to go; any key stops`, `stopped: agent 3 is in the way`."""
        if self.why_stopped:
            return f"stopped: {self.why_stopped}"
        steps = "1 step" if self.remaining == 1 else f"{self.remaining:,} steps"
        return "there" if self.done else f"{steps} to go; any key stops"

    def next_action(self, view: EnvView, mask: NDArray[np.bool_]) -> int | None:
        """What to do now; None once it is done or has stopped.

        Args:
            mask: (actions,) what would succeed now, as `Batch.action_mask` has it for the agent.
        """
        if self.done or self.why_stopped:
            return None
        self.why_stopped = "" if self._seen is None else interruption(self._seen, view, self._rules, self.agent)
        self._seen = view
        if self.why_stopped or not self._is_planned(view, mask):
            return None
        action = self._plan.pop(0)
        self._expected = self._stand_after(view, action)
        return action

    def _is_planned(self, view: EnvView, mask: NDArray[np.bool_]) -> bool:
        """Whether there is a next action that can be done; plans anew where things are not as they were."""
        me = view.agents[self.agent]
        if self._expected != ((me.row, me.column), me.facing) or not self._can_go_on(mask):
            self._plan_anew(view)
        if not self._plan:
            self.done = not self.why_stopped
            return False
        if not self._can_go_on(mask):
            self.why_stopped = f"{self._rules.actions[self._plan[0]].name} cannot be done now"
        return not self.why_stopped

    def _can_go_on(self, mask: NDArray[np.bool_]) -> bool:
        """Whether the next action would succeed; a blocked move, which may end a plan, turns the agent all the same."""
        return not self._plan or bool(mask[self._plan[0]]) or self._turns_by_bump

    @property
    def _turns_by_bump(self) -> bool:
        return len(self._plan) == 1 and self._ends_with_bump

    def _plan_anew(self, view: EnvView) -> None:
        self._detours += 1
        if self._detours > MAX_DETOURS:
            self.why_stopped, self._plan = "somebody keeps getting in the way", []
            return
        way = way_to(view, self._rules, self.agent, self.target)
        self.why_stopped, self._plan = way.why_not, list(way.actions)
        stands = list(_stands(self._rules, view.agents[self.agent], self._plan))
        self._ends_with_bump = bool(stands) and stands[-1][0] == self.target and view.cells[self.target] >= FIRST_KIND

    def _stand_after(self, view: EnvView, action: int) -> tuple[Cell, int]:
        me = view.agents[self.agent]
        cell, facing = _after(self._rules, (me.row, me.column), me.facing, action)
        bumped = not self._plan and self._ends_with_bump
        return ((me.row, me.column) if bumped else cell), facing
