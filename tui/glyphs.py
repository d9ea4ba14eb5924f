"""What stands on the screen for each thing on the map, and in which colour.

Three sets of characters: `ascii`, with NetHack's letters where it has them; `box`, whose walls join; and `emoji`,
two columns wide, which falls back letter by letter where a width cannot be trusted. Colours come by name, from a
table with an entry for dark and light grounds and for terminals of sixteen colours; weight and letter say the same
without colour. Pure data and functions, any thread.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from rich.cells import cell_len

from engine.maps.characters import CHARACTERS

from .themes import GroupColour, group_colour

AGENT_GLYPH = "@"
UNKNOWN_GLYPH = "?"
OWN: Mapping[str, str] = MappingProxyType({})
"""The user's own characters by kind, and by `agent`: none."""

# Characters by facing: N S W E NW NE SW SE, and "not known".
FACING_GLYPHS = ("^", "v", "<", ">", "`", "'", ",", ";", " ")
_TRIANGLES = ("▲", "▼", "◄", "►", "◤", "◥", "◣", "◢", "●")

# By which neighbours a wall joins, N 1, S 2, W 4, E 8. One that joins none stands alone, or in the middle of others.
_JOINED_WALLS = ("■", "│", "│", "│", "─", "┘", "┐", "┤", "─", "└", "┌", "├", "─", "┴", "┬", "┼")
_JOINS_EAST = 8

_BOX_CHARACTERS = {
    **CHARACTERS,
    "empty": "·",
    "altar": "π",
    "temple": "⌂",
    "goal": "★",
    "mine": "◊",
    "generator": "Ω",
    "converter": "⇄",
    "chest": "▣",
    "block": "▒",
    "armory": "◈",
    "lasery": "¬",
    "lab": "∆",
    "factory": "Ξ",
    "trap": "✕",
    "switch": "⊙",
    "cue_left": "◁",
    "cue_right": "▷",
}

# Each is one code point that is drawn in colour and two columns wide by itself: no variation selector, no joiner.
EMOJI: Mapping[str, str] = MappingProxyType(
    {
        "wall": "🧱",
        "altar": "🛐",
        "temple": "🏯",
        "goal": "🏁",
        "mine": "💎",
        "mine_red": "🍒",
        "mine_blue": "🐚",
        "mine_green": "🍏",
        "generator": "⚡",
        "generator_red": "🔥",
        "generator_blue": "💧",
        "generator_green": "🌵",
        "converter": "🔄",
        "chest": "🎁",
        "block": "📦",
        "armory": "🔰",
        "lasery": "🔫",
        "lab": "🔬",
        "factory": "🏭",
        "trap": "💣",
        "switch": "🔘",
        "cue_left": "👈",
        "cue_right": "👉",
        "cue_red": "🔴",
        "cue_blue": "🔵",
        "door_red": "📕",
        "door_blue": "📘",
        "trap_red": "🧨",
        "trap_blue": "🌀",
    }
)
EMOJI_AGENTS = ("🦊", "🐳", "🐸", "🐤", "🐬", "🦀", "🐙", "🐭")
"""By group, in the colours of the groups."""
EMOJI_FROZEN = "🥶"
EMOJI_SHIELD = "🐢"


@dataclass(frozen=True)
class GlyphTheme:
    """A set of characters."""

    name: str
    kinds: Mapping[str, str]
    """By kind; what is missing gets a letter of its own."""
    agent: str
    facing: tuple[str, ...] = FACING_GLYPHS
    """By facing and last, not known: beside an agent in wide cells, in place of the selected one in narrow ones."""
    is_turned: bool = False
    """Whether these stand for every agent, in wide cells too."""
    frozen: str = "%"
    shield: str = "O"
    walls: tuple[str, ...] = ()
    """By the neighbours that a wall joins; none: walls do not join."""
    arrows: tuple[str, ...] = FACING_GLYPHS[:8]
    dot: str = "="
    trace: str = ":"
    emoji: Mapping[str, str] = field(default_factory=dict)
    """Two columns each, by kind; those that may be shown."""
    emoji_agents: tuple[str, ...] = ()
    """By group; none, or one for each."""


ASCII = GlyphTheme("ascii", CHARACTERS, AGENT_GLYPH)
BOX = GlyphTheme(
    "box",
    MappingProxyType(_BOX_CHARACTERS),
    AGENT_GLYPH,
    facing=_TRIANGLES,
    is_turned=True,
    frozen="✻",
    shield="◎",
    walls=_JOINED_WALLS,
    arrows=("↑", "↓", "←", "→", "↖", "↗", "↙", "↘"),
    dot="•",
    trace="∘",
)


def glyph_theme(name: str, environ: Mapping[str, str], encoding: str) -> GlyphTheme:
    """The characters that were asked for, or those nearest to them that the terminal can show.

    `encoding` is that of the terminal. `sprites` are pictures; where letters stand for them, those of `box` do.
    """
    if name == "ascii" or not encoding.lower().replace("-", "").startswith("utf"):
        return ASCII
    if name == "emoji" and environ.get("TERM", "") not in _WITHOUT_EMOJI:
        return emoji_theme()
    return BOX


_WITHOUT_EMOJI = frozenset(("", "dumb", "linux", "ansi", "vt100", "vt220", "cons25"))
"""Consoles whose font has a few hundred characters. They have the frames of `box`."""


