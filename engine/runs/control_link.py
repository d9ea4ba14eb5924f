"""A connection to the process that trains a run of this machine, through the run's control socket.

Owned by whoever watches or steers. One thread reads; any thread asks.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from engine.errors import RunError

from .control_socket import connect
from .wire import PROTOCOL, LineBuffer, text, to_line

_CHUNK_BYTES: Final = 256 * 1024
_LAST_WORDS_S: Final = 0.2


class ControlLink:
    """One connection, from its making until `close` or until the other side ends."""

    def __init__(self, directory: Path, name: str, hear: Callable[[dict[str, Any]], None]) -> None:
        """Connect.

        Args:
            directory: of the run.
            name: of this program, for the run's history.
            hear: called with each record that comes, on the reading thread.

        Raises:
            RunError: nobody trains the run.
        """
        self._hear = hear
        self._connection = connect(directory)
        self._sending = threading.Lock()
        self.is_open = True
        self.complaint = ""
        """What the other side has said against us."""
        self._thread = threading.Thread(target=self._read, name=f"link {directory.name}", daemon=True)
        self._thread.start()
        self.say({"op": "name", "name": name})

    def say(self, record: dict[str, Any]) -> None:
        """Send a record, at once or not at all: the screen waits for no process that stands still.

        Raises:
            RunError: the other side is gone, or takes nothing more; the link is closed then.
        """
        line = to_line(record)
        try:
            with self._sending:
                if self._connection.send(line, socket.MSG_DONTWAIT) != len(line):
                    raise BlockingIOError
        except OSError as error:
            self.is_open = False
            if not isinstance(error, BlockingIOError) and threading.current_thread() is not self._thread:
                self._thread.join(_LAST_WORDS_S)  # it has gone: what it said against us is on its way
            words = self.complaint or "the run's process takes no more commands"
            raise RunError(words, hint="gridrl runs says how it is") from error

    def close(self) -> None:
        """Hang up."""
        self.is_open = False
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        if threading.current_thread() is not self._thread:
            self._thread.join()
        self._connection.close()

    def _read(self) -> None:
        lines = LineBuffer()
        try:
            while data := self._connection.recv(_CHUNK_BYTES):
                for record in lines.feed(data):
                    _require_known(record)
                    self.complaint = text(record, "error") or self.complaint
                    self._hear(record)
        except (OSError, RunError):
            pass  # the same as its end, for whoever asks: `is_open` says so
        finally:
            self.is_open = False


def _require_known(record: dict[str, Any]) -> None:
    if "hello" in record and record.get("proto") != PROTOCOL:
        raise RunError("the run's process is of another version of gridrl-tui")
