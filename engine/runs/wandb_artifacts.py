"""Checkpoints as artifacts of Weights & Biases: the extra `wandb`.

ENTITY/PROJECT/NAME is a collection of artifacts of type `model`, each of them one checkpoint: its two files, its agent
steps and its run's metrics in `metadata`. An artifact is there once it is whole. wandb signs in by its own means
(`wandb login`, WANDB_API_KEY); nothing of that is asked for, kept or printed here, and no run of ours is logged.
Called by tools, on their main thread; wandb has a process of its own.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, BinaryIO, Final

from engine.errors import CheckpointError, GridrlError, RunError, UsageError

from .cache import cached_checkpoint
from .checkpoints import MAX_MANIFEST_BYTES
from .extras import need
from .shelves import Scores, sound_scores
from .stores import CHUNK, Parcel, Say
from .uris import LATEST, shown

_PLACE: Final = re.compile(r"[\w.-]{1,128}/[\w.-]{1,128}/[\w.-]{1,128}", re.ASCII)
_TYPE: Final = "model"
_STEP: Final = "gridrl_step"
_SCORES: Final = "gridrl_metrics"
_BEST: Final = "best"  # an alias, as BEST is a file elsewhere
_TIMEOUT_S: Final = 30
_OFF: Final = ("offline", "dryrun", "disabled")


class WandbShelf:
    """One collection. Owns the list of its artifacts, read once."""

    def __init__(self, uri: str, place: str, say: Say) -> None:
        """Look at nothing yet.

        Raises:
            UsageError: that names no collection, wandb is not installed, or was told to stay offline.
        """
        self.owner = shown(uri)
        self._place = _checked(uri, place)
        self._say = say
        self._found: dict[int, Any] | None = None

    def steps(self) -> list[int]:
        return sorted(self._artifacts())

    def pointed(self, word: str) -> int | None:
        if word == LATEST:
            return None  # the highest step, whatever was uploaded last
        return next((step for step, each in self._artifacts().items() if _BEST in each.aliases), None)

    def scores(self, step: int) -> Scores:
        return sound_scores(self._artifacts()[step].metadata.get(_SCORES))

    def fetch(self, step: int) -> Path:
        name = f"{self.owner}:v{step}"
        stem = f"ck-{step:012d}"
        artifact = self._artifacts()[step]
        manifest = self._file(artifact, f"{stem}.json", MAX_MANIFEST_BYTES)

        def download(file: BinaryIO, size: int) -> None:
            self._say(f"fetching {name}, {size / 1e6:,.1f} MB")
            with self._downloaded(artifact, f"{stem}.safetensors", size) as path, path.open("rb") as source:
                shutil.copyfileobj(source, file, CHUNK)

        return cached_checkpoint(name, step, manifest, download)

    def _artifacts(self) -> dict[int, Any]:
        """Those that we uploaded, by agent steps; of several of one step the newest."""
        if self._found is None:
            found: dict[int, Any] = {}
            with _quietly(self.owner):
                import wandb

                for artifact in wandb.Api(timeout=_TIMEOUT_S).artifacts(_TYPE, self._place):  # the newest first
                    step = artifact.metadata.get(_STEP)
                    if isinstance(step, int) and not isinstance(step, bool) and step >= 0:
                        found.setdefault(step, artifact)
            self._found = found
        return self._found

    def _file(self, artifact: Any, name: str, limit: int) -> bytes:
        with self._downloaded(artifact, name, limit) as path:
            return path.read_bytes()

    @contextmanager
    def _downloaded(self, artifact: Any, name: str, limit: int) -> Iterator[Path]:
        """A file of an artifact, in a directory that goes with the block. Nothing larger than it may be is fetched."""
        with tempfile.TemporaryDirectory(prefix="gridrl-") as folder:
            with _quietly(self.owner):
                entry = artifact.get_entry(name)
                if entry.ref is not None:  # it may lead anywhere, to files of this machine too
                    raise CheckpointError(f"{self.owner} cannot be used: {name} is a reference to elsewhere")
                if (entry.size or 0) > limit:
                    raise CheckpointError(f"{self.owner} cannot be used: {name} is larger than {limit} bytes")
                path = Path(entry.download(root=folder, skip_cache=True))
            yield path


def upload_artifact(uri: str, place: str, parcel: Parcel) -> bool:
    """Upload a checkpoint. Returns whether it had to be: the same may be there already."""
    entity, project, collection = _checked(uri, place).split("/")
    metadata = {_STEP: parcel.step, _SCORES: dict(parcel.scores)}
    aliases = [f"step-{parcel.step}", *([_BEST] if parcel.is_best else [])]  # v1, v2, ... are wandb's own
    with tempfile.TemporaryDirectory(prefix="gridrl-") as folder, _quietly(shown(uri)):
        import wandb

        settings = wandb.Settings(silent=True, console="off", disable_git=True, save_code=False)
        with wandb.init(entity=entity, project=project, job_type="upload", dir=folder, settings=settings) as run:
            artifact = wandb.Artifact(collection, type=_TYPE, metadata=metadata)
            for path in (parcel.tensors, parcel.tensors.with_suffix(".json")):
                artifact.add_file(str(path), name=path.name, policy="immutable")
            run.log_artifact(artifact, aliases=aliases).wait(timeout=600)
    return True  # wandb itself keeps no second copy of the same content


def _checked(uri: str, place: str) -> str:
    if not _PLACE.fullmatch(place):
        raise UsageError(f"{shown(uri)}: that is no place of Weights & Biases", hint="say wandb://ENTITY/PROJECT/NAME")
    mode = os.environ.get("WANDB_MODE", "")
    if mode in _OFF:
        raise UsageError(f"{shown(uri)}: WANDB_MODE={mode} keeps wandb off the network", hint="unset WANDB_MODE")
    need("wandb", "wandb", uri)
    return place


@contextmanager
def _quietly(owner: str) -> Iterator[None]:
    """What wandb says is its errors, in a line; with no terminal to see, it asks for no key either."""
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    except GridrlError:
        raise
    except Exception as error:
        # It raises its own kinds, those of its service and Python's, and promises none of them.
        reason, hint = _words(error)
        raise RunError(f"{owner}: {reason}", hint=hint) from error


def _words(error: Exception) -> tuple[str, str]:
    said = (str(error).splitlines() or [""])[0][:200]
    kind = type(error).__name__
    if (kind == "UsageError" and "API key" in said) or "authentication" in said.lower():
        return "wandb is not signed in", "`wandb login`, or set WANDB_API_KEY"
    if kind == "AuthenticationError":
        return (
            "wandb cannot sign in or cannot be reached",
            "is the network there, and is the key of `wandb login` valid?",
        )
    if "404" in said or "not found" in said.lower() or "could not find" in said.lower():
        return (
            "there is nothing by that name, or it is not yours to see",
            "is it spelt right? wandb://ENTITY/PROJECT/NAME",
        )
    if isinstance(error, TimeoutError) or "timed out" in said or "in time" in said or "connect" in said.lower():
        return "wandb cannot be reached", "is the network there, and is WANDB_BASE_URL right if it is set?"
    return f"wandb refused: {said or kind}", ""
