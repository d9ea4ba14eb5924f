"""The picture of a map: codes, the ink they are drawn with, and a legend that is right for every game."""

from __future__ import annotations

from dataclasses import replace
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.color import Color
from rich.style import Style as Ink

from engine.recipes import resolve
from engine.sim import AGENT, DIRECTIONS, EMPTY, FIRST_KIND, Batch, Rules, World, games
from engine.sim.spec import spec_of
from tests.sim.strategies import action_table, games_with_maps
from tui.glyphs import ASCII, BOX, GlyphTheme, emoji_theme
from tui.panes.live.art import EmojiArt, SpriteArt, SpriteSheet
from tui.panes.live.layers import fogged
from tui.panes.live.legend import legend, legend_rows, looks_of, ramp, signs
from tui.panes.live.looks import Terminal, map_looks
from tui.panes.live.overlay import DOT, FIRST_DIVERGING, TINT_SHIFT, TRACE, ZERO, diverging_tint, marks, sequential_tint
from tui.panes.live.picture import (
    DARK,
    FACINGS,
    FIRST_AGENT,
    FOG,
    FROZEN,
    JOIN_SHIFT,
    NOT_READY,
    SEEN,
    SELECTED,
    SHIELDED,
    USED_UP,
    Inks,
    WallJoins,
    scene_codes,
    tint_ground,
    wall_joins,
)
from tui.panes.live.scene import Scene

THEMES = (ASCII, BOX, emoji_theme())
TINTS = [EMPTY | level << TINT_SHIFT for level in range(1, 32)]
ARENA = games.arena(agents=8, groups=8)


def inks_of(rules: Rules, theme: GlyphTheme = ASCII, **how: bool) -> Inks:
    look = {"dark": True, "ansi": False, "mono": False, **how}
    return Inks(rules, spec_of(rules), seen_ground="#1B2127", theme=theme, **look)


def scene_of(rules: Rules, sim: Batch, selected: int = 0) -> Scene:
    return Scene(
        rules=rules,
        spec=sim.spec,
        view=sim.look(),
        source="",
        policy="random",
        selected=selected,
        person=None,
        playing=False,
        target_rate=1.0,
        actual_rate=0.0,
        step_terms=(),
        episode_terms=(),
        observation=None,
    )


def walls_of(drawing: str) -> np.ndarray:
    return np.array([[cell == "#" for cell in row] for row in dedent(drawing).strip("\n").split("\n")])


def narrow(text: str) -> str:
    return text[2:] or text[0]


# ---- Walls that join


@pytest.mark.parametrize(
    ("drawing", "drawn"),
    [
        ("####\n#..#\n####", "┌──┐\n│..│\n└──┘"),
        ("#######\n#..#..#\n#.....#\n#..#..#\n#######", "┌──┬──┐\n│..│..│\n│.....│\n│..│..│\n└──┴──┘"),
        (".#.\n###\n.#.", ".│.\n─┼─\n.│."),
        ("....\n.#..\n....", "....\n.■..\n...."),
        # Rock is an outline: inside it nothing joins, and beyond the edge all is rock.
        (".....\n.###.\n.###.\n.###.\n.....", ".....\n.┌─┐.\n.│■│.\n.└─┘.\n....."),
        ("######\n######\n##..##\n######", "■■■■■■\n■┌──┐■\n■│..│■\n■└──┘■"),
        ("##\n##", "■■\n■■"),
        ("#", "■"),
    ],
)
def test_walls_join_their_neighbours(drawing: str, drawn: str) -> None:
    walls = walls_of(drawing)

    masks = wall_joins(walls) >> JOIN_SHIFT

    rows = [
        "".join(BOX.walls[mask] if wall else "." for mask, wall in zip(*row, strict=True))
        for row in zip(masks.tolist(), walls.tolist(), strict=True)
    ]
    assert "\n".join(rows) == drawn


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**81 - 1))
def test_a_join_has_a_wall_at_both_ends_that_knows_of_it(height: int, width: int, bits: int) -> None:
    walls = np.array([bits >> at & 1 for at in range(height * width)], np.bool_).reshape(height, width)

    masks = wall_joins(walls) >> JOIN_SHIFT

    north, south, west, east = ((masks & 1 << way).astype(np.bool_) for way in range(4))
    assert np.array_equal(north[1:], south[:-1])
    assert np.array_equal(west[:, 1:], east[:, :-1])
    assert not north[0].any()
    assert not south[-1].any()
    assert not west[:, 0].any()
    assert not east[:, -1].any()
    assert not masks[~walls].any()


