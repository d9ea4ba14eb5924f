"""`gridrl stream [RUN]`: a run in JSON lines on stdout, commands for it on stdin. What `gridrl-tui attach` speaks with.

The main thread reads the run's log and writes; one thread reads stdin, one the control socket of whoever trains the
run. When stdin ends, so does this process: ssh that was cut leaves nothing behind.
"""

from __future__ import annotations

import argparse
import os
import queue
import sys
import threading
import time
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from engine.errors import GridrlError, RunError, UsageError
from engine.runs import RunDirectory
from engine.runs.broadcast import Broadcast, Follow, follow_of
from engine.runs.control_link import ControlLink
from engine.runs.wire import LineBuffer, to_line, whole

from .orders import existing_run

_LOOK_S: Final = 0.02
"""Between two looks at the log."""

_SILENCE_S: Final = 20.0
"""A watcher that says something each second and has not for so long is gone, whatever the network thinks."""

_FIRST_S: Final = 60.0
"""For the first line, where no run is named."""

_MAX_SAID_BYTES: Final = 64 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", default="", help="name of a run; else the first line on stdin says which")
    parser.add_argument("--no-episodes", action="store_true", help="leave the lines of the episodes out")
    parser.add_argument("--history", type=int, metavar="ROWS", help="at most so many rows of the past; default: all")
    parser.epilog = 'Commands are lines like {"op": "pause", "id": 1}; docs/remote.md has them all.'


def run(arguments: argparse.Namespace) -> int:
    said = _Stdin()
    out = _Stdout()
    try:
        wish = _wish_of(arguments, said)
        said.must_ping = wish.pings
        directory = existing_run(wish.run)
        broadcast = Broadcast(directory, wish)
        out.write([broadcast.hello()])
        out.compress(wish.compress)
        _Relay(directory, broadcast, wish, said, out).work()
    except GridrlError as error:
        with suppress(BrokenPipeError):
            out.write([{"error": error.message, "hint": error.hint}])
        return error.exit_code
    except BrokenPipeError:
        os._exit(0)  # nobody listens any more
    return 0


def _wish_of(arguments: argparse.Namespace, said: _Stdin) -> Follow:
    if arguments.history is not None and arguments.history < 1:
        raise UsageError("--history takes a number of rows, 1 or more")
    if arguments.run:
        return Follow(arguments.run, episodes=not arguments.no_episodes, history=arguments.history)
    try:
        first = said.lines.get(timeout=_FIRST_S)
    except queue.Empty:
        first = None
    if first is None:
        raise UsageError("gridrl stream needs a run", hint="gridrl stream RUN; gridrl runs lists them")
    return follow_of(first)


class _Stdin:
    """Records from stdin, in a queue; None at its end."""

    def __init__(self) -> None:
        self.lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self.must_ping = False
        self.complaint: RunError | None = None
        self.heard = time.monotonic()
        threading.Thread(target=self._read, name="stdin", daemon=True).start()
        threading.Thread(target=self._watch_silence, name="silence", daemon=True).start()

    def _watch_silence(self) -> None:
        """A thread of its own: the main one may wait for a pipe that nobody empties."""
        while not (self.must_ping and time.monotonic() - self.heard > _SILENCE_S):
            time.sleep(1.0)
        os._exit(0)

    def _read(self) -> None:
        buffer = LineBuffer(_MAX_SAID_BYTES)
        try:
            while data := os.read(0, _MAX_SAID_BYTES):
                self.heard = time.monotonic()
                for record in buffer.feed(data):
                    self.lines.put(record)
        except OSError:
            pass  # the same as its end
        except RunError as error:
            self.complaint = error
        if self.must_ping:
            os._exit(0)  # as there
        self.lines.put(None)


class _Stdout:
    """Records to stdout, whole lines at a time."""

    def __init__(self) -> None:
        self._deflate: Any = None

    def compress(self, wanted: bool) -> None:
        """Whether what follows is one stream of zlib, flushed after each call."""
        self._deflate = zlib.compressobj(level=6) if wanted else None

    def write(self, records: Iterable[Mapping[str, Any]]) -> None:
        data = b"".join(map(to_line, records))
        if not data:
            return
        if self._deflate is not None:
            data = self._deflate.compress(data) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        view = memoryview(data)
        while view:
            view = view[os.write(sys.stdout.fileno(), view) :]


class _Relay:
    """Between the log, whoever trains the run, and the watcher."""

    def __init__(self, directory: RunDirectory, broadcast: Broadcast, wish: Follow, said: _Stdin, out: _Stdout) -> None:
        self._directory, self._broadcast, self._said, self._out = directory, broadcast, said, out
        self._name = ", ".join(filter(None, (wish.name or "gridrl stream", _from_where())))
        self._heard: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._link: ControlLink | None = None
        self._unanswered: set[int] = set()
        self._watch: dict[str, Any] | None = None
        self._next_try = 0.0

    def work(self) -> None:
        """Until stdin ends; then what there is left to say is said."""
        is_last = False
        while True:
            news = self._broadcast.news()
            self._out.write([*self._from_trainer(), *news])
            if is_last and self._said.complaint is not None:
                raise self._said.complaint
            if is_last and all("hb" in record or "state" in record for record in news):
                return
            is_last = is_last or not self._obey(_LOOK_S if len(news) < 100 else 0.0)

    def _from_trainer(self) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = []
        if self._link is not None and not self._link.is_open:
            self._link.close()
            self._link = None
            words = "the run's process ended before it answered"
            records += [{"refused": number, "words": words, "hint": ""} for number in sorted(self._unanswered)]
            self._unanswered.clear()
        if self._link is None and self._watch is not None:
            self._watch_again()
        while not self._heard.empty():
            record = self._heard.get()
            for kind in ("applied", "refused"):
                self._unanswered.discard(record.get(kind, -1))
            if "hello" not in record:
                records.append(record)
        return records

    def _obey(self, patience: float) -> bool:
        """Pass on what the watcher says. False when it has ended."""
        with suppress(queue.Empty):
            while True:
                record = self._said.lines.get(timeout=patience) if patience else self._said.lines.get_nowait()
                patience = 0.0
                if record is None:
                    return False
                if record.get("op") != "hb":
                    self._pass_on(record)
        return True

    def _pass_on(self, record: dict[str, Any]) -> None:
        if record.get("op") in ("watch", "unwatch"):
            self._watch = record if record["op"] == "watch" else None
        try:
            if self._link is None:
                if record.get("op") == "seen":
                    return
                self._link = ControlLink(self._directory.path, self._name, self._heard.put)
            if "id" in record:
                self._unanswered.add(whole(record, "id"))
            self._link.say(record)
        except RunError as error:
            if "id" in record:
                number = whole(record, "id")
                self._unanswered.discard(number)
                self._out.write([{"refused": number, "words": error.message, "hint": error.hint}])

    def _watch_again(self) -> None:
        """Whoever goes on with the run is asked for its pictures, too."""
        if time.monotonic() < self._next_try or self._watch is None:
            return
        self._next_try = time.monotonic() + 1.0
        with suppress(RunError):
            self._link = ControlLink(self._directory.path, self._name, self._heard.put)
            self._link.say(self._watch)


def _from_where() -> str:
    """The machine that the watcher sits at, where ssh says so."""
    client = os.environ.get("SSH_CONNECTION", "").split(" ")[0]
    return f"from {client}" if client else ""
