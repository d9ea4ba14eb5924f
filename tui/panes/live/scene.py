"""Scene: all that the Live pane shows at one moment. Made by the Session, read by the pane; a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.sim import EnvView, Rules, Spec


@dataclass(frozen=True)
class Scene:
    """One env at one moment, and how it is being played."""

    rules: Rules
    spec: Spec
    view: EnvView
    source: str
    """Where the picture comes from: empty for the game under the user's hands, else a training run's name."""
    policy: str
    """Who plays the agents that no person plays."""
    selected: int
    """The agent that the pane follows and describes."""
    person: int | None
    """The agent that the user plays, None for none."""
    playing: bool
    """Whether time flows by itself."""
    target_rate: float
    """Steps per second wanted."""
    actual_rate: float
    """Steps per second of late, 0 while time stands."""
    step_terms: tuple[float, ...]
    """What each reward term paid the selected agent in the last step; empty where the ledger is not known."""
    episode_terms: tuple[float, ...]
    """The same for the whole episode so far."""
    observation: NDArray[np.uint8] | None
    """The selected agent's observation row, exactly as its policy gets it; None unless it is asked for."""
