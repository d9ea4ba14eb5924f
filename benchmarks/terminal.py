"""A program in a pseudo-terminal, and a reader that behaves like a modern terminal and clocks what arrives.

Owned by screen.py, one thread. The reader must be asked to read, or the program blocks once the kernel's buffer
is full: every wait here reads. Only what the program asks about synchronized output is answered. A program writes
what differs and no more, so what a frame shows is what pyte shows after it; it is asked only where somebody looks.
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
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from types import TracebackType

import psutil
import pyte

ROOT = Path(__file__).parents[1]
PATIENCE_S = 120.0
"""What has not come after this long never will, even on a loaded machine."""

_ASKS_FOR_SYNC, _HAS_SYNC = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
_FRAME_END = b"\x1b[?2026l"
_NOT_FOR_PYTE = re.compile(rb"\x1b\[[<>=?]\d*u|\x1b\[\?\d+\$p")
_ESCAPES = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*(?:[@-~]|$)|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_].*?\x1b\\|.|$)", re.DOTALL
)


class Picture:
    """What the terminal shows, brought up to date as far as somebody asks."""

    def __init__(self, columns: int, rows: int) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._waiting: deque[bytes] = deque()
        self._added = self._fed = 0

    def add(self, data: bytes) -> int:
        """More that the program wrote; returns its number."""
        self._waiting.append(data)
        self._added += 1
        return self._added

    def text(self, number: int) -> str:
        """All lines after so many parts, or after more if somebody has asked for them."""
        while self._fed < number:
            self._fed += 1
            self._stream.feed(_NOT_FOR_PYTE.sub(b"", self._waiting.popleft()))
        return "\n".join(self._screen.display)


@dataclass(frozen=True)
class Frame:
    """What the program wrote from the end of the last frame to the end of this one."""

    at: float
    """perf_counter seconds when its last byte had been read."""
    data: bytes
    picture: Picture
    number: int

    @property
    def text(self) -> str:
        """The whole screen as it is after this frame; ask in the order in which frames came."""
        return self.picture.text(self.number)

    @property
    def written(self) -> str:
        """Its characters without escape sequences, in the order in which they were written: what has changed."""
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
        habits = ("SSH_CONNECTION", "NO_COLOR", "COLUMNS", "LINES")
        environment = {name: value for name, value in os.environ.items() if name not in habits}
        environment |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", **(settings or {})}
        self._picture = Picture(columns, rows)
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
        self._arrived(data)
        return bool(data)

    def _arrived(self, data: bytes) -> None:
        now = time.perf_counter()
        if self.first_content is None and _ESCAPES.sub(b"", data).strip():
            self.first_content = (now - self.started, self.cpu_s())
        asked = (self._last[1 - len(_ASKS_FOR_SYNC) :] + data).count(_ASKS_FOR_SYNC)
        if asked:
            self._type(_HAS_SYNC * asked)
        self.byte_count += len(data)
        self._last = (self._last + data)[-8000:]
        *whole, self._unfinished = (self._unfinished + data).split(_FRAME_END)
        for part in whole:
            frame = part + _FRAME_END
            self._frames.append(Frame(now, frame, self._picture, self._picture.add(frame)))

    def _type(self, data: bytes) -> None:
        os.write(self._file, data)

    @property
    def _last_words(self) -> str:
        return " ".join(_ESCAPES.sub(b"", self._last).decode(errors="replace").split())[-1000:]

    # ---- Acting

    def press(self, key: str) -> float:
        """Type a key; returns when, in perf_counter seconds."""
        now = time.perf_counter()
        self._type(key.encode())
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


class SlowTerminal(Terminal):
    """A terminal at the other end of a line: what is written waits in the line's buffer until it is its turn."""

    BUFFER = 2_000_000
    """Bytes that the line takes from the program ahead of time, as the windows of ssh do."""

    def __init__(
        self, arguments: Sequence[str], bytes_per_s: float, round_trip_s: float, settings: dict[str, str] | None = None
    ) -> None:
        self._bytes_per_s, self._way_s = bytes_per_s, round_trip_s / 2
        self._line_is_free_at = 0.0
        self._events: list[tuple[float, int, Callable[[bytes], None], bytes]] = []
        self._numbers = count()  # events of one moment keep their order
        super().__init__(arguments, settings=settings)

    def _read(self, patience: float) -> bool:
        """As Terminal's; what the program has written comes when the line has carried it."""
        deadline, known = time.perf_counter() + patience, len(self._frames)
        while True:
            self._do_what_is_due()
            now = time.perf_counter()
            if len(self._frames) > known or now >= deadline:
                return True
            wait = min(deadline, self._events[0][0] if self._events else deadline) - now
            is_full = (self._line_is_free_at - now) * self._bytes_per_s > self.BUFFER
            if select.select([] if is_full else [self._file], [], [], max(wait, 0.0))[0]:
                try:
                    data = os.read(self._file, 1 << 16)
                except OSError:
                    return False
                self._line_is_free_at = max(self._line_is_free_at, time.perf_counter()) + len(data) / self._bytes_per_s
                self._at(self._line_is_free_at + self._way_s, self._arrived, data)

    def _type(self, data: bytes) -> None:
        self._at(time.perf_counter() + self._way_s, super()._type, data)

    def _at(self, when: float, what: Callable[[bytes], None], data: bytes) -> None:
        heappush(self._events, (when, next(self._numbers), what, data))

    def _do_what_is_due(self) -> None:
        while self._events and self._events[0][0] <= time.perf_counter():
            _, _, what, data = heappop(self._events)
            what(data)

    def close(self) -> int:
        self._bytes_per_s = float("inf")
        return super().close()
