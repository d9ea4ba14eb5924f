"""Demonstrations: what people played, kept so that a network can learn from it, and from nothing else.

A set is a directory: a recording for each episode, and `index.jsonl` with a line for each that says who played when.
What the index does not name was never finished. Stateless; calls touch the disk, and saving plays the episode once
more, so they belong on a worker. Imported by name, as recordings.py is: it loads the engine.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import platformdirs
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine.errors import RecordingError, RunError
from engine.sim import Playback, Recording, Rules

from .files import DIRECTORY_MODE, LineFile, refusals_in_words, to_json
from .recordings import SUFFIX, load_recording, save_recording

INDEX: Final = "index.jsonl"
MAX_INDEX_BYTES: Final = 64 * 1024 * 1024
MAX_SPANS: Final = 10_000
"""Of one episode: a person changes hands less often, and a line of the index stays short."""

_FILE: Final = r"^[0-9]{8}T[0-9]{6}-[0-9a-f]{8}\.gridrec$"  # no path: an index cannot lead out of its directory

Played = NDArray[np.bool_]
"""(ticks, agents): whether a person chose this action."""


def demonstrations_root() -> Path:
    """The directory of all sets: `GRIDRL_DEMONSTRATIONS`, else in the user's data. It need not exist yet."""
    chosen = os.environ.get("GRIDRL_DEMONSTRATIONS")
    return Path(os.path.expanduser(chosen)) if chosen else platformdirs.user_data_path("gridrl") / "demonstrations"


def list_sets(root: Path) -> list[Path]:
    """The sets in a directory, by name."""
    try:
        return sorted(path for path in root.iterdir() if is_demonstration_set(path))
    except OSError:
        return []


class Span(BaseModel):
    """A stretch of ticks in which a person played an agent: from `first` to before `last`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    agent: int = Field(ge=0, le=1023)
    first: int = Field(ge=0)
    last: int

    @model_validator(mode="after")
    def _is_some(self) -> Span:
        if self.last <= self.first:
            raise ValueError("last: must be after first")
        return self


class Demonstration(BaseModel):
    """One episode, whole or a part of it, and who of it was a person: a line of the index."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Annotated[str, Field(pattern=_FILE, max_length=64)]
    game: str = Field(max_length=64)
    saved: str = Field(max_length=64, description="when, in UTC")
    ticks: int = Field(ge=1)
    ended: bool
    spans: tuple[Span, ...] = Field(min_length=1, max_length=MAX_SPANS)
    returns: dict[int, float] = Field(description="of each agent that a person played: its rewards in these ticks")

    @model_validator(mode="after")
    def _fits(self) -> Demonstration:
        if any(span.last > self.ticks for span in self.spans):
            raise ValueError(f"spans: beyond the {self.ticks} ticks")
        return self

    @property
    def actions(self) -> int:
        """How many a person chose."""
        return sum(span.last - span.first for span in self.spans)

    def played(self, agents: int) -> Played:
        """(ticks, agents): whose actions were a person's.

        Raises:
            RecordingError: it speaks of an agent that is not there.
        """
        if any(span.agent >= agents for span in self.spans):
            raise RecordingError(f"{INDEX}: {self.file} has {agents} agents, and a span of another one")
        mask = np.zeros((self.ticks, agents), np.bool_)
        for span in self.spans:
            mask[span.first : span.last, span.agent] = True
        return mask


def is_demonstration_set(path: Path) -> bool:
    """Whether this directory is a set."""
    return (path / INDEX).is_file()


def list_demonstrations(directory: Path) -> list[Demonstration]:
    """Every demonstration of a set, the oldest first.

    Raises:
        RecordingError: it is no set, or its index is damaged; the line is named.
    """
    path = directory / INDEX
    try:
        with refusals_in_words("read", path), path.open("rb") as file:
            data = file.read(MAX_INDEX_BYTES + 1)
    except RunError as error:
        raise RecordingError(f"{directory} holds no demonstrations: {error.message}") from error
    if len(data) > MAX_INDEX_BYTES:
        raise RecordingError(f"{path} is larger than the {MAX_INDEX_BYTES:,} bytes that an index may have")
    whole, _, _ = data.rpartition(b"\n")  # a torn last line was never finished
    return [_entry(path, number, line) for number, line in enumerate(whole.splitlines(), start=1) if line.strip()]


