"""Cells of the map that are more than a character: emoji, and sprites of half blocks. Pure; any thread.

Both draw what `Inks` would: a code is all they need. The grid view asks for each code once and keeps the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from engine.maps.sprites import (
    BEYOND,
    FLOORS,
    SIDE,
    SMALL_SIDE,
    UNKNOWN_FACING,
    Rgb,
    Tile,
    agent_tile,
    cell_tile,
    marked,
    mixed,
    put_together,
    rgb_of,
)
from tui.glyphs import MARK_INK

from .picture import (
    DARK,
    FIRST_AGENT,
    FOG,
    FROZEN,
    NOT_READY,
    SEEN,
    SELECTED,
    SHIELDED,
    USED_UP,
    Inks,
    agent_of,
    is_floor,
    kind_of,
    mark_of,
    tint_ground,
    tint_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .picture import Codes

CELL_COLUMNS, CELL_LINES = 4, 2
"""Characters and lines of a cell, in small half blocks and in pixels alike."""

_HALF = "▀"


class EmojiArt:
    """Emoji in two columns, and letters where there is none."""

    columns, rows = 2, 1

    def __init__(self, inks: Inks) -> None:
        self._inks = inks

    def lines(self, code: int) -> tuple[tuple[Segment, ...], ...]:
        """One line of two columns."""
        text, style = self._inks(code)
        return ((Segment(self._inks.look(code).emoji or text[:2], style),),)


class SpriteArt:
    """Sprites in half blocks, two pixels in each character."""

    def __init__(self, sheet: SpriteSheet) -> None:
        self._sheet = sheet
        self.columns, self.rows = sheet.side, sheet.side // 2

    def lines(self, code: int) -> tuple[tuple[Segment, ...], ...]:
        """Lines of `columns` columns each."""
        tile = self._sheet.tile(code).tolist()
        return tuple(_half_blocks(tile[at], tile[at + 1]) for at in range(0, len(tile), 2))


class SpriteSheet:
    """The tile of each code of one game, on a dark or a light ground; `side` is 8 pixels or 4."""

    def __init__(self, inks: Inks, *, shows_facing: bool, side: int = SIDE) -> None:
        assert side in (SIDE, SMALL_SIDE)
        self._names, self.dark, self._shows_facing = inks.spec.cell_names, inks.dark, shows_facing
        self.side = side

    def tile(self, code: int) -> Tile:
        """(side, side, 3)"""
        if code & DARK:
            return cell_tile("outside", dark=self.dark, side=self.side)
        tile = self._thing(code)
        tint = tint_of(code)
        if tint:
            tile = _on_ground(tile, rgb_of(tint_ground(tint, self.dark)), self.dark)
        elif code & SEEN:
            tile = _on_ground(tile, _brighter(FLOORS[self.dark], self.dark), self.dark)
        if is_floor(code) and mark_of(code):
            tile = marked(tile, mark_of(code) - 1, rgb_of(MARK_INK.on(dark=self.dark)), side=self.side)
        return mixed(tile, BEYOND[self.dark], 0.6) if code & FOG else tile

    def _thing(self, code: int) -> Tile:
        agent = agent_of(code)
        if agent is None:
            name = self._names[kind_of(code)]
            ready, used_up = not code & NOT_READY, bool(code & USED_UP)
            return cell_tile(name, ready=ready, used_up=used_up, dark=self.dark, side=self.side)
        group, facing = agent
        return agent_tile(
            group,
            facing if self._shows_facing else UNKNOWN_FACING,
            selected=bool((code & 0xFF) & SELECTED and code & FIRST_AGENT),
            frozen=bool(code & FROZEN),
            shield=bool(code & SHIELDED),
            dark=self.dark,
            side=self.side,
        )


def view_picture(sheet: SpriteSheet, codes: Codes, at: tuple[int, int], size: tuple[int, int]) -> NDArray[np.uint8]:
    """A whole view as pixels, for terminals that have them; each cell is four characters wide and two lines high.

    Args:
        sheet: of tiles of 8 pixels.
        codes: (rows, columns) of the cells in sight.
        at: the character and the line of the view where the first of them begins.
        size: characters and lines of the view.
    """
    columns, lines = size
    across, down = sheet.side // CELL_COLUMNS, sheet.side // CELL_LINES
    canvas = np.empty((lines * down, columns * across, 3), np.uint8)
    canvas[:] = cell_tile("outside", dark=sheet.dark)[0, 0]
    looks, places = np.unique(codes, return_inverse=True)
    cells = put_together([sheet.tile(code) for code in looks.tolist()], places.reshape(codes.shape))
    top, left = at[1] * down, at[0] * across
    height, width = canvas[top : top + len(cells), left : left + cells.shape[1]].shape[:2]
    canvas[top : top + height, left : left + width] = cells[:height, :width]
    return canvas


def _on_ground(tile: Tile, ground: Rgb, dark: bool) -> Tile:
    """A tile with another floor."""
    is_floor = (tile == np.asarray(FLOORS[dark], np.uint8)).all(axis=2, keepdims=True)
    return np.where(is_floor, np.asarray(ground, np.uint8), tile)


def _brighter(colour: Rgb, dark: bool) -> Rgb:
    red, green, blue = (part + (14 if dark else -18) for part in colour)
    return red, green, blue


def _half_blocks(top: list[list[int]], bottom: list[list[int]]) -> tuple[Segment, ...]:
    """Two rows of pixels as one line; neighbours that are alike are one segment."""
    segments: list[Segment] = []
    run, last = 0, ((-1, -1, -1), (-1, -1, -1))
    for upper, lower in [*zip(map(tuple, top), map(tuple, bottom), strict=True), (None, None)]:
        if (upper, lower) != last:
            if run:
                segments.append(_half_block(last, run))
            run = 0
        last, run = (upper, lower), run + 1  # type: ignore[assignment]  # the pair of None ends the line and is not drawn
    return tuple(segments)


def _half_block(pair: tuple[tuple[int, ...], tuple[int, ...]], count: int) -> Segment:
    upper, lower = (Color.from_rgb(*colour) for colour in pair)
    if upper == lower:
        return Segment(" " * count, Style.from_color(bgcolor=lower))
    return Segment(_HALF * count, Style.from_color(upper, lower))
