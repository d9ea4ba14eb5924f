"""How many pictures a second the terminal can take: a few are under way at a time, and no more are drawn.

A picture is under way until the terminal has answered a query that was written behind it (`CSI ? 2026 $ p`). Over a
slow line that is the only way to know: bytes wait in windows of ssh that no program sees. Without a line in
between, and with terminals that do not answer, it is under way until our own writer has handed it over.

Owned by the app. UI thread only: answers that come on other threads are passed on to it (see tui/frames.py).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping

MOST_IN_FLIGHT = 3  # one on its way, one that is being drawn, one whose answer comes back: a round trip is no pause
MOST_BYTES_IN_FLIGHT = 16_000  # a key's effect comes behind them: 80 ms at 200 kB/s
PATIENCE_S = 2.0  # longer than a large picture takes over a slow line
PERIOD_S = 1.0  # over which pictures are counted


def is_remote(environ: Mapping[str, str]) -> bool:
    """Whether a line of unknown speed lies between the program and the terminal."""
    return "SSH_CONNECTION" in environ


class Pacing:
    """Counts the pictures under way. Ask `may_draw` before drawing; what may not be drawn is dropped, never queued."""

    def __init__(self, active: bool, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing under way.

        Args:
            active: whether to ask the terminal, not only our own writer.
            clock: monotonic seconds.
        """
        self.active = active
        self._clock = clock
        self._flying: deque[tuple[float, int]] = deque()  # when each was written, and its bytes
        self._shown: deque[float] = deque()
        self._is_deaf = False

    @property
    def asks(self) -> bool:
        """Whether a query belongs behind each picture. A deaf terminal is asked as well: it may have been slow."""
        return self.active

    @property
    def hears(self) -> bool:
        """Whether the terminal's answers count; otherwise what the writer has handed over counts."""
        return self.active and not self._is_deaf

    @property
    def in_flight(self) -> int:
        """Pictures under way."""
        self._give_up()
        return len(self._flying)

    def may_draw(self) -> bool:
        """Whether a picture that is drawn now would arrive soon."""
        room = sum(size for _, size in self._flying) < MOST_BYTES_IN_FLIGHT
        return self.in_flight == 0 or (room and len(self._flying) < MOST_IN_FLIGHT)

    def sent(self, size: int) -> None:
        """A picture of so many bytes has been written."""
        now = self._clock()
        self._flying.append((now, size))
        self._shown.append(now)
        self._trim(now)

    def answered(self) -> None:
        """The terminal has answered the oldest query."""
        self._is_deaf = False
        if self.hears and self._flying:
            self._flying.popleft()

    def written(self) -> None:
        """Our writer has handed over everything that it had."""
        if not self.hears:
            self._flying.clear()

    def restarted(self) -> None:
        """The terminal begins anew. Nothing is under way but Textual's own first query, which tells a deaf one."""
        self._flying.clear()
        self._is_deaf = False
        if self.active:
            self._flying.append((self._clock(), 0))

    @property
    def waits_s(self) -> float:
        """Seconds until the oldest picture is given up; 0 without one."""
        return max(self._flying[0][0] + PATIENCE_S - self._clock(), 0.0) if self._flying else 0.0

    @property
    def rate(self) -> float:
        """Pictures a second, of late."""
        self._trim(self._clock())
        return len(self._shown) / PERIOD_S

    @property
    def words(self) -> str:
        """For the status: `12 fps`, with what limits it."""
        return f"{self.rate:.0f} fps" + (", paced" if self.active else "")

    def _trim(self, now: float) -> None:
        while self._shown and self._shown[0] <= now - PERIOD_S:
            self._shown.popleft()

    def _give_up(self) -> None:
        """An answer that is overdue will not come; then the writer counts, until the terminal answers after all."""
        if self._flying and self._clock() - self._flying[0][0] >= PATIENCE_S:
            self._flying.clear()
            self._is_deaf = self.active
