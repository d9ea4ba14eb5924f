"""The monitor: its history without an app, its words, and the pane's keys and messages in a small host app."""

from __future__ import annotations

import math
import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style
from textual import on
from textual.app import App, ComposeResult
from textual.color import Color
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Footer, Input

from engine.runs.records import EventLogged, Gap, MetricsLogged, RunState, RunStatus
from tui.panes.monitor.ask_line import AskLine
from tui.panes.monitor.event_list import EventList
from tui.panes.monitor.history import BUCKETS, METRICS, Curve, MetricHistory
from tui.panes.monitor.pane import MOST_CHARTS, PINNED, ChartGrid, MonitorPane
from tui.panes.monitor.run_line import RunLine, SettingsLine
from tui.panes.monitor.run_list import RunList
from tui.panes.monitor.words import ENTROPY, LEARNING_RATE, figures, parse_setting
from tui.widgets.chart import LineChart

HOSTILE = "[@click=app.quit]x[/]\x1b]52;c;AAAA\x07\x9b6n\u202e\u200b\ud800[/bold"
TRAINING = RunStatus(RunState.TRAINING, step=12_400_000, total_steps=50_000_000, sps=412_000, elapsed=30.6)
SIZES = [(80, 24), (120, 40), (200, 60)]


# History


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=5000))
def test_a_curve_is_bounded_and_keeps_its_extremes(values: list[float]) -> None:
    curve = Curve()

    for step, value in enumerate(values):
        curve.append(step, value)

    raw = curve.raw()
    assert len(curve.buckets) <= BUCKETS
    assert (min(raw.values), max(raw.values)) == (min(values), max(values))
    assert (raw.steps[0], raw.steps[-1]) == (0, len(values) - 1)
    assert list(raw.steps) == sorted(raw.steps)
    assert sum(bucket.count for bucket in curve.buckets) == len(values)


def test_a_week_of_records_stays_small() -> None:
    curve = Curve()

    for step in range(100_000):
        curve.append(step, float(step == 31_337))

    assert BUCKETS // 2 <= len(curve.buckets) <= BUCKETS
    assert max(curve.raw().values) == 1.0


@given(st.lists(st.tuples(st.integers(0, 3000), st.floats() | st.just(math.nan)), max_size=2000))
def test_steps_never_decrease_whatever_is_logged(records: list[tuple[int, float]]) -> None:
    curve = Curve()

    for step, value in records:
        curve.append(step, value)

    for line in (curve.raw(), curve.smooth(0.02)):
        assert list(line.steps) == sorted(line.steps)
        assert len(line.steps) == len(line.values)


def test_a_resumed_run_replaces_what_it_takes_back() -> None:
    curve = Curve()
    for step, value in [(1, 1.0), (2, 2.0), (3, 99.0), (2, 5.0), (3, 6.0)]:
        curve.append(step, value)

    assert list(zip(curve.raw().steps, curve.raw().values, strict=True)) == [(1, 1.0), (2, 5.0), (3, 6.0)]


def test_history_refuses_endless_names_and_impossible_steps() -> None:
    history = MetricHistory()

    history.append(1, {f"metric/{index}": 1.0 for index in range(METRICS + 50)})

    assert len(history.names()) == METRICS
    assert history.append(-1, {"metric/0": 2.0}) == set()
    assert history.append(10**400, {"metric/0": 2.0}) == set()


def test_what_is_no_number_is_missing() -> None:
    history = MetricHistory()

    history.append(1, {"a": "text", "b": 10**400, "c": math.inf, "d": 2.0})  # type: ignore[dict-item]

    assert [history.latest(name) for name in "abcd"] == [None, None, None, 2.0]


# Words


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "Type a number"),
        ("fast", '"fast" is not a number'),
        ("nan", "finite"),
        ("inf", "finite"),
        ("0", "above zero"),
        ("-1e-4", "above zero"),
        ("3", "at most 1"),
    ],
)
def test_a_wrong_learning_rate_is_refused_in_words(typed: str, words: str) -> None:
    value, wrong = parse_setting(LEARNING_RATE, typed)

    assert value is None
    assert words in wrong


def test_right_settings_are_taken() -> None:
    assert parse_setting(LEARNING_RATE, " 3e-4 ") == (3e-4, "")
    assert parse_setting(ENTROPY, "0") == (0.0, "")


