"""The one status line on top, always in the same order: panes, game and map, run, progress, problems."""

from __future__ import annotations

from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from engine.runs.records import RunState, RunStatus
from tui.text import duration, safe_str, si

PANES = (("live", "live"), ("monitor", "train"), ("editor", "maps"), ("console", "query"))
"""Id of each pane and the word for it, in the order of their keys."""

_MARKS = {RunState.TRAINING: "●", RunState.STARTING: "○", RunState.PAUSED: "‖", RunState.FAILED: "!"}


class StatusBar(Widget):
    """View only: the app sets what it shows."""

    DEFAULT_CSS = "StatusBar { height: 1; padding: 0 1; }"
    COMPONENT_CLASSES = {"status--open", "status--muted", "status--good", "status--bad"}

    pane: reactive[str] = reactive("live")
    """Id of the pane in front."""
    subject: reactive[str] = reactive("")
    """Game and map."""
    run_id: reactive[str] = reactive("")
    """The watched run, empty for none."""
    status: reactive[RunStatus | None] = reactive(None)
    """Its state."""

    def render(self) -> RenderResult:
        muted = self.get_component_rich_style("status--muted", partial=True)
        front = self.get_component_rich_style("status--open", partial=True)
        line = Text(no_wrap=True, overflow="ellipsis")
        for pane, word in PANES:
            line.append(word.upper() if pane == self.pane else word, style=front if pane == self.pane else muted)
            line.append(" ")
        line.append(f"  {safe_str(self.subject, 40)}   ")
        if self.run_id and self.status is not None:
            self._append_run(line, self.status)
        return line

    def _append_run(self, line: Text, status: RunStatus) -> None:
        failed = status.status is RunState.FAILED
        good = self.get_component_rich_style("status--good", partial=True)
        bad = self.get_component_rich_style("status--bad", partial=True)
        line.append(f"{safe_str(self.run_id, 24)} ")
        mark = _MARKS.get(status.status, "")
        line.append(f"{mark} " if mark else "", style=bad if failed else good)
        line.append(status.status.label, style=bad if failed else "")
        line.append(f" {si(status.step)}/{si(status.total_steps)}")
        if status.status is RunState.TRAINING and status.sps > 0:
            left = (status.total_steps - status.step) / status.sps
            line.append(f"  {si(status.sps, fixed=True)}/s  ETA {duration(left)}")
