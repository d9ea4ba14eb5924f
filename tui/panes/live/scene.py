"""Scene: all that the Live pane shows at one moment. Made by the game, read by the pane; a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .clock import Clock
from .overlay import Overlay

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.policies.sights import Eye
    from engine.sim import EnvView, ObjectView, Rules, Spec


@dataclass(frozen=True)
class Intent:
    """What an agent is about to do, and why its policy thinks so."""

    policy: str
    """Who said so."""
    probabilities: NDArray[np.float32] | None
    """(actions,); None where the policy has none."""
    value: float | None
    """The return from here that the policy expects; None where it expects none."""
    took: int | None
    """The action it then took, -1 for one that the game does not have; None where that is yet to come."""
    by_hand: bool
    """Whether a person chose the action."""
    reason: str = ""
    """In words, of a policy that has reasons and no probabilities."""


@dataclass(frozen=True)
class Beside:
    """The same tick of another branch, to be compared."""

    branch: int
    view: EnvView
    tick: int
    """Its tick of the history: an earlier one where that branch has ended."""


@dataclass(frozen=True)
class Scene:
    """One env at one moment, and how it is being played."""

    rules: Rules
    spec: Spec
    view: EnvView
    source: str
    """Where the picture comes from: empty for the game under the user's hands, else a run's or a file's name."""
    policy: str
    """Who plays the agents that no person plays."""
    selected: int
    """The agent that the pane follows and describes."""
    person: int | None
    """The agent that the user plays, None for none."""
    playing: bool
    """Whether time flows by itself."""
    target_rate: float
    """Steps per second wanted; infinite for as many as there can be."""
    actual_rate: float
    """Steps per second of late, 0 while time stands."""
    step_terms: tuple[float, ...]
    """What each reward term paid the selected agent in the last step; empty where the ledger is not known."""
    episode_terms: tuple[float, ...]
    """The same for the whole episode so far."""
    observation: NDArray[np.uint8] | None
    """The selected agent's observation row, exactly as its policy gets it; None unless it is asked for."""
    is_film: bool = False
    """Whether it can only be looked at."""
    clock: Clock | None = None
    """Where in time it is; None where there is no time to travel in."""
    played_by: str = ""
    """Who took the step that led here for the selected agent; empty where that is whoever plays it now."""
    held: frozenset[int] = frozenset()
    """All agents in persons' hands."""
    intent: Intent | None = None
    """What the selected agent is about to do; None where nobody knows."""
    overlay: Overlay | None = None
    """What is laid over the map."""
    overlay_words: str = ""
    """The same in words, or what it waits for."""
    eye: Eye | None = None
    """The observation, cell by cell in words; None unless it is asked for."""
    events: tuple[str, ...] = ()
    """What happened of late, the newest last."""
    beside: Beside | None = None
    """Another branch, unless nothing is compared."""
    cursor: tuple[int, int] | None = None
    """The cell that the user looks at, (row, column)."""
    thing: ObjectView | None = None
    """The object there, with what the picture does not show of it."""
    in_sight: NDArray[np.bool_] | None = field(default=None, repr=False)
    """(height, width): what the selected agent sees now, where fog is wanted."""
    known: NDArray[np.bool_] | None = field(default=None, repr=False)
    """(height, width): what it has seen in this episode, likewise."""