def test_joins_follow_walls_that_change() -> None:
    joins, walls = WallJoins(), walls_of("####\n#..#\n####")
    before = joins.of(walls)
    broken = walls.copy()
    broken[0, 1] = False

    assert joins.of(walls.copy()) is before
    assert np.array_equal(joins.of(broken), wall_joins(broken))
    assert np.array_equal(joins.of(walls), before)


# ---- Codes


def test_codes_tell_who_is_frozen_who_is_shielded_and_what_is_used_up() -> None:
    rules = games.arena(agents=2, groups=2)
    cells = np.array([[EMPTY, AGENT, AGENT, FIRST_KIND + 1, FIRST_KIND + 2]], np.uint8)
    ready = np.array([[0, 0, 0, 2, 3]], np.uint8)
    sim = one_room(rules)
    view = sim.look()
    agents = (replace(view.agents[0], row=0, column=1, frozen=3), replace(view.agents[1], row=0, column=2, shield=True))
    scene = replace(scene_of(rules, sim), view=replace(view, cells=cells, ready=ready, agents=agents))

    codes = scene_codes(scene, window_shown=False)

    assert codes.dtype == np.uint32
    assert codes.tolist() == [
        [
            EMPTY,
            FIRST_AGENT + agents[0].facing + FROZEN + SELECTED,
            FIRST_AGENT + FACINGS + agents[1].facing + SHIELDED,
            FIRST_KIND + 1 + NOT_READY,
            FIRST_KIND + 2 + NOT_READY + USED_UP,
        ]
    ]


def one_room(rules: Rules) -> Batch:
    """A room with a start for each agent."""
    from engine.sim import CELL_SPAWN_ANY

    sim = Batch(World(rules, np.full((2, rules.agents), CELL_SPAWN_ANY, np.uint8)), seed=0)
    sim.reset(0)
    return sim


def test_walls_say_how_they_join_only_where_it_is_asked() -> None:
    rules = games.arena(agents=1, groups=1)
    sim = one_room(rules)
    view = sim.look()
    cells = np.array([[FIRST_KIND, FIRST_KIND, AGENT]], np.uint8)
    agents = (replace(view.agents[0], row=0, column=2),)
    scene = replace(scene_of(rules, sim), view=replace(view, cells=cells, ready=np.zeros_like(cells), agents=agents))

    plain = scene_codes(scene, window_shown=False)
    joined = scene_codes(scene, window_shown=False, joins=WallJoins())

    assert not (plain >> JOIN_SHIFT).any()
    assert np.array_equal(joined & (1 << JOIN_SHIFT) - 1, plain)
    assert np.array_equal(joined, plain | wall_joins(cells == FIRST_KIND))


def test_amounts_become_levels() -> None:
    levels = sequential_tint(np.array([0.0, 0.01, 5.0, 10.0, 99.0, np.nan]), 10.0) >> TINT_SHIFT

    assert levels.tolist() == [0, 1, 8, 15, 15, 0]
    assert not sequential_tint(np.zeros(3), 0.0).any()


def test_values_become_levels_around_zero() -> None:
    values = np.array([-99.0, -10.0, -0.01, 0.0, 0.01, 10.0, 99.0, np.nan])

    levels = diverging_tint(values, 10.0) >> TINT_SHIFT

    assert levels.tolist() == [FIRST_DIVERGING, FIRST_DIVERGING, ZERO - 1, ZERO, ZERO + 1, 31, 31, 0]
    assert (diverging_tint(np.zeros(3), 0.0) >> TINT_SHIFT == ZERO).all()


def test_fog_leaves_what_is_in_sight() -> None:
    codes = np.array([EMPTY, EMPTY, EMPTY, EMPTY], np.uint32)
    in_sight, known = np.array([True, True, False, False]), np.array([True, False, True, False])

    assert fogged(codes, in_sight, known).tolist() == [EMPTY, EMPTY, EMPTY | FOG, EMPTY | DARK]


# ---- Ink


def test_marks_show_on_floor_and_never_over_things() -> None:
    inks = inks_of(ARENA)

    for mark in (*range(1, 9), DOT, TRACE):
        bits = int(marks(np.array([mark]))[0])
        assert inks(EMPTY | bits)[0] != inks(EMPTY)[0]
        for code in (FIRST_KIND, FIRST_KIND + 1, FIRST_AGENT):
            assert inks(code | bits) == inks(code)


