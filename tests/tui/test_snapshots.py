"""What each pane looks like, as pictures: `pytest tests/tui/test_snapshots.py --snapshot-update` takes them anew.

Everything that changes by itself is fixed: the seed, the run's records and their times, the time a query took.
"""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from front_door import Door
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from engine.errors import QueryError
from engine.policies.registry import Policy
from engine.recipes import resolve
from engine.replays import open_film
from engine.runs import EventLogged, MetricsLogged, RunState, RunStatus
from engine.stats import Result, TableInfo
from tui.app import GridrlApp
from tui.session import Session

SMALL, MEDIUM, LARGE = (80, 24), (120, 40), (200, 60)
NOON = 1_767_268_800.0  # 2026-01-01 12:00 UTC
STATUS = RunStatus(RunState.TRAINING, step=12_400_000, total_steps=50_000_000, sps=412_000, elapsed=30.6)


def words(size: tuple[int, int]) -> str:
    """How a size stands in the name of a picture."""
    return f"{size[0]}x{size[1]}"


Prepare = Callable[[Door], Awaitable[None]]
Same = Callable[..., bool]


@pytest.fixture
def pictured(tmp_path: Path, snap_compare: Same) -> Iterator[Callable[..., bool]]:
    """Opens the app, lets the test prepare it, and compares what it shows with the picture."""
    apps: list[GridrlApp] = []

    def compare(prepare: Prepare, size: tuple[int, int], recipe: str = "navigation") -> bool:
        app = GridrlApp(lambda fps: Session(recipe, resolve(recipe, []), tmp_path, fps=fps))
        apps.append(app)

        async def run_before(pilot: Pilot[int]) -> None:
            door = Door(app, pilot, tmp_path)
            await door.until(lambda: "console" in app._panes, "the panes")
            await prepare(door)
            await door.settled()

        opened: App[int] = app
        return snap_compare(opened, terminal_size=size, run_before=run_before)

    yield compare
    for app in apps:
        if app.session is not None:
            app.session.close()


# Live


@pytest.mark.parametrize("size", [SMALL, MEDIUM, LARGE], ids=words)
def test_live_navigation(pictured: Callable[..., bool], size: tuple[int, int]) -> None:
    async def walk(door: Door) -> None:
        await door.press("p", "right")

    assert pictured(walk, size)


@pytest.mark.parametrize("size", [SMALL, MEDIUM, LARGE], ids=words)
def test_live_arena(pictured: Callable[..., bool], size: tuple[int, int]) -> None:
    async def play(door: Door) -> None:
        await door.press("P", *["."] * 25, "]")

    assert pictured(play, size, "arena")


@pytest.mark.parametrize("size", [SMALL, MEDIUM], ids=words)
def test_live_window(pictured: Callable[..., bool], size: tuple[int, int]) -> None:
    async def look(door: Door) -> None:
        await door.press("P", *["."] * 12, "v")

    assert pictured(look, size, "arena_easy")


THEMES = ("ascii", "box", "emoji", "sprites")


@pytest.mark.parametrize("theme", THEMES)
def test_live_glyphs(pictured: Callable[..., bool], theme: str) -> None:
    async def play(door: Door) -> None:
        await looks(door, theme, "auto")
        await door.press("P", *["."] * 25, "]")

    assert pictured(play, MEDIUM, "arena_easy")


@pytest.mark.parametrize("theme", ["ascii", "box"])
@pytest.mark.parametrize("palette", ["mono", "sixteen"])
def test_live_palettes(pictured: Callable[..., bool], palette: str, theme: str) -> None:
    async def play(door: Door) -> None:
        await looks(door, theme, palette)
        await door.press("P", *["."] * 25, "o")

    assert pictured(play, MEDIUM, "arena_easy")


async def looks(door: Door, theme: str, palette: str) -> None:
    """As a user of these settings sees it."""
    door.app._live.glyph_theme, door.app._live.palette = theme, palette
    door.app._refresh_live()
    await door.settled()


@pytest.mark.parametrize("size", [SMALL, MEDIUM], ids=words)
def test_live_explained(pictured: Callable[..., bool], size: tuple[int, int]) -> None:
    """In the past: what came next, and why."""

    async def explain(door: Door) -> None:
        await door.press(*["."] * 25, *[","] * 8, *("i" if size == SMALL else ""))

    assert pictured(explain, size, "arena_easy")


