"""Where the time of an iteration goes: every moment between two laps belongs to one phase.

Owned by the trainer and used by its thread. On a GPU a lap sees the time until work is handed over, not until it is
done.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class Stopwatch:
    """Seconds by phase. A lap costs 0.1 us and allocates nothing but a float."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._last = clock()
        self.seconds: dict[str, float] = {}
        """Of each phase since the last `restart`."""

    def lap(self, phase: str) -> None:
        """All time since the last lap was this phase."""
        now = self._clock()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self._last
        self._last = now

    def skip(self) -> None:
        """The time since the last lap belongs to no phase: the run was paused."""
        self._last = self._clock()

    def restart(self) -> None:
        """Count from zero, for the next iteration. Known phases stay, so that each is always told."""
        for phase in self.seconds:
            self.seconds[phase] = 0.0

    def metrics(self) -> dict[str, float]:
        """`time/<phase>_share` of the time that was counted; they add up to 1."""
        total = sum(self.seconds.values())
        return {f"time/{phase}_share": spent / total for phase, spent in self.seconds.items()} if total > 0 else {}
