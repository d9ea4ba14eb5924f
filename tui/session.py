"""The only place where the screen meets the engine: the game being played, the run being watched, the SQL session.

Owned by the app. Methods marked "worker" block and belong on a worker thread; all others are for the UI
thread and return at once. Nothing here touches a widget.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event as ThreadEvent
from threading import Lock
from typing import TYPE_CHECKING

from engine.errors import GridrlError, QueryCancelled, RecordingError, RunError, UsageError
from engine.maps import GridMap, map_of
from engine.policies.cast import Cast
from engine.policies.registry import Policy, create_policy
from engine.recipes import RecipeConfig, maps_of, prepare_run
from engine.recipes.resume import recorded_config, recorded_maps, resume_run
from engine.runs import (
    AttachedRun,
    Command,
    Event,
    Frame,
    RunDirectory,
    RunHandle,
    RunInfo,
    RunState,
    RunStatus,
    SharePolicy,
    Unwatch,
    Watch,
    compaction,
    list_runs,
)
from engine.runs.log import part_numbers
from engine.runs.records import Link
from engine.runs.remote import RemoteRun
from engine.sim import FIRST_KIND, EnvView, Recording, Rules, Spec
from engine.stats import QuerySession, Result, TableInfo
from tui.panes.live.pane import POLICY_NAMES
from tui.panes.live.scene import Scene

from .game import Game, agents_of, chosen_policy
from .launch import Launch, launch_of
from .play import Play
from .reel import Reel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.replays.film import Film
    from engine.tools.runner import Runner
    from engine.training.local import LocalRun

FRESH_POLICY_S = 5.0  # how often a trained policy on screen catches up with the run that trains it
WATCH_FPS = 15.0  # pictures a second from a training run: each costs it a copy of one env


@dataclass(frozen=True)
class RunNews:
    """What came from the watched run since the last look."""

    status: RunStatus
    events: Sequence[Event]
    link: Link | None
    """Of a run on another machine."""


@dataclass(frozen=True)
class RunGame:
    """What a run plays: enough to name what its pictures show."""

    rules: Rules
    maps: tuple[GridMap, ...]


class Session:
    """The game, the run and the questions of one sitting. `close` ends what is under way."""

    def __init__(
        self, recipe: str, config: RecipeConfig, root: Path, *, fps: float, remote: RemoteRun | None = None
    ) -> None:
        """Open a game.

        Args:
            root: where runs live, and new ones are made.
            fps: pictures a second that can be shown.
            remote: a run on another machine, which is listed and asked about in place of those here.
        """
        self.recipe, self.config, self.root = recipe, config, root
        self.draft: Launch | None = None  # what was typed in the launch form, and not started
        self.maps = maps_of(config)
        self.game = Game(config.rules, self.maps, config.trainer.seed)
        self._demonstrations: list[tuple[Recording, NDArray[np.bool_]]] = []  # played, and not yet written
        self.game.keep_demonstration = self._keep_demonstration
        self.greeting = ""
        """What to say first, in place of the welcome."""
        self.reel: Reel | None = None
        """A film that the Live pane shows in place of the game."""
        self._asked_for = "random"
        self.run: RunHandle | None = None
        self.own_run: LocalRun | None = None
        self.remote = remote
        self.query = QuerySession(self.seen_root)
        self._run_game: RunGame | None = None  # of the viewed run
        self._watched: RunHandle | None = None  # the run whose agents the Live pane shows
        self._watched_play: Play | None = None  # its game: the rules name what its frames show
        self._watch_fps = min(WATCH_FPS, fps)
        self._own_game = RunGame(config.rules, self.maps)
        self._follows_run = False  # whether the own run's policy is to play, newer and newer
        self._asked_policy_at = 0.0
        self._loaded_policy: Path | None = None
        self._runner: Runner | None = None  # of a run that was handed over: kept, so that its end is noticed
        self._starting = Lock()  # held while a run is being prepared: one at a time
        self._owning = Lock()  # guards own_run and _is_closed: a run that starts while we end must end too
        self._is_closed = False
        self._is_over = False  # everything is let go of

    @property
    def seen_root(self) -> Path:
        """Where the runs lie that are listed and asked about."""
        return self.root if self.remote is None else self.remote.root

    # ---- The game

    @property
    def play(self) -> Play:
        """The env of the game under the user's hands."""
        return self.game.play

    def scene(self) -> Scene:
        """What the Live pane shows now."""
        if self.reel is not None:
            return self.reel.scene()
        frame = self.watched_frame()
        if frame is None or self._watched_play is None:
            return self.game.scene()
        play = self._watched_play
        return Scene(
            rules=play.rules,
            spec=play.spec,
            view=frame.view,
            source=f"{frame.run_id} env {frame.env}",
            policy=frame.run_id,
            selected=min(self.play.selected, play.spec.agent_count - 1),
            person=None,
            playing=True,
            target_rate=self._watch_fps,
            actual_rate=0.0,
            step_terms=(),
            episode_terms=(),
            observation=None,
        )

    @property
    def is_busy(self) -> bool:
        """Whether something goes on by itself, in the game or in a film."""
        return self.game.is_busy if self.reel is None else self.reel.playing

    def advance(self) -> list[str]:
        """Take the steps that are due; returns what there is to tell."""
        return self.game.advance() if self.reel is None else self.reel.advance()

    @property
    def map(self) -> GridMap:
        """The map that is played on now."""
        return self.play.map

    def open_film(self, film: Film) -> str:
        """Show a film: as a game that begins with its history, where it can be simulated again. Says what it is.

        Raises:
            GridrlError: it can be neither.
        """
        if not film.ticks or not film.view(film.ticks[0]).agents:
            hint = "gridrl replay FILE says what is in it"
            raise UsageError(f"{film.name}: there is nobody in it to follow", hint=hint)
        self.watch(False)
        recording, odd = film.recording, _odd_words(film.odd)
        if recording is None:
            self.close_film()
            self.reel = Reel(film, self.game.pacer.rate)
            return f"{film.name}: {film.source}. It can be looked at, not played; R goes to the game.{odd}"
        maps = [map_of(each.name, each.cells, recording.rules) for each in recording.maps]
        film.close()
        game = Game(recording.rules, maps, recording.seed, rate=self.game.pacer.rate, recording=recording)
        game.observing, game.explaining = self.game.observing, self.game.explaining
        game.keep_demonstration = self.game.keep_demonstration
        self.game.save_demonstration()
        self.game.close()
        self.game = game
        self.config = self.config.model_copy(update={"rules": recording.rules})
        self.maps = tuple(maps)
        return f"{film.name}: {recording.ticks:,} steps. . and , go through them; what you do begins a branch.{odd}"

    def close_film(self) -> None:
        """Back to the game."""
        reel, self.reel = self.reel, None
        if reel is not None:
            reel.close()

    def set_map(self, grid_map: GridMap) -> None:
        """Play on another map from now on, as far as the game goes on it; the engine has the last word.

        One of the recipe's own brings all of those back.

        Raises:
            MapError, SimError: the game cannot be played on it; the old one goes on.
        """
        maps = self.maps if grid_map in self.maps else (grid_map,)
        old, game = self.game, self._new_game(self.config, maps)
        game.play.held, game.play.selected = set(old.play.held), old.play.selected
        if not isinstance(old.player, Cast):
            game.use(old.player, old.policy)
        old.save_demonstration()
        old.close()
        self.game = game
        self.watch(False)

    def open(self, recipe: str, config: RecipeConfig, maps: tuple[GridMap, ...]) -> None:
        """Go on with another configuration: its game and its maps, with chance playing. The run goes on as it is.

        Args:
            maps: the configuration's, as `maps_of` gives them; a worker makes them.

        Raises:
            MapError, SimError: it cannot be played; nothing has changed.
        """
        game = self._new_game(config, maps)
        self.game.save_demonstration()
        self.game.close()
        self.recipe, self.config, self.maps, self.game = recipe, config, maps, game
        self._asked_for = "random"
        self._follows_run = False
        self.watch(False)

    def _new_game(self, config: RecipeConfig, maps: Sequence[GridMap]) -> Game:
        game = Game(config.rules, maps, config.trainer.seed, rate=self.game.pacer.rate)
        game.observing, game.explaining, game.fog = self.game.observing, self.game.explaining, self.game.fog
        game.keep_demonstration = self.game.keep_demonstration
        return game

    def set_fps(self, fps: float) -> None:
        """Pictures a second that can be shown; a run is watched with no more, from the next time on."""
        self._watch_fps = min(WATCH_FPS, fps)

    # ---- Who plays

    def next_policy(self) -> str:
        """The policy whose turn it is: after the one last asked for, whether that could play this game or not."""
        self._asked_for = POLICY_NAMES[(POLICY_NAMES.index(self._asked_for) + 1) % len(POLICY_NAMES)]
        return self._asked_for

    def use_scripted(self, name: str) -> str:
        """Let a policy without learning play; returns what to tell."""
        self.game.use(create_policy(name, self.config.rules, self.play.spec), name)
        self._follows_run = False
        held = self.play.person
        return f"{name} plays now" + ("." if held is None else f"; you play agent {held}, p gives it back.")

    def use_trained(self, player: Policy) -> None:
        """Let a loaded policy play."""
        self.game.use(player, "trained")

    def _keep_demonstration(self, recording: Recording, played: NDArray[np.bool_]) -> None:
        self._demonstrations.append((recording, played))

    @property
    def has_demonstrations(self) -> bool:
        """Whether a person's play is to be written."""
        return bool(self._demonstrations)

    def write_demonstrations(self) -> None:
        """Worker: add what persons played to the demonstrations of their games.

        Raises:
            RecordingError: the disk does not take it.
        """
        from engine.runs.demonstrations import demonstrations_root, save_demonstration  # deferred: few need it

        while self._demonstrations:
            recording, played = self._demonstrations.pop(0)
            save_demonstration(demonstrations_root() / _set_name(recording.rules), recording, played)

    def find_player(self, words: str) -> tuple[Policy, list[int], list[str]]:
        """Worker: a policy by name, run or URI, the agents it is for, and notes: `goal-seeker for group 1`.

        Raises:
            GridrlError: there is none, or it does not fit this game, with what differs by name.
        """
        from engine.tools.policies import find_player  # deferred: few need it

        game = self.game
        name, whom = chosen_policy(words)
        agents = agents_of(whom, game.rules, game.play.selected)
        if name == "trained":
            return self.find_trained(), agents, []
        told: list[str] = []
        found = find_player(name, told.append)
        player = found.maker(game.play.worlds[0], told.append)(self.config.trainer.seed)
        return player, agents, told

    def assign(self, player: Policy, agents: list[int], notes: list[str]) -> list[str]:
        """Let a policy play some agents; says who plays whom now, and what the policy does not know of the game."""
        self._follows_run = False
        return [*notes, f"{self.game.assign(player, agents)}."]

    def save_episode(self, recording: Recording) -> Path:
        """Worker: write a recording beside the runs; returns where.

        Raises:
            GridrlError: the disk does not take it.
        """
        from engine.runs.recordings import save_recording  # deferred: few need it

        stamp = time.strftime("%Y%m%d-%H%M%S")
        path = self.root / "recordings" / f"{recording.rules.name}-{stamp}.gridrec"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_recording(path, recording)
        return path

    def find_trained(self) -> Policy:
        """Worker: the policy that the own run shares; else the newest of the viewed run, or of any run of this game.

        Raises:
            UsageError: there is none.
            CheckpointError: it is damaged or does not fit this game.
        """
        shared = self.own_run.shared_policy() if self._follows_run and self.own_run is not None else None
        if shared is not None:
            return self._load_policy(shared, self.own_run.run_id if self.own_run is not None else "")
        for directory in self._candidates():
            checkpoints = directory.checkpoints()
            if checkpoints:
                return self._load_policy(checkpoints[-1].path, directory.run_id)
        raise UsageError(f"no trained policy for {self.config.rules.name} yet", hint="press t to train one")

    def _load_policy(self, path: Path, run_id: str) -> Policy:
        player = create_policy("trained", self.config.rules, self.play.spec, checkpoint=path)
        player.name = f"{run_id}:v{int(path.stem.removeprefix('ck-'))}"
        return player

    def _candidates(self) -> list[RunDirectory]:
        if self.run is not None and self.run is not self.remote:
            return [RunDirectory(self.root / self.run.run_id)]
        return [run for run in list_runs(self.root) if run.info().game == self.config.rules.name]

    def follow_run_policy(self) -> bool:
        """Let the own run's policy play as soon as it is shared, and follow it. False without a run under way."""
        self._follows_run = self.is_training and self._ask_for_policy()
        return self._follows_run

    def has_fresh_policy(self) -> bool:
        """While the own run is followed: ask it for its policy now and then. True if a newer one waits."""
        if not self._follows_run or self.own_run is None:
            return False
        if not self.is_training:
            self._follows_run = False  # its last checkpoint is the last word
            return True
        if time.monotonic() - self._asked_policy_at >= FRESH_POLICY_S:
            self._ask_for_policy()
        newest = self.own_run.shared_policy()
        fresh = newest is not None and newest != self._loaded_policy
        self._loaded_policy = newest
        return fresh

    def _ask_for_policy(self) -> bool:
        self._asked_policy_at = time.monotonic()
        return self._tell_own_run(SharePolicy())

    def _tell_own_run(self, command: Command) -> bool:
        """Send to the own run. False if it ended a moment ago: then there is nobody to tell."""
        try:
            assert self.own_run is not None
            self.own_run.send(command)
        except RunError:
            return False
        return True

    # ---- Runs

    @property
    def is_training(self) -> bool:
        """Whether a run of this process is under way."""
        return self.own_run is not None and self.own_run.state().status.is_open

    def launch(self) -> Launch:
        """Worker: what `t` would start, as recipe and settings."""
        return launch_of(self.recipe, self.config)

    def start_run(self) -> LocalRun:
        """Worker: begin to train on the present map. The run belongs to this session from its first moment.

        Raises:
            GridrlError: the map, the settings or the disk do not allow it, or another run is under way.
        """
        if not self._starting.acquire(blocking=False):
            raise UsageError("a run is being prepared already")
        try:
            self._require_here()
            maps, rules = self.play.maps, self.config.rules
            run = prepare_run(self.recipe, self.config, self.root, grid_map=maps[0])
            self._own(run, RunGame(rules, tuple(maps)))
            self.config = self.config.model_copy(update={"run": None})  # a name is for one run
            return run.start()
        finally:
            self._starting.release()

    def continue_run(self, run_id: str) -> LocalRun:
        """Worker: go on with a run that ended, from its last checkpoint, on the maps that it was begun on.

        Raises:
            GridrlError: it cannot go on, or another run is under way.
        """
        if not self._starting.acquire(blocking=False):
            raise UsageError("a run is being prepared already")
        try:
            if self.remote is not None and run_id == self.remote.run_id:
                hint = f"ssh {self.remote.host} gridrl resume {run_id} --detach; this screen follows"
                raise UsageError(f"{run_id} goes on where it is", hint=hint)
            self._require_here()
            if self.own_run is not None:
                self.own_run.join()  # it has said how it ended, and is about to let go of its directory
            info = RunDirectory(self.root / run_id).info()
            run = resume_run(self.root / run_id)
            self._own(run, _game_of(info))
            return run.start()
        finally:
            self._starting.release()

    def _require_here(self) -> None:
        """Refuse to begin a run where another one is under way, or where all that is shown is of another machine."""
        if self.remote is not None:
            raise UsageError(
                f"this screen shows a run on {self.remote.host}", hint="gridrl-tui in another terminal trains here"
            )
        if self.is_training:
            raise UsageError("a run is under way already", hint="stop it first: F3, then s")

    def _own(self, run: LocalRun, game: RunGame) -> None:
        """Take a run that is about to start, or close it if the program ends meanwhile."""
        with self._owning:
            if self._is_closed:
                run.close()
                raise UsageError("the program is ending")
            self.own_run, self._own_game = run, game

    def hand_over(self) -> tuple[RunHandle, RunGame]:
        """Worker: end the own run with a checkpoint, and let a process of its own go on from just there.

        Raises:
            GridrlError: there is none, or no other process can be started; the run can then be continued here.
        """
        from engine.tools.runner import start  # deferred: few need it

        if not self._starting.acquire(blocking=False):
            raise UsageError("a run is being prepared already")
        try:
            own = self.own_run
            if own is None or not self.is_training:
                raise RunError("no run of this program is under way", hint="press t to start one")
            own.close(timeout=None, why="another process goes on with it")
            if own.state().status is not RunState.STOPPED:
                raise RunError(f"run {own.run_id} has ended: nothing is left to hand over")
            self._runner = start(["resume", own.run_id], self.root)
            return AttachedRun(self.root / own.run_id), self._own_game
        finally:
            self._starting.release()

    def adopt_run(self, run: LocalRun) -> None:
        """Show a run that this process has just started."""
        self.watch_run(run, self._own_game)

    def let_go(self, run: RunHandle, game: RunGame | None) -> None:
        """The own run is another process's now: watch it there."""
        self._follows_run = False
        self.watch_run(run, game)
        self.own_run = None

    def open_run(self, run_id: str) -> tuple[RunHandle, RunGame | None]:
        """Worker: a handle on a run by name: this process's own, the remote one, or one on the disk; and what it
        plays, None where this version does not know it."""
        if self.own_run is not None and self.own_run.run_id == run_id:
            return self.own_run, self._own_game
        if self.remote is not None and self.remote.run_id == run_id:
            return self.remote, game_of(self.remote)
        if part_numbers(self.root / run_id / "metrics"):
            compaction.prepare()  # else the screen would stand still while the first part is read
        return AttachedRun(self.root / run_id), game_of(RunDirectory(self.root / run_id))

    def watch_run(self, run: RunHandle, game: RunGame | None) -> None:
        """Follow this run from now on."""
        self.watch(False)
        if self.run is not None and self.run is not run and self.run not in (self.own_run, self.remote):
            self.run.close()
        self.run, self._run_game = run, game

    def news(self) -> RunNews | None:
        """What the watched run has logged since the last call; None without a run."""
        if self.run is None:
            return None
        link = self.run.link() if isinstance(self.run, RemoteRun) else None
        return RunNews(self.run.state(), self.run.drain(), link)

    def send(self, command: Command) -> None:
        """Ask the watched run for something.

        Raises:
            RunError: there is no run, or it is over.
        """
        if self.run is None:
            raise RunError("there is no run yet", hint="press t to train on this map")
        self.run.send(command)

    @property
    def watching(self) -> bool:
        """Whether the Live pane shows a run's agents."""
        return self._watched is not None

    @property
    def can_watch(self) -> bool:
        """Whether there is a run to watch: somebody trains it now, and its game is known."""
        return self._watchable() is not None

    def _watchable(self) -> tuple[RunHandle, RunGame] | None:
        """The viewed run, or the own one where that is over."""
        if self.run is not None and self._run_game is not None and self.run.state().status.is_open:
            return self.run, self._run_game
        return (self.own_run, self._own_game) if self.own_run is not None and self.is_training else None

    @property
    def watched_is_over(self) -> bool:
        """Whether the run that is watched has ended."""
        return self._watched is not None and not self._watched.state().status.is_open

    def watch(self, on: bool) -> None:
        """Show a run's agents in the Live pane, or the own game again.

        Raises:
            RunError: it is not under way, or cannot be reached.
        """
        if on and self.watching:
            return
        if on:
            self._begin_to_watch()
            return
        watched, self._watched = self._watched, None
        if watched is not None:
            with suppress(RunError):  # it ended a moment ago: there is nobody to tell
                watched.send(Unwatch())
        if self._watched_play is not None:
            self._watched_play.close()
            self._watched_play = None

    def _begin_to_watch(self) -> None:
        chosen = self._watchable()
        if chosen is None and self.run is not None and self._run_game is None:
            words = f"{self.run.run_id} was begun by another version, and its game is not known here"
            raise RunError(words, hint="its curves are in Train")
        if chosen is None:
            raise RunError("no run is under way here", hint="press t to train on this map")
        run, game = chosen
        run.send(Watch(0, self._watch_fps))
        self._watched, self._watched_play = run, Play(game.rules, game.maps)

    def watched_frame(self) -> Frame | None:
        """The newest picture of the watched run's agents, None unless a run is being watched."""
        if self._watched is None or self._watched_play is None:
            return None
        frame = self._watched.latest_frame()
        # It may come from another machine: names are looked up by what it says.
        return frame if frame is not None and _fits(frame.view, self._watched_play.spec) else None

    def past_runs(self) -> list[tuple[str, RunState, int, int]]:
        """Worker: name, state, step and total of every run, newest first."""
        listed = []
        for run in list_runs(self.seen_root):
            is_remote = self.remote is not None and run.run_id == self.remote.run_id
            state = self.remote.state() if is_remote and self.remote is not None else run.state()
            listed.append((run.run_id, state.status, state.step, state.total_steps))
        return listed

    # ---- Questions

    def ask(self, sql: str, cancelled: ThreadEvent | None = None) -> Result:
        """Worker: bring the tables up to date and run SQL on them.

        Args:
            cancelled: set by who no longer wants to know; heard also before the query itself has begun.

        Raises:
            QueryError: with line and column where the database knows them; QueryCancelled.
        """
        self.query.refresh()
        if cancelled is not None and cancelled.is_set():
            raise QueryCancelled("the query was cancelled")
        return self.query.run(sql)

    def tables(self) -> list[TableInfo]:
        """Worker: what there is to ask about."""
        self.query.refresh()
        return self.query.tables()

    # ---- End

    def stop(self) -> None:
        """Begin nothing more and let what runs on workers end; does not wait."""
        with self._owning:
            self._is_closed = True
        self.query.stop()

    def close(self) -> None:
        """After the screen: stop the run with a checkpoint, wait for it, and let go of everything. Once is enough."""
        if self._is_over:
            return
        self._is_over = True
        self.stop()
        self.watch(False)
        if self.own_run is not None:
            self.own_run.close()
        if self.run is not None and self.run is not self.own_run:
            self.run.close()
        if self.remote is not None and self.remote is not self.run:
            self.remote.close()
        self.query.close()
        self.game.save_demonstration()
        with suppress(RecordingError):  # the screen is gone, and the rest of the end matters more
            self.write_demonstrations()
        self.close_film()
        self.game.close()


