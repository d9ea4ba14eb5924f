"""What a disk has not taken yet: records of a run wait here, in their order, until there is room again.

Owned by the run's writer, on its thread.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, Final

from engine.errors import RunError

from .files import to_json

_AT_ONCE: Final = 64
"""Records of a try: little to make in vain while the disk is full, and few system calls once it is not."""

Record = Mapping[str, Any]


class PatientLog:
    """One log and those of its records that wait. Each is written once, or shed and counted in `lost`.

    Args:
        extend: writes records; of those that it refuses it may have written the first.
        written: how many it has written so far, counted from anywhere.
    """

    def __init__(self, extend: Callable[[list[Record]], None], written: Callable[[], int]) -> None:
        self._extend, self._written = extend, written
        self._waiting: deque[bytes] = deque()  # JSON: a fifth of what the objects take, and its size is known
        self.waiting_bytes = 0
        self.lost = 0

    def __len__(self) -> int:
        """How many records wait."""
        return len(self._waiting)

    def put(self, records: Iterable[Record]) -> None:
        """Write records, after those that wait.

        Raises:
            RunError: the disk refuses. What it has not taken waits.
        """
        fresh = list(records)
        try:
            self.flush()
            self._write(fresh)
        except RunError:
            self._keep(fresh)
            raise

    def flush(self) -> None:
        """Write what waits, or raise as `put` does."""
        while self._waiting:
            some = [json.loads(body) for body in islice(self._waiting, _AT_ONCE)]
            before = len(some)
            try:
                self._write(some)
            finally:
                for _ in range(before - len(some)):
                    self._forget()

    def shed(self) -> None:
        """Give up the record that waits longest."""
        self._forget()
        self.lost += 1

    def _write(self, records: list[Record]) -> None:
        """Write records; what is written is taken off the list, whatever is raised."""
        before = self._written()
        try:
            self._extend(records)
        finally:
            del records[: self._written() - before]

    def _keep(self, records: list[Record]) -> None:
        bodies = [to_json(record) for record in records]
        self._waiting.extend(bodies)
        self.waiting_bytes += sum(map(len, bodies))

    def _forget(self) -> None:
        self.waiting_bytes -= len(self._waiting.popleft())
