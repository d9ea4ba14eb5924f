"""What an agent can do where it stands: every action of the game with the key that does it, in words; and what
walking into something means. Pure functions over the engine's values; UI thread.

The engine's action mask says what would succeed, and no more; why the rest would not is worked out here from what can
be seen. Where that is not enough (stores are not in the picture), the likelier reason is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from engine.sim import (
    AGENT,
    DIRECTION_STEPS,
    DIRECTIONS,
    EMPTY,
    FIRST_KIND,
    Action,
    ActionResult,
    AgentView,
    AttackPattern,
    EnvView,
    Kind,
    Rules,
    Spec,
    Style,
    TagRange,
    Verb,
)

from .contact import Cell, agent_at, target_of
from .words import amounts, tell_step

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BY_NAME: Final = "live.by_name"
"""The binding that takes any action by its name."""

DEEDS: Final[Mapping[str, tuple[Verb, ...]]] = {
    "use": (Verb.USE, Verb.PUT, Verb.GET),
    "attack": (Verb.ATTACK,),
    "shield": (Verb.SHIELD,),
    "swap": (Verb.SWAP,),
}
"""What a key may mean, the likelier verb first."""

_ON_OBJECTS: Final = (Verb.USE, Verb.PUT, Verb.GET, Verb.SWAP, Verb.ATTACK)
"""What bumping into an object means, the gentler first: it is destroyed only where nothing else can be done."""

_CLOSE_AHEAD: Final = 2  # the argument of an attack by cells: the first row, straight ahead
_BUSY, _USED_UP = 2, 3  # codes of the ready plane
_RANK: Final = {Verb.MOVE: 1, Verb.STEP: 1, Verb.ROTATE: 2, Verb.NOOP: 3}  # all other deeds come first


@dataclass(frozen=True)
class Chance:
    """One action, and what would come of it now if nobody else moved."""

    key: str
    """As the caller names it."""
    action: int
    name: str
    would: bool
    """Whether it would succeed."""
    words: str
    """What it would do, or why it would not."""


def chances(
    view: EnvView, rules: Rules, spec: Spec, agent: int, mask: NDArray[np.bool_], keys: Mapping[str, str]
) -> list[Chance]:
    """Every action of the game: those that would succeed first, deeds before steps.

    Args:
        mask: (actions,) the agent's row of `Batch.action_mask`.
        keys: what to call the key of each binding, such as {"live.use": "a"}; one that is not there is `:`.
    """
    by_name = keys.get(BY_NAME, ":")
    found = []
    for i, action in enumerate(rules.actions):
        result = foreseen(view, rules, agent, i, mask)
        would = result == ActionResult.SUCCESS
        words = _would_do(view, rules, agent, action) if would else _why_not(view, rules, spec, agent, i, result)
        key = keys.get(binding_of(view, rules, agent, mask, i), by_name)
        found.append(Chance(key, i, action.name, would, words))
    return sorted(found, key=lambda each: (not each.would, _RANK.get(rules.actions[each.action].verb, 0)))


def binding_of(view: EnvView, rules: Rules, agent: int, mask: NDArray[np.bool_], action: int) -> str:
    """The id of the binding whose key takes this action as things stand."""
    deed = rules.actions[action]
    match deed.verb:
        case Verb.NOOP:
            return "live.step"
        case Verb.MOVE:
            return f"live.move_{deed.direction}"
        case Verb.ROTATE:
            return f"live.turn_{deed.direction}"
        case Verb.STEP if not deed.argument:
            return f"live.move_{DIRECTIONS[view.agents[agent].facing]}"
    name = next((name for name, verbs in DEEDS.items() if deed.verb in verbs), "")
    return f"live.{name}" if name and meant(view, rules, agent, mask, DEEDS[name]) == action else BY_NAME


def meant(view: EnvView, rules: Rules, agent: int, mask: NDArray[np.bool_], verbs: Sequence[Verb]) -> int | None:
    """The action that a key stands for which may mean any of these: one that would succeed now, rather on an agent
    than on a wall. None where the game has none of them."""
    able = [i for i, action in enumerate(rules.actions) if action.verb in verbs]

    def order(i: int) -> tuple[bool, bool, int]:
        action = rules.actions[i]
        misses = action.verb is Verb.ATTACK and target_of(view, rules, agent, action) is None
        return not mask[i], misses, verbs.index(action.verb)

    return min(able, key=order, default=None)


def bump(view: EnvView, rules: Rules, agent: int, way: str, mask: NDArray[np.bool_]) -> int | None:
    """What walking in a direction means where the way is blocked: to use, put, get, swap or attack, if that would
    succeed now; else to try what the thing is for, so that its reason is told; the turn toward it, where the agent
    faces elsewhere. None: walk, or try to.
    """
    me = view.agents[agent]
    cell = _toward(me, DIRECTIONS.index(way))
    if _is_walk(rules, mask, way) or not _inside(view, cell) or view.cells[cell] == EMPTY:
        return None
    if DIRECTIONS[me.facing] != way:
        turn = (i for i, each in enumerate(rules.actions) if each.verb is Verb.ROTATE and each.direction == way)
        return next(turn, None) if _is_of_use(view, rules, cell) else None
    verbs = _on_agent(view, rules, agent, cell) if view.cells[cell] == AGENT else _ON_OBJECTS
    able = [i for i, each in enumerate(rules.actions) if mask[i] and _acts_on(view, rules, agent, each, cell)]
    return min(
        (i for i in able if rules.actions[i].verb in verbs),
        key=lambda i: verbs.index(rules.actions[i].verb),
        default=meant(view, rules, agent, mask, _purpose(view, rules, cell)),
    )


def _purpose(view: EnvView, rules: Rules, cell: Cell) -> tuple[Verb, ...]:
    """What an object is for; nothing, where a step into it would use it anyway."""
    _, kind = _object_on(view, rules, cell)
    if kind is None or kind.bump or kind.style is Style.SOLID:
        return ()
    if kind.style is Style.USE:
        return (Verb.USE,)
    return (Verb.PUT, Verb.GET) if kind.inputs else (Verb.GET,)


def _is_walk(rules: Rules, mask: NDArray[np.bool_], way: str) -> bool:
    return any(mask[i] and each.verb is Verb.MOVE and each.direction == way for i, each in enumerate(rules.actions))


def _on_agent(view: EnvView, rules: Rules, agent: int, cell: Cell) -> tuple[Verb, ...]:
    """Others are attacked; friends are asked to change places."""
    other = agent_at(view, cell)
    is_friend = other is not None and view.agents[other].group == view.agents[agent].group and max(rules.agent_groups)
    return (Verb.SWAP,) if is_friend else (Verb.ATTACK, Verb.SWAP)


def _is_of_use(view: EnvView, rules: Rules, cell: Cell) -> bool:
    """Whether anything could be done with what stands there, now or later."""
    if view.cells[cell] == AGENT:
        return rules.has_verb(Verb.ATTACK) or rules.has_verb(Verb.SWAP)
    _, kind = _object_on(view, rules, cell)
    return kind is not None and (
        kind.style is not Style.SOLID
        or (kind.swappable and rules.has_verb(Verb.SWAP))
        or (kind.hp > 0 and rules.combat.pattern is AttackPattern.CELL and rules.has_verb(Verb.ATTACK))
    )


def _acts_on(view: EnvView, rules: Rules, agent: int, action: Action, cell: Cell) -> bool:
    """Whether an action is about the cell ahead, which this is."""
    if action.verb is not Verb.ATTACK:
        return action.verb in _ON_OBJECTS
    if view.cells[cell] == AGENT:
        return target_of(view, rules, agent, action) == agent_at(view, cell)
    return rules.combat.pattern is AttackPattern.CELL and action.argument == _CLOSE_AHEAD


# ---- What would come of it


def foreseen(view: EnvView, rules: Rules, agent: int, action: int, mask: NDArray[np.bool_]) -> ActionResult:
    """What the engine would answer to an action now, if nobody else moved."""
    me, deed = view.agents[agent], rules.actions[action]
    if me.frozen:
        return ActionResult.FROZEN
    # A mask is never empty: where nothing would succeed it has one action all the same, and that is no promise.
    if mask[action] and (int(mask.sum()) > 1 or deed.verb is Verb.NOOP):
        return ActionResult.SUCCESS
    held = dict(zip(rules.resources, me.inventory, strict=True))
    if any(held[name] < units for name, units in deed.needed.items()):
        return ActionResult.NO_RESOURCE
    held = {name: units - deed.consumed.get(name, 0) for name, units in held.items()}
    return _failure(view, rules, agent, deed, held)


def _failure(view: EnvView, rules: Rules, agent: int, deed: Action, held: Mapping[str, int]) -> ActionResult:
    me = view.agents[agent]
    cell = _cell_of(me, deed)
    match deed.verb:
        case Verb.MOVE:
            return _blocked(view, rules, cell, held, agent, bumps=True)
        case Verb.STEP:
            return _blocked(view, rules, cell, held, agent, bumps=not deed.argument)
        case Verb.USE | Verb.PUT | Verb.GET:
            _, kind = _object_on(view, rules, cell)
            return _refused(view, rules, cell, kind, deed.verb, held)
        case Verb.ATTACK | Verb.SWAP:
            return ActionResult.NO_TARGET
        case Verb.SHIELD:
            return ActionResult.NO_RESOURCE
    return ActionResult.SUCCESS


def _blocked(
    view: EnvView, rules: Rules, cell: Cell, held: Mapping[str, int], agent: int, *, bumps: bool
) -> ActionResult:
    """What stops a step into a cell; success if nothing does."""
    if not _inside(view, cell):
        return ActionResult.OUTSIDE
    if view.cells[cell] == EMPTY:
        return ActionResult.SUCCESS
    if view.cells[cell] == AGENT:
        return ActionResult.SUCCESS if bumps and _tags(view, rules, agent, cell) else ActionResult.BLOCKED_AGENT
    _, kind = _object_on(view, rules, cell)
    if kind is None or not (kind.bump and bumps):
        return ActionResult.BLOCKED_WALL
    if kind.style is Style.USE:
        return _refused(view, rules, cell, kind, Verb.USE, held)
    return _refused(view, rules, cell, kind, Verb.GET, held)  # a bump puts, and where that fails it gets


def _tags(view: EnvView, rules: Rules, agent: int, cell: Cell) -> bool:
    """Whether a move into a cell is a try to tag who stands there."""
    other = agent_at(view, cell)
    if rules.tag is None or rules.tag.range is not TagRange.BUMP or other is None or view.agents[other].frozen:
        return False
    roles = [rules.role_of_group(view.agents[each].group) for each in (agent, other)]
    return roles == [rules.tag.tagger, rules.tag.target]


def _refused(
    view: EnvView, rules: Rules, cell: Cell, kind: Kind | None, verb: Verb, held: Mapping[str, int]
) -> ActionResult:
    """Why an object does not serve."""
    stores = kind is not None and kind.style in (Style.PUT_GET, Style.CHEST)
    if kind is None or (kind.style is not Style.USE if verb is Verb.USE else not stores):
        return ActionResult.NO_TARGET
    state = int(view.ready[cell])
    if verb is Verb.USE:
        return _use_refused(rules, kind, state, held)
    if verb is Verb.PUT:
        return ActionResult.FULL if any(held[name] for name in kind.inputs) else ActionResult.NOTHING_MOVED
    if not any(_room(rules, held, name) for name in kind.outputs):
        return ActionResult.FULL
    return ActionResult.COOLING_DOWN if state == _BUSY else ActionResult.NOTHING_MOVED


def _use_refused(rules: Rules, kind: Kind, state: int, held: Mapping[str, int]) -> ActionResult:
    if state == _USED_UP:
        return ActionResult.USED_UP
    if state == _BUSY:
        return ActionResult.COOLING_DOWN
    if any(held[name] < units for name, units in kind.inputs.items()):
        return ActionResult.NO_RESOURCE
    left = {name: units - kind.inputs.get(name, 0) for name, units in held.items()}
    for name, units in kind.outputs.items():
        if _room(rules, left, name) < units:
            return ActionResult.FULL
        left[name] += units
    return ActionResult.SUCCESS


def _room(rules: Rules, held: Mapping[str, int], name: str) -> int:
    """How many units more of a resource an agent could hold."""
    resource = rules.resources[name]
    room = resource.limit - held[name]
    if resource.limit_group is None:
        return room
    together = sum(held[each] for each, other in rules.resources.items() if other.limit_group == resource.limit_group)
    return min(room, rules.limit_groups[resource.limit_group] - together)


# ---- Words


def _why_not(view: EnvView, rules: Rules, spec: Spec, agent: int, action: int, result: ActionResult) -> str:
    """The sentence that would be told if it were tried, with what is there of what is missing."""
    deed = rules.actions[action]
    facing = view.agents[agent].facing if deed.verb is not Verb.MOVE else DIRECTIONS.index(str(deed.direction))
    calm = [replace(each, last_action=-1, last_result=ActionResult.SUCCESS) for each in view.agents]
    calm[agent] = replace(calm[agent], last_action=action, last_result=result, facing=facing)
    tried = replace(view, agents=tuple(calm))
    sentence = tell_step(view, tried, rules, spec, agent, agent) or f"You cannot {deed.name.replace('_', ' ')}."
    if result != ActionResult.NO_RESOURCE:
        return sentence
    missing = deed.needed or _inputs_there(view, rules, _cell_of(view.agents[agent], deed))
    has = {name: units for name, units in zip(rules.resources, view.agents[agent].inventory, strict=True) if units}
    there = amounts({name: has[name] for name in missing if name in has})
    return f"{sentence.removesuffix('.')}; you have {there or 'none'}."


def _inputs_there(view: EnvView, rules: Rules, cell: Cell) -> Mapping[str, int]:
    _, kind = _object_on(view, rules, cell)
    return {} if kind is None else kind.inputs


def _would_do(view: EnvView, rules: Rules, agent: int, action: Action) -> str:
    cost = f", for {amounts(action.consumed)}" if action.consumed else ""
    return _deed_words(view, rules, agent, action) + cost


def _deed_words(view: EnvView, rules: Rules, agent: int, action: Action) -> str:
    me = view.agents[agent]
    match action.verb:
        case Verb.NOOP:
            return "rest"
        case Verb.MOVE | Verb.STEP:
            return _walk_words(view, rules, me, action)
        case Verb.ROTATE:
            already = DIRECTIONS[me.facing] == action.direction
            return f"{'go on facing' if already else 'turn'} {action.direction}"
        case Verb.USE | Verb.PUT | Verb.GET:
            return _object_words(view, rules, me, _cell_of(me, action), action.verb)
        case Verb.ATTACK:
            other = target_of(view, rules, agent, action)
            return f"attack agent {other}" if other is not None else _aim_words(action)
        case Verb.SHIELD:
            return "lower your shield" if me.shield else "raise your shield"
        case Verb.SWAP:
            cell = _cell_of(me, action)
            other = agent_at(view, cell)
            what = f"the {_object_on(view, rules, cell)[0]}" if other is None else f"agent {other}"
            return f"change places with {what} to the {DIRECTIONS[me.facing]}"
    return f"show glyph {action.argument}"


def _walk_words(view: EnvView, rules: Rules, me: AgentView, action: Action) -> str:
    cell = _cell_of(me, action)
    if view.cells[cell] == AGENT:
        return f"tag agent {agent_at(view, cell)}"
    if view.cells[cell] >= FIRST_KIND:
        return _object_words(view, rules, me, cell, None)
    if action.verb is Verb.MOVE:
        return f"go {action.direction}"
    return "step back" if action.argument else f"go forward, to the {DIRECTIONS[me.facing]}"


def _object_words(view: EnvView, rules: Rules, me: AgentView, cell: Cell, verb: Verb | None) -> str:
    """What an object gives for what; without a verb: what a bump into it does."""
    name, kind = _object_on(view, rules, cell)
    assert kind is not None, "an object is there, or nothing would succeed"
    offset = cell[0] - me.row, cell[1] - me.column
    where = f"the {name} to the {DIRECTIONS[DIRECTION_STEPS.index(offset)]}"
    takes, gives = amounts(kind.inputs), amounts(kind.outputs)
    if kind.style is Style.USE:
        if takes and gives:
            return f"turn {takes} into {gives} at {where}"
        return f"take {gives} from {where}" if gives else f"give {takes} to {where}" if takes else f"use {where}"
    held = [item for item, units in zip(rules.resources, me.inventory, strict=True) if units and item in kind.inputs]
    put, get = f"put {', '.join(held)} into {where}", f"get {', '.join(kind.outputs)} from {where}"
    if verb is None:
        return f"{put}, or get from it what there is" if held else get
    return put if verb is Verb.PUT else get


def _aim_words(action: Action) -> str:
    row, aside = divmod(action.argument - 1, 3)
    side = ("to the left", "straight ahead", "to the right")[aside]
    return f"hit what stands {row + 1} ahead, {side}"


# ---- Cells


def _cell_of(me: AgentView, action: Action) -> Cell:
    """The cell that an action is about."""
    way = me.facing if action.direction is None else DIRECTIONS.index(action.direction)
    row, column = _toward(me, way)
    if action.verb is Verb.STEP and action.argument:
        return 2 * me.row - row, 2 * me.column - column
    return row, column


def _toward(me: AgentView, way: int) -> Cell:
    rows, columns = DIRECTION_STEPS[way]
    return me.row + rows, me.column + columns


def _inside(view: EnvView, cell: Cell) -> bool:
    height, width = view.cells.shape
    return bool(0 <= cell[0] < height and 0 <= cell[1] < width)


def _object_on(view: EnvView, rules: Rules, cell: Cell) -> tuple[str, Kind | None]:
    code = int(view.cells[cell]) if _inside(view, cell) else EMPTY
    if code < FIRST_KIND:
        return "", None
    name = list(rules.kinds)[code - FIRST_KIND]
    return name, rules.kinds[name]
