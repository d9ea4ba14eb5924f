"""Where a tool may write its results: looked at before anything is played. Reads the disk; main thread."""

from __future__ import annotations

import os
from pathlib import Path

from engine.errors import ConfigError
from engine.recipes.overrides import shortened
from engine.runs.recordings import SUFFIX
from engine.sim.gridrec import MAGIC


def output_path(key: str, text: str, suffix: str) -> Path:
    """A place for a file. Its ending keeps a map or a note from being written over by mistake.

    Args:
        key: the setting that names the place.

    Raises:
        ConfigError: another ending, no such directory, or no name of a file at all.
    """
    path = Path(text)
    if path.suffix != suffix or not _can_be_file(path):
        raise ConfigError(
            f"{key}: it takes the name of a file that ends in {suffix}, not {shortened(text)!r}",
            hint=f"{key}=first{suffix}",
        )
    if not os.path.isdir(path.parent):
        raise ConfigError(f"{key}: there is no directory {shortened(str(path.parent))!r}", hint="make it first")
    return path


def recording_path(text: str) -> Path:
    """A place for a recording, free or with a recording in it; also where a link leads.

    Raises:
        ConfigError: as `output_path`, or something else is there.
    """
    path = output_path("record", text, SUFFIX)
    if os.path.lexists(path) and not _holds_recording(path):
        raise ConfigError(f"record: {shortened(text)!r} is there and is no recording", hint="choose another name")
    return path


def _can_be_file(path: Path) -> bool:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError, PermissionError):  # a name all the same
        return True
    except (OSError, ValueError):  # too long, a zero byte, no text
        return False
    return True


def _holds_recording(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(MAGIC)) in (MAGIC, b"")
    except OSError:  # not ours to read
        return False
