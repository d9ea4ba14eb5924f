"""The text format: what it reads, what it refuses and where, and that writing and reading agree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import MapError
from engine.maps import CHARACTERS, GridMap, parse_ascii


def grid_maps() -> st.SearchStrategy[GridMap]:
    names = st.sampled_from(sorted(CHARACTERS))
    sizes = st.tuples(st.integers(1, 12), st.integers(1, 12))
    return sizes.flatmap(
        lambda size: st.lists(st.lists(names, min_size=size[0], max_size=size[0]), min_size=size[1], max_size=size[1])
    ).map(lambda rows: GridMap("drawn", tuple(map(tuple, rows))))


def test_rows_become_object_names() -> None:
    grid_map = parse_ascii("#@1\n.*m\n", "room")

    assert grid_map.rows == (("wall", "agent", "agent.team_1"), ("empty", "goal", "mine"))
    assert (grid_map.name, grid_map.width, grid_map.height) == ("room", 3, 2)


def test_aliases_are_read_and_written_as_the_main_character() -> None:
    assert parse_ascii("WAa ", "old").to_text() == "#@_.\n"


def test_empty_lines_at_the_end_are_ignored() -> None:
    assert parse_ascii("#.\n.#\n\n\n", "room").height == 2


@given(grid_maps())
def test_reading_what_was_written_gives_the_same_map(grid_map: GridMap) -> None:
    assert parse_ascii(grid_map.to_text(), "drawn") == grid_map


@given(st.text(max_size=60))
def test_any_text_is_a_map_or_a_map_error_with_a_hint(text: str) -> None:
    refusal: MapError | None = None
    try:
        parse_ascii(text, "noise")
    except MapError as error:
        refusal = error

    if refusal is not None:
        assert refusal.hint
        assert refusal.message.startswith("noise")
        assert refusal.message.isascii()
        assert refusal.message.isprintable()


@pytest.mark.parametrize(
    ("text", "line", "column", "what"),
    [
        ("", 0, 0, "is empty"),
        ("\n\n", 0, 0, "is empty"),
        ("###\n#.?\n###", 2, 3, "unknown character '?'"),
        ("###\n#..#\n###", 2, 4, "4 columns, but the first line has 3"),
        ("###\n#.\n###", 2, 3, "2 columns, but the first line has 3"),
        ("###\n\n###", 2, 1, "0 columns, but the first line has 3"),
        ("###\r\n#.#\r\n", 1, 4, "a carriage return"),
        ("###\n#\t#\n", 2, 2, "a tab"),
        ("\ufeff###\n", 1, 1, "a byte order mark"),
        ("#\ufeff#\n", 1, 2, "unknown character U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ("##\n#\0", 2, 2, "a zero byte"),
        ("#\x1b[31m", 1, 2, "unknown character U+001B"),
        ("\N{BRICK}#", 1, 1, "unknown character U+1F9F1 BRICK"),
        ("\N{FULLWIDTH NUMBER SIGN}", 1, 1, "unknown character U+FF03 FULLWIDTH NUMBER SIGN"),
        ("." * 1025, 1, 1025, "more than 1024 columns"),
        (".\n" * 1025, 1025, 1, "more than 1024 lines"),
    ],
)
def test_bad_text_is_refused_with_its_place(text: str, line: int, column: int, what: str) -> None:
    with pytest.raises(MapError) as caught:
        parse_ascii(text, "room.map")

    assert (caught.value.line, caught.value.column) == (line, column)
    assert what in caught.value.message
    assert caught.value.message.startswith("room.map")
    assert caught.value.hint


def test_message_names_line_and_column_in_words() -> None:
    with pytest.raises(MapError, match=r"room\.map, line 2, column 2: unknown character 'x'"):
        parse_ascii("..\n.x", "room.map")


def test_largest_map_is_read() -> None:
    assert parse_ascii(("." * 1024 + "\n") * 1024, "big").size == "1024x1024"


def test_object_without_a_character_cannot_be_written() -> None:
    grid_map = GridMap("odd", (("empty", "lava"),))

    with pytest.raises(MapError, match="no character for 'lava'") as caught:
        grid_map.to_text()

    assert (caught.value.line, caught.value.column) == (1, 2)


def test_ragged_rows_are_no_map() -> None:
    with pytest.raises(MapError) as caught:
        GridMap("odd", (("empty", "empty"), ("empty",)))

    assert caught.value.line == 2


def test_map_with_replaced_cells_leaves_the_old_one_alone() -> None:
    room = GridMap.walled("room", 3, 3)

    changed = room.with_cells([(1, 1, "goal")])

    assert changed.find("goal") == (1, 1)
    assert room.count("goal") == 0
