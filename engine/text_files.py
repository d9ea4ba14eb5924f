"""Text files that a person made: read with a limit, without waiting, and refused in words.

Stateless; any thread. Calls touch the disk and may wait for it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from engine.errors import PlacedError


def expanded(path: str | Path, refused: type[PlacedError]) -> Path:
    """A path as typed, with `~` for the home directory.

    Args:
        refused: the error to raise.
    """
    text = str(path)
    if not _can_be_path(text):
        raise refused("that is not a file name", hint="type a path such as maps/room.map")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise refused(f"no home directory for {text}", hint="type the whole path") from None


def read_text(path: Path, *, noun: str, max_bytes: int, missing: str, refused: type[PlacedError]) -> str:
    """The text of a regular file. Opened without waiting, so a FIFO cannot hold us.

    Args:
        noun: what it should be: `map`.
        missing: what to do where there is no such file.
        refused: the error to raise: no such file, not a regular one, too large, not UTF-8 (with line and column).
    """
    data = _read(path, noun, max_bytes, missing, refused)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - before.rfind(b"\n")
        raise refused(
            f"{path.name}, line {line}, column {column}: byte 0x{data[error.start]:02x} is not UTF-8 text",
            hint=f"choose a {noun} in text, or save it as UTF-8",
            line=line,
            column=column,
        ) from None


def check_regular(status: os.stat_result, path: Path, noun: str, refused: type[PlacedError]) -> None:
    """Refuse directories, devices and pipes."""
    if stat.S_ISDIR(status.st_mode):
        raise refused(f"{path.name or path} is a directory", hint=f"type the path of a {noun} in it")
    if not stat.S_ISREG(status.st_mode):
        raise refused(f"{path.name} is not a regular file", hint=f"a device or a pipe cannot be a {noun}")


def reason(error: OSError) -> str:
    """What the operating system has against it."""
    return (error.strerror or "the disk refused").lower()


def _can_be_path(text: str) -> bool:
    try:
        return bool(text.strip()) and b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:  # a lone surrogate
        return False


def _read(path: Path, noun: str, max_bytes: int, missing: str, refused: type[PlacedError]) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except FileNotFoundError:
        raise refused(f"there is no {noun} {path}", hint=missing) from None
    except OSError as error:
        raise refused(f"cannot open {path.name}: {reason(error)}", hint=f"tried to read {path}") from error

    try:
        check_regular(os.fstat(descriptor), path, noun, refused)
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise refused(f"cannot read {path.name}: {reason(error)}", hint=f"tried to read {path}") from error
    finally:
        os.close(descriptor)
    if len(data) > max_bytes:
        raise refused(f"{path.name} is larger than {_size(max_bytes)}", hint=f"that is no {noun}")
    return data


def _size(count: int) -> str:
    return f"{count >> 20} MB" if count >= 1 << 20 else f"{count >> 10} KB"
