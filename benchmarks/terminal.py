"""A program in a pseudo-terminal, and a reader that behaves like a modern terminal and clocks what arrives.

Owned by screen.py, one thread. The reader must be asked to read, or the program blocks once the kernel's buffer
is full: every wait here reads. Only what the program asks about synchronized output is answered.
"""

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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import psutil

ROOT = Path(__file__).parents[1]
PATIENCE_S = 120.0
"""What has not come after this long never will, even on a loaded machine."""

_ASKS_FOR_SYNC, _HAS_SYNC = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
_FRAME_END = b"\x1b[?2026l"
_ESCAPES = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*(?:[@-~]|$)|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_].*?\x1b\\|.|$)", re.DOTALL
)


@dataclass(frozen=True)
class Frame:
    """What the program wrote from the end of the last frame to the end of this one."""

    at: float
    """perf_counter seconds when its last byte had been read."""
    data: bytes

    @property
    def text(self) -> str:
        """Its characters without escape sequences: pieces of the screen in the order in which they were written."""
        return _ESCAPES.sub(b"", self.data).decode(errors="replace")


class Terminal:
    """Starts a program and reads it until `close`, which ends it with SIGTERM."""

    def __init__(
        self, arguments: Sequence[str], *, columns: int = 120, rows: int = 40, settings: dict[str, str] | None = None
    ) -> None:
        """Start Python with these arguments in the repository.

        Args:
            settings: environment variables beside those of this process.
        """
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(settings or {})}
        for name in ("SSH_CONNECTION", "NO_COLOR", "COLUMNS", "LINES"):
            environment.pop(name, None)
        self.started = time.perf_counter()
        self.pid, self._file = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            os.execve(sys.executable, [sys.executable, *arguments], environment)
        fcntl.ioctl(self._file, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.byte_count = 0
        self.first_content: tuple[float, float] | None = None
        """Wall and CPU seconds from the start to the first characters on the screen."""
        self._unfinished = self._last = b""
        self._frames: list[Frame] = []

    # ---- Reading

    def until(self, condition: Callable[[Frame], bool], what: str = "a frame") -> Frame:
        """The first frame from now on for which the condition holds.

        Raises:
            TimeoutError: none came, or the program has ended.
        """
        deadline = time.perf_counter() + PATIENCE_S
        while True:
            while self._frames:
                frame = self._frames.pop(0)
                if condition(frame):
                    return frame
            if time.perf_counter() > deadline or not self._read(0.1):
                raise TimeoutError(f"still waiting for {what}; it last wrote: {self._last_words}")

    def read_for(self, seconds: float) -> list[Frame]:
        """Everything that comes in a time."""
        deadline = time.perf_counter() + seconds
        while (left := deadline - time.perf_counter()) > 0:
            if not self._read(left):
                raise TimeoutError(f"the program has ended; it last wrote: {self._last_words}")
        frames, self._frames = self._frames, []
        return frames

    def _read(self, patience: float) -> bool:
        """Read once, waiting so long at most. False if the program is gone."""
        if not select.select([self._file], [], [], patience)[0]:
            return True
        try:
            data = os.read(self._file, 1 << 16)
        except OSError:  # how Linux says that the other side is closed
            return False
        now = time.perf_counter()
        if self.first_content is None and _ESCAPES.sub(b"", data).strip():
            self.first_content = (now - self.started, self.cpu_s())
        if _ASKS_FOR_SYNC in data:
            os.write(self._file, _HAS_SYNC)
        self.byte_count += len(data)
        self._last = (self._last + data)[-8000:]
        *whole, self._unfinished = (self._unfinished + data).split(_FRAME_END)
        self._frames += [Frame(now, part + _FRAME_END) for part in whole]
        return bool(data)

    @property
    def _last_words(self) -> str:
        return " ".join(Frame(0.0, self._last).text.split())[-1000:]

    # ---- Acting

    def press(self, key: str) -> float:
        """Type a key; returns when, in perf_counter seconds."""
        now = time.perf_counter()
        os.write(self._file, key.encode())
        return now

    def tell(self, signal_number: int) -> None:
        os.kill(self.pid, signal_number)

    # ---- Looking at the process

    def cpu_s(self) -> float:
        """CPU seconds of the program so far, all threads, dead ones too."""
        if sys.platform == "linux":
            return time.clock_gettime(~self.pid << 3 | 2)  # the clock of another process; the files count in 10 ms
        times = psutil.Process(self.pid).cpu_times()
        return times.user + times.system

    def main_thread_cpu_s(self) -> float:
        """CPU seconds of its main thread, which draws the screen, in steps of 10 ms."""
        threads = psutil.Process(self.pid).threads()
        main = next((thread for thread in threads if thread.id == self.pid), threads[0])
        return main.user_time + main.system_time

    # ---- The end

    def close(self) -> int:
        """End the program; returns its exit status."""
        self.tell(signal.SIGTERM)
        while self._read(PATIENCE_S):
            pass
        os.close(self._file)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
