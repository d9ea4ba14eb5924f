"""The legend: what each character of the present game means, in the ink that it is drawn with. Pure; any thread.

A line shows codes as `Inks` draws them, so it is right in every theme; a game's legend has what can occur in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style as Ink
from rich.text import Text

from engine.sim import EMPTY, FIRST_KIND, Kind, Rules, Style, Verb
from tui.text import safe_str
from tui.themes import group_colour

from .art import EmojiArt, SpriteArt
from .overlay import DOT, FIRST_DIVERGING, MARK_SHIFT, TINT_SHIFT, TRACE
from .picture import (
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
    can_freeze,
    facing_matters,
    facings_of,
)
from .words import amounts

MOST_SIGNS = 4
"""Columns of a line's signs beyond which no more are shown: a word says the rest."""


@dataclass(frozen=True)
class Line:
    """One line of the legend: codes that mean this, the first of each look first, and words."""

    codes: tuple[int, ...]
    name: str
    detail: str = ""


def legend(inks: Inks, shown: int = 0) -> list[Line]:
    """The lines for the game that the inks are for; `shown` is a bitwise or of codes, for what lies above the things:
    the window, marks and fog have a line when they are there.
    """
    lines = [*_agents(inks.rules, inks), *_kinds(inks)]
    return [*lines, *_states(inks.rules), *_layers(inks, shown)]


