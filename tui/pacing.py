"""How many pictures a second the terminal can take: a few are under way at a time, and no more are drawn.

A picture is under way until the terminal has answered a query that was written behind it (`CSI ? 2026 $ p`). Over a
slow line that is the only way to know: bytes wait in windows of ssh that no program sees. Without a line in
between, and as long as a terminal has never answered, it is under way until our own writer has handed it over.

Owned by the app. UI thread only: answers that come on other threads are passed on to it (see tui/frames.py).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping

MOST_IN_FLIGHT = 3  # one on its way, one that is being drawn, one whose answer comes back: a round trip is no pause
MOST_BYTES_IN_FLIGHT = 16_000  # a key's effect comes behind them: 80 ms at 200 kB/s
PATIENCE_S = 2.0  # without an answer for so long, one more picture is tried
SLOWEST_BYTES_PER_S = 10_000  # and it may take so long to arrive: 80 kbit/s
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
        self._flying: deque[tuple[int, float, int]] = deque()  # number of its query, when it was written, its bytes
        self._shown: deque[float] = deque()
        self._asked = self._answered = 0  # queries; answers come in their order
        self._has_answered = self._is_silent = False

    @property
    def asks(self) -> bool:
        """Whether a query belongs behind each picture."""
        return self.active

    @property
    def hears(self) -> bool:
        """Whether the terminal's answers count; otherwise what the writer has handed over counts."""
        return self.active and self._has_answered

    @property
    def in_flight(self) -> int:
        """Pictures under way."""
        self._give_up()
        return len(self._flying)

    def may_draw(self) -> bool:
        """Whether a picture that is drawn now would arrive soon."""
        return self.in_flight == 0 or (len(self._flying) < MOST_IN_FLIGHT and self._bytes < MOST_BYTES_IN_FLIGHT)

    def sent(self, size: int) -> None:
        """A picture of so many bytes has been written, and a query if it `asks`."""
        now = self._clock()
        self._asked += 1
        self._flying.append((self._asked, now, size))
        self._shown.append(now)
        self._trim(now)

    def answered(self) -> None:
        """The terminal has answered the oldest query that it has not answered."""
        self._has_answered, self._is_silent = True, False
        self._answered = min(self._answered + 1, self._asked)
        while self.hears and self._flying and self._flying[0][0] <= self._answered:
            self._flying.popleft()

    def written(self) -> None:
        """Our writer has handed over everything that it had."""
        if not self.hears:
            self._flying.clear()

    def restarted(self) -> None:
        """The terminal begins anew, with Textual's own first query. Nothing is known of it."""
        self._flying.clear()
        self._answered = self._asked
        self._asked += 1
        self._has_answered = self._is_silent = False

    @property
    def waits_s(self) -> float:
        """Seconds until the oldest picture is given up; 0 without one."""
        if not self._flying:
            return 0.0
        patience_s = PATIENCE_S + self._bytes / SLOWEST_BYTES_PER_S
        return max(self._flying[0][1] + patience_s - self._clock(), 0.0)

    @property
    def _bytes(self) -> int:
        return sum(size for _, _, size in self._flying)

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
        """What is overdue counts as arrived: one more picture is tried. Its answer may come yet, in its order.

        At the second time in a row it will not: another terminal has the program now, and has never been asked.
        """
        if self._flying and not self.waits_s:
            self._flying.clear()
            if self._is_silent:
                self._answered = self._asked
            self._is_silent = True
