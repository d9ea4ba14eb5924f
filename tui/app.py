"""The composition root: panes, global keys, and the routing between panes and the Session. It stays small.

The first frame shows the Live pane and nothing heavier than Textual; the Session (numpy, the simulator) and
the other panes follow it. Work that blocks runs in thread workers that answer with messages.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.events import Resize
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static
from textual.worker import get_current_worker

from engine.errors import ConfigError, GridrlError, QueryError, UsageError

from .commands import PaneCommands
from .lesson_desk import LessonDesk
from .live_desk import LiveDesk
from .messages import (
    GameMade,
    JobRefused,
    LaunchExamined,
    LaunchOpened,
    QueryAnswered,
    RunHandedOver,
    RunOpened,
    RunsListed,
    RunStarted,
    SettingsUnsaved,
    TablesListed,
)
from .pacing import Pacing, is_remote
from .panes.live import LivePane
from .settings import EVERYWHERE, BoundKeys, Loaded, SettingsFile
from .text import safe, safe_str
from .themes import register, theme_for
from .tutorial import Event as Lesson
from .widgets.confirm_screen import ConfirmScreen
from .widgets.help_screen import HelpScreen, key_name
from .widgets.key_line import KeyLine
from .widgets.pane_deck import PaneDeck
from .widgets.status_bar import PANES, StatusBar

if TYPE_CHECKING:
    from textual.driver import Driver

    from engine.recipes import RecipeConfig
    from engine.runs import Command

    from .launch import Launch
    from .panes.console import ConsolePane
    from .panes.editor import EditorPane, MapPlayRequested, MapTrainRequested
    from .panes.monitor import MonitorPane
    from .session import Session
    from .widgets.launch_screen import LaunchScreen
    from .widgets.settings_screen import SettingsScreen
    from .widgets.sprite_map import Graphics

STYLES = Path(__file__).parent / "styles"
NEWS_PERIOD_S = 0.1  # what another process trains is on the screen a tenth of a second after it came
OWN_NEWS_PERIOD_S = 0.25  # each look takes time from a trainer in this process
LEAST_SIZE = (60, 20)


class GridrlApp(LiveDesk, LessonDesk, App[int]):
    """Four panes on one session."""

    TITLE = "gridrl-tui"
    CSS_PATH = [
        STYLES / f"{name}.tcss" for name in ("base", "app", "form", "settings", "live", "monitor", "editor", "console")
    ]
    COMMANDS = App.COMMANDS | {PaneCommands}
    ENABLE_COMMAND_PALETTE = True
    BINDINGS = [
        Binding("f1,question_mark", "help", "help", id="app.help", key_display="?", tooltip="Keys of this pane"),
        *(
            Binding(
                f"f{n + 1},alt+{n},{n}", f"pane('{pane}')", word, id=f"app.{pane}", show=False, tooltip=f"Go to {word}"
            )
            for n, (pane, word) in enumerate(PANES, start=1)
        ),
        Binding("f8", "settings", "settings", id="app.settings", show=False, tooltip="Settings of the app"),
        Binding("ctrl+q", "leave", "quit", id="app.quit", show=False, priority=True, tooltip="Quit"),
        Binding("ctrl+c", "leave", "quit", id="app.interrupt", show=False, tooltip="Quit"),
        Binding("ctrl+z", "suspend_process", "suspend", id="app.suspend", show=False, tooltip="Suspend; fg returns"),
    ]

    def __init__(
        self,
        open_session: Callable[[float], Session],
        driver_class: type[Driver] | None = None,
        settings: SettingsFile | None = None,
        *,
        attached: str | None = None,
    ) -> None:
        """Prepare the app.

        Args:
            open_session: makes the Session for a frame rate; called after the first frame, because it is heavy.
            driver_class: how the terminal is spoken to; Textual's choice by default.
            settings: those of the user; without them the defaults count, and none is kept.
            attached: a run to be shown from the beginning.
        """
        super().__init__(driver_class=driver_class)
        self.pacing = Pacing(is_remote(os.environ))
        self.graphics: Graphics | None = None
        """What the terminal can show beside characters; asked before the app runs, if sprites are wanted."""
        self._open_session = open_session
        self._attached = attached
        self.settings = settings or SettingsFile(Loaded(None, refusal="there is no file for it"))
        self._told_unsaved = False
        self.session: Session | None = None
        self._panes: dict[str, Widget] = {}
        self._tick: Timer | None = None
        self._wanted = ""
        self._was_small = False
        self._begin_live()
        self._news_due = 0.0  # monotonic seconds
        self._cancelled = Event()  # of the query asked last
        self.detaches = False
        """Whether the run goes on in a process of its own when the app has ended."""
        self.failure: Exception | None = None
        """What ended the app, if it was a defect: whoever started it reports, once the terminal is restored."""
        self.refusal: GridrlError | None = None
        """Why there is nothing to show: a recipe or a map that cannot be opened. Reported in the same way."""

    def _handle_exception(self, error: Exception) -> None:
        # Textual's own would print the traceback over the restored terminal. Private, but the only hook there is;
        # a test holds us to it.
        self.failure = self.failure or error
        self._return_code = 1
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._close_messages_no_wait()

    # ---- Opening

    def compose(self) -> ComposeResult:
        yield StatusBar()
        yield PaneDeck(LivePane(id="live"), pair=("live", "monitor"))
        yield Static(id="too-small", markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        register(self, os.environ, self.settings.loaded.settings.theme)
        self.settings.bound = [*_bound(self, EVERYWHERE), *_bound(self.query_one(LivePane), "live")]
        self._live = self._panes["live"] = self.query_one(LivePane)
        self._bar, self._deck = self.query_one(StatusBar), self.query_one(PaneDeck)
        self._apply_settings()
        self._live.focus_map()
        self.call_after_refresh(self._begin)

    async def _begin(self) -> None:
        """After the first frame: the session, then the other panes, each with a chance to draw in between."""
        try:
            self.session = self._open_session(self._fps)
            self.session.game.pacer.rate = self.settings.loaded.settings.steps_per_second
            self.session.game.explaining = self._live.explains
        except GridrlError as error:
            self.refusal = error
            self.exit(error.exit_code, error.exit_code)
            return
        self._show_subject()
        self._refresh_live()
        if self.graphics is not None and self.graphics.words:
            self._note(self.graphics.words)
        if self.session.remote is None and self._attached is None:
            self._live.tell(self.session.greeting or _WELCOME)
        self._tick = self.set_interval(1 / self._fps, self._on_tick, pause=True)
        self._begin_lessons()
        self.call_after_refresh(self._add_panes)

    async def _add_panes(self) -> None:
        from .panes.console import ConsolePane  # deferred: after the first frame
        from .panes.editor import EditorPane
        from .panes.monitor import MonitorPane

        assert self.session is not None
        for pane in (MonitorPane(id="monitor"), EditorPane(id="editor"), ConsolePane(id="console")):
            if self._is_ending:  # the user left before the last pane came: the deck is going, or gone
                return
            await self._deck.add(pane)
            self._panes[str(pane.id)] = pane
        editor = self._panes["editor"]
        assert isinstance(editor, EditorPane)
        editor.rules = self.session.config.rules
        editor.set_map(self.session.map)
        self.set_interval(NEWS_PERIOD_S, self._on_news)
        self._bind_all()
        if self._wanted:
            self.action_pane(self._wanted)
        if self._attached is not None:
            self._open_run(self._attached)
        self.call_after_refresh(_wake_collector)

    def on_resize(self, event: Resize) -> None:
        width, height = event.size
        small = width < LEAST_SIZE[0] or height < LEAST_SIZE[1]
        for screen in self.screen_stack:  # the one below a question as well: it is on top again before the next resize
            screen.set_class(small, "-too-small")
        if not small and self._was_small and len(self.screen_stack) == 1:
            self.call_after_refresh(self.action_pane, self._bar.pane)  # what was hidden has lost the keys
        self._was_small = small
        if small:
            words = f"gridrl-tui needs {LEAST_SIZE[0]}x{LEAST_SIZE[1]} cells, this terminal has {width}x{height}"
            self.query_one("#too-small", Static).update(words)

    # ---- Panes and help

    def action_pane(self, name: str) -> None:
        pane = self._panes.get(name)
        self._wanted = name if pane is None else ""  # pressed before the panes are there: goes there then
        if pane is None or len(self.screen_stack) > 1:
            return
        self._deck.front = name
        if name == "live":
            self._live.focus_map()
        elif name == "editor":
            self._editor.focus()
        elif name == "console":
            self._console.focus_editor()
            self._list_tables()
        else:
            self._monitor.take_focus()

    def on_pane_deck_front_changed(self, event: PaneDeck.FrontChanged) -> None:
        self._bar.pane = event.pane
        if event.pane == "monitor":
            self._saw({Lesson.SAW_TRAIN_PANE})
        if self.session is not None:
            self._refresh_live()

    @property
    def _editor(self) -> EditorPane:
        return self._panes["editor"]  # type: ignore[return-value]

    @property
    def _console(self) -> ConsolePane:
        return self._panes["console"]  # type: ignore[return-value]

    @property
    def _monitor(self) -> MonitorPane:
        return self._panes["monitor"]  # type: ignore[return-value]

    def pane_bindings(self) -> list[tuple[str, Widget, list[Binding]]]:
        """Every pane with its word and its bindings, for the palette."""
        return [
            (word, self._panes[pane], self._bindings_of(self._panes[pane]))
            for pane, word in PANES
            if pane in self._panes
        ]

    def action_help(self) -> None:
        if isinstance(self.screen, HelpScreen):
            return
        pane = self._panes[self._bar.pane]
        about = str(getattr(pane, "HELP", None) or "")
        word = dict(PANES)[self._bar.pane]
        sections = [
            (f"keys of {word}", self._bindings_of(pane)),
            ("keys everywhere", [*self._bindings_of(self), *_BUILT_IN]),
        ]
        self.push_screen(HelpScreen(about, sections))

    def _bindings_of(self, node: Any) -> list[Binding]:
        """A widget's own bindings, with the keys that the user chose."""
        keymap = self.settings.keymap
        return [replace(each, key=keymap.get(str(each.id), each.key)) for each in _own_bindings(node)]

    # ---- Settings

    @property
    def _fps(self) -> float:
        chosen = self.settings.loaded.settings
        return chosen.ssh_fps if "SSH_CONNECTION" in os.environ else chosen.fps

    def _bind_all(self) -> None:
        """With every pane loaded all chosen keys can be checked; says once what is wrong with the settings."""
        from .keymap import bound_keys  # deferred: it loads every pane

        self.settings.bound = bound_keys(type(self))
        self.set_keymap(self.settings.textual_keymap)
        faults = self.settings.faults
        if faults:
            more = f" and {len(faults) - 1} more; {self._key_of('app.settings')} shows them" if faults[1:] else ""
            self._note(f"Settings: {faults[0]}{more}")

    def _apply_settings(self) -> None:
        """Let the settings count: colours, keys, characters, layout, pictures a second."""
        chosen = self.settings.loaded.settings
        self.theme = theme_for(chosen.theme, os.environ)
        self.set_keymap(self.settings.textual_keymap)
        self._live.glyphs = chosen.glyphs
        self._live.glyph_theme, self._live.palette = chosen.glyph_theme, chosen.palette
        self._live.has_pixels = bool(self.graphics)
        wide_from = chosen.side_by_side_from if chosen.side_by_side == "auto" else None
        self._deck.lay_out(wide_from=wide_from, first_share=chosen.live_share)
        if self.session is not None and self._tick is not None:
            self.session.set_fps(self._fps)
            self._tick.stop()
            self._tick = self.set_interval(1 / self._fps, self._on_tick, pause=True)
            self._refresh_live()

    def _key_of(self, binding: str) -> str:
        """The first key of one of the app's own bindings."""
        keys = next(each.key for each in self._bindings_of(self) if each.id == binding)
        return key_name(keys.split(",")[0])

    def action_settings(self) -> None:
        from .widgets.settings_screen import SettingsScreen  # deferred: it is seldom asked for

        if len(self.screen_stack) == 1:
            self.push_screen(SettingsScreen(self.settings))

    def on_settings_screen_changed(self, event: SettingsScreen.Changed) -> None:
        from .widgets.settings_screen import SettingsScreen

        fault = ""
        try:
            self.settings.change(event.key, event.text)
        except ConfigError as error:
            fault = str(error)
        else:
            self._apply_settings()
            if self.session is not None and event.key == "rates.steps_per_second":
                self.session.game.pacer.rate = self.settings.loaded.settings.steps_per_second
            self._save_settings()
        if isinstance(self.screen, SettingsScreen):
            self.screen.show(event.key, fault)

    @work(thread=True, group="settings", exit_on_error=False)  # not exclusive: what is under way must be written
    def _save_settings(self) -> None:
        try:
            self.settings.flush()
        except GridrlError as error:
            self.post_message(SettingsUnsaved(error))

    def on_settings_unsaved(self, event: SettingsUnsaved) -> None:
        if not self._told_unsaved:
            self._told_unsaved = True
            self._note(f"{event.error}; the settings count until you leave")

    def _note(self, words: str) -> None:
        self.notify(safe_str(words, 300), severity="warning", markup=False, timeout=8)

    # ---- Leaving

    def action_leave(self) -> None:
        """Quit; asks first if a run in this process would stop, or a drawing would be lost."""
        losses = self._losses()
        if not losses or isinstance(self.screen, ConfirmScreen):
            self.exit(0)
            return
        trains = self.session is not None and self.session.is_training
        question = ConfirmScreen(safe(" ".join(losses)), "quit", "stay", "quit, and let it train on" if trains else "")
        self.push_screen(question, self._left)

    def _left(self, answer: str | None) -> None:
        self.detaches = answer == "other"
        if answer in ("yes", "other"):
            self.exit(0)

    def _losses(self) -> list[str]:
        losses = []
        if self.session is not None and self.session.is_training and self.session.own_run is not None:
            losses.append(f"Training {self.session.own_run.run_id} is under way; quitting stops it with a checkpoint.")
        if "editor" in self._panes and self._editor.is_dirty:
            losses.append("The map has changes that no file has.")
        return losses

    @property
    def _is_ending(self) -> bool:
        """Whether the widgets may be gone already, though a timer or a worker still calls."""
        return self._exit or not self.is_running

    # ---- Maps

    def on_live_pane_edit_requested(self) -> None:
        session = self.session
        is_free = session is not None and "editor" in self._panes and not self._editor.is_dirty
        if session is not None and is_free and self._editor.map != session.map:
            self._editor.set_map(session.map)  # a game of several maps has gone on to another one
        self.action_pane("editor")

    def on_map_play_requested(self, event: MapPlayRequested) -> None:
        if self._change_map(event.map):
            self.action_pane("live")

    def on_map_train_requested(self, event: MapTrainRequested) -> None:
        session = self.session
        if session is not None and session.is_training and session.own_run is not None:
            words = f"{session.own_run.run_id} is training on the map it started with"
            self._refuse(UsageError(words, hint="stop it first: F3, then s"))
        elif self._change_map(event.map):
            self._start_training()

    def _change_map(self, grid_map: Any) -> bool:
        assert self.session is not None
        try:
            self.session.set_map(grid_map)
        except GridrlError as error:
            self._refuse(error)
            return False
        self._refresh_live()
        return True

    def _show_subject(self) -> None:
        assert self.session is not None
        if self.session.reel is not None:
            height, width = self.session.reel.view.cells.shape
            self._bar.subject, self._bar.map_size = safe_str(self.session.reel.film.name, 60), f"{width}x{height}"
            return
        game, grid_map = self.session.config.rules.name, self.session.map
        self._bar.subject = f"{game}/{grid_map.name.removeprefix(game + '_')}"
        self._bar.map_size = grid_map.size

    # ---- Runs

    def on_live_pane_train_requested(self) -> None:
        self._start_training()

    def on_monitor_pane_train_requested(self) -> None:
        self._start_training()

    def on_live_pane_launch_requested(self) -> None:
        self._open_launch()

    def on_monitor_pane_launch_requested(self) -> None:
        self._open_launch()

    @work(thread=True, exclusive=True, group="launch", exit_on_error=False)
    def _open_launch(self) -> None:
        from .launch import examined, recipe_names  # deferred: the resolver's pages load when they are asked for

        session = self._live_session()
        self._answer(lambda: LaunchOpened(examined(session.draft or session.launch()), recipe_names()))

    def on_launch_opened(self, event: LaunchOpened) -> None:
        from .launch import preset_names
        from .widgets.launch_screen import LaunchScreen

        if self._is_ending or len(self.screen_stack) > 1:
            return
        self.push_screen(LaunchScreen(event.examined, event.recipes, preset_names()), self._keep_draft)

    def _keep_draft(self, launch: Launch | None) -> None:
        """The user has left the form without a run: the next look at it goes on from there."""
        if self.session is not None:
            self.session.draft = launch

    @work(thread=True, exclusive=True, group="launch", exit_on_error=False)
    def on_launch_screen_edited(self, event: LaunchScreen.Edited) -> None:
        from .launch import examined

        self._answer(lambda: LaunchExamined(examined(event.launch)))

    def on_launch_examined(self, event: LaunchExamined) -> None:
        from .widgets.launch_screen import LaunchScreen

        if isinstance(self.screen, LaunchScreen):
            self.screen.show(event.examined)

    def on_launch_screen_start_pressed(self, event: LaunchScreen.StartPressed) -> None:
        assert self.session is not None
        config, recipe = event.examined.config, event.examined.launch.recipe
        if config is None:
            return
        if self.session.is_training:
            self._note("a run is under way already (stop it first: F3, then s)")
            return
        self.pop_screen()
        self.session.draft = None
        if (recipe, config) == (self.session.recipe, self.session.config):
            self._start_training()
        else:
            self._make_game(recipe, config)

    @work(thread=True, exclusive=True, group="launch", exit_on_error=False)
    def _make_game(self, recipe: str, config: RecipeConfig) -> None:
        from engine.recipes import maps_of

        self._answer(lambda: GameMade(recipe, config, maps_of(config)))

    def on_game_made(self, event: GameMade) -> None:
        """Go on with another recipe or other settings, in every pane, and train."""
        if self.session is None or self._is_ending:
            return
        try:
            self.session.open(event.recipe, event.config, event.maps)
        except GridrlError as error:
            self._refuse(error)
            return
        self._show_map()
        self._refresh_live()
        self._start_training()

    def _show_map(self) -> None:
        """Another game: the editor goes along, unless it holds a drawing."""
        assert self.session is not None
        if "editor" not in self._panes:
            return
        self._editor.rules = self.session.config.rules
        if not self._editor.is_dirty:
            self._editor.set_map(self.session.map)

    def _start_training(self) -> None:
        if self.session is None or "monitor" not in self._panes:
            return
        if self.session.is_training:
            self.action_pane("monitor")
            return
        self._start_run()

    @work(thread=True, group="run", exit_on_error=False)  # not exclusive: the session refuses a second one in words
    def _start_run(self) -> None:
        session = self._live_session()
        self._answer(lambda: RunStarted(session.start_run()))

    def on_run_started(self, event: RunStarted) -> None:
        if self.session is None or self._is_ending:
            return
        self.session.adopt_run(event.run)
        self._saw({Lesson.BEGAN_TRAINING})
        self._show_run(event.run.run_id)

    def on_monitor_pane_detach_requested(self) -> None:
        session = self._live_session()
        if session.run is session.own_run:
            self._monitor.say("The run moves to a process of its own, with a checkpoint...")
            self._hand_over()
        elif session.run is not None:
            self._monitor.say(safe_str(f"{session.run.run_id} is another process's: quitting leaves it alone", 200))

    @work(thread=True, group="run", exit_on_error=False)  # not exclusive, as _start_run
    def _hand_over(self) -> None:
        session = self._live_session()
        self._answer(lambda: RunHandedOver(*session.hand_over()))

    def on_run_handed_over(self, event: RunHandedOver) -> None:
        if self.session is None:
            return
        self.session.let_go(event.run, event.game)
        self._show_run(event.run.run_id)
        self._monitor.say(safe_str(f"{event.run.run_id} trains in a process of its own; quitting leaves it alone", 200))

    def _show_run(self, run_id: str) -> None:
        self._bar.run_id = run_id
        self._monitor.reset(run_id)
        self._news_due = 0.0
        self._on_news()
        if not self._deck.shows("monitor"):
            self.action_pane("monitor")

    def _on_news(self) -> None:
        """A few times a second: what the watched run has logged goes to the monitor and to the status line."""
        session = self.session
        if session is None or self._is_ending or time.monotonic() < self._news_due:
            return
        news = session.news()
        if news is None:
            return
        own = session.run is session.own_run
        self._news_due = time.monotonic() + (OWN_NEWS_PERIOD_S - NEWS_PERIOD_S / 2 if own else 0.0)
        self._bar.status, self._bar.link = news.status, news.link
        if news.events:
            self._monitor.append(news.events)
        self._monitor.show_status(news.status)
        if session.watched_is_over:
            session.watch(False)
            self._refresh_live()
        if session.has_fresh_policy():
            self._load_trained()

    def _command(self, command: Command) -> None:
        assert self.session is not None
        try:
            self.session.send(command)
        except GridrlError as error:
            self._refuse(error)

    def on_monitor_pane_pause_requested(self) -> None:
        from engine.runs import Pause

        self._command(Pause())

    def on_monitor_pane_resume_requested(self) -> None:
        from engine.runs import Resume

        self._command(Resume())

    def on_monitor_pane_stop_requested(self) -> None:
        from engine.runs import Stop

        self._command(Stop())

    def on_monitor_pane_continue_requested(self, event: MonitorPane.ContinueRequested) -> None:
        self._continue_run(event.run_id)

    @work(thread=True, group="run", exit_on_error=False)  # not exclusive, as _start_run
    def _continue_run(self, run_id: str) -> None:
        session = self._live_session()
        self._answer(lambda: RunStarted(session.continue_run(run_id)))

    def on_monitor_pane_checkpoint_requested(self) -> None:
        from engine.runs import Checkpoint

        self._command(Checkpoint())

    def on_monitor_pane_hyper_change_requested(self, event: MonitorPane.HyperChangeRequested) -> None:
        from engine.runs import SetHyper

        self._command(SetHyper(event.name, event.value))

    @work(thread=True, exclusive=True, group="runs", exit_on_error=False)
    def on_monitor_pane_runs_requested(self) -> None:
        session = self._live_session()
        self._answer(lambda: RunsListed(session.past_runs()))

    def on_runs_listed(self, event: RunsListed) -> None:
        self._monitor.set_runs(event.runs)

    def on_monitor_pane_run_chosen(self, event: MonitorPane.RunChosen) -> None:
        self._open_run(event.run_id)

    @work(thread=True, exclusive=True, group="open", exit_on_error=False)
    def _open_run(self, run_id: str) -> None:
        session = self._live_session()
        self._answer(lambda: RunOpened(*session.open_run(run_id)))

    def on_run_opened(self, event: RunOpened) -> None:
        assert self.session is not None
        self.session.watch_run(event.run, event.game)
        self._show_run(event.run.run_id)
        if event.run.run_id == self._attached and self.session.can_watch:
            self._with_game(lambda session: session.watch(True))
            self._refresh_live()

    # ---- Questions

    def on_console_pane_query_submitted(self, event: ConsolePane.QuerySubmitted) -> None:
        self._console.query_started(event.ticket)
        self._cancelled = Event()
        self._ask(event.sql, event.ticket, self._cancelled)

    @work(thread=True, exclusive=True, group="query", exit_on_error=False)
    def _ask(self, sql: str, ticket: int, cancelled: Event) -> None:
        session = self._live_session()
        try:
            answer = QueryAnswered(ticket, session.ask(sql, cancelled), None)
        except QueryError as error:
            answer = QueryAnswered(ticket, None, error)
        except GridrlError as error:
            answer = QueryAnswered(ticket, None, QueryError(error.message, hint=error.hint))
        self.post_message(answer)
        self._answer(lambda: TablesListed(session.tables()))

    def on_query_answered(self, event: QueryAnswered) -> None:
        if event.result is not None:
            self._console.show_result(event.ticket, event.result)
        elif event.error is not None:
            self._console.show_error(event.ticket, event.error)

    def on_console_pane_query_cancel_requested(self) -> None:
        self._cancelled.set()
        if self.session is not None:
            self.session.query.cancel()

    @work(thread=True, exclusive=True, group="tables", exit_on_error=False)
    def _list_tables(self) -> None:
        session = self._live_session()
        self._answer(lambda: TablesListed(session.tables()))

    def on_tables_listed(self, event: TablesListed) -> None:
        self._console.set_tables(event.tables)

    # ---- Workers

    def _live_session(self) -> Session:
        if self.session is None:
            raise UsageError("there is no session yet")
        return self.session

    def _answer(self, job: Callable[[], Any]) -> None:
        """On a worker: do the job and post the message it makes, or what was wrong in the user's words."""
        try:
            message = job()
        except GridrlError as error:
            message = JobRefused(error)
        except Exception as error:  # noqa: BLE001  the thread's outermost frame: nobody else would tell
            message = JobRefused(GridrlError(f"a defect of the program: {type(error).__name__}: {error}"))
        if not get_current_worker().is_cancelled:
            self.post_message(message)

    def on_job_refused(self, event: JobRefused) -> None:
        self._refuse(event.error)

    def _refuse(self, error: GridrlError) -> None:
        """Say what cannot be done where the user looks: in Live's message line, elsewhere as a note."""
        if self._deck.shows("live"):
            self._live.tell(str(error), "warning")
            self._answered_at = time.monotonic()
        else:
            self.notify(safe_str(str(error)), severity="warning", markup=False, timeout=8)


def _wake_collector() -> None:
    """What is loaded by now stays until the end: a full collection over it would hold a key up for 80 ms."""
    if gc.isenabled():
        return  # not opened by the command line: a test has other things in this process
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)  # rarer: a drawn frame leaves a thousand objects behind, and hardly a cycle
    gc.enable()


_WELCOME = "Walk with the arrows or hjkl. Space lets the agents play, t trains them, ? lists all keys."

_BUILT_IN = [
    Binding("ctrl+p", "command_palette", "palette", tooltip="Find any action by name"),
]


def _own_bindings(node: Any) -> list[Binding]:
    """A widget's own bindings, in the order they were written, with all their keys."""
    return [binding for binding in node.BINDINGS if isinstance(binding, Binding)]


def _bound(node: Any, place: str) -> list[BoundKeys]:
    return [BoundKeys(str(each.id), each.key, each.tooltip, place) for each in _own_bindings(node)]
