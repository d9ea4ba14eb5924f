"""Messages that pass between workers and the app. Frozen facts; thread-safe to post."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.message import Message

from engine.errors import GridrlError, QueryError

if TYPE_CHECKING:
    from pathlib import Path

    from engine.maps import GridMap
    from engine.policies.registry import Policy
    from engine.recipes import RecipeConfig
    from engine.runs import RunHandle, RunState
    from engine.stats import Result, TableInfo
    from engine.training.local import LocalRun

    from .launch import Examined
    from .panes.live.overlay import Overlay
    from .session import RunGame


@dataclass
class RunStarted(Message):
    """A run of this process has begun."""

    run: LocalRun


@dataclass
class LaunchOpened(Message):
    """What would be started is ready to be shown and changed."""

    examined: Examined
    recipes: tuple[str, ...]


@dataclass
class LaunchExamined(Message):
    """A changed launch was looked at."""

    examined: Examined


@dataclass
class GameMade(Message):
    """The maps of another configuration are ready to be played on."""

    recipe: str
    config: RecipeConfig
    maps: tuple[GridMap, ...]


@dataclass
class RunOpened(Message):
    """Another run is ready to be watched."""

    run: RunHandle
    game: RunGame | None


@dataclass
class RunHandedOver(Message):
    """The run of this process is trained by another one now."""

    run: RunHandle
    game: RunGame | None


@dataclass
class RunsListed(Message):
    """The runs on the disk: name, state, step, total."""

    runs: list[tuple[str, RunState, int, int]]


@dataclass
class PolicyLoaded(Message):
    """A trained policy is ready to play."""

    player: Policy


@dataclass
class PlayerFound(Message):
    """A policy that was asked for by name is ready to play some agents."""

    player: Policy
    agents: list[int]
    notes: list[str]


@dataclass
class OverlayMade(Message):
    """A network has been asked about a moment."""

    ticket: tuple[Any, ...]
    answer: Overlay | str


@dataclass
class RoomMade(Message):
    """Another room of the tutorial is ready."""

    config: RecipeConfig
    maps: tuple[GridMap, ...]


@dataclass
class EpisodeSaved(Message):
    """What was played is in a file."""

    path: Path


@dataclass
class QueryAnswered(Message):
    """A query came to an end: with a result or with an error."""

    ticket: int
    result: Result | None
    error: QueryError | None


@dataclass
class TablesListed(Message):
    """The tables of the console."""

    tables: list[TableInfo]


@dataclass
class JobRefused(Message):
    """A worker could not do what the user asked."""

    error: GridrlError


@dataclass
class SettingsUnsaved(Message):
    """The settings could not be written."""

    error: GridrlError