def test_figures_drop_the_least_wanted_first() -> None:
    assert figures(TRAINING, 90) == "12.4M/50M  25%  412k/s  avg 405k/s  elapsed 0:30  ETA 1:31"
    assert figures(TRAINING, 50) == "12.4M/50M  25%  412k/s  elapsed 0:30  ETA 1:31"
    assert figures(TRAINING, 12) == "12.4M/50M"
    assert figures(TRAINING, 3) == ""


# The pane


class HostApp(App[None]):
    CSS_PATH = ["../../tui/styles/base.tcss", "../../tui/styles/monitor.tcss"]

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Message] = []

    def compose(self) -> ComposeResult:
        yield MonitorPane()
        yield Footer()

    @on(MonitorPane.TrainRequested)
    @on(MonitorPane.PauseRequested)
    @on(MonitorPane.ResumeRequested)
    @on(MonitorPane.StopRequested)
    @on(MonitorPane.CheckpointRequested)
    @on(MonitorPane.HyperChangeRequested)
    @on(MonitorPane.RunsRequested)
    @on(MonitorPane.RunChosen)
    def hear(self, message: Message) -> None:
        self.heard.append(message)

    @property
    def names(self) -> list[str]:
        return [type(message).__name__ for message in self.heard]


def metrics(count: int = 50, **extra: float) -> list[MetricsLogged]:
    values = dict.fromkeys(PINNED, 1.0) | {"train/learning_rate": 3e-4, "train/entropy_coefficient": 0.01} | extra
    return [
        MetricsLogged(step * 1000, 0.0, values | {"rollout/ep_rew_mean": float(step)}) for step in range(1, count + 1)
    ]


async def running(pilot: Pilot[None], status: RunStatus = TRAINING) -> MonitorPane:
    pane = pilot.app.query_one(MonitorPane)
    pane.reset("ruddy-otter")
    pane.append(metrics())
    pane.show_status(status)
    pane.focus()
    await pilot.pause()
    return pane


async def test_an_empty_pane_names_the_key_that_fills_it() -> None:
    app = HostApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("t", "space", "s", "c", "L", "enter", "down", "pagedown", "right_square_bracket")

        assert app.query_one("#empty").display
        assert not app.query_one(ChartGrid).display
        assert app.names == ["TrainRequested"]


@pytest.mark.parametrize("size", SIZES)
async def test_the_status_line_tells_state_steps_speed_and_time(size: tuple[int, int]) -> None:
    app = HostApp()
    async with app.run_test(size=size) as pilot:
        await running(pilot)

        row = app.query_one(RunLine).render().plain.splitlines()[0]

        for part in ("ruddy-otter", "● training", "12.4M/50M", "412k/s", "ETA 1:31"):
            assert part in row
        assert len(row) <= size[0]


async def test_a_run_that_goes_on_in_trouble_has_a_red_banner_until_it_is_over() -> None:
    app = HostApp()
    async with app.run_test(size=(80, 24)) as pilot:
        pane = await running(pilot)
        line = app.query_one(RunLine)
        rule = line.render().plain.splitlines()[1]

        pane.show_status(replace(TRAINING, message=f"the disk is full: 1,234 records waiting{HOSTILE}"))
        await pilot.pause()
        rows = line.render().split()
        style = Style.parse(str(rows[1].spans[0].style))

        assert rows[1].plain.startswith(" the disk is full: 1,234 records waiting")
        assert len(rows[1].plain) == 80
        assert not set(rows[1].plain) & set("\x1b\x07\x9b\u202e\u200b\ud800")
        assert style.reverse
        assert style.color is not None
        assert style.color.get_truecolor() == Color.parse(app.theme_variables["error"]).rich_color.get_truecolor()

        pane.show_status(TRAINING)
        assert line.render().plain.splitlines()[1] == rule


