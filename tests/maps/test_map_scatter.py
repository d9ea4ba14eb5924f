"""Scattered maps: the same things elsewhere, the same map for the same seed, refused where there is no room."""

from __future__ import annotations

from collections import Counter
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import MapError
from engine.maps import GridMap, lint, load_map, parse_ascii, scattered
from engine.sim import games

DRAWING = """
    #######
    #@.m..#
    #..#..#
    #n..._#
    #######
    """


PINNED = "#######\n#..#.@#\n#m....#\n#_..n.#\n#######\n"


def drawn(text: str) -> GridMap:
    return parse_ascii(dedent(text).strip("\n"), "drawn")


def anything(grid_map: GridMap) -> bool:
    return True


def contents(grid_map: GridMap) -> Counter[str]:
    return Counter(name for row in grid_map.rows for name in row)


def border(grid_map: GridMap) -> list[str]:
    rows = grid_map.rows
    return [*rows[0], *rows[-1], *(row[0] for row in rows), *(row[-1] for row in rows)]


@given(st.integers(0, 2**64 - 1))
def test_what_is_within_stays_and_so_does_the_border(seed: int) -> None:
    source = drawn(DRAWING)
    made = scattered(source, seed, anything)

    assert contents(made) == contents(source)
    assert border(made) == border(source)
    assert made.name == f"drawn-{seed}"


def test_a_seed_always_gives_the_same_map() -> None:
    # Drawn once with numpy's Philox, whose raw stream is promised to stay.
    assert scattered(drawn(DRAWING), 7, anything).to_text() == PINNED


def test_other_seeds_give_other_maps() -> None:
    assert len({scattered(drawn(DRAWING), seed, anything).to_text() for seed in range(20)}) > 15


@pytest.mark.parametrize("seed", range(5))
def test_the_first_draw_that_fits_is_taken(seed: int) -> None:
    rules = games.arena()
    made = scattered(load_map("arena_basic"), seed, lambda grid_map: not lint(grid_map, rules))

    assert lint(made, rules) == []


def test_a_map_without_room_is_refused_in_words() -> None:
    with pytest.raises(MapError) as refused:
        scattered(drawn("####\n#@*#\n####"), 1, lambda grid_map: False)

    assert refused.value.message == "drawn cannot be scattered: not everything could be reached in 1000 draws"
    assert refused.value.hint == "2 of its 2 cells are taken; take one with more room"
