"""A table of query results, drawn line by line.

Textual's DataTable renders every cell it is given and reads markup in them; ten thousand rows cost it seconds. This
one draws only the lines that show, and every value passes through `safe_str`. View only: it holds the rows it was
handed and a cursor, and tells the pane which cell was opened or copied. UI thread.
"""

from __future__ import annotations

import math
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import accumulate
from reprlib import Repr
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.text import MISSING, cut, safe_str

GAP = 2
"""Cells between columns: two read as a border without drawing one."""

MAX_COLUMN = 40
"""Cells a column may ask for; it gets more only where room is left over."""

MIN_TEXT = 10
"""Cells to which a column of text may shrink so that the whole row fits the screen."""

WIDEST_TEXT = 400
"""Cells up to which text is measured: no terminal shows more of one cell."""

SAMPLED_CELLS = 4000
"""Cells measured to find the widths, a few milliseconds' worth, besides the longest value of each column."""

SAMPLED_ROWS = 200
MAX_DECIMALS = 4

_INTEGER = r"U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|BIGNUM"
_NUMERIC = re.compile(rf"({_INTEGER}|FLOAT|DOUBLE|REAL|DECIMAL|NUMERIC)(\(\d+, *\d+\))?", re.IGNORECASE)
_TEMPORAL = re.compile(r"DATE|TIME|INTERVAL|UUID", re.IGNORECASE)

_short = Repr()
_short.maxlist = _short.maxtuple = _short.maxset = _short.maxdict = 40
_short.maxstring = _short.maxother = WIDEST_TEXT


# Columns and cells: pure functions


@dataclass(frozen=True)
class Column:
    """How one column is drawn."""

    name: str
    """Safe already, and cut."""

    numeric: bool
    """Numbers stand at the right edge, so that their digits align."""

    decimals: int
    """Digits after the point of every float of the column."""

    signed: bool
    """Rewards always show their sign."""

    elastic: bool
    """Text may be cut where room is short; numbers and times are wrong when cut."""

    natural: int
    """Cells that the widest value (as far as it was measured) and the name ask for."""


def column_of(name: str, type_name: str, values: Sequence[object], sample: int) -> Column:
    """Decide how a column is drawn from its type and its values: the first `sample` of them and the extreme ones."""
    shown_name = safe_str(name, MAX_COLUMN)
    numeric = is_numeric(type_name)
    signed = numeric and any(word in name.lower() for word in ("reward", "return"))
    telling = [*values[:sample], *(_extremes(values) if numeric else _longest(values))]
    decimals = _decimals(telling)
    elastic = not numeric and not _TEMPORAL.match(type_name)
    bare = Column(shown_name, numeric, decimals, signed, elastic, 0)
    widest = max((cell_len(safe_str(cell_text(value, bare), WIDEST_TEXT)) for value in telling), default=0)
    return replace(bare, natural=max(widest, cell_len(shown_name), 1))


def is_numeric(type_name: str) -> bool:
    """Whether a database type such as `DECIMAL(18,3)` is a number."""
    return _NUMERIC.fullmatch(type_name) is not None


def is_missing(value: object) -> bool:
    """NULL and NaN: nothing was measured."""
    return value is None or (isinstance(value, float | Decimal) and math.isnan(value))


def cell_text(value: object, column: Column) -> str:
    """The value in one line of outside text: not safe yet, not cut yet."""
    if is_missing(value):
        return MISSING
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float_text(value, column.decimals, column.signed)
    if isinstance(value, int) and column.signed:
        return f"{value:+d}"
    if isinstance(value, list | tuple | dict | set):
        return _short.repr(value)
    return full_text(value, WIDEST_TEXT)


