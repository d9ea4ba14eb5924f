"""The Maps pane under a pilot: keys, mouse, files, questions, and the messages that leave it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Input, Static

import tui.styles
from engine.maps import GridMap, load_map, parse_ascii, save_map
from engine.sim import games
from tui.panes.editor import EditorPane, MapPlayRequested, MapSaved, MapTrainRequested
from tui.panes.editor.canvas import MapCanvas
from tui.panes.editor.palette import Palette
from tui.panes.editor.problem_list import ProblemList
from tui.panes.editor.prompt import TextPrompt, YesNoPrompt

STYLES = Path(tui.styles.__file__).parent
SIZES = [(80, 24), (120, 40)]


class Host(App[None]):
    """The smallest app that holds the pane and writes down what it says."""

    CSS_PATH = [STYLES / "base.tcss", STYLES / "editor.tcss"]

    def __init__(self, grid_map: GridMap | None = None, game: str = "navigation") -> None:
        super().__init__()
        self.pane = EditorPane()
        self.pane.rules = games.GAMES[game]()
        if grid_map is not None:
            self.pane.set_map(grid_map)
        self.heard: list[Message] = []

    def compose(self) -> ComposeResult:
        yield self.pane

    def on_mount(self) -> None:
        self.pane.focus()

    def on_map_play_requested(self, message: MapPlayRequested) -> None:
        self.heard.append(message)

    def on_map_train_requested(self, message: MapTrainRequested) -> None:
        self.heard.append(message)

    def on_map_saved(self, message: MapSaved) -> None:
        self.heard.append(message)


def room(drawing: str = "#####\n#...#\n#..*#\n#####\n") -> GridMap:
    return parse_ascii(drawing, "room")


def drawn(app: Host) -> list[str]:
    return app.pane.map.to_text().splitlines()


def said(app: Host) -> str:
    return str(app.pane.query_one("#message", Static).content)


def title(app: Host) -> str:
    return str(app.pane.query_one("#subject", Static).content)


def shown(app: Host) -> list[str]:
    """The canvas as the eye sees it."""
    canvas = app.pane.query_one(MapCanvas)
    return [canvas.render_line(y).text for y in range(canvas.size.height)]


async def settled(pilot: Pilot[None]) -> None:
    """Until the worker threads have answered."""
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def type_in(pilot: Pilot[None], text: str) -> None:
    """Answer the prompt that is open."""
    pilot.app.query_one(Input).value = text
    await pilot.press("enter")
    await settled(pilot)


@pytest.mark.parametrize("size", SIZES)
async def test_space_paints_and_u_takes_it_back(size: tuple[int, int]) -> None:
    app = Host(room())
    async with app.run_test(size=size) as pilot:
        await pilot.press("down", "right", "space")
        assert drawn(app)[1] == "##..#"

        await pilot.press("u")
        assert drawn(app)[1] == "#...#"

        await pilot.press("ctrl+r")
        assert drawn(app)[1] == "##..#"


async def test_letters_of_vi_walk() -> None:
    app = Host(room())
    async with app.run_test() as pilot:
        await pilot.press("j", "l", "l", "k", "h", "j")

        assert app.pane.buffer.cursor == (1, 1)


async def test_character_of_the_palette_puts_its_object() -> None:
    app = Host(room(), game="arena")
    async with app.run_test() as pilot:
        await pilot.press("down", "right", "m", "right", "n", "right", "_", "down", "1")

        assert drawn(app)[1:3] == ["#mn_#", "#..1#"]
        assert app.pane.brush == "agent.team_1"


async def test_erase_keeps_the_brush() -> None:
    app = Host(room())
    async with app.run_test() as pilot:
        await pilot.press("x")

        assert drawn(app)[0] == ".####"
        assert app.pane.brush == "wall"


async def test_pen_down_paints_the_way_as_one_stroke() -> None:
    app = Host(room())
    async with app.run_test() as pilot:
        await pilot.press("down", "right", "d", "right", "right")
        assert drawn(app)[1] == "#####"
        assert "pen down" in title(app)

        await pilot.press("escape", "down", "u")
        assert drawn(app)[1] == "#...#"
        assert "pen down" not in title(app)


async def test_fill_takes_the_whole_area() -> None:
    app = Host(room())
    async with app.run_test() as pilot:
        await pilot.press("down", "right", "f")

        assert drawn(app) == ["#####", "#####", "###*#", "#####"]


async def test_brackets_turn_the_brush() -> None:
    app = Host(room())
    async with app.run_test() as pilot:
        await pilot.press("]", "]")
        assert app.pane.brush == "goal"

        await pilot.press("[")
        assert app.pane.brush == "agent"


@pytest.mark.parametrize(
    ("key", "expected"),
    [("r", ["###..", "#.#..", "###..", "....."]), ("R", ["###..", "###..", "###..", "....."])],
)
async def test_rectangles_reach_from_the_corner_to_the_cursor(key: str, expected: list[str]) -> None:
    app = Host(parse_ascii(".....\n" * 4, "room"))
    async with app.run_test() as pilot:
        await pilot.press("v", "down", "down", "right", "right", key)

        assert drawn(app) == expected


async def test_shape_without_a_corner_says_what_to_do() -> None:
    app = Host(room())
    async with app.run_test() as pilot:
        await pilot.press("L")

        assert said(app) == "Set a corner first: v."


async def test_mouse_drag_paints_a_line_without_gaps() -> None:
    app = Host(parse_ascii("........\n" * 6, "room"))
    async with app.run_test() as pilot:
        await pilot.mouse_down(MapCanvas, offset=(0, 0))
        await pilot.hover(MapCanvas, offset=(10, 5))
        await pilot.mouse_up(MapCanvas, offset=(10, 5))

        assert [row.index("#") for row in drawn(app)] == [0, 1, 2, 3, 4, 5]
        await pilot.press("u")
        assert not app.pane.is_dirty


async def test_click_on_the_palette_takes_a_brush() -> None:
    app = Host(room())
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.click(Palette, offset=(3, 3))

        assert app.pane.brush == "goal"
        assert app.pane.query_one(MapCanvas).has_focus


async def test_problems_come_and_go_while_drawing() -> None:
    app = Host(room())
    async with app.run_test() as pilot:
        assert app.pane.problems == []

        await pilot.press("x")
        assert [problem.message for problem in app.pane.problems] == ["the border is open in 1 cell"]

        await pilot.press("u")
        assert app.pane.problems == []


async def test_enter_on_a_problem_goes_to_its_place() -> None:
    app = Host(room("#####\n#...#\n#...#\n###.#\n"))
    async with app.run_test() as pilot:
        app.pane.query_one(ProblemList).focus()
        await pilot.press("down", "down", "enter")

        assert app.pane.buffer.cursor == (3, 3)
        assert "draw wall (#) all around" in said(app)
        assert app.pane.query_one(MapCanvas).has_focus


async def test_g_goes_from_problem_to_problem() -> None:
    app = Host(room("#####\n#...#\n#...#\n###.#\n"))
    async with app.run_test() as pilot:
        await pilot.press("g")
        first = app.pane.buffer.cursor
        await pilot.press("g")

        assert (first, app.pane.buffer.cursor) == ((1, 1), (3, 3))


async def test_play_and_train_hand_out_the_map_as_drawn() -> None:
    app = Host(room())
    async with app.run_test() as pilot:
        await pilot.press("down", "right", "space", "P", "T", "t")

        assert [type(message) for message in app.heard] == [MapPlayRequested, MapPlayRequested, MapTrainRequested]
        assert all(message.map.to_text() == "#####\n##..#\n#..*#\n#####\n" for message in app.heard)  # type: ignore[attr-defined]


@pytest.mark.parametrize("key", ["P", "t"])
async def test_map_with_an_error_is_not_handed_out(key: str) -> None:
    app = Host(room())
    async with app.run_test() as pilot:
        await pilot.press("x", key)

        assert app.heard == []
        assert "1:1 the border is open in 1 cell; draw wall (#) all around." in said(app)


@pytest.mark.parametrize("size", SIZES)
async def test_saved_map_is_on_disk_and_clean(size: tuple[int, int], tmp_path: Path) -> None:
    app = Host(room())
    async with app.run_test(size=size) as pilot:
        await pilot.press("down", "right", "space", "ctrl+s")
        await type_in(pilot, str(tmp_path / "mine"))

        assert load_map(tmp_path / "mine.map").to_text() == app.pane.map.to_text()
        assert [message.path for message in app.heard if isinstance(message, MapSaved)] == [tmp_path / "mine.map"]
        assert not app.pane.is_dirty
        assert title(app).startswith("mine.map ")


async def test_second_save_needs_no_name(tmp_path: Path) -> None:
    app = Host()
    async with app.run_test() as pilot:
        app.pane.set_map(room(), save_map(tmp_path / "room.map", room()))
        await pilot.press("down", "right", "space", "ctrl+s")
        await settled(pilot)

        assert load_map(tmp_path / "room.map").rows[1][1] == "wall"


async def test_other_file_is_overwritten_only_after_yes(tmp_path: Path) -> None:
    other = save_map(tmp_path / "other.map", GridMap.walled("other", 4, 4))
    app = Host(room())
    async with app.run_test() as pilot:
        await pilot.press("ctrl+s")
        await type_in(pilot, str(other))
        assert app.query_one(YesNoPrompt).display
        await pilot.press("n")
        await settled(pilot)
        assert load_map(other).size == "4x4"

        await pilot.press("ctrl+s")
        await type_in(pilot, str(other))
        await pilot.press("y")
        await settled(pilot)
        assert load_map(other).size == "5x4"


async def test_file_that_somebody_else_changed_is_overwritten_only_after_yes(tmp_path: Path) -> None:
    path = save_map(tmp_path / "room.map", room())
    app = Host()
    async with app.run_test() as pilot:
        app.pane.set_map(room(), path)
        save_map(path, GridMap.walled("theirs", 9, 9))

        await pilot.press("x", "ctrl+s")
        await settled(pilot)

        assert app.query_one(YesNoPrompt).display
        assert load_map(path).size == "9x9"


async def test_stock_map_is_loaded_by_name() -> None:
    app = Host(game="arena")
    async with app.run_test() as pilot:
        await pilot.press("o")
        await type_in(pilot, "arena_basic")

        assert app.pane.map == load_map("arena_basic")
        assert app.pane.path is None
        assert app.pane.problems == []


async def test_bad_file_is_answered_with_its_place_and_the_old_map_stays(tmp_path: Path) -> None:
    (tmp_path / "bad.map").write_text("###\n#?#\n###\n")
    app = Host(room())
    async with app.run_test(size=(160, 40)) as pilot:
        await pilot.press("o")
        await type_in(pilot, str(tmp_path / "bad.map"))

        assert said(app).startswith("Bad.map, line 2, column 2: unknown character '?'; known are")
        assert app.pane.map == room()


async def test_unsaved_changes_are_lost_only_after_yes() -> None:
    app = Host(room())
    async with app.run_test() as pilot:
        await pilot.press("x", "o")
        assert app.query_one(YesNoPrompt).display
        assert not app.query_one(TextPrompt).display
        await pilot.press("n", "N", "escape")
        assert drawn(app)[0] == ".####"

        await pilot.press("N", "y")
        await type_in(pilot, "4 x 3")
        assert drawn(app) == ["####", "#..#", "####"]


async def test_set_map_from_outside_asks_before_it_drops_changes() -> None:
    app = Host(room())
    async with app.run_test() as pilot:
        await pilot.press("x")
        app.pane.set_map(GridMap.walled("next", 4, 4))
        await pilot.pause()
        assert app.pane.map.name == "room"

        await pilot.press("y")
        assert app.pane.map.name == "next"


async def test_size_can_be_changed_and_taken_back() -> None:
    app = Host(room())
    async with app.run_test() as pilot:
        await pilot.press("S")
        await type_in(pilot, "7x4")
        assert drawn(app)[0] == "#####.."

        await pilot.press("u")
        assert drawn(app)[0] == "#####"


@pytest.mark.parametrize("answer", ["0x4", "5x9999", "big", "-3x4", "٣x٤"])
async def test_impossible_size_is_answered(answer: str) -> None:
    app = Host(room())
    async with app.run_test() as pilot:
        await pilot.press("S")
        await type_in(pilot, answer)

        assert said(app).startswith("A size is columns x rows")
        assert app.pane.map == room()


async def test_keys_typed_into_a_prompt_draw_nothing() -> None:
    app = Host(room())
    async with app.run_test() as pilot:
        await pilot.press("w", *"#x.map", "ctrl+s", "escape")

        assert app.pane.map == room()
        assert not app.query_one(TextPrompt).display
        assert app.pane.query_one(MapCanvas).has_focus


async def test_hostile_file_name_is_only_text(tmp_path: Path) -> None:
    path = tmp_path / "[@click=app.quit]\x1b]0;owned\x07[b.map"
    save_map(path, room())
    app = Host(room())
    async with app.run_test(size=(120, 24)) as pilot:
        await pilot.press("o")
        await type_in(pilot, str(path))

        screen = app.export_screenshot()
        assert app.pane.map.rows == room().rows
        assert "[@click=app.quit]" in title(app)
        assert "\x1b" not in title(app) + said(app) + screen
        await pilot.click("#subject", offset=(5, 0))
        assert app.is_running


async def test_hostile_map_is_refused_in_plain_words(tmp_path: Path) -> None:
    (tmp_path / "evil.map").write_bytes(b"##\n#\x1b]52;c;aGk=\x07\n")
    app = Host(room())
    async with app.run_test() as pilot:
        await pilot.press("o")
        await type_in(pilot, str(tmp_path / "evil.map"))

        assert "line 2, column 2: unknown character U+001B" in said(app)
        assert "\x1b" not in said(app)


async def test_large_map_scrolls_with_the_cursor_and_is_checked_in_a_thread() -> None:
    wide = GridMap.walled("wide", 200, 200)
    app = Host(wide)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("end", *["pagedown"] * 20)
        await pilot.press("left", "up", "*")
        await pilot.pause()
        app.pane._look_in_thread()
        await settled(pilot)

        assert app.pane.map.rows[198][198] == "goal"
        assert any(row.rstrip().endswith("*#") for row in shown(app))
        assert app.pane.problems == []


async def test_canvas_draws_each_cell_two_wide_where_it_fits() -> None:
    app = Host(room())
    async with app.run_test() as pilot:
        await pilot.pause()

        assert [row.rstrip() for row in shown(app)[:4]] == ["##########", "##. . . ##", "##. . * ##", "##########"]


async def test_only_changed_lines_are_drawn_again() -> None:
    app = Host(room())
    async with app.run_test() as pilot:
        await pilot.press("down", "right")
        await pilot.pause()
        canvas = app.pane.query_one(MapCanvas)
        asked: list[int] = []
        draw_line = canvas.render_line
        canvas.render_line = lambda y: asked.append(y) or draw_line(y)  # type: ignore[method-assign,func-returns-value]

        await pilot.press("space")
        await pilot.pause()

        assert set(asked) == {1}


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (120, 40), (200, 60)])
async def test_every_size_shows_the_map(size: tuple[int, int]) -> None:
    app = Host(load_map("arena_basic"), game="arena")
    async with app.run_test(size=size) as pilot:
        await pilot.pause()

        assert shown(app)[0].startswith("#########")
        assert app.pane.query_one(MapCanvas).size.height >= 4


async def test_other_game_changes_palette_and_problems() -> None:
    app = Host(room())
    async with app.run_test() as pilot:
        app.pane.rules = games.arena()
        await pilot.pause()

        assert "arena knows no goal" in [problem.message for problem in app.pane.problems]
        assert "mine" in app.pane.query_one(Palette).names


def test_bindings_have_ids_and_tooltips_and_spare_the_terminal() -> None:
    forbidden = {"ctrl+h", "ctrl+i", "ctrl+j", "ctrl+m", "ctrl+b", "ctrl+o", "ctrl+p", "ctrl+q"}
    bindings = [binding for binding in EditorPane.BINDINGS if isinstance(binding, Binding)]

    assert len(bindings) == len(EditorPane.BINDINGS)
    assert all(binding.id and binding.tooltip for binding in bindings)
    assert len({binding.id for binding in bindings}) == len(bindings)
    assert not forbidden & {key for binding in bindings for key in binding.key.split(",")}
    assert sum(binding.show for binding in bindings) <= 8


def test_import_loads_neither_torch_nor_duckdb_nor_the_trainer() -> None:
    code = (
        "import sys, tui.panes.editor; print([m for m in ('torch', 'duckdb', 'engine.training') if m in sys.modules])"
    )

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)

    assert result.stdout.strip() == "[]"
