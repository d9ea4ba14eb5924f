"""The minimap: what it shows of a map, how often it reads one, and what a click asks for."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.style import Style
from textual.app import App, ComposeResult
from textual.strip import Strip

from tui.widgets.minimap import HUGE_PERIOD_S, LARGEST, Minimap

Codes = NDArray[np.uint32]


class Ink:
    """Code 0 is an empty cell, anything else a wall; counts how often it was asked."""

    def __call__(self, code: int) -> tuple[str, Style]:
        return (". ", Style()) if code == 0 else ("# ", Style())


class Host(App[None]):
    """Holds a minimap, whose clock stands unless it is told."""

    def __init__(self, *, ascii_only: bool = False) -> None:
        super().__init__()
        self.now = 100.0
        self.map = Minimap(clock=lambda: self.now)
        self.map.ascii_only = ascii_only
        self.ink = Ink()
        self.asked: list[tuple[int, int]] = []

    def compose(self) -> ComposeResult:
        yield self.map

    def on_minimap_centre_requested(self, event: Minimap.CentreRequested) -> None:
        self.asked.append((event.row, event.column))

    def lines(self) -> list[str]:
        return [self.map.render_line(y).text for y in range(self.map.size.height)]

    def marked(self, component: str) -> list[tuple[int, int]]:
        """Characters (line, column) in a component's colours."""
        style = self.map.get_component_rich_style(component, partial=True)
        return [
            (y, x)
            for y in range(self.map.size.height)
            for x, each in enumerate(_styles(self.map.render_line(y)))
            if (each.bgcolor == style.bgcolor if style.bgcolor else each.color == style.color)
        ]


def _styles(strip: Strip) -> list[Style]:
    return [segment.style or Style() for segment in strip for _ in segment.text]


def walls(height: int, width: int) -> Codes:
    codes = np.ones((height, width), np.uint32)
    codes[1:-1, 1:-1] = 0
    return codes


async def test_a_map_is_drawn_in_braille() -> None:
    app = Host()
    async with app.run_test() as pilot:
        app.map.show(walls(8, 6), app.ink, (0, 0, 0, 0))
        await pilot.pause()

        assert app.map.size == (3, 2)
        assert app.lines() == ["⡏⠉⢹", "⣇⣀⣸"]


async def test_without_unicode_a_map_is_drawn_in_its_own_characters() -> None:
    app = Host(ascii_only=True)
    async with app.run_test() as pilot:
        app.map.show(walls(3, 4), app.ink, (0, 0, 0, 0), [(1, 2)])
        await pilot.pause()

        assert app.lines() == ["####", "#.@#", "####"]


@pytest.mark.parametrize("shape", [(1, 1), (40, 200), (200, 40), (1024, 1024), (97, 49)])
@pytest.mark.parametrize("ascii_only", [False, True])
async def test_any_map_fits(shape: tuple[int, int], ascii_only: bool) -> None:
    app = Host(ascii_only=ascii_only)
    async with app.run_test() as pilot:
        app.map.show(walls(*shape), app.ink, (0, 0, *shape), [(shape[0] - 1, shape[1] - 1)])
        await pilot.pause()

        width, height = app.map.size
        assert 1 <= width <= LARGEST[0]
        assert 1 <= height <= LARGEST[1]
        assert len(app.marked("minimap--viewport")) == width * height


async def test_the_viewport_is_marked() -> None:
    app = Host()
    async with app.run_test() as pilot:
        app.map.show(walls(16, 16), app.ink, (4, 6, 4, 4))
        await pilot.pause()

        assert app.marked("minimap--viewport") == [(1, 3), (1, 4)]


async def test_agents_are_dots() -> None:
    app = Host()
    async with app.run_test() as pilot:
        app.map.show(np.zeros((8, 8), np.uint32), app.ink, (0, 0, 0, 0), [(0, 0), (1, 1), (7, 7)])
        await pilot.pause()

        assert app.lines() == ["⠑   ", "   ⢀"]
        assert app.marked("minimap--agent") == [(0, 0), (1, 3)]


async def test_nothing_new_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Host()
    codes = walls(8, 6)
    async with app.run_test() as pilot:
        app.map.show(codes, app.ink, (0, 0, 4, 4), [(2, 2)])
        await pilot.pause()
        asked: list[object] = []
        monkeypatch.setattr(app.map, "refresh", lambda *regions, **how: asked.append(regions))

        app.map.show(codes, app.ink, (0, 0, 4, 4), [(2, 2)])
        app.map.show(codes.copy(), app.ink, (0, 0, 4, 4), [(2, 2)])
        assert asked == []

        app.map.show(codes, app.ink, (0, 0, 4, 4), [(2, 3)])
        app.map.show(codes, app.ink, (4, 2, 4, 4), [(2, 3)])
        assert len(asked) == 2


async def test_a_huge_map_is_read_anew_after_a_while_but_its_agents_move_at_once() -> None:
    app = Host()
    codes = np.zeros((960, 960), np.uint32)
    async with app.run_test() as pilot:
        app.map.show(codes, app.ink, (0, 0, 0, 0), [(0, 0)])
        await pilot.pause()
        other = codes.copy()
        other[500, 500] = 1

        app.map.show(other, app.ink, (0, 0, 0, 0), [(0, 959)])
        cell = app.lines()[500 // app.map._step[0]][500 // app.map._step[1]]
        assert cell == " "
        assert app.marked("minimap--agent") == [(0, app.map.size.width - 1)]

        app.now += HUGE_PERIOD_S
        app.map.show(other.copy(), app.ink, (0, 0, 0, 0), [(0, 959)])
        cell = app.lines()[500 // app.map._step[0]][500 // app.map._step[1]]
        assert cell != " "


async def test_a_huge_map_that_rests_is_read_in_the_end() -> None:
    app = Host()
    async with app.run_test() as pilot:
        app.map.show(np.zeros((960, 960), np.uint32), app.ink, (0, 0, 0, 0))
        await pilot.pause()

        app.map.show(np.ones((960, 960), np.uint32), app.ink, (0, 0, 0, 0))
        timer = app.map._reads_later
        assert timer is not None
        app.map._read_late()  # what the timer does
        timer.stop()
        app.now += HUGE_PERIOD_S
        app.map._read_late()

        assert set("".join(app.lines())) == {"⣿"}


async def test_a_click_asks_to_go_there() -> None:
    app = Host()
    async with app.run_test() as pilot:
        app.map.show(walls(16, 16), app.ink, (0, 0, 4, 4))
        await pilot.pause()

        await pilot.click(Minimap, offset=(5, 2))
        await pilot.pause()

        assert app.asked == [(10, 11)]
