"""LiveDesk: what the app does with the wishes of the Live pane. A part of the app's class, in a file of its own.

UI thread. Every wish is one method of the Game or the Session, and what it returns is told in the message line. What
asks a network goes to a worker.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual import work
from textual.timer import Timer

from engine.errors import GridrlError

from .messages import EpisodeSaved, JobRefused, OverlayMade, PlayerFound, PolicyLoaded
from .panes.live import LivePane
from .panes.live.wishes import Wish
from .text import safe_str

if TYPE_CHECKING:
    from textual.app import App
    from textual.binding import Binding

    from .game import Game
    from .overlays import Inquiry
    from .pacing import Pacing
    from .panes.live.overlay import Overlay
    from .reel import Reel
    from .session import Session
    from .tutorial import Standing
    from .widgets.pane_deck import PaneDeck

    class Base(App[int]):
        """What the rest of the app has for this part of it."""

        session: Session | None
        pacing: Pacing
        _live: LivePane
        _deck: PaneDeck
        _tick: Timer | None

        @property
        def _is_ending(self) -> bool: ...
        def _show_subject(self) -> None: ...
        def _live_session(self) -> Session: ...
        def _standing(self) -> Standing | None: ...
        def _learn(self, wish: LivePane.Wished, before: Standing | None) -> None: ...
        def _turn_page(self, by: int) -> None: ...
        def _answer(self, job: Callable[[], Any]) -> None: ...
        def _bindings_of(self, node: Any) -> list[Binding]: ...
else:
    Base = object

ANSWER_STAYS_S = 3.0  # time to read a sentence
Told = list[str] | str | None


class LiveDesk(Base):
    """Everything between the Live pane and the game."""

    def _begin_live(self) -> None:
        self._shown_frame: object = None
        self._answered_at = 0.0  # monotonic seconds
        self._asks_network = False  # whether a worker is asking one now

    # ---- Showing

    def _refresh_live(self) -> None:
        """Show the present moment, and let time's timer run only while something can change by itself."""
        assert self.session is not None
        if self.session.has_demonstrations:
            self._write_demonstrations()
        self._show_subject()
        if self._deck.shows("live"):
            self.session.game.box = self._live.box
            moves = self.pacing.active and (self.session.is_busy or self.session.watching)
            self._live.pace = self.pacing.words if moves else ""
            self._live.show(self.session.scene())
            self._ask_network()
        if self._tick is not None:
            moving = self.session.is_busy or self.session.watching
            (self._tick.resume if moving else self._tick.pause)()

    def _on_tick(self) -> None:
        session = self.session
        if session is None or self._is_ending:
            return
        if session.watching:
            frame = session.watched_frame()
            if frame is not self._shown_frame and self.pacing.may_draw():
                self._shown_frame = frame
                self._refresh_live()
        elif session.is_busy:
            walks = session.game.has_errand
            told = session.advance()
            if walks and told:
                self._tell(told)  # how a way ends is an answer, too
            else:
                self._tell_in_passing(told)
            if self.pacing.may_draw() or not session.is_busy:
                self._refresh_live()

    def _tell(self, sentences: list[str]) -> None:
        """An answer to a key: the last two sentences, which stay for a while even if time flows."""
        if sentences:
            self._live.tell(" ".join(sentences[-2:]))
            self._answered_at = time.monotonic()

    def _tell_in_passing(self, sentences: list[str]) -> None:
        """What happens while time flows: the newest, but never over an answer that was given just now."""
        if sentences and time.monotonic() - self._answered_at >= ANSWER_STAYS_S:
            self._live.tell(sentences[-1])

    def _with_game(self, change: Callable[[Session], Told]) -> None:
        """Apply what a key asked for, tell what came of it, show it."""
        if self.session is None:
            return
        try:
            told = change(self.session)
        except GridrlError as error:
            self._live.tell(str(error), "warning")
            self._answered_at = time.monotonic()
        else:
            if told == []:
                self._live.tell("")  # what was said of another moment
            self._tell([told] if isinstance(told, str) else told or [])
        self._refresh_live()

    # ---- Wishes

    def on_live_pane_wished(self, event: LivePane.Wished) -> None:
        before = self._standing()
        self._answer_wish(event)
        self._learn(event, before)

    def _answer_wish(self, event: LivePane.Wished) -> None:
        if self.session is not None and self.session.reel is not None:
            self._with_game(lambda session: self._grant(session, event))
        elif event.wish is Wish.LESSON:
            self._turn_page(event.by)
        elif event.wish is Wish.POLICY:
            self._choose_policy(event.words)
        elif event.wish is Wish.CHANCES:
            self._show_chances()
        elif event.wish is Wish.SAVE:
            self._save_episode()
        else:
            self._with_game(lambda session: self._grant(session, event))

    def _grant(self, session: Session, event: LivePane.Wished) -> Told:
        if session.reel is not None:
            return _on_film(session, session.reel, event)
        left = session.watching and event.wish in _OF_THE_OWN_GAME
        if left:
            session.watch(False)
        told = _DEEDS[event.wish](session, event)
        if not left:
            return told
        return ["Back to your game.", *([told] if isinstance(told, str) else told or [])]

    # ---- Who plays

    def _choose_policy(self, words: str) -> None:
        session = self.session
        if session is None:
            return
        name = words or session.next_policy()
        if name == "trained" and session.follow_run_policy():
            self._live.tell("The run saves its policy; it plays as soon as it is there, and follows the run.")
        elif name == "trained":
            self._live.tell("Loading the trained policy...")
            self._load_trained()
        elif not words:
            self._with_game(lambda session: session.use_scripted(name))
        else:
            self._live.tell(f"Looking for {safe_str(name, 80)}...")
            self._find_player(words)

    @work(thread=True, exclusive=True, group="policy", exit_on_error=False)
    def _load_trained(self) -> None:
        session = self._live_session()
        self._answer(lambda: PolicyLoaded(session.find_trained()))

    def on_policy_loaded(self, event: PolicyLoaded) -> None:
        def use(session: Session) -> str:
            first = session.game.policy != "trained"
            session.use_trained(event.player)
            return f"{safe_str(session.game.player.name)} plays now." if first else ""

        self._with_game(use)

    @work(thread=True, exclusive=True, group="policy", exit_on_error=False)
    def _find_player(self, words: str) -> None:
        session = self._live_session()
        self._answer(lambda: PlayerFound(*session.find_player(words)))

    def on_player_found(self, event: PlayerFound) -> None:
        self._with_game(lambda session: session.assign(event.player, event.agents, event.notes))

    # ---- Overlays

    def _ask_network(self) -> None:
        """If an overlay of a network is wanted, let a worker ask: one at a time, of the newest moment."""
        if self.session is None or self._asks_network or self.session.watching or self.session.reel is not None:
            return
        inquiry = self.session.game.inquiry()
        if inquiry is not None:
            self._asks_network = True
            self._inquire(inquiry)

    @work(thread=True, group="overlay", exit_on_error=False)
    def _inquire(self, inquiry: Inquiry) -> None:
        answer: Overlay | str
        try:
            answer = inquiry.answer()
        except GridrlError as error:
            answer = f"{inquiry.kind}: {error}"
        except Exception as error:  # noqa: BLE001  the thread's outermost frame: nobody else would tell
            answer = f"{inquiry.kind}: a defect of the program: {type(error).__name__}: {error}"
        self.post_message(OverlayMade(inquiry.ticket, answer))

    def on_overlay_made(self, event: OverlayMade) -> None:
        self._asks_network = False
        if self.session is not None and not self._is_ending:
            self.session.game.answered(event.ticket, event.answer)
            self._refresh_live()

    # ---- More

    @work(thread=True, group="save", exit_on_error=False)  # not exclusive: what is under way must be written
    def _write_demonstrations(self) -> None:
        session = self._live_session()
        try:
            session.write_demonstrations()
        except GridrlError as error:
            self.post_message(JobRefused(error))

    def _show_chances(self) -> None:
        from .widgets.chances_screen import ChancesScreen  # deferred: seldom asked for

        session = self.session
        if session is None or len(self.screen_stack) > 1:
            return
        keys = {str(each.id): each.key for each in self._bindings_of(self._live)}
        self.push_screen(ChancesScreen(session.game.chances(keys), session.play.selected), self._chosen_chance)

    def _chosen_chance(self, action: str | None) -> None:
        if action:
            self._with_game(lambda session: session.game.act(action) or [""])

    def _save_episode(self) -> None:
        session = self.session
        if session is not None:
            recording, _ = session.play.recording()
            self._write_episode(recording)

    @work(thread=True, group="save", exit_on_error=False)
    def _write_episode(self, recording: Any) -> None:
        session = self._live_session()
        self._answer(lambda: EpisodeSaved(session.save_episode(recording)))

    def on_episode_saved(self, event: EpisodeSaved) -> None:
        self._tell([f"Saved {safe_str(str(event.path), 300)}: gridrl replay shows it again."])


