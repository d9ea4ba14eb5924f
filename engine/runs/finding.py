"""From what a person calls checkpoints to their files on this machine, fetched if need be.

Called by tools, on their main thread; waits for the disk and, of other places, for the network.
"""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.errors import UsageError

from .directory import run_paths
from .names import runs_root
from .shelves import DirectoryShelf, Scores, Shelf, chosen
from .stores import Say, StoreShelf
from .uris import LATEST, Choice, Uri, read_uri, shown

TENSORS: Final = ".safetensors"
CHECKPOINTS: Final = "checkpoints"
FILE: Final = "file://"
_REMOTE: Final = ("s3", "wandb", "ssh")
_OWN_FILES: Final = ("", TENSORS, ".json")
_OTHERS: Final = (".pt", ".pth", ".mpt", ".pkl", ".ckpt", ".bin")
_NO_CODE: Final = f"checkpoints end in {TENSORS}; other programs' files may hold code, which is never run"


@dataclass(frozen=True)
class Found:
    """A checkpoint on this machine."""

    name: str
    """As it was called; of several, each by its own number."""
    path: Path
    """Its safetensors file."""


class UnknownRun(UsageError):
    """There is no run by that name; whoever knows other things by names may say so in better words."""

    def __init__(self, name: str, known: list[str]) -> None:
        near = difflib.get_close_matches(name, known, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "gridrl runs lists the runs"
        super().__init__(f"no run is called {shown(name)!r}", hint=hint)
        self.name = name
        self.known = known


def find_checkpoints(text: str, say: Say) -> list[Found]:
    """The checkpoints that a text means: one, or as many as its choice says. Never none.

    Args:
        text: see uris.py.
        say: told before something is fetched.

    Raises:
        UsageError: there is none by that name, or the text means nothing.
        RunError, CheckpointError: another place refuses, or what came from there is damaged.
    """
    uri = read_uri(text)
    if uri.scheme == "ssh":
        from .ssh_checkpoints import fetch_over_ssh  # deferred, as the others: local names need none of it

        return [Found(_name(uri, step), path) for step, path in fetch_over_ssh(uri, say)]
    if uri.scheme in ("", "file"):
        return _local(uri)
    return _of_shelf(uri, _remote_shelf(uri, say))


def scores_of(path: Path) -> Scores:
    """The metrics of the run that a checkpoint of this machine is of, as they were when it was made; or none."""
    return DirectoryShelf(path.parent, str(path)).scores(int(path.stem.removeprefix("ck-")))


def _of_shelf(uri: Uri, shelf: Shelf) -> list[Found]:
    return [Found(_name(uri, step), shelf.fetch(step)) for step in chosen(shelf, uri.choice)]


def _name(uri: Uri, step: int) -> str:
    return uri.text if uri.choice.is_one else uri.called(step)


# ---- Elsewhere


def _remote_shelf(uri: Uri, say: Say) -> Shelf:
    if uri.scheme in _REMOTE:
        _refuse_files(uri)
    if uri.scheme == "s3":
        from .s3 import S3Store

        return StoreShelf(S3Store(uri.base, uri.place), say)
    if uri.scheme == "wandb":
        from .wandb_artifacts import WandbShelf

        return WandbShelf(uri.base, uri.place, say)
    hint = f"say {FILE}PATH, s3://BUCKET/PREFIX, wandb://ENTITY/PROJECT/NAME or ssh://HOST/RUN, or name a run"
    raise UsageError(f"{shown(uri.text)}: that is no place of checkpoints", hint=hint)


def _refuse_files(uri: Uri) -> None:
    """A place is a directory; a file in it goes by its number. What other programs save is never opened."""
    if uri.place.endswith(_OTHERS):
        raise UsageError(f"{shown(uri.text)} is no checkpoint", hint=_NO_CODE)
    if uri.place.endswith((TENSORS, ".json")):
        folder = uri.base.rpartition("/")[0]
        raise UsageError(f"{shown(uri.text)} is a file", hint=f"say {shown(folder)}:vN, N being its agent steps")


# ---- On this machine


def _local(uri: Uri) -> list[Found]:
    if not _is_path(uri):
        return _of_run(uri)
    try:
        uri, path = _path_of(uri)
        if not path.is_dir():
            return [Found(uri.text, _file_at(uri, path))]
        inner = path / CHECKPOINTS
        return _of_shelf(uri, DirectoryShelf(inner if inner.is_dir() else path, shown(uri.base)))
    except (OSError, ValueError, RuntimeError):  # too long, a zero byte, no such home: no name of a file at all
        hint = f"say {FILE}PATH"
        raise UsageError(f"{shown(uri.text)}: that is no path of a checkpoint", hint=hint) from None


def _is_path(uri: Uri) -> bool:
    return uri.scheme == "file" or "/" in uri.place or uri.place.endswith(TENSORS) or uri.place in (".", "..", "~")


def _of_run(uri: Uri) -> list[Found]:
    known = {path.name: path for path in run_paths(runs_root())}
    if uri.text in known:  # a copy may be called like a choice
        uri = Uri(uri.text, "", uri.text, Choice())
    if uri.place not in known:
        raise UnknownRun(uri.place, list(known))
    return _of_shelf(uri, DirectoryShelf(known[uri.place] / CHECKPOINTS, f"run {uri.place}"))


def _path_of(uri: Uri) -> tuple[Uri, Path]:
    """The path that a text means: with its end that looks like a choice if such a thing is there, else without it."""
    if not uri.place:
        raise ValueError
    whole = uri.text if uri.scheme == "" else uri.text[len(FILE) :]
    if os.path.exists(path := Path(whole).expanduser()):
        return Uri(uri.text, uri.scheme, whole, Choice()), path
    return uri, Path(uri.place).expanduser()


def _file_at(uri: Uri, path: Path) -> Path:
    """The checkpoint whose file a text names, with either ending or none."""
    if path.suffix not in _OWN_FILES and path.exists():
        raise UsageError(f"{shown(uri.text)} is no checkpoint", hint=_NO_CODE)
    tensors = path.with_suffix(TENSORS)
    is_there = tensors.is_file() and tensors.with_suffix(".json").is_file()  # a pipe would keep us waiting
    if not is_there or uri.choice.word != LATEST:
        hint = f"name a run, a {CHECKPOINTS} directory, or a {TENSORS} file with its .json beside it"
        raise UsageError(f"there is no checkpoint {shown(uri.text)}", hint=hint)
    return tensors
