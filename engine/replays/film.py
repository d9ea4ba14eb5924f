"""A film: any replay, one tick at a time, as the screen and the exports need it.

`open_film` reads the disk. A film belongs to one thread at a time. One of a recording is simulated again and exact;
one of a file that holds only pictures shows those, and nothing of how they came about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

import numpy as np

from engine.errors import RecordingError
from engine.runs.recordings import SUFFIX, load_recording
from engine.sim import AGENT, EMPTY, FIRST_KIND, ActionResult, AgentView, EnvView, Playback, Recording, Rules, Spec
from engine.sim.gridrec import MAGIC, from_bytes
from engine.sim.spec import spec_of

from .events import MAX_EVENTS, REMARK, Event, freeze, heart_indices, hearts, payment
from .names import MAX_GLYPHS, MAX_GROUPS, rules_of
from .odd import Oddities, safe
from .own import Annotation
from .reader import AgentSeries, Replay, parse_replay, read_bytes
from .tracks import Series, Track

NOT_TOLD: Final = ActionResult.NO_TARGET
"""Stands for every failure of an action in files that do not say why; see `Film.tells_why`."""

_MAX_UNITS: Final = 65535


class Film(Protocol):
    """What any replay has."""

    name: str
    """The map's, or the file's where that is not known; printable, and in the words of others."""
    source: str
    """What it was made from, in words: `recording`, `replay, version 2`."""
    rules: Rules
    spec: Spec
    ticks: range
    """Those that can be shown. Replays of others begin at 1: they do not hold how it began."""
    tells_why: bool
    """Whether `last_result` of its agents says why an action failed; else NOT_TOLD stands for any failure."""
    recording: Recording | None
    """What plays it again, exactly, where there is such a thing."""
    odd: tuple[str, ...]
    """What makes no sense in the file, with its place."""

    def view(self, tick: int) -> EnvView:
        """The env as it was; `EnvView.tick` counts from the episode's start.

        Raises:
            RecordingError: it has no such tick.
        """
        ...

    def events(self) -> tuple[Event, ...]:
        """What is worth a mark, in the order of ticks; found when first asked for, which takes a while."""
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_film(path: Path) -> Film:
    """A film of a recording or of a JSON replay of any version.

    Raises:
        RecordingError: it is neither, or damaged beyond reading.
    """
    try:
        if path.suffix == SUFFIX or _is_recording(path):
            return RecordedFilm(load_recording(path))
        return film_of(read_bytes(path), path.name)
    except RecordingError as error:
        if str(path) in error.message:
            raise
        raise RecordingError(f"{path}: {error.message}", hint=error.hint) from error


def film_of(data: bytes, name: str = "") -> Film:
    """A film of a file's bytes.

    Args:
        name: the file's, for replays that do not say.

    Raises:
        RecordingError: as `open_film`.
    """
    if data[: len(MAGIC)] == MAGIC:
        return RecordedFilm(from_bytes(data))
    replay = parse_replay(data, name)
    recording = None if replay.own is None else replay.own.recording
    if recording is None or replay.own is None:
        return PicturedFilm(replay)
    source = f"replay, version {replay.version}, with its recording"
    return RecordedFilm(recording, source=source, annotations=replay.own.annotations, odd=replay.odd)


def _is_recording(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except (OSError, ValueError):  # said when it is read
        return False


class _Closing:
    """A film as a context manager."""

    def close(self) -> None:
        """Free what it holds."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _check_tick(tick: int, ticks: range) -> None:
    if tick not in ticks:
        where = f"it shows ticks {ticks[0]:,} to {ticks[-1]:,}" if ticks else "it shows none"
        raise RecordingError(f"there is no tick {tick:,}", hint=where)


def _with_remarks(events: list[Event], annotations: tuple[Annotation, ...], ticks: range) -> tuple[Event, ...]:
    remarks = [Event(each.tick, each.agent, REMARK, each.words) for each in annotations if each.tick in ticks]
    return tuple(sorted((*events, *remarks), key=lambda event: event.tick))


