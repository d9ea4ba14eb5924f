"""Reel: a film of a replay on the screen. It can be looked at from all sides of time, and not be played.

Owned by the Session, UI thread. What can be simulated again is no Reel but a Game that begins with a history.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from engine.errors import UsageError
from tui.panes.live.clock import Clock, Line
from tui.panes.live.events import EVENTS, Mark
from tui.panes.live.scene import Scene
from tui.panes.live.words import tell_step

from .chronicle import EVENTS_SHOWN
from .overlays import TRACE_STEPS, OverlayKind, distances, trace
from .play import Pacer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.replays.film import Film
    from engine.sim import EnvView
    from tui.panes.live.overlay import Overlay

_MARKS = {"frozen": Mark.FROZEN, "caught": Mark.CAUGHT, "heart": Mark.HEART, "reward": Mark.REWARD, "remark": Mark.HAND}


class Reel:
    """One film and where it stands. `close` when done."""

    def __init__(self, film: Film, rate: float) -> None:
        self.film = film
        self.tick = film.ticks[0]
        self.selected = 0
        self.playing = False
        self.pacer = Pacer(rate)
        self.cursor: tuple[int, int] | None = None
        self.overlay = OverlayKind.NONE
        self._events = film.events()
        self._marks = self._marked()

    def _marked(self) -> NDArray[np.uint8]:
        marks = np.zeros((len(self.film.ticks) - 1, self.film.spec.agent_count), np.uint8)
        for event in self._events:
            row = event.tick - self.film.ticks[0] - 1
            if 0 <= row < len(marks):
                agents = slice(None) if event.agent < 0 else slice(event.agent, event.agent + 1)
                marks[row, agents] |= np.uint8(_MARKS.get(event.kind, Mark.HAND))
        return marks

    def scene(self) -> Scene:
        """The present moment."""
        film, first, last = self.film, self.film.ticks[0], self.film.ticks[-1]
        view = film.view(self.tick)
        made = self._overlay(view)
        return Scene(
            rules=film.rules,
            spec=film.spec,
            view=view,
            source=f"{film.name}, {film.source}",
            policy="-",
            played_by="-",
            is_film=True,
            selected=self.selected,
            person=None,
            playing=self.playing,
            target_rate=self.pacer.rate,
            actual_rate=self.pacer.actual,
            step_terms=(),
            episode_terms=(),
            observation=None,
            clock=Clock(first, self.tick, last, 0, (Line(0, None, first, last),), self._marks),
            events=tuple(each.words for each in self._events if each.tick <= self.tick)[-EVENTS_SHOWN:],
            cursor=self.cursor,
            overlay=made,
            overlay_words="" if made is None else made.words,
        )

    def _overlay(self, view: EnvView) -> Overlay | None:
        """What can be said of a film's moment without its agents' minds."""
        if self.overlay is OverlayKind.DISTANCE:
            return distances(view, self.film.rules, self.selected)
        if self.overlay is OverlayKind.TRACE:
            ticks = range(max(self.tick - TRACE_STEPS, self.film.ticks[0]), self.tick + 1)
            track = [[(agent.row, agent.column) for agent in self.film.view(tick).agents] for tick in ticks]
            return trace(view, np.array(track, np.int16), self.selected)
        return None

    def next_overlay(self, by: int) -> str:
        """The next thing to lay over the map."""
        kinds = (OverlayKind.NONE, OverlayKind.TRACE, OverlayKind.DISTANCE)
        self.overlay = kinds[(kinds.index(self.overlay) + by) % len(kinds)]
        return "No overlay." if self.overlay is OverlayKind.NONE else f"Overlay: {self.overlay}."

    @property
    def view(self) -> EnvView:
        """The env as it stood then."""
        return self.film.view(self.tick)

    def set_playing(self, playing: bool) -> None:
        """Let time flow, or stop it; at the end it begins anew."""
        if playing and self.tick == self.film.ticks[-1]:
            self.tick = self.film.ticks[0]
        self.playing = playing
        self.pacer.actual = 0.0
        if playing:
            self.pacer.start(time.monotonic())

    def advance(self) -> list[str]:
        """Take the steps that are due."""
        steps = min(self.pacer.due(time.monotonic()), self.film.ticks[-1] - self.tick)
        self.tick += steps
        self.pacer.took(steps, time.monotonic())
        if self.tick == self.film.ticks[-1]:
            self.playing = False
        return self._tell() if steps else []

    def move(self, steps: int) -> list[str]:
        """So many steps on, or back."""
        return self.go_to(self.tick + steps)

    def go_to(self, tick: int) -> list[str]:
        """Go to a tick, or the nearest that there is; time stands there."""
        self.playing = False
        self.tick = min(max(tick, self.film.ticks[0]), self.film.ticks[-1])
        return self._tell()

    def jump(self, by: int) -> list[str]:
        """To the next event of the selected agent, or the one before.

        Raises:
            UsageError: there is none.
        """
        marks = self._marks[:, self.selected] & np.uint8(EVENTS)
        ticks = self.film.ticks[0] + 1 + np.flatnonzero(marks)
        there = ticks[ticks > self.tick] if by > 0 else ticks[ticks < self.tick][::-1]
        if not len(there):
            where = "after" if by > 0 else "before"
            raise UsageError(
                f"agent {self.selected} has no event {where} this moment", hint="[ ] goes to another agent"
            )
        return self.go_to(int(there[0]))

    def _tell(self) -> list[str]:
        film = self.film
        told = [each.words for each in self._events if each.tick == self.tick and each.agent in (self.selected, -1)]
        if not told and film.tells_why and self.tick > film.ticks[0]:
            before, after = film.view(self.tick - 1), film.view(self.tick)
            told = [tell_step(before, after, film.rules, film.spec, self.selected, None)]
        return [each[:1].upper() + each[1:] for each in told if each] or [""]

    def close(self) -> None:
        self.film.close()
