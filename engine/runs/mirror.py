"""What this machine knows of a run on another one: a run directory in the cache, from which chart and SQL read as ever.

Written by the thread of the RemoteRun that owns it, and by nobody else: the directory is locked as any run's is.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final

from engine.errors import RunError
from engine.places import cache_directory

from .broadcast import LOGS
from .files import DIRECTORY_MODE, read_json, refusals_in_words, replace_file, to_json
from .lock import WriterLock
from .log import SEGMENT_BYTES, LogWriter
from .names import check_run_name
from .records import RunStatus

_MOST_SCREENS: Final = 16
"""Of one machine that watch the same run; each keeps a mirror of its own."""

_STATE_S: Final = 1.0
_THINNED: Final = "thinned"
"""File beside a run of whose past not every row is here."""

_OWN: Final = ("run.json", "state.json")
"""Files of a mirror, beside those of its logs."""

CACHE_HINT: Final = "set GRIDRL_CACHE to a directory of yours that has room"


class Mirror:
    """One mirror, held from `__init__` to `close`."""

    def __init__(self, host: str, run_id: str) -> None:
        """Take the first mirror of that run that no other process holds.

        Raises:
            RunError: the cache cannot be written, or too many screens watch the run.
        """
        self.root, self._lock = _taken(cache_directory() / "remote" / host / check_run_name(run_id), run_id)
        """Holds this run alone, so that what looks for runs there finds no other."""
        self.path = self.root / run_id
        self._thinned = self.root / _THINNED
        self._logs: dict[str, LogWriter] = {}
        self._last: dict[str, int] = {}
        self._next_state = 0.0
        self._open()

    @property
    def created(self) -> str:
        """Of the run that is mirrored; empty: nothing is yet."""
        with suppress(RunError):
            return str(read_json(self.path / "run.json").get("created") or "")
        return ""

    @property
    def after(self) -> dict[str, int]:
        """The last `seq` here, by log."""
        return dict(self._last)

    def begin(self, identity: Mapping[str, Any]) -> None:
        """Be the mirror of another run: what was here goes.

        Raises:
            RunError: the disk refuses.
        """
        self._close_logs()
        with refusals_in_words("empty", self.path):
            for entry in (*self.path.glob("*-*.jsonl"), *(self.path / name for name in (*_OWN, "events.jsonl"))):
                entry.unlink(missing_ok=True)
            self._thinned.unlink(missing_ok=True)
        self._open()
        replace_file(self.path / "run.json", to_json(identity, indent=1) + b"\n")

    @property
    def is_thinned(self) -> bool:
        """Whether rows of the past are missing here, because nobody asked for all of them."""
        return self._thinned.exists()

    def mark_thinned(self) -> None:
        """Remember that rows are missing."""
        replace_file(self._thinned, b"")

    def add(self, log: str, lines: Sequence[Mapping[str, Any]]) -> None:
        """Append lines of a log as they are; those that are here already are left out.

        Raises:
            RunError: a line has no `seq`, or the disk refuses.
        """
        fresh: list[tuple[int, Mapping[str, Any]]] = []
        for line in lines:
            seq = line.get("seq")
            if not isinstance(seq, int) or isinstance(seq, bool):
                raise RunError("a line without a number came")
            if seq > (fresh[-1][0] if fresh else self._last[log]):
                fresh.append((seq, line))
        writer = self._logs[log]
        before = writer.next_seq
        try:
            writer.extend(line for _, line in fresh)
        finally:  # a full disk may have taken some of them
            taken = writer.next_seq - before
            self._last[log] = fresh[taken - 1][0] if taken else self._last[log]

    def state(self, status: RunStatus) -> None:
        """Keep what the run is doing; once a second is enough."""
        if time.monotonic() < self._next_state:
            return
        self._next_state = time.monotonic() + _STATE_S
        record = {
            "v": 1,
            "status": status.status.value,
            "step": status.step,
            "total_steps": status.total_steps,
            "sps": status.sps,
            "elapsed": status.elapsed,
            "message": status.message,
            "heartbeat": time.time(),
        }
        replace_file(self.path / "state.json", to_json(record) + b"\n", durable=False)

    def close(self) -> None:
        """Let go of it; what is there stays for the next time."""
        with ExitStack() as stack:
            stack.callback(self._lock.close)
            self._close_logs()

    def _open(self) -> None:
        with ExitStack() as stack:
            for log in LOGS:
                segment = None if log == "events" else SEGMENT_BYTES
                self._logs[log] = stack.enter_context(LogWriter(self.path / log, segment_bytes=segment))
            stack.pop_all()
        self._last = {log: writer.next_seq - 1 for log, writer in self._logs.items()}

    def _close_logs(self) -> None:
        for writer in self._logs.values():
            writer.close()
        self._logs.clear()


def _taken(base: Path, run_id: str) -> tuple[Path, WriterLock]:
    """The root of a mirror, and the lock on it. The lock lies beside the run, as `begin` empties that."""
    for number in range(1, _MOST_SCREENS + 1):
        root = base if number == 1 else base.with_name(f"{base.name}~{number}")
        try:
            _make(root / run_id)
        except RunError as error:
            raise RunError(f"what comes cannot be kept: {error.message}", hint=CACHE_HINT) from error
        try:
            return root, WriterLock(root)
        except RunError:
            if number == _MOST_SCREENS:
                raise
    raise AssertionError("unreachable")


def _make(path: Path) -> None:
    """A directory for its user alone, and those above it as far as they are missing.

    Raises:
        RunError: the system refuses, or a link leads elsewhere: what it leads to is not ours to write in.
    """
    with refusals_in_words("create", path):
        for each in (*reversed(path.parents), path):
            if not each.exists():
                each.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
        if path.is_symlink() or path.parent.is_symlink():
            raise RunError(f"{path} is a link, which is not followed")
