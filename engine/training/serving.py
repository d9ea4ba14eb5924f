"""The control socket of a run in this process: whoever may read the run's directory may steer and watch it.

Owned by the LocalRun, served by a thread of its own, which sleeps until somebody speaks, or a picture is due. The
trainer is asked through its Controls and answers when it has obeyed; it never waits for a client.
"""

from __future__ import annotations

import logging
import os
import pwd
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from engine.errors import RunError
from engine.runs import Frame, Unwatch, Watch
from engine.runs.control_socket import listen, peer_of, remove
from engine.runs.frames import FrameEncoder
from engine.runs.wire import PROTOCOL, LineBuffer, command_id, command_of, text, to_line

from .control import Controls

_log = logging.getLogger(__name__)

_IN_FLIGHT: Final = 2
"""Frames that may be under way to a client: with one, a far one would see a picture only every round trip."""

_MAX_COMMAND_BYTES: Final = 64 * 1024
_MAX_UNREAD_BYTES: Final = 8 * 1024 * 1024
"""That a client may leave lying; it is let go of then."""

_LONGEST_S: Final = 5.0
"""Between two looks, while somebody watches."""

_MAX_CLIENTS: Final = 64
_LOOK_S: Final = 0.02
"""Between two looks for a fresh picture, while somebody watches and none has come in time."""


class ControlServer:
    """Serves one run from `start` to `close`."""

    def __init__(self, directory: Path, controls: Controls) -> None:
        """Open the socket; whoever calls holds the run's lock.

        Raises:
            RunError: the file system refuses. The run can go on without.
        """
        self._directory, self._controls = directory, controls
        self._listening = listen(directory)
        self._listening.setblocking(False)
        self._wake_up, self._woken = socket.socketpair()
        self._wake_up.setblocking(False)
        self._woken.setblocking(False)
        self._answers: deque[tuple[_Client, dict[str, Any]]] = deque()  # of the trainer's thread, to be sent
        self._is_closing = False
        self._selector = selectors.DefaultSelector()
        self._clients: dict[int, _Client] = {}
        self._thread = threading.Thread(target=self._serve, name=f"control {directory.name}", daemon=True)

    def start(self) -> ControlServer:
        self._thread.start()
        return self

    def close(self) -> None:
        """Send what was answered, and serve no more."""
        self._is_closing = True
        self._wake()
        if self._thread.ident is not None:
            self._thread.join()
        for each in (self._listening, self._wake_up, self._woken):  # closing one twice does nothing
            each.close()
        remove(self._directory)

    # Any thread

    def _answer(self, client: _Client, number: int, words: str, applied: bool) -> None:
        self._answers.append((client, {"applied" if applied else "refused": number, "words": words}))
        self._wake()

    def _wake(self) -> None:
        with suppress(BlockingIOError):  # full: it is awake
            self._wake_up.send(b"\0")

    # The thread

    def _serve(self) -> None:
        select = self._selector
        select.register(self._listening, selectors.EVENT_READ)
        select.register(self._woken, selectors.EVENT_READ)
        try:
            while not self._is_closing:
                for key, mask in select.select(self._patience()):
                    self._attend(key, mask)
                self._hand_out_answers()
                self._send_pictures()
        except Exception:  # noqa: BLE001  # outermost frame of the thread: the run goes on without it
            _log.exception("run %s takes no more commands", self._directory.name)
        finally:
            self._hand_out_answers()
            for client in list(self._clients.values()):
                self._flush(client)
                self._drop(client)
            self._listening.close()  # who calls now is refused, and does not wait for ever
            select.close()

    def _patience(self) -> float | None:
        """Seconds until somebody is due a picture; None while nobody watches."""
        due = [client.picture_due for client in self._clients.values() if client.wants_picture]
        return min(max(_LOOK_S, min(due) - time.monotonic()), _LONGEST_S) if due else None

    def _attend(self, key: selectors.SelectorKey, mask: int) -> None:
        if key.fileobj is self._listening:
            self._welcome()
        elif key.fileobj is self._woken:
            with suppress(BlockingIOError):
                self._woken.recv(4096)
        elif (client := self._clients.get(key.fd)) is not None:
            self._listen_to(client, mask)

    def _welcome(self) -> None:
        try:
            connection, _ = self._listening.accept()
        except OSError:  # it went away before we came, or there are no more descriptors: then it comes again at once
            time.sleep(_LOOK_S)
            return
        connection.setblocking(False)
        uid, _ = peer_of(connection)
        if uid not in (os.getuid(), 0, -1):
            connection.close()
            return
        client = _Client(connection)
        if len(self._clients) >= _MAX_CLIENTS:
            client.say({"error": f"{_MAX_CLIENTS} watchers are connected already"})
            with suppress(OSError):
                client.flush()
            connection.close()
            return
        self._clients[connection.fileno()] = client
        self._selector.register(connection, selectors.EVENT_READ)
        client.say({"hello": self._directory.name, "proto": PROTOCOL, "pid": os.getpid()})
        self._update(client)

    def _listen_to(self, client: _Client, mask: int) -> None:
        try:
            if mask & selectors.EVENT_READ:
                for record in client.read():
                    self._obey(client, record)
            if mask & selectors.EVENT_WRITE:
                client.flush()
        except (OSError, EOFError):
            self._drop(client)
        except RunError as error:  # it speaks another language
            client.say({"error": error.message})
            client.flush()
            self._drop(client)
        else:
            self._update(client)

    def _update(self, client: _Client) -> None:
        if client.unsent > _MAX_UNREAD_BYTES:
            self._drop(client)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.unsent else 0)
        self._selector.modify(client.connection, wanted)

    def _drop(self, client: _Client) -> None:
        if self._clients.pop(client.connection.fileno(), None) is None:
            return
        self._controls.unwatch(client)
        self._selector.unregister(client.connection)
        client.connection.close()

    def _obey(self, client: _Client, record: Mapping[str, Any]) -> None:
        if record.get("op") == "seen":
            client.in_flight = max(0, client.in_flight - 1)
            return
        if record.get("op") == "name":
            client.name = text(record, "name")
            return
        number = command_id(record)
        try:
            self._ask(client, number, record)
        except RunError as error:
            client.say({"refused": number, "words": error.message, "hint": error.hint})

    def _ask(self, client: _Client, number: int, record: Mapping[str, Any]) -> None:
        command = command_of(record)
        match command:
            case Watch(env, fps):
                self._controls.watch(client, env, fps)
                client.watch(env, fps)
                client.say({"accepted": number})
                client.say({"applied": number, "words": f"env {env}"})
            case Unwatch():
                self._controls.unwatch(client)
                client.watch(None, 0.0)
                client.say({"accepted": number})
                client.say({"applied": number, "words": "no env"})
            case _:
                self._controls.send(command, client.who, partial(self._answer, client, number))
                client.say({"accepted": number})

    def _hand_out_answers(self) -> None:
        while self._answers:
            client, record = self._answers.popleft()
            if client.connection.fileno() in self._clients:
                client.say(record)
                self._flush(client)

    def _send_pictures(self) -> None:
        for client in list(self._clients.values()):
            if client.wants_picture and client.send_picture(self._controls.frames):
                self._flush(client)

    def _flush(self, client: _Client) -> None:
        try:
            client.flush()
        except OSError:
            self._drop(client)
        else:
            self._update(client)


