"""The run directory: what the trainer writes, what everybody reads.

    run.json        who the run is: recipe, game, map, resolved configuration, seed, versions. Written once.
    state.json      what it is doing: status, step, speed, heartbeat. Replaced at most once a second.
    metrics-*.jsonl  episodes-*.jsonl  events.jsonl   the log; closed files of it become .parquet
    progress.csv    the metrics once more, for spreadsheets
    checkpoints/    see checkpoints.py
    writer.lock     held while somebody writes

`RunWriter` owns all of it and belongs to one thread, most often a BackgroundWriter's. `RunDirectory` only reads, from
any thread.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.errors import RunError

from .checkpoints import KEEP, CheckpointInfo, latest_checkpoint, list_checkpoints, save_checkpoint
from .feed import RunFeed, metrics_of
from .files import DIRECTORY_MODE, plain, read_json, refusals_in_words, replace_file, to_json
from .lock import WriterLock, is_held
from .log import SEGMENT_BYTES, LogReader, LogWriter
from .names import check_run_name
from .patience import PatientLog
from .progress import ProgressTable
from .records import MetricsLogged, RunState, RunStatus

FORMAT = 1
"""Version of run.json and state.json. A run of a later one is refused: its files may mean something else."""

STATE_PERIOD = 1.0  # seconds between two heartbeats: faster than anybody asks, slower than the disk minds
SILENT_S = 30.0  # without a heartbeat: where there are no locks, the writer is then taken for dead
SYNC_PERIOD = 5.0  # seconds of log that a power cut may take
MOST_WAITING_BYTES = 32 * 1024 * 1024  # of records that a full disk refuses: a quarter of an hour of a small run's
ENDED_WITHOUT_CLOSING = "ended without closing"

_SECRET = re.compile(r"(_key|_token|_secret|password|passwd)$", re.IGNORECASE)
_MARKS = ("run.json", "state.json", "writer.lock")


@dataclass(frozen=True)
class RunInfo:
    """Who a run is: the content of run.json."""

    run_id: str
    recipe: str
    created: datetime
    """With a time zone."""
    game: str
    map: str
    seed: int | None
    config: Mapping[str, Any] = field(default_factory=dict)
    """Resolved; the values of keys that look like secrets are struck out."""
    versions: Mapping[str, str] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else the run was created with."""


@dataclass(frozen=True)
class Pulse:
    """Signs of life of a run's process."""

    pid: int
    """0 where the run does not say."""
    heartbeat: float
    """Wall time, seconds since 1970."""


class LaterVersion(RunError):
    """A run that a later version of this program has written: its files may mean something else."""


