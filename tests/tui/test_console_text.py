"""The console without a screen: history, coloured words, text made fit for the editor."""

from __future__ import annotations

import pytest

from tui.panes.console.history import MAX_ENTRIES, History
from tui.panes.console.sql_text import COLOURED_CHARACTERS, coloured_words, editable, quoted
from tui.panes.console.status_rule import rows_words, time_words


def test_history_goes_back_and_returns_to_what_was_being_typed() -> None:
    history = History(["one", "two"])

    assert [history.older("draft"), history.older("two"), history.older("one")] == ["two", "one", None]
    assert [history.newer(), history.newer(), history.newer()] == ["two", "draft", None]


def test_history_skips_what_is_on_the_screen_already() -> None:
    history = History(["one", "two"])

    assert history.older("two") == "one"


def test_a_query_run_again_moves_up() -> None:
    history = History(["one", "two", "one", "  "])

    assert history.entries == ["two", "one"]


def test_history_is_bounded() -> None:
    history = History(str(number) for number in range(MAX_ENTRIES + 50))

    assert len(history.entries) == MAX_ENTRIES
    assert history.older("") == str(MAX_ENTRIES + 49)


def test_words_are_found_by_line() -> None:
    sql = "SELECT 'it''s', 1.5 -- from\nFROM \"select\""

    assert coloured_words(sql) == {
        0: [(0, 6, "keyword"), (7, 14, "string"), (16, 19, "number"), (20, 27, "comment")],
        1: [(0, 4, "keyword")],
    }


def test_a_comment_over_lines_is_coloured_on_each() -> None:
    assert coloured_words("a /* b\nselect\nc */ limit") == {
        0: [(2, 6, "comment")],
        1: [(0, 6, "comment")],
        2: [(0, 4, "comment"), (5, 10, "keyword")],
    }


def test_long_text_stays_plain() -> None:
    assert coloured_words("select " * COLOURED_CHARACTERS) == {}


def test_editable_text_keeps_lines_and_loses_controls() -> None:
    assert editable("a\r\n\tb\x1b[6n\n") == "a\n    b␛[6n\n"


@pytest.mark.parametrize(
    ("name", "written"), [("value", "value"), ("order", '"order"'), ("A b", '"A b"'), ('x"y', '"x""y"')]
)
def test_names_are_quoted_where_sql_needs_it(name: str, written: str) -> None:
    assert quoted(name) == written


@pytest.mark.parametrize(
    ("count", "truncated", "words"),
    [(0, False, "no rows"), (1, False, "1 row"), (1200, False, "1,200 rows"), (10_000, True, "first 10,000 rows")],
)
def test_row_counts_in_words(count: int, truncated: bool, words: str) -> None:
    assert rows_words(count, truncated) == words


@pytest.mark.parametrize(("seconds", "words"), [(0.031, "31 ms"), (0.9999, "1.0 s"), (3.14, "3.1 s"), (92, "1:32")])
def test_times_in_words(seconds: float, words: str) -> None:
    assert time_words(seconds) == words