class _Client:
    """One connection: what it has said, what it is still to hear, and what it watches."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.name = ""
        self.in_flight = 0
        self.picture_due = 0.0  # monotonic time
        self._env: int | None = None
        self._fps = 1.0
        self._shown: Frame | None = None
        self._encoder = FrameEncoder()
        self._lines = LineBuffer(_MAX_COMMAND_BYTES)
        self._outgoing = bytearray()

    @property
    def who(self) -> str:
        """Account, program and process, for the run's history."""
        uid, pid = peer_of(self.connection)
        account = str(uid)
        with suppress(KeyError):
            account = pwd.getpwuid(uid).pw_name
        return ", ".join(filter(None, (account, self.name, f"process {pid}" if pid > 0 else "")))

    @property
    def unsent(self) -> int:
        return len(self._outgoing)

    @property
    def wants_picture(self) -> bool:
        return self._env is not None and self.in_flight < _IN_FLIGHT and not self._outgoing

    def watch(self, env: int | None, fps: float) -> None:
        self._env, self._fps = env, fps
        self.in_flight, self.picture_due, self._shown, self._encoder = 0, 0.0, None, FrameEncoder()

    def read(self) -> list[dict[str, Any]]:
        """Records that came.

        Raises:
            EOFError: it has gone.
        """
        data = self.connection.recv(_MAX_COMMAND_BYTES)
        if not data:
            raise EOFError
        return self._lines.feed(data)

    def say(self, record: Mapping[str, Any]) -> None:
        self._outgoing += to_line(record)

    def flush(self) -> None:
        """Send as much as the other side takes now."""
        with suppress(BlockingIOError):
            while self._outgoing:
                del self._outgoing[: self.connection.send(self._outgoing)]

    def send_picture(self, frames: Mapping[int, Frame]) -> bool:
        """Say the newest picture if it is due and new."""
        now = time.monotonic()
        frame = frames.get(self._env) if self._env is not None else None
        if frame is None or frame is self._shown or now < self.picture_due:
            return False
        self._shown = frame
        self.in_flight += 1
        self.picture_due = max(now, self.picture_due + 1.0 / self._fps)
        self.say({"frame": self._encoder.encode(frame)})
        return True
