"""What the trainer thread and the rest of the process share: commands in, status and pictures out.

Owned by whoever starts a trainer. Any thread may call any method; nothing here blocks the trainer and
nothing the trainer does waits for a reader. No torch.
"""

from __future__ import annotations

from pathlib import Path
from queue import Empty, SimpleQueue

from engine.runs import Command, Frame, RunState, RunStatus


class Controls:
    """A queue of commands, and one slot each for the newest status and the newest frame."""

    def __init__(self) -> None:
        self._commands: SimpleQueue[Command] = SimpleQueue()
        # Slots hold immutable values and are replaced whole, so neither side needs a lock.
        self.status = RunStatus(RunState.STARTING)
        self.frame: Frame | None = None
        self.shared_policy: Path | None = None

    def send(self, command: Command) -> None:
        """Leave a command for the trainer."""
        self._commands.put(command)

    def take(self, timeout: float | None = None) -> Command | None:
        """Trainer: the next command, None if there is none (after waiting `timeout` seconds for one)."""
        try:
            return self._commands.get_nowait() if timeout is None else self._commands.get(timeout=timeout)
        except Empty:
            return None
