"""Which settings each trial of a sweep has, and the configuration that they make. Pure; any thread.

What trial i draws depends on trainer.seed and on i alone, so that a sweep can be taken up again, or made longer.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.errors import ConfigError
from engine.recipes import RecipeConfig, SweepConfig
from engine.recipes.aliases import refuse_foreign, translated
from engine.recipes.config import Parameter
from engine.recipes.draft import Draft
from engine.recipes.origins import Layer, Origin
from engine.recipes.overrides import Override
from engine.recipes.schema import Slot, slot_of

MAX_WHOLE: Final = 2**63
_DIGITS: Final = 6  # of a drawn number: enough to tell two draws apart, few enough to read and to copy
_ORIGIN: Final = Origin(Layer.COMMAND_LINE)
_FIELDS: Final = frozenset(RecipeConfig.model_fields)


@dataclass(frozen=True)
class Trial:
    """What one run of a sweep has for itself."""

    index: int
    settings: tuple[Override, ...]
    """By parameter, in their order."""


class Space:
    """The settings that a sweep varies, each checked for being one. Immutable."""

    def __init__(self, config: SweepConfig) -> None:
        """Look at the parameters.

        Raises:
            ConfigError: there is none, one names no setting or one twice, or has no value to take.
        """
        if not config.parameters:
            example = '[{"key":"trainer.learning_rate","min":1e-4,"max":1e-2,"scale":"log"}]'
            raise ConfigError("parameters: there is nothing to vary", hint=f"such as parameters='{example}'")
        self.config = config
        self._axes = [_Axis(config, number) for number in range(len(config.parameters))]
        names = [axis.key for axis in self._axes]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ConfigError(f"parameters: {twice} is varied twice", hint="give each setting once")
        self.keys = tuple(names)

    def trials(self) -> Iterator[Trial]:
        """All trials, in their order; a grid may have fewer than are asked for."""
        rows = self._grid() if self.config.sampler == "grid" else map(self._draw, itertools.count())
        for index, texts in enumerate(itertools.islice(rows, self.config.trials)):
            yield Trial(index, tuple(map(Override, self.keys, texts)))

    @property
    def grid_size(self) -> int:
        """Combinations of a whole grid."""
        return math.prod(len(axis.grid(self.config.grid_points)) for axis in self._axes)

    def _grid(self) -> Iterator[tuple[str, ...]]:
        return itertools.product(*(axis.grid(self.config.grid_points) for axis in self._axes))

    def _draw(self, index: int) -> tuple[str, ...]:
        random = np.random.default_rng((self.config.trainer.seed, index))
        return tuple(axis.at(random.random()) for axis in self._axes)

    def configured(self, trial: Trial, run: str) -> RecipeConfig:
        """The configuration of a trial's run.

        Raises:
            ConfigError: its settings do not go together.
        """
        draft = _draft_of(self.config)
        for override in (*trial.settings, Override("run", run)):
            draft.put(override, _ORIGIN)
        config, faults = draft.check()
        if config is None:
            raise faults[0]
        return config


def _draft_of(config: SweepConfig) -> Draft[RecipeConfig]:
    draft: Draft[RecipeConfig] = Draft(RecipeConfig)
    draft.adopt(config, _ORIGIN)
    return draft


class _Axis:
    """One parameter: from 0 .. 1 to the text of a value."""

    def __init__(self, config: SweepConfig, number: int) -> None:
        self._parameter = parameter = config.parameters[number]
        try:
            override = Override(parameter.key, "")
            if not all(override.names):
                raise ConfigError(f"{parameter.key!r} is no setting", hint="such as trainer.learning_rate")
            refuse_foreign(override)
            self.key = translated(override, _FIELDS).key
            if self.key == "run":
                raise ConfigError("run: a sweep names its runs itself", hint="vary another setting")
            self._whole = _is_whole(parameter, config, self.key)
            self._low, self._high = _ends(parameter, self._whole)
            _draft_of(config).put(Override(self.key, self.at(0.0)), _ORIGIN)
        except ConfigError as error:
            raise ConfigError(f"parameters.{number}: {error.message}", hint=error.hint) from None

    def at(self, share: float) -> str:
        """The value at a share of the way, 0 to 1; equal steps of it for equally likely values."""
        choices, low, high = self._parameter.choices, self._low, self._high
        if choices:
            return choices[_step(share, len(choices))]
        if self._parameter.scale == "pow2":
            power = 2.0 ** (int(low) + _step(share, int(high - low) + 1))
            return str(int(power)) if self._whole else repr(power)  # exact: rounded it would be none
        if self._parameter.scale == "log":
            value = low ** (1 - share) * high**share
        elif self._whole:
            return str(int(low) + _step(share, int(high) - int(low) + 1))
        else:
            value = low * (1 - share) + high * share
        return _text(min(max(value, low), high), self._whole, low, high)

    def grid(self, points: int) -> list[str]:
        """Values from end to end, each once; all choices."""
        shares = [index / (points - 1) for index in range(points)]
        return list(dict.fromkeys(self._parameter.choices or map(self.at, shares)))


def _step(share: float, count: int) -> int:
    return min(int(share * count), count - 1)


def _text(value: float, whole: bool, low: float, high: float) -> str:
    if whole:
        return str(round(value))
    rounded = float(f"{value:.{_DIGITS}g}")
    return repr(min(max(rounded, low), high))


def _is_whole(parameter: Parameter, config: SweepConfig, key: str) -> bool:
    """Whether its values are whole numbers, because the setting takes no others."""
    slot = _slot_at(key)
    if slot is None:  # there is no such setting: said in the words of all settings
        _draft_of(config).put(Override(key, "0"), _ORIGIN)
    if parameter.choices or slot is None:
        return False
    if slot.type not in (int, float):
        raise ConfigError(f"{key} is no number", hint="give choices in place of min and max")
    return slot.type is int


def _slot_at(key: str) -> Slot | None:
    slot = slot_of(RecipeConfig)
    for name in key.split("."):
        if slot.model is not None:
            if name not in slot.model.model_fields:
                return None
            slot = slot.field(name)
        elif slot.is_table or slot.is_list:
            slot = slot.entry()
        else:
            return None
    return slot


def _ends(parameter: Parameter, whole: bool) -> tuple[float, float]:
    """Smallest and largest value, exponents for pow2; those of whole numbers, if only they will do."""
    if parameter.min is None or parameter.max is None:
        return 0.0, 0.0
    low, high = parameter.min, parameter.max
    if whole and max(abs(low), abs(high)) > MAX_WHOLE:
        raise ConfigError("no setting takes as large a number", hint=f"stay within {MAX_WHOLE}")
    if whole:
        low, high = math.ceil(low), math.floor(high)
        low = max(low, 1) if parameter.scale == "pow2" else low
    if parameter.scale == "pow2" and low <= high:
        low, high = math.ceil(math.log2(low)), math.floor(math.log2(high))
    if low > high:
        kind = "power of two" if parameter.scale == "pow2" else "whole number"
        raise ConfigError(
            f"there is no {kind} between {parameter.min:g} and {parameter.max:g}", hint="move the ends apart"
        )
    return low, high
