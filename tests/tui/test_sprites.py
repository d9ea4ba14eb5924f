"""Sprites on the screen: half blocks say every pixel, and real pixels are sent when they change and no oftener."""

from __future__ import annotations

import numpy as np
import pytest
from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.widget import Widget

from engine.maps.sprites import BEYOND, FLOORS, SIDE, SMALL_SIDE
from engine.sim import EMPTY, FIRST_KIND, games
from engine.sim.spec import spec_of
from tui.glyphs import BOX, emoji_theme
from tui.panes.live.art import EmojiArt, SpriteArt, SpriteSheet, view_picture
from tui.panes.live.overlay import MARK_SHIFT, TINT_SHIFT
from tui.panes.live.picture import (
    DARK,
    FACINGS,
    FIRST_AGENT,
    FOG,
    FROZEN,
    NOT_READY,
    SEEN,
    SELECTED,
    SHIELDED,
    USED_UP,
    Inks,
)
from tui.widgets.sprite_map import SpriteMap, find_graphics

ARENA = games.arena(agents=8, groups=8)


def inks_of(dark: bool = True) -> Inks:
    return Inks(ARENA, spec_of(ARENA), dark=dark, ansi=False, seen_ground="", theme=BOX)


def sheet_of(side: int = SIDE, dark: bool = True) -> SpriteSheet:
    return SpriteSheet(inks_of(dark), shows_facing=True, side=side)


CODES = [
    *range(FIRST_KIND + len(ARENA.kinds)),
    *(FIRST_KIND + kind + NOT_READY + flag for kind in range(1, 4) for flag in (0, USED_UP)),
    *(FIRST_AGENT + group * FACINGS + facing for group in range(8) for facing in range(9)),
    *(FIRST_AGENT + flag for flag in (SELECTED, FROZEN, SHIELDED, FROZEN + SHIELDED + SELECTED)),
    *(EMPTY | mark << MARK_SHIFT for mark in range(1, 11)),
    *(EMPTY | tint << TINT_SHIFT for tint in range(1, 32)),
    *(EMPTY | flag for flag in (SEEN, FOG, DARK)),
]


def pixels(lines: tuple[tuple[Segment, ...], ...]) -> np.ndarray:
    """The picture that half blocks show."""
    rows = []
    for line in lines:
        upper, lower = [], []
        for segment in line:
            assert segment.style is not None
            assert set(segment.text) <= {" ", "▀"}
            ground, ink = segment.style.bgcolor, segment.style.color
            assert ground is not None
            for character in segment.text:
                above = ground if character == " " else ink
                assert above is not None
                upper.append(tuple(above.get_truecolor()))
                lower.append(tuple(ground.get_truecolor()))
        rows += [upper, lower]
    return np.array(rows, np.uint8)


@pytest.mark.parametrize("side", [SIDE, SMALL_SIDE])
@pytest.mark.parametrize("dark", [True, False])
def test_half_blocks_say_every_pixel(side: int, dark: bool) -> None:
    sheet = sheet_of(side, dark)
    art = SpriteArt(sheet)

    for code in CODES:
        lines = art.lines(code)
        assert len(lines) == art.rows
        assert all(sum(len(segment.text) for segment in line) == art.columns for line in lines)
        assert np.array_equal(pixels(lines), sheet.tile(code))


@pytest.mark.parametrize("side", [SIDE, SMALL_SIDE])
def test_everything_has_a_sprite_of_its_own(side: int) -> None:
    sheet = sheet_of(side)
    distinct = [code for code in CODES if code != 0 and code != EMPTY | DARK]

    assert len({sheet.tile(code).tobytes() for code in distinct}) == len(set(distinct))


def test_what_was_never_seen_is_blank() -> None:
    assert (sheet_of().tile(FIRST_KIND | DARK) == BEYOND[True]).all()


def test_a_tint_colours_the_floor_around_a_thing_and_not_the_thing() -> None:
    sheet, mine = sheet_of(), FIRST_KIND + 1
    plain, tinted = sheet.tile(mine), sheet.tile(mine | 15 << TINT_SHIFT)
    is_floor = (plain == FLOORS[True]).all(axis=2)

    assert is_floor.any()
    assert (tinted[is_floor] != plain[is_floor]).any(axis=1).all()
    assert np.array_equal(tinted[~is_floor], plain[~is_floor])


