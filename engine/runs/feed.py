"""The feed of a run: its metrics and events in one order, as they appear in its directory.

A feed belongs to whoever made it (a RunHandle, on the UI thread). It keeps at most a chunk of each log in memory.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeGuard

from .log import LogReader
from .records import Event, EventLogged, Gap, MetricsLogged

DRAIN_LIMIT = 2_000
"""Events of one drain: about 20 ms of parsing, so that a long history does not stop the screen."""

_CHUNK_BYTES = 256 * 1024  # about 2 ms of parsing


class RunFeed:
    """Follows the metrics and the events of a run directory, merged by step.

    Lines that are no records come out as a Gap.
    """

    def __init__(self, path: Path) -> None:
        self._metrics = _Stream(path / "metrics", metrics_of)
        self._events = _Stream(path / "events", event_of)

    def drain(self, limit: int = DRAIN_LIMIT) -> list[Event]:
        """The next events, oldest first; fewer than `limit` means that there are no more yet."""
        events: list[Event] = []
        while len(events) < limit:
            stream = self._next_stream()
            if stream is None:
                break
            events.append(stream.pending.popleft())
        missed = self._metrics.take_missed() + self._events.take_missed()
        return [*events, Gap(missed)] if missed else events

    def _next_stream(self) -> _Stream | None:
        """The log whose next record has the lower step. At the same step the metrics come first."""
        ready = [stream for stream in (self._metrics, self._events) if stream.fill()]
        return min(ready, key=lambda stream: stream.pending[0].step) if ready else None


class _Stream:
    """One log, parsed a chunk ahead."""

    def __init__(self, prefix: Path, parse: Callable[[Mapping[str, Any]], MetricsLogged | EventLogged | None]) -> None:
        self.pending: deque[MetricsLogged | EventLogged] = deque()
        self._reader = LogReader(prefix)
        self._parse = parse
        self._missed = 0
        self._reported = 0

    def fill(self) -> bool:
        """Whether there is a record to take."""
        while not self.pending:
            records = self._reader.read_new(_CHUNK_BYTES)
            if not records:
                return False
            events = [event for event in map(self._parse, records) if event is not None]
            self._missed += len(records) - len(events)
            self.pending.extend(events)
        return True

    def take_missed(self) -> int:
        """Bad lines since the last call."""
        total = self._missed + self._reader.bad_lines
        new, self._reported = total - self._reported, total
        return new


def metrics_of(record: Mapping[str, Any]) -> MetricsLogged | None:
    """A line of the metrics log, None if it is none. null means NaN."""
    step, time, values = record.get("step"), record.get("time"), record.get("values")
    if not _is_step(step) or not _is_number(time) or not isinstance(values, dict):
        return None
    return MetricsLogged(step, float(time), {name: _number(value) for name, value in values.items()})


def event_of(record: Mapping[str, Any]) -> EventLogged | None:
    """A line of the event log, None if it is none."""
    step, time, data = record.get("step"), record.get("time"), record.get("data")
    if not _is_step(step) or not _is_number(time):
        return None
    kind, message = str(record.get("kind") or ""), str(record.get("message") or "")
    return EventLogged(step, float(time), kind, message, data if isinstance(data, dict) else {})


def _is_step(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e18


def _number(value: Any) -> float:
    try:
        return float(value) if isinstance(value, (int, float)) else math.nan
    except OverflowError:  # an integer of 400 digits
        return math.nan