def signs(line: Line, inks: Inks, art: EmojiArt | SpriteArt | None = None) -> list[Text]:
    """The signs of a line as they are drawn, each look once: a row of text, or as many as the art's cells have."""
    if art is None:
        return [_joined(looks_of(line.codes, inks).values())]
    drawn = {art.lines(code): None for code in line.codes}
    most = max(1, MOST_SIGNS // art.columns)
    return [
        Text.assemble(*((segment.text, segment.style or "") for cell in list(drawn)[:most] for segment in cell[row]))
        for row in range(art.rows)
    ]


def looks_of(codes: Iterable[int], inks: Inks) -> dict[tuple[str, Ink], Segment]:
    """What codes look like in one column: each look once, in order."""
    looks: dict[tuple[str, Ink], Segment] = {}
    for code in codes:
        text, style = inks(code)
        character = text[2:] or text[0]
        looks.setdefault((character, style), Segment(character, style))
    return looks


def legend_rows(inks: Inks, shown: int = 0, art: EmojiArt | SpriteArt | None = None) -> list[Text]:
    """The legend as text: a row a line, or as many as the art has. The signs are in columns of their own."""
    lines = legend(inks, shown)
    drawn = [signs(line, inks, art) for line in lines]
    width = max((rows[0].cell_len for rows in drawn), default=0)
    rows = []
    for line, (first, *others) in zip(lines, drawn, strict=True):
        detail = safe_str(line.detail)
        rows.append(_padded(first, width).append(f" {safe_str(line.name)}"))
        if detail and others:
            rows.append(_padded(others[0], width).append(f" {detail}", "dim"))
            others = others[1:]
        elif detail:
            rows[-1].append(f"  {detail}", "dim")
        rows += others
    return rows


def _padded(text: Text, width: int) -> Text:
    return text.append(" " * (width - text.cell_len))


def _joined(segments: Iterable[Segment]) -> Text:
    return Text.assemble(*((segment.text, segment.style or "") for segment in list(segments)[:MOST_SIGNS]))


def ramp(inks: Inks, *, diverging: bool) -> Text:
    """All levels of a tint side by side, from least to most, for a line that names the ends of a scale."""
    levels = range(FIRST_DIVERGING, 32) if diverging else range(1, FIRST_DIVERGING)
    text = Text()
    for level in levels:
        drawn, style = inks(EMPTY | level << TINT_SHIFT)
        text.append((drawn[2:] or drawn[0]) if inks.is_flat else " ", style)
    return text


# ---- Lines


def _agents(rules: Rules, inks: Inks) -> list[Line]:
    """Groups, the one that is looked at, and states that an agent can be in."""
    groups, facings = range(inks.spec.group_count), facings_of(rules)
    every = [FIRST_AGENT + group * FACINGS + facing for group in groups for facing in facings]
    flags = [0]
    lines = []
    for group in groups:
        own = tuple(code for code in every if (code - FIRST_AGENT) // FACINGS == group)
        lines.append(Line(own, *_group_words(rules, inks, group)))
    if can_freeze(rules):
        lines.append(Line(tuple(code + FROZEN for code in every), "frozen", "it cannot act"))
        flags += [FROZEN]
    if rules.has_verb(Verb.SHIELD):
        lines.append(Line(tuple(code + SHIELDED for code in every), "shield up", "hits cost it instead"))
        flags += [SHIELDED, SHIELDED + FROZEN] if can_freeze(rules) else [SHIELDED]
    turned = "shows where it faces" if facing_matters(rules) else ""
    lines.append(Line(tuple(code + flag + SELECTED for flag in flags for code in every), "selected", turned))
    return lines


def _group_words(rules: Rules, inks: Inks, group: int) -> tuple[str, str]:
    role, colour = rules.role_of_group(group), "" if inks.is_mono else group_colour(group).name
    if inks.spec.group_count == 1:
        return role, "" if role == "agent" else "agents"
    return f"group {group}", ", ".join(filter(None, ("" if role == "agent" else role, colour)))


def _kinds(inks: Inks) -> list[Line]:
    lines = [Line((EMPTY,), "floor")]
    for index, (name, kind) in enumerate(inks.rules.kinds.items()):
        code = FIRST_KIND + index
        joined = range(16) if name == "wall" and inks.theme.walls else range(1)
        masks = sorted(joined, key=lambda mask: (mask not in _STRAIGHT_WALLS, mask))
        lines.append(Line(tuple(code | mask << JOIN_SHIFT for mask in masks), name, kind_words(kind)))
    return lines


_STRAIGHT_WALLS = (3, 12)
"""What one knows a wall by: the corners come behind, where there is no room for all."""


def kind_words(kind: Kind) -> str:
    """What a kind does, in brief: `3 battery > 1 heart`."""
    takes, gives = amounts(kind.inputs), amounts(kind.outputs)
    match kind.style:
        case Style.CHEST:
            return f"keeps {takes or gives or 'nothing'}"
        case Style.USE | Style.PUT_GET if takes:
            return f"{takes} > {gives or 'nothing'}"
        case Style.USE | Style.PUT_GET:
            return f"gives {gives}" if gives else "can be used"
    return "swaps places with agents" if kind.swappable else ""


def _states(rules: Rules) -> list[Line]:
    """How a thing looks that cannot be used: all kinds that can come to it on one line."""
    cooling = [FIRST_KIND + index for index, kind in enumerate(rules.kinds.values()) if can_cool(kind)]
    finite = [FIRST_KIND + index for index, kind in enumerate(rules.kinds.values()) if kind.max_uses]
    lines = []
    if cooling:
        lines.append(Line(tuple(code + NOT_READY for code in cooling), "not ready", "cooling down, or at work"))
    if finite:
        lines.append(Line(tuple(code + NOT_READY + USED_UP for code in finite), "used up", "for this episode"))
    return lines


def can_cool(kind: Kind) -> bool:
    """Whether a kind can be not ready for a while."""
    return bool(kind.converts and (kind.cooldown or kind.conversion_ticks))


def _layers(inks: Inks, shown: int) -> list[Line]:
    lines = []
    if shown & SEEN:
        lines.append(Line((EMPTY + SEEN,), "observed", "by the selected agent"))
    if shown >> MARK_SHIFT & 15:
        lines.append(Line(tuple(EMPTY | mark << MARK_SHIFT for mark in range(1, 9)), "goes there"))
        lines.append(Line((EMPTY | DOT << MARK_SHIFT,), "stays, or does something else"))
        lines.append(Line((EMPTY | TRACE << MARK_SHIFT,), "came this way"))
    if shown & FOG:
        lines.append(Line((EMPTY | FOG,), "remembered", "not in sight now"))
    return lines