@pytest.mark.parametrize(
    ("size", "columns"), [((60, 20), 1), ((80, 24), 2), ((120, 40), 3), ((160, 40), 4), ((200, 60), 4)]
)
async def test_charts_stand_side_by_side_as_the_width_allows(size: tuple[int, int], columns: int) -> None:
    app = HostApp()
    async with app.run_test(size=size) as pilot:
        pane = await running(pilot)

        charts = list(app.query(LineChart))

        assert len({chart.region.x for chart in charts}) == columns
        assert all(chart.region.right <= pane.region.right for chart in charts)
        assert all(chart.size.height >= 6 for chart in charts)


async def test_all_pinned_charts_are_seen_at_once_on_a_middling_screen() -> None:
    app = HostApp()
    async with app.run_test(size=(120, 40)) as pilot:
        await running(pilot)
        grid = app.query_one(ChartGrid)

        assert all(grid.region.contains_region(chart.region) for chart in list(app.query(LineChart))[: len(PINNED)])


async def test_space_pauses_a_run_and_lets_a_paused_one_go_on() -> None:
    app = HostApp()
    async with app.run_test() as pilot:
        pane = await running(pilot)
        await pilot.press("space")
        pane.show_status(RunStatus(RunState.PAUSED, 5))
        await pilot.press("space")

        assert app.names == ["PauseRequested", "ResumeRequested"]


async def test_stop_asks_first() -> None:
    app = HostApp()
    async with app.run_test() as pilot:
        await running(pilot)
        await pilot.press("s")
        assert "Stop ruddy-otter at 12.4M steps, with a checkpoint?" in app.query_one(AskLine).said

        await pilot.press("n")
        assert app.names == []
        assert app.query_one(AskLine).said == ""

        await pilot.press("s", "y")
        await pilot.pause()
        assert app.names == ["StopRequested"]


async def test_other_keys_leave_the_question_open() -> None:
    app = HostApp()
    async with app.run_test() as pilot:
        pane = await running(pilot)

        await pilot.press("s", "x")

        assert app.query_one(AskLine).asks
        pane.reset("calm-heron")
        assert not app.query_one(AskLine).asks


async def test_a_finished_run_has_nothing_to_pause() -> None:
    app = HostApp()
    async with app.run_test() as pilot:
        await running(pilot, RunStatus(RunState.FINISHED, 50_000_000, 50_000_000))
        await pilot.press("space", "s", "c", "L")

        assert app.names == []
        assert app.query_one(AskLine).said == "ruddy-otter is finished: there is nothing to change."


async def test_checkpoint_and_train_are_asked_for() -> None:
    app = HostApp()
    async with app.run_test() as pilot:
        await running(pilot)
        await pilot.press("c", "t")

        assert app.names == ["CheckpointRequested", "TrainRequested"]


async def test_a_new_learning_rate_is_checked_and_asked_for() -> None:
    app = HostApp()
    async with app.run_test() as pilot:
        await running(pilot)
        await pilot.press("L")
        assert app.query_one(Input).value == "0.0003"

        await pilot.press("0", "enter")
        assert app.query_one(AskLine).said == "Learning rate must be above zero."
        assert app.names == []

        app.query_one(Input).value = "1.5e-4"
        await pilot.press("enter")
        await pilot.pause()

        change = app.heard[0]
        assert isinstance(change, MonitorPane.HyperChangeRequested)
        assert (change.name, change.value) == ("learning_rate", 1.5e-4)
        assert not app.query_one(Input).display


async def test_entropy_may_be_zero_and_escape_leaves_it() -> None:
    app = HostApp()
    async with app.run_test() as pilot:
        await running(pilot)
        await pilot.press("E", "escape", "E", "0", "enter")
        await pilot.pause()

        assert [(change.name, change.value) for change in app.heard] == [("entropy_coefficient", 0.0)]  # type: ignore[attr-defined]


async def test_the_present_settings_are_shown() -> None:
    app = HostApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await running(pilot)

        row = app.query_one(SettingsLine).render().plain

        assert "learning rate 3.0e-4" in row
        assert "entropy coefficient 0.0100" in row
        assert len(row.rstrip()) < 80


async def test_smoothing_and_log_scale_are_toggled() -> None:
    app = HostApp()
    async with app.run_test() as pilot:
        await running(pilot)
        chart = app.query(LineChart).first()
        assert [line.role for line in chart.lines] == ["raw", "line"]

        await pilot.press("m", "y")

        assert [line.role for line in chart.lines] == ["line"]
        assert chart.log_scale