@pytest.mark.parametrize("theme", [ASCII, BOX], ids=lambda theme: theme.name)
def test_arrows_are_in_the_order_of_directions(theme: GlyphTheme) -> None:
    inks = inks_of(ARENA, theme)

    arrows = "".join(inks(EMPTY | int(marks(np.array([way + 1]))[0]))[0][0] for way in range(8))

    assert DIRECTIONS == ("north", "south", "west", "east", "northwest", "northeast", "southwest", "southeast")
    assert arrows == {"ascii": "^v<>`',;", "box": "↑↓←→↖↗↙↘"}[theme.name]


@pytest.mark.parametrize("dark", [True, False])
def test_tints_are_told_apart_and_go_one_way(dark: bool) -> None:
    levels = [tint_ground(level, dark) for level in range(1, 32)]
    assert len(set(levels)) == 31

    away = 1 if dark else -1  # from the ground of the theme
    ramps = (range(1, 16), range(ZERO + 1, 32), range(ZERO - 1, FIRST_DIVERGING - 1, -1))
    for steps in ramps:
        brightness = [away * luminance(tint_ground(level, dark)) for level in steps]
        assert brightness == sorted(brightness)


@pytest.mark.parametrize("dark", [True, False])
def test_agents_and_marks_are_readable_on_every_tint(dark: bool) -> None:
    inks = inks_of(ARENA, dark=dark)
    arrow = int(marks(np.array([1]))[0])

    for level in range(1, 32):
        for group in range(8):
            style = inks(FIRST_AGENT + group * FACINGS | level << TINT_SHIFT)[1]
            assert contrast_of(style) >= 2.3, (level, group)
        assert contrast_of(inks(EMPTY | arrow | level << TINT_SHIFT)[1]) >= 3.5, level


@pytest.mark.parametrize("how", [{"ansi": True}, {"mono": True}], ids=str)
def test_without_many_colours_levels_are_digits(how: dict[str, bool]) -> None:
    inks = inks_of(ARENA, **how)
    texts = [inks(code) for code in TINTS]

    assert [narrow(text) for text, _ in texts[:15]] == list("011233445667789")
    assert [text[:2] for text, _ in texts[15:]] == [
        *("-8", "-7", "-6", "-5", "-4", "-3", "-2", "-1", " 0"),
        *("+1", "+2", "+3", "+4", "+5", "+6", "+7"),
    ]
    assert len({(narrow(text), style) for text, style in texts[15:]}) == 16  # in one column the sign is a line below
    assert all(style.bgcolor is None for _, style in texts)


def every_code(rules: Rules) -> list[int]:
    """Codes of all that a game may have, in every state, and with what may lie over it."""
    groups, things = range(rules.groups), range(FIRST_KIND, FIRST_KIND + len(rules.kinds))
    agents = [FIRST_AGENT + group * FACINGS + facing for group in groups for facing in range(9)]
    states = [
        *(EMPTY, 0, *things, *(code + NOT_READY for code in things), *(code + NOT_READY + USED_UP for code in things)),
        *(code + flag for code in agents for flag in (0, SELECTED, FROZEN, SHIELDED, FROZEN + SELECTED)),
    ]
    return [code | over for code in states for over in (0, SEEN, FOG, DARK, 3 << TINT_SHIFT, 30 << TINT_SHIFT)]


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_mono_has_no_colour_at_all(theme: GlyphTheme) -> None:
    inks = inks_of(ARENA, theme, mono=True)

    for code in every_code(ARENA):
        style = inks(code)[1]
        assert style.color is None
        assert style.bgcolor is None


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_sixteen_colours_are_the_terminals_own(theme: GlyphTheme) -> None:
    inks = inks_of(ARENA, theme, ansi=True)

    for code in every_code(ARENA):
        for colour in (inks(code)[1].color, inks(code)[1].bgcolor):
            assert colour is None or (colour.number is not None and colour.number < 16)


@pytest.mark.parametrize("theme", [ASCII, BOX], ids=lambda theme: theme.name)
def test_without_colour_all_is_still_told_apart(theme: GlyphTheme) -> None:
    inks = inks_of(ARENA, theme, mono=True)
    things = range(FIRST_KIND, FIRST_KIND + len(ARENA.kinds))
    distinct = [
        *(FIRST_AGENT + group * FACINGS for group in range(8)),
        *(FIRST_AGENT + flag for flag in (SELECTED, FROZEN, SHIELDED, FROZEN + SELECTED)),
        *(EMPTY, EMPTY | SEEN, *things, *(code + NOT_READY for code in things if code > FIRST_KIND)),
        *(code + NOT_READY + USED_UP for code in things if code > FIRST_KIND),
    ]
    looks = {(narrow(inks(code)[0]), inks(code)[1]) for code in distinct}

    assert len(looks) == len(distinct)


