"""Hypothesis strategies: any game, a map that fits it, and actions, valid or not."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from engine.sim import (
    CELL_EMPTY,
    CELL_KIND,
    CELL_SPAWN_ANY,
    CELL_SPAWN_GROUP,
    DIRECTIONS,
    Action,
    End,
    Kind,
    Plane,
    Resource,
    Rules,
    Term,
    Verb,
    Window,
)

SIDES = st.sampled_from(range(1, 16, 2))
WEIGHTS = st.floats(-2, 2, width=32)
CAPS = st.one_of(st.just(0.0), st.floats(0.125, 2, width=32))


@st.composite
def resources(draw: st.DrawFn) -> Resource:
    limit = draw(st.sampled_from([1, 2, 5, 300, 65535]))
    return Resource(limit=limit, initial=draw(st.integers(0, min(limit, 3))))


@st.composite
def converters(draw: st.DrawFn, table: dict[str, Resource]) -> Kind:
    def amounts() -> dict[str, int]:
        names = draw(st.lists(st.sampled_from(sorted(table)), unique=True, max_size=2)) if table else []
        return {name: draw(st.integers(1, min(table[name].limit, 3))) for name in names}

    return Kind(
        style="use",
        bump=draw(st.booleans()),
        cooldown=draw(st.integers(0, 4)),
        max_uses=draw(st.sampled_from([0, 0, 1, 3])),
        inputs=amounts(),
        outputs=amounts(),
    )


@st.composite
def actions(draw: st.DrawFn, index: int) -> Action:
    verb = draw(st.sampled_from([Verb.MOVE, Verb.MOVE, Verb.USE, Verb.ROTATE, Verb.NOOP]))
    directed = verb in (Verb.MOVE, Verb.ROTATE)
    direction = draw(st.sampled_from(DIRECTIONS)) if directed else None
    return Action(name=f"a{index}", verb=verb, direction=direction, priority=draw(st.sampled_from([0, 0, 0, 1, 15])))


@st.composite
def terms(draw: st.DrawFn, index: int, table: dict[str, Resource], stats: tuple[str, ...]) -> Term:
    if table and draw(st.booleans()):
        return Term(
            name=f"t{index}", holding=draw(st.sampled_from(sorted(table))), weight=draw(WEIGHTS), cap=draw(CAPS)
        )
    return Term(name=f"t{index}", stat=draw(st.sampled_from(stats)), weight=draw(WEIGHTS), cap=draw(CAPS))


@st.composite
def games(draw: st.DrawFn) -> Rules:
    table = {f"r{index}": draw(resources()) for index in range(draw(st.integers(0, 3)))}
    kinds = {"wall": Kind()} | {f"k{index}": draw(converters(table)) for index in range(draw(st.integers(0, 4)))}
    bare = Rules(
        name="random",
        agents=draw(st.integers(1, 6)),
        groups=draw(st.integers(1, 3)),
        max_steps=draw(st.sampled_from([0, 1, 5, 20])),
        spawn_anywhere=draw(st.booleans()),
        window=Window(width=draw(SIDES), height=draw(SIDES)),
        planes=tuple(draw(st.lists(st.sampled_from(list(Plane)), unique=True, min_size=1))),
        resources=table,
        kinds=kinds,
        actions=tuple(draw(actions(index)) for index in range(draw(st.integers(1, 9)))),
    )
    ends = [
        End(resource=name, amount=amount, all_agents=everyone)
        for name, resource in table.items()
        for amount in (resource.initial + 1, resource.initial + 2)
        for everyone in (False, True)
        if amount <= resource.limit
    ]
    return bare.model_copy(
        update={
            "rewards": tuple(draw(terms(i, table, bare.stat_names)) for i in range(draw(st.integers(0, 4)))),
            "end": draw(st.one_of(st.none(), st.sampled_from(ends))) if ends else None,
        }
    )


@st.composite
def maps(draw: st.DrawFn, rules: Rules) -> np.ndarray:
    """(height, width) cell codes with starts enough, all else at random."""
    codes: list[int] = []
    for group in range(rules.groups):
        size = len(range(group, rules.agents, rules.groups))
        own = draw(st.booleans())
        codes += [CELL_SPAWN_GROUP + group if own and not rules.spawn_anywhere else CELL_SPAWN_ANY] * size
    height, width = draw(st.integers(1, 6)), draw(st.integers(1, 6))
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