class RunWriter:
    """Writes one run. Owner of its directory; one thread at a time; a context manager.

    Every refusal of the operating system is a RunError in words, after which the files are whole and the writer
    can be tried again. Records that were refused wait here, up to MOST_WAITING_BYTES; they are written by the next
    call that the disk takes, or by `flush`. Records no event by itself: what happened is the trainer's to say.
    """

    trouble = ""
    """What a screen should say of the disk: whoever calls this writer is told by RunErrors."""

    def __init__(self, path: Path, *, lock: WriterLock, attempt: int, before: RunStatus, segment_bytes: int) -> None:
        """Use `create` or `resume`."""
        self.path = path
        self.run_id = path.name
        self.attempt = attempt
        self._lock = lock
        self._closed = False
        self._status = RunStatus(RunState.STARTING, before.step, before.total_steps, elapsed=before.elapsed)
        self._started = time.monotonic() - before.elapsed
        self._next_state = 0.0
        self._state_waits = False  # the disk refused the newest
        self._next_sync = time.monotonic() + SYNC_PERIOD
        self._open_files(segment_bytes)

    @classmethod
    def create(
        cls,
        root: Path,
        run_id: str,
        config: Mapping[str, Any],
        meta: Mapping[str, Any],
        *,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> RunWriter:
        """Make the directory `root / run_id` and hold its lock.

        Args:
            config: the resolved configuration.
            meta: `recipe`, `game`, `map`, `seed`, `versions`; other keys are kept as they are.
        """
        path = root / check_run_name(run_id)
        with refusals_in_words("create", path):
            root.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            lock = _furnish(path, _identity(run_id, config, meta))
        try:
            return cls._opened(path, lock, attempt=1, before=RunStatus(RunState.STARTING), segment_bytes=segment_bytes)
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)  # ours, and a moment old: better no run than half a run
            raise

    @classmethod
    def resume(cls, path: Path, *, segment_bytes: int = SEGMENT_BYTES) -> RunWriter:
        """Go on writing a run that somebody began: torn tails are cut, lines carry the next attempt."""
        directory = RunDirectory(path)
        directory.info()  # a later version, or no run at all, is refused before anything is touched
        lock = WriterLock(path)
        state = {} if _is_unborn(path) else _state_record(path)
        attempt, elapsed = _whole(state.get("attempt"), 1) + 1, _real(state.get("elapsed"))
        reached = _whole(state.get("step")), _whole(state.get("total_steps"))
        before = RunStatus(RunState.STARTING, *reached, elapsed=elapsed)
        return cls._opened(path, lock, attempt=attempt, before=before, segment_bytes=segment_bytes)

    @classmethod
    def _opened(cls, path: Path, lock: WriterLock, *, attempt: int, before: RunStatus, segment_bytes: int) -> RunWriter:
        try:
            return cls(path, lock=lock, attempt=attempt, before=before, segment_bytes=segment_bytes)
        except BaseException:
            lock.close()
            raise

    @property
    def lock_is_certain(self) -> bool:
        """False on a file system without locks, where a second writer would go unnoticed."""
        return self._lock.is_certain

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Log one iteration's metrics. A number that is not finite is written as null."""
        self._reach(step)
        now = time.time()
        numbers = {name: float(value) for name, value in values.items()}
        record = {"step": step, "time": now, "values": numbers}
        self._put((self._metrics, [record]), (self._progress, [record]))
        self._sync_sometimes()
        any(log.compact_next() for log in self._logs)  # one at most: the heartbeat waits for it

    def episodes(self, rows: Iterable[Mapping[str, Any]], *, step: int | None = None) -> None:
        """Log finished episodes, one row for each agent of each.

        Args:
            rows: `env, agent, group, episode, length, reward, end, terms, stats`.
            step: agent steps at which they were collected; the latest known if left out.
        """
        if step is not None:
            self._reach(step)
        label = {"step": self._status.step, "time": time.time()}
        self._put((self._episodes, ({**label, **row} for row in rows)))

    def event(self, kind: str, message: str, **data: Any) -> None:
        """Log something that happened: kind is state, command, checkpoint, warning or error."""
        record = {"step": self._status.step, "time": time.time(), "kind": kind, "message": message, "data": data}
        self._put((self._events, [record]))

    def state(
        self, status: RunState, step: int, total: int, *, sps: float = 0.0, message: str = "", **extra: Any
    ) -> None:
        """Publish what the run is doing. Costs nothing when called more often than once a second."""
        changed = status is not self._status.status
        elapsed = time.monotonic() - self._started
        self._status = RunStatus(status, int(step), int(total), float(sps), elapsed, message)
        if changed or time.monotonic() >= self._next_state:
            self._write_state(extra, durable=changed)

    def beat(self, **extra: Any) -> None:
        """Say again what the run is doing, unless that was said within the last second."""
        if time.monotonic() >= self._next_state:
            self._status = replace(self._status, elapsed=time.monotonic() - self._started)
            self._write_state(extra, durable=False)

    def checkpoint(
        self, step: int, tensors: Mapping[str, Any], meta: Mapping[str, Any], *, keep: int = KEEP, best: bool = False
    ) -> Path:
        """Save a checkpoint, and the log up to it. Returns the safetensors file.

        Args:
            best: of all so far: it is kept until another one is.
        """
        self._reach(step)
        self.flush()  # whoever goes on from it must find the log up to there
        self._sync()
        meta = {**meta, "run_id": self.run_id, "attempt": self.attempt}
        return save_checkpoint(self.path / "checkpoints", step, tensors, meta, keep=keep, best=best)

    @property
    def waiting(self) -> int:
        """Records that the disk has not taken yet."""
        return sum(map(len, self._patient))

    def flush(self) -> None:
        """Write what waits, and the state if that was refused.

        Raises:
            RunError: the disk still refuses.
        """
        self._put(*((log, ()) for log in (*self._patient, self._progress)))
        if self._state_waits:
            self._write_state({}, durable=True)

    def take_lost(self) -> dict[str, int]:
        """How many records were given up since the last call, by log: more waited than the memory shall hold."""
        lost = {"episodes": self._episodes.lost, "metrics": self._metrics.lost}
        self._episodes.lost = self._metrics.lost = 0
        return {name: count for name, count in lost.items() if count}

    def close(self, status: RunState = RunState.FINISHED, message: str = "") -> None:
        """End the run as `status` and let go of it. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        with ExitStack() as stack:  # each of these runs, whichever of the others a full disk refuses
            stack.callback(self._lock.close)
            for part in self._files:
                stack.callback(part.close)
            stack.callback(self._sync)
            stack.callback(self.flush)
            now = self._status
            elapsed = time.monotonic() - self._started
            self._status = RunStatus(status, now.step, now.total_steps, now.sps, elapsed, message)
            self._write_state({}, durable=True)

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        self.close(RunState.FAILED if kind else RunState.FINISHED, str(error) if error else "")

    def _open_files(self, segment_bytes: int) -> None:
        with ExitStack() as stack:
            metrics = self._open_log(stack, "metrics", segment_bytes)
            episodes = self._open_log(stack, "episodes", segment_bytes)
            events = self._open_log(stack, "events", None)
            progress = ProgressTable(self.path / "progress.csv")
            stack.callback(progress.close)
            self._files = (metrics, episodes, events, progress)
            self._logs = (metrics, episodes, events)
            self._metrics, self._episodes, self._events = self._patient = [_patient(log) for log in self._logs]
            self._progress = PatientLog(progress.extend, lambda: progress.rows)
            self._write_state({}, durable=True)
            stack.pop_all()  # all is well: the files stay open

    def _open_log(self, stack: ExitStack, name: str, segment_bytes: int | None) -> LogWriter:
        return stack.enter_context(LogWriter(self.path / name, segment_bytes=segment_bytes, attempt=self.attempt))

    def _put(self, *pairs: tuple[PatientLog, Iterable[Mapping[str, Any]]]) -> None:
        """Write records into logs, each whatever becomes of the others."""
        try:
            with ExitStack() as stack:
                for log, records in reversed(pairs):  # the last in is the first called
                    stack.callback(log.put, records)
        except RunError:
            self._shed()
            raise

    def _shed(self) -> None:
        """Keep what waits within bounds: the many episodes go first, then what only repeats the metrics, then those."""
        kept = [self._episodes, self._progress, self._metrics, self._events]
        while sum(log.waiting_bytes for log in kept) > MOST_WAITING_BYTES:
            log = next(log for log in kept if len(log))
            if log is self._events:
                return  # what was done and what went wrong: few, and never given up
            log.shed()

    def _reach(self, step: int) -> None:
        """Note the step for the records that do not name one."""
        self._status = replace(self._status, step=int(step))

    def _sync_sometimes(self) -> None:
        if time.monotonic() >= self._next_sync:
            self._sync()

    def _sync(self) -> None:
        self._next_sync = time.monotonic() + SYNC_PERIOD
        for log in self._logs:
            log.sync()

    def _write_state(self, extra: Mapping[str, Any], *, durable: bool) -> None:
        self._next_state = time.monotonic() + STATE_PERIOD
        now = self._status
        record = {
            **extra,
            "v": FORMAT,
            "status": now.status.value,
            "pid": os.getpid(),
            "step": now.step,
            "total_steps": now.total_steps,
            "sps": now.sps,
            "elapsed": round(now.elapsed, 3),
            "message": now.message,
            "heartbeat": time.time(),
            "attempt": self.attempt,
        }
        self._state_waits = True
        replace_file(self.path / "state.json", to_json(record) + b"\n", durable=durable)
        self._state_waits = False


class RunDirectory:
    """Reads one run directory. Holds nothing open and writes nothing; any thread."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    @property
    def run_id(self) -> str:
        """The directory's name: a copied or renamed run goes by its new name."""
        return self.path.name

    def info(self) -> RunInfo:
        """Who the run is.

        Raises:
            RunError: run.json is missing, damaged or of a later version.
        """
        record = read_json(self.path / "run.json")
        _check_version(self.path / "run.json", record)
        return _info_of(self.run_id, record)

    def state(self) -> RunStatus:
        """What the run is doing. Never raises: a run that cannot say has failed, and the message says why."""
        try:
            status = _status_of(_state_record(self.path))
        except RunError as error:
            return self._speechless(error)
        if status.status.is_open and not self.is_live():
            return _abandoned(self.path, status)
        return status

    def _speechless(self, error: RunError) -> RunStatus:
        if not (self.path / "state.json").exists() and self.is_live():
            return RunStatus(RunState.STARTING)
        message = ENDED_WITHOUT_CLOSING if _is_unborn(self.path) else error.message
        return RunStatus(RunState.FAILED, message=message)

    def identity(self) -> tuple[int, int]:
        """What tells this directory from another one of its name; zeros where there is none."""
        try:
            status = (self.path / "run.json").stat()
        except OSError:
            return 0, 0
        return status.st_ino, status.st_mtime_ns

    def pulse(self) -> Pulse:
        """Whose process trains or trained it, and when that was last heard of. Never raises."""
        try:
            record = _state_record(self.path)
        except RunError:
            return Pulse(0, 0.0)
        return Pulse(_whole(record.get("pid")), _real(record.get("heartbeat")))

    def is_live(self) -> bool:
        """Whether somebody, here or in another process, is writing the run."""
        held = is_held(self.path)
        return self._seems_live() if held is None else held

    def _seems_live(self) -> bool:
        """Where no lock tells: whether it is open and its writer was heard of late, or is yet to be heard."""
        try:
            record = _state_record(self.path)
            age = abs(time.time() - _real(record.get("heartbeat")))
            return _status_of(record).status.is_open and age < SILENT_S
        except RunError:
            return not (self.path / "state.json").exists()

    def log(self, name: str) -> LogReader:
        """A reader of `metrics`, `episodes` or `events`, from the beginning."""
        return LogReader(self.path / name)

    def feed(self) -> RunFeed:
        """Metrics and events in order, from the beginning."""
        return RunFeed(self.path)

    def read_metrics(self) -> list[MetricsLogged]:
        """The metrics log. Lines that are damaged are left out, and steps that a later attempt took again are its."""
        events = map(metrics_of, _counting(self.log("metrics").read_new()))
        return [event for event in events if event is not None]

    def read_events(self) -> list[dict[str, Any]]:
        """The whole event log, as records."""
        return self.log("events").read_new()

    def read_episodes(self) -> list[dict[str, Any]]:
        """The episode log, as records; those of steps that a later attempt took again are left out."""
        return _counting(self.log("episodes").read_new())

    def checkpoints(self) -> list[CheckpointInfo]:
        """The checkpoints with a sound manifest, by step."""
        return list_checkpoints(self.path / "checkpoints")

    def latest_checkpoint(self) -> Path | None:
        """The newest checkpoint's safetensors file."""
        return latest_checkpoint(self.path / "checkpoints")

    def __repr__(self) -> str:
        return f"RunDirectory({str(self.path)!r})"