@pytest.mark.parametrize("size", [SMALL, MEDIUM], ids=words)
def test_live_legend(pictured: Callable[..., bool], size: tuple[int, int]) -> None:
    async def ask(door: Door) -> None:
        await door.press(*["."] * 5, "I")

    assert pictured(ask, size, "arena_classic")


@pytest.mark.parametrize("size", [MEDIUM, LARGE], ids=words)
def test_live_compared(pictured: Callable[..., bool], size: tuple[int, int]) -> None:
    async def branch(door: Door) -> None:
        await door.press(*["."] * 30, *[","] * 12, "B", "P", *["."] * 9, "C")

    assert pictured(branch, size, "arena_easy")


@pytest.mark.parametrize("size", [SMALL, MEDIUM], ids=words)
def test_live_minimap(pictured: Callable[..., bool], size: tuple[int, int]) -> None:
    async def ask(door: Door) -> None:
        await door.press("P", *["."] * 12, "m")

    assert pictured(ask, size, "arena")


def test_live_zoomed_out(pictured: Callable[..., bool]) -> None:
    async def zoom(door: Door) -> None:
        await door.press("P", *["."] * 12, "{", "{")

    assert pictured(zoom, SMALL, "arena")


def test_live_fog(pictured: Callable[..., bool]) -> None:
    async def walk(door: Door) -> None:
        await door.press("P", *["."] * 30, "g")

    assert pictured(walk, MEDIUM, "arena_easy")


@pytest.mark.parametrize(("presses", "name"), [(1, "visits"), (2, "trace"), (3, "distance")])
def test_live_overlay(pictured: Callable[..., bool], presses: int, name: str) -> None:
    async def lay(door: Door) -> None:
        await door.press("P", *["."] * 60, *["o"] * presses)
        assert door.session.game.overlay == name

    assert pictured(lay, MEDIUM, "arena_easy")


@pytest.mark.parametrize(("presses", "name"), [(4, "value"), (5, "greedy"), (6, "entropy"), (7, "saliency")])
def test_live_overlay_of_a_network(pictured: Callable[..., bool], presses: int, name: str) -> None:
    async def lay(door: Door) -> None:
        door.session.use_trained(fixed_policy(door))
        await door.press(".", ".", *["o"] * presses)
        await door.until(lambda: door.session.scene().overlay is not None, "the overlay")
        assert door.session.game.overlay.startswith(name)

    assert pictured(lay, MEDIUM, "arena_easy")


def fixed_policy(door: Door) -> Policy:
    """A network that counts what it sees with weights in a row, so that every machine draws the same picture."""
    import torch

    from engine.policies.architecture import Architecture
    from engine.policies.networks import build_network
    from engine.policies.signature import Signature
    from engine.policies.trained import TorchPolicy

    network = build_network(Architecture(hidden=(4,)), Signature.of(door.session.play.spec), 0)
    with torch.no_grad():
        for parameter in network.parameters():
            numbers = torch.arange(parameter.numel(), dtype=torch.float32).reshape(parameter.shape)
            parameter.copy_((numbers % 7 - 3) / 8)
    return TorchPolicy(network, name="calm-fox:v12", seed=3)


def test_live_cursor(pictured: Callable[..., bool]) -> None:
    async def look(door: Door) -> None:
        await door.press("v", ";", "l", "l", "k")

    assert pictured(look, MEDIUM, "arena_easy")


def test_live_choices(pictured: Callable[..., bool]) -> None:
    async def ask(door: Door) -> None:
        await door.press("s")

    assert pictured(ask, SMALL, "arena_easy")


@pytest.mark.parametrize("size", [SMALL, MEDIUM], ids=words)
def test_live_lesson(pictured: Callable[..., bool], size: tuple[int, int]) -> None:
    async def learn(door: Door) -> None:
        await door.press("l")

    assert pictured(learn, size, "tutorial")


