"""Textual's driver for Linux and macOS, made to let go when the terminal is gone.

A terminal that is closed sends SIGHUP and often SIGCONT after it. Stock, the second one re-enters the screen
with a new writer thread; that thread dies of the first failed write, its bounded queue fills up, and leaving
waits for it for ever. Here writes to a lost terminal are dropped, and only our own suspension is resumed.

Frames go through tui/frames.py, which is told here what the terminal does: it answers, changes its size, is taken
over by the shell and given back.
"""

from __future__ import annotations

import os
import signal
import termios
from collections.abc import Callable
from typing import IO, Any

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual.drivers.linux_driver import LinuxDriver
from textual.events import AppFocus, Resize
from textual.message import Message
from textual.messages import TerminalSupportsSynchronizedOutput

from .frames import Frames
from .pacing import Pacing, is_remote

# Alt and a digit is Escape and a digit on the wire. Textual takes these four for characters of a Mac's keyboard, which
# sends them as what they are.
for _digit in "1234":
    ANSI_SEQUENCES_KEYS.pop(f"\x1b{_digit}", None)  # type: ignore[attr-defined]  # it is a dict

LOOK_PERIOD_S = 1.0  # how soon a silent loss is noticed


class PatientFile:
    """A text file whose terminal may vanish: then what is written goes nowhere, and somebody is told.

    Somebody else is told whenever everything written has been handed over to the terminal.
    """

    def __init__(self, file: IO[str], lost: Callable[[], None], flushed: Callable[[], None]) -> None:
        self._file, self._lost, self._flushed = file, lost, flushed

    def write(self, text: str) -> int:
        try:
            self._file.write(text)
        except (OSError, ValueError):  # EIO after a hang-up; ValueError once it is closed
            self._lost()
        return len(text)

    def flush(self) -> None:
        try:
            self._file.flush()
        except (OSError, ValueError):
            self._lost()
        self._flushed()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class TerminalDriver(LinuxDriver):
    """The driver of the app. A terminal that is lost ends the app as a hang-up does."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._suspended = False
        self._looks = False
        self._is_lost = False
        self._answers = False  # whether the terminal has answered a query about synchronized output
        self._frames: Frames | None = None
        if self._file is not None:
            self._file = PatientFile(self._file, self._lose, self._flushed)  # type: ignore[assignment]
        # Textual installed its handlers for these a moment ago.
        signal.signal(signal.SIGTSTP, self._suspend)
        signal.signal(signal.SIGCONT, self._resume)

    def start_application_mode(self) -> None:
        super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual has no types here
        if not self._looks:  # not again after a suspension: a signal handler has no app for a timer to run in
            self._looks = True
            self._app.set_interval(LOOK_PERIOD_S, self._look)
        if self._frames is None:
            pacing = getattr(self._app, "pacing", None) or Pacing(is_remote(os.environ))
            prints_queries = os.environ.get("TERM_PROGRAM") == "Apple_Terminal"
            self._frames = Frames(self._app, self.write, pacing, may_ask=not prints_queries)
        self._frames.restarted()
        self._resized = signal.getsignal(signal.SIGWINCH)  # Textual's own, of this start
        signal.signal(signal.SIGWINCH, self._resize)

    def _resize(self, number: int, frame: Any) -> None:
        """A terminal of another size has cut and moved what it shows, or wrapped it."""
        assert self._frames is not None
        assert callable(self._resized)
        self._frames.stale()
        self._resized(number, frame)

    def process_message(self, message: Message) -> None:
        """On the thread that reads the terminal."""
        if self._frames is not None and isinstance(message, TerminalSupportsSynchronizedOutput):
            self._frames.answered()
            if self._answers:
                return  # Textual need not hear it with every frame
            self._answers = True
        elif self._frames is not None and isinstance(message, (Resize, AppFocus)):
            self._frames.stale()  # also when the user comes back: whatever wrote over the screen is painted over
        super().process_message(message)

    def _flushed(self) -> None:
        if self._frames is not None:
            self._frames.written()

    def _look(self) -> None:
        """Not every lost terminal sends a signal, and one that rests is never written to."""
        try:
            termios.tcgetattr(self.fileno)
        except termios.error:
            self._lose()

    def _lose(self) -> None:
        """Any thread: the terminal is gone."""
        if not self._is_lost:
            self._is_lost = True
            self._app.call_later(self._app.exit, 128 + signal.SIGHUP, 128 + signal.SIGHUP)

    def _suspend(self, *_: object) -> None:
        self.suspend_application_mode()
        self._must_signal_resume = True
        self._suspended = True
        os.kill(os.getpid(), signal.SIGSTOP)

    def _resume(self, *_: object) -> None:
        if self._suspended:
            self._suspended = False
            self.resume_application_mode()
