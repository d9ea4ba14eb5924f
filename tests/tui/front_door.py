"""The real app behind its front door: opened under a pilot, driven by keys, read from the screen.

For the tests of this folder. Nothing here waits for a fixed time: `until` looks again until a condition holds.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from types import TracebackType

from rich.console import Console
from textual.events import Key, Paste
from textual.geometry import Region
from textual.keys import _character_to_key, key_to_character
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Static

from engine.recipes import resolve
from engine.runs import RunDirectory, RunState
from engine.sim import EnvView
from tui.app import GridrlApp
from tui.session import Session

PATIENCE_S = 30.0
"""A condition that does not hold after this long never will, even where torch is imported for the first time."""

SMALL_RUN = (
    "trainer.env_count=32",
    "trainer.horizon=16",
    "trainer.minibatch_size=256",
    "trainer.checkpoint_every_s=1e6",
)
"""Overrides for a run whose iterations take moments."""

ENDLESS_RUN = (*SMALL_RUN, "trainer.total_steps=1000000000000", "trainer.anneal=false")

FINISHED_RUN = (*SMALL_RUN, "trainer.total_steps=2048")

CORRIDOR = """
    #######
    #@....#
    #.###.#
    #....*#
    #######"""


def map_file(folder: Path, drawing: str, name: str = "drawn") -> Path:
    """A map file with this drawing, indented as the test likes."""
    path = folder / f"{name}.map"
    path.write_text(dedent(drawing).strip("\n") + "\n", "utf-8")
    return path


def on_map(folder: Path, drawing: str, name: str = "drawn") -> tuple[str, ...]:
    """Overrides that open the navigation game on this drawing, with the agent where it is drawn."""
    return (f"map={map_file(folder, drawing, name)}", "rules.spawn_anywhere=false")


class Door:
    """An open app, the pilot that types, and what can be seen of both sides: screen and simulator."""

    def __init__(self, app: GridrlApp, pilot: Pilot[int], root: Path) -> None:
        self.app, self.pilot, self.root = app, pilot, root

    @property
    def session(self) -> Session:
        assert self.app.session is not None, self.app.refusal
        return self.app.session

    # ---- Doing

    async def press(self, *keys: str) -> None:
        """Press keys, by their names or as characters, and let everything they set off settle.

        The pilot's own would wait for the process to be idle, which it is not while a run trains.
        """
        for key in keys:
            await self.press_at_once(key)

    async def press_at_once(self, *keys: str) -> None:
        """Press keys faster than the app can handle them, then let it settle."""
        driver = self.app._driver
        assert driver is not None
        for key in keys:
            name = _character_to_key(key) if len(key) == 1 else key
            event = Key(name, key_to_character(name))
            event.set_sender(self.app)
            driver.send_message(event)
        await self.settled()

    async def settled(self) -> None:
        """Until every message has been handled, those that handlers sent too, and drawn."""
        for _ in range(2):
            quiet = 0
            while quiet < 3:
                await asyncio.sleep(0)
                quiet = quiet + 1 if self._is_quiet else 0
            await self.pilot.pause(0)

    @property
    def _is_quiet(self) -> bool:
        nodes = (self.app, *self.app.screen.walk_children(with_self=True))
        return all(node._message_queue.empty() for node in nodes)

    async def type(self, text: str) -> None:
        """Type into the field that has the focus; as one paste, because keys take a while each."""
        self.app.post_message(Paste(text))
        await self.settled()

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert self.app.failure is None, self.app.failure
            assert time.monotonic() < deadline, f"still waiting for {what or condition}:\n{self.screen}"
            await self.pilot.pause(0.01)
        await self.settled()

    async def until_seen(self, words: str) -> None:
        """Wait until words stand on the screen."""
        await self.until(lambda: words in self.screen, repr(words))

    # ---- Seeing

    @property
    def screen(self) -> str:
        """The whole screen as text."""
        return shown(self.app)

    def part(self, widget: str | Widget) -> list[str]:
        """The lines of one widget as they stand on the screen, without the blanks behind them."""
        found = self.app.query_one(widget) if isinstance(widget, str) else widget
        return _cropped(self.screen, found.region)

    def map(self) -> list[str]:
        """The map in the Live pane as drawn, one character a cell, without its margins."""
        grid = self.session.play.map
        text = "\n".join(self.part("#live-map"))
        rows = [line.strip() for line in text.splitlines() if line.strip()]
        wide = len(rows[0]) >= 2 * grid.width - 1
        return [row[:: 2 if wide else 1] for row in rows]

    @property
    def said(self) -> str:
        """The message line of the Live pane."""
        return str(self.app.query_one("#live-message", Static).content)

    @property
    def front(self) -> str:
        """The word of the pane in front: the status line has it in capitals."""
        return next(word for word in self.screen.splitlines()[0].split() if word.isupper())

    # ---- The simulator

    @property
    def view(self) -> EnvView:
        """The env under the user's hands, asked from the simulator itself."""
        return self.session.play.batch.look()

    def at(self, agent: int = 0) -> tuple[int, int]:
        """(column, row) of an agent."""
        one = self.view.agents[agent]
        return one.column, one.row

    # ---- The run

    @property
    def run_directory(self) -> RunDirectory:
        """The directory of the run that this sitting started."""
        assert self.session.own_run is not None
        return RunDirectory(self.root / self.session.own_run.run_id)

    def logged(self, kind: str) -> list[str]:
        """Messages of the run's events of one kind, as its directory has them."""
        return [event["message"] for event in self.run_directory.read_events() if event["kind"] == kind]

    async def train(self) -> None:
        """Press t and wait for the first steps."""
        await self.press("t")
        await self.until(lambda: self.session.own_run is not None, "a run")
        await self.until_state(RunState.TRAINING, RunState.FINISHED)
        await self.until(lambda: self.session.own_run is not None and self.session.own_run.state().step > 0, "steps")

    async def until_state(self, *states: RunState) -> None:
        run = self.session.own_run
        assert run is not None
        await self.until(lambda: run.state().status in states, f"{states}, not {run.state()}")


class OpenedApp:
    """Context manager of an app with a session on its own runs directory; ends the run when it goes."""

    def __init__(self, root: Path, recipe: str, overrides: tuple[str, ...], size: tuple[int, int]) -> None:
        self._root, self._size = root, size
        self._app = GridrlApp(lambda fps: Session(recipe, resolve(recipe, list(overrides)), root, fps=fps))

    async def __aenter__(self) -> Door:
        self._context = self._app.run_test(size=self._size)
        pilot = await self._context.__aenter__()
        door = Door(self._app, pilot, self._root)
        await door.until(lambda: "console" in self._app._panes or self._app.refusal, "the panes")
        await door.settled()
        return door

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._context.__aexit__(kind, error, trace)
        finally:
            if self._app.session is not None:
                self._app.session.close()
        if error is None and self._app.failure is not None:
            raise self._app.failure


def opened(root: Path, *overrides: str, recipe: str = "navigation", size: tuple[int, int] = (80, 24)) -> OpenedApp:
    """`async with opened(tmp_path, "trainer.seed=3") as door:`"""
    return OpenedApp(root, recipe, overrides, size)


def shown(app: GridrlApp) -> str:
    """What the terminal of an app shows, as text."""
    width, height = app.size
    console = Console(width=width, height=height, file=io.StringIO(), force_terminal=True, record=True)
    console.print(app.screen._compositor.render_update(full=True))
    return console.export_text(styles=False)


def _cropped(screen: str, region: Region) -> list[str]:
    lines = screen.splitlines()[region.y : region.bottom]
    return [line[region.x : region.right].rstrip() for line in lines]
