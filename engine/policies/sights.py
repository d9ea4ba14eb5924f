"""The agent-eye: what an observation says, cell by cell in words, and of tokens what it had no room for.

Words are read off the bytes of the observation alone, so they say what a policy was told and no more. Pure functions;
the batch that is looked at is used by one thread at a time. No torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.sim import DIRECTIONS, NO_TOKEN, NOT_READY_CODES, ActionResult, Batch, Spec

Bytes = NDArray[np.uint8]

_OWN_TOKENS: Final = frozenset({"episode_completion_pct", "last_action", "last_result", "last_reward"})
"""Token features of the observing agent itself; they stand in the middle of the window."""

_TOP = 255  # of what has no bound: so many, or more


@dataclass(frozen=True)
class Feature:
    """One thing that is told."""

    name: str
    """Of the plane, of the self feature or of the token feature."""
    value: int
    """The byte."""
    words: str
    """What it means: `altar`, `east`, `cooling down`, `12`."""

    def __str__(self) -> str:
        return f"{self.name} {self.words}"


@dataclass(frozen=True)
class Eye:
    """What one agent is told at one moment."""

    height: int
    """Of the window, in cells; the agent stands in the middle."""
    width: int
    cells: tuple[tuple[Feature, ...], ...]
    """By rows: what is told of each cell of the window. Of a plane but the kind, 0 tells nothing and is left out; of
    an empty cell, tokens tell nothing."""
    own: tuple[Feature, ...]
    """What the agent is told of itself: the self vector, or tokens that belong to no cell."""
    dropped: tuple[tuple[Feature, ...], ...]
    """As `cells`: tokens that there was no room for. They are not part of the observation."""
    used: int
    """Tokens that were written."""
    budget: int
    """Tokens that there is room for; 0 in games of planes."""

    @property
    def dropped_count(self) -> int:
        """Tokens that there was no room for."""
        return sum(map(len, self.dropped))

    def at(self, row: int, column: int) -> tuple[Feature, ...]:
        """What is told of one cell of the window."""
        return self.cells[row * self.width + column]


def eye_of(batch: Batch, agent: int, env: int = 0) -> Eye:
    """What an agent is told now."""
    if not batch.spec.token_count:
        return eye_of_planes(batch.spec, batch.observe(env)[agent])
    return eye_of_tokens(batch.spec, batch.tokens(agent, env))


def eye_of_planes(spec: Spec, observation: Bytes) -> Eye:
    """What an observation (size,) of planes tells."""
    plane_words, self_words = _words_of_planes(spec), _words_of_self(spec)
    count = spec.window_height * spec.window_width
    planes = observation[: spec.plane_size].reshape(-1, count)
    cells: list[list[Feature]] = [[] for _ in range(count)]
    for name, words, told in zip(spec.planes, plane_words, planes, strict=True):
        for cell in range(count) if name == "kind" else told.nonzero()[0].tolist():
            cells[cell].append(words[told[cell]])
    own = tuple(words[byte] for words, byte in zip(self_words, observation[spec.plane_size :], strict=True))
    nothing: tuple[tuple[Feature, ...], ...] = ((),) * count
    return Eye(spec.window_height, spec.window_width, tuple(map(tuple, cells)), own, nothing, 0, 0)


def eye_of_tokens(spec: Spec, tokens: Bytes) -> Eye:
    """What tokens tell.

    Args:
        tokens: (n, 3), those past the budget included as `Batch.tokens` has them; or an observation's, as (budget, 3).
    """
    there = tokens[tokens[:, 0] != NO_TOKEN]
    budget = spec.token_count
    words, first_own = _words_of_tokens(spec), _own_features(spec)
    cells: list[list[Feature]] = [[] for _ in range(spec.window_height * spec.window_width)]
    dropped: list[list[Feature]] = [[] for _ in cells]
    own: list[Feature] = []
    for index, (location, feature, value) in enumerate(there.tolist()):
        cell = location // 16 * spec.window_width + location % 16
        told = dropped[cell] if index >= budget else own if feature in first_own else cells[cell]
        told.append(words[feature][value])
    return Eye(
        height=spec.window_height,
        width=spec.window_width,
        cells=tuple(map(tuple, cells)),
        own=tuple(own),
        dropped=tuple(map(tuple, dropped)),
        used=min(len(there), budget),
        budget=budget,
    )


# ---- Words

_Table = tuple[Feature, ...]  # by the byte


@lru_cache(maxsize=8)  # games that are looked at in one sitting
def _words_of_planes(spec: Spec) -> tuple[_Table, ...]:
    return _tables(spec, spec.planes)


@lru_cache(maxsize=8)
def _words_of_tokens(spec: Spec) -> tuple[_Table, ...]:
    return _tables(spec, spec.feature_names)


def _tables(spec: Spec, names: Iterable[str]) -> tuple[_Table, ...]:
    meanings = _meanings(spec)
    return tuple(_table(name, meanings.get(name, _amount)) for name in names)


@lru_cache(maxsize=8)
def _words_of_self(spec: Spec) -> tuple[_Table, ...]:
    """The self vector counts facing, group and glyph from 0, and frozen in turns."""
    meanings = _meanings(spec)
    meanings |= {"facing": _named(DIRECTIONS, 0), "group": str, "glyph": str, "frozen": _turns}
    return tuple(_table(name, meanings.get(name, _amount)) for name in spec.self_features)


@lru_cache(maxsize=8)
def _own_features(spec: Spec) -> frozenset[int]:
    return frozenset(i for i, name in enumerate(spec.feature_names) if name in _OWN_TOKENS)


def _table(name: str, meaning: Callable[[int], str]) -> _Table:
    return tuple(Feature(name, value, meaning(value)) for value in range(256))


def _meanings(spec: Spec) -> dict[str, Callable[[int], str]]:
    """What a byte of each plane and of each token feature means; of what is missing here it is an amount."""
    kind = _named(("outside or hidden", *spec.cell_names[1:]), 0)
    facing = _named(DIRECTIONS, 1)
    return {
        "kind": kind,
        "type_id": kind,
        "group": _numbered,
        "glyph": _numbered,
        "facing": facing,
        "orientation": facing,
        "role": _named(spec.role_names, 1),
        "frozen": _named(("no", "yes"), 0),
        "shield": _named(("down", "up"), 0),
        "ready": _named(("no converter", "ready", *NOT_READY_CODES.values()), 0),
        "episode_completion": _share,
        "episode_completion_pct": _share,
        "last_action": _named(("none", *spec.action_names), 0),
        "last_result": _named([result.name.lower().replace("_", " ") for result in ActionResult], 0),
        "last_reward": _reward,
    }


def _named(names: Iterable[str], first: int) -> Callable[[int], str]:
    """Of bytes that count names from `first` on."""
    by_byte = dict(enumerate(names, first))
    return lambda value: by_byte.get(value, "none" if value < first else f"{value}, which no game writes")


def _numbered(value: int) -> str:
    """Of what counts from 1, where 0 is nobody."""
    return str(value - 1) if value else "none"


def _amount(value: int) -> str:
    return str(value) if value < _TOP else f"{value} or more"


def _turns(value: int) -> str:
    return "no" if value == 0 else f"{_amount(value)} {'turn' if value == 1 else 'turns'}"


def _share(value: int) -> str:
    """Of 255ths, rounded down as the engine does."""
    return f"{100 * value // 255} %"


def _reward(value: int) -> str:
    """Of hundredths around 128."""
    bound = " or less" if value == 0 else " or more" if value == _TOP else ""
    return f"{(value - 128) / 100:+.2f}{bound}"
