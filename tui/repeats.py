"""Repetition: one action again and again, until it cannot be done or something happens. Pure; UI thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.sim import ActionResult, EnvView, Rules

from .panes.live.counter import MAX_COUNT
from .travel import interruption

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Repetition:
    """One action, again and again, asked for before each step. It ends by itself where it cannot be done or when
    something happens to the agent; the owner ends it at any key.
    """

    def __init__(self, rules: Rules, agent: int, action: int, count: int) -> None:
        self.agent, self.remaining = agent, min(count, MAX_COUNT)
        self.why_stopped = ""
        self._rules, self._action = rules, action
        self._seen: EnvView | None = None

    @property
    def done(self) -> bool:
        """Whether it has been done as often as asked for."""
        return self.remaining == 0

    @property
    def words(self) -> str:
        """How it stands: `again 12 times; any key stops`, `stopped: the episode ended`."""
        if self.why_stopped:
            return f"stopped: {self.why_stopped}"
        times = "once" if self.remaining == 1 else f"{self.remaining:,} times"
        return "done" if self.done else f"again {times}; any key stops"

    def next_action(self, view: EnvView, mask: NDArray[np.bool_]) -> int | None:
        """The action, or None once it is done or has stopped.

        Args:
            mask: (actions,) what would succeed now. What cannot be done is tried once, so that its reason is told.
        """
        if self.done or self.why_stopped:
            return None
        is_first = self._seen is None
        if self._seen is not None:
            self.why_stopped = interruption(self._seen, view, self._rules, self.agent) or self._failure(view, mask)
        self._seen = view
        if self.why_stopped:
            return None
        self.remaining -= 1
        if is_first and not mask[self._action]:
            self.remaining = 0
        return self._action

    def _failure(self, view: EnvView, mask: NDArray[np.bool_]) -> str:
        if mask[self._action] and view.agents[self.agent].last_result == ActionResult.SUCCESS:
            return ""
        left = "once" if self.remaining == 1 else f"{self.remaining:,} times"
        return f"{self._rules.actions[self._action].name} cannot be done any longer ({left} left)"
