"""A question before something that cannot be undone. Answers True for y, False for n and Escape."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static


class ConfirmScreen(ModalScreen[bool]):
    """One sentence, two answers."""

    BINDINGS = [
        Binding("y", "answer(True)", "yes", id="confirm.yes", tooltip="Yes"),
        Binding("n,escape", "answer(False)", "no", id="confirm.no", tooltip="No"),
    ]

    def __init__(self, question: Text, yes: str, no: str) -> None:
        super().__init__()
        self._question, self._yes, self._no = question, yes, no

    def compose(self) -> ComposeResult:
        with Vertical(id="confirm"):
            yield Static(self._question)
            yield Static(Text.assemble(("\ny ", "bold"), self._yes, "     ", ("n ", "bold"), self._no))

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)
