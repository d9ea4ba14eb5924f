"""`gridrl sweep`: trains one run after another, each with settings of its own, and says which did best.

Main thread; each trial's trainer has its own. A trial is a run like any other, NAME-000, NAME-001 and so on; there is
no other record of a sweep, so started again under the same name it reads what has been trained and goes on.
"""

from __future__ import annotations

import difflib
import json
import math
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count as count_from
from itertools import islice
from typing import Final

from pydantic import ValidationError

from engine.errors import ConfigError, GridrlError, MapError, RunError, SimError, UsageError
from engine.recipes import RecipeConfig, Resolution, SweepConfig, prepare_run
from engine.recipes.metrics import require_metric
from engine.recipes.overrides import overrides_of, shortened
from engine.recipes.tree import escaped
from engine.runs import RunDirectory, RunState, check_run_name, new_run_id, runs_root

from .foreground import Signal, asked_to_stop, wait
from .text import GAP, aligned, line, note, printable
from .trials import Space, Trial

LAST_VALUES: Final = 10
"""A trial is judged by the mean of so many last logged values of the metric: one alone is mostly noise."""

_MAX_NAMES = 6  # metrics named in a hint
_TRIALS_ASKED: Final = 64
"""A metric is looked for in what so many trials log: what varies may switch on what logs it."""


@dataclass(frozen=True)
class _Result:
    """How a trial ended: with a value, or with words that say why not."""

    trial: Trial
    run: str
    value: float | None
    words: str = ""


def run(resolution: Resolution) -> int:
    config = resolution.config
    assert isinstance(config, SweepConfig)
    space = checked_space(config)
    sweep = _Sweep(resolution.recipe.name, space, _name(config))
    line(f"sweep   {sweep.name}")
    line(f"folder  {printable(sweep.root)}")
    if config.sampler == "grid" and space.grid_size > config.trials:
        note(f"the grid has {space.grid_size} combinations; trials={config.trials} of them are trained")
    with asked_to_stop() as signals:
        results = list(sweep.results(signals))
    _sum_up(results, space)
    if signals:
        note(f"stopped; run={sweep.name} goes on from here")
        return 128 + signals[0].number
    if all(result.value is None for result in results):
        raise RunError("no trial came to an end", hint="the words beside each say why")
    return 0


def checked_space(config: SweepConfig) -> Space:
    """What a sweep varies; refused before anything is trained if it cannot be compared.

    Raises:
        ConfigError: a parameter is none, or no trial would log the metric.
    """
    space = Space(config)
    require_metric(config.metric, _configurations(space))
    return space


def _configurations(space: Space) -> Iterator[RecipeConfig]:
    """Those of the first trials; where none can be made, that of the sweep itself."""
    found = False
    for trial in islice(space.trials(), _TRIALS_ASKED):
        try:
            yield space.configured(trial, "x")
        except ConfigError:
            continue  # it is told when its turn comes
        found = True
    if not found:
        yield space.config


def _name(config: SweepConfig) -> str:
    """The sweep's own, fit for all the names that are made from it."""
    name = config.run
    while name is None or (config.run is None and os.path.lexists(runs_root() / f"{name}-000")):
        name = new_run_id(runs_root())
    try:
        check_run_name(f"{name}-{config.trials - 1:03d}-99")
    except RunError as error:
        raise ConfigError(f"run: {error.message}", hint="its runs are called NAME-000: take a shorter one") from None
    return name


