"""The `.gridrec` format: a recording as bytes and back. Pure; any thread. docs/recordings.md describes it for others.

Whatever the bytes are, reading them ends in a Recording that keeps all its promises or in a RecordingError that says
what is wrong and where. No byte is unpickled, and nothing is unpacked beyond the size that its section may have.
"""

from __future__ import annotations

import struct
import zlib
from typing import Annotated, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from engine.errors import RecordingError

from .recording import MAX_ACTIONS, NO_ACTION, RecordedMap, Recording, short_hash
from .rules import Rules, Table

MAGIC: Final = b"\x89gridrec"
FORMAT: Final = 1

_MIB = 1024 * 1024
SECTIONS: Final = {
    "head": _MIB,
    "maps": 16 * _MIB,
    "state": 64 * _MIB,
    "actions": MAX_ACTIONS,
    "hashes": 2 * (MAX_ACTIONS + 1),
}
"""Every section in its order, with the most bytes that it may unpack to."""

MAX_BYTES: Final = sum(SECTIONS.values()) + _MIB
"""No recording is larger."""

_FILE_HEAD = struct.Struct("<8sH")  # magic, format
_SECTION_HEAD = struct.Struct("<8sIII")  # name, packed bytes, unpacked bytes, CRC-32 of all that and the packed bytes
_CRC = struct.Struct("<I")

Word = Annotated[int, Field(ge=0, le=2**64 - 1)]
Side = Annotated[int, Field(ge=1, le=1024)]


class _MapHead(Table):
    name: str = Field(max_length=200)
    height: Side
    width: Side


class _Head(Table):
    """The section `head`: JSON of everything that is no array."""

    engine: str = Field(pattern=r"^\d{1,3}\.\d{1,3}\.\d{1,3}$")
    seed: Word
    ticks: int = Field(ge=0, le=MAX_ACTIONS)
    ended: bool
    final_hash: Word
    maps: tuple[_MapHead, ...] = Field(min_length=1, max_length=4096)
    rules: Rules

    @model_validator(mode="after")
    def _ends_by_a_step(self) -> _Head:
        if self.ended and self.ticks == 0:
            raise ValueError("ended: an episode ends by a step, and there is none")
        return self


def to_bytes(recording: Recording) -> bytes:
    """The recording as a `.gridrec` file holds it.

    Raises:
        RecordingError: a part of it is larger than the format allows.
    """
    head = _Head(
        engine=recording.engine,
        seed=recording.seed,
        ticks=recording.ticks,
        ended=recording.ended,
        final_hash=recording.final_hash,
        maps=tuple(
            _MapHead(name=_as_text(each.name), height=each.cells.shape[0], width=each.cells.shape[1])
            for each in recording.maps
        ),
        rules=recording.rules,
    )
    # Agent by agent: what one does is like what it did before, more than like what the others do.
    contents = (
        head.model_dump_json().encode(),
        b"".join(each.cells.tobytes() for each in recording.maps),
        recording.state,
        recording.actions.T.tobytes(),
        recording.hashes.astype("<u2").tobytes(),
    )
    sections = [_packed(name, content) for name, content in zip(SECTIONS, contents, strict=True)]
    return b"".join([_FILE_HEAD.pack(MAGIC, FORMAT), *sections])


def _as_text(name: str) -> str:
    """What fits the format: a file's name may be longer, and hold bytes that are no text."""
    return name.encode("utf-8", "backslashreplace").decode()[:200]


def _packed(name: str, content: bytes) -> bytes:
    if len(content) > SECTIONS[name]:
        raise RecordingError(f"the recording is too large: section {name} has {len(content):,} bytes")
    # Z_FILTERED disdains short matches: 8 % smaller with the actions of chance, 2 to 4 % with those of policies.
    packer = zlib.compressobj(9, strategy=zlib.Z_FILTERED)
    packed = packer.compress(content) + packer.flush()
    return _section_head(name.encode(), len(packed), len(content), packed) + packed


def _section_head(name: bytes, packed_size: int, size: int, packed: bytes) -> bytes:
    start = _SECTION_HEAD.pack(name, packed_size, size, 0)[: -_CRC.size]
    return start + _CRC.pack(zlib.crc32(packed, zlib.crc32(start)))


# ---- Reading


def from_bytes(data: bytes) -> Recording:
    """The recording in the bytes of a `.gridrec` file.

    Raises:
        RecordingError: the bytes are no recording, cut short, damaged, or say what cannot be.
    """
    contents = _unpacked_sections(data)
    head = _read_head(contents["head"])
    agents = head.rules.agents
    _check_size("actions", contents["actions"], head.ticks * agents, f"{head.ticks:,} ticks of {agents} agents")
    _check_size("hashes", contents["hashes"], 2 * (head.ticks + 1), f"{head.ticks:,} ticks and the start")
    hashes = np.frombuffer(contents["hashes"], "<u2").astype(np.uint16)
    if hashes[-1] != short_hash(head.final_hash):
        raise RecordingError("section hashes contradicts section head: the hash of the last tick is not final_hash")
    actions = np.ascontiguousarray(np.frombuffer(contents["actions"], np.uint8).reshape(agents, head.ticks).T)
    _check_actions(actions, head.rules)
    for array in (hashes, actions):
        array.flags.writeable = False
    return Recording(
        engine=head.engine,
        rules=head.rules,
        maps=_read_maps(head, contents["maps"]),
        seed=head.seed,
        state=contents["state"],
        actions=actions,
        hashes=hashes,
        ended=head.ended,
        final_hash=head.final_hash,
    )


