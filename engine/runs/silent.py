"""The writer of a process that trains along and writes nothing: all ranks of a run but the first have one.

Owned by its trainer and used by that one's thread. It answers like a RunWriter, and touches no disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .records import RunState


class SilentWriter:
    """Takes what a RunWriter takes, and keeps none of it."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.path = Path(run_id)
        """Names no directory."""
        self.trouble = ""
        """There never is any."""

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """The first rank's to log."""

    def episodes(self, rows: Iterable[Mapping[str, Any]], *, step: int | None = None) -> None:
        """The first rank's to log."""

    def event(self, kind: str, message: str, **data: Any) -> None:
        """The first rank's to log."""

    def state(
        self, status: RunState, step: int, total: int, *, sps: float = 0.0, message: str = "", **extra: Any
    ) -> None:
        """The first rank's to publish."""

    def checkpoint(
        self, step: int, tensors: Mapping[str, Any], meta: Mapping[str, Any], *, keep: int = 0, best: bool = False
    ) -> Path:
        """The first rank's to save; the name that it gives the file."""
        return self.path / f"ck-{step:012d}.safetensors"

    def close(self, status: RunState = RunState.FINISHED, message: str = "") -> None:
        """Nothing is open."""
