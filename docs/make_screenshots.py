"""Draw the pictures of the documentation: the real app, driven by keys, on a real training run.

`python docs/make_screenshots.py` takes about three minutes, writes docs/*.svg and leaves nothing else behind.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Static

from engine.recipes import resolve
from engine.sim import AgentView
from tui.app import GridrlApp
from tui.session import Session
from tui.widgets.form import FormRows

DOCS = Path(__file__).parent
SIZE = (120, 36)  # columns and lines: what a terminal window of an ordinary screen has
RECIPE = "arena_easy"
SETTINGS = ["run=first-run"]
PATIENCE_S = 600.0

QUERY = """\
-- How the reward grew: a row for each 500,000 steps
SELECT step // 500000 * 500000 AS from_step, count(*) AS episodes,
       avg(reward) AS mean_reward, max(reward) AS best,
       bar(avg(reward), 0, 5, 20) AS mean
FROM episodes
GROUP BY from_step
ORDER BY from_step"""


class Scene:
    """The open app and what a photographer does with it."""

    def __init__(self, app: GridrlApp, pilot: Pilot[int]) -> None:
        self._app, self._pilot = app, pilot

    @property
    def session(self) -> Session:
        assert self._app.session is not None
        return self._app.session

    @property
    def agent(self) -> AgentView:
        """The agent that Live follows."""
        return self.session.play.view.agents[self.session.play.selected]

    @property
    def told(self) -> str:
        """What Live's message line says."""
        return str(self._app.query_one("#live-message", Static).content)

    async def press(self, *keys: str) -> None:
        await self._pilot.press(*keys)
        await self._pilot.pause()

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for the app, or give up."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if self._app.failure is not None:
                raise self._app.failure
            if time.monotonic() > deadline:
                sys.exit(f"no screenshot: waited {PATIENCE_S:g} s for {what}")
            await self._pilot.pause(0.02)
        await self._pilot.pause()

    def shoot(self, name: str) -> None:
        """Write docs/NAME.svg."""
        picture = self._app.export_screenshot(title="gridrl-tui")
        path = DOCS / f"{name}.svg"
        path.write_text(self_contained(picture), encoding="utf-8")
        print(f"{path.name:<12}{path.stat().st_size / 1024:.0f} kB", flush=True)


def self_contained(svg: str) -> str:
    """An SVG that fetches nothing: a reader's own monospace font draws it."""
    svg = re.sub(r"@font-face \{.*?\}\n?", "", svg, flags=re.DOTALL)
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


async def photograph(root: Path) -> None:
    """Walk through the four panes as a person would."""
    app = GridrlApp(lambda fps: Session(RECIPE, resolve(RECIPE, SETTINGS), root, fps=fps))
    async with app.run_test(size=SIZE) as pilot:
        scene = Scene(app, pilot)
        try:
            await scene.until(lambda: "console" in app._panes, "the panes")
            await choose(scene, app)
            await train(scene)
            await play(scene)
            await draw(scene)
            await ask(scene, app)
        finally:
            if app.session is not None:
                app.session.close()


async def choose(scene: Scene, app: GridrlApp) -> None:
    """The form of all settings, with a preset and a value that was typed."""
    await scene.press("T")
    await scene.until(lambda: any(rows.rows for rows in app.screen.query(FormRows)), "the form")
    await scene.press("down", "right", "slash", *"gamma", "enter", "enter", *"0.995", "enter", "slash", "escape")
    await scene.until(lambda: "gamma" in app.screen._examined.launch.command, "the value")
    await scene.press("home", "down")
    scene.shoot("launch")
    await scene.press("escape")


async def train(scene: Scene) -> None:
    """The curves when most of the run is behind them."""
    await scene.press("t")
    await scene.until(lambda: scene.session.own_run is not None, "the run")
    run = scene.session.own_run
    assert run is not None
    await scene.until(lambda: run.state().step > 0.9 * run.state().total_steps, "most of the run")
    await scene.until(lambda: True, "a redraw")
    scene.shoot("train")
    await scene.until(lambda: not scene.session.is_training, "the end of the run")


async def play(scene: Scene) -> None:
    """The trained policy in the middle of an episode; a few steps back, with what it makes of each cell."""
    await scene.press("f2", "P", "P", "P", "P")
    await scene.until(lambda: scene.session.game.policy == "trained", "the trained policy")
    await scene.press("R", "plus", "space")
    await scene.until(lambda: scene.agent.episode_return > 2 and "heart" in scene.told, "a heart")
    await scene.press("space", *[","] * 6, *["o"] * 4)
    await scene.until(lambda: scene.session.scene().overlay_words.startswith("V "), "the values")
    await scene.until(lambda: True, "a redraw")
    scene.shoot("live")


async def draw(scene: Scene) -> None:
    """A mine walled in: a fault that is found while it is drawn."""
    await scene.press("f4", "down", "right", "right", "#", "left", "down", "#", "g")
    scene.shoot("maps")


async def ask(scene: Scene, app: GridrlApp) -> None:
    """A question about the run."""
    await scene.press("f5")
    await scene.until(lambda: app.focused is not None, "the editor")
    editor = app._console._editor
    editor.show(QUERY)
    await scene.press("f5")
    await scene.until(lambda: "rows" in app._console._status.words, "the answer")
    scene.shoot("query")


if __name__ == "__main__":
    os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
    for habit in ("NO_COLOR", "SSH_CONNECTION"):  # the pictures do not depend on whoever draws them
        os.environ.pop(habit, None)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(photograph(Path(folder)))
