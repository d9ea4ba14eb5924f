"""Playing a recording: any tick at once, forward or back, and the proof that it is what was played.

A `Playback` owns a batch of one env and belongs to one thread at a time. It keeps exact states on the way
(`Keyframes`), so that no tick is far from one.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Final

import numpy as np

from engine.errors import RecordingError, SimError

from .batch import Batch, Episodes
from .native import ENGINE_VERSION
from .recording import Recording, has_ended, hash_after_step, short_hash

KEYFRAME_BYTES: Final = 32 * 1024 * 1024
"""Budget for the keyframes of one playback: 2,000 states of 24 agents with all mechanics on."""

_FIRST_STRIDE = 16  # ticks: some 25 microseconds of small games, a few milliseconds of 1,024 agents


@dataclass(frozen=True)
class Verification:
    """What comparing all hashes came to."""

    compared: int  # hashes, those of all ticks if none differs
    first_difference: int | None  # tick, or None: all agree


class Keyframes:
    """Exact states, one every `stride` ticks from 0 on. Over the budget, every other one goes and the stride doubles.

    They are put in the order of their ticks, each once it is due; so those that are kept have no gaps.
    """

    def __init__(self, start: bytes, budget: int = KEYFRAME_BYTES) -> None:
        self._states = {0: start}
        self._budget = budget
        self._last = 0
        self.stride = _FIRST_STRIDE
        self.size = len(start)  # bytes

    def is_due(self, tick: int) -> bool:
        return tick == self._last + self.stride

    def put(self, tick: int, state: bytes) -> None:
        """Keep a state that is due."""
        assert self.is_due(tick)
        self._states[tick] = state
        self._last = tick
        self.size += len(state)
        while self.size > self._budget and len(self._states) > 1:
            self._thin()

    def _thin(self) -> None:
        self.stride *= 2
        self._states = {tick: state for tick, state in self._states.items() if tick % self.stride == 0}
        self._last = max(self._states)
        self.size = sum(map(len, self._states.values()))

    def before(self, tick: int) -> tuple[int, bytes]:
        """The nearest state kept at or before a tick, and its own tick."""
        at = min(tick // self.stride * self.stride, self._last)
        return at, self._states[at]


class Playback:
    """One recording under way. After `step` and `seek`, the batch and its arrays are as they were at that tick.

    As in all batches, the step that ends the episode leaves the env at the start of its next one: what comes
    after the last tick of a recording that `ended` is not part of it.

    Raises:
        RecordingError: the engine refuses the rules, a map or the state that it begins with.
    """

    def __init__(self, recording: Recording, keyframe_bytes: int = KEYFRAME_BYTES) -> None:
        self.recording = recording
        agents = recording.rules.agents
        self.batch = Batch(recording.worlds(), seed=recording.seed, episode_capacity=agents)
        self.tick = 0
        self.episodes: Episodes | None = None  # of the agents, from when the end was reached first
        if recording.state:
            self._load_start(recording)
        self._keyframes = Keyframes(self.batch.save(), keyframe_bytes)
        self._rewind()

    def _load_start(self, recording: Recording) -> None:
        try:
            self.batch.load(recording.state)
        except SimError as error:
            self.batch.close()
            hint = "" if recording.engine == ENGINE_VERSION else _other_engine(recording)
            raise RecordingError(f"the state it begins with cannot be restored: {error.message}", hint=hint) from error

    @property
    def keyframe_size(self) -> int:
        """Bytes of all keyframes at present."""
        return self._keyframes.size

    def step(self) -> None:
        """One tick forward.

        Raises:
            RecordingError: it has been played to its end.
        """
        if self.tick == self.recording.ticks:
            raise RecordingError(f"the recording ends at tick {self.tick:,}")
        self.batch.step(self.recording.actions[self.tick])
        self.tick += 1
        if self.tick == self.recording.ticks:
            self._take_episodes()
        elif self._keyframes.is_due(self.tick):
            self._keyframes.put(self.tick, self.batch.save())

    def _take_episodes(self) -> None:
        episodes = self.batch.drain_episodes()
        self.episodes = episodes if has_ended(self.batch) else None

    def seek(self, tick: int) -> None:
        """Go to a tick: a jump where the playback has been before, else by playing on from the last keyframe.

        Raises:
            RecordingError: the recording has no such tick; the playback stays where it is.
        """
        if not 0 <= tick <= self.recording.ticks:
            raise RecordingError(f"there is no tick {tick}", hint=f"it has ticks 0 to {self.recording.ticks}")
        if tick == self.tick:
            return
        if tick == 0:
            self._rewind()
            return
        keyframe, state = self._keyframes.before(tick - 1)  # by a step, so that rewards and results come along
        if not keyframe <= self.tick < tick:
            self.batch.load(state)
            self.tick = keyframe
        while self.tick < tick:
            self.step()

    def _rewind(self) -> None:
        _, state = self._keyframes.before(0)
        self.batch.load(state)
        self.tick = 0
        self.batch.observations[:] = self.batch.observe()
        for array in (self.batch.rewards, self.batch.terminated, self.batch.truncated, self.batch.results):
            array[:] = np.zeros_like(array)

    def verify(self) -> Verification:
        """Play it all from tick 0 and compare every hash; ends at the first tick that differs, or at the last one.

        Afterwards every tick that was passed is a jump away.
        """
        self.seek(0)
        actual, compared = self.batch.hash(), 0
        while self._agrees(actual):
            compared += 1
            if self.tick == self.recording.ticks:
                return Verification(compared, None)
            self.step()
            actual = hash_after_step(self.batch)
        return Verification(compared + 1, self.tick)

    def _agrees(self, actual: int) -> bool:
        recording = self.recording
        if self.tick < recording.ticks:
            return short_hash(actual) == int(recording.hashes[self.tick])
        return actual == recording.final_hash and has_ended(self.batch) == recording.ended

    def close(self) -> None:
        self.batch.close()

    def __enter__(self) -> Playback:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _other_engine(recording: Recording) -> str:
    return f"it was recorded by engine {recording.engine}, and this is {ENGINE_VERSION}"