def test_what_is_remembered_is_fainter_and_what_was_never_seen_is_blank() -> None:
    inks = inks_of(ARENA)
    mine = FIRST_KIND + 1

    assert inks(mine | FOG)[0] == inks(mine)[0]
    assert contrast_of(inks(mine | FOG)[1], "#101317") < contrast_of(inks(mine)[1], "#101317")
    assert inks(mine | DARK)[0] == "  "
    assert inks(mine | DARK)[1].bgcolor is None


# ---- The legend


@settings(max_examples=60)
@given(games_with_maps(), st.integers(0, 99), st.integers(0, 12), st.sampled_from(THEMES), st.booleans())
def test_whatever_is_on_a_map_is_in_the_legend(
    game: tuple[Rules, list[np.ndarray]], seed: int, steps: int, theme: GlyphTheme, mono: bool
) -> None:
    rules, maps = game
    sim = Batch(World(rules, maps[0]), seed=seed)
    sim.reset(seed)
    for actions in action_table(rules, sim.rows, steps, seed):
        sim.step(actions)
    inks = Inks(rules, sim.spec, dark=True, ansi=False, mono=mono, seen_ground="", theme=theme)
    explained = {look for line in legend(inks) for look in looks_of(line.codes, inks)}
    emoji = {art_look(code, inks) for line in legend(inks) for code in line.codes}

    codes = scene_codes(scene_of(rules, sim, seed % sim.spec.agent_count), window_shown=False, joins=WallJoins())

    for code in np.unique(codes).tolist():
        text, style = inks(code)
        assert (narrow(text), style) in explained, code
        assert art_look(code, inks) in emoji, code


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
@pytest.mark.parametrize("mono", [False, True])
def test_every_state_of_an_agent_is_in_the_legend(theme: GlyphTheme, mono: bool) -> None:
    rules = resolve("arena_energy").rules
    inks = inks_of(rules, theme, mono=mono)
    explained = {look for line in legend(inks) for look in looks_of(line.codes, inks)}

    for group, facing in np.ndindex(rules.groups, 4):
        for flags in (0, FROZEN, SHIELDED, FROZEN + SHIELDED):
            for code in (FIRST_AGENT + group * FACINGS + facing + flags + chosen for chosen in (0, SELECTED)):
                text, style = inks(code)
                assert (narrow(text), style) in explained, code


def art_look(code: int, inks: Inks) -> tuple[str, Ink | None]:
    """What emoji show of a code, but for the second column of letters: it says facing."""
    segment = EmojiArt(inks).lines(code)[0][0]
    return (segment.text if segment.cell_length == 2 and len(segment.text) == 1 else segment.text[0], segment.style)


def names_in(rules: Rules) -> list[str]:
    return [line.name for line in legend(inks_of(rules))]


def test_the_legend_has_only_what_is_in_the_game() -> None:
    assert names_in(games.navigation()) == ["agent", "selected", "floor", "wall", "goal"]
    assert names_in(games.hide_and_seek()) == ["group 0", "group 1", "frozen", "selected", "floor", "wall"]
    assert names_in(resolve("arena_energy").rules)[5:8] == ["frozen", "shield up", "selected"]
    assert names_in(resolve("arena_energy").rules)[-2:] == ["not ready", "used up"]


def test_the_legend_says_roles_and_what_things_do() -> None:
    lines = {line.name: line.detail for line in legend(inks_of(games.hide_and_seek()))}
    assert (lines["group 0"], lines["group 1"]) == ("seeker, orange", "hider, sky")

    lines = {line.name: line.detail for line in legend(inks_of(games.arena()))}
    assert lines["mine"] == "gives 1 ore"
    assert lines["altar"] == "3 battery > 1 heart"
    assert lines["not ready"] == "cooling down, or at work"


def test_layers_are_explained_while_they_are_there() -> None:
    inks = inks_of(games.arena())
    bare = {line.name for line in legend(inks)}

    assert {line.name for line in legend(inks, SEEN)} - bare == {"observed"}
    assert {line.name for line in legend(inks, FOG)} - bare == {"remembered"}
    arrows = {line.name for line in legend(inks, int(marks(np.array([3]))[0]))} - bare
    assert arrows == {"goes there", "stays, or does something else", "came this way"}


