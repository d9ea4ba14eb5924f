"""The Query pane over a real query session, in an app that wires the two as ours does."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual import on, work
from textual.app import App, ComposeResult
from textual.events import Paste
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Static

import tui.styles
from engine.errors import QueryCancelled, QueryError
from engine.runs import RunState, RunWriter
from engine.stats import QuerySession, Result, TableInfo
from tui.panes.console import ConsolePane
from tui.panes.console.examples import EXAMPLES
from tui.panes.console.notice import Notice
from tui.panes.console.sql_editor import SqlEditor
from tui.panes.console.status_rule import StatusRule
from tui.panes.console.table_tree import TableTree
from tui.widgets.result_table import ResultTable

HOSTILE = "[@click=app.quit]x[/] [/] \x1b]52;c;aGk=\x07\x1b[6n \x9b31m \u202egnp.exe\u200b"

NARROW = (80, 24)
WIDE = (200, 60)


class Ran(Message):
    """A query came to an end."""

    def __init__(self, ticket: int, outcome: Result | QueryError) -> None:
        super().__init__()
        self.ticket = ticket
        self.outcome = outcome


class Host(App[None]):
    """The pane alone. With a session it runs what is submitted; without one it only remembers."""

    CSS_PATH = Path(tui.styles.__file__).parent / "console.tcss"

    def __init__(self, session: QuerySession | None = None) -> None:
        super().__init__()
        self.query_session = session
        self.pane = ConsolePane()
        self.submitted: list[tuple[str, int]] = []
        self.cancels = 0
        self.answers = 0

    def compose(self) -> ComposeResult:
        yield self.pane

    def on_mount(self) -> None:
        self.pane.focus_editor()

    @on(ConsolePane.QuerySubmitted)
    def submit(self, message: ConsolePane.QuerySubmitted) -> None:
        self.submitted.append((message.sql, message.ticket))
        if self.query_session is not None:
            self.pane.query_started(message.ticket)
            self.run_query(self.query_session, message.sql, message.ticket)

    @on(ConsolePane.QueryCancelRequested)
    def cancel(self) -> None:
        self.cancels += 1
        if self.query_session is not None:
            self.query_session.cancel()

    @work(thread=True, exclusive=True, group="query", exit_on_error=False)
    def run_query(self, session: QuerySession, sql: str, ticket: int) -> None:
        try:
            session.refresh()
            self.post_message(Ran(ticket, session.run(sql)))
        except QueryError as error:
            self.post_message(Ran(ticket, error))

    def on_ran(self, message: Ran) -> None:
        self.answers += 1
        if isinstance(message.outcome, QueryError):
            self.pane.show_error(message.ticket, message.outcome)
        else:
            self.pane.show_result(message.ticket, message.outcome)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[QuerySession]:
    """A session over two small runs."""
    for number, run_id in enumerate(("calm-fox", "odd-newt")):
        meta = {"recipe": "navigation", "game": "navigation", "map": "navigation/walls9", "seed": number}
        with RunWriter.create(tmp_path, run_id, {}, meta) as writer:
            for step in range(1, 31):
                writer.metrics(step * 100, {"rollout/ep_rew_mean": step / 10 + number, "time/fps": 1000.0})
            episode = {"env": 0, "agent": 0, "group": 0, "length": 10, "reward": 0.5, "end": "terminated"}
            writer.episodes([{**episode, "episode": index, "terms": {}, "stats": {}} for index in range(5)], step=100)
            writer.close(RunState.FINISHED)
    with QuerySession(tmp_path) as opened:
        yield opened


def result(
    columns: list[str], types: list[str], rows: list[tuple[object, ...]], *, truncated: bool = False, ms: float = 31
) -> Result:
    return Result(columns, types, rows, len(rows), truncated, ms)


def notice_words(app: Host) -> str:
    """What stands in the place of the result."""
    parts = [part for part in app.query_one("#console-notice", Notice).query(Static) if part.display]
    return "\n".join(str(part.render()) for part in parts)


def status_words(app: Host) -> str:
    return app.query_one(StatusRule).words


def on_screen(app: Host) -> str:
    """Every character that would be sent to the terminal for the whole screen."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


def table(app: Host) -> ResultTable:
    return app.query_one(ResultTable)


def editor(app: Host) -> SqlEditor:
    return app.query_one(SqlEditor)


async def ask(pilot: Pilot[None], app: Host, sql: str) -> None:
    """Run a query and wait for its answer."""
    editor(app).show(sql)
    answers = app.answers
    await pilot.press("f5")
    await app.workers.wait_for_complete()
    while app.answers == answers:
        await pilot.pause()
    await pilot.pause()


# A real session