def emoji_theme() -> GlyphTheme:
    """The emoji whose width is known to be two, each for itself; agents all or none, lest two groups look alike."""
    agents = EMOJI_AGENTS if all(is_sound_emoji(each) for each in EMOJI_AGENTS) else ()
    sound = {name: each for name, each in EMOJI.items() if is_sound_emoji(each)}
    return GlyphTheme("emoji", CHARACTERS, AGENT_GLYPH, emoji=MappingProxyType(sound), emoji_agents=agents)


def is_sound_emoji(text: str) -> bool:
    """Whether it takes two columns by the table that the screen is laid out with, and no terminal can split it."""
    return len(text) == 1 and cell_len(text) == 2


def kind_characters(theme: GlyphTheme, kinds: Iterable[str], own: Mapping[str, str] = OWN) -> dict[str, str]:
    """A character for each kind of a game: the user's own, the theme's, or else a letter that nothing else has."""
    names = list(kinds)
    chosen = {name: own.get(name) or theme.kinds.get(name, "") for name in names}
    taken = {*chosen.values(), *_NOT_FOR_KINDS}
    for name in names:
        if not chosen[name]:
            letters = (*name, *name.upper(), *string.ascii_letters)
            chosen[name] = next((each for each in letters if _is_letter(each) and each not in taken), UNKNOWN_GLYPH)
            taken.add(chosen[name])
    return chosen


_NOT_FOR_KINDS = frozenset((AGENT_GLYPH, "v", "O"))
"""Letters that agents and arrows are drawn with."""


def _is_letter(character: str) -> bool:
    return character in string.ascii_letters


WALL_INK = GroupColour("slate", "#76828F", "#8A939C", "white")
FLOOR_INK = GroupColour("shadow", "#333B44", "#CFD2D0", "bright_black")
MARK_INK = GroupColour("ink", "#D6DBE1", "#23282E", "bright_white")
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


def kind_ink(name: str) -> GroupColour:
    """The colour of a kind: its own, or the one in its name, as in `mine_red`."""
    return _KIND_INKS.get(name) or _COLOUR_INKS.get(name.rpartition("_")[2], _PLAIN_INK)


@dataclass(frozen=True)
class Look:
    """How one cell is drawn.

    `text` is what fills two columns and, as a third character, what fills one, if that is not the first of the two.
    """

    text: str
    colour: GroupColour
    bold: bool = False
    dim: bool = False
    struck: bool = False
    underlined: bool = False
    reverse: bool = False
    emoji: str = ""
    """What fills two columns where emoji are shown; empty: the text does."""


@dataclass(frozen=True)
class CellLooks:
    """How the cells of one game look in one set of characters."""

    theme: GlyphTheme
    characters: Mapping[str, str]
    own: Mapping[str, str]

    def cell(self, name: str, *, ready: bool = True, used_up: bool = False, joins: int = 0) -> Look:
        """A cell without an agent. What cannot be used just now is dim, and struck out if it never can be again."""
        if name == "outside":
            return Look("  ", FLOOR_INK)
        if name == "empty":
            return Look(f"{self.own.get(name) or self.theme.kinds['empty']} ", FLOOR_INK)
        emoji = "" if name in self.own else self.theme.emoji.get(name, "")
        if name == "wall":
            return Look(self._wall(joins), WALL_INK, dim=not ready, emoji=emoji)
        character = self.characters.get(name, UNKNOWN_GLYPH)
        second = character if character == "▒" else " "
        return Look(character + second, kind_ink(name), bold=ready, dim=not ready, struck=used_up, emoji=emoji)

    def _wall(self, joins: int) -> str:
        character = self.characters.get("wall", UNKNOWN_GLYPH)
        if "wall" in self.own or not self.theme.walls:
            return character * 2
        return self.theme.walls[joins] + ("─" if joins & _JOINS_EAST else " ")

    def agent(
        self,
        group: int,
        facing: int,
        *,
        shows_facing: bool,
        shows_group: bool = False,
        selected: bool = False,
        frozen: bool = False,
        shield: bool = False,
    ) -> Look:
        """An agent in its group's colour, and where its facing matters with a sign for that; one that cannot act, or
        whose shield is up, has a sign of its own. With `shows_group` its letter is the number of its group.
        """
        digit = str(group % 10)
        turned = self.theme.facing[facing] if shows_facing else " "
        first = digit if shows_group else self.own.get("agent") or self.theme.agent
        second, alone = turned, ""
        if self.theme.is_turned and shows_facing and "agent" not in self.own:
            first, second = turned, digit if shows_group else " "
            alone = digit if shows_group and not selected else ""
        elif selected and shows_facing and turned != " ":
            alone = turned
        if frozen or shield:
            first, alone = self.theme.frozen if frozen else self.theme.shield, ""
            second = digit if shows_group else turned if shows_facing else " "
        return Look(
            first + second + alone,
            group_colour(group),
            bold=not frozen,
            underlined=frozen or shield,
            reverse=selected,
            emoji=self._emoji_agent(group, frozen, shield),
        )

    def _emoji_agent(self, group: int, frozen: bool, shield: bool) -> str:
        if not self.theme.emoji_agents or "agent" in self.own:
            return ""
        if frozen or shield:
            state = EMOJI_FROZEN if frozen else EMOJI_SHIELD
            return state if is_sound_emoji(state) else ""
        return self.theme.emoji_agents[group % len(self.theme.emoji_agents)]


def cell_looks(theme: GlyphTheme, kinds: Iterable[str], own: Mapping[str, str] = OWN) -> CellLooks:
    """The looks of a game with these kinds; the user's own characters win over the theme's."""
    return CellLooks(theme, MappingProxyType(kind_characters(theme, kinds, own)), own)
