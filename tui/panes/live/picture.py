"""From a Scene to cell codes for the grid view, and from codes to ink. Pure; numpy only where arrays are at hand.

A code is a number that stands for one look, and nothing else decides how a cell is drawn. The low 16 bits are the
thing: kinds first, then agents by group and facing, and flags for the states of both. Above them: a tint of the
ground, a mark on the floor, fog, and how a wall joins its neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from rich.style import Style

from engine.sim import AGENT, EMPTY, Rules, Spec, Verb
from tui.glyphs import ASCII, FLOOR_INK, MARK_INK, OWN, GlyphTheme, Look, cell_looks
from tui.themes import GroupColour

from .overlay import FIRST_DIVERGING, MARK_SHIFT, TINT_SHIFT, ZERO
from .scene import Scene

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Codes = NDArray[np.uint32]

NOT_READY = 128  # added to a kind's code: dim
FIRST_AGENT = 256
SELECTED = 128  # added to an agent's code: reverse
FROZEN = 512  # added to an agent's code: it cannot act
SEEN = 1024  # added to any code: inside the selected agent's window
SHIELDED = 2048  # added to an agent's code: its shield is up
USED_UP = 4096  # added to the code of a kind that is not ready: it never will be again
FACINGS = 9  # eight directions, and one for "not observed"
UNKNOWN_FACING = 8

FOG = 1 << 25  # not in sight now, but remembered
DARK = 1 << 26  # never seen: blank
JOIN_SHIFT = 27  # 4 bits of a wall: the neighbours that it joins, N 1, S 2, W 4, E 8


def scene_codes(scene: Scene, *, window_shown: bool, joins: WallJoins | None = None) -> Codes:
    """(height, width) codes of the whole map; with `joins`, walls say how they join."""
    view = scene.view
    codes = view.cells.astype(np.uint32)
    _add_readiness(codes, view.ready)
    if joins is not None and "wall" in scene.spec.cell_names:
        codes |= joins.of(view.cells == scene.spec.cell_names.index("wall"))
    for index, agent in enumerate(view.agents):
        code = FIRST_AGENT + agent.group * FACINGS + agent.facing
        code += (FROZEN if agent.frozen else 0) + (SHIELDED if agent.shield else 0)
        codes[agent.row, agent.column] = code + (SELECTED if index == scene.selected else 0)
    if window_shown:
        agent = view.agents[scene.selected]
        rows, columns = scene.spec.window_height // 2, scene.spec.window_width // 2
        top, left = max(agent.row - rows, 0), max(agent.column - columns, 0)
        codes[top : agent.row + rows + 1, left : agent.column + columns + 1] += SEEN
    return codes


def observed_codes(scene: Scene, *, joined: bool = False) -> Codes:
    """(window height, window width) codes of what the selected agent's observation says, from its bytes alone."""
    spec = scene.spec
    assert scene.observation is not None
    size = spec.window_height * spec.window_width
    planes = {
        name: scene.observation[at * size : (at + 1) * size].reshape(spec.window_height, spec.window_width)
        for at, name in enumerate(spec.planes)
    }
    return codes_of_planes(spec, planes, joined=joined)


