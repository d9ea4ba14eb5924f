"""The maps that ship are without fault, and the engine takes them."""

from __future__ import annotations

from collections import Counter

import pytest

from engine.maps import cells_for, lint, load_map, parse_ascii, stock_names
from engine.sim import World, games


@pytest.mark.parametrize("name", stock_names())
def test_stock_map_has_no_problems(name: str) -> None:
    assert lint(load_map(name), games.game_of_map(name)()) == []


@pytest.mark.parametrize("name", stock_names())
def test_stock_map_compiles(name: str) -> None:
    rules = games.game_of_map(name)()
    grid_map = load_map(name)

    world = World(rules, cells_for(grid_map, rules))

    assert (world.width, world.height) == (grid_map.width, grid_map.height)


@pytest.mark.parametrize("name", stock_names())
def test_stock_map_is_written_as_it_was_read(name: str) -> None:
    grid_map = load_map(name)

    assert parse_ascii(grid_map.to_text(), name) == grid_map


@pytest.mark.parametrize("game", games.GAMES)
def test_every_game_has_a_stock_map(game: str) -> None:
    drawn_for = {games.game_of_map(name)().name for name in stock_names()}

    # The easy variant is the basic one with smaller recipes: it is played on the same maps.
    assert game.removesuffix("_easy") in drawn_for


def test_stock_maps_keep_their_sizes() -> None:
    sizes = {name: load_map(name).size for name in stock_names()}

    assert sizes["navigation_walls9"] == "9x9"
    assert sizes["arena_basic"] == "25x25"
    assert sizes["arena_classic"] == sizes["arena_energy"] == "25x25"


OBJECTS = {
    "arena_classic": {"mine_red": 10, "generator_red": 5, "altar": 5, "block": 20},
    "arena_classic_poor": {"mine_red": 3, "generator_red": 2, "altar": 5, "block": 20},
    "arena_classic_combat": {"mine_red": 10, "generator_red": 5, "altar": 5, "lasery": 1, "armory": 1},
    "arena_energy": {"altar": 1, "converter": 3, "generator": 15, "agent": 5},
}


@pytest.mark.parametrize("name", OBJECTS)
def test_arenas_of_old_hold_what_they_held(name: str) -> None:
    counts = Counter(cell for row in load_map(name).rows for cell in row)

    assert OBJECTS[name] == {kind: counts[kind] for kind in OBJECTS[name]}
    border = 4 * 25 - 4
    assert counts["wall"] - border == (10 if name == "arena_energy" else 20)
