"""The message line of the monitor, which can also ask: yes or no, or for a number. View only, UI thread."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from tui.text import safe_str

Check = Callable[[str], str]
"""Says what is wrong with what was typed; empty if nothing."""


class Question(Static, can_focus=True):
    """The line's text; while it asks yes or no it has the focus and takes the keys."""

    BINDINGS = [
        Binding("y", "answer(True)", "yes", id="monitor.ask.yes", tooltip="Yes, do it"),
        Binding("n,escape", "answer(False)", "no", id="monitor.ask.no", tooltip="No, leave it as it is"),
    ]

    class Answered(Message):
        """The user said yes or no."""

        def __init__(self, yes: bool) -> None:
            self.yes = yes
            super().__init__()

    def action_answer(self, yes: bool) -> None:
        self.post_message(self.Answered(yes))


class NumberInput(Input):
    """Where the number is typed."""

    BINDINGS = [Binding("escape", "leave", "leave", id="monitor.ask.leave", tooltip="Leave it as it is")]

    class Left(Message):
        """The user does not want to type a number after all."""

    def action_leave(self) -> None:
        self.post_message(self.Left())


class AskLine(Horizontal):
    """One line that says, asks yes or no, or asks for a number; at most one question is open."""

    class Confirmed(Message):
        """The question was answered with yes."""

        def __init__(self, topic: str) -> None:
            self.topic = topic
            super().__init__()

    class Entered(Message):
        """A number was typed and passed its check."""

        def __init__(self, topic: str, text: str) -> None:
            self.topic = topic
            self.text = text
            super().__init__()

    class Closed(Message):
        """A question is closed, however it was answered: the focus is free."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._topic: str | None = None
        self._check: Check | None = None

    def compose(self) -> ComposeResult:
        yield NumberInput(id="ask-input", classes="-line", select_on_focus=True)
        yield Question("", markup=False, id="ask-text", classes="message-line")

    def on_mount(self) -> None:
        self._text.can_focus = False
        self._input.display = False

    @property
    def asks(self) -> bool:
        """Whether a question is open."""
        return self._topic is not None

    @property
    def said(self) -> str:
        """The words on the line."""
        return str(self._text.content)

    def say(self, words: str, severity: str = "info") -> None:
        """Put words on the line; severity is info, success, warning or error. An open question stays."""
        if not self.asks:
            self._show(words, severity)

    def ask(self, topic: str, question: str) -> None:
        """Ask for y or n."""
        self._open(topic, None)
        self._show(question, "warning")
        self._text.can_focus = True
        self._text.focus(scroll_visible=False)

    def ask_number(self, topic: str, label: str, present: str, check: Check) -> None:
        """Ask for a number; `check` is asked when Enter is pressed."""
        self._open(topic, check)
        self._show(label, "info")
        self._input.display = True
        self._input.value = present
        self._input.focus(scroll_visible=False)

    def take_focus(self) -> None:
        """Give the keys back to the open question."""
        (self._input if self._input.display else self._text).focus(scroll_visible=False)

    def close(self) -> None:
        """Drop an open question unanswered."""
        if not self.asks:
            return
        self._topic = self._check = None
        self._show("", "info")
        self._input.display = False
        self._text.can_focus = False
        self.post_message(self.Closed())

    def on_question_answered(self, event: Question.Answered) -> None:
        event.stop()
        topic = self._topic
        self.close()
        if event.yes and topic is not None:
            self.post_message(self.Confirmed(topic))

    def on_number_input_left(self, event: NumberInput.Left) -> None:
        event.stop()
        self.close()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        topic, check = self._topic, self._check
        if topic is None or check is None:
            return
        if wrong := check(event.value):
            self._show(wrong, "error")
            return
        self.close()
        self.post_message(self.Entered(topic, event.value))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()

    def _open(self, topic: str, check: Check | None) -> None:
        self._input.display = False
        self._topic, self._check = topic, check

    def _show(self, words: str, severity: str) -> None:
        self._text.update(Content(safe_str(words)), layout=False)
        for name in ("info", "success", "warning", "error"):
            self._text.set_class(name == severity, f"-{name}")

    @property
    def _text(self) -> Question:
        return self.query_one("#ask-text", Question)

    @property
    def _input(self) -> NumberInput:
        return self.query_one("#ask-input", NumberInput)
