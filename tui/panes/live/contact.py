"""What agents do to one another: hits and tags, told from two pictures of the world. Pure.

Whom an attack meant is found as the engine finds it: attacks go before all moves, so those who could be hit
stand where the earlier picture has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.sim import (
    DIRECTION_STEPS,
    FIRST_KIND,
    FOREVER,
    ActionResult,
    AgentView,
    AttackPattern,
    EnvView,
    Rules,
    TagRange,
    Verb,
)

from .subject import Subject, frozen_words

if TYPE_CHECKING:
    from engine.sim import Action

Cell = tuple[int, int]

_LEFT_OF = (2, 3, 1, 0, 6, 4, 7, 5)  # the direction to the left of each facing
_REACH = 3  # rows ahead that an attack reaches


@dataclass(frozen=True)
class Contact:
    """One agent's deed: to another agent, or to an object (no target)."""

    actor: int
    target: int | None
    sentence: str


def contact_of(before: EnvView, after: EnvView, rules: Rules, agent: int, person: int | None) -> Contact | None:
    """What this agent did to another, else what was done to it; None if neither."""
    fights, tags = rules.has_verb(Verb.ATTACK), rules.tag is not None
    if not fights and not tags:
        return None
    for actor in (agent, *(other for other in range(len(after.agents)) if other != agent)):
        found = _attack(before, after, rules, actor, person) if fights else None
        if found is None and tags:
            found = _tag(before, after, rules, actor, agent, person)
        if found is not None and agent in (found.actor, found.target):
            return found
    return None


def agent_at(view: EnvView, cell: Cell) -> int | None:
    """The agent that stands on a cell."""
    return next((i for i, agent in enumerate(view.agents) if (agent.row, agent.column) == cell), None)


# Attacks


def _attack(before: EnvView, after: EnvView, rules: Rules, actor: int, person: int | None) -> Contact | None:
    me = after.agents[actor]
    action = rules.actions[me.last_action] if me.last_action >= 0 else None
    if action is None or action.verb is not Verb.ATTACK or me.last_result != ActionResult.SUCCESS:
        return None
    target = target_of(before, rules, actor, action)
    if target is not None:
        return Contact(actor, target, _hit_sentence(after, rules, actor, target, person))
    if rules.combat.pattern is AttackPattern.NTH_AGENT:
        return None
    cell = _cell_aimed_at(before.agents[actor], action)
    return Contact(actor, None, _object_sentence(before, after, rules, cell, Subject(actor, person)))


def target_of(view: EnvView, rules: Rules, actor: int, attack: Action) -> int | None:
    """The agent that an attack would meet now."""
    me = view.agents[actor]
    if rules.combat.pattern is AttackPattern.NTH_AGENT:
        return _nth_agent(view, me, attack)
    return agent_at(view, _cell_aimed_at(me, attack))


def _in_front(agent: AgentView, ahead: int, aside: int) -> Cell:
    """A cell so many rows ahead, and so many to the left (right if negative)."""
    down, right = DIRECTION_STEPS[agent.facing]
    left_down, left_right = DIRECTION_STEPS[_LEFT_OF[agent.facing]]
    return agent.row + ahead * down + aside * left_down, agent.column + ahead * right + aside * left_right


def _nth_agent(view: EnvView, me: AgentView, action: Action) -> int | None:
    cells = [_in_front(me, ahead, aside) for ahead in range(1, _REACH + 1) for aside in (0, 1, -1)]
    met = [agent for cell in cells if (agent := agent_at(view, cell)) is not None]
    return met[min(action.argument, len(met) - 1)] if met else None


def _cell_aimed_at(me: AgentView, action: Action) -> Cell:
    row, aside = divmod(action.argument - 1, 3)
    return _in_front(me, 1 + row, 1 - aside)


def _object_sentence(before: EnvView, after: EnvView, rules: Rules, cell: Cell, who: Subject) -> str:
    code = int(before.cells[cell])
    if code < FIRST_KIND:
        return ""
    is_gone = int(after.cells[cell]) != code
    return f"{who.verb('destroy' if is_gone else 'hit')} the {list(rules.kinds)[code - FIRST_KIND]}."


def _hit_sentence(after: EnvView, rules: Rules, actor: int, target: int, person: int | None) -> str:
    who, whom = Subject(actor, person), Subject(target, person)
    victim = after.agents[target]
    if victim.frozen > 0 or victim.last_result == ActionResult.FROZEN:
        return _struck(who.verb("hit"), whom, frozen_words(rules.combat.freeze_turns, FOREVER))
    cover = "armor" if rules.combat.armor else "shield"
    if whom.is_person:
        return f"{who.verb('hit')} you, but your {cover} holds."
    return f"{who.verb('hit')} {whom.name.lower()}, whose {cover} holds."


def _struck(deed: str, whom: Subject, fate: str) -> str:
    if whom.is_person:
        return f"{deed} you: you are {fate}."
    return f"{deed} {whom.name.lower()}, who is {fate}."


# Tags


def _tag(before: EnvView, after: EnvView, rules: Rules, actor: int, agent: int, person: int | None) -> Contact | None:
    assert rules.tag is not None
    if rules.role_of_group(after.agents[actor].group) != rules.tag.tagger:
        return None
    near = _bumped if rules.tag.range is TagRange.BUMP else _beside
    targets = [other for other in near(after, actor) if _is_tagged(before, after, rules, other)]
    if not targets:
        return None
    target = agent if agent in targets else targets[0]
    fate = frozen_words(rules.tag.freeze_turns, FOREVER)
    return Contact(actor, target, _struck(Subject(actor, person).verb("tag"), Subject(target, person), fate))


def _is_tagged(before: EnvView, after: EnvView, rules: Rules, target: int) -> bool:
    assert rules.tag is not None
    is_target = rules.role_of_group(after.agents[target].group) == rules.tag.target
    return is_target and after.agents[target].frozen > before.agents[target].frozen


def _bumped(view: EnvView, actor: int) -> list[int]:
    me = view.agents[actor]
    down, right = DIRECTION_STEPS[me.facing]
    other = agent_at(view, (me.row + down, me.column + right))
    return [] if other is None or me.last_result != ActionResult.SUCCESS else [other]


def _beside(view: EnvView, actor: int) -> list[int]:
    me = view.agents[actor]
    return [
        index
        for index, other in enumerate(view.agents)
        if index != actor and max(abs(other.row - me.row), abs(other.column - me.column)) == 1
    ]
