"""A RunWriter behind a thread: the trainer hands over what it has to say, and the thread waits for the disk.

Made on the trainer's thread, which alone calls it. Its own thread is the only one that touches the RunWriter, and it
renews the heartbeat of state.json for as long as the trainer's thread lives.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from engine.errors import RunError

from .checkpoints import KEEP
from .directory import ENDED_WITHOUT_CLOSING, RunWriter
from .files import passing_reason
from .records import RunState
from .silent import SilentWriter

_LOOK_S: Final = 0.05
"""Between two looks for something to write, sooner than anybody sees. To wake the thread for each call would cost the
trainer ten times what handing it over does."""

_ALIVE_S: Final = 1.0
"""Between two looks at whether the thread that is waited for lives."""

_AGAIN_S: Final = 1.0
"""Between two tries to write what a full disk has refused."""

LAST_PATIENCE_S: Final = 5.0
"""How long the end of a run waits for a full disk. Whoever leaves the program waits as long."""

_MOST_CALLS: Final = 64
"""Calls that may wait: some twenty iterations, a few megabytes. At a disk that is slower still, the trainer waits."""


class BackgroundWriter:
    """Does what a RunWriter does, call by call in their order, a little later. Owner of the writer and of the thread.

    A call costs microseconds; `checkpoint` and `close` wait until all is done. While the disk is full, or fails in
    another way that may pass, the records wait with the RunWriter, `trouble` says so, and every second the thread tries
    again; a checkpoint is refused. Once the disk takes all, an event tells what waited and what was lost.

    Any other refusal is raised by the next call, in the same words, and what was handed over in between is dropped, as
    if the trainer had heard at once. It is forgotten once `metrics`, `episodes` or `state` has raised it: a trainer
    goes on after an event or a checkpoint that it could not write, and must hear of a hole in its log nevertheless.
    """

    trouble = ""
    """What a screen should say of the disk; empty while all is well. Set by the thread, read by any."""

    def __init__(self, writer: RunWriter) -> None:
        """Take the writer over; this thread is the trainer's."""
        self._writer = writer
        self.run_id, self.path = writer.run_id, writer.path
        self._trainer = threading.current_thread()
        self._heard = time.time()  # when the trainer last called
        self._calls: deque[Callable[[], object]] = deque()
        self._wanted = threading.Event()  # somebody waits: look at once
        self._refusal: Exception | None = None  # set by the thread, cleared by the trainer
        self._why: Exception = RunError("")  # what the disk said last; this and the next three while there is trouble
        self._full_since = self._next_flush = 0.0  # monotonic time
        self._most_waiting = 0
        self._closed = False  # nothing more is taken
        self._ended = False  # nothing more is to do
        # Not a daemon: what was handed over is written, however the program ends.
        self._thread = threading.Thread(target=self._work, name=f"writer {self.run_id}", daemon=False)
        self._thread.start()

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Log one iteration's metrics."""
        self._hand_over(partial(self._writer.metrics, step, dict(values)))

    def episodes(self, rows: Iterable[Mapping[str, Any]], *, step: int | None = None) -> None:
        """Log finished episodes. The rows are gone through on the other thread: nobody may change them any more."""
        self._hand_over(partial(self._writer.episodes, rows, step=step))

    def event(self, kind: str, message: str, **data: Any) -> None:
        """Log something that happened, at the step of the calls before."""
        self._hand_over(partial(self._writer.event, kind, message, **data), forget=False)

    def state(
        self, status: RunState, step: int, total: int, *, sps: float = 0.0, message: str = "", **extra: Any
    ) -> None:
        """Publish what the run is doing, and that the trainer lives: `trainer_heartbeat` beside the `heartbeat`."""
        alive = {**extra, "trainer_heartbeat": time.time()}
        self._hand_over(partial(self._writer.state, status, step, total, sps=sps, message=message, **alive))

    def checkpoint(
        self, step: int, tensors: Mapping[str, Any], meta: Mapping[str, Any], *, keep: int = KEEP, best: bool = False
    ) -> Path:
        """Save a checkpoint once the disk has all that was logged before it. Returns its file."""
        self._raise_refusal(forget=False)
        self._require_open()
        saved: Future[Path] = Future()
        save = partial(self._writer.checkpoint, step, tensors, meta, keep=keep, best=best)
        self._calls.append(partial(self._answer, saved, save))
        self._wait_for(saved)
        return saved.result()

    def close(self, status: RunState = RunState.FINISHED, message: str = "") -> None:
        """Write what is left and end the run. A second call does nothing; one that was interrupted can be repeated.

        Raises:
            RunError: something of what was left is refused, by a full disk for LAST_PATIENCE_S; the run has FAILED.
        """
        if self._ended:
            return
        self._closed = True
        self._wanted.set()
        self._thread.join()
        self._ended = True
        if self._refusal is None:
            self._writer.close(status, message)
        else:
            with suppress(RunError):  # by the same disk, and the first refusal says more
                self._writer.close(RunState.FAILED, message or str(self._refusal))
            raise self._refusal

    def __enter__(self) -> BackgroundWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        self.close(RunState.FAILED if kind else RunState.FINISHED, str(error) if error else "")

    # The trainer's thread

    def _hand_over(self, call: Callable[[], object], *, forget: bool = True) -> None:
        self._heard = time.time()
        self._raise_refusal(forget=forget)
        self._require_open()
        if len(self._calls) >= _MOST_CALLS:
            self._wait()
            self._raise_refusal(forget=forget)
        self._calls.append(partial(self._do, call))

    def _require_open(self) -> None:
        if self._closed or not self._thread.is_alive():
            raise RunError(f"run {self.run_id} is closed: nothing more is written")

    def _wait(self) -> None:
        """Until all that was handed over is done."""
        done: Future[None] = Future()
        self._calls.append(partial(done.set_result, None))
        self._wait_for(done)

    def _wait_for(self, answer: Future[Any]) -> None:
        """Until the other thread has answered; one that has ended never will."""
        self._wanted.set()
        while not answer.done() and self._thread.is_alive():
            with suppress(TimeoutError):
                answer.exception(timeout=_ALIVE_S)
        if not answer.done():
            self._require_open()

    def _raise_refusal(self, *, forget: bool) -> None:
        refusal = self._refusal
        if refusal is None:
            return
        if forget:
            self._wait()  # what was handed over after it is dropped, all of it
            self._refusal = None
        raise refusal

    # The other one

    def _work(self) -> None:
        while True:
            self._wanted.wait(_LOOK_S)
            self._wanted.clear()
            is_last, is_orphan = self._closed, not self._trainer.is_alive()  # asked first: what they said is there then
            while self._calls:
                self._calls.popleft()()
            self._flush_if_due()
            if is_last:
                self._flush_at_last()
                return
            with suppress(RunError):  # the trainer is told when it has something to say itself
                if not is_orphan:
                    self._writer.beat(trainer_heartbeat=self._heard)
                    continue
                self._writer.close(RunState.FAILED, ENDED_WITHOUT_CLOSING)
            if is_orphan:
                return

    def _do(self, call: Callable[[], object]) -> None:
        if self._refusal is not None:
            return
        try:
            call()
        except Exception as error:  # noqa: BLE001  # raised on the trainer's thread, by its next call
            if passing_reason(error):
                self._begin_to_wait(error)
            else:
                self._refusal = error

    def _begin_to_wait(self, error: Exception) -> None:
        """The disk refuses for now: what it did not take waits with the writer."""
        if not self.trouble:
            self._full_since = time.monotonic()
            self._most_waiting = 0
            self._next_flush = self._full_since + _AGAIN_S
        self._why = error
        self._most_waiting = max(self._most_waiting, self._writer.waiting)
        self.trouble = f"{passing_reason(error)}: {_records(self._writer.waiting)} waiting"

    def _flush_if_due(self) -> None:
        """Once a second while the disk refuses: perhaps it takes all now."""
        if not self.trouble or time.monotonic() < self._next_flush:
            return
        self._next_flush = time.monotonic() + _AGAIN_S
        self._do(self._flush)

    def _flush(self) -> None:
        self._writer.flush()
        self._end_waiting()

    def _end_waiting(self) -> None:
        """The disk has taken all that waited: say so, and what was lost."""
        if not self.trouble:
            return
        self.trouble = ""
        seconds, lost = time.monotonic() - self._full_since, self._writer.take_lost()
        words = f"{passing_reason(self._why)} for {seconds:.0f} s: {_records(self._most_waiting)} had to wait"
        words += "".join(f", {count:,} {name} were lost" for name, count in lost.items())
        self._do(partial(self._writer.event, "warning", words, seconds=seconds, waited=self._most_waiting, lost=lost))

    def _flush_at_last(self) -> None:
        """The end of the run: a while for somebody to make room, and then it has failed."""
        deadline = time.monotonic() + LAST_PATIENCE_S
        while self.trouble and self._refusal is None and time.monotonic() < deadline:
            self._wanted.wait(_LOOK_S)
            self._flush_if_due()
        if self.trouble and self._refusal is None:
            error = self._why
            words = f"{passing_reason(error)}: {_records(self._writer.waiting)} could not be written"
            self._refusal = RunError(words, hint="free some space; training can go on from the last checkpoint")

    def _answer(self, answer: Future[Path], call: Callable[[], Path]) -> None:
        """Of a call that somebody waits for: its own refusal is raised there, and has made no hole in the log."""
        try:
            if self._refusal is not None:
                raise self._refusal
            saved = call()
            self._end_waiting()  # a checkpoint comes after all that was logged before it
            answer.set_result(saved)
        except Exception as error:  # noqa: BLE001  # raised where it is waited for
            answer.set_exception(error)


def _records(count: int) -> str:
    return f"{count:,} record{'' if count == 1 else 's'}"


Writer = RunWriter | BackgroundWriter | SilentWriter
"""Whatever a trainer may write its run with."""
