"""From a Scene to cell codes for the grid view, and from codes to ink. Pure; numpy only where arrays are at hand.

A code is a small number that stands for one look: kinds first (twice: ready and not), then agents by group,
facing and whether they are the selected one. Bits above say how the ground is tinted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from rich.style import Style

from engine.sim import AGENT, Spec, Verb
from tui.glyphs import OWN, Look, agent_look, cell_look

from .scene import Scene

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.sim import Rules

NOT_READY = 128  # added to a kind's code: dim
FIRST_AGENT = 256
SELECTED = 128  # added to an agent's code: reverse
SEEN = 1024  # added to any code: inside the selected agent's window
FACINGS = 9  # eight directions, and one for "not observed"
UNKNOWN_FACING = 8


def scene_codes(scene: Scene, *, window_shown: bool) -> NDArray[np.uint16]:
    """(height, width) codes of the whole map."""
    view = scene.view
    codes = view.cells.astype(np.uint16)
    codes[view.ready >= 2] += NOT_READY
    for index, agent in enumerate(view.agents):
        code = FIRST_AGENT + agent.group * FACINGS + agent.facing
        codes[agent.row, agent.column] = code + (SELECTED if index == scene.selected else 0)
    if window_shown:
        agent = view.agents[scene.selected]
        rows, columns = scene.spec.window_height // 2, scene.spec.window_width // 2
        top, left = max(agent.row - rows, 0), max(agent.column - columns, 0)
        codes[top : agent.row + rows + 1, left : agent.column + columns + 1] += SEEN
    return codes


def observed_codes(scene: Scene) -> NDArray[np.uint16]:
    """(window height, window width) codes of what the selected agent's observation says, from its bytes alone."""
    spec = scene.spec
    assert scene.observation is not None
    size = spec.window_height * spec.window_width
    planes = {
        name: scene.observation[at * size : (at + 1) * size].reshape(spec.window_height, spec.window_width)
        for at, name in enumerate(spec.planes)
    }
    codes = np.zeros((spec.window_height, spec.window_width), np.uint16)
    if "kind" in planes:
        codes += planes["kind"]
    agents = codes == AGENT
    looks = np.full_like(codes, FIRST_AGENT + (0 if "facing" in planes else UNKNOWN_FACING))
    for name, step in (("group", FACINGS), ("facing", 1)):
        if name in planes:  # these planes say index + 1, so that 0 can mean "no agent"
            looks[agents] += (planes[name][agents].astype(np.uint16) - 1) * step
    if "ready" in planes:
        codes[planes["ready"] >= 2] += NOT_READY
    codes[agents] = looks[agents]
    codes[spec.window_height // 2, spec.window_width // 2] += SELECTED
    return codes


def facing_matters(rules: Rules) -> bool:
    """Whether an agent's facing changes what its actions do, or what it sees."""
    return rules.sight.cone_degrees < 360 or any(action.verb in _AHEAD for action in rules.actions)


_AHEAD = (Verb.USE, Verb.PUT, Verb.GET, Verb.STEP, Verb.ATTACK, Verb.SWAP)
"""What an agent does to the cell ahead of it."""


class Inks:
    """Turns codes into characters and styles for one game and one theme. Immutable: make a new one for a change."""

    def __init__(
        self, rules: Rules, spec: Spec, *, dark: bool, ansi: bool, seen_ground: str, own: Mapping[str, str] = OWN
    ) -> None:
        self._names, self._dark, self._ansi = spec.cell_names, dark, ansi
        self._seen_ground, self._shows_facing = seen_ground, facing_matters(rules)
        self._own = own

    def __call__(self, code: int) -> tuple[str, Style]:
        seen, code = code >= SEEN, code % SEEN
        look = self._agent(code - FIRST_AGENT) if code >= FIRST_AGENT else self._cell(code)
        selected = code >= FIRST_AGENT and (code - FIRST_AGENT) >= SELECTED
        style = Style(
            color=look.colour.on(dark=self._dark, ansi=self._ansi),
            bgcolor=self._seen_ground if seen and self._seen_ground else None,
            bold=look.bold,
            dim=look.dim,
            reverse=selected,
        )
        return look.character + look.second, style

    def _cell(self, code: int) -> Look:
        ready = code < NOT_READY
        return cell_look(self._names[code if ready else code - NOT_READY], ready=ready, own=self._own)

    def _agent(self, code: int) -> Look:
        group, facing = divmod(code % SELECTED, FACINGS)
        return agent_look(group, facing, shows_facing=self._shows_facing, own=self._own)
