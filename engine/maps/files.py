"""Maps on disk: load by path or stock name, save so that a crash leaves the old file or the new one, whole.

Stateless. Calls touch the disk and may wait for it, so the screen calls them from a worker thread.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from importlib import resources
from pathlib import Path
from typing import Final

from engine import text_files
from engine.errors import MapError

from .ascii import parse_ascii
from .grid_map import GridMap

MAX_FILE_BYTES: Final = 4 * 1024 * 1024
"""Largest map file: 1024x1024 cells are 1 MB, the rest is for what other editors add before we refuse it."""

SUFFIX: Final = ".map"


def stock_names() -> tuple[str, ...]:
    """Names of the maps that come with the program, sorted."""
    files = resources.files("maps").iterdir()
    return tuple(sorted(file.name.removesuffix(SUFFIX) for file in files if file.name.endswith(SUFFIX)))


def is_stock(name: str | Path) -> bool:
    """Whether `load_map` would take this for a stock map."""
    return _stock_name(name) in stock_names()


def load_map(source: str | Path) -> GridMap:
    """Load a map file, or a stock map by name (`arena_basic` or `arena/basic`).

    A stock name always means the stock map: a file of that name is `./arena_basic`.

    Raises:
        MapError: no such map, not a regular file, too big, or not a map.
    """
    if is_stock(source):
        name = _stock_name(source)
        return parse_ascii((resources.files("maps") / f"{name}{SUFFIX}").read_text("utf-8"), name)

    path = expanded(source)
    known = ", ".join(stock_names())
    text = text_files.read_text(
        path,
        noun="map",
        max_bytes=MAX_FILE_BYTES,
        missing=f"type a path, or a stock map: {known}",
        refused=MapError,
    )
    return parse_ascii(text, path.name).renamed(path.stem)


def save_map(path: str | Path, grid_map: GridMap) -> Path:
    """Write a map file and return its path. An existing file is replaced in one step; a link keeps pointing.

    Raises:
        MapError: the map cannot be written as text, or the disk refuses.
    """
    target = expanded(path)
    data = grid_map.to_text().encode("ascii")
    try:
        target = target.resolve()
        _replace(target, data)
    except OSError as error:
        raise MapError(
            f"cannot save {target.name}: {text_files.reason(error)}", hint=f"tried to write {target}"
        ) from error
    return target


def expanded(path: str | Path) -> Path:
    """A path as typed, with `~` for the home directory.

    Raises:
        MapError: it cannot be a path at all.
    """
    return text_files.expanded(path, MapError)


def _stock_name(name: str | Path) -> str:
    return str(name).replace("/", "_")


def _replace(target: Path, data: bytes) -> None:
    """Write beside the target, sync, rename over it, sync the directory."""
    mode = _mode_of(target)
    temporary = target.with_name(f".{target.name[:64]}.{secrets.token_hex(4)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(target.parent)


def _mode_of(target: Path) -> int | None:
    """Permissions of the file that will be replaced, or None where there is none yet."""
    try:
        status = target.stat()
    except FileNotFoundError:
        return None
    text_files.check_regular(status, target, "map", MapError)
    return stat.S_IMODE(status.st_mode)


def _sync_directory(directory: Path) -> None:
    """Make the rename last through a power cut, where the file system can: the file is in place either way."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
