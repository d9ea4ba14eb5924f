"""The smallest game for one mechanic: every verb at hand, nothing on the map but what a test names."""

from __future__ import annotations

from typing import Any

from engine.sim import Action, Batch, Kind, Resource, Rules, Verb
from engine.sim.games import NOOP, STRAIGHT, moves, rotations, steps

HANDS = (Action(name="use", verb=Verb.USE), Action(name="put", verb=Verb.PUT), Action(name="get", verb=Verb.GET))
ACTIONS = (NOOP, *moves(*STRAIGHT), *rotations(*STRAIGHT), *steps(), *HANDS, Action(name="swap", verb=Verb.SWAP))


def small(actions: tuple[Action, ...] = (), kinds: dict[str, Kind] | None = None, **changes: Any) -> Rules:
    """A game of walls and the given kinds, with the usual actions and the given ones."""
    return Rules(name="small", actions=(*ACTIONS, *actions), kinds={"wall": Kind(), **(kinds or {})}, **changes)


def resources(**limits: int) -> dict[str, Resource]:
    """Resources of these limits, of which nobody holds any at the start."""
    return {name: Resource(limit=limit) for name, limit in limits.items()}


def stat(sim: Batch, name: str, agent: int = 0) -> int:
    """One count of this episode."""
    return int(sim.ledger()[2][agent, sim.spec.stat_names.index(name)])


def plane_at_centre(sim: Batch, plane: str, row: int = 0, right: int = 0) -> int:
    """A byte of the middle row of an observation, so many cells to the right of the agent."""
    width, height = sim.spec.window_width, sim.spec.window_height
    first = sim.spec.planes.index(plane) * width * height
    return int(sim.observations[row, first + height // 2 * width + width // 2 + right])
