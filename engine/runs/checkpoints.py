"""Checkpoints: tensors in safetensors, and beside them a manifest by which they are checked before use.

Never pickle. Written by the run's writer, read by any thread. A checkpoint exists once its manifest does: the tensors
are renamed into place first, then the manifest, then LATEST. BEST names the one that did best, if anybody measured.
The hashes detect damage; they are no signature.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import CheckpointError, RunError

from .files import DIRECTORY_MODE, plain, refusals_in_words, replace_file, staged_file, sync_directory, to_json

if TYPE_CHECKING:
    import numpy as np

FORMAT = 1
LATEST = "LATEST"
BEST = "BEST"
KEEP = 5
"""Checkpoints kept in a run unless asked otherwise."""

MAX_MANIFEST_BYTES = 4 * 1024 * 1024
MAX_TENSOR_BYTES = 4 * 1024**3  # a hundred times the largest policy we ship
MAX_TENSORS = 10_000
MAX_RANK = 8
HEADER_BYTES = 2 * 1024 * 1024  # room for the names and shapes that safetensors writes before the data

_ITEM_BYTES = {
    "bool": 1,
    "uint8": 1,
    "int8": 1,
    "uint16": 2,
    "int16": 2,
    "uint32": 4,
    "int32": 4,
    "uint64": 8,
    "int64": 8,
    "float16": 2,
    "float32": 4,
    "float64": 8,
}
_NAME = re.compile(r"ck-\d{12,18}", re.ASCII)


@dataclass(frozen=True)
class CheckpointInfo:
    """One checkpoint as its manifest describes it; the tensors are checked when they are loaded."""

    step: int
    path: Path
    """The safetensors file."""
    meta: Mapping[str, Any]


def save_checkpoint(
    directory: Path,
    step: int,
    tensors: Mapping[str, Any],
    meta: Mapping[str, Any],
    *,
    keep: int = KEEP,
    best: bool = False,
) -> Path:
    """Write a checkpoint, point LATEST at it, and delete all but the last `keep` and the one that BEST names.

    Args:
        directory: the run's `checkpoints`, made if needed.
        tensors: numpy arrays or torch tensors by name; they are copied before the call returns.
        meta: anything JSON can hold.
        best: point BEST at it, too.

    Returns:
        The safetensors file.
    """
    from safetensors.numpy import save  # deferred: whoever only lists runs never needs it

    arrays = {name: _as_array(name, value) for name, value in tensors.items()}
    data = save(arrays)
    path = directory / f"ck-{step:012d}.safetensors"
    manifest = _manifest(step, data, arrays, meta)
    _check_manifest(path, manifest)
    with refusals_in_words("create", directory):
        directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    _replace_pair(path, data, _sealed(manifest))
    if best:  # before LATEST: whoever goes on from there takes it for the best
        mark_best(path)
    replace_file(directory / LATEST, f"{path.stem}\n".encode())
    _prune(directory, keep=keep, spare=path)
    return path


def mark_best(path: Path) -> None:
    """Point BEST at a checkpoint: it is kept until another one is marked."""
    replace_file(path.parent / BEST, f"{path.stem}\n".encode())


def load_checkpoint(
    path: Path, expected: Mapping[str, tuple[int, ...]] | None = None
) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, Any]]:
    """The tensors and the manifest of a checkpoint, every byte checked before any tensor is made.

    Args:
        path: a safetensors file, or a `checkpoints` directory for its latest.
        expected: the shapes that the caller's model has, by name; others are refused.

    Raises:
        CheckpointError: missing, damaged, too large, or of other shapes.
    """
    file = _file_of(Path(path))
    manifest = read_manifest(file.with_suffix(".json"))
    _check_expected(file, manifest, expected)
    data = _read_data(file, manifest)
    return _parse(file, data, manifest), manifest


def list_checkpoints(directory: Path) -> list[CheckpointInfo]:
    """The checkpoints with a sound manifest, by step."""
    found = []
    for path in _files(directory):
        with suppress(CheckpointError):
            manifest = read_manifest(path.with_suffix(".json"))
            found.append(CheckpointInfo(manifest["step"], path, manifest["meta"]))
    return found


def latest_checkpoint(directory: Path) -> Path | None:
    """The checkpoint that LATEST names or, if that is damaged or gone, the one with the highest step."""
    named = _named_by(directory / LATEST)
    if named is not None:
        return named
    checkpoints = list_checkpoints(directory)
    return checkpoints[-1].path if checkpoints else None


def best_checkpoint(directory: Path) -> Path | None:
    """The checkpoint that BEST names; None if none was marked, or if it is gone."""
    return _named_by(directory / BEST)


def _named_by(pointer: Path) -> Path | None:
    """The checkpoint that LATEST or BEST names, if it is one and still there."""
    with suppress(OSError, UnicodeDecodeError):
        name = pointer.read_text("ascii")[:64].strip()
        path = pointer.parent / f"{name}.safetensors"
        if _NAME.fullmatch(name) and path.exists() and path.with_suffix(".json").exists():
            return path
    return None


# Writing.


def _as_array(name: str, value: Any) -> np.ndarray[Any, Any]:
    """A contiguous copy in numpy. Torch is recognised by its methods, so that this room need not import it."""
    import numpy as np  # deferred, as in save_checkpoint

    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.numpy() if _has_numpy_dtype(value) else None
    array = np.array(value, order="C")
    if array.dtype.name not in _ITEM_BYTES or array.ndim > MAX_RANK:
        raise CheckpointError(
            f"tensor {name!r} cannot be saved", hint="it is no tensor of plain numbers; convert it first"
        )
    return array


def _has_numpy_dtype(tensor: Any) -> bool:
    return str(tensor.dtype).removeprefix("torch.") in _ITEM_BYTES  # not bfloat16, not the quantised ones


def _manifest(
    step: int, data: bytes, arrays: Mapping[str, np.ndarray[Any, Any]], meta: Mapping[str, Any]
) -> dict[str, Any]:
    tensors = {name: {"dtype": array.dtype.name, "shape": list(array.shape)} for name, array in arrays.items()}
    return {
        "v": FORMAT,
        "step": int(step),
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "tensors": tensors,
        "meta": plain(dict(meta)),
    }


def _sealed(manifest: Mapping[str, Any]) -> bytes:
    """The manifest's one possible text, with a hash of itself, so that a flipped bit has nowhere to hide."""
    body = {key: value for key, value in manifest.items() if key != "seal"}
    return _canonical({**body, "seal": hashlib.sha256(_canonical(body)).hexdigest()})


