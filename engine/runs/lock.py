"""The lock that makes two writers of one run impossible: `writer.lock`, held by flock for the writer's life.

Whoever dies lets go of it, so a run that says it is training while nobody holds its lock has died.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from pathlib import Path

from engine.errors import RunError

from .files import FILE_MODE, refusals_in_words

LOCK_NAME = "writer.lock"

_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
_TRIES = 20
_PAUSE = 0.005  # seconds: a look at the lock (`is_held`) holds it for microseconds


class WriterLock:
    """Holds `writer.lock` of a run directory until `close()`.

    Raises:
        RunError: another process, or another part of this one, writes the run. The message names its pid.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / LOCK_NAME
        with refusals_in_words("lock", path):
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            with refusals_in_words("lock", path):
                self.is_certain = self._take(directory)
                """False where the file system has no locks: nothing then stops a second writer."""
        except RunError:
            self.close()
            raise

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _take(self, directory: Path) -> bool:
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(_PAUSE)
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            except OSError as error:
                if error.errno not in _UNSUPPORTED:
                    raise
                return False
            self._sign()
            return True
        raise RunError(f"run {directory.name} is being written by {self._holder()}", hint="stop it there first")

    def _sign(self) -> None:
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def _holder(self) -> str:
        text = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
        return f"process {text}" if text.isdigit() else "another process"


def is_held(directory: Path) -> bool | None:
    """Whether somebody writes the run; None where nobody can tell."""
    try:
        descriptor = os.open(directory / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        # Shared: two lookers do not see each other. A writer that comes right now tries again.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return False
