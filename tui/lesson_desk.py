"""LessonDesk: the tutorial in the app: what was done goes to it, and what it says is shown. A part of the app's class.

UI thread; the rooms are made by a worker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual import work

from .messages import RoomMade
from .tutorial import RECIPE, Event, Room, Standing, Tutorial, events_of_step, events_of_wish
from .widgets.help_screen import key_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from textual.app import App
    from textual.binding import Binding

    from .panes.live import LivePane
    from .session import Session

    class Base(App[int]):
        """What the rest of the app has for this part of it."""

        session: Session | None
        _live: LivePane

        def _answer(self, job: Callable[[], Any]) -> None: ...
        def _bindings_of(self, node: Any) -> list[Binding]: ...
        def _refresh_live(self) -> None: ...
        def _show_map(self) -> None: ...
else:
    Base = object


class LessonDesk(Base):
    """Everything between the tutorial and the rest."""

    tutorial: Tutorial | None = None
    _room: Room = "walk"

    def _begin_lessons(self) -> None:
        """If it is the tutorial that was opened, begin it."""
        if self.session is not None and self.session.recipe == RECIPE:
            self.tutorial = Tutorial(self._key_names())
            self._show_lesson()

    def _key_names(self) -> Mapping[str, str]:
        bindings = [*self._bindings_of(self), *self._bindings_of(self._live)]
        return {str(each.id): key_name(each.key.split(",")[0]) for each in bindings}

    def _show_lesson(self, praise: str = "") -> None:
        if self.tutorial is not None:
            self._live.show_lesson("\n".join(words for words in (praise, self.tutorial.words) if words))

    def _standing(self) -> Standing | None:
        """The game before a key counts; None where nobody learns."""
        if self.tutorial is None or self.tutorial.over or self.session is None:
            return None
        play = self.session.play
        return Standing(play.tick, play.branch, len(play.history.branches), frozenset(play.held))

    def _learn(self, wish: LivePane.Wished, before: Standing | None) -> None:
        """What a key came to is a step of the lesson, perhaps."""
        after, session = self._standing(), self.session
        if before is None or after is None or session is None:
            return
        events = events_of_wish(wish.wish, wish.by, before, after, playing=session.game.playing)
        play = session.play
        if after.tick > before.tick and play.person is not None:
            ended = play.ended is not None and play.ended.terminated
            events |= events_of_step(play.before, play.view, play.person, terminated=ended)
        if session.watching:
            events.add(Event.WATCHED_RUN)
        self._saw(events)

    def _saw(self, events: Iterable[Event]) -> None:
        if self.tutorial is None or self.tutorial.over:
            return
        praise = self.tutorial.saw(events)
        if praise or events:
            self._show_lesson(praise)
        self._go_to_room()

    def _turn_page(self, by: int) -> None:
        """To the next lesson, or the one before."""
        if self.tutorial is None:
            self._live.tell("There is no tutorial here: gridrl-tui tutorial opens it.")
            return
        (self.tutorial.next if by > 0 else self.tutorial.back)()
        self._show_lesson()
        self._go_to_room()

    def _go_to_room(self) -> None:
        """Each lesson has its room."""
        if self.tutorial is None or self.tutorial.over or self.tutorial.lesson.room == self._room:
            return
        self._room = self.tutorial.lesson.room
        self._make_room(self._room)

    @work(thread=True, exclusive=True, group="room", exit_on_error=False)
    def _make_room(self, room: Room) -> None:
        from engine.recipes import maps_of, resolve  # deferred: the resolver's pages load when they are asked for

        def made() -> RoomMade:
            config = resolve(RECIPE, [f"room={room}"])
            return RoomMade(config, maps_of(config))

        self._answer(made)

    def on_room_made(self, event: RoomMade) -> None:
        if self.session is not None:
            self.session.open(RECIPE, event.config, event.maps)
            self._show_map()
            self._refresh_live()