def _canonical(value: Mapping[str, Any]) -> bytes:
    return to_json(dict(sorted(value.items()))) + b"\n"


def _replace_pair(path: Path, data: bytes, manifest: bytes) -> None:
    """Both files or neither, as far as a full disk goes: all is written before the first rename."""
    if len(manifest) > MAX_MANIFEST_BYTES:
        raise CheckpointError(f"the manifest of {path} would take {len(manifest)} bytes", hint="put less into `meta`")
    seal = path.with_suffix(".json")
    with staged_file(path, data) as new_data, staged_file(seal, manifest) as new_seal:
        # A step saved twice (replayed after a resume): the old manifest must never describe the new tensors.
        _unlink(seal)
        with refusals_in_words("write", path):
            os.replace(new_data, path)
            os.replace(new_seal, seal)
            sync_directory(path.parent)


def _prune(directory: Path, *, keep: int, spare: Path) -> None:
    """Delete the lowest steps. `spare` stays whatever its step: a resumed run may have gone back. So does the best."""
    others = [path for path in _files(directory) if path != spare]
    for torso in [path for path in others if not path.with_suffix(".json").exists()]:  # its save was cut short
        others.remove(torso)
        _unlink(torso)
    best = best_checkpoint(directory)
    for path in others[: max(0, len(others) - max(keep, 1) + 1)]:
        if path == best:
            continue
        _unlink(path.with_suffix(".json"))  # first: a manifest without tensors would be a promise broken
        _unlink(path)
    for leftover in directory.glob(".ck-*.tmp"):  # of a process that was killed while it saved: a run has one writer
        _unlink(leftover)


def _unlink(path: Path) -> None:
    with refusals_in_words("delete", path):
        path.unlink(missing_ok=True)


def _files(directory: Path) -> list[Path]:
    try:
        paths = [path for path in directory.glob("ck-*.safetensors") if _NAME.fullmatch(path.stem)]
    except OSError:
        return []
    return sorted(paths, key=lambda path: int(path.stem.removeprefix("ck-")))


# Reading.