def list_runs(root: Path) -> list[RunDirectory]:
    """The runs under `root`, newest first. Damaged ones are among them; a root that is missing has none."""
    runs = [RunDirectory(path) for path in run_paths(root)]
    return sorted(runs, key=lambda run: (_created(run), run.run_id), reverse=True)


def run_paths(root: Path) -> list[Path]:
    """The run directories under `root`, in no order; opens none of them."""
    with refusals_in_words("read", root):
        try:
            with os.scandir(root) as entries:
                return [Path(entry.path) for entry in entries if _looks_like_run(entry)]
        except (FileNotFoundError, NotADirectoryError):
            return []


# Writing.


def _patient(log: LogWriter) -> PatientLog:
    return PatientLog(log.extend, lambda: log.next_seq)


def _identity(run_id: str, config: Mapping[str, Any], meta: Mapping[str, Any]) -> dict[str, Any]:
    known: dict[str, Any] = {"recipe": "", "game": "", "map": "", "seed": None, "versions": {}}
    fixed = {"v": FORMAT, "run_id": run_id, "created": datetime.now(UTC).isoformat(timespec="milliseconds")}
    return {**known, **meta, **fixed, "config": without_secrets(plain(config))}


def without_secrets(value: Any) -> Any:
    """`value` with the text under keys like `api_key` struck out: run.json is a file that people share."""
    if isinstance(value, dict):
        return {key: "***" if item and _is_secret(key, item) else without_secrets(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return value


def _is_secret(key: str, value: Any) -> bool:
    return isinstance(value, str) and _SECRET.search(key) is not None


def _furnish(path: Path, identity: dict[str, Any]) -> WriterLock:
    """Prepare the directory under another name and rename it, locked: nobody ever sees half a run."""
    draft = path.with_name(f".new-{path.name}-{os.getpid()}")
    draft.mkdir(mode=DIRECTORY_MODE)
    lock = None
    try:
        lock = WriterLock(draft)
        replace_file(draft / "run.json", to_json(identity, indent=1) + b"\n")
        _claim(draft, path)
    except BaseException:
        if lock is not None:
            lock.close()
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return lock


def _claim(draft: Path, path: Path) -> None:
    taken = RunError(f"there is a run {path.name} already", hint="choose another name")
    if os.path.lexists(path):
        raise taken
    try:
        os.rename(draft, path)
    except OSError as error:
        if os.path.lexists(path):  # somebody was faster
            raise taken from error
        raise


# Reading.


def _looks_like_run(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith("."):
        return False
    with suppress(OSError):
        return entry.is_dir() and any(os.path.exists(os.path.join(entry.path, mark)) for mark in _MARKS)
    return False


def _created(run: RunDirectory) -> float:
    """Seconds since 1970; from the file system where run.json is damaged."""
    with suppress(RunError):
        return run.info().created.timestamp()
    with suppress(OSError):
        return run.path.stat().st_mtime
    return 0.0


def _check_version(path: Path, record: Mapping[str, Any]) -> None:
    version = record.get("v")
    if not isinstance(version, int):
        raise RunError(f"{path} is damaged: it has no version")
    if version > FORMAT:
        raise LaterVersion(f"{path} has version {version}, this program reads {FORMAT}", hint="update gridrl-tui")


def _info_of(run_id: str, record: Mapping[str, Any]) -> RunInfo:
    known = {"v", "run_id", "recipe", "created", "game", "map", "seed", "config", "versions"}
    seed = record.get("seed")
    return RunInfo(
        run_id=run_id,
        recipe=str(record.get("recipe") or ""),
        created=_instant(record.get("created")),
        game=str(record.get("game") or ""),
        map=str(record.get("map") or ""),
        seed=seed if isinstance(seed, int) else None,
        config=_mapping(record.get("config")),
        versions={key: str(value) for key, value in _mapping(record.get("versions")).items()},
        meta={key: value for key, value in record.items() if key not in known},
    )


def _counting(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what was logged after the checkpoint that a later attempt went on from: that one took the steps again."""
    kept: list[dict[str, Any]] = []
    attempt = 0
    for record in records:
        newest = _whole(record.get("attempt"), 1)
        if newest > attempt:
            attempt, step = newest, _whole(record.get("step"))
            while kept and _whole(kept[-1].get("step")) >= step:
                kept.pop()
        kept.append(record)
    return kept


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _instant(value: Any) -> datetime:
    try:
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return datetime.fromtimestamp(0, UTC)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _is_unborn(path: Path) -> bool:
    """Whether the run's creation was cut short, by a kill, say: it is there, and has not said a word."""
    return not (path / "state.json").exists() and not any(log.stat().st_size for log in path.glob("*.jsonl"))


def _state_record(path: Path) -> dict[str, Any]:
    record = read_json(path / "state.json")
    _check_version(path / "state.json", record)
    return record


def _status_of(record: Mapping[str, Any]) -> RunStatus:
    try:
        status = RunState(record.get("status"))  # type: ignore[arg-type]  # the check is the point
    except ValueError as error:
        raise RunError(f"state.json is damaged: {str(record.get('status'))[:40]!r} is no state") from error
    return RunStatus(
        status=status,
        step=_whole(record.get("step")),
        total_steps=_whole(record.get("total_steps")),
        sps=_real(record.get("sps")),
        elapsed=_real(record.get("elapsed")),
        message=str(record.get("message") or ""),
    )


def _abandoned(path: Path, status: RunStatus) -> RunStatus:
    """The writer may have closed between our look at the state and our look at the lock: look again."""
    with suppress(RunError):
        again = _status_of(_state_record(path))
        if not again.status.is_open:
            return again
    return RunStatus(RunState.FAILED, status.step, status.total_steps, 0.0, status.elapsed, ENDED_WITHOUT_CLOSING)


def _whole(value: Any, default: int = 0) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _real(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0
