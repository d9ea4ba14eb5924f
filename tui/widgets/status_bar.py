"""The one status line on top, always in the same order: panes, game and map, run, progress, problems."""

from __future__ import annotations

from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from engine.runs.records import Link, LinkState, RunState, RunStatus
from tui.text import duration, safe_str, si

PANES = (("live", "live"), ("monitor", "train"), ("editor", "maps"), ("console", "query"))
"""Id of each pane and the word for it, in the order of their keys."""

WIDE_FROM = 100
"""Columns from which the state is spelled out beside its mark."""

_MARKS = {RunState.TRAINING: "●", RunState.STARTING: "○", RunState.PAUSED: "‖", RunState.FAILED: "!"}


class StatusBar(Widget):
    """View only: the app sets what it shows."""

    DEFAULT_CSS = "StatusBar { height: 1; padding: 0 1; }"
    COMPONENT_CLASSES = {"status--open", "status--muted", "status--good", "status--bad"}

    pane: reactive[str] = reactive("live")
    """Id of the pane in front."""
    subject: reactive[str] = reactive("")
    """Game and map."""
    map_size: reactive[str] = reactive("")
    """Columns x rows of the map; left out where there is no room."""
    run_id: reactive[str] = reactive("")
    """The watched run, empty for none."""
    status: reactive[RunStatus | None] = reactive(None)
    """Its state."""

    link: reactive[Link | None] = reactive(None)
    """How it is reached, if it is on another machine."""

    def render(self) -> RenderResult:
        muted = self.get_component_rich_style("status--muted", partial=True)
        front = self.get_component_rich_style("status--open", partial=True)
        line = Text(no_wrap=True, overflow="ellipsis")
        for pane, word in PANES:
            line.append(word.upper() if pane == self.pane else word, style=front if pane == self.pane else muted)
            line.append(" ")
        line.append(f"  {safe_str(self.subject, 32)}{' ' + self.map_size if self._is_wide else ''}   ")
        if self.run_id and self.status is not None:
            self._append_run(line, self.status)
        return line

    @property
    def _is_wide(self) -> bool:
        return self.size.width >= WIDE_FROM

    def _append_run(self, line: Text, status: RunStatus) -> None:
        failed = status.status is RunState.FAILED
        style = self.get_component_rich_style("status--bad" if failed else "status--good", partial=True)
        mark, wide = _MARKS.get(status.status, ""), self._is_wide
        if self.link is not None:
            line.append(f"{safe_str(self.link.host, 24 if wide else 12)}:")
        line.append(f"{safe_str(self.run_id, 32 if wide else 16)} ")
        if self.link is not None and self.link.state is not LinkState.LIVE:
            self._append_link(line, self.link)
            return
        line.append(f"{mark} " if mark else "", style=style)
        if wide or not mark:
            line.append(f"{status.status.label} ", style=style)
        line.append(f"{si(status.step)}/{si(status.total_steps)}")
        if status.status is RunState.TRAINING and status.sps > 0:
            left = (status.total_steps - status.step) / status.sps
            line.append(f" {si(status.sps, fixed=wide)}/s {'ETA ' if wide else ''}{duration(left)}")

    def _append_link(self, line: Text, link: Link) -> None:
        """How the link is, and for how long what is shown has been old: all else would be a guess."""
        style = self.get_component_rich_style("status--bad", partial=True)
        line.append(f"{link.state.value} {duration(link.age)}", style=style)
