"""A question before something that cannot be undone. Answers "yes" for y, "no" for n and Escape, "other" for d."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static


class ConfirmScreen(ModalScreen[str]):
    """One sentence, two answers; or three."""

    BINDINGS = [
        Binding("y", "answer('yes')", "yes", id="confirm.yes", tooltip="Yes"),
        Binding("d", "answer('other')", "detach", id="confirm.other", tooltip="Leave the run to a process of its own"),
        Binding("n,escape", "answer('no')", "no", id="confirm.no", tooltip="No"),
    ]

    def __init__(self, question: Text, yes: str, no: str, other: str = "") -> None:
        """Args:
        other: what the third answer does, empty where there is none.
        """
        super().__init__()
        self._question, self._yes, self._no, self._other = question, yes, no, other

    def compose(self) -> ComposeResult:
        answers = [("y", self._yes), ("d", self._other), ("n", self._no)]
        line = Text("\n")
        for key, words in answers:
            if words:
                line.append(f"{key} ", "bold")
                line.append(f"{words}     ")
        line.rstrip()
        with Vertical(id="confirm"):
            yield Static(self._question)
            yield Static(line)

    def action_answer(self, answer: str) -> None:
        if answer != "other" or self._other:
            self.dismiss(answer)
