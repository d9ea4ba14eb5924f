"""What was fetched from elsewhere, by content: a second use needs no more than the manifest.

    GRIDRL_CACHE/checkpoints/<sha256 of the manifest>/ck-<step>.safetensors and .json

The manifest holds the hash of the tensors, so its own hash names both. An entry is made in a directory beside it and
renamed when all of it has been checked: it is whole or not there, however many processes fetch the same at once.
Nothing in here is needed; deleting it costs another download. Called by tools, on their main thread.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from engine.errors import CheckpointError, RunError
from engine.places import cache_directory

from .checkpoints import load_checkpoint, read_manifest
from .files import DIRECTORY_MODE, FILE_MODE
from .uris import shown

Download = Callable[[BinaryIO, int], None]
"""Writes the tensors' file, of that many bytes, and no more."""

_LEFTOVER_S: Final = 24 * 3600  # a draft that old belongs to nobody who is still at work


def cached_checkpoint(name: str, step: int, manifest: bytes, download: Download) -> Path:
    """The safetensors file of a checkpoint from elsewhere, checked whole; it is downloaded unless it is here already.

    Args:
        name: how the person calls it, for errors.
        step: agent steps, which the manifest has to confirm.
        manifest: the bytes of its manifest as they came.

    Raises:
        CheckpointError: what came is damaged, beyond the limits, or another checkpoint; nothing of it is kept.
        RunError: the cache cannot be written.
    """
    root = cache_directory() / "checkpoints"
    stem = f"ck-{step:012d}"
    path = root / hashlib.sha256(manifest).hexdigest() / f"{stem}.safetensors"
    if _is_sound(path):
        return path
    with _refusals(root), _draft(root) as draft:
        drafted = draft / path.name
        _write(drafted.with_suffix(".json"), manifest)
        with _told(name):
            _check_step(drafted, step)
        with _created(drafted) as file:
            download(file, read_manifest(drafted.with_suffix(".json"))["size"])
        with _told(name):
            load_checkpoint(drafted)
        _take_place(draft, path)
    return path


def _is_sound(path: Path) -> bool:
    """Whether it is here. A disk may have lost some of it since; then it is fetched anew."""
    if not path.exists():
        return False
    with suppress(CheckpointError):
        load_checkpoint(path)
        return True
    return False


def _check_step(path: Path, step: int) -> None:
    found = read_manifest(path.with_suffix(".json"))["step"]
    if found != step:
        raise CheckpointError(f"checkpoint {path} cannot be used: it is of step {found} and lies as one of {step}")


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Name the place that it came from, not the one it lies at for this moment."""
    try:
        yield
    except CheckpointError as error:
        reason = error.message.partition("cannot be used: ")[2] or error.message
        raise CheckpointError(
            f"{shown(name)} cannot be used: {reason}", hint="nothing of it was kept; fetch it again, or take another"
        ) from None


@contextmanager
def _draft(root: Path) -> Iterator[Path]:
    """A directory of ours alone, gone afterwards unless it was renamed."""
    root.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    _sweep(root)
    draft = root / f".{os.getpid()}-{time.monotonic_ns()}.tmp"
    draft.mkdir(mode=DIRECTORY_MODE)
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _sweep(root: Path) -> None:
    """Delete the drafts of processes that were killed long ago."""
    for leftover in root.glob(".*.tmp"):
        with suppress(OSError):
            if time.time() - leftover.stat().st_mtime > _LEFTOVER_S:
                shutil.rmtree(leftover, ignore_errors=True)


@contextmanager
def _created(path: Path) -> Iterator[BinaryIO]:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _write(path: Path, data: bytes) -> None:
    with _created(path) as file:
        file.write(data)


def _take_place(draft: Path, path: Path) -> None:
    """Rename the draft to what it is. Somebody may have been faster, with the same bytes; damage makes way."""
    if path.parent.exists() and not _is_sound(path):
        shutil.rmtree(path.parent, ignore_errors=True)
    with suppress(OSError):
        os.rename(draft, path.parent)
    if not path.exists():
        raise RunError(f"cannot keep {path}", hint="set GRIDRL_CACHE to a directory of yours")


@contextmanager
def _refusals(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        hint = "set GRIDRL_CACHE to a directory that can be written and has room"
        raise RunError(f"cannot keep what is fetched in {root}: {reason}", hint=hint) from error
