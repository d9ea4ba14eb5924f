"""The games that ship: each is a configuration, nothing more. One file for each family; pure, any thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from engine.sim.rules import Rules

from .actions import NOOP, STRAIGHT, attacks, moves, rotations, steps
from .arena import arena
from .cooperation import two_switch
from .memory import cue_recall, t_maze
from .navigation import navigation
from .profiles import Variant, arena_classic, arena_energy
from .tag import RewardSet, hide_and_seek, pursuit

GAMES: Final[Mapping[str, Callable[..., Rules]]] = MappingProxyType(
    {
        "navigation": navigation,
        "arena": arena,
        "arena_classic": arena_classic,
        "arena_classic_easy": partial(arena_classic, "easy"),
        "arena_classic_combat": partial(arena_classic, "combat"),
        "arena_classic_tag": partial(arena_classic, "tag"),
        "arena_classic_full": partial(arena_classic, "full"),
        "arena_energy": arena_energy,
        "hide_and_seek": hide_and_seek,
        "pursuit": pursuit,
        "t_maze": t_maze,
        "cue_recall": cue_recall,
        "two_switch": two_switch,
    }
)
"""Every game by the name that its rules carry."""


def game_of_map(map_name: str) -> Callable[..., Rules]:
    """The game that a stock map was drawn for: the one whose name the map's begins with, the longest if several.

    Raises:
        KeyError: no game's.
    """
    return GAMES[max((name for name in GAMES if f"{map_name}_".startswith(f"{name}_")), key=len, default=map_name)]


__all__ = [
    "GAMES",
    "NOOP",
    "STRAIGHT",
    "RewardSet",
    "Variant",
    "arena",
    "arena_classic",
    "arena_energy",
    "attacks",
    "cue_recall",
    "game_of_map",
    "hide_and_seek",
    "moves",
    "navigation",
    "pursuit",
    "rotations",
    "steps",
    "t_maze",
    "two_switch",
]
