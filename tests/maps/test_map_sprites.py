"""Sprites: every drawing is whole, every thing has one, and a picture of an env shows each cell in its place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.maps import CHARACTERS
from engine.maps.characters import SPAWN_PREFIX
from engine.maps.colours import GROUP_COLOURS
from engine.maps.sprite_art import DRAWINGS, FROZEN, PAINTS, SELECTED, SHIELD
from engine.maps.sprites import (
    FLOORS,
    SIDE,
    SMALL_SIDE,
    agent_tile,
    cell_tile,
    marked,
    picture_of,
    put_together,
    rgb_of,
)
from engine.sim import AGENT, CELL_SPAWN_ANY, DIRECTIONS, EMPTY, FIRST_KIND, Batch, World, games

SIDES = [SIDE, SMALL_SIDE]
NORTH, SOUTH, WEST, EAST = range(4)


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_square_and_its_paints_are_known(name: str) -> None:
    for side, rows in zip(SIDES, DRAWINGS[name], strict=True):
        assert len(rows) == side
        assert {len(row) for row in rows} == {side}
        assert set("".join(rows)) <= {*PAINTS, *".,123"}


@pytest.mark.parametrize("overlay", [SELECTED, SHIELD, FROZEN])
def test_an_overlay_is_square_and_its_paints_are_known(overlay: tuple[str, str]) -> None:
    for side, drawn in zip(SIDES, overlay, strict=True):
        assert [len(row) for row in drawn.split("/")] == [side] * side
        assert set(drawn) <= {*PAINTS, "./"[0], "/"}


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("side", SIDES)
def test_every_kind_of_the_map_format_has_a_sprite_of_its_own(side: int, dark: bool) -> None:
    names = [name for name in CHARACTERS if name != "agent" and not name.startswith(SPAWN_PREFIX)]
    tiles = {cell_tile(name, side=side, dark=dark).tobytes() for name in names}

    assert len(tiles) == len(names)
    assert cell_tile("no such kind", side=side, dark=dark).tobytes() not in tiles


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("side", SIDES)
def test_agents_differ_by_group_by_facing_and_by_state(side: int, dark: bool) -> None:
    how = {"side": side, "dark": dark}
    tiles = [agent_tile(group, facing, **how) for group in range(8) for facing in range(9)]
    tiles += [agent_tile(0, EAST, **{flag: True}, **how) for flag in ("selected", "frozen", "shield")]

    assert len({tile.tobytes() for tile in tiles}) == len(tiles)


@pytest.mark.parametrize("side", SIDES)
def test_west_is_east_in_a_mirror(side: int) -> None:
    for one, other in (("west", "east"), ("northwest", "northeast"), ("southwest", "southeast")):
        left, right = (agent_tile(0, DIRECTIONS.index(way), side=side) for way in (one, other))
        # The speck of the floor is not mirrored.
        assert ((left[:, ::-1] == right).all(axis=2)).mean() > 0.85


@pytest.mark.parametrize("side", SIDES)
def test_arrows_point_where_they_say(side: int) -> None:
    def weight(mark: int) -> tuple[float, float]:
        drawn = (marked(np.zeros((side, side, 3), np.uint8), mark, (255, 255, 255), side=side) > 0).any(axis=2)
        rows, columns = drawn.nonzero()
        return float(rows.mean()) - (side - 1) / 2, float(columns.mean()) - (side - 1) / 2

    for mark, way in enumerate(DIRECTIONS):
        down, right = weight(mark)
        assert ("north" in way) == (down < 0), way
        assert ("south" in way) == (down > 0), way
        assert ("west" in way) == (right < 0), way
        assert ("east" in way) == (right > 0), way


def test_an_agent_wears_the_colour_of_its_group() -> None:
    for group, (_, dark, light) in enumerate(GROUP_COLOURS):
        for ground, colour in ((True, dark), (False, light)):
            body = (agent_tile(group, SOUTH, dark=ground) == rgb_of(colour)).all(axis=2)
            assert body.sum() > 12


def test_what_cannot_be_used_is_nearer_to_the_floor() -> None:
    def distance(tile: np.ndarray) -> float:
        return float(np.abs(tile.astype(int) - FLOORS[True]).mean())

    ready, cooling = cell_tile("mine"), cell_tile("mine", ready=False)
    used_up = cell_tile("mine", ready=False, used_up=True)

    assert distance(ready) > distance(cooling) > distance(used_up)


def test_tiles_are_shared_and_cannot_be_written_to() -> None:
    assert cell_tile("mine") is cell_tile("mine")
    with pytest.raises(ValueError, match="read-only"):
        cell_tile("mine")[0, 0] = 0
    with pytest.raises(ValueError, match="read-only"):
        agent_tile(0)[0, 0] = 0


def test_tiles_are_put_together_row_by_row() -> None:
    tiles = [np.full((4, 4, 3), value, np.uint8) for value in (10, 20, 30)]
    places = np.array([[0, 1, 2], [2, 0, 1]])

    picture = put_together(tiles, places)

    assert picture.shape == (8, 12, 3)
    for row, column in np.ndindex(2, 3):
        corner = picture[row * 4 : row * 4 + 4, column * 4 : column * 4 + 4]
        assert np.array_equal(corner, tiles[places[row, column]])


@pytest.mark.parametrize("side", SIDES)
def test_a_picture_shows_each_cell_and_each_agent_in_its_place(side: int) -> None:
    rules = games.arena(agents=2, groups=2)
    sim = Batch(World(rules, np.full((1, 2), CELL_SPAWN_ANY, np.uint8)), seed=0)
    sim.reset(0)
    view = sim.look()
    cells = np.array([[FIRST_KIND, EMPTY, AGENT], [AGENT, FIRST_KIND + 1, FIRST_KIND + 2]], np.uint8)
    ready = np.array([[0, 0, 0], [0, 2, 3]], np.uint8)
    one, other = (
        replace(agent, row=row, column=column, facing=facing, frozen=frozen, shield=False)
        for agent, row, column, facing, frozen in zip(view.agents, (0, 1), (2, 0), (WEST, NORTH), (0, 5), strict=True)
    )
    view = replace(view, cells=cells, ready=ready, agents=(one, other))

    picture = picture_of(view, sim.spec.cell_names, selected=1, side=side)

    names = sim.spec.cell_names
    expected = [
        [cell_tile(names[FIRST_KIND], side=side), cell_tile("empty", side=side), agent_tile(0, WEST, side=side)],
        [
            agent_tile(1, NORTH, selected=True, frozen=True, side=side),
            cell_tile(names[FIRST_KIND + 1], ready=False, side=side),
            cell_tile(names[FIRST_KIND + 2], ready=False, used_up=True, side=side),
        ],
    ]
    assert np.array_equal(picture, np.concatenate([np.concatenate(row, axis=1) for row in expected]))
