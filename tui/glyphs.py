"""What stands on the screen for each thing on the map, and in which colour.

ASCII, one column each, NetHack's letters where it has them. Colours come by name, from a table with an
entry for dark and light grounds and for terminals of sixteen colours; weight and letter say the same
without colour. Pure data and functions, any thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from engine.maps.characters import CHARACTERS

from .themes import GroupColour, group_colour

AGENT_GLYPH = "@"
UNKNOWN_GLYPH = "?"
OWN: Mapping[str, str] = MappingProxyType({})
"""The user's own characters by kind, and by `agent`: none."""

# Shown in the second column of a wide cell, by facing: N S W E NW NE SW SE, and "not known".
FACING_GLYPHS = ("^", "v", "<", ">", "`", "'", ",", ".", " ")


@dataclass(frozen=True)
class Look:
    """How one cell is drawn: its character, what fills the second column of a wide cell, and its ink."""

    character: str
    second: str
    colour: GroupColour
    bold: bool = False
    dim: bool = False


WALL_INK = GroupColour("slate", "#76828F", "#8A939C", "white")
FLOOR_INK = GroupColour("shadow", "#333B44", "#CFD2D0", "bright_black")
_GOLD = GroupColour("gold", "#F2C14E", "#8A5B00", "bright_yellow")
_CLAY = GroupColour("clay", "#C08A5A", "#8C5523", "yellow")
_VIOLET = GroupColour("violet", "#A99BE8", "#5B46B0", "bright_magenta")
_RED = GroupColour("red", "#E57368", "#B3261E", "bright_red")
_BLUE = GroupColour("blue", "#6FA8F5", "#1F5FB8", "bright_blue")
_GREEN = GroupColour("green", "#6CBF7B", "#1E7A38", "bright_green")
_STEEL = GroupColour("steel", "#8FB3C9", "#3F6B85", "cyan")

# By what a thing is for: gold is worth having, clay and violet lead there, red is to be feared; colours in names count.
_KIND_INKS = {
    "wall": WALL_INK,
    "block": _STEEL,
    "goal": _GOLD,
    "altar": _GOLD,
    "temple": _GOLD,
    "switch": _GOLD,
    "chest": _CLAY,
    "mine": _CLAY,
    "generator": _VIOLET,
    "converter": _VIOLET,
    "lab": _VIOLET,
    "factory": _VIOLET,
    "armory": _STEEL,
    "lasery": _RED,
    "trap": _RED,
    "cue_left": _BLUE,
    "cue_right": _BLUE,
}
_COLOUR_INKS = {"red": _RED, "blue": _BLUE, "green": _GREEN}
_PLAIN_INK = GroupColour("plain", "#D6DBE1", "#23282E", "bright_white")


def cell_look(name: str, *, ready: bool = True, own: Mapping[str, str] = OWN) -> Look:
    """A cell without an agent, in the user's own character if there is one. What cannot be used just now is dim."""
    if name == "outside":
        return Look(" ", " ", FLOOR_INK)
    if name == "empty":
        return Look(own.get(name, CHARACTERS["empty"]), " ", FLOOR_INK)
    character = own.get(name) or CHARACTERS.get(name, UNKNOWN_GLYPH)
    second = character if name == "wall" else " "
    return Look(character, second, kind_ink(name), bold=name != "wall" and ready, dim=not ready)


def kind_ink(name: str) -> GroupColour:
    """The colour of a kind: its own, or the one in its name, as in `mine_red`."""
    return _KIND_INKS.get(name) or _COLOUR_INKS.get(name.rpartition("_")[2], _PLAIN_INK)


def agent_look(group: int, facing: int, *, shows_facing: bool, own: Mapping[str, str] = OWN) -> Look:
    """An agent in its group's colour; a wide cell says where it faces, in games where that matters."""
    second = FACING_GLYPHS[facing] if shows_facing else " "
    return Look(own.get("agent", AGENT_GLYPH), second, group_colour(group), bold=True)
