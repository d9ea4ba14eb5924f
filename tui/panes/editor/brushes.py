"""What can be drawn in a game, and how the palette lays it out. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.maps import AGENT, CHARACTERS, EMPTY, WALL, character_of

if TYPE_CHECKING:  # the pane opens before the compiled engine does
    from engine.sim import Rules

UNKNOWN: Final = "?"
"""Stands for a kind that the map format has no character for: it can be seen and erased, not saved."""

_GAP: Final = 1
"""Columns between two brushes of one line; each begins with two more for the mark of the one in hand."""


def brushes_of(rules: Rules | None) -> tuple[str, ...]:
    """Objects of a game in palette order; without a game, all that the map format can write."""
    if rules is None:
        return tuple(CHARACTERS)
    teams = [f"{AGENT}.team_{group + 1}" for group in range(rules.groups)] if rules.groups > 1 else []
    writable = [team for team in teams if team in CHARACTERS]
    return tuple(dict.fromkeys([EMPTY, WALL, AGENT, *writable, *rules.kinds]))


def shown_as(name: str) -> str:
    """The character that the canvas and the palette show for an object."""
    return character_of(name) or UNKNOWN


def label_of(name: str) -> str:
    """What the palette calls an object: `team 1` for its spawn cells."""
    return name.removeprefix(f"{AGENT}.").replace("_", " ")


@dataclass(frozen=True)
class Slot:
    """Where one brush stands in the palette: a line and a range of columns."""

    brush: int
    line: int
    start: int
    width: int


def arrange(widths: list[int], view_width: int, *, stacked: bool) -> list[Slot]:
    """Lay brushes out: one a line when stacked, else as many on a line as fit."""
    if stacked:
        return [Slot(brush, brush, 0, view_width) for brush in range(len(widths))]
    slots: list[Slot] = []
    line = start = 0
    for brush, width in enumerate(widths):
        if start and start + width > view_width:
            line, start = line + 1, 0
        slots.append(Slot(brush, line, start, width))
        start += width + _GAP
    return slots


def lines_of(slots: list[Slot]) -> int:
    """How many lines an arrangement takes."""
    return max((slot.line for slot in slots), default=-1) + 1
