"""What the terminal shows by now, and the least it must be told to show the next picture.

Textual writes every dirty span anew, changed or not, each cell with its colours. A Delta keeps a copy of the cells
it has sent and writes those that differ, with cursor moves between them. It is one for the whole screen, below the
compositor: modals, scrolling and changes of the layout need no care of their own.

Owned by Frames (tui/frames.py). UI thread only. Nothing else in the program reads Textual's private updates.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rich.cells import split_graphemes
from rich.color import ColorSystem
from textual import _compositor
from textual.app import App
from textual.strip import Strip

if TYPE_CHECKING:
    from rich.console import Console
    from rich.style import Style

PLAIN = "GRIDRL_PLAIN_FRAMES"
"""Environment variable that, not empty, leaves all drawing to Textual."""

Cell = tuple[str, str]
"""A character and its SGR parameters; the second column of a wide character is an empty one."""
Piece = tuple[int, int, Strip]
"""Row, first column and what is drawn there."""

_SURE_OF_WIDTH = ((0xA1, 0x2FF), (0x2500, 0x259F), (0x2800, 0x28FF), (0x1FB00, 0x1FBFF))
"""Code points beyond ASCII that every terminal draws in one column: Latin, box drawing, blocks, braille."""


def is_wanted() -> bool:
    """Whether to draw by differences: not switched off, and Textual's insides are those that this file knows."""
    if os.environ.get(PLAIN):
        return False
    try:
        return (
            list(inspect.signature(App._display).parameters) == ["self", "screen", "renderable"]
            and _parameters(_compositor.ChopsUpdate) == ["chops", "spans", "chop_ends"]
            and _parameters(_compositor.LayoutUpdate) == ["strips", "region"]
            and callable(Strip.render_ansi)
        )
    except AttributeError:
        return False


def _parameters(kind: type) -> list[str]:
    return list(inspect.signature(kind).parameters)


class Painting(_compositor.CompositorUpdate):
    """A picture reduced to what differs. Its Delta knows of it only once it is rendered, which is when it is sent."""

    def __init__(self, delta: Delta, text: str, pieces: list[tuple[Piece, list[Cell | None]]]) -> None:
        self.text = text
        """What to write; empty if the terminal shows it all by now."""
        self.was_sent = False
        self._delta, self._pieces = delta, pieces

    def render_segments(self, console: Console) -> str:
        self.was_sent = True
        self.keep()
        return self.text

    def keep(self) -> None:
        """The terminal shows this picture from now on."""
        for piece, cells in self._pieces:
            self._delta.keep(piece, cells)


class Delta:
    """The copy of the terminal's cells. `forget` it whenever the terminal may show anything else."""

    def __init__(self) -> None:
        self._rows: list[list[Cell | None]] = []  # None: what is there is not known
        self._strips: list[dict[int, Strip]] = []  # by row and first column: a strip that is still there is not read
        self._width = 0

    def forget(self) -> None:
        """What the terminal shows is not known any more."""
        self._rows, self._strips, self._width = [], [], 0

    def keep(self, piece: Piece, cells: list[Cell | None]) -> None:
        """The terminal shows these cells from now on."""
        y, x, strip = piece
        end, strips = x + len(cells), self._strips[y]
        for other in [at for at, other in strips.items() if at < end and at + other.cell_length > x]:
            del strips[other]
        self._rows[y][x:end] = cells
        if None not in cells:
            strips[x] = strip

    def painting(self, update: object, console: Console) -> Painting | None:
        """What to write to show an update; None if it is not of a kind, or not at a time, that can be reduced."""
        if isinstance(update, _compositor.LayoutUpdate):
            self._begin(update.region.width, update.region.height)
            pieces = _pieces_of_layout(update)
        elif isinstance(update, _compositor.ChopsUpdate) and len(update.chops) == len(self._rows) != 0:
            pieces = _pieces_of_chops(update)
        else:
            self.forget()  # it is sent as it is, to places unknown
            return None
        pen = _Pen(self._width)
        kept: list[tuple[Piece, list[Cell | None]]] = []
        for piece in pieces:
            y, x, strip = piece
            if self._strips[y].get(x) is strip:
                continue
            cells = _cells(strip, console)
            if cells is None:  # an image, a link: sent as it is, every time
                pen.raw(y, x, strip.render(console))
                kept.append((piece, [None] * strip.cell_length))
            else:
                pen.write(y, x, self._rows[y][x : x + len(cells)], cells)
                kept.append((piece, cells))
        return Painting(self, pen.text(), kept)

    def _begin(self, width: int, height: int) -> None:
        if (width, height) != (self._width, len(self._rows)):
            self._width = width
            self._rows = [[None] * width for _ in range(height)]
            self._strips = [{} for _ in range(height)]


