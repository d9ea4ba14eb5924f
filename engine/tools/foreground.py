"""A run in the foreground: whoever started it waits for its end, and a signal asks it for a checkpoint and the end.

Main thread; the trainer has its own. A second signal ends the process at once.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NamedTuple

from engine.errors import RunError
from engine.runs import Stop
from engine.training.local import LocalRun

from .text import note, printable

POLL_S = 0.2  # how soon a signal is answered and the end noticed
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TWICE_S = 1.0  # a signal this soon after the first is the first once more: `timeout` and others send both


class Signal(NamedTuple):
    """A request to stop."""

    number: int
    at: float  # monotonic seconds


@contextmanager
def asked_to_stop() -> Iterator[list[Signal]]:
    """The signal that came, once one has. What our starter ignores (nohup, a background job) stays ignored."""
    came: list[Signal] = []

    def note_signal(signum: int, frame: FrameType | None) -> None:
        if not came:
            came.append(Signal(signum, time.monotonic()))
        elif time.monotonic() - came[0].at > _TWICE_S:
            os._exit(128 + signum)  # the trainer's thread may be inside torch: an orderly exit would wait for it

    caught = {signum: old for signum in _SIGNALS if (old := signal.getsignal(signum)) is not signal.SIG_IGN}
    for signum in caught:
        signal.signal(signum, note_signal)
    try:
        yield came
    finally:
        for signum, old in caught.items():
            signal.signal(signum, old)


def wait(local: LocalRun, signals: list[Signal], look: Callable[[], None] = lambda: None) -> None:
    """Wait until a run has ended, by itself or because a signal came.

    Args:
        look: called a few times a second in the meantime.
    """
    stopping, trouble = False, ""
    while not local.join(POLL_S):
        if signals and not stopping:
            stopping = True
            note("stopping, with a checkpoint; once more to leave at once")
            _ask_to_stop(local)
        look()
        state = local.state()
        before, trouble = trouble, state.message if state.status.is_open else ""
        if trouble and not before:  # once: how many records wait changes all the time
            note(f"warning: {printable(trouble)}; training goes on")


def _ask_to_stop(local: LocalRun) -> None:
    try:
        local.send(Stop())
    except RunError:  # it just ended by itself
        return
