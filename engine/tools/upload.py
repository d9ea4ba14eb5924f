"""`gridrl upload RUN PLACE`: checkpoints of this machine, or of any place, to a bucket, to wandb or to a directory.

Main thread. Every byte is checked before it leaves; the manifest goes last.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from engine.errors import UsageError
from engine.runs import load_checkpoint
from engine.runs.finding import find_checkpoints, scores_of
from engine.runs.stores import DirectoryTarget, Parcel, put_checkpoint
from engine.runs.uris import Uri, read_uri, shown

from .text import line, note, printable

_FORMS = "s3://BUCKET/PREFIX, wandb://ENTITY/PROJECT/NAME or a directory"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="RUN", help="a run's latest checkpoint; RUN:best, RUN:v4096, RUN:all")
    parser.add_argument("place", metavar="PLACE", help=_FORMS)


def run(arguments: argparse.Namespace) -> int:
    put = _putter(arguments.place)
    for found in find_checkpoints(arguments.source, lambda words: note(printable(words))):
        load_checkpoint(found.path)
        parcel = Parcel(found.path, scores_of(found.path))
        went = put(parcel)
        line(printable(f"{arguments.place}:v{parcel.step}{'' if went else ' was there already'}"))
    return 0


def _putter(place: str) -> Callable[[Parcel], bool]:
    """How a checkpoint gets there; connects only when it is called."""
    uri = read_uri(place)
    _check_place(uri)
    if uri.scheme == "s3":
        from engine.runs.s3 import S3Store  # deferred, as the other: each place loads only its own

        store = S3Store(place, uri.place)
        return lambda parcel: put_checkpoint(store, parcel)
    if uri.scheme == "wandb":
        from engine.runs.wandb_artifacts import upload_artifact

        return lambda parcel: upload_artifact(place, uri.place, parcel)
    directory = DirectoryTarget(Path(os.path.expanduser(uri.place)))  # pathlib's raises for ~nobody
    return lambda parcel: put_checkpoint(directory, parcel)


def _check_place(uri: Uri) -> None:
    if uri.scheme == "ssh":
        host = uri.place.partition("/")[0]
        hint = f"there, `gridrl fetch ssh://THIS_MACHINE/RUN` gets it; or copy a directory with scp to {shown(host)}"
        raise UsageError(f"{shown(uri.text)}: nothing is written on another machine", hint=hint)
    if uri.scheme not in ("", "file", "s3", "wandb"):
        raise UsageError(f"{shown(uri.text)}: that is no place to upload to", hint=f"say {_FORMS}")
    if uri.base != uri.text or not uri.place:
        hint = f"say {shown(uri.base)}; each lies there under its own number" if uri.place else f"say {_FORMS}"
        raise UsageError(f"{shown(uri.text)}: a place, and not one checkpoint of it, is needed", hint=hint)
