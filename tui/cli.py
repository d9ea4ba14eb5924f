"""`gridrl-tui`: check the terminal, open the app, and leave the terminal as it was, whatever happens."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import faulthandler
import gc
import os
import signal
import sys
import traceback
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from engine.errors import GridrlError, RunError, UsageError
from engine.tools.text import printable
from engine.tools.version import own_version

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.runs.remote import RemoteRun

    from .app import GridrlApp
    from .session import Session
    from .settings import SettingsFile

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT)

EPILOG = """\
examples:
  gridrl-tui attach ruddy-otter           a run that trains on this machine; gridrl runs lists them
  gridrl-tui attach box:ruddy-otter       one on another machine, over your own ssh
  gridrl-tui tutorial                     the keys and the ideas, in five minutes
  gridrl-tui                              walk through a small map; t trains on it
  gridrl-tui arena                        six agents, ore into batteries into hearts
  gridrl-tui navigation map=my.map        your own map
  gridrl-tui arena rules=my.yaml          your own game (gridrl rules arena prints one to begin with)
  gridrl-tui arena trainer.total_steps=5e7
  gridrl-tui replay episode.gridrec       look at a recording or a replay; gridrl replay FILE sums it up

Runs are kept in $GRIDRL_RUNS or in the data directory of your account. The same tools without a
screen: gridrl -h. Keys: press ? inside.
"""

ATTACH_EPILOG = """\
Over ssh, gridrl must be installed on the other machine too. Passwords and host keys are asked for before the screen
opens. Nothing listens on the network, and nothing stays behind there. GRIDRL_REMOTE says how gridrl is called there
if ssh does not find it; GRIDRL_SSH replaces `ssh`. Or run the screen there: ssh -t HOST gridrl-tui attach RUN
"""

DEFAULT_RECIPE = "navigation"
MOST_NAMED = 8  # runs, where one has to be chosen
HISTORY_ROWS = 2000  # of the past: more than a chart has points
PRINTED_WIDTH = 2000  # of a line: no more of an odd file name or value


def main() -> None:
    """Console script."""
    try:
        sys.exit(run(sys.argv[1:]))
    except GridrlError as error:
        # Words of another machine may be among them: what a terminal would obey is shown instead.
        for line in f"gridrl-tui: {error.message}\n  {error.hint}".rstrip().splitlines():
            _say(printable(line))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:  # while ssh asks, or before the screen has the keyboard
        _say("\ngridrl-tui: interrupted")
        sys.exit(128 + signal.SIGINT)


def run(arguments: list[str]) -> int:
    """Parse, check, open; returns the exit status."""
    if arguments[:1] == ["attach"]:
        options, odd = attach_parser().parse_known_args(arguments[1:])
        if odd:  # a host that begins with a dash, perhaps: no ssh is to take it for an option
            raise UsageError(f"{odd[0][:80]!r} is no option and no run", hint="gridrl-tui attach -h says what there is")
        return _attach(options)
    if arguments[:1] == ["replay"]:
        return _replay(_replay_parser().parse_args(arguments[1:]).file)
    options = _parser().parse_args(arguments)
    if "=" in options.recipe:  # settings alone are settings of the recipe that opens by itself
        options.override.insert(0, options.recipe)
        options.recipe = DEFAULT_RECIPE
    if options.settings:
        return _show_settings()
    _check_terminal()
    return _show(lambda fps: _open_session(options.recipe, options.override, fps))


def _attach(options: argparse.Namespace) -> int:
    """Watch a run that is there already; returns the exit status."""
    _check_terminal()
    host, colon, run_id = options.run.rpartition(":")
    if not colon:
        run_id = _run_here(options.run)
        return _show(lambda fps: session_of(run_id, None, fps), attached=run_id)
    if not run_id:
        raise UsageError(f"{host}: which run?", hint=f"ssh {host} gridrl runs --live lists them")
    from engine.runs.remote import RemoteRun  # deferred: few need it
    from engine.ssh import check_host

    _say(f"Calling {check_host(host)}...")  # whatever ssh asks, it asks now
    history = None if options.all else HISTORY_ROWS
    remote = RemoteRun(host, run_id, episodes=options.episodes, history=history)
    return _show(lambda fps: session_of(run_id, remote, fps), attached=run_id)


def _replay(path: Path) -> int:
    """Show a replay; returns the exit status."""
    _check_terminal()
    return _show(lambda fps: _film_session(path, fps))


def _run_here(name: str) -> str:
    """The run of this machine by that name; the only one under way, where there is no name.

    Raises:
        UsageError: there is none, or several are under way.
    """
    from engine.runs import list_runs, runs_root  # deferred, as below
    from engine.tools.orders import existing_run

    if name:
        return existing_run(name).run_id
    live = [run.run_id for run in list_runs(runs_root()) if run.is_live()]
    if len(live) == 1:
        return live[0]
    if not live:
        raise UsageError(
            "no run is under way here", hint="gridrl train RECIPE --detach begins one; gridrl runs lists all"
        )
    raise UsageError(f"{len(live)} runs are under way: which?", hint=", ".join(live[:MOST_NAMED]))


def _show(open_session: Callable[[float], Session], attached: str | None = None) -> int:
    """Run the app from its first frame to its last word; returns the exit status."""
    gc.disable()  # nothing that imports make is garbage; the app wakes it once all is loaded
    from .app import GridrlApp  # deferred: --help and a refused terminal should not load Textual
    from .driver import TerminalDriver

    app = GridrlApp(open_session, TerminalDriver, _settings(), attached=attached)
    if app.settings.loaded.settings.glyph_theme == "sprites":
        from .widgets.sprite_map import find_graphics  # deferred: it asks the terminal

        app.graphics = find_graphics(os.environ)
    try:
        status = _run_app(app)
    finally:
        _close_session(app)
    if app.refusal is not None:
        raise app.refusal
    if app.failure is not None:
        _report_crash(app.failure)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gridrl-tui",
        description="Play, train, watch, draw and query gridworlds, full-screen.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipe", nargs="?", default=DEFAULT_RECIPE, help="what to open: see `gridrl --list`")
    parser.add_argument(
        "override", nargs="*", metavar="key=value", help="settings of the recipe, as `gridrl train` takes them"
    )
    parser.add_argument(
        "--settings", action="store_true", help="print the settings of the app and where each comes from"
    )
    parser.add_argument("--version", action="version", version=own_version())
    return parser


def attach_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gridrl-tui attach",
        description="Watch and steer a run of another process, here or on another machine. Quitting leaves it.",
        epilog=ATTACH_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "run",
        nargs="?",
        default="",
        metavar="[[USER@]HOST:]RUN",
        help="name of the run, and where it trains; the only one under way here, if left out",
    )
    parser.add_argument("--episodes", action="store_true", help="fetch the episodes too, for Query: most of the bytes")
    parser.add_argument(
        "--all", action="store_true", help=f"fetch every row of the past, in place of {HISTORY_ROWS} of them"
    )
    return parser


def _replay_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gridrl-tui replay",
        description="Look at a replay: a .gridrec recording, or a JSON replay of version 1, 2 or 3, packed or not.",
        epilog="A recording can be stepped through, branched and played on; other replays can be looked at.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="gridrl replay FILE sums it up without a screen")
    return parser


def _check_terminal() -> None:
    """Refuse what cannot work in one line.

    Raises:
        GridrlError: no terminal, or one that cannot place text.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise GridrlError("this is a full-screen program and needs a terminal", hint="for pipes and logs: gridrl -h")
    if not sys.stderr.isatty():  # where Textual draws
        raise GridrlError("the screen is drawn on stderr, which is no terminal", hint="leave out what redirects it")
    if os.environ.get("TERM", "") in ("", "dumb", "unknown"):
        term = os.environ.get("TERM", "")
        raise GridrlError(
            f"the terminal says it is {term or 'nothing'!r}", hint="set TERM, for example TERM=xterm-256color"
        )


