"""The maps that ship are without fault, and the engine takes them."""

from __future__ import annotations

import pytest

from engine.maps import cells_for, lint, load_map, stock_names
from engine.sim import World, games


@pytest.mark.parametrize("name", stock_names())
def test_stock_map_has_no_problems(name: str) -> None:
    rules = games.GAMES[name.split("_")[0]]()

    assert lint(load_map(name), rules) == []


@pytest.mark.parametrize("name", stock_names())
def test_stock_map_compiles(name: str) -> None:
    rules = games.GAMES[name.split("_")[0]]()
    grid_map = load_map(name)

    world = World(rules, cells_for(grid_map, rules))

    assert (world.width, world.height) == (grid_map.width, grid_map.height)


def test_stock_maps_keep_their_sizes() -> None:
    sizes = {name: load_map(name).size for name in stock_names()}

    assert sizes["navigation_walls9"] == "9x9"
    assert sizes["arena_basic"] == "25x25"