def codes_of_planes(spec: Spec, planes: Mapping[str, NDArray[np.uint8]], *, joined: bool = False) -> Codes:
    """(window height, window width) codes of planes by name, each (window height, window width)."""
    codes = np.zeros((spec.window_height, spec.window_width), np.uint32)
    if "kind" in planes:
        codes += planes["kind"]
    walls = codes == spec.cell_names.index("wall") if "wall" in spec.cell_names else np.zeros_like(codes, np.bool_)
    agents = codes == AGENT
    looks = np.full_like(codes, FIRST_AGENT + (0 if "facing" in planes else UNKNOWN_FACING))
    for name, step in (("group", FACINGS), ("facing", 1)):
        if name in planes:  # these planes say index + 1, so that 0 can mean "no agent"
            looks[agents] += (planes[name][agents].astype(np.uint32) - 1) * step
    for name, flag in (("frozen", FROZEN), ("shield", SHIELDED)):
        if name in planes:
            looks[agents & (planes[name] > 0)] += flag
    if "ready" in planes:
        _add_readiness(codes, planes["ready"])
    codes[agents] = looks[agents]
    if joined:
        codes |= wall_joins(walls)
    codes[spec.window_height // 2, spec.window_width // 2] += SELECTED
    return codes


def _add_readiness(codes: Codes, ready: NDArray[np.uint8]) -> None:
    """Few things are not ready on most maps, so the whole map is only looked through."""
    busy = np.flatnonzero(ready >= 2)
    if len(busy):
        flags = np.where(ready.reshape(-1)[busy] == 3, NOT_READY + USED_UP, NOT_READY)
        codes.reshape(-1)[busy] += flags.astype(np.uint32)


def facing_matters(rules: Rules) -> bool:
    """Whether an agent's facing changes what its actions do, or what it sees."""
    return rules.sight.cone_degrees < 360 or any(action.verb in _AHEAD for action in rules.actions)


_AHEAD = (Verb.USE, Verb.PUT, Verb.GET, Verb.STEP, Verb.ATTACK, Verb.SWAP)
"""What an agent does to the cell ahead of it."""


# ---- Walls


class WallJoins:
    """How the walls of a map join. Keeps the last answer: walls seldom change, and a large map has many."""

    def __init__(self) -> None:
        self._walls: NDArray[np.bool_] = np.zeros((0, 0), np.bool_)
        self._joins: Codes = np.zeros((0, 0), np.uint32)

    def of(self, walls: NDArray[np.bool_]) -> Codes:
        """(height, width) bits for the codes; not to be written to."""
        if not np.array_equal(walls, self._walls):
            self._walls, self._joins = walls, wall_joins(walls)
        return self._joins


def wall_joins(walls: NDArray[np.bool_]) -> Codes:
    """Which neighbours each wall joins, as bits of a code: lines around rock, not a grid through it.

    Two walls side by side join, unless all beside them is wall as well; beyond the edge of the map all is wall.
    """
    around = np.pad(walls, 1, constant_values=True)
    masks = np.zeros(walls.shape, np.uint32)
    across = walls[:, :-1] & walls[:, 1:]
    across &= ~(around[:-2, 1:-2] & around[:-2, 2:-1] & around[2:, 1:-2] & around[2:, 2:-1])
    along = walls[:-1] & walls[1:]
    along &= ~(around[1:-2, :-2] & around[2:-1, :-2] & around[1:-2, 2:] & around[2:-1, 2:])
    masks[1:] |= along * np.uint32(1)
    masks[:-1] |= along * np.uint32(2)
    masks[:, 1:] |= across * np.uint32(4)
    masks[:, :-1] |= across * np.uint32(8)
    return masks << np.uint32(JOIN_SHIFT)


# ---- Tints, marks and fog: bits to be laid over the codes of a map of the same shape


def is_floor(code: int) -> bool:
    """Whether a mark on this cell shows."""
    return code & 0x3FF == EMPTY


def tint_of(code: int) -> int:
    """The level of its tint, 0 for none."""
    return code >> TINT_SHIFT & 31


def mark_of(code: int) -> int:
    """Its mark, 0 for none."""
    return code >> MARK_SHIFT & 15


def joins_of(code: int) -> int:
    """The neighbours that a wall joins."""
    return code >> JOIN_SHIFT & 15


def agent_of(code: int) -> tuple[int, int] | None:
    """(group, facing) of the agent there; None without one."""
    return divmod((code & 0x1FF) % SELECTED, FACINGS) if code & FIRST_AGENT else None


def kind_of(code: int) -> int:
    """The index into `cell_names` of a cell without an agent."""
    return code & 0x7F


def can_freeze(rules: Rules) -> bool:
    """Whether something in the game makes an agent lose turns."""
    return rules.tag is not None or rules.has_verb(Verb.ATTACK)


def facings_of(rules: Rules) -> range:
    """The directions that an agent can face in this game."""
    ways = {action.direction for action in rules.actions if action.direction is not None}
    return range(8) if any(way not in ("north", "south", "west", "east") for way in ways) else range(4)


# ---- Ink

_GROUNDS = {True: "#101317", False: "#FAFAF7"}
# The ends of the tints on a dark and on a light ground: blue for more, orange for less, as all eyes can tell apart.
_MORE = {True: ("#17252C", "#1C7388"), False: ("#E6F1F4", "#6DBBD0")}
_ABOVE = {True: ("#1A2733", "#2B6FB5"), False: ("#E3EDF7", "#7DB0E6")}
_BELOW = {True: ("#2E2219", "#A65A12"), False: ("#F8EADB", "#EBA257")}
_ZERO = {True: "#23282E", False: "#E4E4DE"}
_DIGITS = {
    "more": GroupColour("cyan", "", "", "bright_cyan"),
    "above": GroupColour("blue", "", "", "bright_blue"),
    "below": GroupColour("yellow", "", "", "bright_yellow"),
}
_BENEATH = 0.45
"""How much of a tint shows beneath an agent or a thing, which must stay readable on it."""


class Inks:
    """Turns codes into characters and styles for one game and one theme. Immutable: make a new one for a change.

    With `ansi` the terminal's own sixteen colours are used, with `mono` none at all: levels of a tint are digits then.
    """

    def __init__(
        self,
        rules: Rules,
        spec: Spec,
        *,
        dark: bool,
        ansi: bool,
        seen_ground: str,
        own: Mapping[str, str] = OWN,
        theme: GlyphTheme = ASCII,
        mono: bool = False,
    ) -> None:
        self.rules, self.spec, self.theme, self.dark = rules, spec, theme, dark
        self.is_flat = ansi or mono
        """Whether tints are digits, for want of colours."""
        self._ansi, self.is_mono = ansi, mono
        self._seen_ground, self._shows_facing = "" if self.is_flat else seen_ground, facing_matters(rules)
        self._shows_group = mono and spec.group_count > 1
        self._looks = cell_looks(theme, (name for name in spec.cell_names[2:] if name != "agent"), own)

    def __call__(self, code: int) -> tuple[str, Style]:
        """Two columns of text and, where one column looks different, a third character for that; and their style."""
        look = self.look(code)
        return look.text, self._style(look, code)

    def look(self, code: int) -> Look:
        """What stands there, in whatever ink; an emoji too, in a theme that has them."""
        if code & DARK:
            return Look("  ", MARK_INK)
        agent = agent_of(code)
        if agent is not None:
            return self._looks.agent(
                *agent,
                shows_facing=self._shows_facing,
                shows_group=self._shows_group,
                selected=bool(code & 0xFF & SELECTED),
                frozen=bool(code & FROZEN),
                shield=bool(code & SHIELDED),
            )
        if is_floor(code) and (mark_of(code) or (self.is_flat and tint_of(code))):
            return self._marked(code)
        look = self._looks.cell(
            self.spec.cell_names[kind_of(code)],
            ready=not code & NOT_READY,
            used_up=bool(code & USED_UP),
            joins=joins_of(code),
        )
        if self.is_flat and is_floor(code):  # the window has no ground of its own there: what is outside it is dim
            return Look(look.text, MARK_INK if code & SEEN else look.colour, dim=not code & SEEN)
        return look

    def _marked(self, code: int) -> Look:
        """A floor with an arrow, a dot or a path on it, else with the level of its tint as a digit."""
        mark = mark_of(code)
        if mark:
            signs = (*self.theme.arrows, self.theme.dot, self.theme.trace)
            return Look(f"{signs[mark - 1]} ", MARK_INK, bold=True)
        level = tint_of(code)
        if level < FIRST_DIVERGING:
            return Look(f"{level * 9 // 15} ", _DIGITS["more"], dim=self.is_mono)
        step = level - ZERO
        sign = "-" if step < 0 else "+" if step else " "
        colour = _DIGITS["below" if step < 0 else "above"]
        # Without colour the agents are digits too, and bold.
        return Look(f"{sign}{abs(step)}{abs(step)}", colour, underlined=step < 0, dim=self.is_mono)

    def _style(self, look: Look, code: int) -> Style:
        tint = tint_of(code)
        ground = self._seen_ground if code & SEEN else ""
        if tint and not self.is_flat and not code & DARK:
            ground = tint_ground(tint, self.dark, 1.0 if is_floor(code) else _BENEATH)
        is_faint = bool(code & FOG)
        return Style(
            color=self._colour(look, code, ground),
            bgcolor=ground or None,
            bold=look.bold and not is_faint,
            dim=look.dim or (is_faint and self.is_flat),
            reverse=look.reverse,
            underline=look.underlined,
            strike=look.struck,
        )

    def _colour(self, look: Look, code: int, ground: str) -> str | None:
        if self.is_mono:
            return None
        if self._ansi:
            return look.colour.on(ansi=True)
        colour = look.colour.on(dark=self.dark)
        if code & FOG:
            return blended(colour, _GROUNDS[self.dark], 0.6)
        if tint_of(code) and look.colour is FLOOR_INK:  # whose shadow would be lost in a tint
            return blended(ground, MARK_INK.on(dark=self.dark), 0.25)
        return colour


def tint_ground(level: int, dark: bool, share: float = 1.0) -> str:
    """The colour of a tint's level, as much of it as `share` says."""
    if level == ZERO:
        ground = _ZERO[dark]
    elif level < FIRST_DIVERGING:
        ground = blended(*_MORE[dark], (level - 1) / 14)
    elif level > ZERO:
        ground = blended(*_ABOVE[dark], (level - ZERO - 1) / 6)
    else:
        ground = blended(*_BELOW[dark], (ZERO - level - 1) / 7)
    return ground if share == 1.0 else blended(_GROUNDS[dark], ground, share)


def blended(one: str, other: str, share: float) -> str:
    """Two colours in one: `share` of the other."""
    pairs = ((int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(first + (second - first) * share):02X}" for first, second in pairs)