def _entry(path: Path, number: int, line: bytes) -> Demonstration:
    try:
        return Demonstration.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:80]
        message = f"{path}, line {number}: {where}: {first['msg']}"
        raise RecordingError(message, hint="remove that line; its recording can stay") from None


def load_demonstration(directory: Path, entry: Demonstration) -> tuple[Recording, Played]:
    """The recording of an entry, and which of its actions a person chose.

    Raises:
        RecordingError: it is missing, damaged, or not the one that the index speaks of.
    """
    path = directory / entry.file
    recording = load_recording(path)
    if recording.ticks != entry.ticks:
        raise RecordingError(f"{path} has {recording.ticks:,} ticks, and {INDEX} says {entry.ticks:,}")
    return recording, entry.played(recording.rules.agents)


def save_demonstration(directory: Path, recording: Recording, played: Played) -> Path:
    """Add an episode to a set, which is made if need be: the recording first, then its line of the index.

    Args:
        played: (ticks, agents) whose actions were a person's.

    Raises:
        RecordingError: nobody played, the set is of another game, or the disk refuses. The index is as it was then.
    """
    spans = _checked_spans(recording, played)
    now = datetime.now(UTC)
    entry = Demonstration(
        file=f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}{SUFFIX}",
        game=recording.rules.name,
        saved=now.isoformat(timespec="seconds"),
        ticks=recording.ticks,
        ended=recording.ended,
        spans=spans,
        returns=_returns(recording, np.flatnonzero(played.any(axis=0))),
    )
    try:
        with refusals_in_words("make", directory):
            directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        _check_game(directory, recording.rules)
        save_recording(directory / entry.file, recording)
        _append(directory / INDEX, entry)
    except RunError as error:
        raise RecordingError(error.message, hint="choose a place that can be written") from error
    return directory / entry.file


def _checked_spans(recording: Recording, played: Played) -> tuple[Span, ...]:
    shape = recording.actions.shape
    if played.shape != shape or played.dtype != np.bool_:
        raise RecordingError(f"who played must be bool {shape}, and is {played.dtype} {played.shape}")
    spans = tuple(islice(_spans(played), MAX_SPANS + 1))
    if not spans:
        raise RecordingError("nobody played in this episode, so there is nothing to learn from it")
    if len(spans) > MAX_SPANS:
        raise RecordingError(f"agents changed hands more than {MAX_SPANS:,} times in this episode")
    return spans


def _check_game(directory: Path, rules: Rules) -> None:
    there = list_demonstrations(directory) if is_demonstration_set(directory) else []
    other = next((entry.game for entry in there if entry.game != rules.name), None)
    if other is not None:
        raise RecordingError(f"{directory} has demonstrations of {other}, not of {rules.name}", hint="use another one")


def _append(path: Path, entry: Demonstration) -> None:
    lines = LineFile(path)
    try:
        lines.append(to_json(entry.model_dump(mode="json")) + b"\n")
        lines.sync()
    finally:
        lines.close()


def _spans(played: Played) -> Iterator[Span]:
    for agent in np.flatnonzero(played.any(axis=0)):
        edges = np.flatnonzero(np.diff(played[:, agent].astype(np.int8), prepend=0, append=0))
        for first, last in edges.reshape(-1, 2):
            yield Span(agent=int(agent), first=int(first), last=int(last))


def _returns(recording: Recording, agents: NDArray[np.intp]) -> dict[int, float]:
    total = np.zeros(recording.rules.agents, np.float64)
    with Playback(recording) as playback:
        for _ in range(recording.ticks):
            playback.step()
            total += playback.batch.rewards
    return {int(agent): round(float(total[agent]), 6) for agent in agents}
