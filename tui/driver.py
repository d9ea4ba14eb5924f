"""Textual's driver for Linux and macOS, made to let go when the terminal is gone.

A terminal that is closed sends SIGHUP and often SIGCONT after it. Stock, the second one re-enters the screen
with a new writer thread; that thread dies of the first failed write, its bounded queue fills up, and leaving
waits for it for ever. Here writes to a lost terminal are dropped, and only our own suspension is resumed.
"""

from __future__ import annotations

import contextlib
import os
import signal
from typing import IO, Any

from textual.drivers.linux_driver import LinuxDriver


class PatientFile:
    """A text file whose terminal may vanish: then what is written goes nowhere."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):  # EIO after a hang-up; ValueError once it is closed
            self._file.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._file.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class TerminalDriver(LinuxDriver):
    """The driver of the app."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._suspended = False
        self._file = PatientFile(self._file) if self._file is not None else self._file  # type: ignore[assignment]
        # Textual installed its handlers for these a moment ago.
        signal.signal(signal.SIGTSTP, self._suspend)
        signal.signal(signal.SIGCONT, self._resume)

    def _suspend(self, *_: object) -> None:
        self.suspend_application_mode()
        self._must_signal_resume = True
        self._suspended = True
        os.kill(os.getpid(), signal.SIGSTOP)

    def _resume(self, *_: object) -> None:
        if self._suspended:
            self._suspended = False
            self.resume_application_mode()
