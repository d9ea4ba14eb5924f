"""The Query pane: SQL above, its result below, the tables beside them.

View only: it owns the text being typed, the history of queries and what is unfolded. A query leaves as
`QuerySubmitted` with a ticket; whoever runs it answers with that ticket, and answers to older tickets are dropped.
UI thread.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from engine.errors import QueryCancelled, QueryError
from tui.widgets.result_table import ResultTable, full_text, pasteable

from .examples import EXAMPLES
from .history import History
from .notice import Notice
from .sql_editor import SqlEditor
from .sql_text import quoted
from .status_rule import StatusRule, rows_words, time_words
from .table_tree import TableTree

if TYPE_CHECKING:
    from engine.stats import Result, TableInfo

SIDEBAR_FROM = 100
"""Cells of width from which the tables show by themselves: below, the result needs the room."""

COUNTER_SECONDS = 0.2
"""Beat of the time counter: calm, and one short line over a slow link."""

MAX_CELL_CHARACTERS = 20_000
"""Of one opened cell: some screens full."""

MAX_COPY_BYTES = 70_000
"""Terminals drop longer OSC 52 sequences (100,000 bytes after base64) without a word."""


class ConsolePane(Widget):
    """SQL console over everything the runs have recorded."""

    HELP = """
    # Query

    Every run's metrics, episodes and events are tables. Type SQL and press **F5** (or ctrl+r, ctrl+enter); a selected
    part runs alone. Queries only read: `CREATE TEMP TABLE name AS SELECT ...` makes a table of your own.

    - **tab** goes to the result, **shift+tab** round by way of the tables, **esc** one step back
    - **esc** while a query runs cancels it
    - **ctrl+t** brings the next example, **ctrl+up** and **ctrl+down** (or alt) walk through earlier queries
    - **f9** shows the tables; enter on a column puts its name into the query
    - in the result: arrows, page keys, **g** and **G** move, **enter** shows the whole cell, **y** copies it
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5,ctrl+r,ctrl+enter", "run", "Run", id="console.run", tooltip="Run the query, or what is selected"),
        Binding("escape", "cancel", "Cancel", id="console.cancel", tooltip="Stop the running query"),
        Binding("escape", "back", "Back", show=False, id="console.back", tooltip="One step back"),
        Binding("tab", "to_result", "Results", id="console.to_result", tooltip="Go to the result"),
        Binding("tab", "to_query", "Query", id="console.to_query", tooltip="Go to the query"),
        Binding("shift+tab", "round", "Round", show=False, id="console.round", tooltip="Query, tables, result in turn"),
        Binding("ctrl+t", "example", "Example", id="console.example", tooltip="Bring the next ready-made query"),
        Binding("ctrl+up,alt+up", "older", "Older", show=False, id="console.older", tooltip="The query before this"),
        Binding("ctrl+down,alt+down", "newer", "Newer", show=False, id="console.newer", tooltip="The query after this"),
        Binding("f9", "tables", "Tables", id="console.tables", tooltip="Show or hide the tables and their columns"),
    ]

    class QuerySubmitted(Message):
        """The user wants this query to be run."""

        def __init__(self, sql: str, ticket: int) -> None:
            super().__init__()
            self.sql = sql
            self.ticket = ticket
            """Goes back with the answer."""

    class QueryCancelRequested(Message):
        """The user wants the running query to stop. An answer (rows, or QueryCancelled) is still expected."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.query_history = History()
        self._ticket = 0
        self._waiting = False
        self._cancelling = False
        self._sent_at = 0.0  # monotonic seconds
        self._sent = ("", (0, 0))  # the query of the ticket, and where in the editor it starts
        self._example = -1
        self._tables_wanted: bool | None = None  # None: as the width allows
        self._editor = SqlEditor(id="console-sql")
        self._status = StatusRule(id="console-status")
        self._notice = Notice(id="console-notice")
        self._table = ResultTable(id="console-result")
        self._cell = Notice(id="console-cell")
        self._tree = TableTree(id="console-tables")
        self._clock: Timer | None = None

    def compose(self) -> ComposeResult:
        with Container(id="console-work"):
            yield self._editor
            yield self._status
            yield self._notice
            yield self._table
            yield self._cell
        with Container(id="console-side"):
            yield Static("tables", id="console-side-title")
            yield self._tree

    def on_mount(self) -> None:
        self._clock = self.set_interval(COUNTER_SECONDS, self._count, pause=True)
        self._show_only(self._notice)
        self._notice.say(
            "Ask your runs anything",
            "Metrics, episodes and events of every run are tables here. Type SQL above and press F5.",
            "ctrl+t brings an example   ctrl+up the query before   f9 shows the tables",
        )

    # What the world tells

    def query_started(self, ticket: int) -> None:
        """The query is being run from now on."""
        if ticket == self._ticket and self._waiting:
            self._sent_at = time.monotonic()
            self._count()

    def show_result(self, ticket: int, result: Result) -> None:
        """The query came to an end and these are its rows."""
        if ticket != self._ticket:
            return
        self._settle()
        self._table.show_rows(result.columns, result.types, result.rows)
        self._show_only(self._table)
        self._say(f"{rows_words(len(result.rows), result.truncated)}, {time_words(result.elapsed_ms / 1000)}")

    def show_error(self, ticket: int, error: QueryError) -> None:
        """The query failed, or was cancelled: then the result before it stays."""
        if ticket != self._ticket:
            return
        elapsed = time_words(time.monotonic() - self._sent_at)
        self._settle()
        if isinstance(error, QueryCancelled):
            self._say(f"cancelled after {elapsed}")
            return
        self._notice.say(self._go_to(error) or "The query failed", error.message, error.hint, is_error=True)
        self._show_only(self._notice)
        self._say("error")
        if self.has_focus_within:
            self._editor.focus()

    def set_tables(self, tables: Sequence[TableInfo]) -> None:
        """These tables can be asked."""
        self._tree.show_tables(tables)

    def focus_editor(self) -> None:
        """Put the keyboard where a query is typed."""
        self._editor.focus()

    # What the keys do

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape belongs to this pane only while there is a step to go back; after that it is the app's."""
        focused = self.screen.focused
        if action == "cancel":
            return self._waiting
        if action == "back":
            return focused in (self._editor, self._cell, self._tree)
        if action in ("to_result", "to_query"):
            return (focused is self._editor) == (action == "to_result")
        return True

    def action_run(self) -> None:
        """Send the selection, or else the whole text."""
        sql, origin = self._editor.chosen()
        if self._waiting:
            self._say("a query is running; esc stops it")
            return
        if not sql.strip():
            self._say("nothing to run: type a query, or press ctrl+t for an example")
            return
        self.query_history.remember(self._editor.text)
        self._sent = (sql, origin)
        self._ticket += 1
        self._sent_at = time.monotonic()
        self._set_running(True)
        self.post_message(self.QuerySubmitted(sql, self._ticket))

    def action_cancel(self) -> None:
        """Ask for the query to stop; pressed again, stop waiting for its answer."""
        self.post_message(self.QueryCancelRequested())
        if self._cancelling:
            self._ticket += 1
            self._settle()
            self._say("no longer waiting for the query")
            return
        self._cancelling = True
        self._count()

    def action_back(self) -> None:
        """From a cell to its table, from the tables to the editor, from the editor to the result."""
        if self.screen.focused is self._cell:
            self._show_only(self._table)
            self._table.focus()
        elif self.screen.focused is self._tree:
            self._editor.focus()
        else:
            self._below.focus()

    def action_to_result(self) -> None:
        """Go to what stands below the editor."""
        self._below.focus()

    def action_to_query(self) -> None:
        """Go to the editor."""
        self._editor.focus()

    def action_round(self) -> None:
        """From the query to the tables, where they show, to the result, and to the query again."""
        if self._editor.has_focus and self.has_class("-tables"):
            self._tree.focus()
        elif self._editor.has_focus or self._tree.has_focus:
            self._below.focus()
        else:
            self._editor.focus()

    def action_example(self) -> None:
        """Bring the next ready-made query; what was typed is kept in the history."""
        if self._editor.text not in EXAMPLES:
            self.query_history.remember(self._editor.text)
        self._example = (self._example + 1) % len(EXAMPLES)
        self._editor.show(EXAMPLES[self._example])
        self._editor.move_cursor((0, 0))  # its first line says what it is
        self._editor.focus()

    def action_older(self) -> None:
        """Bring the query before."""
        self._bring(self.query_history.older(self._editor.text))

    def action_newer(self) -> None:
        """Bring the query after."""
        self._bring(self.query_history.newer())

    def action_tables(self) -> None:
        """Show the tables, or hide them."""
        had_focus = self._tree.has_focus
        self._tables_wanted = not self.has_class("-tables")
        self._fold()
        if self._tables_wanted:
            self._tree.focus()
        elif had_focus:
            self._editor.focus()

    @on(TableTree.NamePicked)
    def _insert_name(self, event: TableTree.NamePicked) -> None:
        event.stop()
        self._editor.insert(quoted(event.name))
        self._editor.focus()

    @on(ResultTable.CellOpened)
    def _open_cell(self, event: ResultTable.CellOpened) -> None:
        event.stop()
        text = full_text(event.value, MAX_CELL_CHARACTERS + 1)
        rest = f"only the first {MAX_CELL_CHARACTERS:,} characters   " if len(text) > MAX_CELL_CHARACTERS else ""
        place = f"{event.type_name.lower()}, row {event.row + 1:,}   {rest}esc goes back"
        self._cell.say(event.column, text[:MAX_CELL_CHARACTERS] or "(empty)", place)
        self._show_only(self._cell)
        self._cell.focus()

    @on(ResultTable.CopyRequested)
    def _copy_cell(self, event: ResultTable.CopyRequested) -> None:
        event.stop()
        text = pasteable(full_text(event.value, MAX_COPY_BYTES + 1))
        start = text.encode()[:MAX_COPY_BYTES].decode(errors="ignore")
        self.app.copy_to_clipboard(start)
        which = "" if start == text else "only the first "
        self._say(f"copied {which}{len(start):,} {'character' if len(start) == 1 else 'characters'}")

    # State

    @property
    def _below(self) -> Widget:
        """What stands below the editor."""
        return next(part for part in (self._cell, self._table, self._notice) if part.display)

    def _show_only(self, part: Widget) -> None:
        had_focus = self.screen.focused in (self._cell, self._table, self._notice)
        for other in (self._cell, self._table, self._notice):
            other.display = other is part
        if had_focus:
            part.focus()

    def _set_running(self, running: bool) -> None:
        self._waiting = running
        self._cancelling = False
        self.set_class(running, "-running")
        self.refresh_bindings()
        assert self._clock is not None
        if running:
            self._clock.resume()
            self._count()
        else:
            self._clock.pause()

    def _settle(self) -> None:
        """The query of the present ticket is over."""
        self._set_running(False)

    def _count(self) -> None:
        words = ("cancelling", "esc stops waiting") if self._cancelling else ("running", "esc cancels")
        self._say(f"{words[0]} {time.monotonic() - self._sent_at:.1f} s   {words[1]}")

    def _say(self, words: str) -> None:
        self._status.words = words

    def _go_to(self, error: QueryError) -> str:
        """Put the caret where the error is, and name the place; nothing of both where the place is unknown."""
        if not (error.line and error.column):
            return ""
        sql, (row, column) = self._sent
        if self._editor.get_text_range((row, column), self._editor.document.end).startswith(sql):
            column = error.column - 1 + (column if error.line == 1 else 0)
            row += error.line - 1
            self._editor.move_cursor((row, column))
            return f"Line {row + 1}, column {column + 1}"
        return f"Line {error.line}, column {error.column} of the query as it was run"

    def _bring(self, sql: str | None) -> None:
        if sql is not None:
            self._editor.show(sql)
            self._editor.focus()

    def _fold(self) -> None:
        """Show the tables as the user wants them, or as the width allows."""
        wide = self.size.width >= SIDEBAR_FROM
        self.set_class(wide if self._tables_wanted is None else self._tables_wanted, "-tables")

    def on_resize(self, event: events.Resize) -> None:
        self._fold()