async def test_query_shows_its_rows(session: QuerySession) -> None:
    app = Host(session)
    async with app.run_test(size=NARROW) as pilot:
        await ask(pilot, app, "SELECT run_id, count(*) AS samples FROM metrics GROUP BY run_id ORDER BY run_id")

        assert table(app).display
        assert [table(app).row_texts(row) for row in range(2)] == [["calm-fox", "60"], ["odd-newt", "60"]]
        assert status_words(app).startswith("2 rows, ")
        assert "calm-fox" in on_screen(app)


async def test_error_names_the_place_and_puts_the_caret_there(session: QuerySession) -> None:
    app = Host(session)
    async with app.run_test(size=NARROW) as pilot:
        await ask(pilot, app, "SELECT run_id,\n  metrik\nFROM metrics")

        assert "Line 2, column 3" in notice_words(app)
        assert "metrik" in notice_words(app)
        assert editor(app).cursor_location == (1, 2)
        assert editor(app).has_focus
        assert not table(app).display


async def test_error_in_a_selection_is_found_in_the_whole_text(session: QuerySession) -> None:
    app = Host(session)
    async with app.run_test(size=NARROW) as pilot:
        editor(app).show("SELECT 1;\n  SELECT nope FROM runs")
        editor(app).selection = type(editor(app).selection)((1, 2), (1, 23))
        await pilot.press("f5")
        await app.workers.wait_for_complete()
        while not app.answers:
            await pilot.pause()

        assert app.submitted[0][0] == "SELECT nope FROM runs"
        assert "Line 2, column 10" in notice_words(app)
        assert editor(app).cursor_location == (1, 9)


async def test_escape_cancels_a_long_query(session: QuerySession) -> None:
    session.refresh()
    app = Host(session)
    async with app.run_test(size=NARROW) as pilot:
        editor(app).show("SELECT count(*) FROM range(100000000000) a, range(1000) b WHERE a.range % 7 = b.range % 5")
        await pilot.press("f5")
        assert "running" in status_words(app)
        while not session._is_running:  # before that there is nothing to interrupt
            await pilot.pause()

        await pilot.press("escape")
        await app.workers.wait_for_complete()
        while not app.answers:
            await pilot.pause()

        assert app.cancels == 1
        assert status_words(app).startswith("cancelled after ")


@pytest.mark.parametrize("sql", EXAMPLES, ids=lambda sql: sql.splitlines()[0].lstrip("- "))
async def test_every_example_gives_rows(session: QuerySession, sql: str) -> None:
    app = Host(session)
    async with app.run_test(size=WIDE) as pilot:
        await ask(pilot, app, sql)

        assert table(app).display, notice_words(app)
        assert table(app).row_count > 0


async def test_tables_of_the_session_show_beside_the_query(session: QuerySession) -> None:
    session.refresh()
    app = Host(session)
    async with app.run_test(size=WIDE) as pilot:
        app.pane.set_tables(session.tables())
        await pilot.pause()

        assert "agent_metrics" in on_screen(app)
        assert " 120" in on_screen(app)


async def test_hostile_text_from_the_database_is_harmless(session: QuerySession) -> None:
    app = Host(session)
    async with app.run_test(size=NARROW) as pilot:
        literal = "chr(27) || ']52;c;aGk=' || chr(7) || '[@click=app.quit]x[/][/]' || chr(8238) || chr(155)"
        await ask(pilot, app, f'SELECT {literal} AS "[@click=app.quit]c[/] [/]"')
        assert_harmless(app)
        await pilot.press("tab", "enter")
        assert_harmless(app)
        await pilot.press("escape")
        await ask(pilot, app, f"SELECT error({literal})")
        assert "[@click=app.quit]x[/][/]" in on_screen(app)
        assert_harmless(app)


async def test_ten_thousand_rows_are_said_to_be_the_first(session: QuerySession) -> None:
    app = Host(session)
    async with app.run_test(size=NARROW) as pilot:
        await ask(pilot, app, "SELECT range AS n, 'row ' || range AS name FROM range(20000)")
        await pilot.press("tab", "G")

        assert status_words(app).startswith("first 10,000 rows, ")
        assert "row 9999" in on_screen(app)
        assert len(table(app)._shown) < 100


# The pane alone


