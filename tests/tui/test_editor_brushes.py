"""What the palette offers, and where it puts it."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from engine.sim import games
from tui.panes.editor.brushes import arrange, brushes_of, lines_of, shown_as


def test_palette_is_what_the_game_knows() -> None:
    assert brushes_of(games.navigation()) == ("empty", "wall", "agent", "goal")
    assert brushes_of(games.arena(groups=1)) == ("empty", "wall", "agent", "mine", "generator", "altar")


def test_teams_have_brushes_where_there_are_teams() -> None:
    assert brushes_of(games.arena(groups=2))[3:5] == ("agent.team_1", "agent.team_2")


def test_only_teams_with_a_character_are_offered() -> None:
    assert "agent.team_5" not in brushes_of(games.arena(agents=8, groups=8))


def test_kind_without_a_character_shows_as_a_question_mark() -> None:
    assert shown_as("lava") == "?"


@given(st.lists(st.integers(1, 30), max_size=12), st.integers(30, 120))
def test_brushes_never_overlap_nor_leave_the_palette(widths: list[int], view_width: int) -> None:
    slots = arrange(widths, view_width, stacked=False)

    for slot in slots:
        assert slot.start + slot.width <= view_width
    for before, after in itertools.pairwise(slots):
        assert after.line == before.line + 1 or after.start > before.start + before.width - 1
    assert lines_of(slots) == (slots[-1].line + 1 if slots else 0)


def test_stacked_brushes_take_a_line_each() -> None:
    assert [slot.line for slot in arrange([5, 5, 5], 40, stacked=True)] == [0, 1, 2]