def _set_name(rules: Rules) -> str:
    """The set that demonstrations of a game belong to: a network learns from those of just the same rules."""
    digest = hashlib.blake2b(rules.model_dump_json().encode(), digest_size=3).hexdigest()
    return f"{rules.name}-{digest}"


def _odd_words(odd: tuple[str, ...]) -> str:
    if not odd:
        return ""
    return f" {len(odd)} {'thing is' if len(odd) == 1 else 'things are'} odd, such as: {odd[0]}"


def _fits(view: EnvView, spec: Spec) -> bool:
    """Whether a picture is one of this game."""
    return (
        len(view.agents) == spec.agent_count
        and int(view.cells.max()) < FIRST_KIND + len(spec.kind_names)
        and all(len(agent.inventory) == len(spec.resource_names) for agent in view.agents)
        and all(agent.last_action < len(spec.action_names) for agent in view.agents)
    )


def game_of(run: RunDirectory | RemoteRun) -> RunGame | None:
    """What a run plays; None where this version does not know its like. Reads the disk."""
    directory = RunDirectory(run.root / run.run_id) if isinstance(run, RemoteRun) else run
    try:
        return _game_of(directory.info())
    except GridrlError:  # its curves can be looked at all the same
        return None


def _game_of(info: RunInfo) -> RunGame:
    return RunGame(recorded_config(info).rules, tuple(recorded_maps(info)))
