"""One command to a run that is under way, and what came of it. For the tools that give one; main thread."""

from __future__ import annotations

import argparse
import difflib
import queue
import time
from pathlib import Path
from typing import Final

from engine.errors import RunError, UsageError
from engine.runs import Command, RunDirectory, RunState, run_paths, runs_root
from engine.runs.control_link import ControlLink
from engine.runs.desk import Answer, Desk
from engine.runs.names import check_run_name

from .text import ago, count, line, note, printable

PATIENCE_S: Final = 60.0
"""For the answer: the run obeys at the end of an update, which on a slow machine takes seconds."""

SILENT_S: Final = 5.0
"""Without a heartbeat, which comes once a second: the process stands still, or its machine does."""

_WRITTEN_S: Final = 3.0
_LOOK_S: Final = 0.02

_STARTING_S: Final = 180.0
"""For a run that is still starting: it loads torch first."""


def add_run_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="name of the run; gridrl runs lists them")


def existing_run(name: str) -> RunDirectory:
    """A run of this machine by name.

    Raises:
        RunError: no run can be called that.
        UsageError: there is none; with the nearest names.
    """
    path = runs_root() / check_run_name(name)
    if not (path / "run.json").exists():
        near = difflib.get_close_matches(name, [each.name for each in run_paths(path.parent)], n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else "gridrl runs lists them"
        raise UsageError(f"there is no run {name}", hint=hint)
    return RunDirectory(path)


def order(run: RunDirectory, command: Command, program: str) -> Answer:
    """Ask for something, and wait until it is done.

    Args:
        program: for the run's history.

    Raises:
        RunError: nobody trains the run, or it does not answer, or refuses.
    """
    run.info()  # one of a later version is refused
    state = run.state()
    if not state.status.is_open:
        ended = f"{state.status.label} at {count(state.step)} steps" + (f": {state.message}" if state.message else "")
        can_go_on = state.status is not RunState.FINISHED and run.latest_checkpoint() is not None
        hint = f"gridrl resume {run.run_id} goes on" if can_go_on else "gridrl runs lists them"
        raise RunError(f"run {run.run_id} is over ({printable(ended)})", hint=hint)
    desk, heard = Desk(), queue.SimpleQueue[None]()
    link = _linked(run.path, program, desk, heard)
    asked = False
    try:
        link.say(desk.ask(command))
        asked = True
        return _answer(run, link, desk, heard, _STARTING_S if state.status is RunState.STARTING else PATIENCE_S)
    except KeyboardInterrupt:
        if asked:
            note(f"{run.run_id} has been asked, and will do it when it can")
        raise
    finally:
        link.close()


def carry_out(name: str, command: Command, program: str) -> RunDirectory:
    """Give a command and print what came of it. Returns the run."""
    run = existing_run(name)
    answer = order(run, command, program)
    line(f"{run.run_id}: {printable(answer.words)}")
    return run


def wait_for(run: RunDirectory, status: RunState) -> None:
    """Until the run's folder says what the run has said to us: whoever looks next is to find it so."""
    until = time.monotonic() + _WRITTEN_S
    while run.state().status is not status and time.monotonic() < until:
        time.sleep(_LOOK_S)


def _linked(path: Path, program: str, desk: Desk, heard: queue.SimpleQueue[None]) -> ControlLink:
    def hear(record: dict[str, object]) -> None:
        desk.hear(record)
        heard.put(None)

    return ControlLink(path, program, hear)


def _tell_of_waiting(run: RunDirectory, seconds: int) -> None:
    if seconds == 3:
        is_starting = run.state().status is RunState.STARTING
        note(f"waiting for {run.run_id} to {'start' if is_starting else 'reach the end of its update'}...")
    pulse = run.pulse()
    silent = time.time() - pulse.heartbeat
    if seconds == 10 and silent > SILENT_S:
        note(
            f"its process {pulse.pid} has been silent for {ago(silent)}: held, or its machine is. "
            f"kill -CONT {pulse.pid} lets a held one go on, kill -9 {pulse.pid} ends it without a checkpoint"
        )


def _answer(
    run: RunDirectory, link: ControlLink, desk: Desk, heard: queue.SimpleQueue[None], patience: float
) -> Answer:
    waited = 0
    while waited < patience:
        try:
            heard.get(timeout=1.0)
        except queue.Empty:
            waited += 1
            _tell_of_waiting(run, waited)
        for answer in desk.answers():
            if not answer.applied:
                raise RunError(f"run {run.run_id}: {answer.words}", hint=answer.hint)
            return answer
        if not link.is_open and link.complaint:
            raise RunError(f"run {run.run_id}: {link.complaint}", hint="try again later")
        if not link.is_open:
            raise RunError(f"run {run.run_id} ended before it could answer", hint="gridrl runs says how it ended")
    raise RunError(f"run {run.run_id} has it, and has not answered for {patience:.0f} s", hint="gridrl runs shows it")
