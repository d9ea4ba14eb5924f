"""What may reach a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.tools.text import ago, aligned, count, number, printable


@given(st.text(st.characters()))
def test_nothing_that_a_terminal_obeys_passes(text: str) -> None:
    assert printable(text).isprintable()


@given(st.text(st.characters(categories=["L", "N", "P", "S"])))
def test_plain_text_passes_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("raw", "shown"),
    [("\x1b[2J", "\\x1b[2J"), ("a\nb", "a\\nb"), ("\u202egnp", "\\u202egnp"), ("\udc80", "\\udc80"), (3, "3")],
)
def test_controls_are_shown_as_escapes(raw: object, shown: str) -> None:
    assert printable(raw) == shown


def test_columns_line_up_by_terminal_cells() -> None:
    lines = list(aligned(["name", "n"], [["日本", "7"], ["abc", "10"]], right=[1]))

    assert lines == ["name   n", "日本   7", "abc   10"]


def test_numbers_that_are_none_are_a_dash() -> None:
    assert (number(None), number(float("nan")), count(float("inf")), number(0.5, 1)) == ("-", "-", "-", "0.5")


@pytest.mark.parametrize(("seconds", "words"), [(-3, "0 s"), (59, "59 s"), (60, "1 m"), (7200, "2 h"), (9e5, "10 d")])
def test_ages_are_in_their_largest_unit(seconds: float, words: str) -> None:
    assert ago(seconds) == words
