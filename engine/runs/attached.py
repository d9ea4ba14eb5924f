"""A run that this process does not train: a past one, or one of another process on this machine.

Owned by the session, on the UI thread: every call reads a bounded amount, or asks another process without waiting.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

from engine.errors import RunError

from .control_link import ControlLink
from .desk import Desk
from .directory import RunDirectory
from .feed import RunFeed
from .records import Command, Event, EventLogged, Frame, RunState, RunStatus, Watch

_STATE_PERIOD: Final = 0.1  # seconds: the screen may ask 30 times a second, and a person presses pause twice


class AttachedRun:
    """RunHandle of a run directory. `drain()` tells its whole history once, a bounded number of events a call.

    Commands go to whoever trains it, if anybody does; a run that ends and is resumed meanwhile is spoken to again.
    """

    def __init__(self, path: Path, name: str = "gridrl-tui") -> None:
        """Args:
        path: of the run's directory.
        name: of this program, for the run's history.
        """
        self._directory = RunDirectory(path)
        self._name = name
        self._files = self._directory.identity()
        self._feed: RunFeed | None = self._directory.feed()
        self._status: RunStatus | None = None
        self._next_look = 0.0
        self._desk = Desk()
        self._link: ControlLink | None = None

    @property
    def run_id(self) -> str:
        return self._directory.run_id

    def state(self) -> RunStatus:
        if self._status is None or time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + _STATE_PERIOD
            self._status = self._look()
        return self._status

    def _look(self) -> RunStatus:
        if self._directory.identity() == self._files:
            return self._directory.state()
        self._feed = None  # what is there now is another story
        return RunStatus(RunState.FAILED, message="it was deleted or made anew: open it again to see what is there")

    def drain(self) -> list[Event]:
        refused = [answer for answer in self._desk.answers() if not answer.applied and not answer.is_logged]
        notes = [EventLogged(self.state().step, time.time(), "warning", answer.words) for answer in refused]
        return [*(self._feed.drain() if self._feed else []), *notes]

    def latest_frame(self) -> Frame | None:
        """The newest picture of the watched env; the last one still when the run has ended."""
        return self._desk.frame

    def send(self, command: Command) -> None:
        if not self._directory.is_live():
            raise RunError(f"run {self.run_id} is over: nobody trains it now", hint="R goes on with it")
        if self._link is None or not self._link.is_open:
            self._connect(command)
        assert self._link is not None
        self._link.say(self._desk.ask(command))

    def close(self) -> None:
        self._feed = None
        if self._link is not None:
            self._link.close()
            self._link = None

    def _connect(self, command: Command) -> None:
        if self._link is not None:
            self._link.close()
        self._desk.cut()
        self._link = ControlLink(self._directory.path, self._name, self._hear)
        if not isinstance(command, Watch):
            for record in self._desk.greet():
                self._link.say(record)

    def _hear(self, record: dict[str, Any]) -> None:
        """The link's thread."""
        link = self._link
        for answer in self._desk.hear(record):
            if link is not None:
                link.say(answer)
