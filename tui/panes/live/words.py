"""What happened, in sentences a person would say. Pure functions over the engine's values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.sim import (
    DIRECTION_STEPS,
    DIRECTIONS,
    FIRST_KIND,
    ActionResult,
    AgentView,
    EnvView,
    Kind,
    Rules,
    Spec,
    Style,
    Verb,
)

from .scene import Scene

if TYPE_CHECKING:
    from engine.sim import Action

_SHORT = {
    ActionResult.SUCCESS: "done",
    ActionResult.INVALID: "no such action",
    ActionResult.BLOCKED_WALL: "blocked",
    ActionResult.BLOCKED_AGENT: "agent in the way",
    ActionResult.OUTSIDE: "edge of the map",
    ActionResult.NO_TARGET: "nothing there to use",
    ActionResult.NO_RESOURCE: "input missing",
    ActionResult.COOLING_DOWN: "cooling down",
    ActionResult.FULL: "no room",
    ActionResult.USED_UP: "used up",
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
    who, old, new = _Subject(agent, person), before.agents[agent], after.agents[agent]
    gained, lost = gains_of(old, new, spec)
    if gained and lost:
        return f"{who.verb('turn')} {amounts(lost)} into {amounts(gained)}."
    if gained:
        return f"{who.verb('take')} {amounts(gained)}."
    if new.last_result == ActionResult.SUCCESS or new.last_action < 0:
        return ""
    return _tell_failure(after, rules, agent, who)


def tell_end(scene_return: float, length: int, terminated: bool) -> str:
    """How an episode ended."""
    how = "The goal is reached" if terminated else "Time is up"
    return (
        f"{how} after {length} {'step' if length == 1 else 'steps'}: return {scene_return:+.2f}. A new episode begins."
    )


class _Subject:
    """`You` or `Agent 3`, with the verb to match."""

    def __init__(self, agent: int, person: int | None) -> None:
        self._is_person = agent == person
        self.name = "You" if self._is_person else f"Agent {agent}"

    def verb(self, verb: str) -> str:
        return f"{self.name} {verb if self._is_person else verb + 's'}"


def _tell_failure(view: EnvView, rules: Rules, agent: int, who: _Subject) -> str:
    me = view.agents[agent]
    action = rules.actions[me.last_action]
    result = ActionResult(me.last_result)
    row, column = _cell_ahead(me)
    thing, kind = _thing_at(view, rules, row, column)
    doing = f"{who.name} cannot {_in_words(action)}"
    match result:
        case ActionResult.BLOCKED_AGENT:
            other = next((i for i, a in enumerate(view.agents) if (a.row, a.column) == (row, column)), None)
            return f"{doing}: {'another agent' if other is None else f'agent {other}'} is in the way."
        case ActionResult.OUTSIDE:
            return f"{doing}: the map ends there."
        case ActionResult.BLOCKED_WALL:
            return f"{doing}: {_a(thing)} is in the way."
        case ActionResult.NO_TARGET:
            return f"{doing}: there is nothing to use to the {DIRECTIONS[me.facing]}."
        case ActionResult.COOLING_DOWN:
            return f"{doing} the {thing}: it is cooling down."
        case ActionResult.USED_UP:
            return f"{doing} the {thing}: it is used up."
        case ActionResult.NO_RESOURCE if kind:
            return f"{doing} the {thing}: it needs {amounts(kind.inputs)}."
        case ActionResult.FULL if kind:
            return f"{doing} the {thing}: no room for {amounts(kind.outputs)}."
    return ""


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
    state = {2: ", cooling down", 3: ", used up"}.get(int(view.ready[row, column]), "")
    return f"{thing}{state}: {takes}gives {amounts(kind.outputs)}"