def test_live_film(pictured: Callable[..., bool], tmp_path: Path) -> None:
    async def watch(door: Door) -> None:
        path = tmp_path / "scene.json"
        path.write_text(json.dumps(SCENE), "utf-8")
        greeting = door.session.open_film(open_film(path))
        door.app._refresh_live()
        door.app._live.tell(greeting)
        await door.press(".", ".")

    assert pictured(watch, MEDIUM)


SCENE = {
    "version": 3,
    "file_name": "scene.json.z",
    "action_names": ["noop", "move_east"],
    "item_names": ["ore"],
    "type_names": ["agent", "wall", "mine"],
    "map_size": [8, 5],
    "num_agents": 1,
    "objects": [
        *({"id": column, "type_name": "wall", "location": [column, 0]} for column in range(8)),
        {"id": 20, "type_name": "mine", "location": [6, 2]},
        {
            "id": 21,
            "type_name": "agent",
            "agent_id": 0,
            "location": [[0, [1, 2]], [1, [2, 2]], [2, [3, 2]], [3, [4, 2]]],
            "current_reward": [[0, 0], [3, 1.5], [4, 0], [9, 0]],
            "inventory": [[0, []], [3, [[0, 2]]]],
        },
    ],
}


def test_live_by_name(pictured: Callable[..., bool]) -> None:
    async def ask(door: Door) -> None:
        await door.press(":")
        await door.type("move_no")
        field = door.app.query_one("#live-ask", Input)
        field.cursor_blink = False
        field._cursor_visible = True  # it may have been in the dark half of a blink
        await door.settled()

    assert pictured(ask, SMALL)


# Train


def records() -> list[MetricsLogged | EventLogged]:
    """A run as it might have been: everything rises or falls, with waves on it."""
    told: list[MetricsLogged | EventLogged] = [EventLogged(0, NOON, "state", "training")]
    for number in range(1, 121):
        share, wave = number / 120, math.sin(number / 3)
        values = {
            "rollout/ep_rew_mean": 1.0 - 1.6 * math.exp(-4 * share) + 0.05 * wave,
            "rollout/ep_len_mean": 100 * math.exp(-3 * share) + 6 + wave,
            "time/fps": 405_000 + 12_000 * wave,
            "train/policy_gradient_loss": -0.01 + 0.004 * wave,
            "train/value_loss": 0.4 * math.exp(-5 * share) + 0.01 + 0.004 * wave,
            "train/entropy": 2.1 * (1 - share) + 0.2,
            "train/approx_kl": 0.006 + 0.003 * wave,
            "train/clip_fraction": 0.08 + 0.03 * wave,
            "train/explained_variance": 0.95 - 1.2 * math.exp(-6 * share),
            "train/learning_rate": 2.5e-3 * (1 - 0.25 * share),
            "train/entropy_coefficient": 0.01,
        }
        told.append(MetricsLogged(round(12_400_000 * share), NOON + number, values))
    told.append(EventLogged(6_000_000, NOON + 60, "command", "learning_rate 0.0025 -> 0.001"))
    told.append(EventLogged(12_000_000, NOON + 120, "checkpoint", "ck-000012000000.safetensors"))
    told.append(EventLogged(12_300_000, NOON + 123, "warning", "approx_kl 0.031 is above 0.02"))
    return told


async def show_run(door: Door) -> None:
    door.app._show_run("calm-fox")
    door.app._monitor.append(records())
    door.app._monitor.show_status(STATUS)
    door.app._bar.status = STATUS
    await door.press("f3")
    door.app._monitor.flush()


@pytest.mark.parametrize("size", [SMALL, MEDIUM, LARGE], ids=words)
def test_train(pictured: Callable[..., bool], size: tuple[int, int]) -> None:
    assert pictured(show_run, size)


@pytest.mark.parametrize("size", [SMALL, MEDIUM], ids=words)
def test_train_before_any_run(pictured: Callable[..., bool], size: tuple[int, int]) -> None:
    async def go(door: Door) -> None:
        await door.press("f3")

    assert pictured(go, size)


def test_train_one_chart_large(pictured: Callable[..., bool]) -> None:
    async def zoom(door: Door) -> None:
        await show_run(door)
        await door.press("enter", "[", "[", "[")

    assert pictured(zoom, SMALL)