class _Sweep:
    """Trains what has not been trained yet. Owns nothing but the run that is under way."""

    def __init__(self, recipe: str, space: Space, name: str) -> None:
        self.name = name
        self.root = runs_root()
        self._recipe, self._space, self._config = recipe, space, space.config
        self._knows_metric = False

    def results(self, signals: list[Signal]) -> Iterator[_Result]:
        """Trial after trial, each said as it ends, until a signal comes."""
        for trial in self._space.trials():
            if signals:
                return
            result = self._result(trial, signals)
            if signals and result.value is None:
                return  # cut short: it says nothing
            outcome = f"failed: {printable(result.words)}" if result.value is None else _shown(result.value)
            line(GAP.join([result.run, outcome, *map(printable, _typed(trial)), *_read_words(result)]))
            yield result

    def _result(self, trial: Trial, signals: list[Signal]) -> _Result:
        first = f"{self.name}-{trial.index:03d}"
        try:
            config = self._space.configured(trial, first)
            directory = self._trained_before(first, config)
            words = "read" if directory is not None else ""
            if directory is None:
                directory = self._train(trial, config, first, signals)
        except (ConfigError, MapError, SimError) as error:
            return _Result(trial, first, None, str(error))
        state = directory.state()
        if state.status is not RunState.FINISHED:
            return _Result(trial, directory.run_id, None, state.message or state.status.label)
        value = self._metric_of(directory)
        if value is None:
            return _Result(trial, directory.run_id, None, f"it logged no {shortened(self._config.metric)}")
        return _Result(trial, directory.run_id, value, words)

    def _train(self, trial: Trial, config: RecipeConfig, first: str, signals: list[Signal]) -> RunDirectory:
        name = next(name for name in _names(first) if not os.path.lexists(self.root / name))
        local = prepare_run(self._recipe, config.model_copy(update={"run": name}))
        note(f"trial {trial.index + 1}: {name}{GAP}{printable(' '.join(_typed(trial)))}")
        try:
            wait(local.start(), signals)
        finally:
            local.close(timeout=None)  # a checkpoint on a slow disk may take its time; a second signal does not
        return RunDirectory(self.root / name)

    def _trained_before(self, first: str, config: RecipeConfig) -> RunDirectory | None:
        """The trial's run that has finished, if there is one.

        Raises:
            RunError: it was trained with other settings, or is being trained now.
        """
        for name in _names(first):
            path = self.root / name
            if not os.path.lexists(path):
                return None
            directory = RunDirectory(path)
            status = directory.state().status
            if status.is_open:
                raise RunError(f"run {name} is being trained by another process", hint="wait for it, or stop it")
            if status is RunState.FINISHED:
                _require_same(directory, config)
                return directory
        return None

    def _metric_of(self, directory: RunDirectory) -> float | None:
        """The mean of the last values of the metric; None where there is none.

        Raises:
            UsageError: no run has logged it so far.
        """
        metric = self._config.metric
        logged = [event.values for event in directory.read_metrics()]
        names = sorted({name for values in logged for name in values})
        if metric not in names and not self._knows_metric:
            words = f"metric: run {directory.run_id} logged no {shortened(metric)!r}"
            raise UsageError(words, hint=_nearest(metric, names))
        self._knows_metric = True
        known = [values[metric] for values in logged if metric in values]
        last = [value for value in known if math.isfinite(value)][-LAST_VALUES:]
        return math.fsum(last) / len(last) if last else None


def _names(first: str) -> Iterator[str]:
    """What the runs of one trial are called: another one for each time that it was stopped or failed."""
    yield first
    yield from (f"{first}-{attempt}" for attempt in count_from(2))


def _require_same(directory: RunDirectory, config: RecipeConfig) -> None:
    hint = "choose another name: run=NAME"
    try:
        recorded = RecipeConfig.model_validate_json(json.dumps(dict(directory.info().config)))
    except (ValidationError, GridrlError):
        raise RunError(f"run {directory.run_id} has settings that cannot be read", hint=hint) from None
    was = {each.key: each.text for each in overrides_of(recorded)}
    now = {each.key: each.text for each in overrides_of(config)}
    other = next((key for key in now | was if key != "run" and now.get(key) != was.get(key)), None)
    if other is not None:
        raise RunError(
            f"run {directory.run_id} was trained with {other}={shortened(was.get(other, 'nothing'))}, "
            f"not {shortened(now.get(other, 'nothing'))}",
            hint=hint,
        )


def _nearest(metric: str, names: list[str]) -> str:
    near = difflib.get_close_matches(metric, names, n=3)
    if near:
        return f"did you mean {' or '.join(near)}?"
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return f"it logged {', '.join(names[:_MAX_NAMES])}{more}" if names else "it ended before anything was logged"


# ---- Words


def _typed(trial: Trial) -> list[str]:
    """The settings of a trial, to be copied into a shell."""
    return [shlex.quote(f"{override.key}={escaped(override.text)}") for override in trial.settings]


def _shown(value: float) -> str:
    return f"{value:.6g}"


def _read_words(result: _Result) -> list[str]:
    return [f"({result.words})"] if result.value is not None and result.words else []


def _sum_up(results: list[_Result], space: Space) -> None:
    """The table, best first, and the best settings."""
    sign = -1.0 if space.config.goal == "maximize" else 1.0
    best = sorted((r for r in results if r.value is not None), key=lambda r: sign * (r.value or 0.0))
    failed = [result for result in results if result.value is None]
    if not results:
        return
    line()
    header = ("run", printable(space.config.metric), *map(printable, space.keys))
    rows = [_row(result) for result in (*best, *failed)]
    for text in aligned(header, rows, right=range(1, len(header))):
        line(text)
    if best:
        line()
        line(f"best: {best[0].run}")
        line(printable(" ".join(_typed(best[0].trial))))


def _row(result: _Result) -> list[str]:
    value = "failed" if result.value is None else _shown(result.value)
    return [result.run, value, *(printable(shortened(override.text)) for override in result.trial.settings)]