class RecordedFilm(_Closing):
    """A film that is simulated. Owns its playback.

    Raises:
        RecordingError: the recording cannot be played.
    """

    tells_why = True

    def __init__(
        self,
        recording: Recording,
        *,
        source: str = "",
        annotations: tuple[Annotation, ...] = (),
        odd: tuple[str, ...] = (),
    ) -> None:
        self._playback = Playback(recording)
        self._annotations = annotations
        self._events: tuple[Event, ...] | None = None
        self.recording: Recording | None = recording
        self.rules, self.spec = recording.rules, self._playback.batch.spec
        self.is_replay = source != ""  # there are pictures beside the recording, and they are not looked at
        self.source, self.odd = source or "recording", odd
        self.ticks = range(recording.ticks - recording.ended + 1)  # after the step that ended it, another one stands
        self.name = safe(recording.maps[self._playback.batch.look().world].name, 200)

    def view(self, tick: int) -> EnvView:
        """The env as it was."""
        _check_tick(tick, self.ticks)
        self._playback.seek(tick)
        return self._playback.batch.look()

    def events(self) -> tuple[Event, ...]:
        """What is worth a mark."""
        if self._events is None:
            found = [event for _, event in zip(range(MAX_EVENTS), self._found(), strict=False)]
            self._events = _with_remarks(found, self._annotations, self.ticks)
        return self._events

    def _found(self) -> Iterator[Event]:
        playback, held = self._playback, heart_indices(self.spec.resource_names)
        playback.seek(0)
        before = playback.batch.standing()
        for tick in self.ticks[1:]:
            playback.step()
            now = playback.batch.standing()
            count, had = (each["inventory"][:, held].sum(axis=1) for each in (now, before))
            is_more = (now["frozen"] > before["frozen"]) | (count > had)
            is_paid = (now["step_reward"] != 0) & (now["step_reward"] != before["step_reward"])
            for agent in np.flatnonzero(is_more | is_paid).tolist():
                pairs = (
                    freeze(tick, agent, int(before["frozen"][agent]), int(now["frozen"][agent])),
                    hearts(tick, agent, int(had[agent]), int(count[agent])),
                    payment(tick, agent, float(before["step_reward"][agent]), float(now["step_reward"][agent])),
                )
                yield from (event for event in pairs if event is not None)
            before = now

    def close(self) -> None:
        """Free the batch."""
        self._playback.close()


