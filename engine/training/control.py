"""What the trainer thread and the rest of the process share: commands in, status and pictures out.

Owned by whoever starts a trainer. Any thread may call any method; nothing here blocks the trainer and
nothing the trainer does waits for a reader. No torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock
from types import MappingProxyType
from typing import Final

from engine.errors import RunError
from engine.runs import Command, Frame, RunState, RunStatus

SLOWEST_FPS: Final = 0.01
FASTEST_FPS: Final = 60.0
"""Faster than any terminal draws."""

OVER: Final = "the run is over"
"""Answer to a command that came too late."""


def _unheard(message: str, applied: bool) -> None:
    """Nobody waits for the answer; the run's log has it."""


@dataclass(frozen=True)
class Asked:
    """A command, who gave it, and whom to tell what came of it."""

    command: Command
    by: str = ""
    """In words, for the run's history: account, program, process. Empty: the trainer's own process."""
    answer: Callable[[str, bool], None] = _unheard
    """Called once, on any thread, with words and whether it was applied."""


class Controls:
    """A queue of commands, who watches which env, and slots for the newest status and the newest frames."""

    def __init__(self, env_count: int = 0) -> None:
        """Args:
        env_count: envs that can be watched.
        """
        self._commands: SimpleQueue[Asked | None] = SimpleQueue()
        self._env_count = env_count
        self._lock = Lock()  # guards _watchers and _is_closed; the trainer never takes it
        self._watchers: dict[object, tuple[int, float]] = {}
        self._is_closed = False
        # Slots hold immutable values and are replaced whole, so neither side needs a lock.
        self.watched: Mapping[int, float] = MappingProxyType({})
        """Frames a second wanted of each env that somebody watches."""
        self.status = RunStatus(RunState.STARTING)
        self.frames: dict[int, Frame] = {}
        """The newest picture of each watched env."""
        self.shared_policy: Path | None = None

    def send(self, command: Command, by: str = "", answer: Callable[[str, bool], None] = _unheard) -> None:
        """Leave a command for the trainer.

        Raises:
            RunError: the run is over; `answer` is not called.
        """
        with self._lock:
            if self._is_closed:
                raise RunError("the run is over: it takes no commands", hint="gridrl resume goes on with it")
            self._commands.put(Asked(command, by, answer))

    def take(self, timeout: float | None = None) -> Asked | None:
        """Trainer: the next command, None if there is none (after waiting `timeout` seconds for one)."""
        try:
            return self._commands.get_nowait() if timeout is None else self._commands.get(timeout=timeout)
        except Empty:
            return None

    def close(self) -> None:
        """The run is over: what was asked too late is answered so."""
        with self._lock:
            self._is_closed = True
        while not self._commands.empty():
            if (asked := self._commands.get()) is not None:
                asked.answer(OVER, False)

    def watch(self, watcher: object, env: int, fps: float) -> None:
        """Ask for pictures of one env on behalf of a watcher, who has one env at a time.

        Raises:
            RunError: there is no such env.
        """
        if not 0 <= env < self._env_count or not SLOWEST_FPS <= fps <= FASTEST_FPS:
            raise RunError(
                f"cannot watch env {env} of {self._env_count} at {fps:g} fps",
                hint=f"{SLOWEST_FPS:g} to {FASTEST_FPS:g} fps",
            )
        with self._lock:
            self._watchers[watcher] = env, fps
            self._count_watchers()
        self._commands.put(None)  # a paused trainer looks up, and shows how things stand

    def unwatch(self, watcher: object) -> None:
        """This watcher needs no more pictures."""
        with self._lock:
            self._watchers.pop(watcher, None)
            self._count_watchers()

    def _count_watchers(self) -> None:
        watched: dict[int, float] = {}
        for env, fps in self._watchers.values():
            watched[env] = max(fps, watched.get(env, 0.0))
        self.watched = MappingProxyType(watched)
        for env in self.frames.keys() - watched.keys():
            self.frames.pop(env, None)
