"""The sets of characters: one column each, or two that can be trusted; each thing with a look of its own."""

from __future__ import annotations

import unicodedata

import pytest
from rich.cells import cell_len

from engine.maps import CHARACTERS
from engine.maps.characters import SPAWN_PREFIX
from tui.glyphs import (
    ASCII,
    BOX,
    EMOJI,
    EMOJI_AGENTS,
    EMOJI_FROZEN,
    EMOJI_SHIELD,
    GlyphTheme,
    cell_looks,
    emoji_theme,
    glyph_theme,
    is_sound_emoji,
    kind_characters,
)

KINDS = [name for name in CHARACTERS if name not in ("agent", "empty") and not name.startswith(SPAWN_PREFIX)]
SOUTH, EAST = 1, 3


@pytest.mark.parametrize("theme", [ASCII, BOX], ids=lambda theme: theme.name)
def test_every_character_takes_one_column_and_cannot_turn_into_a_picture(theme: GlyphTheme) -> None:
    signs = (*theme.kinds.values(), *theme.facing, *theme.walls, *theme.arrows)
    for sign in (*signs, theme.agent, theme.frozen, theme.shield, theme.dot, theme.trace):
        assert len(sign) == 1
        assert cell_len(sign) == 1, sign
        assert sign == " " or unicodedata.category(sign)[0] in "LNPS", sign


def test_ascii_is_ascii() -> None:
    signs = (*ASCII.kinds.values(), *ASCII.facing, *ASCII.arrows, ASCII.frozen, ASCII.shield, ASCII.dot, ASCII.trace)

    assert all(sign.isascii() for sign in signs)


@pytest.mark.parametrize("theme", [ASCII, BOX], ids=lambda theme: theme.name)
def test_every_kind_and_every_agent_has_a_character_of_its_own(theme: GlyphTheme) -> None:
    characters = [theme.kinds[name] for name in KINDS if name != "wall"]
    agents = {theme.agent, theme.frozen, theme.shield, *(theme.facing if theme.is_turned else ())}

    assert len(set(characters)) == len(characters)
    assert not agents & set(characters)
    assert not agents & set(theme.walls)
    assert not set(theme.walls) & set(characters)


def test_every_emoji_is_two_columns_by_itself_and_there_once() -> None:
    every = [*EMOJI.values(), *EMOJI_AGENTS, EMOJI_FROZEN, EMOJI_SHIELD]

    assert len(set(every)) == len(every)
    for emoji in every:
        assert is_sound_emoji(emoji), emoji
        assert unicodedata.east_asian_width(emoji) == "W", emoji


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("❤️", "with a selector"),
        ("❤", "a letter that may be one"),
        ("👩‍🚀", "joined"),
        ("🇨🇭", "a pair"),
        ("#", "a letter"),
        ("", "none"),
    ],
)
def test_what_a_terminal_may_draw_in_another_width_is_not_used(text: str, what: str) -> None:
    assert not is_sound_emoji(text), what


def test_another_table_of_widths_agrees() -> None:
    from wcwidth import wcwidth  # that of the terminal emulator of other tests

    assert {wcwidth(emoji) for emoji in (*EMOJI.values(), *EMOJI_AGENTS, EMOJI_FROZEN, EMOJI_SHIELD)} == {2}
    assert {wcwidth(sign) for sign in (*BOX.kinds.values(), *BOX.facing, *BOX.walls, *BOX.arrows)} == {1}


def test_every_kind_of_the_map_format_has_an_emoji() -> None:
    assert set(emoji_theme().emoji) == set(KINDS)
    assert len(emoji_theme().emoji_agents) == 8


@pytest.mark.parametrize(
    ("wanted", "environ", "encoding", "got"),
    [
        ("ascii", {"TERM": "xterm"}, "utf-8", "ascii"),
        ("box", {"TERM": "xterm"}, "utf-8", "box"),
        ("box", {"TERM": "xterm"}, "UTF8", "box"),
        ("box", {"TERM": "xterm"}, "ANSI_X3.4-1968", "ascii"),
        ("box", {"TERM": "xterm"}, "latin-1", "ascii"),
        ("emoji", {"TERM": "xterm"}, "utf-8", "emoji"),
        ("emoji", {"TERM": "xterm"}, "ascii", "ascii"),
        ("emoji", {"TERM": "linux"}, "utf-8", "box"),
        ("emoji", {}, "utf-8", "box"),
        ("sprites", {"TERM": "xterm"}, "utf-8", "box"),
        ("sprites", {"TERM": "xterm"}, "ascii", "ascii"),
    ],
)
def test_a_poor_terminal_gets_what_it_can_show(wanted: str, environ: dict[str, str], encoding: str, got: str) -> None:
    assert glyph_theme(wanted, environ, encoding).name == got