def _damaged(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(f"checkpoint {path} cannot be used: {reason}", hint="take an earlier one of the run")


def _file_of(path: Path) -> Path:
    if path.is_dir():
        latest = latest_checkpoint(path)
        if latest is None:
            raise CheckpointError(f"there is no checkpoint in {path}", hint="has the run saved one yet?")
        return latest
    return path.with_suffix(".safetensors")


def _read_bytes(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}", hint="is the path right?") from error
    if len(data) > limit:
        raise _damaged(path, f"it is larger than {limit} bytes")
    return data


def read_manifest(path: Path) -> dict[str, Any]:
    """A manifest by its file, its seal and every limit checked; the tensors are not looked at.

    Raises:
        CheckpointError: it is missing, damaged, of another version or beyond the limits.
    """
    data = _read_bytes(path, MAX_MANIFEST_BYTES)
    try:
        manifest = json.loads(data)
        sound = isinstance(manifest, dict) and _sealed(manifest) == data
    except (ValueError, RecursionError, RunError):
        sound = False
    if not sound:
        raise _damaged(path, "its manifest is damaged")
    if manifest.get("v") != FORMAT:
        raise _damaged(path, f"its manifest has version {manifest.get('v')!r}, this program reads {FORMAT}")
    _check_manifest(path, manifest)
    return dict(manifest)


def _check_manifest(path: Path, manifest: dict[str, Any]) -> None:
    """The limits hold before anything is allocated, whoever wrote the manifest."""
    kinds = {"step": int, "size": int, "sha256": str, "tensors": dict, "meta": dict}
    for key, kind in kinds.items():
        if not isinstance(manifest.get(key), kind):
            raise _damaged(path, f"its manifest has no good {key!r}")
    tensors = manifest["tensors"]
    if len(tensors) > MAX_TENSORS:
        raise _damaged(path, f"it has {len(tensors)} tensors, {MAX_TENSORS} are allowed")
    size = sum(_tensor_bytes(path, name, tensor) for name, tensor in tensors.items())
    if size > MAX_TENSOR_BYTES:
        raise _damaged(path, f"its tensors take {size} bytes, {MAX_TENSOR_BYTES} are allowed")
    if not size <= manifest["size"] <= size + HEADER_BYTES:
        raise _damaged(path, "its shapes do not fit its size")


def _tensor_bytes(path: Path, name: str, tensor: Any) -> int:
    shape = tensor.get("shape") if isinstance(tensor, dict) else None
    if not isinstance(shape, list) or len(shape) > MAX_RANK or not all(_is_length(side) for side in shape):
        raise _damaged(path, f"tensor {name!r} has an impossible shape")
    if tensor.get("dtype") not in tuple(_ITEM_BYTES):  # compared, not hashed: it may be a list
        raise _damaged(path, f"tensor {name!r} has an unknown type")
    return int(math.prod(shape)) * _ITEM_BYTES[tensor["dtype"]]


def _is_length(side: Any) -> bool:
    return isinstance(side, int) and not isinstance(side, bool) and 0 <= side <= MAX_TENSOR_BYTES


def _check_expected(path: Path, manifest: dict[str, Any], expected: Mapping[str, tuple[int, ...]] | None) -> None:
    if expected is None:
        return
    shapes = {name: tuple(tensor["shape"]) for name, tensor in manifest["tensors"].items()}
    for name in sorted({*shapes, *expected}):
        if name not in shapes or name not in expected or shapes[name] != tuple(expected[name]):
            have, want = shapes.get(name, "missing"), expected.get(name, "not in the model")
            raise CheckpointError(
                f"checkpoint {path} does not fit: {name!r} is {have}, the model says {want}",
                hint="was it trained with other layers or on another game?",
            )


def _read_data(path: Path, manifest: dict[str, Any]) -> bytes:
    data = _read_bytes(path, manifest["size"])
    if len(data) != manifest["size"]:
        raise _damaged(path, f"it has {len(data)} of {manifest['size']} bytes")
    if hashlib.sha256(data).hexdigest() != manifest["sha256"]:
        raise _damaged(path, "its content does not match its hash")
    return data


def _parse(path: Path, data: bytes, manifest: dict[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    from safetensors import SafetensorError  # deferred, as in save_checkpoint
    from safetensors.numpy import load

    try:
        arrays: dict[str, np.ndarray[Any, Any]] = load(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, "it is no safetensors file") from error
    found = {name: {"dtype": array.dtype.name, "shape": list(array.shape)} for name, array in arrays.items()}
    if found != manifest["tensors"]:
        raise _damaged(path, "its tensors are not those of its manifest")
    return arrays
