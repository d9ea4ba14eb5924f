"""What sim_speed.py measures: games with their maps, from one walker to a game that has every rule switched on.

Pure; owned by the scripts beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.maps import GridMap, cells_for, load_map
from engine.sim import (
    Action,
    AttackPattern,
    Combat,
    Encoding,
    Kind,
    Resource,
    Rules,
    Scope,
    Sight,
    Style,
    Tag,
    TagRange,
    Term,
    Verb,
    World,
    games,
)


@dataclass(frozen=True)
class Case:
    """A game and the map it is played on."""

    name: str
    make_rules: Callable[[], Rules]
    make_map: Callable[[], GridMap]

    def world(self, **changes: Any) -> World:
        """The case compiled, with some fields of its rules changed."""
        rules = Rules.model_validate(self.make_rules().model_dump() | changes)
        return World(rules, cells_for(self.make_map(), rules))


def cases() -> dict[str, Case]:
    """All cases by name, in the order in which they are run."""
    tokens = {"encoding": Encoding.TOKENS, "tokens": 200}
    listed = (
        Case("navigation", games.navigation, lambda: load_map("navigation_walls9")),
        Case("arena", games.arena, lambda: load_map("arena_basic")),
        Case("arena_24", lambda: games.arena(agents=24), arena_64),
        Case("arena_classic_full", lambda: games.arena_classic("full"), lambda: load_map("arena_classic_full")),
        Case("arena_energy", games.arena_energy, lambda: load_map("arena_energy")),
        Case("hide_and_seek", games.hide_and_seek, lambda: load_map("hide_and_seek")),
        Case("all_mechanics", all_mechanics, all_mechanics_map),
        Case("arena_tokens", lambda: games.arena().model_copy(update=tokens), lambda: load_map("arena_basic")),
        Case("arena_24_tokens", lambda: games.arena(agents=24).model_copy(update=tokens), arena_64),
        Case("all_mechanics_tokens", lambda: all_mechanics().model_copy(update=tokens), all_mechanics_map),
    )
    return {case.name: case for case in listed}


def arena_64() -> GridMap:
    """64 x 64 cells: a wall around, pillars, and objects for 24 agents, spread evenly."""
    grid_map = GridMap.walled("arena_64", 64, 64)
    every = {"wall": (5, 7), "mine": (9, 11), "generator": (11, 13), "altar": (13, 15)}
    cells = {(row, column): name for name, by in every.items() for row, column in _spread(64, *by)}
    starts = [(row, column) for row in range(4, 64, 12) for column in range(6, 64, 12)]
    cells |= {cell: "agent" for cell in starts[:24]}
    return grid_map.with_cells((row, column, name) for (row, column), name in cells.items())


def _spread(side: int, down: int, right: int) -> list[tuple[int, int]]:
    return [(row, column) for row in range(3, side - 2, down) for column in range(3, side - 2, right)]


def all_mechanics() -> Rules:
    """The classic arena with everything else that the engine knows switched on as well.

    Twelve agents of two roles and four groups that share; limit groups, regeneration and decay; moves in eight
    directions and along the facing; put, get and use; destructible, swappable and transparent objects, a chest;
    attacks, armor, shields, loot, tagging; glyphs; line of sight in a cone, counted; terms of every scope;
    the six planes of the classic arena.
    """
    classic = games.arena_classic("full", agents=12, teams=4)
    names = {action.name for action in classic.actions}
    kinds = {name: _made_breakable(name, kind) for name, kind in classic.kinds.items()}
    walker = games.navigation()
    moves = tuple(action for action in walker.actions if action.name not in names)
    kept = tuple(action for action in classic.actions if action.verb is not Verb.ATTACK)
    attacks = tuple(
        Action(name=f"attack_{n}", verb=Verb.ATTACK, argument=n, priority=1, consumed={"laser": 1}) for n in (2, 5, 8)
    )
    return Rules(
        name="all_mechanics",
        agents=classic.agents,
        groups=classic.groups,
        group_shares=classic.group_shares,
        roles=("hunter", "prey"),
        group_roles=("hunter", "prey", "hunter", "prey"),
        max_steps=classic.max_steps,
        glyphs=4,
        limit_groups={"ores": 60},
        planes=classic.planes,
        sight=Sight(line_of_sight=True, cone_degrees=270, counts=True),
        resources={
            **{name: _in_group(name, resource) for name, resource in classic.resources.items()},
            "energy": Resource(limit=100, initial=50, regen_amount=1, regen_interval=3),
            "warmth": Resource(limit=20, initial=20, regen_amount=-1, regen_interval=10),
        },
        kinds={
            **kinds,
            "chest": Kind(style=Style.CHEST, max_output=50, inputs={"ore_red": 2}, outputs={"ore_red": 2}),
            "fire": Kind(style=Style.USE, bump=True, transparent=True, cooldown=3, outputs={"warmth": 10}),
        },
        actions=(
            *kept,
            *moves,
            *attacks,
            Action(name="use", verb=Verb.USE),
            Action(name="shield", verb=Verb.SHIELD, consumed={"energy": 1}),
            *(Action(name=f"glyph_{n}", verb=Verb.GLYPH, argument=n) for n in range(4)),
        ),
        combat=Combat(pattern=AttackPattern.CELL, armor="armor", shield="energy", drained="energy"),
        tag=Tag(tagger="hunter", target="prey", range=TagRange.ADJACENT, chance_percent=30, freeze_turns=5),
        rewards=(
            *classic.rewards,
            Term(name="tags", stat="tag.tags", weight=0.1, scope=Scope.GROUP, role="hunter"),
            Term(name="hidden", stat="hidden", weight=0.01, role="prey"),
            Term(name="ore", stat="ore_red.gained", weight=0.001, scope=Scope.WORLD),
            Term(name="warm", holding="warmth", weight=0.1, at_end=True),
        ),
    )


def _made_breakable(name: str, kind: Kind) -> Kind:
    return kind.model_copy(update={"hp": 3 if name == "wall" else 10, "transparent": name.startswith("mine")})


def _in_group(name: str, resource: Resource) -> Resource:
    return resource.model_copy(update={"limit_group": "ores"}) if name.startswith("ore_") else resource


def all_mechanics_map() -> GridMap:
    """The classic arena of all colours, with chests and fires, and starts for four groups."""
    grid_map = load_map("arena_classic_full")
    chests = [(5, 12, "chest"), (19, 12, "chest"), (12, 3, "fire"), (12, 21, "fire")]
    starts = [(10 + row, 4 + 5 * group, f"agent.team_{group + 1}") for group in range(4) for row in range(3)]
    return grid_map.with_cells(chests + starts)
