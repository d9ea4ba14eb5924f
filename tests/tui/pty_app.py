"""A program in a pseudo-terminal, and pyte as the terminal: what it shows, cell by cell, and what it was sent."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyte

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
QUIET_S = 0.3  # a program that has written nothing for so long has drawn what there was to draw
QUERY, ANSWER = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
FOCUS = b"\x1b[I"  # the user comes back to the window: the program paints everything anew
_NOT_FOR_PYTE = re.compile(rb"\x1b\[[<>=?]\d*u|\x1b\[\?\d+\$p")
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*)?$")

Picture = list[tuple[object, ...]]

STRANGE = ("SSH_CONNECTION", "NO_COLOR", "COLUMNS", "LINES")
"""Variables of whoever runs the tests that must not reach the program: a pytest worker may have a size of its own."""


class PtyApp:
    """Starts Python with some arguments. Read it, or it stops once the kernel's buffer is full."""

    def __init__(
        self, arguments: list[str], columns: int, rows: int, *, answers: bool = True, **environment: str
    ) -> None:
        clean = {name: value for name, value in os.environ.items() if name not in STRANGE}
        clean |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", **environment}
        self.pid, self._file = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            os.execve(sys.executable, [sys.executable, *arguments], clean)
        self.answers = answers
        """Whether the terminal answers queries about synchronized output."""
        self.written = b""
        self._unfed = b""
        self._set_size(columns, rows)
        self._begin(columns, rows)

    def _begin(self, columns: int, rows: int) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._file, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    # ---- The terminal

    def resize(self, columns: int, rows: int) -> None:
        """The user drags the corner of the window; what is cut off is lost."""
        self.screen.resize(rows, columns)
        self._set_size(columns, rows)

    def type(self, keys: str | bytes) -> None:
        os.write(self._file, keys.encode() if isinstance(keys, str) else keys)

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def read(self, seconds: float) -> bytes:
        """Take in what comes next within a time."""
        if not select.select([self._file], [], [], seconds)[0]:
            return b""
        try:
            data = os.read(self._file, 1 << 16)
        except OSError:  # how Linux says that the other side is closed
            return b""
        self.written += data
        if self.answers:
            for _ in range(data.count(QUERY)):
                os.write(self._file, ANSWER)
        data, rest = self._unfed + data, b""
        if cut := _UNFINISHED.search(data):
            data, rest = data[: cut.start()], data[cut.start() :]
        self._unfed = rest
        self._stream.feed(_NOT_FOR_PYTE.sub(b"", data))
        return data or b"\0"

    def settle(self) -> bytes:
        """Read until the program is quiet; returns what it wrote."""
        before = len(self.written)
        deadline = time.monotonic() + PATIENCE_S
        while self.read(QUIET_S):
            assert time.monotonic() < deadline, "the program never stops drawing"
        return self.written[before:]

    def is_quiet(self, within: float = 1.0) -> bool:
        """Read on; whether the program stops writing within a time."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if not self.read(QUIET_S):
                return True
        return False

    def scribble(self, text: str) -> None:
        """Somebody else writes to the terminal."""
        self._stream.feed(text.encode())

    def until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"still waiting for {what}:\n{self.text}"
            self.read(0.05)

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    def picture(self) -> Picture:
        """Every cell: character, colours, attributes."""
        blank = self.screen.default_char
        return [
            tuple(self.screen.buffer[y].get(x, blank) for x in range(self.screen.columns))
            for y in range(self.screen.lines)
        ]

    def repainted(self) -> Picture:
        """What a terminal shows that knows nothing but a full repaint of this moment."""
        self._begin(self.screen.columns, self.screen.lines)
        self.type(FOCUS)
        self.settle()
        return self.picture()

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.close(self._file)
        os.waitpid(self.pid, 0)

    def __enter__(self) -> PtyApp:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
