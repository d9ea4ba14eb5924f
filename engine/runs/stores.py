"""Directories of checkpoints that are not a run's: in a bucket, on a shared disk. Reading them, and adding to them.

    ck-<step>.safetensors   first
    ck-<step>.metrics.json  what the run's log said then, so that `top:K:METRIC` chooses there, too
    ck-<step>.json          the manifest, last: a checkpoint exists once its manifest does
    BEST, LATEST            names of one of them, if anybody wrote them; else the latest is the highest step

A Store or Target knows files by name, and nothing of what is in them. Called by tools, on their main thread.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from engine.errors import CheckpointError, RunError

from .cache import cached_checkpoint
from .checkpoints import BEST as BEST_FILE
from .checkpoints import LATEST as LATEST_FILE
from .checkpoints import MAX_MANIFEST_BYTES, best_checkpoint
from .files import DIRECTORY_MODE, refusals_in_words, replace_file
from .shelves import MAX_SCORES_BYTES, SCORES, Scores, scores_text, sound_scores
from .uris import LATEST, shown

Say = Callable[[str], None]
"""Tells the person what takes its time."""

CHUNK: Final = 8 * 1024 * 1024
_MANIFEST: Final = re.compile(r"ck-([0-9]{12,18})\.json", re.ASCII)
_POINTER_BYTES: Final = 64


class Target(Protocol):
    """Files by name in one place, to add to. What the place refuses is a GridrlError in words, from every method."""

    @property
    def owner(self) -> str:
        """The place as the person called it, without the choice."""
        ...

    def read(self, name: str, limit: int) -> bytes | None:
        """The first `limit` bytes of a file; None if it is not there."""
        ...

    def upload(self, name: str, source: Path) -> None:
        """Put a file of this machine there."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Put a small file there, whole or not at all."""
        ...


class Store(Target, Protocol):
    """One that is read, too."""

    def names(self) -> list[str]:
        """All files; none where nothing is there yet."""
        ...

    def download(self, name: str, file: BinaryIO, size: int) -> None:
        """Write a file's bytes into `file`, no more than `size` of them."""
        ...


class StoreShelf:
    """The checkpoints in a store. Owns the list of its files, read once."""

    def __init__(self, store: Store, say: Say) -> None:
        self._store, self._say = store, say
        self._names: frozenset[str] | None = None

    @property
    def owner(self) -> str:
        return shown(self._store.owner)

    def steps(self) -> list[int]:
        found = {int(match[1]): name for name in self._listed() if (match := _MANIFEST.fullmatch(name))}
        return sorted(step for step, name in found.items() if name == _manifest_of(step))

    def pointed(self, word: str) -> int | None:
        pointer = LATEST_FILE if word == LATEST else BEST_FILE
        data = self._store.read(pointer, _POINTER_BYTES) if pointer in self._listed() else None
        if data is None:
            return None
        match = _MANIFEST.fullmatch(data.decode("ascii", "replace").strip() + ".json")
        return int(match[1]) if match and match[0] in self._listed() else None

    def scores(self, step: int) -> Scores:
        name = _stem(step) + SCORES
        data = self._store.read(name, MAX_SCORES_BYTES) if name in self._listed() else None
        with suppress(ValueError, RecursionError):
            return sound_scores(json.loads(data or b"{}"))
        return {}

    def fetch(self, step: int) -> Path:
        name = f"{self._store.owner}:v{step}"
        manifest = self._store.read(_manifest_of(step), MAX_MANIFEST_BYTES + 1)
        if manifest is None:
            raise CheckpointError(f"{shown(name)} is gone", hint="somebody deleted it a moment ago; take another")

        def download(file: BinaryIO, size: int) -> None:
            self._say(f"fetching {shown(name)}, {size / 1e6:,.1f} MB")
            self._store.download(f"{_stem(step)}.safetensors", file, size)

        return cached_checkpoint(name, step, manifest, download)

    def _listed(self) -> frozenset[str]:
        if self._names is None:
            self._names = frozenset(self._store.names())
        return self._names


def _stem(step: int) -> str:
    return f"ck-{step:012d}"


def _manifest_of(step: int) -> str:
    return f"{_stem(step)}.json"


@dataclass(frozen=True)
class Parcel:
    """A checkpoint on its way to another place."""

    tensors: Path
    """The safetensors file; its manifest lies beside it."""
    scores: Scores
    """What its run's log said when it was made."""

    @property
    def step(self) -> int:
        return int(self.tensors.stem.removeprefix("ck-"))

    @property
    def is_best(self) -> bool:
        """Whether its directory's BEST names it."""
        return best_checkpoint(self.tensors.parent) == self.tensors

    def manifest(self) -> bytes:
        path = self.tensors.with_suffix(".json")
        with refusals_in_words("read", path):
            return path.read_bytes()


def put_checkpoint(store: Target, parcel: Parcel) -> bool:
    """Put a checkpoint somewhere. Returns whether it had to be: the same may be there already.

    Raises:
        RunError: there is another one of that step.
    """
    manifest = parcel.manifest()
    there = store.read(_manifest_of(parcel.step), MAX_MANIFEST_BYTES + 1)
    if there is not None and there != manifest:
        raise RunError(
            f"{shown(store.owner)} has another checkpoint v{parcel.step}",
            hint="nothing is ever overwritten; upload to a place of its own, such as one named after the run",
        )
    if there is None:
        store.upload(parcel.tensors.name, parcel.tensors)
        if parcel.scores:
            store.write(_stem(parcel.step) + SCORES, scores_text(parcel.scores))
        store.write(_manifest_of(parcel.step), manifest)
    if parcel.is_best:
        store.write(BEST_FILE, f"{parcel.tensors.stem}\n".encode("ascii"))
    return there is None


class DirectoryTarget:
    """A directory of this machine, on whatever disk; made when the first file comes. It is read as a run's is."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @property
    def owner(self) -> str:
        return str(self._directory)

    def read(self, name: str, limit: int) -> bytes | None:
        with refusals_in_words("read", self._directory / name):
            try:
                with (self._directory / name).open("rb") as file:
                    return file.read(limit)
            except FileNotFoundError:
                return None

    def upload(self, name: str, source: Path) -> None:
        with refusals_in_words("read", source):
            data = source.read_bytes()
        self.write(name, data)

    def write(self, name: str, data: bytes) -> None:
        with refusals_in_words("create", self._directory):
            self._directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        replace_file(self._directory / name, data)