def test_train_with_the_list_of_runs(pictured: Callable[..., bool]) -> None:
    async def list_runs(door: Door) -> None:
        await show_run(door)
        await door.press("r")
        await door.until(lambda: not door.app.workers._workers, "the list")
        door.app._monitor.set_runs(
            [
                ("calm-fox", RunState.TRAINING, 12_400_000, 50_000_000),
                ("odd-newt", RunState.FINISHED, 2_000_000, 2_000_000),
                ("brisk-heron", RunState.FAILED, 31_000, 2_000_000),
            ]
        )

    assert pictured(list_runs, MEDIUM)


# Maps


@pytest.mark.parametrize("size", [SMALL, MEDIUM, LARGE], ids=words)
def test_maps(pictured: Callable[..., bool], size: tuple[int, int]) -> None:
    async def draw(door: Door) -> None:
        await door.press("f4", "down", "right", "right", "m", "right", "v", "down", "down", "right", "right")

    assert pictured(draw, size, "arena")


@pytest.mark.parametrize("size", [SMALL, MEDIUM], ids=words)
def test_maps_with_problems(pictured: Callable[..., bool], size: tuple[int, int]) -> None:
    async def spoil(door: Door) -> None:
        await door.press("f4", "home", "x", "pagedown", "pagedown", "up", "end", "left", "x")

    assert pictured(spoil, size)


# Query


TABLES = [
    TableInfo("metrics", "view", 3_120_000, (("run_id", "VARCHAR"), ("step", "BIGINT"), ("value", "DOUBLE"))),
    TableInfo("episodes", "view", 24_000, (("run_id", "VARCHAR"), ("reward", "DOUBLE"))),
    TableInfo("runs", "view", 42, (("run_id", "VARCHAR"), ("status", "VARCHAR"))),
]


async def open_console(door: Door, sql: str) -> None:
    await door.press("f5")
    await door.until(lambda: not door.app.workers._workers, "the tables")
    editor = door.app.query_one("#console-sql", TextArea)
    editor.cursor_blink = False
    editor.text = sql
    await door.settled()
    door.app._console.set_tables(TABLES)


@pytest.mark.parametrize("size", [SMALL, MEDIUM, LARGE], ids=words)
def test_query(pictured: Callable[..., bool], size: tuple[int, int]) -> None:
    async def ask(door: Door) -> None:
        await open_console(door, "SELECT run_id, avg(reward) AS mean\nFROM episodes GROUP BY ALL")
        rows = [("calm-fox", 0.9312), ("odd-newt", -0.25), ("brisk-heron", None), ("ruddy-otter", 12.5)]
        console = door.app._console
        console.show_result(
            console._ticket, Result(["run_id", "mean"], ["VARCHAR", "DOUBLE"], rows, len(rows), False, 31.0)
        )

    assert pictured(ask, size)


def test_query_before_any(pictured: Callable[..., bool]) -> None:
    async def go(door: Door) -> None:
        await open_console(door, "")

    assert pictured(go, SMALL)


def test_query_with_an_error(pictured: Callable[..., bool]) -> None:
    async def fail(door: Door) -> None:
        await open_console(door, "SELECT *\nFROM epsodes")
        console = door.app._console
        error = QueryError("table 'epsodes' does not exist", hint="did you mean episodes?", line=2, column=6)
        console.show_error(console._ticket, error)
        console._say("error")

    assert pictured(fail, SMALL)


# Over the panes


def test_help(pictured: Callable[..., bool]) -> None:
    async def ask(door: Door) -> None:
        await door.press("question_mark")

    assert pictured(ask, SMALL)


def test_too_small(pictured: Callable[..., bool]) -> None:
    async def nothing(door: Door) -> None:
        pass

    assert pictured(nothing, (50, 15))


def test_a_question_before_leaving(pictured: Callable[..., bool]) -> None:
    async def leave(door: Door) -> None:
        await door.press("f4", "down", "right", "#", "ctrl+q")

    assert pictured(leave, SMALL)


def test_light(pictured: Callable[..., bool]) -> None:
    async def switch(door: Door) -> None:
        light = next(name for name in door.app.available_themes if name.startswith("gridrl") and "light" in name)
        door.app.theme = light
        await door.press("P", *["."] * 25)

    assert pictured(switch, MEDIUM, "arena")
