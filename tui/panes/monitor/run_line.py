"""The lines over the charts: which run, how far, how fast; and its settings. View only, UI thread.

They are drawn by `render` at a fixed size, so that a changing number costs a refresh of one line and no layout.
"""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from engine.runs.records import RunState, RunStatus
from tui.text import brief, safe_str

from .words import ASCII_MARKS, MARKS, SETTINGS, figures


class RunLine(Widget):
    """Name and state of a run at the left, its figures at the right, and a rule below that fills as it goes on.

    While a run that goes on has something to say, such as that the disk is full, a banner stands in for the rule.
    """

    COMPONENT_CLASSES = {
        "run-line--name",
        "run-line--figures",
        "run-line--open",
        "run-line--held",
        "run-line--done",
        "run-line--failed",
        "run-line--filled",
        "run-line--rule",
        "run-line--trouble",
    }

    run_id: reactive[str | None] = reactive(None)
    """Which run; None for no run."""
    status: reactive[RunStatus | None] = reactive(None)
    """The last look at it."""
    ascii_only: reactive[bool] = reactive(False)
    """No marks and rules beyond ASCII."""

    def render(self) -> Text:
        width = self.size.width
        return Text("\n").join([self._first_row(width), self._banner(width) or self._rule(width)])

    def _first_row(self, width: int) -> Text:
        name = safe_str("no run" if self.run_id is None else self.run_id, max(width // 3, 8))
        row = Text.assemble((f" {name}", self._look("name")), no_wrap=True, overflow="crop")
        if self.status is None:
            return row
        state = self.status.status
        mark = (ASCII_MARKS if self.ascii_only else MARKS)[state]
        row.append(f"  {mark} {state.label}", self._look(_STATE_LOOKS[state]))
        self._append_message(row, width)
        text = figures(self.status, width - row.cell_len - 3)
        row.append(text.rjust(width - row.cell_len - 1), self._look("figures"))
        return row

    def _append_message(self, row: Text, width: int) -> None:
        """Why it ended, in up to half of what is left of the line."""
        assert self.status is not None
        room = (width - row.cell_len) // 2
        if self.status.message and not self.status.status.is_open and room > 10:
            row.append("  " + safe_str(self.status.message, room - 2), self._look("figures"))

    def _banner(self, width: int) -> Text | None:
        if self.status is None or not self.status.message or not self.status.status.is_open:
            return None
        words = safe_str(f"{self.status.message}; training goes on", width - 2)
        return Text(f" {words}".ljust(width), self._look("trouble"), no_wrap=True, overflow="crop")

    def _rule(self, width: int) -> Text:
        filled = 0
        if self.status is not None and self.status.total_steps > 0:
            filled = min(width, round(width * max(self.status.step, 0) / self.status.total_steps))
        full, rest = ("=", "-") if self.ascii_only else ("━", "─")
        return Text.assemble((full * filled, self._look("filled")), (rest * (width - filled), self._look("rule")))

    def _look(self, part: str) -> Style:
        return self.get_component_rich_style(f"run-line--{part}")


_STATE_LOOKS = {
    RunState.STARTING: "held",
    RunState.TRAINING: "open",
    RunState.PAUSED: "held",
    RunState.STOPPED: "done",
    RunState.FINISHED: "done",
    RunState.FAILED: "failed",
}


class SettingsLine(Widget):
    """What a person may change while the run goes on, with the key for each, and how the charts are drawn."""

    COMPONENT_CLASSES = {"settings-line--label", "settings-line--value", "settings-line--key"}

    values: reactive[tuple[float | None, ...]] = reactive((None,) * len(SETTINGS))
    """The present values of words.SETTINGS, in their order."""
    smoothing: reactive[bool] = reactive(True)
    """Whether a moving average is drawn over the raw curve."""
    log_scale: reactive[bool] = reactive(False)
    """Whether y axes are logarithmic."""

    def render(self) -> Text:
        row = Text(" ", no_wrap=True, overflow="crop")
        for setting, value in zip(SETTINGS, self.values, strict=True):
            self._append(row, setting.key, setting.label, brief(value))
        self._append(row, "m", "smooth", "on" if self.smoothing else "off")
        self._append(row, "y", "log", "on" if self.log_scale else "off")
        return row

    def _append(self, row: Text, key: str, label: str, value: str) -> None:
        row.append(f"{key} ", self._look("key"))
        row.append(f"{label} ", self._look("label"))
        row.append(value, self._look("value"))
        row.append("  ")

    def _look(self, part: str) -> Style:
        return self.get_component_rich_style(f"settings-line--{part}")
