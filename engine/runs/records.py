"""The values that pass between a run and whoever watches it. All frozen: any thread may hold one.

Commands go to the run, events and frames come from it, both through a `RunHandle`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # only a type here: reading a run must not load the compiled simulator
    from engine.sim import EnvView


class RunState(StrEnum):
    """What a run is doing. The value is the word in state.json and in SQL."""

    STARTING = auto()
    TRAINING = auto()
    PAUSED = auto()
    STOPPED = auto()
    FINISHED = auto()
    FAILED = auto()

    @property
    def label(self) -> str:
        """The word on screen."""
        return self.value

    @property
    def is_open(self) -> bool:
        """Whether somebody should be at work on the run."""
        return self in (RunState.STARTING, RunState.TRAINING, RunState.PAUSED)


@dataclass(frozen=True)
class RunStatus:
    """One look at a run."""

    status: RunState
    step: int = 0
    """Agent steps taken."""
    total_steps: int = 0
    """Agent steps wanted, 0 where unknown."""
    sps: float = 0.0
    """Agent steps per second of late."""
    elapsed: float = 0.0
    """Seconds of training, over all attempts."""
    message: str = ""
    """Why it failed or what it waits for; empty where there is nothing to say."""


# Commands: read by the trainer at the top of an iteration, Pause and Stop between rollout steps.


@dataclass(frozen=True)
class Pause:
    """Hold the run before its next step."""


@dataclass(frozen=True)
class Resume:
    """Go on after a Pause."""


@dataclass(frozen=True)
class Stop:
    """End the run, with a checkpoint."""

    why: str = ""
    """In words, for the run's history."""


@dataclass(frozen=True)
class Checkpoint:
    """Save one now."""


@dataclass(frozen=True)
class SharePolicy:
    """Write the present policy where a watcher can load it; not a checkpoint, and not kept."""


@dataclass(frozen=True)
class Watch:
    """Publish frames of one env."""

    env: int
    fps: float
    """Frames a second, at most."""


@dataclass(frozen=True)
class Unwatch:
    """Publish no more frames."""


@dataclass(frozen=True)
class SetHyper:
    """Change a hyperparameter from the next iteration on."""

    name: str
    value: float


Command = Pause | Resume | Stop | Checkpoint | SharePolicy | Watch | Unwatch | SetHyper


# Events: what a watcher drains, in order.


@dataclass(frozen=True)
class MetricsLogged:
    """One line of the metrics log."""

    step: int
    time: float
    """Wall time, seconds since 1970: a label; order comes from the log."""
    values: Mapping[str, float]
    """By metric name. NaN where the run had no finite number."""


@dataclass(frozen=True)
class EventLogged:
    """One line of the event log: a change of state, a command, a checkpoint, a warning, an error."""

    step: int
    time: float
    """Wall time, seconds since 1970."""
    kind: str
    message: str
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Gap:
    """Records that this watcher did not get, because it was slow or they were unreadable."""

    count: int


Event = MetricsLogged | EventLogged | Gap


@dataclass(frozen=True)
class Frame:
    """One env at one moment. The latest wins; frames are never queued."""

    run_id: str
    step: int
    """Agent steps of the run when the picture was taken."""
    view: EnvView
    env: int = 0


class LinkState(StrEnum):
    """How the connection is. The value is the word on screen."""

    CONNECTING = "connecting"
    LIVE = "live"
    STALE = "stale"
    RECONNECTING = "reconnecting"
    LOST = "lost"
    """And not called again: the words say why."""


@dataclass(frozen=True)
class Link:
    """One look at the connection."""

    state: LinkState
    host: str
    age: float
    """Seconds since something was heard."""
    words: str = ""
    """Why it is not live."""


class RunHandle(Protocol):
    """One run, wherever it lives. Called from the UI thread; never blocks."""

    @property
    def run_id(self) -> str: ...

    def state(self) -> RunStatus:
        """The run's state as last published."""
        ...

    def drain(self) -> list[Event]:
        """What happened since the last call, in order, a bounded number at a time."""
        ...

    def latest_frame(self) -> Frame | None:
        """The newest picture of the watched env, None where there is none."""
        ...

    def send(self, command: Command) -> None:
        """Ask the run for something. Raises RunError where nobody would answer."""
        ...

    def close(self) -> None:
        """Let go of the run; a run in this process ends."""
        ...