def _on_film(session: Session, reel: Reel, event: LivePane.Wished) -> Told:
    """What can be asked of a film."""
    match event.wish:
        case Wish.PLAY:
            reel.set_playing(not reel.playing)
        case Wish.STEP | Wish.SCRUB:
            return reel.move(event.by)
        case Wish.JUMP:
            return reel.jump(event.by)
        case Wish.GO_TO:
            return reel.go_to(event.by)
        case Wish.BEGINNING:
            return reel.go_to(reel.film.ticks[0])
        case Wish.END:
            return reel.go_to(reel.film.ticks[-1])
        case Wish.SPEED:
            told = session.game.change_speed(event.by)
            reel.pacer.rate = session.game.pacer.rate
            return told
        case Wish.AGENT:
            reel.selected = event.by
        case Wish.CURSOR:
            reel.cursor = event.cell
        case Wish.STOP:
            reel.playing = False
        case Wish.RESTART:
            session.close_film()
            return "Back to your game."
        case Wish.OVERLAY:
            return reel.next_overlay(event.by)
        case Wish.EXPLAIN:
            _set_explaining(session, event)
        case _:
            return "This is a film: it can be looked at, not played. R goes to your game."
    return None


def _set_watch(session: Session, _: LivePane.Wished) -> str:
    session.watch(not session.watching)
    return "Watching the training run's own agents; w goes back." if session.watching else "Back to your game."


