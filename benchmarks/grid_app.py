"""A grid of 64 x 40 cells with a letter beside it, for screen.py to count what a change of it costs on the wire.

    python benchmarks/grid_app.py random|rooms|big

Keys: a changes all cells, p a twentieth of them, s sixteen, u none, though everything is refreshed. A, P and S do so
thirty times a second. The arrows pan, z and Z zoom out and in, k writes the next capital letter beside it. `random`
gives every cell one of 24 colours on one of 24 grounds on its own, which no map does; `rooms` is rectangles with some
clutter, as maps are; `big` is rooms on a map of 1024 x 1024.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run from anywhere, installed or not

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.timer import Timer
from textual.widgets import Static

from tui.driver import TerminalDriver
from tui.pacing import Pacing, is_remote
from tui.widgets.grid_view import GridView

WIDTH, HEIGHT, LOOKS = 64, 40, 24
BIG = 1024
FPS = 30
CLUTTER = 0.05
SHARES = {"a": 1.0, "p": 0.05, "s": 16 / (WIDTH * HEIGHT)}
KEYS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # what a key shows; cells are small letters
PANS = {"up": (-4, 0), "down": (4, 0), "left": (0, -8), "right": (0, 8)}


def look(code: int) -> tuple[str, Style]:
    ink, ground = 60 + code * 8, 10 + code * 4
    return chr(ord("a") + code % 26) + " ", Style(color=f"rgb({ink},200,90)", bgcolor=f"rgb({ground},30,60)")


class GridApp(App[None]):
    """One GridView of the size of its map, or with `big` one that sees a part of it."""

    CSS = f"""
    Screen {{ layout: horizontal; }}
    GridView {{ width: {WIDTH}; height: {HEIGHT}; }}
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS = [
        *(Binding(key, f"change({share})", show=False) for key, share in SHARES.items()),
        *(Binding(key.upper(), f"play({share})", show=False) for key, share in SHARES.items()),
        *(Binding(key, f"pan({rows}, {columns})", show=False) for key, (rows, columns) in PANS.items()),
        Binding("u", "refresh_all", show=False),
        Binding("k", "count", show=False),
        Binding("z", "zoom(-1)", show=False),
        Binding("Z", "zoom(1)", show=False),
    ]

    def __init__(self, pattern: str) -> None:
        super().__init__(driver_class=TerminalDriver)
        self.pacing = Pacing(is_remote(os.environ))
        self._random = np.random.default_rng(1)
        self._shape = (BIG, BIG) if pattern == "big" else (HEIGHT, WIDTH)
        self._pattern = pattern
        self._shades = self._shape if pattern == "random" else (1, 1)  # how much one change differs by cell
        self._base = self._codes = self._drawn()
        self._move_clutter(round(CLUTTER * self._codes.size))
        self._timer: Timer | None = None
        self._keys = 0

    def compose(self) -> ComposeResult:
        yield GridView()
        yield Static("")

    def on_mount(self) -> None:
        self.call_after_refresh(self._show)

    def action_change(self, share: float) -> None:
        if share == 1.0:
            turn = self._random.integers(1, LOOKS, self._shades)
            self._base, self._codes = (self._base + turn) % LOOKS, (self._codes + turn) % LOOKS
        else:
            self._move_clutter(round(share * WIDTH * HEIGHT))
        self._show()

    def action_play(self, share: float) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        else:
            self._timer = self.set_interval(1 / FPS, lambda: self._play(share))

    def _play(self, share: float) -> None:
        if self.pacing.may_draw():
            self.action_change(share)

    def action_refresh_all(self) -> None:
        self.screen.refresh()
        self.query_one(GridView).refresh()
        self._show()

    def action_pan(self, rows: int, columns: int) -> None:
        self.query_one(GridView).pan(rows, columns)

    def action_zoom(self, by: int) -> None:
        self.query_one(GridView).zoom(by)

    def action_count(self) -> None:
        self._keys += 1
        self.query_one(Static).update(KEYS[self._keys % len(KEYS)])

    def _move_clutter(self, count: int) -> None:
        """Change so many cells, half of them back to what the map was without clutter: it stays as cluttered."""
        clutter, clean = np.flatnonzero(self._codes != self._base), np.flatnonzero(self._codes == self._base)
        back = self._random.choice(clutter, min(count // 2, len(clutter)), replace=False)
        new = self._random.choice(clean, count - len(back), replace=False)
        self._codes = self._codes.copy()
        self._codes.flat[back] = self._base.flat[back]
        self._codes.flat[new] = (self._base.flat[new] + self._random.integers(1, LOOKS, len(new))) % LOOKS

    def _show(self) -> None:
        self.query_one(GridView).show(self._codes.astype(np.uint32), look, None)

    def _drawn(self) -> NDArray[np.int64]:
        """A map without clutter."""
        if self._pattern == "random":
            return self._random.integers(0, LOOKS, self._shape)
        codes = np.zeros(self._shape, np.int64)
        for _ in range(12 * codes.size // (WIDTH * HEIGHT)):
            top, left = self._random.integers(0, self._shape[0] - 8), self._random.integers(0, self._shape[1] - 12)
            codes[top : top + 8, left : left + 12] = self._random.integers(0, LOOKS)
        return codes


if __name__ == "__main__":
    GridApp(sys.argv[1]).run()
