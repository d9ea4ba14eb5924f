"""A run in this process: a trainer in a background thread, seen as a RunHandle.

Owned by whoever starts it (the session), which must `close` it: a thread inside torch is never abandoned.
Importing this loads no torch; the thread does.
"""

from __future__ import annotations

import gc
import getpass
import logging
import os
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import GridrlError, RunError
from engine.runs import (
    BackgroundWriter,
    Command,
    Event,
    Frame,
    RunFeed,
    RunState,
    RunStatus,
    RunWriter,
    SilentWriter,
    Stop,
    Unwatch,
    Watch,
    Writer,
)
from engine.sim import World

from .config import TrainerConfig
from .control import Controls
from .failure import memory_in_words
from .serving import ControlServer
from .torchrun import ALONE, Place, require_shares

if TYPE_CHECKING:  # only types here: the screen imports this module and must not load torch
    from .ranks import Ranks
    from .trainer import Trainer

_log = logging.getLogger(__name__)

_UNGUARDED = "the file system has no locks: nothing here stops a second process from writing the same run"


class LocalRun:
    """One training run in a thread of this process. The writer is the thread's from `start` on, which puts it behind
    another one, so that training waits for no disk."""

    def __init__(
        self,
        worlds: Sequence[World],
        config: TrainerConfig,
        writer: RunWriter | SilentWriter,
        *,
        world_names: Sequence[str] = (),
        worlds_made: int = 0,
        checkpoint: Path | None = None,
        step: int = 0,
        place: Place = ALONE,
    ) -> None:
        """Prepare a run.

        Args:
            worlds: of one game; each episode is played on one of them.
            writer: of a fresh run directory; the run closes it.
            world_names: the map of each world, as a curriculum names it.
            worlds_made: how many of the worlds had to be made for this run, for its statistics.
            checkpoint: of the same run, to go on from; taken at `step`.
            place: among the processes that train together.

        Raises:
            ConfigError: the settings do not fit the game.
        """
        config.require_fit(worlds[0].rules.agents)
        require_shares(config, worlds[0].rules.agents, place)
        self._place = place
        self._worlds, self._config = tuple(worlds), config
        self._writer: Writer = writer
        self._world_names, self._worlds_made, self._checkpoint = tuple(world_names), worlds_made, checkpoint
        self._controls = Controls(config.env_count // place.count)
        self._server: ControlServer | None = None
        self._watched: int | None = None
        self._controls.status = RunStatus(RunState.STARTING, step, config.total_steps)
        self._feed = RunFeed(writer.path)
        # Not a daemon: leaving while it is inside torch would abort the process and cut off a write.
        self._thread = threading.Thread(target=self._main, name=f"trainer {writer.run_id}", daemon=False)

    @property
    def run_id(self) -> str:
        """Name of the run, and of its directory."""
        return self._writer.run_id

    def start(self) -> LocalRun:
        """Begin to train, and to answer others through the control socket; returns at once."""
        if isinstance(self._writer, RunWriter):
            self._serve(self._writer)
        self._thread.start()
        return self

    def state(self) -> RunStatus:
        """The newest status."""
        return self._controls.status

    def drain(self) -> list[Event]:
        """What was logged since the last call, in order, a bounded number at a time."""
        return self._feed.drain()

    def latest_frame(self) -> Frame | None:
        """The newest picture of the watched env."""
        return None if self._watched is None else self._controls.frames.get(self._watched)

    def shared_policy(self) -> Path | None:
        """The file of the policy last shared, None before the first SharePolicy was obeyed."""
        return self._controls.shared_policy

    def send(self, command: Command) -> None:
        """Leave a command for the trainer.

        Raises:
            RunError: the run is over, or has no such env.
        """
        if not self._controls.status.status.is_open:
            raise RunError(f"run {self.run_id} is over: it takes no commands", hint="start another run")
        match command:
            case Watch(env, fps):
                self._controls.watch(self, env, fps)
                self._watched = env
            case Unwatch():
                self._controls.unwatch(self)
                self._watched = None
            case _:
                self._controls.send(command, _who())

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end of the run. False if it is still busy after `timeout` seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def close(self, timeout: float | None = 30.0, why: str = "") -> None:
        """Stop the run and wait for its last checkpoint.

        Args:
            timeout: seconds; None for as long as it takes.
            why: in words, for the run's history.

        Raises:
            RunError: the thread did not end in time; whoever leaves the process must then use os._exit.
        """
        if self._thread.ident is None:
            self._writer.close(RunState.STOPPED)
            return
        with suppress(RunError):  # it has ended
            self._controls.send(Stop(why), _who())
        if not self.join(timeout):
            raise RunError(f"run {self.run_id} did not stop within {timeout:g} seconds")

    def _serve(self, writer: RunWriter) -> None:
        """A run that nobody else can steer is better than none."""
        try:
            self._server = ControlServer(writer.path, self._controls).start()
        except RunError as error:
            writer.event("warning", f"the run takes no commands from other processes: {error.message}")

    def _stop_serving(self) -> None:
        """Before the lock is let go of: who finds it free finds no socket of ours."""
        self._controls.close()
        if self._server is not None:
            self._server.close()

    def _main(self) -> None:
        """The thread: torch, warm-up, the run; whatever goes wrong is published, and the writer is closed."""
        try:
            if isinstance(self._writer, RunWriter):
                is_guarded = self._writer.lock_is_certain
                self._writer = BackgroundWriter(self._writer)  # here: it is this thread whose life it watches
                if not is_guarded:
                    self._writer.event("warning", _UNGUARDED)
            try:
                ended = self._train()
            finally:
                self._stop_serving()
            self._writer.close(ended)
        except GridrlError as error:
            self._fail(str(error))
        except Exception as error:  # noqa: BLE001  # outermost frame of the thread: published, never swallowed
            _log.exception("run %s failed", self.run_id)
            self._fail(f"{type(error).__name__}: {error}")

    def _train(self) -> RunState:
        # Deferred: torch takes seconds to import, and only the thread of a run needs it.
        from .ranks import Ranks

        ranks = Ranks.joined(self._place)
        try:
            return self._train_with(ranks)
        finally:
            ranks.leave()

    def _train_with(self, ranks: Ranks) -> RunState:
        from .state import load_tensors
        from .warm_up import warm_up

        with self._memory_in_words(setting="env_count", what="a rollout"):
            trainer = self._make(ranks)
        try:
            if self._checkpoint is not None:
                trainer.restore(*load_tensors(self._checkpoint))
            for learner in trainer.learners:
                warm_up(learner.network, trainer.compute)
            # A full collection over torch's objects stops every thread for 0.2 s; frozen, they are not looked at.
            gc.collect()
            gc.freeze()
            with self._memory_in_words(setting="minibatch_size", what="an update"):
                return trainer.run()
        finally:
            trainer.close()
            gc.unfreeze()

    def _make(self, ranks: Ranks) -> Trainer:
        from .trainer import Trainer

        return Trainer(
            self._worlds,
            self._config,
            self._writer,
            self._controls,
            world_names=self._world_names,
            worlds_made=self._worlds_made,
            ranks=ranks,
        )

    def _memory_in_words(self, *, setting: str, what: str) -> AbstractContextManager[None]:
        return memory_in_words(self._config, self._worlds[0].rules.agents, setting=setting, what=what)

    def _fail(self, message: str) -> None:
        """Leave the run FAILED in its directory and in the slot, even if the disk refuses the words."""
        before = self._controls.status
        failed = RunStatus(RunState.FAILED, before.step, before.total_steps, 0.0, before.elapsed, message)
        steps = (partial(self._writer.event, "error", message), partial(self._writer.close, RunState.FAILED, message))
        for record in steps:
            try:  # each by itself: a full disk must not leave the lock held
                record()
            except GridrlError as error:
                _log.warning("run %s could not record its failure: %s", self.run_id, error.message)
        self._controls.status = failed


def _who() -> str:
    """This process, for the run's history."""
    try:
        account = getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in some containers
        account = str(os.getuid())
    return f"{account}, process {os.getpid()}"