def assert_harmless(app: Host) -> None:
    bad = {char for char in on_screen(app) if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Cs")}
    assert not bad
    assert app.is_running


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_empty_pane_says_what_it_is_for_and_which_key_runs(size: tuple[int, int]) -> None:
    app = Host()
    async with app.run_test(size=size) as pilot:
        await pilot.pause()

        assert "Ask your runs anything" in on_screen(app)
        assert "F5" in on_screen(app)


async def test_letters_and_digits_are_typed() -> None:
    app = Host()
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press(*"y1gxz4")

        assert editor(app).text == "y1gxz4"


@pytest.mark.parametrize("key", ["f5", "ctrl+r", "ctrl+enter"])
async def test_each_run_key_submits_the_text(key: str) -> None:
    app = Host()
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press(*"1")
        await pilot.press(key)

        assert app.submitted == [("1", 1)]
        assert editor(app).text == "1"


async def test_nothing_is_submitted_without_text_or_twice() -> None:
    app = Host()
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("f5")
        assert "nothing to run" in status_words(app)
        await pilot.press("1", "f5", "f5")

        assert len(app.submitted) == 1


async def test_answers_to_older_tickets_are_dropped() -> None:
    app = Host()
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("1", "f5")
        app.pane.show_result(1, result(["a"], ["BIGINT"], [(1,)]))
        await pilot.press("f5")

        app.pane.show_result(1, result(["old"], ["BIGINT"], [(0,)]))
        app.pane.show_error(1, QueryError("old"))
        assert "running" in status_words(app)
        app.pane.show_result(2, result(["new"], ["BIGINT"], [(2,), (3,)], ms=1500))

        assert table(app).row_texts(0) == ["2"]
        assert status_words(app) == "2 rows, 1.5 s"


async def test_cancelled_query_leaves_the_result_before_it() -> None:
    app = Host()
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("1", "f5")
        app.pane.show_result(1, result(["a"], ["BIGINT"], [(7,)]))
        await pilot.press("f5", "escape")
        app.pane.show_error(2, QueryCancelled("the query was cancelled"))

        assert app.cancels == 1
        assert table(app).display
        assert table(app).row_texts(0) == ["7"]


async def test_second_escape_stops_waiting_for_a_query_that_never_answers() -> None:
    app = Host()
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("1", "f5", "escape")
        assert status_words(app).startswith("cancelling")
        await pilot.press("escape")
        app.pane.show_result(1, result(["late"], ["BIGINT"], [(1,)]))
        await pilot.press("f5")

        assert not table(app).display
        assert len(app.submitted) == 2


async def test_escape_leaves_the_editor_and_then_belongs_to_the_app() -> None:
    app = Host()
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("1", "f5")
        app.pane.show_result(1, result(["a"], ["BIGINT"], [(1,)]))

        await pilot.press("escape")
        assert table(app).has_focus
        assert not app.pane.check_action("back", ())
        await pilot.press("escape")
        assert table(app).has_focus


async def test_tab_switches_between_query_and_result() -> None:
    app = Host()
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("tab")
        assert app.query_one("#console-notice").has_focus
        await pilot.press("tab")
        assert editor(app).has_focus
        assert editor(app).text == ""


async def test_shift_tab_goes_round_by_way_of_the_tables() -> None:
    app = Host()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("shift+tab")
        assert app.query_one(TableTree).has_focus
        await pilot.press("shift+tab")
        assert app.query_one("#console-notice").has_focus
        await pilot.press("shift+tab")
        assert editor(app).has_focus


async def test_enter_shows_the_whole_cell_and_escape_goes_back() -> None:
    app = Host()
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("1", "f5")
        app.pane.show_result(1, result(["text"], ["VARCHAR"], [("one\ntwo " + "x" * 30 + " end of it",)]))
        await pilot.press("tab", "enter")
        assert "end of it" in on_screen(app)
        assert "varchar, row 1" in on_screen(app)

        await pilot.press("escape")
        assert table(app).has_focus


async def test_a_huge_cell_is_opened_in_part() -> None:
    app = Host()
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("1", "f5")
        app.pane.show_result(1, result(["text"], ["VARCHAR"], [("line\n" * 1_000_000,)]))
        await pilot.press("tab", "enter")

        assert "more lines" in str(app.query_one("#console-cell .lines", Static).render())
        assert "only the first 20,000 characters" in str(app.query_one("#console-cell .hint", Static).render())


async def test_y_copies_the_cell_without_control_characters() -> None:
    app = Host()
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("1", "f5")
        app.pane.show_result(1, result(["text"], ["VARCHAR"], [("rm -rf\x1b[201~\r ok",)]))
        await pilot.press("tab", "y")

        assert app.clipboard == "rm -rf[201~ ok"
        assert status_words(app) == "copied 14 characters"


async def test_history_walks_through_what_was_run() -> None:
    app = Host()
    async with app.run_test(size=NARROW) as pilot:
        for ticket, digit in enumerate("12", start=1):
            editor(app).show(digit)
            await pilot.press("f5")
            app.pane.show_result(ticket, result(["a"], ["BIGINT"], []))
        editor(app).show("draft")

        await pilot.press("ctrl+up", "ctrl+up")
        assert editor(app).text == "1"
        await pilot.press("ctrl+down", "alt+down")
        assert editor(app).text == "draft"


async def test_examples_come_round_and_what_was_typed_can_be_had_back() -> None:
    app = Host()
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press(*"mine")
        for example in (*EXAMPLES, EXAMPLES[0]):
            await pilot.press("ctrl+t")
            assert editor(app).text == example
        await pilot.press("ctrl+up")

        assert editor(app).text == "mine"


async def test_tables_show_by_width_and_by_key() -> None:
    app = Host()
    async with app.run_test(size=NARROW) as pilot:
        tables = app.query_one("#console-side")
        assert not tables.display
        await pilot.press("f9")
        assert tables.display
        assert app.query_one(TableTree).has_focus
        await pilot.press("f9")
        assert not tables.display
        assert editor(app).has_focus
    async with Host().run_test(size=WIDE) as pilot:
        assert pilot.app.query_one("#console-side").display


async def test_column_of_a_table_goes_into_the_query() -> None:
    app = Host()
    async with app.run_test(size=WIDE) as pilot:
        app.pane.set_tables([TableInfo("runs", "view", 3, (("run_id", "VARCHAR"), ("odd name", "VARCHAR")))])
        await pilot.pause()
        await pilot.press("f9", "f9", "enter", "down", "down", "enter")

        assert editor(app).text == '"odd name"'
        assert editor(app).has_focus


async def test_tables_may_come_before_the_pane_is_mounted() -> None:
    app = Host()
    app.pane.set_tables([TableInfo("runs", "view", 3, (("run_id", "VARCHAR"),))])
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()

        assert "runs" in on_screen(app)


async def test_new_row_counts_keep_what_is_unfolded() -> None:
    app = Host()
    async with app.run_test(size=WIDE) as pilot:
        app.pane.set_tables([TableInfo("runs", "view", 3, (("run_id", "VARCHAR"),))])
        await pilot.pause()
        await pilot.press("f9", "f9", "enter")
        app.pane.set_tables([TableInfo("runs", "view", 4000, (("run_id", "VARCHAR"),))])
        await pilot.pause()

        assert "run_id" in on_screen(app)
        assert "4k" in on_screen(app)


async def test_outside_text_is_harmless_wherever_it_shows() -> None:
    app = Host()
    async with app.run_test(size=WIDE) as pilot:
        app.pane.set_tables([TableInfo(HOSTILE, HOSTILE, 3, ((HOSTILE, HOSTILE),))])
        await pilot.pause()
        await pilot.press("f9", "f9", "enter", "down", "enter")
        editor(app).post_message(Paste(HOSTILE))
        await pilot.press("f5")
        assert_harmless(app)
        app.pane.show_error(1, QueryError(HOSTILE, hint=HOSTILE, line=9, column=99))
        await pilot.pause()
        assert "[@click=app.quit]x[/] [/]" in notice_words(app)
        assert_harmless(app)
        await pilot.press("f5")
        app.pane.show_result(2, result([HOSTILE], [HOSTILE], [(HOSTILE,)]))
        await pilot.press("tab", "enter")
        assert_harmless(app)


async def test_caret_stays_where_the_text_has_changed_since() -> None:
    app = Host()
    async with app.run_test(size=NARROW) as pilot:
        editor(app).show("select nope")
        await pilot.press("f5")
        editor(app).show("something else")
        app.pane.show_error(1, QueryError("no such column", line=1, column=8))

        assert editor(app).cursor_location == (0, 14)
        assert "Line 1, column 8 of the query as it was run" in notice_words(app)


async def test_error_without_a_place_still_shows() -> None:
    app = Host()
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("1", "f5")
        app.pane.show_error(1, QueryError("the query needs too much memory", hint="add a LIMIT"))
        await pilot.pause()

        assert "the query needs too much memory" in on_screen(app)
        assert "add a LIMIT" in on_screen(app)


async def test_pane_binds_no_key_that_terminals_confuse() -> None:
    bindings = [binding for binding in (*ConsolePane.BINDINGS, *ResultTable.BINDINGS) if not isinstance(binding, tuple)]

    for binding in bindings:
        assert binding.id
        assert binding.tooltip
        assert not {"ctrl+h", "ctrl+i", "ctrl+j", "ctrl+m", "ctrl+b"} & set(binding.key.split(","))


def test_importing_the_pane_imports_no_database() -> None:
    code = "import sys, tui.panes.console; print({'duckdb', 'torch', 'engine.stats'} & set(sys.modules))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"
