"""The result table: what a cell shows, how wide columns are, and how the cursor moves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import pytest
from textual.app import App, ComposeResult

from tui.widgets.result_table import (
    GAP,
    MAX_COLUMN,
    WIDEST_TEXT,
    Column,
    ResultTable,
    cell_text,
    column_of,
    column_widths,
    full_text,
    is_numeric,
    pasteable,
)

HOSTILE = "[@click=app.quit]x[/] [/] \x1b]52;c;aGk=\x07 \x1b[6n \x9b31m \u202egnp.exe\u200b \ud800 e" + "\u0301" * 40


class TableApp(App[None]):
    """A table alone, and what it said."""

    def __init__(self) -> None:
        super().__init__()
        self.table = ResultTable()
        self.opened: list[ResultTable.CellOpened] = []
        self.copied: list[object] = []

    def compose(self) -> ComposeResult:
        yield self.table

    def on_mount(self) -> None:
        self.table.focus()

    def on_result_table_cell_opened(self, message: ResultTable.CellOpened) -> None:
        self.opened.append(message)

    def on_result_table_copy_requested(self, message: ResultTable.CopyRequested) -> None:
        self.copied.append(message.value)


def drawn(table: ResultTable) -> list[str]:
    """The lines of a table as they stand on the screen."""
    return [table.render_line(y).text.rstrip() for y in range(table.size.height)]


def column(name: str, type_name: str, values: Sequence[object]) -> Column:
    return column_of(name, type_name, values, 100)


@pytest.mark.parametrize("name", ["BIGINT", "UINTEGER", "DOUBLE", "DECIMAL(18,3)", "DECIMAL(18, 3)", "HUGEINT"])
def test_number_types_are_numeric(name: str) -> None:
    assert is_numeric(name)


@pytest.mark.parametrize("name", ["VARCHAR", "DOUBLE[]", "BOOLEAN", "TIMESTAMP", "STRUCT(a INTEGER)", "INTERVAL"])
def test_other_types_are_not_numeric(name: str) -> None:
    assert not is_numeric(name)


def test_floats_of_a_column_share_their_decimals() -> None:
    values = [4.2, 1 / 3, 12.0]

    shown = column("value", "DOUBLE", values)

    assert [cell_text(value, shown) for value in values] == ["4.2000", "0.3333", "12.0000"]


def test_a_number_too_small_for_the_decimals_keeps_its_digits() -> None:
    values = [0.5123, 0.00025, 3e-9]

    shown = column("value", "DOUBLE", values)

    assert [cell_text(value, shown) for value in values] == ["0.5123", "0.00025", "3e-09"]


def test_rewards_show_their_sign() -> None:
    shown = column("avg_reward", "DOUBLE", [4.25, -0.5])

    assert [cell_text(value, shown) for value in (4.25, -0.5)] == ["+4.25", "-0.50"]


@pytest.mark.parametrize("value", [None, math.nan, Decimal("NaN")])
def test_missing_values_are_a_dash(value: object) -> None:
    assert cell_text(value, column("value", "DOUBLE", [value])) == "-"


def test_other_values_read_naturally() -> None:
    text = column("x", "VARCHAR", [])

    assert cell_text(True, text) == "true"
    assert cell_text(datetime(2025, 1, 2, 3, 4, 5), text) == "2025-01-02 03:04:05"
    assert cell_text(b"\x00\xff", text) == "0x00ff"
    assert cell_text(10**5000, text) == "<int>"


def test_a_large_list_is_not_written_out_for_a_cell() -> None:
    assert len(cell_text(list(range(1_000_000)), column("x", "BIGINT[]", []))) < 2 * WIDEST_TEXT


def test_full_text_is_limited() -> None:
    assert full_text("x" * 100, 10) == "x" * 10
    assert full_text(None, 10) == "NULL"


def test_pasted_text_cannot_command_a_shell() -> None:
    assert pasteable("a\tb\nc\r\x1b[201~\x00d") == "a\tb\nc[201~d"


def test_text_columns_shrink_before_the_row_is_too_wide() -> None:
    columns = [column("a", "VARCHAR", ["x" * 30]), column("b", "BIGINT", [10**19])]

    assert column_widths(columns, 20 + GAP + 14) == [14, 20]


def test_numbers_are_never_narrowed() -> None:
    columns = [column("b", "BIGINT", [10**19]), column("c", "TIMESTAMP", [datetime(2025, 1, 2, 3, 4, 5)])]

    assert column_widths(columns, 10) == [20, 19]


def test_spare_room_goes_to_what_was_cut() -> None:
    columns = [column("a", "VARCHAR", ["x" * 90]), column("b", "VARCHAR", ["x" * 5])]

    assert column_widths(columns, 80) == [80 - GAP - 5, 5]
    assert column_widths(columns, MAX_COLUMN + GAP + 5) == [MAX_COLUMN, 5]


def test_a_number_beyond_the_sample_still_has_room() -> None:
    values = [1] * 1000 + [123_456_789]

    assert column_of("n", "BIGINT", values, 10).natural == 9


async def test_numbers_stand_right_and_text_left() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 5)):
        app.table.show_rows(["name", "n"], ["VARCHAR", "BIGINT"], [("a", 1), ("long one", 1234), (None, None)])

        assert drawn(app.table) == ["name         n", "a            1", "long one  1234", "-            -", ""]


async def test_only_visible_rows_are_formatted() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 20)) as pilot:
        rows = [(index, f"row {index}") for index in range(10_000)]
        app.table.show_rows(["n", "text"], ["BIGINT", "VARCHAR"], rows)
        await pilot.press("pagedown", "G", "up")
        await pilot.pause()

        assert drawn(app.table)[-1].split() == ["9999", "row", "9999"]
        assert app.table.cursor == (9998, 0)
        assert len(app.table._shown) < 100


async def test_header_stays_while_rows_scroll() -> None:
    app = TableApp()
    async with app.run_test(size=(30, 6)) as pilot:
        app.table.show_rows(["n"], ["BIGINT"], [(index,) for index in range(50)])
        await pilot.press("ctrl+end")

        assert drawn(app.table)[0].strip() == "n"
        assert drawn(app.table)[-1].strip() == "49"


async def test_cursor_stays_inside_the_table() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 8)) as pilot:
        app.table.show_rows(["a", "b"], ["BIGINT", "BIGINT"], [(1, 2), (3, 4)])

        await pilot.press("down", "down", "down", "right", "right")
        assert app.table.cursor == (1, 1)
        await pilot.press("home", "g", "up", "left")
        assert app.table.cursor == (0, 0)


async def test_moving_right_scrolls_to_the_column() -> None:
    app = TableApp()
    async with app.run_test(size=(30, 8)) as pilot:
        names = [f"column_{index}" for index in range(10)]
        app.table.show_rows(names, ["BIGINT"] * 10, [tuple(range(10))])

        await pilot.press("end")
        assert drawn(app.table)[0].endswith("column_9")
        await pilot.press("home")
        assert drawn(app.table)[0].startswith("column_0")


async def test_enter_opens_the_cell_under_the_cursor() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 8)) as pilot:
        app.table.show_rows(["a", "b"], ["BIGINT", "VARCHAR"], [(1, "x"), (2, "y" * 500)])
        await pilot.press("down", "right", "enter", "y")

        assert [(cell.column, cell.value, cell.row) for cell in app.opened] == [("b", "y" * 500, 1)]
        assert app.copied == ["y" * 500]


async def test_click_moves_the_cursor() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 8)) as pilot:
        app.table.show_rows(["aaaa", "bbbb"], ["VARCHAR", "VARCHAR"], [("1", "2"), ("3", "4")])
        await pilot.click(ResultTable, offset=(7, 2))

        assert app.table.cursor == (1, 1)


async def test_empty_result_shows_its_header_and_takes_keys() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 6)) as pilot:
        app.table.show_rows(["a", "b"], ["BIGINT", "VARCHAR"], [])
        await pilot.press("down", "right", "enter", "y", "G", "end", "pagedown")

        assert drawn(app.table)[0].split() == ["a", "b"]
        assert app.opened == []


async def test_table_without_columns_is_blank() -> None:
    app = TableApp()
    async with app.run_test(size=(20, 4)) as pilot:
        app.table.show_rows([], [], [])
        await pilot.press("down", "end", "G", "enter")

        assert drawn(app.table) == [""] * 4


async def test_outside_text_is_neither_markup_nor_control() -> None:
    app = TableApp()
    async with app.run_test(size=(120, 6)) as pilot:
        app.table.show_rows([HOSTILE, "b"], ["VARCHAR", HOSTILE], [(HOSTILE, [HOSTILE, {HOSTILE: HOSTILE}])])
        await pilot.press("right", "enter")
        text = "".join(drawn(app.table))

        assert "[@click=app.quit]x[/] [/]" in text
        assert all(character.isprintable() for character in text)
        assert app.table.render_line(1).cell_length == app.table.size.width


async def test_wide_characters_keep_columns_aligned() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 5)):
        app.table.show_rows(["name", "n"], ["VARCHAR", "BIGINT"], [("世界", 1), ("ab", 2)])

        assert {app.table.render_line(y).cell_length for y in range(4)} == {60}
        assert drawn(app.table)[1:3] == ["世界  1", "ab    2"]
