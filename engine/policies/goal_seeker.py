"""The goal-seeker, a policy without learning that finds its way to the nearest useful object.

It sees what a network sees, observation rows, and knows the game's rules. Owned by whoever made it, used by one thread
at a time; treats all rows at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import UsageError
from engine.sim import DIRECTION_STEPS, DIRECTIONS, EMPTY, FIRST_KIND, Kind, Rules, Spec, Style, Verb

from .decision import Actions, Decision, Ended, Masks, State
from .signature import KIND_PLANE, Signature
from .streams import Seeds, random_of

Observations = NDArray[np.uint8]

_READY = 1  # GW_PLANE_READY: can be used now
_COOLING = 2  # GW_PLANE_READY: later
_FAR = 1 << 14  # cells: more than any way through a window
_NO_ACTION = -1
_STOCK = 3  # rounds of a recipe that it gathers for before it goes looking for who takes them


@dataclass(frozen=True)
class _Deed:
    """One thing that can be done with objects of one kind."""

    kind: int
    verb: Verb
    action: int  # id; not used where a bump will do


class GoalSeekerPolicy:
    """Walks to the nearest object worth using, uses it, and roams where it sees none.

    Worth using: a converter whose inputs the agent holds and for whose outputs it has room, or one that has made
    some; the deepest in the production chain comes first. It knows no more than its window shows, and remembers
    only the way it roams.
    """

    masked = False

    def __init__(self, rules: Rules, spec: Spec, seed: Seeds = 0) -> None:
        self.name = "goal-seeker"
        self._signature = Signature.of(spec)
        if KIND_PLANE not in self._signature.planes:
            raise UsageError("the goal-seeker needs to see the kind plane", hint="choose another policy")
        self._random = random_of(seed)
        self._headings: NDArray[np.intp] = np.empty(0, dtype=np.intp)  # (rows,) index into _ways
        self._read_actions(rules)
        self._read_recipes(rules)

    def act(self, observations: Observations, greedy: bool = False, masks: Masks = None) -> Actions:
        """Actions (rows,). The rows are the same agents at every call, or as many new ones."""
        kinds = self._plane(observations, KIND_PLANE)  # (rows, h, w)
        approached = self._approach(observations, kinds)
        roamed = self._roam(observations, kinds)
        return np.where(approached == _NO_ACTION, roamed, approached).astype(np.int32)

    def decide(self, observations: Observations, greedy: bool = False, masks: Masks = None) -> Decision:
        """As `act`; its chances depend on more than can be said."""
        return Decision(self.act(observations, greedy, masks))

    def again(self, seed: Seeds) -> GoalSeekerPolicy:
        """One for the same game, with random numbers and rows of its own."""
        other = copy(self)
        other._random = random_of(seed)
        other._headings = np.empty(0, dtype=np.intp)
        return other

    def forget(self, ended: Ended) -> None:
        """The way it roams is as good in a new episode."""

    def state(self) -> State:
        """Where its random numbers stand, and the ways its rows roam."""
        return {"random": self._random.state(), "headings": self._headings.astype(np.int64)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from there."""
        self._random.restore(state["random"])
        self._headings = state["headings"].astype(np.intp)

    def _read_actions(self, rules: Rules) -> None:
        by_verb: dict[tuple[Verb, str | None], int] = {}
        for index, action in enumerate(rules.actions):
            by_verb.setdefault((action.verb, action.direction), index)
        moves = [by_verb.get((Verb.MOVE, name), _NO_ACTION) for name in DIRECTIONS]
        turns = [by_verb.get((Verb.ROTATE, name), move) for name, move in zip(DIRECTIONS, moves, strict=True)]
        self._move, self._turn = np.array(moves), np.array(turns)  # (8,) action by direction
        self._use = by_verb.get((Verb.USE, None), _NO_ACTION)
        self._put = by_verb.get((Verb.PUT, None), _NO_ACTION)
        self._get = by_verb.get((Verb.GET, None), _NO_ACTION)
        self._forward = _forward_action(rules) if (self._move == _NO_ACTION).all() else _NO_ACTION
        walks = self._move if self._forward == _NO_ACTION else self._turn
        self._ways = np.flatnonzero(walks != _NO_ACTION)  # directions it can walk
        if len(self._ways) == 0 or min(self._signature.window_height, self._signature.window_width) < 3:
            raise UsageError(f"nobody can see and walk in the game {rules.name}", hint="choose another policy")

    def _read_recipes(self, rules: Rules) -> None:
        names = list(rules.resources)
        self._limits = np.array([rules.resources[name].limit for name in names], dtype=np.int64)
        features = {name: self._signature.plane_bytes + i for i, name in enumerate(self._signature.self_features)}
        self._inventory_bytes = [features[f"inv:{name}"] for name in names]
        self._facing_byte, self._result_byte = features["facing"], features["last_result"]
        kinds = list(rules.kinds.values())
        depths = _chain_depths(kinds)
        deeds = [deed for index, kind in enumerate(kinds) for deed in self._deeds_of(index, kind)]
        self._deeds = sorted(deeds, key=lambda deed: -depths[deed.kind])
        shape = len(kinds), len(names)  # a game may have none of either
        self._inputs = np.array([[kind.inputs.get(name, 0) for name in names] for kind in kinds], int).reshape(shape)
        self._outputs = np.array([[kind.outputs.get(name, 0) for name in names] for kind in kinds], int).reshape(shape)
        # What no recipe takes is an end in itself: of that there is never enough.
        needed = self._inputs.max(axis=0, initial=0)
        self._enough = np.where(needed > 0, _STOCK * needed, self._limits)
        self._bumps = np.array([kind.bump for kind in kinds], dtype=bool)

    def _deeds_of(self, index: int, kind: Kind) -> list[_Deed]:
        """What this game lets agents do with an object of a kind."""
        if kind.style is Style.USE and (kind.bump or self._use != _NO_ACTION):
            return [_Deed(index, Verb.USE, self._use)]
        if kind.style is not Style.PUT_GET or _NO_ACTION in (self._put, self._get):
            return []
        puts = [_Deed(index, Verb.PUT, self._put)] if kind.inputs else []
        return [_Deed(index, Verb.GET, self._get), *puts]

    def _plane(self, observations: Observations, name: str) -> NDArray[np.uint8]:
        signature = self._signature
        start = signature.planes.index(name) * signature.cell_count
        cells = observations[:, start : start + signature.cell_count]
        return cells.reshape(-1, signature.window_height, signature.window_width)

    def _approach(self, observations: Observations, kinds: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The next action toward the best useful object each row can reach, or _NO_ACTION."""
        actions = np.full(len(observations), _NO_ACTION, dtype=np.int64)
        for patience in (_READY, _COOLING):  # what can be used now comes before what must be waited for
            for deed in self._deeds:
                targets = self._targets(observations, kinds, deed, patience)
                open_rows = np.flatnonzero((actions == _NO_ACTION) & targets.any(axis=(1, 2)))
                if len(open_rows):
                    chosen = observations[open_rows], kinds[open_rows], targets[open_rows]
                    actions[open_rows] = self._toward(*chosen, deed.action)
        return actions

    def reason(self, observation: NDArray[np.uint8]) -> str:
        """Why it would act as it does on an observation (size,), in words: what it is after, and how far that is."""
        row = observation[None]
        kinds = self._plane(row, KIND_PLANE)
        for patience in (_READY, _COOLING):
            for deed in self._deeds:
                targets = self._targets(row, kinds, deed, patience)
                if targets.any() and self._toward(row, kinds, targets, deed.action)[0] != _NO_ACTION:
                    return self._aim_words(deed, patience, self._distance(kinds, targets))
        return "it sees nothing of use, and roams"

    def _distance(self, kinds: NDArray[np.uint8], targets: NDArray[np.bool_]) -> int:
        """Steps from the middle of the window to the nearest target, of one row."""
        distances, row, column = self._distances(kinds, targets), kinds.shape[1] // 2, kinds.shape[2] // 2
        around = (_shifted(distances, DIRECTION_STEPS[way])[0, row, column] for way in self._ways)
        return int(min(around)) + 1

    def _aim_words(self, deed: _Deed, patience: int, steps: int) -> str:
        name = self._signature.kinds[deed.kind]
        far = "beside it" if steps <= 1 else f"{steps} steps away"
        if patience == _COOLING:
            return f"it waits for the {name}, {far}"
        doing = {Verb.PUT: "put into", Verb.GET: "get from"}.get(deed.verb, "use")
        return f"it is to {doing} the {name}, {far}"

    def _worth(self, observations: Observations, deed: _Deed) -> NDArray[np.bool_]:
        """Whose profit it is, by rows: what goes in is held, and of what comes out there is room and not enough yet."""
        held = observations[:, self._inventory_bytes].astype(np.int64)  # (rows, resources)
        outputs = self._outputs[deed.kind]
        inputs = self._inputs[deed.kind] if deed.verb is not Verb.GET else np.zeros_like(outputs)
        after = held - inputs + outputs
        fits = (after <= self._limits) | (outputs == 0)
        wanted = ((outputs > 0) & (held < self._enough)).any(axis=1)
        worth: NDArray[np.bool_] = ((held >= inputs) & fits).all(axis=1) & wanted
        return worth

    def _targets(
        self, observations: Observations, kinds: NDArray[np.uint8], deed: _Deed, patience: int
    ) -> NDArray[np.bool_]:
        """Cells with an object in this state of readiness that the deed is worth doing to. (rows, h, w)"""
        targets = (kinds == FIRST_KIND + deed.kind) & self._worth(observations, deed)[:, None, None]
        if deed.verb is Verb.GET and "stock" in self._signature.planes:
            ready = np.where(self._plane(observations, "stock") > 0, _READY, _COOLING)
        elif "ready" in self._signature.planes:
            ready = self._plane(observations, "ready")
        else:  # without the plane, nobody can tell: every object counts as ready
            ready = np.full_like(kinds, _READY)
        in_state: NDArray[np.bool_] = targets & (ready == patience)
        return in_state

    def _toward(
        self, observations: Observations, kinds: NDArray[np.uint8], targets: NDArray[np.bool_], deed: int
    ) -> NDArray[np.int64]:
        """First action of a shortest way to the nearest target, the deed beside it; _NO_ACTION if out of reach."""
        distances = self._distances(kinds, targets)  # (rows, h, w)
        row, column = kinds.shape[1] // 2, kinds.shape[2] // 2
        steps = [DIRECTION_STEPS[way] for way in self._ways]
        around = np.stack([_shifted(distances, step)[:, row, column] for step in steps], axis=1)  # (rows, ways)
        best = around.argmin(axis=1)
        nearest = around[np.arange(len(best)), best]
        way = self._ways[best]
        ahead = np.array([DIRECTION_STEPS[i] for i in way]).reshape(-1, 2)
        code = kinds[np.arange(len(best)), row + ahead[:, 0], column + ahead[:, 1]].astype(np.int64)
        bumps = self._bumps[np.clip(code - FIRST_KIND, 0, None)] if len(self._bumps) else np.zeros(len(best), bool)
        facing = observations[:, self._facing_byte] == way
        walk = self._walk(observations, way)
        touch = np.where(bumps, walk, np.where(facing, deed, self._turn[way]))
        action = np.where(nearest == 0, touch, walk)
        return np.where(nearest >= _FAR, _NO_ACTION, action)

    def _walk(self, observations: Observations, way: NDArray[np.intp]) -> NDArray[np.int64]:
        """The action that walks toward a direction, by rows: a move, or a turn and then a step forward."""
        if self._forward == _NO_ACTION:
            return self._move[way]
        return np.where(observations[:, self._facing_byte] == way, self._forward, self._turn[way])

    def _distances(self, kinds: NDArray[np.uint8], targets: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Steps from each free cell to the nearest target, by waves from the targets over all rows at once."""
        free = kinds == EMPTY
        distances = np.where(targets, 0, _FAR).astype(np.int64)
        steps = [DIRECTION_STEPS[way] for way in self._ways]
        for wave in range(1, kinds.shape[1] * kinds.shape[2] + 1):
            reached = np.zeros(kinds.shape, dtype=bool)
            for step in steps:
                reached |= _shifted(distances, step) == wave - 1
            fresh = reached & free & (distances == _FAR)
            if not fresh.any():
                break
            distances[fresh] = wave
        return distances

    def _roam(self, observations: Observations, kinds: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Keep walking one way; choose another where it is blocked, and now and then."""
        count = len(observations)
        if len(self._headings) != count:
            self._headings = self._random.integers(0, len(self._ways), count)
        row, column = kinds.shape[1] // 2, kinds.shape[2] // 2
        steps = [DIRECTION_STEPS[way] for way in self._ways]
        open_ways = np.stack([kinds[:, row + down, column + right] == EMPTY for down, right in steps], axis=1)
        blocked = ~open_ways[np.arange(count), self._headings]
        held_up = observations[:, self._result_byte] != 0  # the last action failed: somebody stood in the way
        chance = np.where(held_up, 0.5, 1 / 16)  # about one window's width between turns
        change = blocked | (self._random.random(count) < chance)
        draw = self._random.random(open_ways.shape) + open_ways  # open ways before blocked ones
        self._headings = np.where(change, draw.argmax(axis=1), self._headings)
        return self._walk(observations, self._ways[self._headings])


def _forward_action(rules: Rules) -> int:
    """The action that goes one cell ahead."""
    ahead = (i for i, action in enumerate(rules.actions) if action.verb is Verb.STEP and action.argument == 0)
    return next(ahead, _NO_ACTION)


def _chain_depths(kinds: list[Kind]) -> list[int]:
    """How many conversions lead up to each kind: 0 for one that takes nothing. Loops count once."""
    depths = [0] * len(kinds)
    for _ in kinds:
        for index, kind in enumerate(kinds):
            makers = [
                depths[i] for i, other in enumerate(kinds) if i != index and kind.inputs.keys() & other.outputs.keys()
            ]
            if makers:
                depths[index] = min(max(makers) + 1, len(kinds))
    return depths


def _shifted(grids: NDArray[np.int64], step: tuple[int, int]) -> NDArray[np.int64]:
    """For each cell the value of its neighbour one step away; _FAR beyond the border. (rows, h, w)"""
    down, right = step
    height, width = grids.shape[1:]
    shifted = np.full_like(grids, _FAR)
    rows_to, rows_from = _overlap(down, height)
    columns_to, columns_from = _overlap(right, width)
    shifted[:, rows_to, columns_to] = grids[:, rows_from, columns_from]
    return shifted


def _overlap(step: int, size: int) -> tuple[slice, slice]:
    """Where neighbours one step away are written to, and read from."""
    return slice(max(0, -step), size - max(0, step)), slice(max(0, step), size - max(0, -step))