def _set_window(session: Session, event: LivePane.Wished) -> str:
    session.game.observing = bool(event.by)
    return "Beside the map: what this agent observes, read from its observation." if event.by else ""


def _set_explaining(session: Session, event: LivePane.Wished) -> None:
    session.game.explaining = bool(event.by)


def _set_fog(session: Session, _: LivePane.Wished) -> str:
    session.game.fog = not session.game.fog
    return "Fog: only what this agent sees, and dimly what lay in its window." if session.game.fog else "No fog."


def _set_cursor(session: Session, event: LivePane.Wished) -> None:
    session.game.cursor = event.cell


def _on_game(deed: Callable[[Game, LivePane.Wished], Told]) -> Callable[[Session, LivePane.Wished], Told]:
    return lambda session, event: deed(session.game, event)


_DEEDS: dict[Wish, Callable[[Session, LivePane.Wished], Told]] = {
    Wish.ACT: _on_game(lambda game, event: game.act(event.words) or [""]),
    Wish.REPEAT: _on_game(lambda game, event: game.repeat(event.words, event.by)),
    Wish.TRAVEL: _on_game(lambda game, event: game.travel(event.cell or (0, 0))),
    Wish.PLAY: _on_game(lambda game, event: game.set_playing(not game.playing)),
    Wish.STEP: _on_game(lambda game, event: game.move(event.by) or [""]),
    Wish.SCRUB: _on_game(lambda game, event: game.go_to(game.play.tick + event.by)),
    Wish.JUMP: _on_game(lambda game, event: game.jump(event.by)),
    Wish.GO_TO: _on_game(lambda game, event: game.go_to(event.by + (game.play.episode_start if event.words else 0))),
    Wish.BEGINNING: _on_game(lambda game, event: game.go_to(game.play.history.first)),
    Wish.END: _on_game(lambda game, event: game.go_to(game.play.cursor.end)),
    Wish.BRANCH: _on_game(lambda game, event: game.branch_here()),
    Wish.NEXT_BRANCH: _on_game(lambda game, event: game.next_branch()),
    Wish.DROP_BRANCH: _on_game(lambda game, event: game.drop_branch()),
    Wish.COMPARE: _on_game(lambda game, event: game.compare()),
    Wish.SPEED: _on_game(lambda game, event: game.change_speed(event.by)),
    Wish.AGENT: _on_game(lambda game, event: game.choose_agent(event.by)),
    Wish.PERSON: _on_game(lambda game, event: game.toggle_person()),
    Wish.ADD_PERSON: _on_game(lambda game, event: game.add_person()),
    Wish.OVERLAY: _on_game(lambda game, event: game.next_overlay(event.by)),
    Wish.FOG: _set_fog,
    Wish.WINDOW: _set_window,
    Wish.EXPLAIN: _set_explaining,
    Wish.CURSOR: _set_cursor,
    Wish.STOP: _on_game(lambda game, event: game.leave()),
    Wish.WATCH: _set_watch,
    Wish.RESTART: _on_game(lambda game, event: game.restart()),
}

_OF_THE_OWN_GAME = frozenset(_DEEDS) - {
    Wish.AGENT,
    Wish.WATCH,
    Wish.SPEED,
    Wish.CURSOR,
    Wish.WINDOW,
    Wish.EXPLAIN,
    Wish.FOG,
    Wish.STOP,
}
"""What brings one back from a run that is watched: nothing of it can be done there."""