async def test_enter_shows_one_chart_large_and_escape_all_again() -> None:
    app = HostApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await running(pilot)
        await pilot.press("down", "right", "enter")
        shown = [chart for chart in app.query(LineChart) if chart.display]
        assert [chart.title for chart in shown] == [PINNED[1]]
        assert shown[0].size.width > 70

        await pilot.press("right")
        assert [chart.title for chart in app.query(LineChart) if chart.display] == [PINNED[2]]

        await pilot.press("escape")
        assert all(chart.display for chart in app.query(LineChart))


async def test_arrows_walk_the_grid_and_stay_inside() -> None:
    app = HostApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await running(pilot)

        await pilot.press("down", "left", "up", "down", "right")

        assert app.focused is list(app.query(LineChart))[3]


async def test_pages_scroll() -> None:
    app = HostApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await running(pilot)
        grid = app.query_one(ChartGrid)

        await pilot.press("pagedown")
        await pilot.pause()
        assert grid.scroll_offset.y == grid.size.height

        await pilot.press("pageup")
        await pilot.pause()
        assert grid.scroll_offset.y == 0


async def test_one_cursor_marks_all_charts() -> None:
    app = HostApp()
    async with app.run_test() as pilot:
        pane = await running(pilot)
        await pilot.press("left_square_bracket", "left_square_bracket")

        assert pane.cursor == 48_000
        assert {chart.cursor for chart in app.query(LineChart)} == {48_000}

        await pilot.press("escape")
        assert pane.cursor is None


async def test_runs_are_listed_and_chosen() -> None:
    app = HostApp()
    async with app.run_test() as pilot:
        pane = await running(pilot)
        pane.set_runs([("ruddy-otter", RunState.TRAINING, 5, 10), ("calm-heron", RunState.FINISHED, 10, 10)])
        await pilot.press("r", "down", "enter")
        await pilot.pause()

        chosen = app.heard[-1]
        assert app.names == ["RunsRequested", "RunChosen"]
        assert isinstance(chosen, MonitorPane.RunChosen)
        assert chosen.run_id == "calm-heron"
        assert not app.query_one(RunList).display


async def test_the_list_of_runs_keeps_its_place_and_closes_by_escape() -> None:
    app = HostApp()
    async with app.run_test() as pilot:
        pane = await running(pilot)
        pane.set_runs([("a", RunState.TRAINING, 5, 10), ("b", RunState.FINISHED, 10, 10)])
        await pilot.press("r", "down")
        pane.set_runs(
            [("c", RunState.STARTING, 0, 10), ("a", RunState.STOPPED, 5, 10), ("b", RunState.FINISHED, 10, 10)]
        )
        assert app.query_one(RunList).chosen() == "b"

        await pilot.press("escape")
        assert not app.query_one(RunList).display


async def test_runs_can_be_listed_where_there_is_no_run() -> None:
    app = HostApp()
    async with app.run_test() as pilot:
        app.query_one(MonitorPane).set_runs([("calm-heron", RunState.FINISHED, 10, 10)])
        await pilot.press("r", "enter")
        await pilot.pause()

        assert app.names == ["RunsRequested", "RunChosen"]


async def test_new_metrics_get_charts_but_not_without_end() -> None:
    app = HostApp()
    async with app.run_test() as pilot:
        pane = await running(pilot)
        pane.append(metrics(1, **{f"loss/{index}": 1.0 for index in range(100)}, **{"time/iterations": 3.0}))
        pane.flush()
        await pilot.pause()

        titles = [chart.title for chart in app.query(LineChart)]
        assert len(titles) == MOST_CHARTS
        assert titles[: len(PINNED)] == list(PINNED)
        assert "time/iterations" not in titles

        pane.reset("calm-heron")
        await pilot.pause()
        assert [chart.title for chart in app.query(LineChart)] == list(PINNED)


async def test_a_burst_of_records_is_drawn_once_and_then_once_more() -> None:
    app = HostApp()
    async with app.run_test() as pilot:
        pane = await running(pilot)
        chart = app.query(LineChart).first()
        pane.flush()
        before = chart.lines

        for record in metrics(200):
            pane.append([record])
        assert chart.lines is before  # no time has passed since the last drawing

        pane.flush()
        assert chart.lines[0].values[-1] == 200.0


