"""What `gridrl stream` says of a run: its identity, its log from any place on, its state; one JSON object a line.

    {"hello": "ruddy-otter", "proto": 1, "version": "0.1.0", "identity": {...}, "fresh": false, "every": {...}}
    {"columns": ["rollout/ep_rew_mean", ...]}                       the metrics of the rows that follow
    {"metric": {"seq": 7, "attempt": 1, "step": 8192, "time": ..., "row": [0.93, ...]}}
    {"episode": {...}}  {"event": {...}}                            lines of the log as they are
    {"state": {"status": "training", "step": 8192, ...}}
    {"hb": 1795284604.9}                                            nothing else for a second

and, from whoever trains it, what wire.py names. A reader, any thread; it never writes and blocks nobody.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from engine.errors import RunError

from .directory import RunDirectory
from .files import read_json
from .log import LogReader, last_seq
from .records import RunStatus
from .wire import PROTOCOL, number, text, whole

LOGS: Final = ("metrics", "episodes", "events")

HISTORY: Final = 2000
"""Rows of a log's past that a watcher gets unless it asks for more: a chart has fewer points."""

HEARTBEAT_S: Final = 1.0
_STATE_S: Final = 0.5
_CHUNK_BYTES: Final = 128 * 1024
"""Of each log at a time, so that a long history keeps nothing else waiting."""


@dataclass(frozen=True)
class Follow:
    """What a watcher wants to hear. The first line that it says."""

    run: str
    created: str = ""
    """Of the run that the watcher knows; where another has that name, it hears all from the beginning."""
    after: Mapping[str, int] = field(default_factory=dict)
    """The last `seq` that it has, by log."""
    episodes: bool = True
    history: int | None = None
    """Rows of the past, at most, of metrics and of episodes, evenly chosen; None for all."""
    compress: bool = False
    pings: bool = False
    """Whether it says something each second; then its silence means that it is gone."""
    name: str = ""
    """Of its program, for the run's history."""

    def record(self) -> dict[str, Any]:
        return {"op": "follow", "proto": PROTOCOL, **asdict(self)}


def follow_of(record: Mapping[str, Any]) -> Follow:
    """The wish in a record.

    Raises:
        RunError: it is none, or of another version of this program.
    """
    if record.get("op") != "follow":
        raise RunError("the first line must say what to follow", hint='{"op": "follow", "proto": 1, "run": "NAME"}')
    if record.get("proto") != PROTOCOL:
        raise RunError(
            f"this side speaks version {PROTOCOL}, the other {str(record.get('proto'))[:10]}",
            hint="install the same version of gridrl-tui on both sides",
        )
    after = record.get("after")
    after = after if isinstance(after, Mapping) else {}
    return Follow(
        run=text(record, "run"),
        created=text(record, "created"),
        after={log: whole(after, log) for log in LOGS if log in after},
        episodes=record.get("episodes") is not False,
        history=None if record.get("history") is None else max(1, whole(record, "history")),
        compress=record.get("compress") is True,
        pings=record.get("pings") is True,
        name=text(record, "name", 80),
    )


def state_record(state: RunStatus) -> dict[str, Any]:
    """A state as it travels."""
    return {"state": {**asdict(state), "status": state.status.value}}


class Broadcast:
    """All that is said of one run to one watcher, but for what its process says itself."""

    def __init__(self, directory: RunDirectory, wish: Follow) -> None:
        self._directory, self._wish = directory, wish
        self._identity = read_json(directory.path / "run.json")
        directory.info()  # a later version is refused
        self._files = directory.identity()
        self._fresh = wish.created != str(self._identity.get("created"))
        logs = [log for log in LOGS if log != "episodes" or wish.episodes]
        self._logs = {log: _Past(directory.path / log, self._after(log), self._limit(log)) for log in logs}
        self._columns: list[str] | None = None
        self._state: RunStatus | None = None
        self._next_state = 0.0
        self._next_heartbeat = 0.0

    def _after(self, log: str) -> int:
        return 0 if self._fresh else self._wish.after.get(log, 0)

    def _limit(self, log: str) -> int | None:
        return None if log == "events" else self._wish.history

    def hello(self) -> dict[str, Any]:
        """The first record."""
        return {
            "hello": self._directory.run_id,
            "proto": PROTOCOL,
            "version": _version(),
            "identity": self._identity,
            "fresh": self._fresh,
            "compress": self._wish.compress,
            "every": {log: past.every for log, past in self._logs.items()},
            "behind": sum(past.backlog for past in self._logs.values()),
        }

    def news(self) -> list[dict[str, Any]]:
        """What there is to say now; a bounded amount, and more the next time.

        Raises:
            RunError: the run is another one now, or cannot be read.
        """
        records: list[dict[str, Any]] = []
        for log, past in self._logs.items():
            lines = past.read_new()
            if log == "metrics":
                records += self._rows(lines)
            else:
                records += [{log.removesuffix("s"): line} for line in lines]
        if self._directory.identity() != self._files:  # asked last: what was read before may be the other one's
            raise RunError(f"run {self._directory.run_id} was deleted or made anew", hint="attach anew to see it")
        now = time.monotonic()
        if now >= self._next_state:
            self._next_state = now + _STATE_S
            state = self._directory.state()
            if state != self._state:
                self._state = state
                records.append(state_record(state))
        if records:
            self._next_heartbeat = now + HEARTBEAT_S
        elif now >= self._next_heartbeat:
            self._next_heartbeat = now + HEARTBEAT_S
            records.append({"hb": time.time()})
        return records

    def _rows(self, lines: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Metrics with their names said once."""
        for line in lines:
            values = line.get("values")
            if not isinstance(values, dict):
                continue  # no line of ours
            names = list(values)
            if names != self._columns:
                self._columns = names
                yield {"columns": names}
            label = {key: value for key, value in line.items() if key != "values"}
            yield {"metric": {**label, "row": list(values.values())}}


class _Past:
    """One log, followed from a record on; of what lies behind at the beginning, only every so many."""

    def __init__(self, prefix: Path, after: int, limit: int | None) -> None:
        self._reader = LogReader(prefix, after=after)
        self._last = last_seq(prefix)
        self.backlog = max(0, self._last - after)
        self.every = 1 if limit is None else max(1, math.ceil(self.backlog / limit))
        self.backlog //= self.every

    def read_new(self) -> list[dict[str, Any]]:
        records = self._reader.read_new(_CHUNK_BYTES * min(self.every, 64))
        return records if self.every == 1 else [record for record in records if self._is_chosen(record)]

    def _is_chosen(self, record: Mapping[str, Any]) -> bool:
        seq = record.get("seq")
        return not isinstance(seq, int) or seq > self._last or (self._last - seq) % self.every == 0


def _version() -> str:
    try:
        return metadata.version("gridrl-tui")
    except metadata.PackageNotFoundError:
        return "unknown"


def metrics_line(record: Mapping[str, Any], columns: list[str]) -> dict[str, Any]:
    """A row as the line of the log that it was.

    Raises:
        RunError: it does not fit its columns.
    """
    row = record.get("row")
    if not isinstance(row, list) or len(row) != len(columns):
        raise RunError("a row of metrics came that does not fit its names")
    whole(record, "seq")
    whole(record, "step")
    number(record, "time")
    label = {key: value for key, value in record.items() if key != "row"}
    return {**label, "values": dict(zip(columns, row, strict=True))}