def _pieces_of_layout(update: Any) -> Iterator[Piece]:
    for y, line in enumerate(update.strips, update.region.y):
        x = update.region.x
        for strip in line:
            yield y, x, strip
            x += strip.cell_length


def _pieces_of_chops(update: Any) -> Iterator[Piece]:
    """The pieces that the dirty spans touch, whole: a piece has one widget, which has drawn all of it."""
    seen = set()
    for y, first, end in update.spans:
        line: Mapping[int, Strip | None] = update.chops[y]
        for piece_end, (x, strip) in zip(update.chop_ends[y], line.items(), strict=False):
            if strip is not None and x < end and piece_end > first and (y, x) not in seen:
                seen.add((y, x))
                yield y, x, strip


# ---- From strips to cells


def _cells(strip: Strip, console: Console) -> list[Cell | None] | None:
    """One for each column; None if the strip has what is not characters in columns."""
    cells: list[Cell | None] = []
    for text, style, _ in strip:
        if style is not None and style._link:
            return None
        sgr = _sgr(style, console)
        if text.isascii() and text.isprintable():
            cells += [(character, sgr) for character in text]
            continue
        for cluster in _clusters(text):
            if not cluster.isprintable() and not _is_joined(cluster):
                return None
            cells.append((cluster, sgr))
            if _width(cluster) == 2:
                cells.append(("", sgr))
    return cells if len(cells) == strip.cell_length else None


def _sgr(style: Style | None, console: Console) -> str:
    if style is None:
        return ""
    known = style._ansi  # where Strip keeps it as well
    return known if known is not None else Strip.render_ansi(style, console._color_system or ColorSystem.TRUECOLOR)


@lru_cache(4096)
def _clusters(text: str) -> tuple[str, ...]:
    """The characters as a reader counts them; an emoji may have several code points."""
    spans, _ = split_graphemes(text)
    return tuple(text[first:end] for first, end, _ in spans)


@lru_cache(4096)
def _width(cluster: str) -> int:
    return split_graphemes(cluster)[1]


def _is_joined(cluster: str) -> bool:
    """Whether it is unprintable only for joiners and selectors within it."""
    return len(cluster) > 1 and all(each.isprintable() or each in "\u200d\ufe0e\ufe0f" for each in cluster)


@lru_cache(4096)
def _is_sure(character: str) -> bool:
    """Whether the cursor stands one column on after it, in any terminal."""
    return character.isascii() or (
        len(character) == 1 and any(first <= ord(character) <= last for first, last in _SURE_OF_WIDTH)
    )


# ---- From cells to bytes


class _Pen:
    """Writes cells, and knows where the cursor is and what colours are on."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._out: list[str] = []
        self._y = self._x = -1  # -1: not known
        self._sgr = ""

    def write(self, y: int, x: int, old: list[Cell | None], new: list[Cell | None]) -> None:
        if old == new:
            return
        written = -1
        for i, (before, cell) in enumerate(zip(old, new, strict=False)):
            if before == cell or cell is None:
                continue
            head = i if cell[0] else i - 1
            if head > written:
                written = head
                self._put(y, x + head, new[head] or cell)

    def _put(self, y: int, x: int, cell: Cell) -> None:
        character, sgr = cell
        if (self._y, self._x) != (y, x):
            self._move(y, x)
        if sgr != self._sgr:
            self._out.append(f"\x1b[0;{sgr}m" if sgr else "\x1b[0m")
            self._sgr = sgr
        self._out.append(character)
        self._y, self._x = y, x + 1
        if not _is_sure(character) or self._x >= self._width:
            self._x = -1

    def _move(self, y: int, x: int) -> None:
        gap = x - self._x if self._y == y and self._x >= 0 else 0
        self._out.append(f"\x1b[{gap}C" if 0 < gap < 1000 else f"\x1b[{y + 1};{x + 1}H")

    def raw(self, y: int, x: int, text: str) -> None:
        self._reset()
        self._move(y, x)
        self._out.append(text)
        self._y = self._x = -1

    def _reset(self) -> None:
        if self._sgr:
            self._out.append("\x1b[0m")
            self._sgr = ""

    def text(self) -> str:
        self._reset()
        return "".join(self._out)