@pytest.mark.parametrize("art", [None, "emoji", "sprites"])
def test_the_legend_as_text_has_a_line_for_each_thing_and_signs_in_a_column(art: str | None) -> None:
    inks = inks_of(resolve("arena_classic_combat").rules, BOX)
    sheet = SpriteSheet(inks, shows_facing=True, side=4)
    drawn = {None: None, "emoji": EmojiArt(inks), "sprites": SpriteArt(sheet)}[art]
    lines = legend(inks, SEEN)

    rows = legend_rows(inks, SEEN, drawn)

    assert {signs(line, inks, drawn)[0].cell_len for line in lines} <= {1, 2, 4}
    height = 2 if art == "sprites" else 1
    assert len(rows) == height * len(lines)
    for line, row, below in zip(lines, rows[::height], rows[height - 1 :: height], strict=True):
        words = f" {line.name}" if height == 2 or not line.detail else f" {line.name}  {line.detail}"
        assert row.plain.endswith(words)
        if height == 2:
            assert below.cell_len == (4 + len(line.detail) + 1 if line.detail else 4)
        assert row.cell_len == 4 + len(words)


def test_names_of_a_hostile_game_are_made_visible() -> None:
    rules = games.arena().model_copy(update={"kinds": {"wall\x1b[31m": games.arena().kinds["wall"]}})

    rows = legend_rows(Inks(rules, spec_of(rules), dark=True, ansi=False, seen_ground=""))

    assert not any("\x1b" in row.plain for row in rows)


def test_a_ramp_shows_every_level_once() -> None:
    for diverging, count in ((False, 15), (True, 16)):
        for how in ({}, {"mono": True}):
            text = ramp(inks_of(ARENA, **how), diverging=diverging)
            assert text.cell_len == count


def luminance(colour: str) -> float:
    triplet = Color.parse(colour).get_truecolor()
    parts = [part / 255 for part in triplet]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast_of(style: Ink, ground: str = "") -> float:
    """The WCAG contrast of an ink with its ground, 1 to 21."""
    assert style.color is not None
    below = ground or (style.bgcolor.name if style.bgcolor else "#101317")
    dark, bright = sorted((luminance(style.color.name), luminance(below)))
    return (bright + 0.05) / (dark + 0.05)


# ---- All of it together


PLAIN = Terminal(environ={"TERM": "xterm-256color"}, encoding="utf-8", dark=True, ansi=False, no_color=False)


@pytest.mark.parametrize(
    ("theme", "palette", "changes", "got"),
    [
        ("ascii", "auto", {}, ("ascii", None, "colours")),
        ("box", "auto", {}, ("box", None, "colours")),
        ("emoji", "auto", {}, ("emoji", EmojiArt, "colours")),
        ("sprites", "auto", {}, ("box", SpriteArt, "colours")),
        ("sprites", "mono", {}, ("box", None, "mono")),
        ("sprites", "sixteen", {}, ("box", None, "sixteen")),
        ("sprites", "auto", {"ansi": True}, ("box", None, "sixteen")),
        ("sprites", "auto", {"encoding": "ascii"}, ("ascii", None, "colours")),
        ("emoji", "auto", {"environ": {"TERM": "linux"}}, ("box", None, "colours")),
        ("ascii", "auto", {"no_color": True}, ("ascii", None, "mono")),
        ("ascii", "sixteen", {"no_color": True}, ("ascii", None, "sixteen")),
        ("box", "mono", {}, ("box", None, "mono")),
    ],
)
def test_the_looks_are_those_that_the_terminal_can_show(
    theme: str, palette: str, changes: dict[str, Any], got: tuple[str, type | None, str]
) -> None:
    looks = map_looks(ARENA, spec_of(ARENA), replace(PLAIN, **changes), theme=theme, palette=palette)

    style = looks.inks(FIRST_KIND + 1)[1]
    colours = "mono" if style.color is None else "colours" if style.color.triplet else "sixteen"
    assert (looks.inks.theme.name, looks.art and type(looks.art), colours) == got
    assert (looks.joins is not None) == (got[0] == "box")
    assert (looks.sheet is not None) == (got[1] is SpriteArt)


def test_sprites_come_in_two_sizes_and_the_legend_keeps_the_small_one() -> None:
    small, large = (map_looks(ARENA, spec_of(ARENA), PLAIN, theme="sprites", large=each) for each in (False, True))

    assert [(each.art.columns, each.art.rows) for each in (small, large) if each.art] == [(4, 2), (8, 4)]
    assert [each.legend_art.columns for each in (small, large) if each.legend_art] == [4, 4]
