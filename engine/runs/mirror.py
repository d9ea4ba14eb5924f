"""What this machine knows of a run on another one: a run directory in the cache, from which chart and SQL read as ever.

Written by the thread of the RemoteRun that owns it, and by nobody else: the directory is locked as any run's is.
"""

from __future__ import annotations

import shutil
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
            for entry in self.path.iterdir():
                entry.unlink() if entry.is_file() or entry.is_symlink() else shutil.rmtree(entry)
        self._open()
        replace_file(self.path / "run.json", to_json(identity, indent=1) + b"\n")

    def add(self, log: str, lines: Sequence[Mapping[str, Any]]) -> None:
        """Append lines of a log as they are; those that are here already are left out.

        Raises:
            RunError: a line has no `seq`, or the disk refuses.
        """
        fresh = []
        for line in lines:
            seq = line.get("seq")
            if not isinstance(seq, int) or isinstance(seq, bool):
                raise RunError("a line without a number came")
            if seq > self._last[log]:
                self._last[log] = seq
                fresh.append(line)
        self._logs[log].extend(fresh)

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
        with refusals_in_words("create", root):
            (root / run_id).mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        try:
            return root, WriterLock(root)
        except RunError:
            if number == _MOST_SCREENS:
                raise
    raise AssertionError("unreachable")
