"""The Maps pane: draw a map, see at once what is wrong with it, play it or train on it.

EditorPane owns the buffer, the brush and the file it came from; the canvas, the palette and the list only show
them. UI thread; the disk and the lint of large maps are worker threads, which answer with messages.

Keys: a character of the palette always puts its object under the cursor, so `m` is a mine where the game has mines.
Every other key is a command: arrows or hjkl walk, space paints with the brush in hand, `d` lowers the pen so that
walking paints, and `[` `]` reach the brushes whose character the keyboard lacks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.text import Text
from textual import events, on, work
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static
from textual.worker import get_current_worker

from engine.errors import GridrlError
from engine.maps import (
    EMPTY,
    MAX_SIDE,
    SUFFIX,
    WALL,
    GridMap,
    Problem,
    character_of,
    expanded,
    is_stock,
    lint,
    load_map,
    save_map,
    stock_names,
)
from tui.text import safe

from .brushes import brushes_of, label_of, shown_as
from .buffer import MapBuffer
from .canvas import MapCanvas
from .palette import Palette
from .problem_list import ProblemList, place
from .prompt import TextPrompt, YesNoPrompt
from .shapes import Cell, block, line, outline

if TYPE_CHECKING:  # the pane opens before the compiled engine does
    from engine.sim import Rules

WIDE: Final = 100
"""Columns from which the palette and the problems stand beside the map instead of below it."""

TALL: Final = 34
"""Lines from which the list of keys has room below the problems."""

LINT_AT_ONCE_CELLS: Final = 128 * 128
"""Largest map that is checked between two key presses: 10 ms."""

LINT_DELAY: Final = 0.15
"""Seconds without a stroke before a larger map is checked: half a second of work in a thread."""

PAGE: Final = 10
"""Cells that page up and page down walk; shift and an arrow walk half of it."""

LOW: Final = 16
"""Lines below which the map takes all the room: the title still tells how many problems there are."""

NEW_SIZE: Final = "25x25"

KEYS: Final = (
    ("arrows hjkl", "move"),
    ("space", "paint"),
    ("its character", "put an object"),
    ("[ ]", "change brush"),
    ("x", "erase"),
    ("d", "pen down or up"),
    ("f", "fill"),
    ("v, then r R L", "outline, block, line"),
    ("u  ctrl+r", "undo, redo"),
    ("g", "next problem"),
    ("o  ctrl+s  w", "load, save, save as"),
    ("N  S", "new, size"),
    ("P  t", "play, train"),
)
"""What the pane can do, for terminals with room to say it."""


@dataclass
class MapPlayRequested(Message):
    """The user wants to play this map now."""

    map: GridMap


@dataclass
class MapTrainRequested(Message):
    """The user wants to train on this map."""

    map: GridMap


@dataclass
class MapSaved(Message):
    """The map is on disk."""

    path: Path


class Findings(NamedTuple):
    """What a look at the whole map found."""

    problems: list[Problem]
    counts: dict[str, int]


class EditorPane(Widget):
    """Draw a map for a game. Give it `rules` and a map; it answers with MapPlayRequested, MapTrainRequested, MapSaved.

    Attributes:
        buffer: the map under the pencil; only this pane changes it.
        path: the file that ctrl+s writes, or None for a new or a stock map.
        brush: the object in hand.
    """

    BINDINGS = [
        Binding("space", "paint", "Paint", id="editor.paint", tooltip="Put the brush under the cursor"),
        Binding("d", "pen", "Pen", id="editor.pen", tooltip="Lower or lift the pen: walking with it down paints"),
        Binding("f", "fill", "Fill", id="editor.fill", tooltip="Fill the area under the cursor with the brush"),
        Binding("u", "undo", "Undo", id="editor.undo", tooltip="Take back the last stroke"),
        Binding("o", "load", "Load", id="editor.load", tooltip="Load a map file or a stock map"),
        Binding("ctrl+s", "save", "Save", id="editor.save", tooltip="Save the map to its file"),
        Binding("P,T", "play", "Play", id="editor.play", tooltip="Play this map as it is now"),
        Binding("t", "train", "Train", id="editor.train", tooltip="Train on this map as it is now"),
        Binding("up,k", "move(-1, 0)", "Up", id="editor.up", show=False, tooltip="One cell up"),
        Binding("down,j", "move(1, 0)", "Down", id="editor.down", show=False, tooltip="One cell down"),
        Binding("left,h", "move(0, -1)", "Left", id="editor.left", show=False, tooltip="One cell to the left"),
        Binding("right,l", "move(0, 1)", "Right", id="editor.right", show=False, tooltip="One cell to the right"),
        Binding("shift+up", "move(-5, 0)", "Up 5", id="editor.up_far", show=False, tooltip="Five cells up"),
        Binding("shift+down", "move(5, 0)", "Down 5", id="editor.down_far", show=False, tooltip="Five cells down"),
        Binding("shift+left", "move(0, -5)", "Left 5", id="editor.left_far", show=False, tooltip="Five to the left"),
        Binding("shift+right", "move(0, 5)", "Right 5", id="editor.right_far", show=False, tooltip="Five to the right"),
        Binding("pageup", f"move(-{PAGE}, 0)", "Page up", id="editor.page_up", show=False, tooltip="Ten cells up"),
        Binding("pagedown", f"move({PAGE}, 0)", "Page down", id="editor.page_down", show=False, tooltip="Ten down"),
        Binding("home", f"move(0, -{MAX_SIDE})", "Row start", id="editor.home", show=False, tooltip="Start of the row"),
        Binding("end", f"move(0, {MAX_SIDE})", "Row end", id="editor.end", show=False, tooltip="End of the row"),
        Binding("x,backspace,delete", "erase", "Erase", id="editor.erase", show=False, tooltip="Empty this cell"),
        Binding("ctrl+r", "redo", "Redo", id="editor.redo", show=False, tooltip="Do again what was undone"),
        Binding("[", "turn_brush(-1)", "Brush before", id="editor.brush_before", show=False, tooltip="Brush before"),
        Binding("]", "turn_brush(1)", "Next brush", id="editor.brush_next", show=False, tooltip="Next brush"),
        Binding("v", "corner", "Corner", id="editor.corner", show=False, tooltip="Set or drop a corner for r, R and L"),
        Binding("r", "shape('outline')", "Outline", id="editor.outline", show=False, tooltip="Rectangle from corner"),
        Binding("R", "shape('block')", "Block", id="editor.block", show=False, tooltip="Filled rectangle from corner"),
        Binding("L", "shape('line')", "Line", id="editor.line", show=False, tooltip="Straight line from the corner"),
        Binding("g", "next_problem", "Problem", id="editor.problem", show=False, tooltip="Go to the next problem"),
        Binding("w", "save_as", "Save as", id="editor.save_as", show=False, tooltip="Save the map to another file"),
        Binding("N,ctrl+n", "new", "New", id="editor.new", show=False, tooltip="Start an empty map"),
        Binding("S", "resize", "Size", id="editor.resize", show=False, tooltip="Cut or grow at the right and bottom"),
        Binding("escape", "back", "Back", id="editor.back", show=False, tooltip="Lift the pen, drop the corner"),
    ]

    @dataclass
    class _Loaded(Message):
        map: GridMap
        path: Path | None

    @dataclass
    class _Saved(Message):
        path: Path
        buffer: MapBuffer
        state: int

    @dataclass
    class _FileRefused(Message):
        error: GridrlError

    @dataclass
    class _Looked(Message):
        findings: Findings
        buffer: MapBuffer
        state: int

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.buffer = MapBuffer(GridMap.walled("untitled", 25, 25))
        self.buffer.move_to(1, 1)
        self.path: Path | None = None
        self.brush = WALL
        self._rules: Rules | None = None
        self._names = brushes_of(None)
        self._findings = Findings([], {})
        self._pen_down = False
        self._mouse_brush: str | None = None
        self._file_stamp: tuple[int, int] | None = None
        self._last_source = ""

    # -- What the app sees

    @property
    def rules(self) -> Rules | None:
        """The game to draw for: it gives the palette and the lint. None until the app sets it."""
        return self._rules

    @rules.setter
    def rules(self, rules: Rules | None) -> None:
        self._rules = rules
        self._names = brushes_of(rules)
        if self.brush not in self._names:
            self.brush = WALL if WALL in self._names else EMPTY
        if self.is_mounted:
            self._show_all()

    @property
    def map(self) -> GridMap:
        """The map as it is drawn now."""
        return self.buffer.to_map()

    @property
    def is_dirty(self) -> bool:
        """Whether there are changes that no file has."""
        return self.buffer.is_dirty

    @property
    def problems(self) -> list[Problem]:
        """What the last look found; a large map is looked at when the hand rests."""
        return self._findings.problems

    def set_map(self, grid_map: GridMap, path: Path | None = None) -> None:
        """Draw on this map from now on. Asks first if the present one has changes that no file has."""
        self._unless_unsaved(lambda: self._adopt(grid_map, path))

    # -- Layout

    def compose(self) -> ComposeResult:
        with Horizontal(id="title", classes="title-line"):
            yield Static(id="subject", markup=False)
            yield Static(id="verdict", markup=False)
        with Container(id="desk"):
            yield MapCanvas(id="canvas")
            with Vertical(id="side"):
                yield Static("palette", classes="section-title")
                yield Palette(id="palette")
                yield Static("problems", id="problems-title", classes="section-title")
                yield ProblemList(id="problems")
                yield Static(_key_list(), id="keys", markup=False)
        yield Static(id="message", classes="message-line", markup=False)
        yield TextPrompt(self._focus_canvas, id="prompt")
        yield YesNoPrompt(self._focus_canvas, id="question")

    def on_mount(self) -> None:
        self._canvas = self.query_one(MapCanvas)
        self._palette = self.query_one(Palette)
        self._problem_list = self.query_one(ProblemList)
        self._subject = self.query_one("#subject", Static)
        self._verdict = self.query_one("#verdict", Static)
        self._problems_title = self.query_one("#problems-title", Static)
        self._message = self.query_one("#message", Static)
        self._prompt = self.query_one(TextPrompt)
        self._question = self.query_one(YesNoPrompt)
        self._lint_timer = self.set_timer(LINT_DELAY, self._look_in_thread, pause=True)
        self._show_all()

    def on_resize(self, event: events.Resize) -> None:
        wide = event.size.width >= WIDE
        self.set_class(wide, "-wide")
        self.set_class(event.size.height >= TALL, "-tall")
        self.set_class(event.size.height < LOW and not wide, "-low")
        self._palette.stack(wide)

    def focus(self, scroll_visible: bool = True) -> EditorPane:
        """The keyboard goes to the canvas, or to the question that is open."""
        if not self._is_asking:
            self.query_one(MapCanvas).focus(scroll_visible)
        elif self._question.display:
            self._question.focus(scroll_visible)
        else:
            self._prompt.query_one(Input).focus(scroll_visible)
        return self

    def _focus_canvas(self) -> None:
        self._canvas.focus()

    # -- Walking and drawing

    def on_key(self, event: events.Key) -> None:
        """A character of the palette puts its object: before any command that has the same key."""
        if self._is_asking or event.character is None:
            return
        for name in self._names:
            if character_of(name) == event.character:
                event.stop()
                event.prevent_default()
                self._take(name)
                self._draw([self.buffer.cursor], name)

    def action_move(self, rows: int, columns: int) -> None:
        start = self.buffer.cursor
        self.buffer.move_to(start[0] + rows, start[1] + columns)
        if self._pen_down:
            self._draw(line(start, self.buffer.cursor), self.brush)
        self._show_cursor()

    def action_paint(self) -> None:
        self._draw([self.buffer.cursor], self.brush)

    def action_erase(self) -> None:
        self._draw([self.buffer.cursor], EMPTY)

    def action_fill(self) -> None:
        self._changed(self.buffer.fill(*self.buffer.cursor, self.brush))

    def action_pen(self) -> None:
        if self._pen_down:
            self._lift_pen()
            return
        self._pen_down = True
        self.buffer.begin_stroke()
        self.action_paint()

    def action_turn_brush(self, step: int) -> None:
        index = self._names.index(self.brush) if self.brush in self._names else 0
        self._take(self._names[(index + step) % len(self._names)])

    def action_corner(self) -> None:
        corner = None if self._canvas.corner == self.buffer.cursor else self.buffer.cursor
        self._canvas.show_corner(corner)
        self._say("Corner set: r outline, R block, L line to the cursor." if corner else "")

    def action_shape(self, name: str) -> None:
        corner = self._canvas.corner
        if corner is None:
            self._say("Set a corner first: v.", "warning")
            return
        shape = {"outline": outline, "block": block, "line": line}[name]
        self._canvas.show_corner(None)
        self._say("")
        self._draw(shape(corner, self.buffer.cursor), self.brush)

    def action_undo(self) -> None:
        self._lift_pen()
        self._walk_history(self.buffer.undo, "There is nothing to undo.")

    def action_redo(self) -> None:
        self._lift_pen()
        self._walk_history(self.buffer.redo, "There is nothing to redo.")

    def action_next_problem(self) -> None:
        """The first problem behind the cursor, round to the first of all."""
        if not self.problems:
            self._say("No problems.")
            return
        ordered = sorted(self.problems, key=lambda problem: (problem.row, problem.column))
        behind = [problem for problem in ordered if (problem.row, problem.column) > self.buffer.cursor]
        self._go_to((behind or ordered)[0])

    def action_back(self) -> None:
        """One step back: close a question, lift the pen, drop the corner, leave the list."""
        if self._question.display:
            self._question.action_answer(False)
        elif self._prompt.display:
            self._prompt.action_cancel()
        elif self._pen_down:
            self._lift_pen()
        elif self._canvas.corner:
            self._canvas.show_corner(None)
            self._say("")
        elif self._problem_list.has_focus:
            self._focus_canvas()
        else:
            raise SkipAction

    @on(MapCanvas.Pressed)
    def _mouse_pressed(self, event: MapCanvas.Pressed) -> None:
        event.stop()
        self._lift_pen()
        self._mouse_brush = EMPTY if event.erase else self.brush
        self.buffer.begin_stroke()
        self.buffer.move_to(*event.cell)
        self._draw([event.cell], self._mouse_brush)
        self._show_cursor()

    @on(MapCanvas.Dragged)
    def _mouse_dragged(self, event: MapCanvas.Dragged) -> None:
        event.stop()
        if self._mouse_brush is None:
            return
        start = self.buffer.cursor
        self.buffer.move_to(*event.cell)
        self._draw(line(start, self.buffer.cursor), self._mouse_brush)
        self._show_cursor()

    @on(MapCanvas.Released)
    def _mouse_released(self, event: MapCanvas.Released) -> None:
        event.stop()
        self._mouse_brush = None
        self.buffer.end_stroke()
        self._show_title()

    @on(Palette.Clicked)
    def _brush_clicked(self, event: Palette.Clicked) -> None:
        event.stop()
        self._take(event.brush)
        self._focus_canvas()

    @on(ProblemList.Chosen)
    def _problem_chosen(self, event: ProblemList.Chosen) -> None:
        event.stop()
        self._go_to(event.problem)

    def _take(self, name: str) -> None:
        """Take a brush in hand."""
        self.brush = name
        self._show_palette()
        self._show_title()

    def _draw(self, cells: Iterable[Cell], name: str) -> None:
        self._changed(self.buffer.paint(cells, name))

    def _lift_pen(self) -> None:
        self._pen_down = False
        self.buffer.end_stroke()
        self._show_title()

    def _walk_history(self, walk: Callable[[], set[int]], nothing: str) -> None:
        size = (self.buffer.width, self.buffer.height)
        rows = walk()
        self._say("" if rows else nothing)
        if (self.buffer.width, self.buffer.height) != size:
            self._show_all()
            return
        self._changed(rows)
        self._show_cursor()

    def _go_to(self, problem: Problem) -> None:
        self._lift_pen()
        self.buffer.move_to(problem.row, problem.column)
        self._show_cursor()
        self._focus_canvas()
        self._say(f"{_capital(problem.message)}; {problem.hint}.", problem.severity)

    # -- Playing and training

    def action_play(self) -> None:
        if self._is_playable("play"):
            self.post_message(MapPlayRequested(self.map))

    def action_train(self) -> None:
        if self._is_playable("train on"):
            self.post_message(MapTrainRequested(self.map))

    def _is_playable(self, purpose: str) -> bool:
        """Whether the map has no errors; else says the first one."""
        self._lift_pen()
        self._take_findings(self._look())
        first = next((problem for problem in self.problems if problem.is_error), None)
        if first is not None:
            where = place(first.row, first.column)
            self._say(f"Cannot {purpose} this map: {where} {first.message}; {first.hint}.", "error")
        return first is None

    # -- Files

    def action_load(self) -> None:
        self._unless_unsaved(
            lambda: self._prompt.ask(
                "Load", self._load, value=self._last_source, placeholder=_load_hint(), suggestions=stock_names()
            )
        )

    def action_new(self) -> None:
        self._unless_unsaved(lambda: self._prompt.ask("New map, columns x rows", self._start_new, value=NEW_SIZE))

    def action_resize(self) -> None:
        self._lift_pen()
        self._prompt.ask("Columns x rows", self._resize, value=f"{self.buffer.width}x{self.buffer.height}")

    def action_save(self) -> None:
        if self.path is None:
            self.action_save_as()
        else:
            self._save(self.path)

    def action_save_as(self) -> None:
        self._lift_pen()
        proposal = str(self.path or f"{self.buffer.name}{SUFFIX}")
        self._prompt.ask("Save as", self._save_as, value=proposal, placeholder="path of a map file")

    def _load(self, source: str) -> None:
        self._last_source = source
        self._say(f"Loading {source}.")
        self._load_in_thread(source)

    def _save_as(self, answer: str) -> None:
        try:
            path = expanded(answer)
        except GridrlError as error:
            self._refuse(error)
            return
        self._save(path if path.suffix or not path.name or path.is_dir() else path.with_name(path.name + SUFFIX))

    def _save(self, path: Path) -> None:
        """Save, but never over a file that somebody else wrote without asking."""
        self._lift_pen()
        stamp = _stamp(path)
        if stamp is not None and path != self.path:
            self._question.ask(f"{path.name} exists. Overwrite it?", lambda: self._write(path))
        elif stamp is not None and stamp != self._file_stamp:
            self._question.ask(f"{path.name} was changed by somebody else. Overwrite it?", lambda: self._write(path))
        else:
            self._write(path)

    def _write(self, path: Path) -> None:
        self._say(f"Saving {path.name}.")
        self._save_in_thread(path, self.map, self.buffer, self.buffer.state)

    def _start_new(self, answer: str) -> None:
        size = self._parse_size(answer)
        if size is None:
            return
        self._adopt(GridMap.walled("untitled", *size), None)
        self.buffer.move_to(1, 1)
        self._show_cursor()

    def _resize(self, answer: str) -> None:
        size = self._parse_size(answer)
        if size is None:
            return
        if self.buffer.resize(*size):
            self._canvas.show_corner(None)
            self._show_all()

    def _parse_size(self, answer: str) -> tuple[int, int] | None:
        """Columns and rows, or None after saying what is wrong."""
        match = re.fullmatch(r"([0-9]{1,5})\s*[xX, *]\s*([0-9]{1,5})", answer)
        sides = (int(match[1]), int(match[2])) if match else (0, 0)
        if not all(1 <= side <= MAX_SIDE for side in sides):
            self._say(f"A size is columns x rows, each from 1 to {MAX_SIDE}: {NEW_SIZE}.", "error")
            return None
        return sides

    def _unless_unsaved(self, then: Callable[[], None]) -> None:
        """Go on, after a question if that loses changes."""
        if not self.is_mounted or not self.is_dirty:
            then()
            return
        self._lift_pen()
        self._question.ask(f"{self.buffer.name} has changes that are not saved. Drop them?", then)

    def _adopt(self, grid_map: GridMap, path: Path | None) -> None:
        self.buffer = MapBuffer(grid_map)
        self.path = path
        self._file_stamp = _stamp(path) if path else None
        self._pen_down, self._mouse_brush = False, None
        if self.is_mounted:
            self._canvas.show_corner(None)
            self._say("")
            self._show_all()

    @work(thread=True, exclusive=True, group="editor-load", exit_on_error=False)
    def _load_in_thread(self, source: str) -> None:
        try:
            grid_map = load_map(source)
            path = None if is_stock(source) else expanded(source)
        except GridrlError as error:
            answer: Message = self._FileRefused(error)
        else:
            answer = self._Loaded(grid_map, path)
        if not get_current_worker().is_cancelled:  # the user has asked for another map since
            self.post_message(answer)

    @work(thread=True, group="editor-save", exit_on_error=False)
    def _save_in_thread(self, path: Path, grid_map: GridMap, buffer: MapBuffer, state: int) -> None:
        """The buffer and its state only come back with the answer; the map is a value."""
        try:
            save_map(path, grid_map)
        except GridrlError as error:
            self.post_message(self._FileRefused(error))
        else:
            self.post_message(self._Saved(path, buffer, state))

    @on(_Loaded)
    def _loaded(self, event: _Loaded) -> None:
        """The hand may have drawn while the disk was read: ask again then."""
        event.stop()
        self._unless_unsaved(lambda: self._finish_load(event.map, event.path))

    def _finish_load(self, grid_map: GridMap, path: Path | None) -> None:
        self._adopt(grid_map, path)
        self._say(f"{grid_map.name}, {grid_map.size}.", "success")

    @on(_Saved)
    def _saved(self, event: _Saved) -> None:
        """Another map may be on the canvas by now: then only the file is news."""
        event.stop()
        if event.buffer is self.buffer:
            self.path, self.buffer.name = event.path, event.path.stem
            self._file_stamp = _stamp(event.path)
            self.buffer.mark_saved(event.state)
            self._show_title()
        self._say(f"Saved {event.path}.", "success")
        self.post_message(MapSaved(event.path))

    @on(_FileRefused)
    def _file_refused(self, event: _FileRefused) -> None:
        event.stop()
        self._refuse(event.error)

    def _refuse(self, error: GridrlError) -> None:
        self._say(f"{_capital(error.message)}; {error.hint}." if error.hint else _capital(error.message), "error")

    # -- Showing

    @property
    def _is_asking(self) -> bool:
        return self._prompt.display or self._question.display

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While something is asked, the keys of the pane rest."""
        return action == "back" or not (self.is_mounted and self._is_asking)

    def _changed(self, rows: set[int]) -> None:
        """Some rows of the buffer look different now."""
        if rows:
            self._canvas.show_rows(rows)
            self._look_soon()
        self._show_title()

    def _show_all(self) -> None:
        """Another map, another size or another game."""
        self._canvas.show(self.buffer, self._names)
        self._take_findings(Findings([], self._findings.counts))
        self._look_soon()
        self._show_title()

    def _show_cursor(self) -> None:
        self._canvas.show_cursor()
        self._show_title()

    def _look_soon(self) -> None:
        """Lint now if it goes unnoticed, else when the hand rests."""
        if self.buffer.width * self.buffer.height <= LINT_AT_ONCE_CELLS:
            self._take_findings(self._look())
        else:
            self._lint_timer.stop()
            self._lint_timer = self.set_timer(LINT_DELAY, self._look_in_thread)

    def _look(self) -> Findings:
        return _findings(self.map, self._rules)

    def _look_in_thread(self) -> None:
        self._lint_in_thread(self.map, self._rules, self.buffer, self.buffer.state)

    @work(thread=True, exclusive=True, group="editor-lint", exit_on_error=False)
    def _lint_in_thread(self, grid_map: GridMap, rules: Rules | None, buffer: MapBuffer, state: int) -> None:
        """The buffer and its state only come back with the answer; the map is a value."""
        self.post_message(self._Looked(_findings(grid_map, rules), buffer, state))

    @on(_Looked)
    def _looked(self, event: _Looked) -> None:
        event.stop()
        if event.buffer is self.buffer and event.state == self.buffer.state:
            self._take_findings(event.findings)

    def _take_findings(self, findings: Findings) -> None:
        self._findings = findings
        self._problem_list.show(findings.problems)
        self._canvas.show_problems(frozenset((problem.row, problem.column) for problem in findings.problems))
        self._show_palette()
        self._show_verdict()

    def _show_palette(self) -> None:
        self._palette.show(self._names, self.brush, self._findings.counts)

    def _show_title(self) -> None:
        row, column = self.buffer.cursor
        under = self.buffer.at(row, column)
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append_text(safe(self.path.name if self.path else self.buffer.name, 28))
        text.append(" *" if self.is_dirty else "  ", "bold")
        text.append(f"  {self.buffer.width}x{self.buffer.height}")
        text.append(f"   {place(row, column):<8}")
        text.append_text(safe(f"{shown_as(under)} {label_of(under)}", 16))
        text.append("   brush ")
        text.append_text(safe(f"{shown_as(self.brush)} {label_of(self.brush)}", 16))
        text.append(", pen down" if self._pen_down else "", "bold")
        self._subject.update(text)

    def _show_verdict(self) -> None:
        errors = sum(problem.is_error for problem in self.problems)
        warnings = len(self.problems) - errors
        parts = [_counted(errors, "error")] * bool(errors) + [_counted(warnings, "warning")] * bool(warnings)
        self._verdict.update(", ".join(parts) or ("no problems" if self._rules else ""))
        self._problems_title.update("problems" if self.problems else "no problems")
        self._verdict.set_class(bool(errors), "-error")
        self._verdict.set_class(bool(warnings and not errors), "-warning")

    def _say(self, sentence: str, level: str = "info") -> None:
        """One sentence about what just happened, until the next."""
        self._message.update(safe(sentence))
        for known in ("info", "success", "warning", "error"):
            self._message.set_class(known == level, f"-{known}")


def _findings(grid_map: GridMap, rules: Rules | None) -> Findings:
    """Any thread: works on values."""
    problems = lint(grid_map, rules) if rules else []
    return Findings(problems, {name: grid_map.count(name) for name in grid_map.names()})


def _stamp(path: Path) -> tuple[int, int] | None:
    """Time of change (ns) and size (bytes) of a file, or None where there is none: tells a strange write."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size


def _load_hint() -> str:
    return "a path, or " + ", ".join(stock_names())


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _key_list() -> Text:
    """The keys as two columns."""
    text = Text()
    for keys, meaning in KEYS:
        text.append(f"{keys:<15}", "bold")
        text.append(f"{meaning}\n")
    return text
