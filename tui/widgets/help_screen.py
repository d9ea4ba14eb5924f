"""Help: what the pane in front is for and every key it has, made from the bindings so that it cannot be wrong."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import cleandoc

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.keys import key_to_character
from textual.screen import ModalScreen
from textual.widgets import Static

KEY_WIDTH = 22

_NAMES = {
    "plus": "+",
    "minus": "-",
    "underscore": "_",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
}


class HelpScreen(ModalScreen[None]):
    """Closes on Escape, F1, `?` or `q`."""

    BINDINGS = [Binding("escape,f1,question_mark,q", "dismiss", "close", id="help.close", tooltip="Close the help")]

    def __init__(self, about: str, sections: Sequence[tuple[str, Sequence[Binding]]]) -> None:
        super().__init__()
        self._about, self._sections = about, sections

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            if self._about:
                from textual.widgets import Markdown  # deferred: its parser takes a tenth of the first frame

                yield Markdown(cleandoc(self._about))
            for title, bindings in self._sections:
                yield Static(Text(f"\n{title}", style="bold"))
                yield Static(key_table(bindings))

    def on_mount(self) -> None:
        self.query_one("#help").focus()


def key_table(bindings: Sequence[Binding]) -> Text:
    """One line a binding: its keys, and what they do."""
    text = Text()
    for binding in bindings:
        keys = " ".join(key_name(key) for key in binding.key.split(","))
        text.append(f"  {keys:<{KEY_WIDTH}}", style="bold")
        text.append(f"{binding.tooltip or binding.description}\n")
    return text


def key_name(key: str) -> str:
    """A key as it is printed on a keyboard: `ctrl+s`, `.`, `PgUp`."""
    *modifiers, last = key.strip().split("+") if key != "+" else ["+"]
    if last[:1] == "f" and last[1:].isdigit():
        last = last.upper()
    sign = key_to_character(last) or ""
    return "+".join([*modifiers, _NAMES.get(last) or (sign if sign.strip() and sign.isprintable() else last)])