def full_text(value: object, limit: int) -> str:
    """The whole value up to `limit` characters: outside text, not safe yet."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes | bytearray | memoryview):
        return "0x" + bytes(value[: limit // 2]).hex()
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    try:
        return str(value)[:limit]
    except ValueError:  # an int of more than 4300 digits
        return f"<{type(value).__name__}>"


def pasteable(text: str) -> str:
    """Outside text for the clipboard: whole, but without what a shell it is pasted into would obey."""
    return "".join(
        character for character in text if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cs")
    )


def column_widths(columns: Sequence[Column], room: int) -> list[int]:
    """Cells for each column: what it asks for, less where text can be cut to make the row fit, more where room is."""
    widths = [min(column.natural, MAX_COLUMN) for column in columns]
    spare = room - sum(widths) - GAP * max(len(widths) - 1, 0)
    for index in sorted(range(len(columns)), key=lambda index: -widths[index]):
        least = MIN_TEXT if columns[index].elastic else widths[index]
        change = max(min(spare, columns[index].natural - widths[index]), min(least - widths[index], 0))
        widths[index] += change
        spare -= change
    return widths


def _extremes(values: Sequence[object]) -> list[object]:
    """The numbers that may need the most room: no number is ever cut short unseen."""
    numbers: list[Any] = [value for value in values if isinstance(value, int | float | Decimal)]
    numbers = [value for value in numbers if not is_missing(value)]
    if not numbers:
        return []
    return [max(numbers), min(numbers), min((value for value in numbers if value), key=abs, default=0)]


def _longest(values: Sequence[object]) -> list[object]:
    """The string with the most characters, a good guess at the widest."""
    longest = max((value for value in values if isinstance(value, str)), key=len, default=None)
    return [] if longest is None else [longest]


def _decimals(values: Sequence[object]) -> int:
    """Decimals that show four significant digits of the sampled floats, the same for all so that points align."""
    places = 0
    for value in values:
        if isinstance(value, float) and math.isfinite(value):
            text = f"{value:.4g}"
            if "e" not in text:
                places = max(places, len(text.partition(".")[2]))
    return min(places, MAX_DECIMALS)


def _float_text(value: float, decimals: int, signed: bool) -> str:
    sign = "+" if signed else ""
    size = abs(value)
    lost = abs(value - round(value, decimals)) if size < 1e15 else size
    if lost > size / 200:  # half a percent: these decimals do not tell what the number is
        return f"{value:{sign}.3g}"
    return f"{value:{sign}.{decimals}f}"


# The widget


class ResultTable(ScrollView, can_focus=True):
    """Rows and columns under a header that stays. Owns its cursor; the rows belong to whoever made the result."""

    DEFAULT_CSS = """
    ResultTable {
        height: 1fr;
        scrollbar-size: 1 1;
        & > .result-table--header { color: $text-muted; text-style: bold; }
        & > .result-table--missing { color: $text-disabled; }
        & > .result-table--row { background: $panel; }
        & > .result-table--cursor {
            color: $block-cursor-blurred-foreground;
            background: $block-cursor-blurred-background;
        }
        &:focus > .result-table--cursor {
            color: $block-cursor-foreground;
            background: $block-cursor-background;
            text-style: $block-cursor-text-style;
        }
        &:ansi:nocolor > .result-table--cursor { text-style: reverse; }
    }
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "result-table--header",
        "result-table--missing",
        "result-table--row",
        "result-table--cursor",
    }

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open_cell", "Open", id="result.open", tooltip="Show the whole value of the cell"),
        Binding("y", "copy_cell", "Copy", id="result.copy", tooltip="Copy the cell to the clipboard"),
        Binding("up,k", "move(-1, 0)", "Up", show=False, id="result.up", tooltip="One row up"),
        Binding("down,j", "move(1, 0)", "Down", show=False, id="result.down", tooltip="One row down"),
        Binding("left,h", "move(0, -1)", "Left", show=False, id="result.left", tooltip="One column to the left"),
        Binding("right,l", "move(0, 1)", "Right", show=False, id="result.right", tooltip="One column to the right"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="result.page_up", tooltip="One screen up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="result.page_down", tooltip="One screen down"),
        Binding("home", "column(0)", "First column", show=False, id="result.first_column", tooltip="First column"),
        Binding("end", "column(-1)", "Last column", show=False, id="result.last_column", tooltip="Last column"),
        Binding("ctrl+home,g", "row(0)", "First row", show=False, id="result.first_row", tooltip="First row"),
        Binding("ctrl+end,G", "row(-1)", "Last row", show=False, id="result.last_row", tooltip="Last row"),
    ]

    class CellOpened(Message):
        """The user wants to see the whole value of one cell."""

        def __init__(self, column: str, type_name: str, value: object, row: int) -> None:
            super().__init__()
            self.column = column
            """Name as the database gave it: outside text."""
            self.type_name = type_name
            self.value = value
            self.row = row
            """Counts from 0."""

    class CopyRequested(Message):
        """The user wants this value on the clipboard."""

        def __init__(self, value: object) -> None:
            super().__init__()
            self.value = value

    cursor: reactive[tuple[int, int]] = reactive((0, 0), repaint=False)
    """Row and column, from 0. Repaints only the two rows it touches."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._names: list[str] = []
        self._types: list[str] = []
        self._rows: Sequence[Sequence[object]] = []
        self._columns: list[Column] = []
        self._widths: list[int] = []
        self._offsets: list[int] = []
        self._shown: LRUCache[int, list[str]] = LRUCache(512)  # texts of the rows drawn last: a cursor needs no more

    @property
    def row_count(self) -> int:
        """Rows in the table."""
        return len(self._rows)

    def show_rows(self, columns: Sequence[str], types: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Replace the whole content and go back to the first cell."""
        self._names = list(columns)
        self._types = list(types)
        self._rows = rows
        sample = min(SAMPLED_ROWS, max(SAMPLED_CELLS // max(len(columns), 1), 10))
        self._columns = [
            column_of(name, type_name, [row[index] for row in rows], sample)
            for index, (name, type_name) in enumerate(zip(columns, types, strict=True))
        ]
        self._lay_out()
        self.scroll_to(0, 0, animate=False, force=True)
        self.set_reactive(ResultTable.cursor, (0, 0))
        self.refresh()

    def row_texts(self, row: int) -> list[str]:
        """What a row shows, column by column, without padding."""
        texts = self._shown.get(row)
        if texts is None:
            cells = zip(self._rows[row], self._columns, self._widths, strict=True)
            texts = [safe_str(cell_text(value, column), width) for value, column, width in cells]
            self._shown[row] = texts
        return texts

    # Layout

    def _lay_out(self) -> None:
        """Widths for the room there is. A value that was not sampled may be cut: its cell can be opened."""
        room = self.scrollable_content_region.width
        self._widths = column_widths(self._columns, room)
        self._offsets = [0, *accumulate(width + GAP for width in self._widths)]
        self._shown.clear()
        width = max(self._offsets[-1] - GAP, 0)
        self.virtual_size = Size(width, len(self._rows) + 1 if self._columns else 0)

    def on_resize(self, event: events.Resize) -> None:
        self._lay_out()
        self._reveal(*self.cursor)
        self.refresh()

    # Cursor

    def validate_cursor(self, cursor: tuple[int, int]) -> tuple[int, int]:
        row, column = cursor
        return max(0, min(row, len(self._rows) - 1)), max(0, min(column, len(self._columns) - 1))

    def watch_cursor(self, old: tuple[int, int], new: tuple[int, int]) -> None:
        self.refresh_line(old[0] + 1)
        self.refresh_line(new[0] + 1)
        self._reveal(*new)

    def _reveal(self, row: int, column: int) -> None:
        """Scroll just far enough to show the cell."""
        if not self._columns:
            return
        room = self.scrollable_content_region
        page = max(room.height - 1, 1)
        top, left = self.scroll_offset.y, self.scroll_offset.x
        start, width = self._offsets[column], self._widths[column]
        top = min(max(top, row - page + 1), row)
        left = min(max(left, start + width - room.width), start)
        if (left, top) != self.scroll_offset:
            self.scroll_to(left, top, animate=False, force=True)  # scrollbars may be a frame behind the rows

    def action_move(self, rows: int, columns: int) -> None:
        """Move the cursor by rows and columns."""
        row, column = self.cursor
        self.cursor = (row + rows, column + columns)

    def action_page(self, direction: int) -> None:
        """Move the cursor by a screen of rows."""
        self.action_move(direction * max(self.scrollable_content_region.height - 2, 1), 0)

    def action_row(self, row: int) -> None:
        """Move the cursor to a row, counted from the end if negative."""
        self.cursor = (row % max(len(self._rows), 1), self.cursor[1])

    def action_column(self, column: int) -> None:
        """Move the cursor to a column, counted from the end if negative."""
        self.cursor = (self.cursor[0], column % max(len(self._columns), 1))

    def action_open_cell(self) -> None:
        """Ask for the whole value under the cursor."""
        if self._rows:
            row, column = self.cursor
            opened = self.CellOpened(self._names[column], self._types[column], self._rows[row][column], row)
            self.post_message(opened)

    def action_copy_cell(self) -> None:
        """Ask for the value under the cursor to be copied."""
        if self._rows:
            row, column = self.cursor
            self.post_message(self.CopyRequested(self._rows[row][column]))

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor, a second one opens the cell."""
        row = event.y - 1 + self.scroll_offset.y
        if event.y < 1 or row >= len(self._rows):
            return
        self.cursor = (row, bisect_right(self._offsets, event.x + self.scroll_offset.x) - 1)
        if event.chain > 1:
            self.action_open_cell()

    # Drawing

    def render_line(self, y: int) -> Strip:
        """One line of the widget: the header first, then the rows that are scrolled to."""
        base = self.rich_style
        row = self.scroll_offset.y + y - 1
        if not self._columns or row >= len(self._rows):
            return Strip.blank(self.size.width, base)
        if y == 0:
            style = self.get_component_rich_style("result-table--header")
            return self._strip([column.name for column in self._columns], [style] * len(self._columns), style)
        return self._strip(self.row_texts(row), *self._row_styles(row))

    def _row_styles(self, row: int) -> tuple[list[Style], Style]:
        """Styles of the cells of a row, and of the gaps between them."""
        base = self.rich_style
        missing = Style.from_color(self.get_component_rich_style("result-table--missing").color)
        cursor_row, cursor_column = self.cursor
        if row == cursor_row:
            base = base + self.get_component_rich_style("result-table--row")
        styles = [base + missing if is_missing(value) else base for value in self._rows[row]]
        if row == cursor_row:
            styles[cursor_column] = self.get_component_rich_style("result-table--cursor")
        return styles, base

    def _strip(self, texts: Sequence[str], styles: Sequence[Style], base: Style) -> Strip:
        """Pad the visible columns of a row; equal neighbours become one segment."""
        left = self.scroll_offset.x
        width = self.size.width
        first = max(bisect_right(self._offsets, left) - 1, 0)
        runs: list[tuple[str, Style]] = []
        for index in range(first, len(self._columns)):
            if self._offsets[index] >= left + width:
                break
            _append(runs, self._padded(texts[index], index), styles[index])
            _append(runs, " " * GAP, base)
        strip = Strip([Segment(text, style) for text, style in runs])
        skipped = left - self._offsets[first]
        return strip.crop(skipped, skipped + width).extend_cell_length(width, base)

    def _padded(self, text: str, index: int) -> str:
        width = self._widths[index]
        text = cut(text, width)
        space = " " * (width - cell_len(text))
        return space + text if self._columns[index].numeric else text + space


def _append(runs: list[tuple[str, Style]], text: str, style: Style) -> None:
    if runs and runs[-1][1] == style:
        runs[-1] = (runs[-1][0] + text, style)
    else:
        runs.append((text, style))