async def test_a_hidden_pane_draws_when_it_is_shown_again() -> None:
    app = HostApp()
    async with app.run_test() as pilot:
        pane = await running(pilot)
        chart = app.query(LineChart).first()
        pane.display = False
        await pilot.pause()
        before = chart.lines

        pane.append(metrics(200))
        pane.flush()
        assert chart.lines is before

        pane.display = True
        await pilot.pause()
        assert chart.lines[0].values[-1] == 200.0


async def test_a_smaller_window_keeps_working() -> None:
    app = HostApp()
    async with app.run_test(size=(120, 40)) as pilot:
        await running(pilot)
        for size in [(40, 10), (12, 5), (1, 1), (200, 60)]:
            await pilot.resize_terminal(*size)
            await pilot.pause()

        assert app.query_one(MonitorPane).has_class("-wide")


async def test_events_are_told_newest_first() -> None:
    app = HostApp()
    async with app.run_test(size=(120, 40)) as pilot:
        pane = await running(pilot)
        pane.append([EventLogged(1000, 1.0, "checkpoint", "saved ck-1"), Gap(12)])
        await pilot.pause()

        rows = app.query_one(EventList).render().plain.splitlines()

        assert "12 records were skipped" in rows[1]
        assert "▪ saved ck-1" in rows[2]


async def test_an_event_says_who_asked_unless_it_was_this_program() -> None:
    app = HostApp()
    async with app.run_test(size=(120, 40)) as pilot:
        pane = await running(pilot)
        pane.append([EventLogged(1000, 1.0, "command", "paused", {"by": "eve, gridrl pause, process 1"})])
        pane.append([EventLogged(1000, 1.0, "command", "resumed", {"by": f"eve, process {os.getpid()}"})])
        await pilot.pause()

        rows = app.query_one(EventList).render().plain.splitlines()

        assert rows[1].endswith("» resumed")
        assert rows[2].endswith("» paused  by eve, gridrl pause, process 1")


@pytest.mark.parametrize("size", SIZES)
async def test_hostile_words_reach_no_terminal(size: tuple[int, int]) -> None:
    app = HostApp()
    async with app.run_test(size=size) as pilot:
        pane = app.query_one(MonitorPane)
        pane.reset(HOSTILE)
        pane.append([MetricsLogged(5, 0.0, {HOSTILE: 1.0}), EventLogged(5, 1e300, HOSTILE, HOSTILE, {"by": HOSTILE})])
        pane.append([EventLogged(5, math.nan, "error", HOSTILE), EventLogged(10**400, 0.0, "warning", HOSTILE)])
        pane.show_status(RunStatus(RunState.FAILED, 5, 10**400, math.nan, math.inf, HOSTILE))
        pane.set_runs([(HOSTILE, RunState.FAILED, 5, 0)])
        pane.say(HOSTILE, "error")
        await pilot.press("r")
        await pilot.pause()

        seen = "".join(segment.text for line in app.screen._compositor.render_strips() for segment in line)

        assert not set(seen) & set("\x1b\x07\x9b\u202e\u200b\ud800")
        assert "[@click=app.quit]" in seen


async def test_ascii_only_draws_nothing_else() -> None:
    app = HostApp()
    async with app.run_test(size=(120, 40)) as pilot:
        pane = await running(pilot)
        pane.ascii_only = True
        pane.append([EventLogged(1000, 1.0, "checkpoint", "saved")])
        await pilot.pause()

        drawn = app.query_one(RunLine).render().plain + app.query_one(EventList).render().plain
        drawn += "".join(chart.plain_text() for chart in app.query(LineChart))

        assert drawn.isascii()


def test_every_binding_has_an_id_and_a_tooltip_and_no_forbidden_key() -> None:
    for binding in MonitorPane.BINDINGS:
        assert binding.id  # type: ignore[union-attr]
        assert binding.tooltip  # type: ignore[union-attr]
        assert binding.key not in {"ctrl+h", "ctrl+i", "ctrl+j", "ctrl+m", "ctrl+b"}  # type: ignore[union-attr]
    assert sum(binding.show for binding in MonitorPane.BINDINGS) <= 8  # type: ignore[union-attr]
