"""Runs: the directory a run is, the log in it, its checkpoints, and the handle by which a run is watched.

Imports neither torch nor duckdb, so that the screen may list runs before its first frame.
"""

from __future__ import annotations

from .attached import AttachedRun
from .background import BackgroundWriter, Writer
from .checkpoints import CheckpointInfo, latest_checkpoint, list_checkpoints, load_checkpoint, save_checkpoint
from .directory import ENDED_WITHOUT_CLOSING, RunDirectory, RunInfo, RunWriter, list_runs, run_paths
from .feed import RunFeed
from .files import passing_reason
from .log import LogReader, LogWriter
from .names import check_run_name, new_run_id, runs_root
from .records import (
    Checkpoint,
    Command,
    Event,
    EventLogged,
    Frame,
    Gap,
    MetricsLogged,
    Pause,
    Resume,
    RunHandle,
    RunState,
    RunStatus,
    SetHyper,
    SharePolicy,
    Stop,
    Unwatch,
    Watch,
)
from .silent import SilentWriter

__all__ = [
    "ENDED_WITHOUT_CLOSING",
    "AttachedRun",
    "BackgroundWriter",
    "Checkpoint",
    "CheckpointInfo",
    "Command",
    "Event",
    "EventLogged",
    "Frame",
    "Gap",
    "LogReader",
    "LogWriter",
    "MetricsLogged",
    "Pause",
    "Resume",
    "RunDirectory",
    "RunFeed",
    "RunHandle",
    "RunInfo",
    "RunState",
    "RunStatus",
    "RunWriter",
    "SetHyper",
    "SharePolicy",
    "SilentWriter",
    "Stop",
    "Unwatch",
    "Watch",
    "Writer",
    "check_run_name",
    "latest_checkpoint",
    "list_checkpoints",
    "list_runs",
    "load_checkpoint",
    "new_run_id",
    "passing_reason",
    "run_paths",
    "runs_root",
    "save_checkpoint",
]
