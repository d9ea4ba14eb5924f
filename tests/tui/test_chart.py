"""Plots: what is drawn for which data, and that no peak is lost. No app needed, except at the end."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult

from tui.widgets.chart import LineChart
from tui.widgets.plot import Line, Scale, decimate, ema, render_lines, scale_of, step_near, value_at, y_ticks

NAN = math.nan
WORST = [0.0, -1.0, 1e300, -1e300, 1.7e308, 5e-324, -5e-324, math.inf, -math.inf, NAN, 1e-320]


def drawn(*lines: Line, width: int, height: int, log: bool = False, ascii_only: bool = False) -> list[str]:
    rows = render_lines(lines, width, height, log=log, ascii_only=ascii_only)
    return ["".join(text for text, _ in row) for row in rows]


def test_a_rising_line_in_ascii() -> None:
    assert drawn(Line(range(9), range(9)), width=15, height=6, ascii_only=True) == [
        "8 +         ***",
        "  |        *   ",
        "4 +   *****    ",
        "  |  **        ",
        "0 +**          ",
        "   0      5   8",
    ]


def test_a_rising_line_in_braille() -> None:
    assert drawn(Line([0, 10], [0.0, 10.0]), width=15, height=5) == [
        "10 ┤        ⣀⠔⠉",
        " 5 ┤     ⣀⠔⠊   ",
        "   │  ⢀⠤⠊      ",
        " 0 ┤⡠⠒⠁        ",
        "    0        10",
    ]


def test_a_constant_runs_in_the_middle() -> None:
    assert drawn(Line([0, 1, 2], [0.5, 0.5, 0.5]), width=16, height=6) == [
        "    │           ",
        "    │           ",
        "0.5 ┤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤",
        "    │           ",
        "    │           ",
        "     0         2",
    ]


def test_a_single_point_is_four_dots() -> None:
    assert drawn(Line([7], [3.0]), width=16, height=6) == [
        "  │             ",
        "  │             ",
        "3 ┤            ⠶",
        "  │             ",
        "  │             ",
        "               7",
    ]


def test_nan_leaves_a_gap() -> None:
    line = Line(range(9), [1.0, 1.0, 1.0, NAN, NAN, NAN, 2.0, 2.0, 2.0])

    assert drawn(line, width=20, height=6) == [
        "2.0 ┤           ⠉⠉⠉⠉",
        "    │               ",
        "1.5 ┤               ",
        "    │               ",
        "1.0 ┤⣀⣀⣀⣀           ",
        "     0        5    8",
    ]


def test_a_log_scale_has_decades() -> None:
    assert drawn(Line([0, 1, 2, 3], [1.0, 10.0, 100.0, 1000.0]), width=20, height=8, log=True) == [
        "    │            ⢀⠔⠉",
        "    │          ⢀⠔⠁  ",
        "100 ┤        ⣀⠖⠁    ",
        "    │      ⣀⠖⠁      ",
        "    │    ⡠⠖⠁        ",
        "    │  ⡠⠊           ",
        "  1 ┤⡠⠊             ",
        "     0        2    3",
    ]


def test_a_log_scale_leaves_gaps_where_nothing_is_above_zero() -> None:
    points = list(decimate(Line([0, 1, 2, 3], [-1.0, 10.0, 0.0, 1000.0]), Scale(0, 3, 1, 3, log=True), 4))

    assert [column for column, value in points if value == value] == [1, 3]


def test_a_log_scale_without_any_value_says_so() -> None:
    assert drawn(Line([0, 1], [-1.0, 0.0]), width=50, height=3, log=True)[1].strip() == (
        "nothing above zero to show on a log scale"
    )


def test_no_values_say_so() -> None:
    assert drawn(Line([0, 1], [NAN, NAN]), width=20, height=3)[1].strip() == "no values yet"
    assert drawn(width=20, height=1) == ["   no values yet    "]


def test_a_later_line_hides_an_earlier_one() -> None:
    raw, smooth = Line([0, 50, 100], [0.0, 4.0, 0.0], "raw"), Line([0, 100], [2.0, 2.0])

    assert drawn(raw, smooth, width=20, height=6, ascii_only=True) == [
        "4 +       ..        ",
        "  |     ..  ..      ",
        "2 +*****************",
        "  | ..          ..  ",
        "0 +.              ..",
        "   0             100",
    ]


def test_a_narrow_plot_is_all_curve() -> None:
    assert drawn(Line([0, 50, 100], [0.0, 4.0, 0.0]), width=6, height=3) == ["  ⡰⢣  ", " ⡔⠁ ⢣ ", "⡜   ⠈⢆"]


def test_the_cursor_stands_behind_the_curve_and_before_the_raw_one() -> None:
    raw, smooth = Line([0, 2], [0.0, 4.0], "raw"), Line([0, 2], [2.0, 2.0])
    rows = render_lines([raw, smooth], 15, 6, ascii_only=True, cursor=1.0)

    middle = ["".join(text for text, _ in row)[9] for row in rows[:5]]

    assert middle == ["|", "|", "*", "|", "|"]


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (1.5e-4, 3e-4, ["1.5e-4", "2.0e-4", "2.5e-4"]),
        (0.0, 2.4e6, ["  0", " 1M", " 2M"]),
        (-1.2, 1.2, ["-1", " 0", " 1"]),
        (389e3, 433e3, ["400k", "420k"]),
        (0.0, 0.02, ["0.00", "0.01", "0.02"]),
    ],
)
def test_labels_of_one_axis_have_one_unit_and_width(low: float, high: float, labels: list[str]) -> None:
    shown = [label for _, label in y_ticks(Scale(0, 1, low, high), 8)]

    assert [label.strip() for label in shown] == [label.strip() for label in labels]
    assert len({len(label) for label in shown}) == 1


def test_a_smoothed_constant_is_that_constant() -> None:
    assert ema([0, 1, 5, 6], [2.0, 2.0, 2.0, 2.0], 3.0) == pytest.approx([2.0, 2.0, 2.0, 2.0])


def test_smoothing_forgets_half_in_a_half_life() -> None:
    assert ema([0, 10], [0.0, 3.0], 10.0) == pytest.approx([0.0, 2.0])


def test_smoothing_passes_over_gaps() -> None:
    smooth = ema([0, 1, 2], [1.0, NAN, 1.0], 1.0)

    assert smooth[0] == smooth[2] == 1.0
    assert math.isnan(smooth[1])


def test_the_value_at_a_step_is_the_last_one_before_it() -> None:
    line = Line([10, 20, 30], [1.0, 2.0, 3.0])

    assert value_at(line, 25) == 2.0
    assert value_at(line, 5) is None
    assert step_near(line, 26) == 30


values = st.lists(st.floats(-1e6, 1e6) | st.just(NAN), min_size=1, max_size=400)


@given(values, st.integers(2, 60))
def test_decimation_keeps_two_points_a_column_and_every_extreme(data: list[float], columns: int) -> None:
    line = Line(range(len(data)), data)
    scale = scale_of([line], log=False)
    finite = [value for value in data if value == value]
    if scale is None:
        assert not finite
        return

    points = [(column, value) for column, value in decimate(line, scale, columns) if value == value]

    assert max(sum(at == column for at, _ in points) for column in range(columns)) <= 2
    assert [column for column, _ in points] == sorted(column for column, _ in points)
    for column in {column for column, _ in points}:
        inside = [value for step, value in enumerate(data) if scale.column(step, columns) == column and value == value]
        shown = [value for at, value in points if at == column]
        assert (min(shown), max(shown)) == (min(inside), max(inside))
    assert {column for column, _ in points} == {scale.column(i, columns) for i, v in enumerate(data) if v == v}


@given(
    st.lists(st.floats() | st.sampled_from(WORST), max_size=50),
    st.integers(0, 40),
    st.integers(0, 12),
    st.booleans(),
    st.booleans(),
)
def test_any_values_fill_the_rectangle_exactly(
    data: list[float], width: int, height: int, log: bool, ascii_only: bool
) -> None:
    rows = drawn(Line(range(len(data)), data), width=width, height=height, log=log, ascii_only=ascii_only)

    assert len(rows) == (height if width else 0)
    assert all(cell_len(row) == width for row in rows)
    assert "nan" not in "".join(rows)
    assert not ascii_only or "".join(rows).isascii()


@given(st.lists(st.integers(0, 10**15), min_size=1, max_size=30).map(sorted))
def test_any_steps_can_be_an_axis(steps: list[int]) -> None:
    rows = drawn(Line(steps, [float(i % 3) for i in range(len(steps))]), width=40, height=6)

    assert all(cell_len(row) == 40 for row in rows)


class ChartApp(App[None]):
    CSS = "LineChart { width: 30; height: 8; }"

    def compose(self) -> ComposeResult:
        yield LineChart("[b]evil\x1b[2J[/b]", signed=True)


async def test_the_title_has_the_latest_value_at_its_right() -> None:
    app = ChartApp()
    async with app.run_test() as pilot:
        chart = app.query_one(LineChart)
        chart.show([Line([0, 1], [0.0, 4.2])], 4.2)
        await pilot.pause()

        first = chart.plain_text().splitlines()[0]

        assert first.startswith("▸[b]evil␛[2J[/b]")  # the only focusable widget has the focus
        assert first.endswith("+4.20")


async def test_equal_data_is_not_drawn_again() -> None:
    app = ChartApp()
    async with app.run_test() as pilot:
        chart = app.query_one(LineChart)
        chart.show([Line([0, 1], [0.0, 4.2])], 4.2)
        await pilot.pause()
        before = chart.render_line(1)

        chart.show([Line([0, 1], [0.0, 4.2])], 4.2)

        assert chart.render_line(1) is before


async def test_the_cursor_value_replaces_the_latest() -> None:
    app = ChartApp()
    async with app.run_test():
        chart = app.query_one(LineChart)
        chart.show([Line([0, 1000, 2000], [0.0, 1.5, 4.2])], 4.2)

        chart.cursor = 1000.0

        assert chart.plain_text().splitlines()[0].endswith("+1.50 at 1k")


async def test_a_new_number_draws_the_title_alone() -> None:
    app = ChartApp()
    async with app.run_test() as pilot:
        chart = app.query_one(LineChart)
        chart.show([Line([0, 1], [0.0, 4.2])], 4.2)
        await pilot.pause()
        before = [chart.render_line(y) for y in range(chart.size.height)]

        chart.show_latest(5.0)
        await pilot.pause()

        after = [chart.render_line(y) for y in range(chart.size.height)]
        assert after[0].text.endswith("+5.00")
        assert all(new is old for new, old in zip(after[1:], before[1:], strict=True))
