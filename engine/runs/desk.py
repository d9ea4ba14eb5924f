"""A watcher's end of the conversation with a run in another process: what was asked, what came of it, what is seen.

Pure state of one connection, behind a lock: the thread that reads the connection hands over what came, any thread asks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

from engine.errors import RunError

from .frames import FrameDecoder, OutOfStep
from .records import Command, Frame, Unwatch, Watch
from .wire import command_record, text, whole

_MOST_ANSWERS: Final = 1000  # kept for who asks for them; the oldest go


@dataclass(frozen=True)
class Answer:
    """What came of a command."""

    number: int
    """Of the command, by `Desk.ask`."""
    applied: bool
    words: str
    hint: str = ""
    is_logged: bool = False
    """Whether it is the trainer's answer, which is in the run's log as well."""


class Desk:
    """Numbers commands, matches the answers, decodes pictures."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._next = 1
        self._open: dict[int, Command] = {}
        self._answers: deque[Answer] = deque(maxlen=_MOST_ANSWERS)
        self._watch: Watch | None = None
        self._decoder = FrameDecoder()
        self.frame: Frame | None = None
        """The newest picture of the watched env."""

    def ask(self, command: Command) -> dict[str, Any]:
        """The record by which a command is asked."""
        with self._lock:
            number, self._next = self._next, self._next + 1
            self._open[number] = command
            if isinstance(command, Watch | Unwatch):
                self._watch = command if isinstance(command, Watch) else None
                self._decoder, self.frame = FrameDecoder(), None
            return command_record(command, number)

    def hear(self, record: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Take what came. Returns what to say to it.

        Raises:
            RunError: it makes no sense.
        """
        if "frame" in record:
            return self._hear_frame(record["frame"])
        for kind in ("applied", "refused"):
            if kind in record:
                number = whole(record, kind)
                with self._lock:
                    self._open.pop(number, None)
                    words, hint = text(record, "words", 2000), text(record, "hint", 2000)
                    answer = Answer(number, kind == "applied", words, hint, is_logged="hint" not in record)
                    self._answers.append(answer)
        return []

    def _hear_frame(self, record: Any) -> list[dict[str, Any]]:
        if not isinstance(record, Mapping):
            raise RunError("what came is no picture")
        with self._lock:
            watch = self._watch
            if watch is None:
                return []  # it was under way when we looked away
            try:
                frame = self._decoder.decode(record)
            except OutOfStep:
                number, self._next = self._next, self._next + 1
                self._decoder = FrameDecoder()
                return [command_record(watch, number)]
            if frame.env == watch.env:
                self.frame = frame
        return [{"op": "seen", "frame": whole(record, "n")}]

    def answers(self) -> list[Answer]:
        """Those that came since the last call."""
        with self._lock:
            answers = list(self._answers)
            self._answers.clear()
        return answers

    def greet(self) -> list[dict[str, Any]]:
        """What a fresh connection must be told: what is watched."""
        with self._lock:
            if self._watch is None:
                return []
            number, self._next = self._next, self._next + 1
            self._decoder = FrameDecoder()
            return [command_record(self._watch, number)]

    def cut(self) -> list[Command]:
        """The connection is gone. Returns what was asked and not answered: nobody knows whether it was heard."""
        with self._lock:
            unanswered: list[Command] = [
                command for command in self._open.values() if not isinstance(command, Watch | Unwatch)
            ]
            self._open.clear()
        return unanswered
