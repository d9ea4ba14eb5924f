"""Frames by differences: whatever came before, the terminal shows what a full repaint would show, and gets no more.

pyte is the terminal, independent of us. First the Delta alone, then the whole program under a storm.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pty_app import Picture, PtyApp
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from tui.widgets import delta
from tui.widgets.delta import Delta

STYLES = [Style(), Style(bold=True), Style(color="#ff8800"), Style(color="red", bgcolor="#203040", reverse=True)]
NARROW, WIDE = "ab#. █⣿é", "日🤖"


def console() -> Console:
    return Console(force_terminal=True, color_system="truecolor", legacy_windows=False)


class Emulator:
    """A pyte screen that draws lines at places, by what a Delta says or by what Textual does."""

    def __init__(self, columns: int, rows: int) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self.screen)
        self._console = console()
        self._columns, self._rows = columns, rows
        self._delta = Delta()

    def paint(self, lines: list[list[Strip]]) -> str:
        """The whole screen, each line made of pieces."""
        return self._show(LayoutUpdate(lines, Region(0, 0, self._columns, self._rows)))  # type: ignore[arg-type]

    def paint_spans(self, lines: list[list[Strip]], spans: list[tuple[int, int, int]]) -> str:
        """Only what these dirty spans touch."""
        chops: list[dict[int, Strip | None]] = []
        ends = []
        for line in lines:
            starts = [sum(piece.cell_length for piece in line[:i]) for i in range(len(line))]
            chops.append(dict(zip(starts, line, strict=True)))
            ends.append([start + piece.cell_length for start, piece in zip(starts, line, strict=True)])
        return self._show(ChopsUpdate(chops, spans, ends))

    def _show(self, update: LayoutUpdate | ChopsUpdate) -> str:
        painting = self._delta.painting(update, self._console)
        text = update.render_segments(self._console) if painting is None else painting.render_segments(self._console)
        self._stream.feed(text)
        return text

    def plainly(self, lines: list[list[Strip]]) -> pyte.Screen:
        """What a terminal shows that Textual alone has painted."""
        screen = pyte.Screen(self._columns, self._rows)
        update = LayoutUpdate(lines, Region(0, 0, self._columns, self._rows))  # type: ignore[arg-type]
        pyte.Stream(screen).feed(update.render_segments(self._console))
        return screen

    def assert_shows(self, lines: list[list[Strip]]) -> None:
        assert cells_of(self.screen) == cells_of(self.plainly(lines))


def cells_of(screen: pyte.Screen) -> list[list[pyte.screens.Char]]:
    blank = screen.default_char
    return [[screen.buffer[y].get(x, blank) for x in range(screen.columns)] for y in range(screen.lines)]


def strip(text: str, style: Style = STYLES[0]) -> Strip:
    return Strip([Segment(text, style)])


def moved_to(y: int, x: int) -> str:
    return f"\x1b[{y + 1};{x + 1}H"


# The Delta alone


def test_the_first_picture_is_sent_whole() -> None:
    terminal = Emulator(3, 2)

    assert terminal.paint([[strip("abc")], [strip("def")]]) == moved_to(0, 0) + "abc" + moved_to(1, 0) + "def"


def test_an_unchanged_picture_is_nothing() -> None:
    terminal = Emulator(3, 1)
    terminal.paint([[strip("abc")]])

    assert terminal.paint([[strip("abc")]]) == ""
    assert terminal.paint_spans([[strip("abc")]], [(0, 0, 3)]) == ""


def test_only_changed_cells_are_sent() -> None:
    terminal = Emulator(8, 1)
    terminal.paint([[strip("abcdefgh")]])

    assert terminal.paint_spans([[strip("aXcdefYZ")]], [(0, 0, 8)]) == moved_to(0, 1) + "X" + "\x1b[4C" + "YZ"


def test_neighbours_of_one_look_share_their_colours() -> None:
    terminal = Emulator(4, 1)
    terminal.paint([[strip("    ")]])

    text = terminal.paint_spans([[strip("ab", STYLES[1]), strip("cd", STYLES[1])]], [(0, 0, 4)])

    assert text == moved_to(0, 0) + "\x1b[0;1mabcd\x1b[0m"


def test_another_colour_is_a_change() -> None:
    terminal = Emulator(2, 1)
    terminal.paint([[strip("ab")]])
    lines = [[strip("ab", STYLES[2])]]

    assert "ab" in terminal.paint_spans(lines, [(0, 0, 2)])
    terminal.assert_shows(lines)


def test_after_forgetting_everything_is_sent_again() -> None:
    terminal = Emulator(3, 1)
    first = terminal.paint([[strip("abc")]])

    terminal._delta.forget()

    assert terminal.paint([[strip("abc")]]) == first


def test_a_picture_that_is_not_sent_is_not_believed_to_be_there() -> None:
    terminal = Emulator(3, 1)
    terminal.paint([[strip("abc")]])
    update = LayoutUpdate([[strip("xyz")]], Region(0, 0, 3, 1))

    assert terminal._delta.painting(update, console()) is not None  # but Textual does not render it

    assert "xyz" in terminal.paint([[strip("xyz")]])


def test_a_part_of_an_unknown_screen_is_left_to_textual() -> None:
    fresh = Delta()

    assert fresh.painting(ChopsUpdate([{0: strip("abc")}], [(0, 0, 3)], [[3]]), console()) is None
    assert fresh.painting("something else", console()) is None


@pytest.mark.parametrize("text", ["\x1b_Gimage\x1b\\", "a\tb"])
def test_what_is_not_characters_is_sent_as_it_is_and_every_time(text: str) -> None:
    terminal = Emulator(4, 1)
    image = Strip([Segment(text)], 2)

    for _ in range(2):
        assert terminal.paint([[image, strip("ab")]]).startswith(moved_to(0, 0) + text)


def test_what_covered_an_image_is_sent_again_when_the_image_has_gone() -> None:
    terminal = Emulator(4, 1)
    letters = strip("ab")
    terminal.paint([[letters, strip("cd")]])
    terminal.paint([[Strip([Segment("\x1b_Gimage\x1b\\")], 2), strip("cd")]])

    assert terminal.paint([[letters, strip("cd")]]) == moved_to(0, 0) + "ab"


def test_after_a_character_of_doubtful_width_the_cursor_is_placed_anew() -> None:
    terminal = Emulator(4, 1)

    assert terminal.paint([[strip("★ab日")]]) == moved_to(0, 0) + "★" + moved_to(0, 1) + "ab日"[:3]


lines_of_text = st.lists(
    st.tuples(st.text(NARROW + WIDE, min_size=1, max_size=6), st.sampled_from(STYLES)), min_size=1, max_size=4
)


@given(st.data())
def test_any_history_of_pictures_shows_what_a_repaint_would(data: st.DataObject) -> None:
    columns, rows = 12, data.draw(st.integers(1, 3), label="rows")
    terminal = Emulator(columns, rows)
    terminal.paint([[strip(" " * columns)] for _ in range(rows)])
    lines = [[strip(" " * columns)] for _ in range(rows)]

    for _ in range(data.draw(st.integers(1, 5), label="pictures")):
        changed = data.draw(st.sets(st.integers(0, rows - 1), max_size=rows), label="changed rows")
        for y in changed:
            row = Strip([Segment(text, style) for text, style in data.draw(lines_of_text)])
            row = row.adjust_cell_length(columns)
            cuts = sorted(data.draw(st.sets(st.integers(1, columns - 1), max_size=2), label="cuts"))
            lines[y] = list(row.divide([*cuts, columns]))
        if data.draw(st.booleans(), label="whole"):
            terminal.paint(lines)
        elif changed:
            terminal.paint_spans(lines, [(y, 0, columns) for y in sorted(changed)])
        terminal.assert_shows(lines)


def test_the_insides_of_the_installed_textual_are_known() -> None:
    assert delta.is_wanted()


def test_a_setting_leaves_everything_to_textual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(delta.PLAIN, "1")

    assert not delta.is_wanted()


def test_a_textual_with_other_insides_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delta.App, "_display", lambda self, update: None)

    assert not delta.is_wanted()


# The whole program


@pytest.fixture(params=["", "1"], ids=["delta", "plain"])
def program(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PtyApp]:
    """The program with its first map on the screen, at rest."""
    settings = {"GRIDRL_RUNS": str(tmp_path), delta.PLAIN: request.param}
    with PtyApp(["-m", "tui.cli", "arena"], 100, 32, **settings) as app:
        app.until(lambda: "T 0/" in app.text, "the map")
        app.settle()
        yield app


def at_rest(app: PtyApp) -> None:
    """Back to Live with nothing open and nothing moving."""

    def rests() -> bool:
        if app.is_quiet() and "paused" in app.text:
            return True
        app.type(b" ")
        return False

    app.resize(100, 32)
    for key in (b"\x1b", b"\x1b", LIVE):  # what is open closes; a cursor that blinks is never at rest
        app.type(key)
        app.is_quiet()
    app.until(rests, "a game that rests")
    app.settle()


LIVE = b"\x1bOQ"
ACTS = (
    *[b"."] * 4,
    *(b"h", b"j", b"k", b"l", b" ", b"+", b"-", b"v", b"f", b"]"),
    *(b"\x1b[1;2A", b"\x1b[1;2B", b"\x1b[1;2C", b"\x1b[1;2D"),  # pans
    *(b"?", b"\x10", b"\x1b", b"\x1b", b"\x1b"),  # help, palette, back
    *(LIVE, LIVE, b"\x1bOR", b"\x1bOS", b"\x1b[15~"),  # panes
    *(b"\x1b[<65;30;12M", b"\x1b[<64;30;12M", b"\x1b[<81;30;12M", b"\x1b[<80;30;12M"),  # the wheel, with control too
    *(b"{", b"{", b"}", b"m"),  # zoom, the map small
    *(b"\x1b[<0;30;12M\x1b[<0;30;12m",),  # a click
)
SIZES = ((100, 32), (61, 21), (140, 44), (99, 24), (50, 15), (100, 32))


def differences(shown: Picture, wanted: Picture) -> list[tuple[int, int, object, object]]:
    """Row, column, and what is there instead of what."""
    return [
        (y, x, ours, theirs)
        for y, rows in enumerate(zip(shown, wanted, strict=True))
        for x, (ours, theirs) in enumerate(zip(*rows, strict=True))
        if ours != theirs
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_storm_leaves_what_a_repaint_would_show(program: PtyApp, seed: int) -> None:
    chance = random.Random(seed)

    for _ in range(3):
        for _ in range(25):
            if chance.random() < 0.15:
                program.resize(*chance.choice(SIZES))
            else:
                program.type(chance.choice(ACTS))
            program.read(chance.choice((0.0, 0.01, 0.05)))
        at_rest(program)

        assert differences(program.picture(), program.repainted()) == []


def test_a_program_that_was_suspended_shows_everything_again(program: PtyApp) -> None:
    before = program.picture()

    program.signal(signal.SIGTSTP)
    program.until(lambda: os.waitid(os.P_PID, program.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None, "a stop")
    program.settle()
    program.scribble("the shell was here\r\n" * 40)
    assert program.picture() != before
    program.signal(signal.SIGCONT)

    program.until(lambda: program.picture() == before, "the whole screen")


def test_a_terminal_that_comes_back_to_its_size_is_painted_anew(program: PtyApp) -> None:
    before = program.picture()

    program.resize(70, 22)
    program.resize(100, 32)
    program.settle()

    assert program.picture() == before


def test_a_resting_program_writes_nothing(program: PtyApp) -> None:
    program.settle()

    assert program.settle() == b""