class PicturedFilm(_Closing):
    """A film of what a replay file says of every object. Nothing is simulated."""

    def __init__(self, replay: Replay) -> None:
        odd = Oddities()
        own = replay.own
        self.recording: Recording | None = None
        self.name, self.source = replay.name, f"replay, version {replay.version}"
        self.rules = replay.rules or _rules(replay)
        self.spec = spec_of(self.rules)
        self.ticks = range(replay.first_tick, replay.last_tick + 1)
        self.tells_why = all(agent.result is not None for agent in replay.agents)
        self._start = (own.tick, own.episode, own.world) if own is not None else (0, 0, 0)
        self._annotations = own.annotations if own is not None else ()
        self._width, self._height = replay.width, replay.height
        self._events: tuple[Event, ...] | None = None
        self._put_things(replay, odd)
        self._put_agents(replay, odd)
        self.odd = (*replay.odd, *odd.sentences())

    # ---- Taking the replay in

    def _put_things(self, replay: Replay, odd: Oddities) -> None:
        """Those that never change lie in one picture; the others are looked up."""
        self._base = np.full(self._height * self._width, EMPTY, np.uint8)
        self._base_ready = np.zeros_like(self._base)
        moving: list[list[tuple[int, tuple[int, int, int]]]] = []
        last = max(len(replay.kinds) - 1, 0)
        for thing in replay.things:
            states = [
                (tick, (self._cell(at, odd), FIRST_KIND + min(kind, last), min(max(ready, 0), 3)))
                for tick, (at, kind, ready) in thing.states
            ]
            if len(states) > 1:
                moving.append(states)
            elif states[0][1][0] >= 0:
                cell, code, ready = states[0][1]
                if self._base[cell] != EMPTY:
                    odd.note(f"column {cell % self._width}, row {cell // self._width}", "more than one object")
                self._base[cell], self._base_ready[cell] = code, ready
        self._cells, self._codes, self._readies = (
            Track([[(tick, state[part]) for tick, state in states] for states in moving], np.int32) for part in range(3)
        )

    def _cell(self, at: tuple[int, int] | None, odd: Oddities) -> int:
        """The index of a place in the picture; -1 for none, and for one outside the map."""
        if at is None:
            return -1
        column, row = at
        if not (0 <= column < self._width and 0 <= row < self._height):
            odd.note("location", f"[{column}, {row}] is outside the map of {self._width}x{self._height}")
            return -1
        return row * self._width + column

    def _put_agents(self, replay: Replay, odd: Oddities) -> None:
        agents = replay.agents

        def track(of: Callable[[AgentSeries], Series], convert: Callable[[Any], Any], dtype: Any = np.int32) -> Track:
            return Track([[(tick, convert(value)) for tick, value in of(agent)] for agent in agents], dtype)

        self._groups = [min(max(agent.group, 0), MAX_GROUPS - 1) for agent in agents]
        if any(not 0 <= agent.group < MAX_GROUPS for agent in agents):
            odd.note("group_id", f"groups beyond 0 to {MAX_GROUPS - 1} are shown as the nearest of those")
        self._places = track(lambda agent: agent.place, lambda at: self._cell(at, odd))
        self._stood = Track([_last_known(agent.place, self._width, self._height) for agent in agents], np.int32)
        self._facing = track(lambda agent: agent.facing, _bounded("orientation", 8, odd))
        self._frozen = track(lambda agent: agent.frozen, lambda turns: min(max(turns, 0), _MAX_UNITS))
        self._glyph = track(lambda agent: agent.glyph, _bounded("vibe_id", MAX_GLYPHS, odd))
        self._shield = track(lambda agent: agent.shield, int)
        self._reward = track(lambda agent: agent.reward, float, np.float32)
        self._total = track(lambda agent: agent.total, float, np.float32)
        self._acted = Track([_acts(agent, len(replay.actions), odd) for agent in agents], np.int32)
        self._results = Track([_results(agent) for agent in agents], np.int32)
        self._inventories: list[tuple[int, ...]] = []
        kept: dict[Any, int] = {}
        self._held = track(lambda agent: agent.held, lambda held: self._kept(held, kept, odd))

    def _kept(self, held: tuple[tuple[int, int], ...], kept: dict[Any, int], odd: Oddities) -> int:
        """The number of an inventory, each kept once: by resource, as views have them."""
        if held not in kept:
            units = [0] * len(self.spec.resource_names)
            for item, count in held:
                if item < len(units):
                    units[item] = min(count, _MAX_UNITS)
                else:
                    odd.note("inventory", f"there is no item {item}")
            kept[held] = len(self._inventories)
            self._inventories.append(tuple(units))
        return kept[held]

    # ---- Looking

    def view(self, tick: int) -> EnvView:
        """The env as the file has it."""
        _check_tick(tick, self.ticks)
        cells, ready = self._base.copy(), self._base_ready.copy()
        at = self._cells.at(tick)
        is_there = at >= 0
        cells[at[is_there]] = self._codes.at(tick)[is_there]
        ready[at[is_there]] = self._readies.at(tick)[is_there]
        places = self._places.at(tick)
        places = places[places >= 0]
        cells[places], ready[places] = AGENT, 0
        shape = (self._height, self._width)
        began, episode, world = self._start
        return EnvView(began + tick, episode, world, cells.reshape(shape), ready.reshape(shape), self._agents(tick))

    def _agents(self, tick: int) -> tuple[AgentView, ...]:
        fields = (
            (self._stood.at(tick) // self._width).tolist(),
            (self._stood.at(tick) % self._width).tolist(),
            self._groups,
            self._facing.at(tick).tolist(),
            self._acted.at(tick).tolist(),
            self._results.at(tick).tolist(),
            [self.rules.roles.index(self.rules.role_of_group(group)) for group in self._groups],
            self._frozen.at(tick).tolist(),
            [bool(up) for up in self._shield.at(tick).tolist()],
            self._glyph.at(tick).tolist(),
            self._reward.at(tick).tolist(),
            self._total.at(tick).tolist(),
            [self._inventories[index] for index in self._held.at(tick).tolist()],
        )
        return tuple(AgentView(*values) for values in zip(*fields, strict=True))

    def events(self) -> tuple[Event, ...]:
        """What is worth a mark."""
        if self._events is None:
            found = sorted(self._found(), key=lambda event: (event.tick, event.agent))[:MAX_EVENTS]
            self._events = _with_remarks(found, self._annotations, self.ticks)
        return self._events

    def _found(self) -> Iterator[Event]:
        held = heart_indices(self.spec.resource_names)
        for agent in range(len(self._groups)):
            had = [
                (tick, sum(self._inventories[index][heart] for heart in held))
                for tick, index in _changes(self._held, agent)
            ]
            yield from self._steps(agent, freeze, _changes(self._frozen, agent))
            yield from self._steps(agent, hearts, had)
            yield from self._steps(agent, payment, _changes(self._reward, agent))

    def _steps(self, agent: int, tell: Callable[..., Event | None], changes: list[tuple[int, Any]]) -> Iterator[Event]:
        """What is told of each change. What led to the first tick that is shown is not known."""
        for (_, before), (tick, value) in pairwise(changes):
            event = tell(tick, agent, before, value) if tick > self.ticks.start else None
            if event is not None and tick in self.ticks:
                yield event


def _rules(replay: Replay) -> Rules:
    """A game of the names that the file has."""
    glyphs = 1 + max((glyph for agent in replay.agents for _, glyph in agent.glyph), default=0)
    return rules_of(
        name="replay",
        agents=len(replay.agents),
        groups=replay.groups,
        kinds=replay.kinds,
        resources=replay.resources,
        actions=replay.actions,
        glyphs=glyphs,
        window=replay.window,
    )


def _bounded(key: str, limit: int, odd: Oddities) -> Callable[[int], int]:
    """Numbers below a limit; others are 0, and odd."""

    def convert(value: int) -> int:
        if 0 <= value < limit:
            return value
        odd.note(key, f"there is no {value} among 0 to {limit - 1}")
        return 0

    return convert


def _last_known(places: Series, width: int, height: int) -> Series:
    """Where an agent stands; while it is nowhere, where it stood last."""
    cell, found = 0, []
    for tick, at in places:
        if at is not None and 0 <= at[0] < width and 0 <= at[1] < height:
            cell = at[1] * width + at[0]
        found.append((tick, cell))
    return found


def _acts(agent: AgentSeries, count: int, odd: Oddities) -> Series:
    """Action ids; -1 for none that the game has."""
    for _, action in agent.action:
        if not -1 <= action < count:
            odd.note(f"agent {agent.id}, action_id", f"there is no action {action}")
    return [(tick, action if 0 <= action < count else -1) for tick, action in agent.action]


def _results(agent: AgentSeries) -> Series:
    """ActionResults: those of the file, or NOT_TOLD for whatever failed."""
    if agent.result is not None:
        return [(tick, value if value in _RESULTS else int(NOT_TOLD)) for tick, value in agent.result]
    return [(tick, int(ActionResult.SUCCESS if good else NOT_TOLD)) for tick, good in agent.succeeded]


_RESULTS: Final = frozenset(int(result) for result in ActionResult)


def _changes(track: Track, agent: int) -> list[tuple[int, Any]]:
    ticks, values = track.changes(agent)
    return list(zip(ticks.tolist(), values.tolist(), strict=True))
