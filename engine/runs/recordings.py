"""Recordings on disk: written whole or not at all, read with a limit.

Stateless; calls touch the disk and may wait for it. Imported by name, not through engine.runs: it loads the engine,
and listing runs does without.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from engine.errors import RecordingError, RunError
from engine.sim import Recording
from engine.sim.gridrec import MAX_BYTES, from_bytes, to_bytes

from .files import refusals_in_words, replace_file

SUFFIX: Final = ".gridrec"


def save_recording(path: Path, recording: Recording) -> None:
    """Write a recording. An existing file is replaced in one step; a link keeps pointing.

    Raises:
        RecordingError: it is too large, or the disk refuses.
    """
    data = to_bytes(recording)
    try:
        replace_file(Path(os.path.realpath(path)), data)
    except RunError as error:
        raise RecordingError(error.message, hint="choose a place that can be written") from error


def load_recording(path: Path) -> Recording:
    """Read a recording.

    Raises:
        RecordingError: there is no such file, or it is no recording, damaged, or of another format.
    """
    data = _read(path)
    try:
        return from_bytes(data)
    except RecordingError as error:
        raise RecordingError(f"{path}: {error.message}", hint=error.hint) from error


def _read(path: Path) -> bytes:
    try:
        with refusals_in_words("read", path):
            if path.exists() and not path.is_file():  # a pipe would keep us waiting, a device would never end
                raise RecordingError(f"{path} is not a regular file", hint=f"recordings end in {SUFFIX}")
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
    except RunError as error:
        raise RecordingError(error.message) from error  # its hints are about runs
    if len(data) > MAX_BYTES:
        raise RecordingError(f"{path} is larger than the {MAX_BYTES:,} bytes that a recording may have")
    return data
