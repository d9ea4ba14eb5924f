"""Themes: readable, registered, and right for poor terminals."""

from __future__ import annotations

import pytest
from rich.color import Color as RichColor
from textual.app import App
from textual.color import Color

from tui.themes import CONTRAST, DARK, GROUP_COLOURS, LIGHT, SIXTEEN, THEMES, group_colour, register, suitable_theme


@pytest.mark.parametrize(
    ("environ", "theme"),
    [
        ({"TERM": "xterm-256color"}, "gridrl-dark"),
        ({"TERM": "linux"}, "gridrl-16"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "gridrl-dark"),
        ({"TEXTUAL_COLOR_SYSTEM": "standard", "TERM": "xterm-256color"}, "gridrl-16"),
        ({"TEXTUAL_COLOR_SYSTEM": "truecolor", "TERM": "linux"}, "gridrl-dark"),
        ({"TEXTUAL_THEME": "gridrl-light"}, "gridrl-light"),
        ({"TEXTUAL_THEME": "no-such-theme"}, "gridrl-dark"),
    ],
)
def test_the_theme_suits_the_terminal(environ: dict[str, str], theme: str) -> None:
    assert suitable_theme(environ) == theme


@pytest.mark.parametrize("theme", [DARK, LIGHT, CONTRAST], ids=lambda theme: theme.name)
def test_every_meaning_is_readable_on_its_background(theme: object) -> None:
    least = 7.0 if theme is CONTRAST else 4.5
    background = Color.parse(theme.background)  # type: ignore[attr-defined]

    for role in ("foreground", "primary", "accent", "success", "warning", "error"):
        colour = Color.parse(getattr(theme, role))
        assert contrast(background, colour) >= least, role


def test_groups_are_eight_distinct_colours_on_every_ground() -> None:
    for ground in ("dark", "light", "ansi"):
        assert len({getattr(colour, ground) for colour in GROUP_COLOURS}) == 8


@pytest.mark.parametrize("colour", GROUP_COLOURS, ids=lambda colour: colour.name)
def test_group_colours_stand_out_from_the_background(colour: object) -> None:
    assert contrast(Color.parse(DARK.background), Color.parse(colour.dark)) >= 3  # type: ignore[arg-type,attr-defined]
    assert contrast(Color.parse(LIGHT.background), Color.parse(colour.light)) >= 3  # type: ignore[arg-type,attr-defined]


def test_sixteen_colour_names_are_the_terminals_own() -> None:
    for colour in GROUP_COLOURS:
        assert RichColor.parse(colour.on(ansi=True)).number < 16  # type: ignore[operator]


def test_groups_beyond_the_eighth_begin_again() -> None:
    assert group_colour(8) is group_colour(0)


async def test_an_app_can_wear_every_theme() -> None:
    app = App[None]()
    async with app.run_test() as pilot:
        register(app, {"TERM": "linux"})
        assert app.theme == SIXTEEN.name

        for theme in THEMES:
            app.theme = theme.name
            await pilot.pause()
            assert app.native_ansi_color is theme.ansi


def contrast(one: Color, other: Color) -> float:
    """The WCAG contrast ratio, 1 to 21."""
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


def luminance(colour: Color) -> float:
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