def test_a_view_has_its_cells_where_the_characters_would_be() -> None:
    sheet, codes = sheet_of(), np.array([[FIRST_KIND, EMPTY, FIRST_AGENT], [EMPTY, EMPTY, EMPTY]], np.uint32)

    picture = view_picture(sheet, codes, at=(3, 1), size=(20, 7))

    assert picture.shape == (28, 40, 3)
    assert np.array_equal(picture[4:12, 6:14], sheet.tile(FIRST_KIND))
    assert np.array_equal(picture[4:12, 22:30], sheet.tile(FIRST_AGENT))
    assert (picture[:4] == BEYOND[True]).all()
    assert (picture[20:] == BEYOND[True]).all()


def test_a_view_too_small_for_its_cells_shows_what_has_room() -> None:
    sheet, codes = sheet_of(), np.full((3, 3), FIRST_KIND, np.uint32)

    picture = view_picture(sheet, codes, at=(0, 0), size=(6, 3))

    assert picture.shape == (12, 12, 3)
    assert np.array_equal(picture[:8, :8], sheet.tile(FIRST_KIND))
    assert np.array_equal(picture[8:, 8:], sheet.tile(FIRST_KIND)[:4, :4])


def test_emoji_take_two_columns_and_letters_stand_in_for_them() -> None:
    inks = Inks(ARENA, spec_of(ARENA), dark=True, ansi=False, seen_ground="", theme=emoji_theme(), own={"mine": "M"})
    art = EmojiArt(inks)

    for code in CODES:
        ((segment,),) = art.lines(code)
        assert segment.cell_length == 2
    assert art.lines(FIRST_KIND)[0][0].text == "🧱"
    assert art.lines(FIRST_KIND + 1)[0][0].text == "M "


# ---- Real pixels


class Screen(Widget):
    """In place of the library's widget: keeps what it was given."""

    DEFAULT_CSS = "Screen { width: 100%; height: 100%; }"

    def __init__(self) -> None:
        super().__init__()
        self.got: list[np.ndarray] = []

    @property
    def image(self) -> object:
        """The last picture."""
        return self.got[-1]

    @image.setter
    def image(self, image: object) -> None:
        self.got.append(np.asarray(image))


class Window(App[None]):
    """A map of pixels as large as the terminal."""

    def compose(self) -> ComposeResult:
        yield SpriteMap(Screen)


def picture(colour: int) -> np.ndarray:
    return np.full((8, 8, 3), colour, np.uint8)


async def test_a_picture_is_sent_once_and_what_is_overtaken_never() -> None:
    pytest.importorskip("textual_image")
    app = Window()
    async with app.run_test(size=(8, 4)) as pilot:
        sprites, screen = app.query_one(SpriteMap), app.query_one(Screen)

        for colour in (1, 2, 3, 4):
            sprites.show(picture(colour))
        assert [int(got[0, 0, 0]) for got in screen.got] == [1]
        while len(screen.got) < 2:
            await pilot.pause()
        assert [int(got[0, 0, 0]) for got in screen.got] == [1, 4]
        while sprites._timer is not None:
            await pilot.pause()

        sprites.show(picture(4))

        assert len(screen.got) == 2
        assert sprites._timer is None  # nothing is due: an unchanged picture costs nothing


async def test_pixels_are_enlarged_and_not_blurred() -> None:
    pytest.importorskip("textual_image")
    app = Window()
    async with app.run_test(size=(8, 4)):
        small = np.arange(16, dtype=np.uint8).reshape(4, 4, 1).repeat(3, axis=2)

        app.query_one(SpriteMap).show(small)

        (got,) = app.query_one(Screen).got
        height, width = got.shape[:2]
        assert height % 4 == width % 4 == 0
        assert np.array_equal(got, small.repeat(height // 4, axis=0).repeat(width // 4, axis=1))


async def test_the_library_shows_the_picture() -> None:
    widget = pytest.importorskip("textual_image.widget")

    class Halves(App[None]):
        def compose(self) -> ComposeResult:
            yield SpriteMap(widget.HalfcellImage)

    app = Halves()
    async with app.run_test(size=(8, 4)) as pilot:
        quarters = np.array([[[200, 10, 20], [10, 200, 20]], [[10, 20, 200], [90, 80, 70]]], np.uint8)
        app.query_one(SpriteMap).show(quarters.repeat(4, axis=0).repeat(4, axis=1))
        await pilot.pause()

        styles = [each.style for strip in app.screen._compositor.render_strips() for each in strip if each.style]
        inks = [ink for style in styles for ink in (style.color, style.bgcolor) if ink and ink.triplet]
        colours = {tuple(ink.triplet) for ink in inks if ink.triplet}

        assert {tuple(colour) for colour in quarters.reshape(-1, 3).tolist()} <= colours


def test_over_ssh_no_pixels_are_asked_for() -> None:
    graphics = find_graphics({"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"})

    assert not graphics
    assert "SSH" in graphics.words
