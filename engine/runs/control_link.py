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
from .wire import PROTOCOL, LineBuffer, to_line

_CHUNK_BYTES: Final = 256 * 1024
_PATIENCE_S: Final = 10.0
"""For a process that takes nothing more: it stands still, or is stopped."""


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
        self._connection.settimeout(_PATIENCE_S)
        self._sending = threading.Lock()
        self.is_open = True
        self.say({"op": "name", "name": name})
        self._thread = threading.Thread(target=self._read, name=f"link {directory.name}", daemon=True)
        self._thread.start()

    def say(self, record: dict[str, Any]) -> None:
        """Send a record.

        Raises:
            RunError: the other side is gone.
        """
        try:
            with self._sending:
                self._connection.sendall(to_line(record))
        except OSError as error:
            self.is_open = False
            raise RunError("the run's process answers no more", hint="gridrl runs says how it is") from error

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
            while data := self._receive():
                for record in lines.feed(data):
                    _require_known(record)
                    self._hear(record)
        except (OSError, RunError):
            pass  # the same as its end, for whoever asks: `is_open` says so
        finally:
            self.is_open = False

    def _receive(self) -> bytes:
        while True:
            try:
                return self._connection.recv(_CHUNK_BYTES)
            except TimeoutError:  # it is only quiet
                continue


def _require_known(record: dict[str, Any]) -> None:
    if "hello" in record and record.get("proto") != PROTOCOL:
        raise RunError("the run's process is of another version of gridrl-tui")