def _settings() -> SettingsFile:
    from .settings import SettingsFile, opened, settings_path

    return SettingsFile(opened(settings_path(os.environ), os.environ))


def _show_settings() -> int:
    """Print the file's path, every setting with its origin, and the faults; 1 if there is one."""
    from .app import GridrlApp  # deferred: the keys are those of every pane, which Textual must be loaded for
    from .keymap import bound_keys
    from .settings import SettingsFile, load, settings_path
    from .text import safe_str
    from .widgets.settings_screen import settings_rows

    file = SettingsFile(load(settings_path(os.environ), os.environ))
    file.bound = bound_keys(GridrlApp)
    print(safe_str(str(file.loaded.path), PRINTED_WIDTH))
    for row in settings_rows(file):
        print(f"{row.key} = {row.value}  [{row.origin}]")
    for fault in file.faults:
        print(safe_str(f"wrong: {fault}", PRINTED_WIDTH))
    return 1 if file.faults else 0


def _open_session(recipe: str, overrides: list[str], fps: float) -> Session:
    # Deferred: numpy, pydantic and the simulator load after the first frame.
    from engine.recipes import resolve
    from engine.runs import runs_root

    from .session import Session

    return Session(recipe, resolve(recipe, overrides), runs_root(), fps=fps)


def _film_session(path: Path, fps: float) -> Session:
    """The sitting of who looks at a replay."""
    from engine.replays import open_film  # deferred, as above

    film = open_film(path)
    session = _open_session(DEFAULT_RECIPE, [], fps)
    session.greeting = session.open_film(film)
    return session


