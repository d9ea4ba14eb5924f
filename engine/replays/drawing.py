"""Envs as text: characters of map files, or with numbers, box lines and emoji. Pure; any thread.

A row is a tuple of runs, each of one ink; `ansi` and `plain` turn it into text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.maps import WALL, character_of
from engine.maps.colours import GROUP_COLOURS
from engine.maps.sprite_art import BASE_COLOURS, OWN_COLOURS, PLAIN
from engine.sim import AGENT, FIRST_KIND, EnvView, Spec

MODES: Final = {
    "ascii": "the characters of map files",
    "ansi": "the same in colour, also into a pipe",
    "human": "agents by number, in their group's colour",
    "nethack": "another name for human",
    "box": "walls as lines that join",
    "miniscope": "emoji, two columns to a cell",
}
"""Ways to draw, and what each shows."""

GROUND: Final = "#14181D"
FLOOR_INK: Final = "#4A535D"
_WALL_INK: Final = "#76828F"

_AGENT, _EMPTY, _OUTSIDE, _UNDRAWN = "@", ".", " ", "?"
_NUMBERS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
# By which neighbours are walls: 1 north, 2 south, 4 west, 8 east.
_JOINED: Final = "□│││─┘┐┤─└┌├─┴┬┼"
_EMOJI: Final = {
    "empty": "  ",
    WALL: "🧱",
    "altar": "🗿",
    "mine": "🪨",
    "generator": "🔋",
    "converter": "🔁",
    "chest": "🎁",
    "block": "📦",
    "armory": "🔰",
    "lasery": "🔫",
    "lab": "🧪",
    "factory": "🏭",
    "temple": "🏯",
    "goal": "🏁",
    "trap": "🪤",
    "switch": "🔘",
    "door": "🚪",
    "cue": "🔔",
}
_TEAMS: Final = "🟠🔵🟢🟡🟦🔴🟣⚪"
"""Eight groups in about their colours; every one two columns wide everywhere, as it needs no variation selector."""


@dataclass(frozen=True)
class Run:
    """Neighbouring characters of one ink."""

    text: str
    colour: str  # `#RRGGBB`
    bold: bool = False


Row = tuple[Run, ...]


def drawn(view: EnvView, spec: Spec) -> list[str]:
    """An env in the characters of map files, row by row."""
    return [plain(row) for row in rows_of(view, spec)]


def rows_of(view: EnvView, spec: Spec, mode: str = "ascii", agent: int | None = None) -> list[Row]:
    """An env as rows of runs.

    Args:
        mode: one of MODES.
        agent: show only the window around this one; what is outside the map stays empty.
    """
    texts, inks = _cells(view, spec, mode)
    for index, each in enumerate(view.agents):
        if view.cells[each.row, each.column] != AGENT:  # of a replay: it has left the map
            continue
        texts[each.row, each.column] = _agent_text(index, each.group, mode)
        inks[each.row, each.column] = len(spec.cell_names) + each.group
    if agent is not None:
        texts, inks = _window(texts, inks, view, spec, agent, "  " if mode == "miniscope" else _OUTSIDE)
    colours = [*(_ink(name) for name in spec.cell_names), *(group[1] for group in GROUP_COLOURS)]
    first_bold = len(spec.cell_names)
    return [_runs(row, ink, colours, first_bold) for row, ink in zip(texts.tolist(), inks.tolist(), strict=True)]


def plain(row: Row) -> str:
    """A row without colour."""
    return "".join(run.text for run in row)


def ansi(row: Row) -> str:
    """A row with the sequences that colour it in a terminal."""
    parts = []
    for run in row:
        red, green, blue = (int(run.colour[at : at + 2], 16) for at in (1, 3, 5))
        parts.append(f"\x1b[0;{'1;' if run.bold else ''}38;2;{red};{green};{blue}m{run.text}")
    return "".join(parts) + "\x1b[0m"


def _cells(view: EnvView, spec: Spec, mode: str) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Each cell's text and the number of its ink, agents not yet put in."""
    if mode == "miniscope":
        names = [_emoji(name) for name in spec.cell_names]
    else:
        names = [_OUTSIDE, _EMPTY, _AGENT, *(character_of(kind) or _UNDRAWN for kind in spec.kind_names)]
    texts = np.array(names, object)[view.cells]
    if mode == "box" and WALL in spec.kind_names:
        walls = view.cells == FIRST_KIND + spec.kind_names.index(WALL)
        texts[walls] = np.array(list(_JOINED), object)[_neighbours(walls)[walls]]
    return texts, view.cells.astype(np.int64)


def _neighbours(walls: NDArray[np.bool_]) -> NDArray[np.int64]:
    padded = np.pad(walls, 1).astype(np.int64)
    return padded[:-2, 1:-1] + 2 * padded[2:, 1:-1] + 4 * padded[1:-1, :-2] + 8 * padded[1:-1, 2:]


def _agent_text(index: int, group: int, mode: str) -> str:
    if mode == "miniscope":
        return _TEAMS[group % len(_TEAMS)]
    return _NUMBERS[index % len(_NUMBERS)] if mode in ("human", "nethack") else _AGENT


def _emoji(name: str) -> str:
    found = _EMOJI.get(name) or _EMOJI.get(name.rpartition("_")[0])
    return found or f"{character_of(name) or _UNDRAWN} "


def _window(
    texts: NDArray[np.object_], inks: NDArray[np.int64], view: EnvView, spec: Spec, agent: int, outside: str
) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """The part around an agent that its window holds."""
    tall, wide = spec.window_height // 2, spec.window_width // 2
    texts = np.pad(texts, ((tall, tall), (wide, wide)), constant_values=outside)
    inks = np.pad(inks, ((tall, tall), (wide, wide)))
    me = view.agents[agent]
    part = (slice(me.row, me.row + spec.window_height), slice(me.column, me.column + spec.window_width))
    return texts[part], inks[part]


def _ink(name: str) -> str:
    if name in ("outside", "empty"):
        return FLOOR_INK
    if name == WALL:
        return _WALL_INK
    return OWN_COLOURS.get(name.rpartition("_")[2]) or BASE_COLOURS.get(name, PLAIN)


def _runs(texts: Sequence[str], inks: Sequence[int], colours: Sequence[str], first_bold: int) -> Row:
    runs: list[Run] = []
    start = 0
    for at in range(1, len(texts) + 1):
        if at == len(texts) or inks[at] != inks[start]:
            ink = inks[start]
            runs.append(Run("".join(texts[start:at]), colours[ink], ink >= first_bold))
            start = at
    return tuple(runs)
