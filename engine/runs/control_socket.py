"""The control socket of a run: `control.sock` in its directory, mode 0600, for who may read the directory alone.

Where that path is too long for a socket, or the file system has none, it lies in the user's runtime directory, and
`control.sock` is a link that says where. Any thread.
"""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import struct
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from engine.errors import RunError

from .files import DIRECTORY_MODE, FILE_MODE, refusals_in_words

NAME: Final = "control.sock"

_LONGEST: Final = 100
"""Bytes of a path: the kernels take 104 to 108."""

_CREDENTIALS: Final = struct.Struct("3i")  # pid, uid, gid of SO_PEERCRED


def listen(directory: Path) -> socket.socket:
    """Open the run's socket, for the holder of the run's lock: one that lies there is of a process that died.

    Raises:
        RunError: the file system has no sockets, or refuses.
    """
    remove(directory)
    here = directory / NAME
    if len(os.fsencode(here)) <= _LONGEST:
        with suppress(OSError):
            return _bound(here)
    elsewhere = _elsewhere(directory)
    with refusals_in_words("make the control socket", elsewhere):
        with suppress(FileNotFoundError):
            elsewhere.unlink()
        listening = _bound(elsewhere)
        here.symlink_to(elsewhere)
    return listening


def remove(directory: Path) -> None:
    """Take the socket away, and what its link names."""
    path = directory / NAME
    target = _target(path)
    for each in {path, target}:
        with suppress(OSError):
            if each == path or stat.S_ISSOCK(each.lstat().st_mode):
                each.unlink()


def connect(directory: Path) -> socket.socket:
    """Speak to whoever trains the run.

    Raises:
        RunError: nobody listens.
    """
    path = _target(directory / NAME)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(os.fspath(path))
    except OSError as error:
        connection.close()
        raise RunError(f"run {directory.name} takes no commands: nobody trains it now") from error
    if peer_of(connection)[0] not in (os.getuid(), 0, -1):
        connection.close()
        raise RunError(f"the control socket of run {directory.name} belongs to another account")
    return connection


def peer_of(connection: socket.socket) -> tuple[int, int]:
    """(uid, pid) of the process at the other end; -1 where the system does not tell."""
    if not hasattr(socket, "SO_PEERCRED"):
        return -1, -1
    pid, uid, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return uid, pid


def _bound(path: Path) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if sys.platform == "linux":
            os.fchmod(listening.fileno(), FILE_MODE)  # of the file that bind makes: never open to others, not once
        listening.bind(os.fspath(path))
        os.chmod(path, FILE_MODE)
        listening.listen()
    except OSError:
        listening.close()
        raise
    return listening


def _target(path: Path) -> Path:
    try:
        return path.parent / os.readlink(path)
    except OSError:
        return path


def _elsewhere(directory: Path) -> Path:
    """A short path that is the run's alone."""
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    runtime = Path(given) / "gridrl" if given else Path(tempfile.gettempdir()) / f"gridrl-{os.getuid()}"
    with refusals_in_words("create", runtime):
        runtime.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        if runtime.is_symlink() or runtime.stat().st_uid != os.getuid():
            raise RunError(f"{runtime} belongs to another account", hint="set XDG_RUNTIME_DIR to a directory of yours")
        runtime.chmod(DIRECTORY_MODE)
    digest = hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()
    return runtime / f"{digest[:24]}.sock"
