"""Maps as pictures: a small sprite for each thing, and whole envs put together from them. Pure; any thread.

A tile is an array (side, side, 3) of uint8, red, green and blue; `side` is 8, or 4 for the small drawings.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from engine.sim import DIRECTIONS, EnvView

from .colours import GROUP_COLOURS
from .sprite_art import BASE_COLOURS, DRAWINGS, FROZEN, OWN_COLOURS, PAINTS, PLAIN, SELECTED, SHIELD

Rgb = tuple[int, int, int]
Tile = NDArray[np.uint8]

SIDE = 8
SMALL_SIDE = 4
UNKNOWN_FACING = 8
"""In place of a direction: which way an agent faces is not known, or does not matter."""

_ICE: Rgb = (0xC4, 0xEC, 0xFF)


def rgb_of(text: str) -> Rgb:
    """`#E69F00` as three bytes."""
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


FLOORS: dict[bool, Rgb] = {True: rgb_of("#171C22"), False: rgb_of("#F3F1E8")}
"""The floor by whether the ground is dark; what an agent does not see is drawn towards it."""
BEYOND: dict[bool, Rgb] = {True: rgb_of("#101317"), False: rgb_of("#FAFAF7")}
"""What lies outside the map, and what was never seen: the ground of the dark theme, and of the light one."""


def mixed(one: Tile, other: Tile | Rgb, share: float) -> Tile:
    """Two tiles, or a tile and a colour, in one: `share` of the other."""
    blend: NDArray[np.float32] = one.astype(np.float32) * (1 - share) + np.asarray(other, np.float32) * share
    return blend.round().astype(np.uint8)


@lru_cache(maxsize=1024)
def cell_tile(name: str, *, ready: bool = True, used_up: bool = False, dark: bool = True, side: int = SIDE) -> Tile:
    """A cell without an agent. What cannot be used just now is faint, and what never can be again is grey besides."""
    floor = _floor(dark, side)
    if name in ("outside", "empty"):
        return floor if name == "empty" else _shared(np.full_like(floor, BEYOND[dark]))
    tile = _painted(_drawing(name, side), floor, rgb_of(_own_colour(name)))
    if used_up:
        tile = np.repeat(tile.mean(axis=2, keepdims=True), 3, axis=2).round().astype(np.uint8)
    if not ready:
        tile = mixed(tile, floor, 0.75 if used_up else 0.55)
    return _shared(tile)


@lru_cache(maxsize=1024)
def agent_tile(
    group: int,
    facing: int = UNKNOWN_FACING,
    *,
    selected: bool = False,
    frozen: bool = False,
    shield: bool = False,
    dark: bool = True,
    side: int = SIDE,
) -> Tile:
    """An agent in its group's colour, with eyes and a light to where it faces: an index of DIRECTIONS."""
    colour = rgb_of(GROUP_COLOURS[group % len(GROUP_COLOURS)][1 if dark else 2])
    if frozen:
        red, green, blue = ((one + ice) // 2 for one, ice in zip(colour, _ICE, strict=True))
        colour = (red, green, blue)
    tile = _floor(dark, side)
    at = 0 if side == SIDE else 1
    if selected:
        tile = _painted(_mark_rows(SELECTED[at], dark), tile, colour)
    # What lights the way on a dark floor would be lost on a light one: there it is a shadow.
    tile = _painted(_agent_rows(facing, side), tile, colour, None if dark else _scaled(colour, 0.35))
    for is_so, overlay in ((frozen, FROZEN), (shield, SHIELD)):
        if is_so:
            tile = _painted(tuple(overlay[at].split("/")), tile, colour)
    return _shared(tile)


def marked(tile: Tile, mark: int, colour: Rgb, *, side: int = SIDE) -> Tile:
    """A tile with a mark laid over it: 0 to 7 an arrow by DIRECTIONS, 8 a dot, 9 a spot of a path."""
    return _painted(_arrow_rows(mark, side) if mark < 8 else _rows(("dot", "path")[mark - 8], side), tile, colour)


def put_together(tiles: Sequence[Tile], places: NDArray[np.integer]) -> NDArray[np.uint8]:
    """One picture (height * side, width * side, 3) from tiles and which of them lies where, (height, width)."""
    atlas = np.stack(tiles)
    (height, width), side = places.shape, atlas.shape[1]
    picture: NDArray[np.uint8] = atlas[places].transpose(0, 2, 1, 3, 4).reshape(height * side, width * side, 3)
    return picture


def picture_of(
    view: EnvView,
    cell_names: Sequence[str],
    *,
    selected: int | None = None,
    shows_facing: bool = True,
    dark: bool = True,
    side: int = SIDE,
) -> NDArray[np.uint8]:
    """An env as a picture (height * side, width * side, 3); `cell_names` are those of the game's spec."""
    cells, states = np.unique(view.cells + view.ready.astype(np.uint16) * 256, return_inverse=True)
    tiles = [_tile_of(int(code), cell_names, dark, side) for code in cells]
    places = states.reshape(view.cells.shape)
    for index, agent in enumerate(view.agents):
        places[agent.row, agent.column] = len(tiles)
        tiles.append(
            agent_tile(
                agent.group,
                agent.facing if shows_facing else UNKNOWN_FACING,
                selected=index == selected,
                frozen=agent.frozen > 0,
                shield=agent.shield,
                dark=dark,
                side=side,
            )
        )
    return put_together(tiles, places)


def _tile_of(code: int, cell_names: Sequence[str], dark: bool, side: int) -> Tile:
    """A cell by its kind and, in the byte above it, its code of the ready plane."""
    ready, kind = divmod(code, 256)
    return cell_tile(cell_names[kind], ready=ready < 2, used_up=ready == 3, dark=dark, side=side)


def _drawing(name: str, side: int) -> tuple[str, ...]:
    """The rows for a kind: its own, or those of what it is a colour of, or a question mark."""
    base = name if name in DRAWINGS else name.rpartition("_")[0]
    return DRAWINGS.get(base, DRAWINGS["unknown"])[0 if side == SIDE else 1]


def _own_colour(name: str) -> str:
    return OWN_COLOURS.get(name.rpartition("_")[2]) or BASE_COLOURS.get(name, PLAIN)


_MIRRORED = {"west": "east", "northwest": "northeast", "southwest": "southeast"}
_TURNS = {"north": 0, "west": 1, "south": 2, "east": 3, "northwest": 0, "southwest": 1, "southeast": 2, "northeast": 3}
"""By how many quarters, against the clock, an arrow is turned from the one that was drawn."""


def _rows(drawing: str, side: int) -> tuple[str, ...]:
    return DRAWINGS[drawing][0 if side == SIDE else 1]


def _agent_rows(facing: int, side: int) -> tuple[str, ...]:
    if facing >= len(DIRECTIONS):
        return _rows("agent", side)
    way = DIRECTIONS[facing]
    if way in _MIRRORED:
        return tuple(row[::-1] for row in _rows(f"agent {_MIRRORED[way]}", side))
    return _rows(f"agent {way}", side)


def _arrow_rows(direction: int, side: int) -> tuple[str, ...]:
    way = DIRECTIONS[direction]
    drawn = _rows("arrow northwest" if len(way) > len("north") else "arrow north", side)
    return tuple("".join(row) for row in np.rot90([list(row) for row in drawn], _TURNS[way]))


def _mark_rows(rows: str, dark: bool) -> tuple[str, ...]:
    """White corners, which a light floor would swallow, are black there."""
    return tuple((rows if dark else rows.replace("w", "k")).split("/"))


@lru_cache(maxsize=8)
def _floor(dark: bool, side: int) -> Tile:
    ground = np.zeros((side, side, 3), np.uint8) + np.asarray(FLOORS[dark], np.uint8)
    speck = mixed(ground, (255, 255, 255) if dark else (0, 0, 0), 0.12 if side == SIDE else 0.07)
    return _shared(np.where(_mask(_rows("empty", side), ","), speck, ground))


def _painted(rows: Sequence[str], ground: Tile, own: Rgb, light: Rgb | None = None) -> Tile:
    """A drawing over a ground, in a colour of its own where it says so."""
    shades = {"1": own, "2": _scaled(own, 0.55), "3": light or _scaled(own, 0.4, 153)}
    tile = ground.copy()
    for letter in {letter for row in rows for letter in row if letter not in ".,"}:
        tile[_mask(rows, letter)[..., 0]] = shades.get(letter) or rgb_of(PAINTS[letter])
    return tile


def _scaled(colour: Rgb, by: float, plus: int = 0) -> Rgb:
    red, green, blue = (int(part * by) + plus for part in colour)
    return red, green, blue


def _mask(rows: Sequence[str], letter: str) -> NDArray[np.bool_]:
    """(side, side, 1): where a drawing has a letter."""
    return np.array([[each == letter for each in row] for row in rows])[..., None]


def _shared(tile: Tile) -> Tile:
    """Tiles are shared, so nobody may write into one."""
    tile.flags.writeable = False
    return tile
