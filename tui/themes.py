"""The looks: Textual themes, and the colours of groups.

The app calls `register` once. A pane names theme variables in its TCSS and never a colour; only cells of the map
take a `GroupColour`, whose 16-colour name is chosen by hand, since the nearest of 16 to two of them would be one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.theme import Theme

from engine.maps.colours import GROUP_COLOURS as COLOURS_OF_GROUPS

if TYPE_CHECKING:
    from textual.app import App

DARK = Theme(
    name="gridrl-dark",
    primary="#6CB4E4",
    secondary="#8A9BB0",
    accent="#E8B04A",
    foreground="#D6DBE1",
    background="#101317",
    surface="#151A1F",
    panel="#1B2127",
    success="#5FBF92",
    warning="#E3B458",
    error="#F0796B",
    variables={
        "border": "#3A444F",
        "border-blurred": "#262D35",
        "block-cursor-foreground": "#101317",
        "block-cursor-background": "#6CB4E4",
        "block-cursor-blurred-foreground": "#D6DBE1",
        "block-cursor-blurred-background": "#26323C",
        "footer-background": "#101317",
        "footer-key-foreground": "#E8B04A",
        "footer-description-foreground": "#8F99A4",
        "input-selection-background": "#6CB4E4 35%",
        "scrollbar": "#2B333C",
        "scrollbar-hover": "#3A444F",
        "scrollbar-active": "#6CB4E4",
        "scrollbar-background": "#101317",
    },
)

LIGHT = Theme(
    name="gridrl-light",
    primary="#1C6EA4",
    secondary="#5A6775",
    accent="#96590A",
    foreground="#23282E",
    background="#FAFAF7",
    surface="#F3F3EF",
    panel="#EAEAE4",
    success="#1E7A4C",
    warning="#8A5B00",
    error="#B3321F",
    dark=False,
    variables={
        "border": "#B9BDC2",
        "border-blurred": "#DDDDD8",
        "block-cursor-foreground": "#FAFAF7",
        "block-cursor-background": "#1C6EA4",
        "block-cursor-blurred-foreground": "#23282E",
        "block-cursor-blurred-background": "#D5E3EE",
        "footer-background": "#FAFAF7",
        "footer-key-foreground": "#96590A",
        "footer-description-foreground": "#5A6775",
        "input-selection-background": "#1C6EA4 25%",
        "scrollbar": "#CFCFC9",
        "scrollbar-hover": "#B9BDC2",
        "scrollbar-active": "#1C6EA4",
        "scrollbar-background": "#FAFAF7",
    },
)

CONTRAST = Theme(
    name="gridrl-contrast",
    primary="#66CCFF",
    secondary="#FFFFFF",
    accent="#FFE14D",
    foreground="#FFFFFF",
    background="#000000",
    surface="#000000",
    panel="#141414",
    success="#4DFFA6",
    warning="#FFC14D",
    error="#FF8A80",
    variables={
        "text": "#FFFFFF",
        "text-muted": "#E6E6E6",
        "text-disabled": "#BFBFBF",
        "primary-muted": "#4A86A8",
        "border": "#FFFFFF",
        "border-blurred": "#BFBFBF",
        "block-cursor-foreground": "#000000",
        "block-cursor-background": "#FFE14D",
        "block-cursor-blurred-foreground": "#000000",
        "block-cursor-blurred-background": "#BFBFBF",
        "footer-background": "#000000",
        "footer-key-foreground": "#FFE14D",
        "footer-description-foreground": "#FFFFFF",
        "scrollbar": "#BFBFBF",
        "scrollbar-hover": "#FFFFFF",
        "scrollbar-active": "#FFE14D",
        "scrollbar-background": "#000000",
    },
)

SIXTEEN = Theme(
    name="gridrl-16",
    ansi=True,
    primary="ansi_bright_cyan",
    secondary="ansi_white",
    accent="ansi_bright_yellow",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    success="ansi_bright_green",
    warning="ansi_yellow",
    error="ansi_bright_red",
    variables={
        "primary-muted": "ansi_blue",
        "text-muted": "ansi_default",
        "text-disabled": "ansi_white",  # not bright black, which some palettes make the background
        "border": "ansi_white",
        "border-blurred": "ansi_bright_black",
        "block-cursor-foreground": "ansi_black",
        "block-cursor-background": "ansi_bright_cyan",
        "block-cursor-blurred-foreground": "ansi_black",
        "block-cursor-blurred-background": "ansi_white",
        "footer-key-foreground": "ansi_bright_yellow",
        "scrollbar": "ansi_white",
        "scrollbar-hover": "ansi_bright_white",
        "scrollbar-active": "ansi_bright_cyan",
        "ansi-background": "ansi_black",
        "ansi-foreground": "ansi_white",
    },
)

THEMES = (DARK, LIGHT, CONTRAST, SIXTEEN)
DEFAULT_THEME = DARK.name
AUTO = "auto"


def register(app: App[Any], environ: Mapping[str, str], wanted: str = AUTO) -> None:
    """Make our themes known to an app and put on the wanted one, or the one that suits its terminal."""
    for theme in THEMES:
        app.register_theme(theme)
    app.theme = theme_for(wanted, environ)


def theme_for(wanted: str, environ: Mapping[str, str]) -> str:
    """The name of the wanted theme; of the one that suits the terminal for `auto`."""
    return suitable_theme(environ) if wanted == AUTO else wanted


def suitable_theme(environ: Mapping[str, str]) -> str:
    """The 16-colour theme where the terminal says that it has no more, else the dark one; TEXTUAL_THEME wins."""
    wanted = environ.get("TEXTUAL_THEME", "")
    if wanted in {theme.name for theme in THEMES}:
        return wanted
    system = environ.get("TEXTUAL_COLOR_SYSTEM", "auto")
    plain_terminal = environ.get("TERM", "") in ("linux", "ansi", "vt100", "vt220", "xterm", "screen", "cons25")
    rich_colours = environ.get("COLORTERM", "") in ("truecolor", "24bit")
    if system == "standard" or (system == "auto" and plain_terminal and not rich_colours):
        return SIXTEEN.name
    return DEFAULT_THEME


@dataclass(frozen=True)
class GroupColour:
    """The colour of one group of agents, for each kind of ground."""

    name: str
    """What a person calls it."""
    dark: str
    """On a dark background."""
    light: str
    """On a light background, where the bright ones are darkened until they can be read."""
    ansi: str
    """One of the terminal's own sixteen, as rich names it."""

    def on(self, *, dark: bool = True, ansi: bool = False) -> str:
        """The colour for a ground, as rich reads it."""
        return self.ansi if ansi else self.dark if dark else self.light


_ANSI_OF_GROUPS = (
    *("yellow", "bright_cyan", "green", "bright_yellow"),
    *("bright_blue", "bright_red", "bright_magenta", "white"),
)
GROUP_COLOURS = tuple(
    GroupColour(name, dark, light, ansi)
    for (name, dark, light), ansi in zip(COLOURS_OF_GROUPS, _ANSI_OF_GROUPS, strict=True)
)


def group_colour(group: int) -> GroupColour:
    """The colour of a group by its index; the ninth group has that of the first, and its digit tells them apart."""
    return GROUP_COLOURS[group % len(GROUP_COLOURS)]
