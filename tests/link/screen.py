"""A person's terminal: a pseudo-terminal with a program in it and an emulator behind it, drawn while nobody looks.

A `Screen` is owned by who made it and called from that thread; a thread of its own takes in what the program writes, so
that several can be watched at a time and none ever waits for its terminal.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import pyte

APP = (sys.executable, "-P", "-m", "tui.cli")
PATIENCE_S = 60.0
_LOOK_S = 0.05
ROOT = Path(__file__).parents[2]
_UNKNOWN_TO_PYTE = (b"\x1b[>1u", b"\x1b[<u", b"\x1b[?u")  # taken for plain sequences, and drawn


class Screen:
    """A program in a terminal of its own, `columns` x `rows` cells."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], *, columns: int = 80, rows: int = 24
    ) -> None:
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.attributes = termios.tcgetattr(self.slave)
        self.written = b""
        """Every byte that came."""
        self.on_change: Callable[[Screen], None] | None = None
        """Called in the thread with whatever has just been drawn."""
        self._emulated = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._emulated)
        self._news = threading.Condition()
        self._is_over = threading.Event()
        own = {name: value for name, value in os.environ.items() if name not in ("SSH_CONNECTION", "NO_COLOR")}
        self.process = subprocess.Popen(
            command,
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env={**own, "TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT), **environment},
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        self._thread = threading.Thread(target=self._take_in, name="screen", daemon=True)
        self._thread.start()

    @property
    def text(self) -> str:
        """What is on the screen now, a line a row."""
        with self._news:
            return "\n".join(self.rows())

    def rows(self) -> list[str]:
        """The rows of the screen; for `on_change`."""
        return [row.rstrip() for row in self._emulated.display]

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def until(self, condition: Callable[[str], object], what: str) -> str:
        """Wait until something holds for the text on the screen, which is returned.

        Raises:
            AssertionError: it never does, or the program ends before.
        """
        deadline = time.monotonic() + PATIENCE_S
        while not condition(text := self.text):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError(f"no {what}; exit code {self.process.poll()}:\n{text}\n{self.written[-500:]!r}")
            with self._news:
                self._news.wait(0.1)
        return text

    def until_seen(self, words: str) -> None:
        self.until(lambda text: words in text, repr(words))

    def until_written(self, words: str) -> None:
        """Wait until words have come, wherever they stand and whatever came after them."""
        self.until(lambda _: words.encode() in self.written, f"{words!r} written")

    def until_gone(self) -> int:
        """The exit status, with everything written taken in."""
        code = self.process.wait(PATIENCE_S)
        self._is_over.set()
        self._thread.join()
        return code

    @property
    def is_as_before(self) -> bool:
        """Whether the terminal's attributes are those that it was given with: its echo, for one."""
        return termios.tcgetattr(self.slave) == self.attributes

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        self._is_over.set()
        self._thread.join()
        os.close(self.slave)
        os.close(self.master)

    def __enter__(self) -> Screen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take_in(self) -> None:
        while select.select([self.master], [], [], _LOOK_S)[0] or not self._is_over.is_set():
            if not select.select([self.master], [], [], 0)[0]:
                continue
            data = os.read(self.master, 65536)
            with self._news:
                self.written += data
                for sequence in _UNKNOWN_TO_PYTE:
                    data = data.replace(sequence, b"")
                self._stream.feed(data)
                if self.on_change is not None:
                    self.on_change(self)
                self._news.notify_all()


def _take_terminal() -> None:
    """In the child: the pseudo-terminal becomes its controlling one, so that it can be asked for on it."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
