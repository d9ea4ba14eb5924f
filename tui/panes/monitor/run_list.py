"""The list of runs at the left of the monitor. View only: the Session says which runs there are. UI thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.text import Text
from textual.binding import Binding
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from engine.runs.records import RunState
from tui.text import safe, si

from .words import ASCII_MARKS, MARKS

NAME_WIDTH = 20


class RunEntry(NamedTuple):
    """One run that can be shown."""

    run_id: str
    status: RunState
    step: int
    total_steps: int


class RunList(OptionList):
    """Runs, newest first as given; Enter shows one."""

    BINDINGS = [
        Binding("escape", "leave", "close runs", id="monitor.runs.close", tooltip="Close the list of runs"),
    ]

    class Chosen(Message):
        """The user picked a run."""

        def __init__(self, run_id: str) -> None:
            self.run_id = run_id
            super().__init__()

    class Left(Message):
        """The user wants the list gone."""

    ascii_only = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self._runs: list[RunEntry] = []

    def show(self, runs: Sequence[tuple[str, RunState, int, int]]) -> None:
        """Replace the list; the highlight stays on its run."""
        entries = [RunEntry(*run) for run in runs]
        if entries == self._runs and self.option_count:
            return
        before = self.chosen()
        self._runs = entries
        self.clear_options()
        self.add_options([Option(self._prompt(run)) for run in entries] or [Option("No runs yet.", disabled=True)])
        names = [run.run_id for run in entries]
        self.highlighted = names.index(before) if before in names else (0 if names else None)

    def chosen(self) -> str | None:
        """The highlighted run."""
        index = self.highlighted
        return self._runs[index].run_id if index is not None and index < len(self._runs) else None

    def action_leave(self) -> None:
        self.post_message(self.Left())

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option_index < len(self._runs):
            self.post_message(self.Chosen(self._runs[event.option_index].run_id))

    def _prompt(self, run: RunEntry) -> Text:
        mark = (ASCII_MARKS if self.ascii_only else MARKS).get(run.status, "?")
        name = safe(run.run_id, NAME_WIDTH)
        name.pad_right(NAME_WIDTH - name.cell_len)
        return Text.assemble(f"{mark} ", name, f" {si(run.step):>5}")
