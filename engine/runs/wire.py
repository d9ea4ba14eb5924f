"""The words that pass between a run and a watcher in another process: records, one JSON object a line.

    {"op": "pause", "id": 7}                         a watcher asks; ids are its own
    {"accepted": 7}                                  the run has it
    {"applied": 7, "words": "paused"}                and has done it, at the next boundary of an update
    {"refused": 7, "words": "...", "hint": "..."}    or has not
    {"op": "watch", "env": 0, "fps": 10.0}           pictures, please; {"op": "unwatch"} ends them
    {"frame": {...}}                                 one of them, see frames.py
    {"op": "seen", "frame": 12}                      it has arrived: the next may be sent

Pure; any thread. What comes from outside is checked here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from engine.errors import RunError

from .files import to_json
from .records import Checkpoint, Command, Pause, Resume, SetHyper, SharePolicy, Stop, Unwatch, Watch

PROTOCOL: Final = 1
"""Version of what is said. Fields may be added to it; another number means another language."""

MAX_LINE_BYTES: Final = 16 * 1024 * 1024
"""Of one record: a run.json with a large map in it fits many times."""

_MAX_ID: Final = 2**53
_MAX_TEXT: Final = 200  # characters of a name
_PLAIN: Final[dict[str, Command]] = {
    "pause": Pause(),
    "resume": Resume(),
    "stop": Stop(),
    "checkpoint": Checkpoint(),
    "share": SharePolicy(),
    "unwatch": Unwatch(),
}


def to_line(record: Mapping[str, Any]) -> bytes:
    """A record as one line, ASCII only."""
    return to_json(record) + b"\n"


class LineBuffer:
    """Cuts a stream of bytes into records. Of one connection."""

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self._limit = limit
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The records that are complete now.

        Raises:
            RunError: a line is no record, or longer than any.
        """
        self._rest += data
        if b"\n" not in data:
            self._check_length()
            return []
        *lines, rest = bytes(self._rest).split(b"\n")
        self._rest = bytearray(rest)
        self._check_length()
        return [parsed(line) for line in lines if line.strip()]

    def _check_length(self) -> None:
        if len(self._rest) > self._limit:
            raise RunError(f"a line of more than {self._limit} bytes came, which is no record")


def parsed(line: bytes) -> dict[str, Any]:
    """One record.

    Raises:
        RunError: it is none.
    """
    try:
        record = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise RunError(f"what came is no record: {line[:60].decode('ascii', 'replace')!r}") from error
    if not isinstance(record, dict):
        raise RunError("what came is no record")
    return record


def command_record(command: Command, number: int) -> dict[str, Any]:
    """A command as a record, with the number by which it is answered."""
    match command:
        case Watch(env, fps):
            asked: dict[str, Any] = {"op": "watch", "env": env, "fps": fps}
        case SetHyper(name, value):
            asked = {"op": "set", "name": name, "value": value}
        case _:
            asked = {"op": next(op for op, plain in _PLAIN.items() if isinstance(command, type(plain)))}
    return {**asked, "id": number}


def command_of(record: Mapping[str, Any]) -> Command:
    """The command in a record.

    Raises:
        RunError: there is none, or its values are no values.
    """
    op = record.get("op")
    if isinstance(op, str) and op in _PLAIN:
        return _PLAIN[op]
    if op == "watch":
        return Watch(whole(record, "env"), number(record, "fps"))
    if op == "set":
        name = record.get("name")
        if not isinstance(name, str) or len(name) > _MAX_TEXT:
            raise RunError("set needs the name of a hyperparameter")
        return SetHyper(name, number(record, "value"))
    raise RunError(f"there is no command {str(op)[:40]!r}", hint=f"there are {', '.join((*_PLAIN, 'watch', 'set'))}")


def command_id(record: Mapping[str, Any]) -> int:
    """The number of a command, of whoever asked.

    Raises:
        RunError: it has none.
    """
    return whole(record, "id")


def whole(record: Mapping[str, Any], key: str) -> int:
    """A whole number of a record, 0 .. 2^53.

    Raises:
        RunError: there is none.
    """
    value = record.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MAX_ID:
        raise RunError(f"{key} must be a whole number")
    return value


def number(record: Mapping[str, Any], key: str) -> float:
    """A finite number of a record.

    Raises:
        RunError: there is none.
    """
    value = record.get(key)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        raise RunError(f"{key} must be a number")
    return float(value)


def text(record: Mapping[str, Any], key: str, limit: int = _MAX_TEXT) -> str:
    """A text of a record, cut to `limit` characters; empty where there is none."""
    value = record.get(key)
    return value[:limit] if isinstance(value, str) else ""
