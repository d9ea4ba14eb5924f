"""How a game is drawn with the settings of a person in a terminal: inks, and art where cells are more than letters.

Pure; UI thread. A pane keeps one MapLooks for as long as what it was made of stays the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.maps.sprites import SIDE, SMALL_SIDE
from engine.sim import Rules, Spec
from tui.glyphs import OWN, glyph_theme

from .art import EmojiArt, SpriteArt, SpriteSheet
from .picture import Inks, WallJoins, facing_matters


@dataclass(frozen=True)
class MapLooks:
    """All that is needed to draw one game."""

    inks: Inks
    art: EmojiArt | SpriteArt | None
    """What cells are drawn with, where letters do not do."""
    legend_art: EmojiArt | SpriteArt | None
    """The same for the legend, whose signs are small."""
    sheet: SpriteSheet | None
    """Sprites of 8 pixels, where sprites are wanted: for a terminal that has pixels."""
    joins: WallJoins | None
    """For the codes, where walls join."""


@dataclass(frozen=True)
class Terminal:
    """What a picture must do with."""

    environ: Mapping[str, str]
    encoding: str
    dark: bool
    """Whether its ground is dark in the present theme."""
    ansi: bool
    """Whether the theme keeps to the terminal's own colours."""
    no_color: bool
    """Whether the user wants no colours at all."""
    seen_ground: str = ""
    """The colour below what the selected agent observes."""


def map_looks(
    rules: Rules,
    spec: Spec,
    terminal: Terminal,
    *,
    theme: str = "ascii",
    palette: str = "auto",
    own: Mapping[str, str] = OWN,
    large: bool = False,
) -> MapLooks:
    """The looks of a game.

    Args:
        theme, palette: `glyph_theme` and `palette` of the settings.
        own: the user's characters by kind.
        large: whether sprites are eight columns wide and not four.
    """
    glyphs = glyph_theme(theme, terminal.environ, terminal.encoding)
    mono = palette == "mono" or (palette == "auto" and terminal.no_color)
    inks = Inks(
        rules,
        spec,
        dark=terminal.dark,
        ansi=terminal.ansi or palette == "sixteen",
        mono=mono,
        seen_ground=terminal.seen_ground,
        own=own,
        theme=glyphs,
    )
    joins = WallJoins() if glyphs.walls else None
    if glyphs.emoji:
        emoji = EmojiArt(inks)
        return MapLooks(inks, emoji, emoji, None, joins)
    if theme != "sprites" or glyphs.name == "ascii" or inks.is_flat:  # no half blocks, or not the colours for them
        return MapLooks(inks, None, None, None, joins)
    faces = facing_matters(rules)
    sheet, small = (SpriteSheet(inks, shows_facing=faces, side=side) for side in (SIDE, SMALL_SIDE))
    few = SpriteArt(small)
    return MapLooks(inks, SpriteArt(sheet) if large else few, few, sheet, joins)
