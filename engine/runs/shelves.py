"""Places where checkpoints lie, and the choice among them: one way to choose, whatever the place.

A shelf answers by agent steps; what it hands out is a file of this machine. Called by tools, on their main thread.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from engine.errors import RunError, UsageError

from .checkpoints import best_checkpoint, latest_checkpoint, list_checkpoints
from .directory import RunDirectory
from .files import read_json, to_json
from .uris import ALL, BEST, LATEST, MAX_CHOSEN, Choice, shown

SCORES: Final = ".metrics.json"
"""Ends the name of the file that lies beside an uploaded checkpoint: the metrics of its run as they were then."""

MAX_SCORES_BYTES: Final = 1024 * 1024
_MAX_LISTED: Final = 8  # checkpoints named in a hint; a run keeps five
_MAX_METRICS: Final = 6

Scores = Mapping[str, float]
"""Metrics by name, of one moment."""


class Shelf(Protocol):
    """Checkpoints of one run, each by the agent steps after which it was made."""

    @property
    def owner(self) -> str:
        """What it is in an error: `run otter`, or a URI."""
        ...

    def steps(self) -> list[int]:
        """What is there, ascending."""
        ...

    def pointed(self, word: str) -> int | None:
        """The one that LATEST or BEST names (`latest`, `best`); None if nothing does, or if it is gone."""
        ...

    def scores(self, step: int) -> Scores:
        """The metrics of its run when it was made; empty where nobody kept them."""
        ...

    def fetch(self, step: int) -> Path:
        """Its safetensors file on this machine."""
        ...


def chosen(shelf: Shelf, choice: Choice) -> list[int]:
    """The steps that a choice means, ascending; of `top`, the best first. Never none.

    Raises:
        UsageError: there is none, or there are too many.
    """
    if choice.word in (LATEST, BEST):
        return [_pointed(shelf, choice.word)]
    steps = shelf.steps()
    if not steps:
        raise _nothing(shelf)
    if choice.word == "top":
        return _top(shelf, steps, choice)
    found = [step for step in steps if choice.word == ALL or choice.first <= step <= choice.last]
    if not found:
        listed = ", ".join(f"v{step}" for step in steps[-_MAX_LISTED:])
        raise UsageError(f"{shelf.owner} has no checkpoint {choice}", hint=f"there is {listed}")
    if len(found) > MAX_CHOSEN:
        hint = f"choose among them, such as v{found[-MAX_CHOSEN]}..v{found[-1]}, or top:5:METRIC"
        raise UsageError(
            f"{shelf.owner}: {choice} chooses {len(found)} checkpoints, {MAX_CHOSEN} are allowed", hint=hint
        )
    return found


def _pointed(shelf: Shelf, word: str) -> int:
    named = shelf.pointed(word)
    if named is not None:
        return named
    steps = shelf.steps()
    if not steps:
        raise _nothing(shelf)
    if word == LATEST:
        return steps[-1]
    hint = f"its evaluator marks one; {shelf.owner} has a latest, and top:1:METRIC chooses by any metric"
    raise UsageError(f"no checkpoint of {shelf.owner} is marked as the best", hint=hint)


def _nothing(shelf: Shelf) -> UsageError:
    hint = "training saves one when it ends, and every few minutes; gridrl checkpoint RUN saves one now"
    return UsageError(f"{shelf.owner} has no checkpoint yet", hint=hint)


def _top(shelf: Shelf, steps: Sequence[int], choice: Choice) -> list[int]:
    """The highest by a metric, the later one of two that are alike."""
    by_step = {step: shelf.scores(step) for step in steps}
    values = {step: scores[choice.metric] for step, scores in by_step.items() if choice.metric in scores}
    if not values:
        names = sorted({name for scores in by_step.values() for name in scores})
        near = [name for name in names if choice.metric.rpartition("/")[2] in name] or names
        hint = f"there is {', '.join(near[:_MAX_METRICS])}" if names else "the log of its run is not with it; say vN"
        raise UsageError(f"no checkpoint of {shelf.owner} has a metric {shown(choice.metric)}", hint=hint)
    return sorted(values, key=lambda step: (values[step], step), reverse=True)[: choice.count]


# ---- On this machine


class DirectoryShelf:
    """A directory of checkpoints, of a run or by itself. Reads only."""

    def __init__(self, directory: Path, owner: str) -> None:
        self.directory = directory
        self.owner = owner
        self._log: list[tuple[int, Scores]] | None = None

    def steps(self) -> list[int]:
        return [info.step for info in list_checkpoints(self.directory)]

    def pointed(self, word: str) -> int | None:
        path = (latest_checkpoint if word == LATEST else best_checkpoint)(self.directory)
        return None if path is None else int(path.stem.removeprefix("ck-"))

    def scores(self, step: int) -> Scores:
        """From the run's log; of a directory without one, from the file that an upload laid beside the checkpoint."""
        if self._log is None:
            self._log = _log_of(self.directory.parent)
        if self._log:
            return _scores_at(self._log, step)
        return read_scores(self._path(step).with_suffix(SCORES))

    def fetch(self, step: int) -> Path:
        return self._path(step)

    def _path(self, step: int) -> Path:
        return self.directory / f"ck-{step:012d}.safetensors"


def _log_of(run: Path) -> list[tuple[int, Scores]]:
    try:
        return [(event.step, event.values) for event in RunDirectory(run).read_metrics()]
    except (RunError, OSError):
        return []


def _scores_at(log: Sequence[tuple[int, Scores]], step: int) -> Scores:
    """Of each metric the last number up to a step: not every line has every metric."""
    found: dict[str, float] = {}
    for at, values in log:
        if at <= step:
            found.update({name: value for name, value in values.items() if math.isfinite(value)})
    return found


def read_scores(path: Path) -> Scores:
    """The metrics beside an uploaded checkpoint; empty where there are none, or none that can be read."""
    try:
        return sound_scores(read_json(path, limit=MAX_SCORES_BYTES))
    except RunError:
        return {}


def sound_scores(value: Any) -> Scores:
    """What is a finite number of a JSON object; whatever else somebody put there counts for nothing."""
    if not isinstance(value, dict):
        return {}
    return {
        name: float(number)
        for name, number in value.items()
        if isinstance(number, int | float) and not isinstance(number, bool) and abs(number) < math.inf
    }


def scores_text(scores: Scores) -> bytes:
    """The content of that file."""
    return to_json(dict(sorted(scores.items())), indent=1) + b"\n"
