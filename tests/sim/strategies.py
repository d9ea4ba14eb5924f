"""Hypothesis strategies: any game the tables can say, maps that fit it, and actions, valid or not."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from engine.sim import (
    CELL_EMPTY,
    CELL_KIND,
    CELL_SPAWN_ANY,
    CELL_SPAWN_GROUP,
    DIRECTIONS,
    FOREVER,
    Action,
    AttackPattern,
    Combat,
    Encoding,
    End,
    Kind,
    Plane,
    Resource,
    Rules,
    Scope,
    Sight,
    Style,
    Tag,
    TagRange,
    Term,
    Verb,
    Window,
)
from engine.sim.rules import growing, obtainable

SIDES = st.sampled_from(range(1, 16, 2))
WEIGHTS = st.floats(-2, 2, width=32)
CAPS = st.one_of(st.just(0.0), st.floats(0.125, 2, width=32))
LIMIT_GROUPS = {"narrow": 4, "wide": 9}

Amounts = dict[str, int]
Table = dict[str, Resource]


@st.composite
def resources(draw: st.DrawFn) -> Resource:
    limit = draw(st.sampled_from([1, 2, 5, 300, 65535]))
    group = draw(st.sampled_from([None, None, *LIMIT_GROUPS]))
    return Resource(
        limit=limit,
        # At most two of a group share it, so that what they start with together fits even the narrow one.
        initial=draw(st.integers(0, min(limit, 1 if group else 3))),
        limit_group=group,
        regen_amount=draw(st.sampled_from([0, 1, 2, -1, -300])),
        regen_interval=draw(st.sampled_from([0, 0, 0, 1, 2, 5])),
        loot=draw(st.booleans()),
    )


@st.composite
def amounts(draw: st.DrawFn, table: Table, limited: bool = True, most: int = 3) -> Amounts:
    """Of up to two resources, and where they are limited no more than can be held together."""
    names = draw(st.lists(st.sampled_from(sorted(table)), unique=True, max_size=2)) if table else []
    chosen: Amounts = {}
    for name in names:
        group = table[name].limit_group
        shared = sum(units for other, units in chosen.items() if group and table[other].limit_group == group)
        room = min(table[name].limit, LIMIT_GROUPS[group] - shared if group else 65535)
        chosen[name] = draw(st.integers(1, min(room, most) if limited else most))
    return chosen


@st.composite
def kinds(draw: st.DrawFn, table: Table) -> Kind:
    style = draw(st.sampled_from(list(Style)))
    common: dict[str, Any] = {
        "style": style,
        "swappable": draw(st.booleans()),
        "transparent": draw(st.booleans()),
        "hp": draw(st.sampled_from([0, 0, 1, 2, 300])),
    }
    if style is Style.SOLID:
        return Kind(**common)
    inputs, outputs = draw(amounts(table, style is Style.USE)), draw(amounts(table, style is Style.USE))
    common |= {"bump": draw(st.booleans()), "inputs": inputs, "outputs": outputs}
    if style is Style.CHEST:
        initial = draw(st.sampled_from([0, 0, 2, 250]))
        room = draw(st.sampled_from([0, initial * len(outputs) + draw(st.integers(0, 4))]))
        return Kind(**common, initial_output=initial, max_output=room)
    common |= {"cooldown": draw(st.integers(0, 4)), "max_uses": draw(st.sampled_from([0, 0, 1, 3]))}
    if style is Style.USE:
        return Kind(**common)
    uses_up = any(units > outputs.get(name, 0) for name, units in inputs.items())
    least = 0 if uses_up or common["cooldown"] else 1  # or it would convert without end in no time
    return Kind(
        **common,
        conversion_ticks=draw(st.integers(least, 3)),
        max_output=draw(st.sampled_from([0, 1, 2, 5])),
        initial_output=draw(st.sampled_from([0, 0, 1, 3])),
    )


@st.composite
def actions(draw: st.DrawFn, index: int, table: Table, combat: Combat, glyphs: int) -> Action:
    usual = [Verb.MOVE, Verb.MOVE, Verb.STEP, Verb.USE, Verb.ROTATE, Verb.NOOP, Verb.PUT, Verb.GET]
    rare = [Verb.ATTACK, Verb.SWAP, Verb.GLYPH, *([Verb.SHIELD] if combat.shield else [])]
    verb = draw(st.sampled_from([*usual, *rare]))
    attacks = st.integers(1, 9) if combat.pattern is AttackPattern.CELL else st.integers(0, 8)
    arguments = {Verb.STEP: st.integers(0, 1), Verb.ATTACK: attacks, Verb.GLYPH: st.integers(0, glyphs - 1)}
    costs = draw(st.booleans()) and draw(st.booleans())
    return Action(
        name=f"a{index}",
        verb=verb,
        direction=draw(st.sampled_from(DIRECTIONS)) if verb in (Verb.MOVE, Verb.ROTATE) else None,
        argument=draw(arguments[verb]) if verb in arguments else 0,
        priority=draw(st.sampled_from([0, 0, 0, 1, 15])),
        pays_always=draw(st.booleans()),
        required=draw(amounts(table, most=2)) if costs else {},
        consumed=draw(amounts(table, most=1)) if costs else {},
    )


def can_be_required(action: Action, table: Table) -> bool:
    """Whether what it requires and consumes can be held together."""
    return all(
        sum(units for name, units in action.needed.items() if table[name].limit_group == group) <= limit
        for group, limit in LIMIT_GROUPS.items()
    )


@st.composite
def combats(draw: st.DrawFn, table: Table) -> Combat:
    def resource() -> str | None:
        return draw(st.sampled_from([None, *table]))

    return Combat(
        pattern=draw(st.sampled_from(list(AttackPattern))),
        freeze_turns=draw(st.sampled_from([1, 2, 5, 300])),
        armor=resource(),
        shield=resource(),
        shield_upkeep=draw(st.integers(0, 2)),
        shield_absorb=draw(st.integers(0, 3)),
        drained=resource(),
        surplus_is_lost=draw(st.booleans()),
    )


@st.composite
def tags(draw: st.DrawFn, roles: tuple[str, ...]) -> Tag:
    tagger, target = draw(st.permutations(roles))[:2]
    turns = draw(st.sampled_from([1, 3, FOREVER, FOREVER]))
    return Tag(
        tagger=tagger,
        target=target,
        range=draw(st.sampled_from(list(TagRange))),
        chance_percent=draw(st.sampled_from([1, 50, 99, 100])),
        freeze_turns=turns,
        hide_ticks=draw(st.sampled_from([0, 0, 2, 300])),
        ends_when_all_caught=turns == FOREVER and draw(st.booleans()),
    )


@st.composite
def terms(draw: st.DrawFn, index: int, rules: Rules) -> Term:
    holding = draw(st.sampled_from([None, *rules.resources]))
    never = {f"{name}.gained" for name in rules.resources.keys() - growing(rules.resources, rules.kinds)}
    return Term(
        name=f"t{index}",
        holding=holding,
        stat=None if holding else draw(st.sampled_from([name for name in rules.stat_names if name not in never])),
        weight=draw(WEIGHTS),
        cap=draw(CAPS),
        scope=draw(st.sampled_from(list(Scope))),
        role=draw(st.sampled_from([None, *rules.roles])),
        at_end=draw(st.booleans()),
    )


@st.composite
def ends(draw: st.DrawFn, table: Table, kind_table: dict[str, Kind]) -> End | None:
    resource = draw(st.sampled_from([None, *sorted(growing(table, kind_table))]))
    if resource is None:
        return None
    group = table[resource].limit_group
    most = min(table[resource].limit, LIMIT_GROUPS[group] if group else 65535)
    first = table[resource].initial + 1
    if first > most:
        return None
    return End(resource=resource, amount=draw(st.integers(first, min(most, first + 1))), all_agents=draw(st.booleans()))


@st.composite
def sides(draw: st.DrawFn) -> dict[str, Any]:
    """Groups, roles and who shares."""
    sizes = tuple(draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)))
    regular = draw(st.booleans())
    roles = ("hider", "seeker", "ghost")[: draw(st.sampled_from([1, 2, 2, 3]))]
    # Two roles that play let a game have tagging, so they come often.
    playing = draw(st.permutations(roles))[: len(sizes)] if draw(st.booleans()) else ()
    others = [draw(st.sampled_from(roles)) for _ in sizes]
    return {
        "agents": sum(sizes),
        "groups": len(sizes),
        "group_sizes": () if regular else sizes,
        "roles": roles,
        "group_roles": (*playing, *others[len(playing) :]),
        "group_shares": tuple(draw(st.sampled_from([0, 50, 33, 100])) for _ in sizes) if draw(st.booleans()) else (),
    }


@st.composite
def games(draw: st.DrawFn) -> Rules:
    table = {f"r{index}": draw(resources()) for index in range(draw(st.integers(0, 4)))}
    members = [resource.limit_group for resource in table.values()]
    table = {
        # More than two in a group could start above its limit, or hold a recipe that it does not.
        name: resource.model_copy(update={"initial": 0} if members.count(resource.limit_group) > 2 else {})
        for name, resource in table.items()
    }
    kind_table = {"wall": Kind()} | {f"k{index}": draw(kinds(table)) for index in range(draw(st.integers(0, 5)))}
    there = obtainable(table, kind_table)
    # What nothing yields may not be asked for. It comes too late for most games, so that lacking it stays common.
    late = {"regen_amount": 1, "regen_interval": 50}
    table = {name: each if name in there else each.model_copy(update=late) for name, each in table.items()}
    groups = draw(sides())
    combat, glyphs = draw(combats(table)), draw(st.sampled_from([1, 3, 250]))
    acts = [draw(actions(index, table, combat, glyphs)) for index in range(draw(st.integers(1, 10)))]
    playing = sorted(set(groups["group_roles"]))
    bare = Rules(
        name="random",
        **groups,
        max_steps=draw(st.sampled_from([0, 1, 5, 20])),
        glyphs=glyphs,
        spawn_anywhere=draw(st.booleans()),
        encoding=draw(st.sampled_from(list(Encoding))),
        window=Window(width=draw(SIDES), height=draw(SIDES)),
        planes=tuple(draw(st.lists(st.sampled_from(list(Plane)), unique=True, min_size=1))),
        tokens=draw(st.sampled_from([1, 5, 30, 200, 1024])),
        sight=Sight(
            line_of_sight=draw(st.booleans()),
            range=draw(st.sampled_from([0, 0, 1, 3, 15])),
            cone_degrees=draw(st.sampled_from([360, 360, 270, 180, 90])),
            counts=draw(st.booleans()),
        ),
        resources=table,
        limit_groups=LIMIT_GROUPS,
        kinds=kind_table,
        actions=tuple(act for act in acts if can_be_required(act, table)) or (Action(name="noop"),),
        combat=combat,
        tag=draw(tags(tuple(playing))) if len(playing) > 1 and draw(st.sampled_from([True, True, False])) else None,
        end=draw(ends(table, kind_table)),
    )
    rewards = tuple(draw(terms(index, bare)) for index in range(draw(st.integers(0, 4))))
    return Rules.model_validate({**bare.model_dump(), "rewards": rewards})


@st.composite
def maps(draw: st.DrawFn, rules: Rules) -> np.ndarray:
    """(height, width) cell codes with starts enough, all else at random."""
    codes: list[int] = []
    for group in range(rules.groups):
        size = rules.agent_groups.count(group)
        own = draw(st.booleans())
        codes += [CELL_SPAWN_GROUP + group if own and not rules.spawn_anywhere else CELL_SPAWN_ANY] * size
    height, width = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    while height * width < len(codes):
        height += 1
    kinds = range(CELL_KIND, CELL_KIND + len(rules.kinds))
    filling = st.sampled_from([CELL_EMPTY, CELL_EMPTY, CELL_SPAWN_ANY, *kinds])
    codes += draw(st.lists(filling, min_size=height * width - len(codes), max_size=height * width - len(codes)))
    return np.array(draw(st.permutations(codes)), np.uint8).reshape(height, width)


@st.composite
def games_with_maps(draw: st.DrawFn) -> tuple[Rules, list[np.ndarray]]:
    rules = draw(games())
    return rules, [draw(maps(rules)) for _ in range(draw(st.integers(1, 3)))]


def action_table(rules: Rules, rows: int, steps: int, seed: int) -> np.ndarray:
    """(steps, rows) int32: mostly actions of the game, now and then a number that is none."""
    random = np.random.default_rng(seed)
    chosen = random.integers(0, len(rules.actions), (steps, rows))
    invalid = random.random((steps, rows)) < 0.05
    return np.where(invalid, random.choice([-1, len(rules.actions), 2**31 - 1, -(2**31)]), chosen).astype(np.int32)
