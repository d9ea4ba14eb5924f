"""MonitorPane: the curves of one run, its figures and its controls.

Owned by the app's Train mode, UI thread only. It holds view state and the decimated history of the run it shows;
the Session gives it records (`append`, `show_status`, `set_runs`) and acts on its messages. New records are drawn
at most twice a second, whoever calls and however often, and not at all while the pane is hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.events import DescendantFocus, Resize
from textual.message import Message
from textual.reactive import reactive
from textual.timer import Timer
from textual.widgets import Static

from engine.runs.records import Event, EventLogged, Gap, MetricsLogged, RunState, RunStatus
from tui.widgets.chart import LineChart
from tui.widgets.plot import Line, step_near

from .ask_line import AskLine
from .event_list import EventList
from .history import MetricHistory
from .run_line import RunLine, SettingsLine
from .run_list import RunList
from .words import EMPTY, SETTINGS, Setting, asked_for, nothing_to, parse_setting, stop_question, under_way

PINNED = (
    "rollout/ep_rew_mean",
    "rollout/ep_len_mean",
    "time/fps",
    "train/policy_gradient_loss",
    "train/value_loss",
    "train/entropy",
    "train/approx_kl",
    "train/clip_fraction",
    "train/explained_variance",
)
"""Charts that are always there, in this order."""

MOST_CHARTS = 32
"""Nobody pages through more; the Query pane can plot any metric."""

REDRAW_SECONDS = 0.5
"""As fast as curves are read. Drawing all of them takes some 20 ms, which a trainer in this process has to wait."""

SMOOTH_SHARE = 0.012
"""Half-life of the moving average as a share of the run so far: about a column of a small chart, so it hardly lags."""

CHART_WIDTH = 39
"""Two columns on 80 cells, three on 120, four on 160."""

CHART_HEIGHTS = (8, 7)
"""A chart has at least the first height if two of them fit, else the second: a title, five rows of curve, steps."""

MOST_COLUMNS = 4

WIDE = 190
"""From here the events stand at the right of four columns of charts instead of below them."""

LOW = 18
"""Below this height there is no room for the events."""

TALL = 32
"""From here there is room for space between the sections and for more events."""

CURSOR_SHARE = 0.02
"""The cursor moves by this share of the run so far."""


class ChartGrid(VerticalScroll, can_focus=False, inherit_bindings=False):
    """Charts as small multiples. Its classes tell the stylesheet how many stand in a row and in a column."""

    count: reactive[int] = reactive(len(PINNED))
    """How many charts there are."""

    def on_resize(self, event: Resize) -> None:
        self._arrange()

    def watch_count(self) -> None:
        self._arrange()

    @property
    def columns(self) -> int:
        """How many charts stand side by side."""
        return max(1, min(MOST_COLUMNS, self.size.width // CHART_WIDTH))

    def _arrange(self) -> None:
        needed = -(-self.count // self.columns)
        height = next((height for height in CHART_HEIGHTS if 2 * height <= self.size.height), CHART_HEIGHTS[-1])
        rows = max(1, min(needed, 5, self.size.height // height))
        for number in range(1, MOST_COLUMNS + 1):
            self.set_class(number == self.columns, f"-columns-{number}")
        for number in range(1, 6):
            self.set_class(number == rows, f"-rows-{number}")


class MonitorPane(Vertical, can_focus=True):
    """Watches one run and steers it."""

    HELP = """
    ## Train

    Curves of the run, its speed and its events.

    - Space holds the run and lets it go on; `s` ends it, `c` saves a checkpoint.
    - `R` goes on with a run that ended, from its last checkpoint.
    - `D` leaves the run to a process of its own: it trains on when you quit.
    - `L` and `E` change the learning rate and the entropy coefficient while it runs.
    - Arrows pick a chart, Enter shows it large; `[` and `]` move one cursor over all charts.
    - `m` smooths, `y` makes the scale logarithmic, `r` lists past runs.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "train", "train", id="monitor.train", tooltip="Start training on the present map"),
        Binding(
            "T",
            "launch",
            "settings",
            show=False,
            id="monitor.launch",
            tooltip="Choose what to train, with all settings",
        ),
        Binding("space", "pause", "pause", id="monitor.pause", tooltip="Pause the run, or let it go on"),
        Binding("s", "stop", "stop", id="monitor.stop", tooltip="End the run, after a question"),
        Binding("c", "checkpoint", "checkpoint", id="monitor.checkpoint", tooltip="Save a checkpoint now"),
        Binding(
            "R",
            "continue",
            "go on",
            show=False,
            id="monitor.continue",
            tooltip="Go on with a run that ended, from its last checkpoint",
        ),
        Binding(
            "D",
            "detach",
            "detach",
            show=False,
            id="monitor.detach",
            tooltip="Leave the run of this program to a process of its own, which outlives it",
        ),
        Binding("r", "runs", "runs", id="monitor.runs", tooltip="Show or hide the list of runs"),
        Binding("enter", "zoom", "zoom", id="monitor.zoom", tooltip="Show one chart large"),
        Binding("m", "smooth", show=False, id="monitor.smooth", tooltip="Draw a moving average over the raw curves"),
        Binding("y", "log", show=False, id="monitor.log", tooltip="Logarithmic y axes"),
        Binding("L", "setting('learning_rate')", show=False, id="monitor.learning_rate", tooltip="Set learning rate"),
        Binding("E", "setting('entropy_coefficient')", show=False, id="monitor.entropy", tooltip="Set entropy bonus"),
        Binding("left", "move(-1, 0)", show=False, id="monitor.left", tooltip="Chart at the left"),
        Binding("right", "move(1, 0)", show=False, id="monitor.right", tooltip="Chart at the right"),
        Binding("up", "move(0, -1)", show=False, id="monitor.up", tooltip="Chart above"),
        Binding("down", "move(0, 1)", show=False, id="monitor.down", tooltip="Chart below"),
        Binding("pageup", "page(-1)", show=False, id="monitor.page_up", tooltip="Charts above"),
        Binding("pagedown", "page(1)", show=False, id="monitor.page_down", tooltip="Charts below"),
        Binding("left_square_bracket", "cursor(-1)", show=False, id="monitor.cursor_back", tooltip="Cursor back"),
        Binding("right_square_bracket", "cursor(1)", show=False, id="monitor.cursor_on", tooltip="Cursor onward"),
        Binding("escape", "back", show=False, id="monitor.back", tooltip="One step back"),
    ]

    class TrainRequested(Message):
        """The user wants a run on the present map."""

    class LaunchRequested(Message):
        """The user wants to look at the settings before there is a run."""

    class PauseRequested(Message):
        """The user wants the run held."""

    class ResumeRequested(Message):
        """The user wants a held run to go on."""

    class StopRequested(Message):
        """The user wants the run to end, and has confirmed it."""

    class ContinueRequested(Message):
        """The user wants a run that ended to go on from its last checkpoint."""

        def __init__(self, run_id: str) -> None:
            self.run_id = run_id
            super().__init__()

    class DetachRequested(Message):
        """The user wants the run of this program to outlive it."""

    class CheckpointRequested(Message):
        """The user wants a checkpoint now."""

    class HyperChangeRequested(Message):
        """The user wants a hyperparameter changed; `name` and `value` as SetHyper takes them, range checked."""

        def __init__(self, name: str, value: float) -> None:
            self.name = name
            self.value = value
            super().__init__()

    class RunsRequested(Message):
        """The list of runs has opened: a good moment for `set_runs`."""

    class RunChosen(Message):
        """The user wants to see another run."""

        def __init__(self, run_id: str) -> None:
            self.run_id = run_id
            super().__init__()

    smoothing: reactive[bool] = reactive(True)
    """Whether a moving average is drawn over the raw curves."""
    log_scale: reactive[bool] = reactive(False)
    """Whether y axes are logarithmic."""
    cursor: reactive[float | None] = reactive(None)
    """The step that all charts mark."""
    ascii_only: reactive[bool] = reactive(False)
    """No characters beyond ASCII in charts, rules and marks."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._history = MetricHistory()
        self._run_id: str | None = None
        self._status: RunStatus | None = None
        self._charts: dict[str, LineChart] = {name: _chart(name) for name in PINNED}
        self._chart_in_focus: LineChart | None = None
        self._changed: set[str] = set()
        self._cooling: Timer | None = None

    def compose(self) -> ComposeResult:
        yield RunLine(id="run-line")
        yield SettingsLine(id="settings-line")
        with Container(id="body"):
            yield RunList(id="run-list")
            yield EventList(id="event-list")
            with ChartGrid(id="charts"):
                yield from self._charts.values()
        yield Static(EMPTY, markup=False, id="empty", classes="empty-note")
        yield AskLine(id="ask-line")

    def on_mount(self) -> None:
        self._show_emptiness()

    def on_show(self) -> None:
        if self._changed:
            self.flush()

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width >= WIDE, "-wide")
        self.set_class(event.size.height < LOW, "-low")
        self.set_class(event.size.height >= TALL, "-tall")

    # What the Session tells

    def reset(self, run_id: str | None) -> None:
        """Forget the run shown so far and wait for the records of another; None for no run."""
        self._run_id = run_id
        self._status = None
        self._history.clear()
        self._changed = set(self._charts)
        self.cursor = None
        self.query_one(AskLine).close()
        self.query_one(EventList).clear()
        self._drop_unpinned()
        self._show_emptiness()
        self.flush()
        if self._cooling is not None:  # the first records of a run are drawn at once
            self._cooling.stop()
            self._cooling = None

    def append(self, events: Sequence[Event]) -> None:
        """Take in records of the run, in their order: their numbers are shown at once, the curves drawn soon."""
        told: list[EventLogged | Gap] = []
        for event in events:
            if isinstance(event, MetricsLogged):
                self._changed |= self._history.append(event.step, event.values)
            else:
                told.append(event)
        if told:
            self.query_one(EventList).add(told)
        if self._changed and self._cooling is None:
            self.flush()
        elif self._changed and self.display:
            for name in self._changed & self._charts.keys():
                self._charts[name].show_latest(self._history.latest(name))

    def show_status(self, status: RunStatus | None) -> None:
        """Show how the run does; None where that is not known."""
        if status == self._status:
            return
        self._status = status
        self.query_one(RunLine).status = status
        self._show_emptiness()

    def set_runs(self, runs: Sequence[tuple[str, RunState, int, int]]) -> None:
        """The runs that `r` lists, newest first: (run_id, status, step, total_steps)."""
        self.query_one(RunList).show(runs)

    def say(self, words: str, severity: str = "info") -> None:
        """Answer in the message line; severity is info, success, warning or error."""
        self.query_one(AskLine).say(words, severity)

    def flush(self) -> None:
        """Draw what has changed now instead of soon; a hidden pane draws when it is shown again."""
        if not self.display:
            return
        changed, self._changed = self._changed, set()
        self._add_charts()
        for name in changed & self._charts.keys():
            self._draw(name)
        self.query_one(SettingsLine).values = tuple(self._history.latest(setting.metric) for setting in SETTINGS)
        if self._cooling is None:
            self._cooling = self.set_timer(REDRAW_SECONDS, self._cooled)

    # What keys do

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without a run the footer offers only what can be done."""
        return not (self._is_empty and action in ("pause", "stop", "checkpoint", "zoom", "setting", "continue"))

    def action_train(self) -> None:
        self.post_message(self.TrainRequested())

    def action_launch(self) -> None:
        self.post_message(self.LaunchRequested())

    def action_pause(self) -> None:
        state = self._open_state("pause")
        if state is RunState.PAUSED:
            self.post_message(self.ResumeRequested())
        elif state is not None:
            self.post_message(self.PauseRequested())

    def action_stop(self) -> None:
        if self._open_state("stop") is not None:
            self.query_one(AskLine).ask("stop", stop_question(self._run_id or "", self._status))

    def action_continue(self) -> None:
        if self._run_id is None or self._status is None:
            return
        if self._status.status.is_open:
            self.say(under_way(self._run_id), "warning")
        else:
            self.post_message(self.ContinueRequested(self._run_id))

    def action_detach(self) -> None:
        if self._open_state("detach") is not None:
            self.post_message(self.DetachRequested())

    def action_checkpoint(self) -> None:
        if self._open_state("save") is not None:
            self.post_message(self.CheckpointRequested())

    def action_setting(self, name: str) -> None:
        setting = _setting(name)
        if self._open_state("change") is None:
            return
        value = self._history.latest(setting.metric)
        self.query_one(AskLine).ask_number(
            name,
            f"New {setting.label}. Enter sets, Esc leaves.",
            "" if value is None else f"{value:g}",
            lambda text: parse_setting(setting, text)[1],
        )

    def action_smooth(self) -> None:
        self.smoothing = not self.smoothing

    def action_log(self) -> None:
        self.log_scale = not self.log_scale

    def action_zoom(self) -> None:
        if self._is_empty:
            return
        chart = self._chart_in_focus or next(iter(self._charts.values()))
        chart.focus(scroll_visible=False)
        self._zoom(None if self.has_class("-zoomed") else chart)

    def action_runs(self) -> None:
        self.toggle_class("-runs")
        if self.has_class("-runs"):
            self.query_one(RunList).focus()
            self.post_message(self.RunsRequested())
        else:
            self._take_focus()

    def action_back(self) -> None:
        if self.has_class("-runs"):
            self.action_runs()
        elif self.cursor is not None:
            self.cursor = None
        elif self.has_class("-zoomed"):
            self._zoom(None)
        else:
            raise SkipAction  # nothing open here: the app may have a step back to make

    def action_move(self, right: int, down: int) -> None:
        if self._is_empty:
            return
        charts = list(self._charts.values())
        if self._chart_in_focus not in charts:
            index = 0
        else:
            stride = 1 if self.has_class("-zoomed") else self.query_one(ChartGrid).columns
            index = charts.index(self._chart_in_focus) + right + down * stride
        if 0 <= index < len(charts):
            charts[index].focus()
            if self.has_class("-zoomed"):
                self._zoom(charts[index])

    def action_page(self, direction: int) -> None:
        grid = self.query_one(ChartGrid)
        grid.scroll_relative(y=direction * grid.size.height, animate=False)

    def action_cursor(self, direction: int) -> None:
        longest = max((chart.lines[-1] for chart in self._charts.values() if chart.lines), key=_reach, default=None)
        if longest is None or not longest.steps:
            return
        last = longest.steps[-1]
        stride = CURSOR_SHARE * (last - longest.steps[0])
        wanted = (last if self.cursor is None else self.cursor) + direction * stride
        self.cursor = None if wanted > last else _move_to(longest, self.cursor, wanted)

    # What happens inside

    def on_ask_line_confirmed(self, event: AskLine.Confirmed) -> None:
        event.stop()
        self.post_message(self.StopRequested())

    def on_ask_line_entered(self, event: AskLine.Entered) -> None:
        event.stop()
        setting = _setting(event.topic)
        value, _ = parse_setting(setting, event.text)
        if value is not None:
            self.say(asked_for(setting, value))
            self.post_message(self.HyperChangeRequested(setting.name, value))

    def on_ask_line_closed(self, event: AskLine.Closed) -> None:
        event.stop()
        self._take_focus()

    def on_run_list_chosen(self, event: RunList.Chosen) -> None:
        event.stop()
        self.action_runs()
        self.post_message(self.RunChosen(event.run_id))

    def on_run_list_left(self, event: RunList.Left) -> None:
        event.stop()
        self.action_runs()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        if isinstance(event.widget, LineChart):
            self._chart_in_focus = event.widget

    def watch_smoothing(self, smoothing: bool) -> None:
        if self.is_mounted:
            self.query_one(SettingsLine).smoothing = smoothing
            self._draw_all()

    def watch_log_scale(self, log_scale: bool) -> None:
        if self.is_mounted:
            self.query_one(SettingsLine).log_scale = log_scale
        for chart in self._charts.values():
            chart.log_scale = log_scale

    def watch_cursor(self, cursor: float | None) -> None:
        for chart in self._charts.values():
            chart.cursor = cursor

    def watch_ascii_only(self, ascii_only: bool) -> None:
        for chart in self._charts.values():
            chart.ascii_only = ascii_only
        if self.is_mounted:
            self._pass_on_ascii()

    def _pass_on_ascii(self) -> None:
        self.query_one(RunLine).ascii_only = self.ascii_only
        self.query_one(EventList).ascii_only = self.ascii_only
        self.query_one(RunList).ascii_only = self.ascii_only

    def _cooled(self) -> None:
        self._cooling = None
        if self._changed:
            self.flush()

    def _draw_all(self) -> None:
        for name in self._charts:
            self._draw(name)

    def _draw(self, name: str) -> None:
        curve = self._history.curve(name)
        lines: list[Line] = []
        if curve.buckets and self.smoothing:
            lines = [curve.raw("raw"), curve.smooth(SMOOTH_SHARE)]
        elif curve.buckets:
            lines = [curve.raw()]
        self._charts[name].show(lines, curve.latest)

    def _add_charts(self) -> None:
        """A chart for each metric that the log has beyond the pinned ones; clocks and counters are no curves."""
        names = [name for name in self._history.names() if name not in self._charts and not name.startswith("time/")]
        names = names[: MOST_CHARTS - len(self._charts)]
        for name in names:
            chart = self._charts[name] = _chart(name)
            chart.log_scale, chart.cursor, chart.ascii_only = self.log_scale, self.cursor, self.ascii_only
            self._draw(name)
        if names:
            grid = self.query_one(ChartGrid)
            grid.mount_all([self._charts[name] for name in names])
            grid.count = len(self._charts)

    def _drop_unpinned(self) -> None:
        """The next run may log other metrics."""
        for name in [name for name in self._charts if name not in PINNED]:
            chart = self._charts.pop(name)
            if chart is self._chart_in_focus:
                self._chart_in_focus = None
                self._zoom(None)
                self.focus()
            chart.remove()
        self.query_one(ChartGrid).count = len(self._charts)

    def _zoom(self, chart: LineChart | None) -> None:
        """Show one chart alone, or all again."""
        self.set_class(chart is not None, "-zoomed")
        for other in self._charts.values():
            other.set_class(other is chart, "-zoomed")

    def take_focus(self) -> None:
        """The keys go to the open question, or to the charts."""
        line = self.query_one(AskLine)
        if line.asks:
            line.take_focus()
        else:
            self._take_focus()

    def _take_focus(self) -> None:
        (self._chart_in_focus or self).focus(scroll_visible=False)

    def _open_state(self, verb: str) -> RunState | None:
        """The state of a run that can be steered; without one the message line says so."""
        if self._run_id is not None and self._status is not None and self._status.status.is_open:
            return self._status.status
        self.say(nothing_to(verb, self._run_id, self._status), "warning")
        return None

    @property
    def _is_empty(self) -> bool:
        return self._run_id is None

    def _show_emptiness(self) -> None:
        if self.has_class("-empty") is not self._is_empty:
            self.set_class(self._is_empty, "-empty")
            self.refresh_bindings()  # costs a new footer: never without need
        self.query_one(RunLine).run_id = self._run_id
        self.query_one(RunLine).status = self._status


def _chart(name: str) -> LineChart:
    return LineChart(name, signed="rew" in name)


def _setting(name: str) -> Setting:
    return next(setting for setting in SETTINGS if setting.name == name)


def _reach(line: Line) -> float:
    return line.steps[-1] if line.steps else -1.0


def _move_to(line: Line, at: float | None, wanted: float) -> float | None:
    """The recorded step nearest to the wanted one, though never the one that the cursor is on."""
    near = step_near(line, wanted)
    return wanted if near == at else near