def test_kinds_that_no_theme_knows_get_letters_of_their_own() -> None:
    characters = kind_characters(ASCII, ["wall", "mine", "mill", "moat", "m", "v", "x1"])

    assert characters["wall"] == "#"
    assert characters["mine"] == "m"
    assert characters["mill"] == "i"
    assert len(set(characters.values())) == 7
    assert "v" not in characters.values()


def test_more_kinds_than_letters_still_have_one() -> None:
    characters = kind_characters(ASCII, [f"k{index}" for index in range(64)])

    assert len(characters) == 64
    assert all(len(character) == 1 and character.isascii() for character in characters.values())


@pytest.mark.parametrize("theme", [ASCII, BOX, emoji_theme()], ids=lambda theme: theme.name)
def test_the_users_own_characters_win(theme: GlyphTheme) -> None:
    looks = cell_looks(theme, ["wall", "mine"], {"wall": "H", "mine": "$", "agent": "A", "empty": ","})

    assert looks.cell("wall", joins=15).text == "HH"
    assert looks.cell("mine").text[0] == "$"
    assert looks.cell("empty").text[0] == ","
    assert looks.agent(0, EAST, shows_facing=True).text[0] == "A"
    assert not any(looks.cell(name).emoji for name in ("wall", "mine"))
    assert not looks.agent(0, EAST, shows_facing=True).emoji


def narrow(text: str) -> str:
    """What one column shows of a look's text."""
    return text[2:] or text[0]


def test_ascii_says_facing_beside_agents_and_in_place_of_the_selected_one() -> None:
    looks = cell_looks(ASCII, ["wall"])
    one, selected = (looks.agent(0, EAST, shows_facing=True, selected=chosen).text for chosen in (False, True))

    assert (one[:2], narrow(one)) == ("@>", "@")
    assert (selected[:2], narrow(selected)) == ("@>", ">")


def test_box_turns_every_agent() -> None:
    looks = cell_looks(BOX, ["wall"])

    assert [narrow(looks.agent(0, facing, shows_facing=True).text) for facing in range(4)] == list("▲▼◄►")


def test_where_facing_does_not_matter_nothing_says_it() -> None:
    for theme in (ASCII, BOX):
        looks = cell_looks(theme, ["wall"])
        texts = {looks.agent(0, facing, shows_facing=False, selected=True).text for facing in range(9)}
        assert texts == {"@ "}


@pytest.mark.parametrize("theme", [ASCII, BOX], ids=lambda theme: theme.name)
@pytest.mark.parametrize("state", [{}, {"frozen": True}, {"shield": True}], ids=str)
def test_without_colour_a_digit_names_the_group(theme: GlyphTheme, state: dict[str, bool]) -> None:
    looks = cell_looks(theme, ["wall"])
    wide = {looks.agent(group, SOUTH, shows_facing=True, shows_group=True, **state).text[:2] for group in range(8)}

    assert len(wide) == 8
    assert all(any(sign in "01234567" for sign in text) for text in wide)


@pytest.mark.parametrize("theme", [ASCII, BOX, emoji_theme()], ids=lambda theme: theme.name)
def test_who_is_frozen_or_shielded_looks_different(theme: GlyphTheme) -> None:
    looks = cell_looks(theme, ["wall"])
    states = ({}, {"frozen": True}, {"shield": True})
    drawn = [looks.agent(0, SOUTH, shows_facing=True, **state) for state in states]

    assert len({narrow(look.text) for look in drawn}) == 3
    assert len({look.text[:2] for look in drawn}) == 3
    if theme.emoji:
        assert len({look.emoji for look in drawn}) == 3


def test_walls_join_in_wide_cells_too() -> None:
    looks = cell_looks(BOX, ["wall"])

    row = [looks.cell("wall", joins=joins).text for joins in (0b1010, 0b1100, 0b0110)]

    assert "".join(row) == "┌───┐ "
