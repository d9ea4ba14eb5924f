"""A recording: what is needed to play one episode again, and to prove that it is the same one.

`Recorder` belongs to whoever steps the batch and is called from that thread; a `Recording` is immutable and may go
anywhere. gridrec.py turns one into bytes, playback.py plays it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import GridrlError, RecordingError, SimError

from .batch import Batch
from .native import ENGINE_VERSION
from .rules import Rules
from .world import Cells, World

NO_ACTION: Final = 255
"""Stands for every action that the game does not have; the engine treats all of them alike. Ids end at 63."""

MAX_ACTIONS: Final = 64 * 1024 * 1024
"""Ticks times agents of a recording: 2.8 million ticks of 24 agents."""

_FIRST_CAPACITY = 1024  # ticks; doubled as often as needed


@dataclass(frozen=True, eq=False)
class RecordedMap:
    """One world's map: its name, for people, and its cells, (height, width) uint8 of CELL_ codes."""

    name: str
    cells: Cells


@dataclass(frozen=True, eq=False)
class Recording:
    """One episode of one env, whole or a part of it. `actions[t]` led from tick t to tick t + 1.

    What was hashed is the exact state, but after the step that ended the episode: there the env is in its next
    episode already, so what the step itself gave is hashed (ends, rewards, results, last observations, ledger).
    """

    engine: str  # ENGINE_VERSION of the engine that played it
    rules: Rules
    maps: tuple[RecordedMap, ...]  # one for each world of the batch, in its order
    seed: int  # of the batch, 0 .. 2**64 - 1
    state: bytes  # the snapshot at tick 0; empty where a new batch with this seed starts just so
    actions: NDArray[np.uint8]  # (ticks, agents): action ids, or NO_ACTION
    hashes: NDArray[np.uint16]  # (ticks + 1,): the low 16 bits of the hash at each tick
    ended: bool  # the last step ended the episode
    final_hash: int  # all 64 bits of the hash at the last tick

    @property
    def ticks(self) -> int:
        """Steps recorded; the states are those of ticks 0 .. ticks."""
        return len(self.actions)

    def worlds(self) -> list[World]:
        """The worlds of the batch that it is played in.

        Raises:
            RecordingError: the engine refuses the rules or a map.
        """
        return [_world(self.rules, each) for each in self.maps]


def _world(rules: Rules, recorded: RecordedMap) -> World:
    try:
        return World(rules, recorded.cells)
    except GridrlError as error:
        raise RecordingError(f"the map {recorded.name!r} cannot be played: {error.message}") from error


class Recorder:
    """Keeps what one env does until its episode ends. The batch is stepped by its own `step`, then told here.

    Args:
        batch: one env, at any tick of any episode; that is tick 0 of the recording. A playback knows no retired
            worlds, so a recording whose last step left one cannot be verified to its end.
        maps: names and cells of the batch's worlds, in its order.
        seed: the seed of its last reset.

    Raises:
        RecordingError: the batch has more than one env, or the maps are not its own.
    """

    def __init__(self, batch: Batch, maps: Sequence[RecordedMap], seed: int) -> None:
        if batch.env_count != 1:
            raise RecordingError(f"a recording is of one env, and this batch has {batch.env_count}")
        self._batch, self._rules, self._seed = batch, batch.worlds[0].rules, seed & (2**64 - 1)
        self._maps = tuple(RecordedMap(each.name, _frozen(each.cells)) for each in maps)
        self._state = self._start_state()
        self._actions = np.zeros((_FIRST_CAPACITY, batch.rows), np.uint8)
        self._hashes = np.zeros(_FIRST_CAPACITY + 1, np.uint16)
        self._final_hash = batch.hash()
        self._hashes[0] = short_hash(self._final_hash)
        self.ticks = 0
        self.ended = False

    def _start_state(self) -> bytes:
        """The state, unless the seed alone leads there: not so in a later episode, or with weighted worlds."""
        worlds = [_world(self._rules, each) for each in self._maps]
        state = self._batch.save()
        with Batch(worlds, seed=self._seed) as fresh:
            if fresh.save() == state:
                return b""
            try:
                fresh.load(state)
            except SimError as error:
                raise RecordingError("these are not the maps of the batch that is to be recorded") from error
        return state

    def record(self, actions: ArrayLike) -> None:
        """Keep the step that the batch has just taken with these (agents,) actions.

        Raises:
            RecordingError: the episode has ended before, or the recording is full. Nothing is kept then.
        """
        if self.ended:
            raise RecordingError("the recorded episode has ended", hint="a recorder is good for one episode")
        if (self.ticks + 1) * self._batch.rows > MAX_ACTIONS:
            raise RecordingError(f"the recording is full after {self.ticks:,} ticks", hint="begin another one here")
        if self.ticks == len(self._actions):
            self._actions = _doubled(self._actions, 2 * self.ticks)
            self._hashes = _doubled(self._hashes, 2 * self.ticks + 1)
        given = np.asarray(actions).astype(np.int32, copy=False)  # as the batch takes them
        is_known = (given >= 0) & (given < len(self._rules.actions))
        self._actions[self.ticks] = np.where(is_known, given, NO_ACTION)
        self.ticks += 1
        self.ended = has_ended(self._batch)
        self._final_hash = hash_after_step(self._batch)
        self._hashes[self.ticks] = short_hash(self._final_hash)

    def recording(self) -> Recording:
        """What there is so far, as a copy."""
        return Recording(
            engine=ENGINE_VERSION,
            rules=self._rules,
            maps=self._maps,
            seed=self._seed,
            state=self._state,
            actions=_frozen(self._actions[: self.ticks]),
            hashes=_frozen(self._hashes[: self.ticks + 1]),
            ended=self.ended,
            final_hash=self._final_hash,
        )


def has_ended(batch: Batch) -> bool:
    """Whether the last step ended the episode of a batch of one env."""
    return bool(batch.terminated.any() or batch.truncated.any())


def hash_after_step(batch: Batch) -> int:
    """64 bits of the state, or of what the step gave if it ended the episode."""
    if not has_ended(batch):
        return batch.hash()
    ledger, _, _ = batch.ledger()
    digest = hashlib.blake2b(digest_size=8)
    for array in (batch.terminated, batch.truncated, batch.rewards, batch.results, batch.final_observations, ledger):
        digest.update(array.tobytes())
    return int.from_bytes(digest.digest(), "little")


def short_hash(value: int) -> int:
    """The part of a hash that is kept of every tick. What differs once goes on differing, so 16 bits will do."""
    return value & 0xFFFF


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def _doubled(array: NDArray[Any], length: int) -> NDArray[Any]:
    larger = np.zeros((length, *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger
