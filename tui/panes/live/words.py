"""What happened, in sentences a person would say. Pure functions over the engine's values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.sim import (
    DIRECTION_STEPS,
    DIRECTIONS,
    FIRST_KIND,
    FOREVER,
    ActionResult,
    AgentView,
    EnvView,
    Kind,
    Rules,
    Spec,
    Style,
    Verb,
)

from .contact import agent_at, contact_of
from .scene import Scene
from .subject import Subject, frozen_words

if TYPE_CHECKING:
    from engine.sim import Action

_SHORT = {
    ActionResult.SUCCESS: "done",
    ActionResult.INVALID: "no such action",
    ActionResult.BLOCKED_WALL: "blocked",
    ActionResult.BLOCKED_AGENT: "agent in the way",
    ActionResult.OUTSIDE: "edge of the map",
    ActionResult.NO_TARGET: "nothing there",
    ActionResult.NO_RESOURCE: "input missing",
    ActionResult.COOLING_DOWN: "cooling down",
    ActionResult.FULL: "no room",
    ActionResult.USED_UP: "used up",
    ActionResult.FROZEN: "frozen",
    ActionResult.NOTHING_MOVED: "nothing to move",
    ActionResult.MISSED: "missed",
}


def result_words(agent: AgentView, spec: Spec) -> str:
    """The last action and what came of it, in a few words: `use: cooling down`."""
    if agent.last_action < 0:
        return "-" if agent.last_result == ActionResult.SUCCESS else _SHORT[ActionResult(agent.last_result)]
    return f"{spec.action_names[agent.last_action]}: {_SHORT[ActionResult(agent.last_result)]}"


def amounts(units: dict[str, int]) -> str:
    """`3 battery, 1 ore`."""
    return ", ".join(f"{count} {name}" for name, count in units.items())


def gains_of(before: AgentView, after: AgentView, spec: Spec) -> tuple[dict[str, int], dict[str, int]]:
    """What an agent has more and less of than before."""
    changes = {
        name: new - old for name, old, new in zip(spec.resource_names, before.inventory, after.inventory, strict=True)
    }
    gained = {name: change for name, change in changes.items() if change > 0}
    lost = {name: -change for name, change in changes.items() if change < 0}
    return gained, lost


def tell_step(before: EnvView, after: EnvView, rules: Rules, spec: Spec, agent: int, person: int | None) -> str:
    """What a step was like for one agent; empty when there is nothing worth saying."""
    who, old, new = Subject(agent, person), before.agents[agent], after.agents[agent]
    gained, lost = gains_of(old, new, spec)
    contact = contact_of(before, after, rules, agent, person)
    if contact is not None:
        was_hit = contact.actor != agent
        changes = amounts(lost if was_hit else gained)
        return (
            f"{contact.sentence} {who.verb('lose' if was_hit else 'take')} {changes}." if changes else contact.sentence
        )
    done = _tell_deed(before, after, rules, agent, who, lost)
    if done:
        return done
    if gained and lost:
        return f"{who.verb('turn')} {amounts(lost)} into {amounts(gained)}."
    if gained:
        return f"{who.verb('take')} {amounts(gained)}."
    if new.last_result == ActionResult.SUCCESS or new.last_action < 0:
        return ""
    return _tell_failure(after, rules, agent, who)


def tell_end(rules: Rules, episode_return: float, length: int, terminated: bool) -> str:
    """How an episode ended."""
    how = _how_it_ended(rules) if terminated else "Time is up"
    steps = "step" if length == 1 else "steps"
    return f"{how} after {length} {steps}: return {episode_return:+.2f}. A new episode begins."


def _how_it_ended(rules: Rules) -> str:
    if rules.tag is not None and rules.tag.ends_when_all_caught and rules.end is None:
        return f"No {rules.tag.target} is free any longer"
    if rules.end is not None and rules.end.resource == "heart":
        return "The goal is reached"
    return "It is decided"


def _tell_deed(before: EnvView, after: EnvView, rules: Rules, agent: int, who: Subject, lost: dict[str, int]) -> str:
    """What succeeded and is not told by what was gained; empty for all else."""
    old, new = before.agents[agent], after.agents[agent]
    if new.last_result != ActionResult.SUCCESS or new.last_action < 0:
        return ""
    ahead = _cell_ahead(old)
    match rules.actions[new.last_action].verb:
        case Verb.PUT if lost:
            return f"{who.verb('put')} {amounts(lost)} into the {_thing_at(before, rules, *ahead)[0]}."
        case Verb.SWAP:
            other = agent_at(before, ahead)
            thing = f"the {_thing_at(before, rules, *ahead)[0]}" if other is None else f"agent {other}"
            return f"{who.verb('change')} places with {thing}."
        case Verb.SHIELD:
            return f"{who.verb('raise' if new.shield else 'lower')} {'your' if who.is_person else 'its'} shield."
    return ""


def _tell_failure(view: EnvView, rules: Rules, agent: int, who: Subject) -> str:
    me = view.agents[agent]
    action = rules.actions[me.last_action]
    result = ActionResult(me.last_result)
    cell = _cell_meant(me, action)
    thing, kind = _thing_at(view, rules, *cell)
    doing = f"{who.name} cannot {_in_words(action)}"
    match result:
        case ActionResult.FROZEN:
            return _tell_frozen(me, who)
        case ActionResult.MISSED:
            other = agent_at(view, cell)
            return f"{who.verb('miss')} {'its target' if other is None else f'agent {other}'}."
        case ActionResult.BLOCKED_AGENT:
            other = agent_at(view, cell)
            return f"{doing}: {'another agent' if other is None else f'agent {other}'} is in the way."
        case ActionResult.OUTSIDE:
            return f"{doing}: the map ends there."
        case ActionResult.BLOCKED_WALL:
            return f"{doing}: {_a(thing)} is in the way."
        case ActionResult.NO_TARGET:
            return f"{doing}: {_missing_target(action, DIRECTIONS[me.facing])}."
        case ActionResult.NO_RESOURCE if not _can_pay(me, action, rules):
            return f"{doing}: it costs {amounts(action.required | action.consumed)}."
    return _tell_refusal(f"{doing}{_PREPOSITIONS.get(action.verb, '')} the {thing}", thing, kind, action, result)


def _tell_refusal(doing: str, thing: str, kind: Kind | None, action: Action, result: ActionResult) -> str:
    """Why an object did not serve; empty if it is not known which one."""
    if kind is None:
        return ""
    match result:
        case ActionResult.COOLING_DOWN if kind.style is Style.PUT_GET:
            return f"{doing}: it is not ready yet."
        case ActionResult.COOLING_DOWN:
            return f"{doing}: it is cooling down."
        case ActionResult.USED_UP:
            return f"{doing}: it is used up."
        case ActionResult.NO_RESOURCE:
            return f"{doing}: it needs {amounts(kind.inputs)}."
        case ActionResult.FULL if action.verb is Verb.PUT:
            return f"{doing}: it is full."
        case ActionResult.FULL:
            return f"{doing}: no room for {amounts(kind.outputs)}."
        case ActionResult.NOTHING_MOVED if action.verb is Verb.PUT:
            return f"{doing}: it takes {amounts(kind.inputs) or 'nothing'}."
        case ActionResult.NOTHING_MOVED:
            return f"{doing}: there is nothing in it."
    return ""


_PREPOSITIONS = {Verb.PUT: " into", Verb.GET: " from"}


def _tell_frozen(me: AgentView, who: Subject) -> str:
    """`You are frozen for 9 turns`: those still to come."""
    if me.frozen == 0:
        return f"{who.are} free again."
    return f"{who.are} {frozen_words(me.frozen, FOREVER)}."


def _missing_target(action: Action, facing: str) -> str:
    match action.verb:
        case Verb.PUT:
            return f"there is nothing to put it into to the {facing}"
        case Verb.GET:
            return f"there is nothing to get it from to the {facing}"
        case Verb.SWAP:
            return f"there is nothing to change places with to the {facing}"
        case Verb.ATTACK:
            return "nothing there can be hit"
    return f"there is nothing to use to the {facing}"


def _can_pay(me: AgentView, action: Action, rules: Rules) -> bool:
    cost = action.required | action.consumed
    return all(units >= cost.get(name, 0) for name, units in zip(rules.resources, me.inventory, strict=True))


def _cell_meant(agent: AgentView, action: Action) -> tuple[int, int]:
    """The cell that an action was about: ahead, but for a step backward."""
    row, column = _cell_ahead(agent)
    if action.verb is Verb.STEP and action.argument:
        return 2 * agent.row - row, 2 * agent.column - column
    return row, column


def _a(thing: str) -> str:
    return f"{'an' if thing[0] in 'aeiou' else 'a'} {thing}"


def _in_words(action: Action) -> str:
    if action.verb is Verb.MOVE:
        return f"move {action.direction}"
    if action.verb is Verb.ROTATE:
        return f"turn {action.direction}"
    return action.name.replace("_", " ")


def _cell_ahead(agent: AgentView) -> tuple[int, int]:
    """The cell an agent faces; a move turns first, so this is also where a failed move wanted to go."""
    rows, columns = DIRECTION_STEPS[agent.facing]
    return agent.row + rows, agent.column + columns


def _thing_at(view: EnvView, rules: Rules, row: int, column: int) -> tuple[str, Kind | None]:
    height, width = view.cells.shape
    if not (0 <= row < height and 0 <= column < width):
        return "edge", None
    code = int(view.cells[row, column])
    if code < FIRST_KIND:
        return "thing", None
    name = list(rules.kinds)[code - FIRST_KIND]
    return name, rules.kinds[name]


def thing_words(scene: Scene, row: int, column: int) -> str:
    """What lies on a cell, in words: `mine, cooling down; gives 1 ore`."""
    view = scene.view
    for index, agent in enumerate(view.agents):
        if (agent.row, agent.column) == (row, column):
            return f"agent {index}"
    thing, kind = _thing_at(view, scene.rules, row, column)
    if kind is None:
        return "floor" if thing == "thing" else thing
    if kind.style is Style.SOLID:
        return thing
    takes = f"takes {amounts(kind.inputs)}, " if kind.inputs else ""
    busy = "working" if kind.style is Style.PUT_GET else "cooling down"
    state = {2: f", {busy}", 3: ", used up"}.get(int(view.ready[row, column]), "")
    return f"{thing}{state}: {takes}gives {amounts(kind.outputs)}"


def things_by_distance(scene: Scene) -> list[tuple[int, int]]:
    """Cells of all that is worth going to, the nearest to the selected agent first: objects that are no walls."""
    agent, kinds = scene.view.agents[scene.selected], scene.rules.kinds.values()
    useful = [FIRST_KIND + code for code, kind in enumerate(kinds) if kind.style is not Style.SOLID]
    cells = np.argwhere(np.isin(scene.view.cells, useful))
    far = np.abs(cells - (agent.row, agent.column)).max(axis=1)
    return [(int(row), int(column)) for row, column in cells[far.argsort(kind="stable")]]
