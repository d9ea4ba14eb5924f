"""The one table of map characters: which character draws which object, and what older maps wrote instead.

Immutable data, shared by every thread. Characters are plain ASCII, one column wide in every terminal.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

EMPTY: Final = "empty"
WALL: Final = "wall"
AGENT: Final = "agent"
TEAM_PREFIX: Final = "agent.team_"
"""`agent.team_1` is a spawn cell of group 0: people count teams from one, the engine groups from zero."""
SPAWN_PREFIX: Final = "agent."
"""`agent.prey` is a spawn cell of the first group whose role is prey."""

CHARACTERS: Final = MappingProxyType(
    {
        EMPTY: ".",
        WALL: "#",
        AGENT: "@",
        "agent.team_1": "1",
        "agent.team_2": "2",
        "agent.team_3": "3",
        "agent.team_4": "4",
        "agent.prey": "p",
        "agent.predator": "P",
        "altar": "_",
        "mine": "m",
        "mine_red": "r",
        "mine_blue": "b",
        "mine_green": "g",
        "generator": "n",
        "generator_red": "R",
        "generator_blue": "B",
        "generator_green": "G",
        "converter": "c",
        "chest": "C",
        "block": "s",
        "armory": "o",
        "lasery": "S",
        "lab": "L",
        "factory": "F",
        "temple": "T",
        "goal": "*",
        "trap": "^",
        "switch": "&",
        "cue_left": "<",
        "cue_right": ">",
        "cue_red": "[",
        "cue_blue": "]",
        "door_red": "(",
        "door_blue": ")",
        "trap_red": "{",
        "trap_blue": "}",
    }
)
"""Object name -> the character we write. One character for each name, so that every map reads back as it was."""

ALIASES: Final = MappingProxyType({" ": EMPTY, "W": WALL, "A": AGENT, "a": "altar"})
"""Characters that we read but never write."""

OBJECTS: Final = MappingProxyType({character: name for name, character in CHARACTERS.items()} | ALIASES)
"""Character, aliases included, -> object name."""


def character_of(name: str) -> str | None:
    """The character of an object, or None for a kind that the map format cannot write."""
    return CHARACTERS.get(name)


def is_spawn(name: str) -> bool:
    """Whether an agent may start on this cell."""
    return name == AGENT or name.startswith(SPAWN_PREFIX)


def is_passable(name: str) -> bool:
    """Whether an agent may stand on this cell: every other object blocks."""
    return name == EMPTY or is_spawn(name)
