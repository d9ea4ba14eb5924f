"""Files that are whole or not there: atomic replacement, and appending by whole lines.

Owned by the run's writer; called from its thread. Whatever the operating system refuses becomes a RunError that
says so in words.
"""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from engine.errors import RunError

FILE_MODE = 0o600  # a run may hold private maps and configuration
DIRECTORY_MODE = 0o700
MAX_JSON_BYTES = 4 * 1024 * 1024  # a resolved configuration with a map in it is far below this

_REASONS = {
    errno.ENOSPC: ("the disk is full", "free some space; training can go on from the last checkpoint"),
    errno.EDQUOT: ("your disk quota is used up", "free some space; training can go on from the last checkpoint"),
    errno.EIO: ("the disk has failed", "ask the system why; training can go on from the last checkpoint"),
    errno.EROFS: ("the disk is read-only", "set GRIDRL_RUNS to a directory that can be written"),
    errno.EACCES: ("no permission", "set GRIDRL_RUNS to a directory of yours"),
    errno.EPERM: ("no permission", "set GRIDRL_RUNS to a directory of yours"),
    errno.EMFILE: ("too many files are open", "close other programs or raise `ulimit -n`"),
    errno.ENOENT: ("it does not exist", "was the run's directory moved or deleted?"),
}

_PASSING = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ESTALE, errno.EMFILE, errno.ENFILE)


def passing_reason(error: Exception) -> str:
    """Why the disk refuses for now, such as "the disk is full"; empty where it is no use to try again later."""
    cause = error.__cause__
    if not isinstance(error, RunError) or not isinstance(cause, OSError) or cause.errno not in _PASSING:
        return ""
    return _REASONS.get(cause.errno, (cause.strerror or str(cause), ""))[0]


@contextmanager
def refusals_in_words(action: str, path: Path) -> Iterator[None]:
    """Turn an OSError of the block into a RunError: "cannot <action> <path>: the disk is full"."""
    try:
        yield
    except OSError as error:
        reason, hint = _REASONS.get(error.errno or 0, (error.strerror or str(error), ""))
        raise RunError(f"cannot {action} {path}: {reason}", hint=hint) from error


def replace_file(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Put `data` at `path`, whole: a reader sees the old file or the new one, never a part.

    `durable` waits for the disk first. A heartbeat does without: what a power cut takes from it is worth less than
    the milliseconds, and the death of the process takes nothing.
    """
    with staged_file(path, data, durable=durable) as temporary, refusals_in_words("write", path):
        os.replace(temporary, path)
        if durable:
            sync_directory(path.parent)


@contextmanager
def staged_file(path: Path, data: bytes, *, durable: bool = True) -> Iterator[Path]:
    """`data` in a file beside `path`, for the block to rename into place; gone afterwards if it did not."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with refusals_in_words("write", path):
            _write_file(temporary, data, durable)
        yield temporary
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _write_file(path: Path, data: bytes, durable: bool) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    try:
        write_fully(descriptor, data)
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_fully(descriptor: int, data: bytes) -> None:
    """Write all of `data`: the kernel may take less at a time, and takes less just before the disk is full."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_directory(path: Path) -> None:
    """Make the renames in `path` outlive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot sync a directory
            raise
    finally:
        os.close(descriptor)


def plain(value: Any) -> Any:
    """`value` in the terms of strict JSON: no NaN, no infinity, no numpy or torch scalars, no paths."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)  # an enum of strings too
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return _plain_object(value)


def _plain_object(value: Any) -> Any:
    """Arrays and scalars of numpy and torch say `tolist`; everything else becomes its text."""
    convert = getattr(value, "tolist", None)
    return plain(convert()) if callable(convert) else str(value)


def to_json(value: Any, *, indent: int | None = None) -> bytes:
    """`value` as strict JSON. ASCII only, so a name with control characters cannot reach a terminal through `cat`."""
    separators = (",", ":") if indent is None else (",", ": ")
    try:  # most values are plain already, and the check in C costs a tenth of the walk in Python
        text = json.dumps(value, allow_nan=False, indent=indent, separators=separators)
    except (TypeError, ValueError):
        text = json.dumps(plain(value), allow_nan=False, indent=indent, separators=separators)
    return text.encode("ascii")


def read_json(path: Path, *, limit: int = MAX_JSON_BYTES) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        RunError: the file is missing, too large or damaged.
    """
    with refusals_in_words("read", path), path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise RunError(f"{path} is larger than {limit} bytes", hint="it is not a file that gridrl wrote")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} is damaged: it is not JSON") from error
    if not isinstance(value, dict):
        raise RunError(f"{path} is damaged: it holds no object")
    return value


class LineFile:
    """A file that grows by whole lines. Owns its descriptor and the count of good bytes.

    `write()` of many lines is not atomic: SIGKILL and a full disk both leave a torn last line. Opening cuts such a
    tail off, and a failed append cuts off its own.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with refusals_in_words("open", path):
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, FILE_MODE)
        try:
            with refusals_in_words("repair", path):
                self.size = self._cut_torn_tail(os.fstat(self._descriptor).st_size)
        except RunError:
            os.close(self._descriptor)
            raise

    def append(self, lines: bytes) -> None:
        """Append whole lines. On RunError the lines that fitted stay, and `size` says how far that is."""
        with refusals_in_words("write", self.path):
            try:
                self._drop_leftovers()
                write_fully(self._descriptor, lines)
                self.size += len(lines)
            except OSError:
                with suppress(OSError):  # the next append tries again
                    self.size = self._cut_torn_tail(os.fstat(self._descriptor).st_size)
                raise

    def sync(self) -> None:
        """Wait until the disk has it. 8 ms as a rule, 50 at worst: not after every line."""
        with refusals_in_words("write", self.path):
            getattr(os, "fdatasync", os.fsync)(self._descriptor)  # macOS has only fsync

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _drop_leftovers(self) -> None:
        """Cut what a failed append could not cut itself."""
        size = os.fstat(self._descriptor).st_size
        if size != self.size:
            self.size = self._cut_torn_tail(size)

    def _cut_torn_tail(self, size: int) -> int:
        good = self._line_start(size)
        if good != size:
            os.ftruncate(self._descriptor, good)
        return good

    def _line_start(self, end: int) -> int:
        """Where the line that `end` lies in begins: after the last newline before `end`."""
        block = 64 * 1024
        while end > 0:
            start = max(0, end - block)
            newline = os.pread(self._descriptor, end - start, start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            end = start
        return 0