def _unpacked_sections(data: bytes) -> dict[str, bytes]:
    at = _check_file_head(data)
    contents = {}
    for name in SECTIONS:
        contents[name], at = _read_section(data, at, name)
    if at != len(data):
        raise RecordingError(f"the recording goes on after its end: {len(data) - at:,} bytes too many from byte {at:,}")
    return contents


def _check_file_head(data: bytes) -> int:
    """Where the first section begins."""
    if not data:
        raise RecordingError("the recording is empty")
    if data[: len(MAGIC)] != MAGIC[: len(data)]:
        raise RecordingError("this is not a recording", hint="recordings begin with \\x89gridrec")
    if len(data) < _FILE_HEAD.size:
        raise _cut_short(data, 0, "its beginning", _FILE_HEAD.size)
    _, version = _FILE_HEAD.unpack_from(data)
    if version != FORMAT:
        raise RecordingError(
            f"the recording has format {version}, and this program reads format {FORMAT}",
            hint="play it with the version of gridrl that wrote it",
        )
    return _FILE_HEAD.size


def _read_section(data: bytes, at: int, name: str) -> tuple[bytes, int]:
    """What the section at byte `at` unpacks to, and where the next one begins."""
    start = at + _SECTION_HEAD.size
    if start > len(data):
        raise _cut_short(data, at, f"section {name}", _SECTION_HEAD.size)
    found, packed_size, size, _ = _SECTION_HEAD.unpack_from(data, at)
    if found.rstrip(b"\0") != name.encode():
        raise RecordingError(f"the recording is damaged: at byte {at:,} there should be section {name}")
    if start + packed_size > len(data):
        raise _cut_short(data, at, f"section {name}", _SECTION_HEAD.size + packed_size)
    packed = data[start : start + packed_size]
    if data[at:start] != _section_head(found, packed_size, size, packed):
        raise RecordingError(f"section {name} at byte {at:,} is damaged: its checksum does not match")
    return _unpacked(name, at, packed, size), start + packed_size


def _unpacked(name: str, at: int, packed: bytes, size: int) -> bytes:
    if size > SECTIONS[name]:
        raise RecordingError(
            f"section {name} at byte {at:,} would unpack to {size:,} bytes, more than the {SECTIONS[name]:,} allowed"
        )
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(packed, size + 1)  # never more, whatever the bytes would give
    except zlib.error as error:
        raise RecordingError(f"section {name} at byte {at:,} cannot be unpacked") from error
    if len(content) != size or not unpacker.eof or unpacker.unused_data:
        raise RecordingError(f"section {name} at byte {at:,} does not unpack to the {size:,} bytes that it promises")
    return content


def _cut_short(data: bytes, at: int, what: str, size: int) -> RecordingError:
    return RecordingError(
        f"the recording is cut short: {what} at byte {at:,} needs {size:,} bytes, and there are {len(data) - at:,}",
        hint="copy the file again",
    )


def _check_size(name: str, content: bytes, size: int, why: str) -> None:
    if len(content) != size:
        raise RecordingError(f"section {name} has {len(content):,} bytes; {why} take {size:,}")


def _read_head(content: bytes) -> _Head:
    try:
        return _Head.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        path = ".".join(str(part) for part in first["loc"])[:120]
        message = first["msg"].removeprefix("Value error, ")
        where = f"section head, {path}" if path else "section head"
        hint = "this version of gridrl has other rules" if path.startswith("rules") else ""
        raise RecordingError(f"{where}: {message[:400]}", hint=hint) from error


def _read_maps(head: _Head, content: bytes) -> tuple[RecordedMap, ...]:
    sizes = [each.height * each.width for each in head.maps]
    _check_size("maps", content, sum(sizes), f"{len(sizes)} maps of these sizes")
    flat = np.frombuffer(content, np.uint8)  # of bytes, so nobody can write to it
    parts: list[NDArray[np.uint8]] = np.split(flat, np.cumsum(sizes)[:-1])
    return tuple(
        RecordedMap(each.name, cells.reshape(each.height, each.width))
        for each, cells in zip(head.maps, parts, strict=True)
    )


def _check_actions(actions: NDArray[np.uint8], rules: Rules) -> None:
    count = len(rules.actions)
    is_wrong = (actions >= count) & (actions != NO_ACTION)
    if is_wrong.any():
        tick, agent = np.argwhere(is_wrong)[0]
        raise RecordingError(
            f"section actions, tick {tick}, agent {agent}: there is no action {actions[tick, agent]}",
            hint=f"{rules.name} has actions 0 to {count - 1}",
        )
