"""What may be laid over the map: where an agent was, how far things are, and what its policy makes of each cell.

Pure but for what they are given. Those of a policy are for a worker thread: they load torch, and take some tens of
milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.sim import DIRECTION_STEPS, EMPTY, Batch, EnvView, Rules, Verb
from tui.panes.live.overlay import DOT, TRACE, Overlay, diverging_tint, marks, sequential_tint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.policies.insight import Attention, Saliency
    from engine.policies.registry import Policy
    from tui.panes.live.overlay import Codes

TRACE_STEPS = 40
"""Steps of the way that is shown: the last two screens of play at most."""

MOST_STEPS = 128
"""Of a distance: on a map of a million cells all of them would take a quarter of a second."""

_STRAIGHT = DIRECTION_STEPS[:4]


class OverlayKind(StrEnum):
    """What there is, in the order that one key goes through."""

    NONE = "none"
    VISITS = "visits"
    TRACE = "trace"
    DISTANCE = "distance"
    VALUE = "value"
    GREEDY = "greedy action"
    ENTROPY = "entropy"
    SALIENCY = "saliency"
    ATTENTION = "attention"

    @property
    def asks_a_network(self) -> bool:
        """Whether it takes a policy of networks, and a worker."""
        return self in (self.VALUE, self.GREEDY, self.ENTROPY, self.SALIENCY, self.ATTENTION)


# ---- From what was played


def visits(view: EnvView, track: NDArray[np.int16], agent: int) -> Overlay:
    """How often an agent was on each cell.

    Args:
        track: (steps, agents, 2), where they were.
    """
    # Only cells that were visited are worked on: a map may have a million.
    places, counts = np.unique(track[:, agent].astype(np.int64) @ (view.cells.shape[1], 1), return_counts=True)
    most = int(counts.max(initial=0))
    codes = _none(view)
    codes.ravel()[places] = sequential_tint(np.log1p(counts), float(np.log1p(most)))
    words = f"visits of agent {agent}, {len(track):,} steps of this episode, 1 .. {max(most, 1):,}, log"
    return Overlay("visits", codes, words)


def trace(view: EnvView, track: NDArray[np.int16], agent: int) -> Overlay:
    """The last steps of an agent, the latest brightest."""
    last = track[-TRACE_STEPS:, agent]
    newness = sequential_tint(np.arange(1.0, len(last) + 1), float(len(last)))
    codes = _none(view)
    codes[last[:, 0], last[:, 1]] = newness | marks(np.array(TRACE))  # of several visits of a cell the last one counts
    return Overlay("trace", codes, f"trace of agent {agent}, its last {len(last)} steps")


def distances(view: EnvView, rules: Rules, agent: int) -> Overlay:
    """How many steps it is from an agent to each cell, with all others where they stand."""
    steps = steps_from(view, rules, (view.agents[agent].row, view.agents[agent].column))
    near = np.flatnonzero(steps > 0)
    most = int(steps.ravel()[near].max(initial=0))
    codes = _none(view)
    codes.ravel()[near] = sequential_tint(most + 1.0 - steps.ravel()[near], float(most))
    further = ", no further" if most == MOST_STEPS else ""
    return Overlay("distance", codes, f"distance from agent {agent}, 1 (bright) .. {max(most, 1):,} steps{further}")


def steps_from(view: EnvView, rules: Rules, cell: tuple[int, int]) -> NDArray[np.int32]:
    """(height, width): steps to each free cell, 0 at the cell itself, -1 where no way of MOST_STEPS or less leads."""
    height, width = view.cells.shape
    # With a rim that nobody walks on, so that no step leaves the array.
    steps = np.full((height + 2, width + 2), -2, np.int32)
    steps[1:-1, 1:-1][view.cells == EMPTY] = -1
    flat = steps.ravel()
    start = (cell[0] + 1) * (width + 2) + cell[1] + 1
    flat[start] = 0
    diagonal = any(each.verb is Verb.MOVE and len(each.direction or "") > len("north") for each in rules.actions)
    offsets = [rows * (width + 2) + columns for rows, columns in (DIRECTION_STEPS if diagonal else _STRAIGHT)]
    frontier, distance = np.array([start]), 0
    while len(frontier) and distance < MOST_STEPS:
        distance += 1
        there = np.concatenate([frontier + offset for offset in offsets])
        frontier = np.unique(there[flat[there] == -1])
        flat[frontier] = distance
    found = steps[1:-1, 1:-1].copy()
    found[found == -2] = -1
    return found


# ---- From what a policy thinks of it


@dataclass(frozen=True)
class Inquiry:
    """A question to a network, with all it takes: may go to any thread."""

    kind: OverlayKind
    policy: Policy
    """A copy that nobody else uses, remembering what it did before this moment."""
    scratch: Batch
    """Used by one inquiry at a time."""
    state: bytes
    view: EnvView
    observation: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    agent: int
    moves: tuple[int, ...]
    """Of each action the arrow it is drawn as: a direction and one, DOT for all others."""
    box: tuple[int, int, int, int] | None
    """The part of the map in sight: row, column, height, width."""
    sample: str
    ticket: tuple[Any, ...]
    """Goes back with the answer, whatever it is."""

    def answer(self) -> Overlay:
        """Worker: ask.

        Raises:
            UsageError: the agent is not played by a network.
        """
        return _ANSWERS[self.kind](self)


def moves_of(rules: Rules) -> tuple[int, ...]:
    """The arrow of each action."""
    from engine.sim import DIRECTIONS

    return tuple(
        DIRECTIONS.index(each.direction) + 1 if each.direction and each.verb in (Verb.MOVE, Verb.ROTATE) else DOT
        for each in rules.actions
    )


def _what_if(asked: Inquiry) -> Overlay:
    from engine.policies.insight import what_if  # deferred: loads torch

    found = what_if(asked.policy, asked.scratch, asked.state, asked.agent, box=asked.box, sample=asked.sample)
    rows, columns = found.cells[:, 0], found.cells[:, 1]
    codes = _none(asked.view)
    count = "" if asked.box is None else ", cells in sight"
    whose = f"{found.origin.policy}, {found.origin.sample}, agent {asked.agent} as if it stood there{count}"
    if asked.kind is OverlayKind.ENTROPY:
        most = found.entropy_scale.high
        codes[rows, columns] = sequential_tint(found.entropies, most)
        return Overlay("entropy", codes, f"entropy {whose}, 0 .. {most:.2f} nats")
    codes[rows, columns] = _tinted(found.values)
    words = f"V {whose}, {found.value_scale.low:+.2f} .. {found.value_scale.high:+.2f}"
    if asked.kind is OverlayKind.GREEDY:
        codes[rows, columns] |= marks(np.array(asked.moves)[found.actions])
        return Overlay("greedy action", codes, f"likeliest action over {words}")
    return Overlay("value", codes, words)


def _saliency(asked: Inquiry) -> Overlay:
    from engine.policies.insight import saliency  # deferred: loads torch

    found: Saliency = saliency(asked.policy, asked.observation, asked.agent, mask=asked.mask, sample=asked.sample)
    most = float(found.change.max())
    words = f"saliency {found.origin.policy}, {asked.sample}, agent {asked.agent}: what it changes to hide a cell"
    return _over_window(asked, "saliency", found.change, most, f"{words}, 0 .. {most:.3f} of 1")


def _attention(asked: Inquiry) -> Overlay:
    from engine.errors import UsageError
    from engine.policies.insight import attention  # deferred: loads torch

    found: Attention | None = attention(asked.policy, asked.observation, asked.agent, sample=asked.sample)
    if found is None:
        raise UsageError(f"{asked.policy.name} has no attention to show", hint="o goes on to the next overlay")
    words = f"attention {found.origin.policy}, {asked.sample}, agent {asked.agent}, 0 .. {found.scale.high:.0%}"
    return _over_window(asked, "attention", found.weights, found.scale.high, words)


_ANSWERS: dict[OverlayKind, Callable[[Inquiry], Overlay]] = {
    OverlayKind.VALUE: _what_if,
    OverlayKind.GREEDY: _what_if,
    OverlayKind.ENTROPY: _what_if,
    OverlayKind.SALIENCY: _saliency,
    OverlayKind.ATTENTION: _attention,
}


def _over_window(asked: Inquiry, name: str, weights: NDArray[np.float32], most: float, words: str) -> Overlay:
    """Numbers by cells of the agent's window, laid where that lies on the map."""
    codes = _none(asked.view)
    height, width = codes.shape
    me = asked.view.agents[asked.agent]
    top, left = me.row - weights.shape[0] // 2, me.column - weights.shape[1] // 2
    rows = slice(max(top, 0), min(top + weights.shape[0], height))
    columns = slice(max(left, 0), min(left + weights.shape[1], width))
    inside = weights[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    codes[rows, columns] = sequential_tint(inside, most)
    return Overlay(name, codes, words)


def _none(view: EnvView) -> Codes:
    return np.zeros(view.cells.shape, np.uint32)


def _tinted(values: NDArray[np.float32]) -> Codes:
    """Values on both sides of zero go through the middle of the scale that has one; others from least to most."""
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    if low < 0 < high:
        return diverging_tint(values, max(-low, high))
    least = float(values.min()) if len(values) else 0.0
    span = (float(values.max()) - least if len(values) else 0.0) or 1.0
    return sequential_tint((values - least) * (14 / 15) + span / 15, span)  # the least has a tint as well
