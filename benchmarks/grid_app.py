"""A grid of 64 x 40 cells and nothing else, for screen.py to count what a change of it costs on the wire.

    python benchmarks/grid_app.py random|rooms

Keys: a changes all cells, p a twentieth of them, s sixteen. `random` gives every cell one of 24 colours on one of
24 grounds on its own, which no map does; `rooms` is rectangles with some clutter, as maps are.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run from anywhere, installed or not

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from textual.app import App, ComposeResult
from textual.binding import Binding

from tui.widgets.grid_view import GridView

WIDTH, HEIGHT, LOOKS = 64, 40, 24
CLUTTER = 0.05
SHARES = {"a": 1.0, "p": 0.05, "s": 16 / (WIDTH * HEIGHT)}


def look(code: int) -> tuple[str, Style]:
    ink, ground = 60 + code * 8, 10 + code * 4
    return chr(ord("a") + code % 26) + " ", Style(color=f"rgb({ink},200,90)", bgcolor=f"rgb({ground},30,60)")


class GridApp(App[None]):
    """One GridView of the size of its map."""

    CSS = f"GridView {{ width: {WIDTH}; height: {HEIGHT}; }}"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS = [Binding(key, f"change({share})", show=False) for key, share in SHARES.items()]

    def __init__(self, pattern: str) -> None:
        super().__init__()
        self._random = np.random.default_rng(1)
        self._pattern = pattern
        self._shades = (HEIGHT, WIDTH) if pattern == "random" else (1, 1)  # how much one change differs by cell
        self._base = self._codes = self._drawn()
        self._move_clutter(round(CLUTTER * self._codes.size))

    def compose(self) -> ComposeResult:
        yield GridView()

    def on_mount(self) -> None:
        self.call_after_refresh(self._show)

    def action_change(self, share: float) -> None:
        if share == 1.0:
            turn = self._random.integers(1, LOOKS, self._shades)
            self._base, self._codes = (self._base + turn) % LOOKS, (self._codes + turn) % LOOKS
        else:
            self._move_clutter(round(share * self._codes.size))
        self._show()

    def _move_clutter(self, count: int) -> None:
        """Change so many cells, half of them back to what the map was without clutter: it stays as cluttered."""
        clutter, clean = np.flatnonzero(self._codes != self._base), np.flatnonzero(self._codes == self._base)
        back = self._random.choice(clutter, min(count // 2, len(clutter)), replace=False)
        new = self._random.choice(clean, count - len(back), replace=False)
        self._codes = self._codes.copy()
        self._codes.flat[back] = self._base.flat[back]
        self._codes.flat[new] = (self._base.flat[new] + self._random.integers(1, LOOKS, len(new))) % LOOKS

    def _show(self) -> None:
        self.query_one(GridView).show(self._codes.astype(np.uint16), look, None)

    def _drawn(self) -> NDArray[np.int64]:
        """A map without clutter."""
        if self._pattern == "random":
            return self._random.integers(0, LOOKS, (HEIGHT, WIDTH))
        codes = np.zeros((HEIGHT, WIDTH), np.int64)
        for _ in range(12):
            top, left = self._random.integers(0, HEIGHT - 8), self._random.integers(0, WIDTH - 12)
            codes[top : top + 8, left : left + 12] = self._random.integers(0, LOOKS)
        return codes


if __name__ == "__main__":
    GridApp(sys.argv[1]).run()
