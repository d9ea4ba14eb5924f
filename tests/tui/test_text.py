"""tui.text: no outside text commands the terminal, and no number is nan."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from tui.text import brief, cut, duration, number, safe, safe_str, si

HOSTILE = "[@click=app.quit]x[/]\x1b]52;c;AAAA\x07\x9b6n\u202e\u200b\ud800\uffff\x7f[/bold"


def test_control_characters_become_visible_signs() -> None:
    assert safe_str("a\x1b[2Jb\x07c\x7f") == "a␛[2Jb␇c␡"


def test_c1_bidi_and_zero_width_characters_are_named() -> None:
    assert safe_str("\x9b \u202e \u200b \u2066 \ufeff") == "<U+009B> <U+202E> <U+200B> <U+2066> <U+FEFF>"


def test_surrogates_and_noncharacters_are_named() -> None:
    assert safe_str("\ud800\ufdd0\U0001ffff") == "<U+D800><U+FDD0><U+1FFFF>"


def test_markup_stays_text() -> None:
    shown = safe("[bold]x[/bold] [@click=app.quit]y[/]")

    assert shown.plain == "[bold]x[/bold] [@click=app.quit]y[/]"
    assert shown.spans == []


def test_a_tower_of_combining_marks_is_cut_down() -> None:
    assert safe_str("e" + "\u0301" * 50) == "e" + "\u0301" * 3


def test_a_mark_without_a_letter_gets_a_carrier() -> None:
    assert safe_str("\u0301x") == "◌\u0301x"


def test_ordinary_letters_of_many_scripts_pass() -> None:
    text = "Straße Ελλάδα кот 日本語 한국어 עברית"

    assert safe_str(text) == text


def test_wide_letters_are_cut_by_cells() -> None:
    assert safe_str("日本語", 5) == "日本…"
    assert safe_str("日本語", 4) == "日…"


def test_a_text_that_fits_is_not_cut() -> None:
    assert safe_str("abc", 3) == "abc"
    assert safe_str("abc", 0) == ""


def test_anything_can_be_shown() -> None:
    assert safe_str(None) == "None"
    assert safe_str(Text("a\x1bb")) == "a␛b"
    assert safe_str(10**5000) == "<int>"


@given(st.text(st.characters(codec=None)))
def test_nothing_unprintable_comes_through(text: str) -> None:
    shown = safe_str(text)

    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs")]
    assert "\u2028" not in shown


@given(st.text(st.characters(codec=None)), st.integers(-1, 30))
def test_a_cut_text_never_exceeds_its_cells(text: str, width: int) -> None:
    assert cell_len(safe_str(text, width)) <= max(width, 0)


def test_a_long_text_costs_only_what_shows() -> None:
    assert safe_str("x" * 10_000_000, 10) == "x" * 9 + "…"


def test_the_hostile_string_is_harmless() -> None:
    assert safe_str(HOSTILE) == ("[@click=app.quit]x[/]␛]52;c;AAAA␇<U+009B>6n<U+202E><U+200B><U+D800><U+FFFF>␡[/bold")


def test_cut_keeps_whole_letters() -> None:
    assert cut("ab日", 3) == "ab…"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1k"),
        (412_000, "412k"),
        (12.4e6, "12.4M"),
        (50e6, "50M"),
        (999_950, "1M"),
        (-31_000, "-31k"),
        (None, "-"),
        (float("nan"), "-"),
        (float("inf"), "-"),
        (12.5, "12.5"),
        (10**400, "-"),
    ],
)
def test_si_has_three_digits_and_a_suffix(value: float | None, shown: str) -> None:
    assert si(value) == shown


def test_a_fixed_si_number_keeps_its_zeros() -> None:
    assert si(12e6, fixed=True) == "12.0M"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0.00"),
        (4.2, "4.20"),
        (0.0183, "0.0183"),
        (3e-4, "3.0e-4"),
        (391.9, "391.9"),
        (412_345, "412k"),
        (None, "-"),
        (float("nan"), "-"),
        (-0.5, "-0.500"),
        (1e300, "1.0e300"),
    ],
)
def test_brief_fits_any_size(value: float | None, shown: str) -> None:
    assert brief(value) == shown


def test_rewards_show_their_sign() -> None:
    assert brief(4.2, sign=True) == "+4.20"
    assert number(4.2, 1, sign=True) == "+4.2"
    assert number(-0.001, 2, sign=True) == "+0.00"
    assert number(-0.001) == "0.00"
    assert number(None) == "-"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00"), (92.9, "1:32"), (3725, "1:02:05"), (1e6, "11d 13:46h"), (-1, "-"), (None, "-"), (float("nan"), "-")],
)
def test_durations_read_like_a_clock(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown
