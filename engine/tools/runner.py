"""A run in a process of its own, which outlives the terminal: how it is started, and what it does.

`start` is called in the process that a person sees; everything else in the runner, on its main thread. The runner is
`gridrl train` or `gridrl resume` once more, in a session of its own. Until its run exists it speaks through a pipe to
whoever started it; from then on into `log.txt` of the run.
"""

from __future__ import annotations

import faulthandler
import getpass
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.errors import GridrlError, RunError, UsageError
from engine.runs import RunState
from engine.training.local import LocalRun
from engine.training.torchrun import place_of

from .foreground import Signal, wait
from .text import count, line, note, printable

_RUNNER: Final = "GRIDRL_RUNNER"
"""Variable by which a process knows that it is one: the pid of the process that started it."""

_READY: Final = b"\0ready "
"""Ahead of the run's name in the pipe. No word of ours contains a zero byte."""

LOG: Final = "log.txt"
_OLD_LOG: Final = "log-1.txt"
_LOG_BYTES: Final = 1024 * 1024
_PATIENCE_S: Final = 120.0  # compiling a large map on a busy machine takes seconds
_MOST_SAID: Final = 64 * 1024  # bytes of complaints
_LOGIND: Final = (Path("/etc/systemd/logind.conf"), Path("/etc/systemd/logind.conf.d"))
_LINGER: Final = Path("/var/lib/systemd/linger")


@dataclass(frozen=True)
class Runner:
    """A runner that has begun."""

    run_id: str
    process: subprocess.Popen[bytes]


def start(words: Sequence[str], root: Path) -> Runner:
    """Begin a run in a process of its own.

    Args:
        words: of the command line, from the tool on.
        root: where runs live.

    Raises:
        GridrlError: it could not begin; in its own words.
    """
    if place_of().count > 1:
        raise UsageError("torchrun's processes cannot be detached", hint="use nohup or tmux around torchrun")
    reading, writing = os.pipe()
    try:
        process = subprocess.Popen(
            # -P: a folder called `engine` or `maps` in the working directory is not ours.
            [sys.executable, "-P", "-m", "engine.cli", *words],
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=writing,
            start_new_session=True,
            env={**os.environ, _RUNNER: str(os.getpid()), "GRIDRL_RUNS": str(root.absolute())},
        )
    except OSError as error:
        os.close(reading)
        raise RunError(f"cannot start another process: {error.strerror}") from error
    finally:
        os.close(writing)
    try:
        said = _listen(reading)
    except KeyboardInterrupt:  # whoever breaks this off does not want it to train behind his back
        process.terminate()
        raise
    finally:
        os.close(reading)
    before, ready, name = said.partition(_READY)
    if not ready:
        raise _refusal(process, before)
    return Runner(name.decode("ascii", "replace").strip(), process)


def print_started(runner: Runner, folder: Path) -> None:
    """Say how to see it and how to end it."""
    line(f"run     {runner.run_id}, in process {runner.process.pid}")
    line(f"folder  {printable(folder / runner.run_id)}")
    line(f"watch   gridrl-tui attach {runner.run_id}")
    line(f"end     gridrl stop {runner.run_id}")
    if ends_at_logout():
        note("warning: systemd ends your processes here when you log out (KillUserProcesses=yes)")
        note("hint: loginctl enable-linger keeps them")


def is_one() -> bool:
    """Whether this process is a runner."""
    return os.environ.get(_RUNNER, "") == str(os.getppid())


def prepare() -> None:
    """Before signals are caught: nobody's terminal matters here any more."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def serve(local: LocalRun, folder: Path, signals: list[Signal]) -> int:
    """Train until the end or a signal. Returns the exit code: 0 also where a signal asked for the end."""
    _move_in(local.run_id, folder)
    line(f"{_now()} process {os.getpid()} trains {local.run_id}")
    wait(local, signals)
    state = local.state()
    if state.status is RunState.FAILED:
        note(f"{_now()} failed: {printable(state.message)}")
        return 1
    line(f"{_now()} {state.status.label} at {count(state.step)} of {count(state.total_steps)} steps")
    return 0


def ends_at_logout() -> bool:
    """Whether systemd ends the processes of this account when it logs out."""
    files = [_LOGIND[0], *sorted(_LOGIND[1].glob("*.conf"))] if _LOGIND[0].exists() else []
    kills = False
    for file in files:
        with suppress(OSError):
            for text in file.read_text("utf-8", "replace").splitlines():
                key, _, value = text.partition("=")
                if key.strip() == "KillUserProcesses":
                    kills = value.strip().lower() in ("yes", "true", "on", "1")
    with suppress(OSError, KeyError):
        kills = kills and not (_LINGER / getpass.getuser()).exists()
    return kills


def _listen(reading: int) -> bytes:
    """What the process says, to the line that says it is ready, or to its end."""
    said = b""
    until = time.monotonic() + _PATIENCE_S
    while len(said) < _MOST_SAID and time.monotonic() < until:
        if not select.select([reading], [], [], 1.0)[0]:
            continue
        data = os.read(reading, 4096)
        said += data
        if not data or (_READY in said and said.endswith(b"\n")):
            break
    return said


def _refusal(process: subprocess.Popen[bytes], said: bytes) -> GridrlError:
    """The words with which it gave up, as an error of ours."""
    if process.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(5.0)
    if process.poll() is None:
        process.kill()
        process.wait()
        return RunError(f"the process that was to train has said nothing for {_PATIENCE_S:.0f} s; it was ended")
    lines = [text for text in said.decode("utf-8", "replace").splitlines() if text.strip()]
    words = next((text.removeprefix("gridrl: ") for text in lines if text.startswith("gridrl: ")), "")
    hint = next((text.removeprefix("hint: ") for text in lines if text.startswith("hint: ")), "")
    kind = UsageError if process.returncode == UsageError.exit_code else RunError
    last = lines[-1] if lines else f"exit code {process.returncode}"
    return kind(words or f"the process that was to train has ended: {last}", hint=hint)


def _move_in(run_id: str, folder: Path) -> None:
    """Tell whoever waits that the run exists, and speak into its log from now on."""
    path = folder / run_id / LOG
    with suppress(OSError):
        if path.stat().st_size > _LOG_BYTES:
            path.replace(path.with_name(_OLD_LOG))
    try:
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError:  # a disk that is full: the run says so itself
        log = os.open(os.devnull, os.O_WRONLY)
    sys.stdout.flush()
    sys.stderr.flush()
    with suppress(BrokenPipeError):  # whoever waited is gone: nobody needs to know
        os.write(sys.stdout.fileno(), _READY + run_id.encode("ascii") + b"\n")
    os.dup2(log, sys.stdout.fileno())
    os.dup2(log, sys.stderr.fileno())
    os.close(log)
    faulthandler.enable()


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")