def session_of(run_id: str, remote: RemoteRun | None, fps: float) -> Session:
    """The sitting of who watches a run: its own game is the one to play."""
    from engine.recipes import resolve  # deferred, as above
    from engine.recipes.resume import recorded_config
    from engine.runs import RunDirectory, runs_root

    from .session import Session

    info = RunDirectory((runs_root() if remote is None else remote.root) / run_id).info()
    try:
        return Session(info.recipe, recorded_config(info), runs_root(), fps=fps, remote=remote)
    except GridrlError:  # of another version: its curves can be looked at all the same
        return Session(DEFAULT_RECIPE, resolve(DEFAULT_RECIPE, []), runs_root(), fps=fps, remote=remote)


def _run_app(app: GridrlApp) -> int:
    """Run until the user leaves, a signal ends it or it fails; the driver restores the terminal in each case."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number in ENDING_SIGNALS:
            loop.add_signal_handler(number, partial(app.exit, 128 + number, 128 + number))
        try:
            await app.run_async()
        finally:
            if app.session is not None:
                app.session.stop()  # before the loop waits for its workers, a long query among them

    if sys.__stderr__ is not None:
        faulthandler.enable(file=sys.__stderr__)
    asyncio.run(main())
    return app.return_code or 0


def _close_session(app: GridrlApp) -> None:
    """With the terminal restored: end the run with its last checkpoint, and say so while it takes time."""
    session = app.session
    if session is None:
        return
    if session.is_training and session.own_run is not None:
        doing = "Leaving {} to a process of its own, with" if app.detaches else "Stopping {} with"
        _say(f"{doing.format(session.own_run.run_id)} a checkpoint...")
    try:
        if app.detaches and session.is_training:
            _detach(session)
        session.close()
        gc.unfreeze()  # or what other libraries hold would be counted as leaked when they are unloaded
    except RunError as error:
        # The trainer's thread hangs inside a library; leaving through the interpreter would abort the process.
        _say(f"gridrl-tui: {error}")
        os._exit(1)


def _detach(session: Session) -> None:
    try:
        run, _ = session.hand_over()
    except GridrlError as error:
        _say(f"gridrl-tui: {error}")
        return
    run.close()
    _say(f"It trains on. gridrl-tui attach {run.run_id} watches it, gridrl stop {run.run_id} ends it.")


def _say(words: str) -> None:
    """A line for whoever is still there: after a hang-up the terminal is gone, and the run must end all the same."""
    with contextlib.suppress(OSError):
        print(words, file=sys.stderr, flush=True)


def _report_crash(error: BaseException) -> NoReturn:
    """One line on the terminal, the traceback in a file."""
    from platformdirs import user_state_path  # deferred: only a crash needs it

    path = Path(user_state_path("gridrl")) / "crash.txt"
    text = "".join(traceback.format_exception(error))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        where = f"details: {path}"
    except OSError:
        where = text.strip().splitlines()[-1]
    raise GridrlError("the program failed, which is a defect of it", hint=where)


if __name__ == "__main__":
    main()
