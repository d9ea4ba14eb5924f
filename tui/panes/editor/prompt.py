"""One-line questions inside the pane: a line of text, or yes and no. Escape answers neither."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from tui.text import safe


class TextPrompt(Horizontal):
    """Asks for one line. `ask` says what happens with the answer; hidden while nothing is asked."""

    BINDINGS = [Binding("escape", "cancel", "Cancel", id="editor.prompt.cancel", tooltip="Go back without answering")]

    def __init__(self, then_focus: Callable[[], object], id: str | None = None) -> None:
        super().__init__(id=id)
        self._then_focus = then_focus
        self._then: Callable[[str], None] | None = None
        self.display = False

    def compose(self) -> ComposeResult:
        yield Static(classes="label", markup=False)
        yield Input(classes="-line", compact=True)

    def ask(
        self,
        question: str,
        then: Callable[[str], None],
        *,
        value: str = "",
        placeholder: str = "",
        suggestions: Sequence[str] = (),
    ) -> None:
        """Ask a question with `value` as the proposed answer."""
        self._then = then
        self.query_one(Static).update(safe(f"{question} "))
        field = self.query_one(Input)
        field.suggester = SuggestFromList(suggestions) if suggestions else None
        field.placeholder = placeholder
        field.value = value
        field.cursor_position = len(value)
        self.display = True
        field.focus()

    def action_cancel(self) -> None:
        self._close()

    @on(Input.Submitted)
    def _answer(self, event: Input.Submitted) -> None:
        event.stop()
        then = self._close()
        if then and event.value.strip():
            then(event.value.strip())

    def _close(self) -> Callable[[str], None] | None:
        then, self._then = self._then, None
        self.display = False
        self._then_focus()
        return then


class YesNoPrompt(Static, can_focus=True):
    """Asks whether to go on with something that cannot be taken back."""

    BINDINGS = [
        Binding("y", "answer(True)", "Yes", id="editor.question.yes", tooltip="Go on"),
        Binding("n,escape", "answer(False)", "No", id="editor.question.no", tooltip="Leave everything as it is"),
    ]

    def __init__(self, then_focus: Callable[[], object], id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self._then_focus = then_focus
        self._then: Callable[[], None] | None = None
        self.display = False

    def ask(self, question: str, then: Callable[[], None]) -> None:
        """Ask; `then` is called only for yes."""
        self._then = then
        text = safe(question)
        text.append("  y yes   n no", "bold")
        self.update(text)
        self.display = True
        self.focus()

    def action_answer(self, yes: bool) -> None:
        then, self._then = self._then, None
        self.display = False
        self._then_focus()
        if yes and then:
            then()
