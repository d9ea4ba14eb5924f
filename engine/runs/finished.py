"""A run that nobody writes in this process: a past one, or one of another process on this machine.

Owned by the session, on the UI thread: every call reads a bounded amount.
"""

from __future__ import annotations

import time
from pathlib import Path

from engine.errors import RunError

from .directory import RunDirectory
from .feed import RunFeed
from .records import Command, Event, Frame, RunStatus

_STATE_PERIOD = 0.5  # seconds: the screen may ask 30 times a second, the file changes once


class FinishedRun:
    """RunHandle of a run directory. `drain()` tells its whole history once, a bounded number of events a call."""

    def __init__(self, path: Path) -> None:
        self._directory = RunDirectory(path)
        self._feed: RunFeed | None = self._directory.feed()
        self._status: RunStatus | None = None
        self._next_look = 0.0

    @property
    def run_id(self) -> str:
        return self._directory.run_id

    def state(self) -> RunStatus:
        if self._status is None or time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + _STATE_PERIOD
            self._status = self._directory.state()
        return self._status

    def drain(self) -> list[Event]:
        return self._feed.drain() if self._feed else []

    def latest_frame(self) -> Frame | None:
        return None

    def send(self, command: Command) -> None:
        where = "another process" if self._directory.is_live() else "the past"
        raise RunError(
            f"run {self.run_id} belongs to {where}: it takes no commands here", hint="press t to start a run"
        )

    def close(self) -> None:
        self._feed = None
