"""What is worth a mark on the timeline, found from the agents before and after a step. Pure; no loop over agents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.sim import FOREVER, Spec
from tui.panes.live.events import Mark

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEART = "heart"


def marks_of(
    before: NDArray[np.void], after: NDArray[np.void], spec: Spec, ended: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Marks of every agent, (agents,), from `Batch.standing` before and after a step.

    Args:
        ended: (agents,), whose episode this step ended. They stand in the next one already, but for their reward.
    """
    marks = np.zeros(len(after), np.uint8)
    goes_on = ~ended
    is_frozen = (after["frozen"] > before["frozen"]) & goes_on
    marks[is_frozen] |= np.uint8(Mark.FROZEN)
    marks[is_frozen & (after["frozen"] >= FOREVER)] |= np.uint8(Mark.CAUGHT)
    if HEART in spec.resource_names:
        at = spec.resource_names.index(HEART)
        marks[(after["inventory"][:, at] > before["inventory"][:, at]) & goes_on] |= np.uint8(Mark.HEART)
    # What is paid for holding something, or for each step, comes every step: only what is more than that is an event.
    marks[after["step_reward"] > np.maximum(before["step_reward"], 0)] |= np.uint8(Mark.REWARD)
    is_first = before["last_action"] < 0  # nobody can tell whether what it costs comes every step
    marks[(after["step_reward"] < np.minimum(before["step_reward"], 0)) & ~is_first] |= np.uint8(Mark.LOSS)
    marks[ended] |= np.uint8(Mark.END)
    return marks
