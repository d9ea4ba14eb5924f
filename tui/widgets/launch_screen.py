"""The launch screen: everything a run would be started with, as a form, with what differs and whether it fits.

View only, UI thread: it says what the user typed and shows what the session made of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.text import safe, safe_str

from .form import Form, FormRow
from .key_line import KeyLine

if TYPE_CHECKING:
    from engine.recipes import Setting
    from tui.launch import Examined, Launch

NARROW = 110  # columns: below, the side panel goes under the form
LONGEST_WORDS = 300  # cells of one text in the side panel; it wraps


class LaunchScreen(ModalScreen["Launch"]):
    """Closes on Escape and gives what was typed so far; the app starts the run when it is asked to."""

    BINDINGS = [
        Binding("t,ctrl+s", "start", "train", id="launch.start", tooltip="Start training with these settings"),
        Binding("escape", "leave", "back", id="launch.leave", tooltip="Back, nothing is started"),
        Binding("y", "copy", "copy command", id="launch.copy", tooltip="Copy this as a command for the shell"),
    ]

    class Edited(Message):
        """The launch is another one now: it should be looked at."""

        def __init__(self, launch: Launch) -> None:
            self.launch = launch
            super().__init__()

    class StartPressed(Message):
        """The user wants this run."""

        def __init__(self, examined: Examined) -> None:
            self.examined = examined
            super().__init__()

    def __init__(self, examined: Examined, recipes: tuple[str, ...], presets: tuple[str, ...]) -> None:
        super().__init__()
        self._choices = {"recipe": recipes, "preset": ("none", *presets)}
        self._launch = examined.launch  # as it was taken; what is being typed is not in it
        self._sent = examined.launch  # the one last handed out to be looked at
        self._examined = examined
        self._starts = False  # the user wants the run as soon as what was typed last is judged

    def compose(self) -> ComposeResult:
        yield Static(id="launch-title", classes="title-line", markup=False)
        with Horizontal(id="launch-body"):
            yield Form(id="launch-form")
            with VerticalScroll(id="launch-side", can_focus=False):
                yield Static(id="launch-state", markup=False)
        yield Static(id="launch-command", classes="message-line", markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        self._form = self.query_one(Form)
        self._form.take_focus()
        self.show(self._examined)

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width < NARROW, "-narrow")

    def show(self, examined: Examined) -> None:
        """What the session made of the launch that was sent last."""
        if examined.launch != self._sent:
            return  # the user has typed on
        self._examined = examined
        if self._starts:
            self._starts = False
            self.action_start()
        self._form.show_rows(self._rows(examined))
        self.query_one("#launch-title", Static).update(_title(examined))
        self.query_one("#launch-state", Static).update(_state(examined))
        self.query_one("#launch-command", Static).update(Content(safe_str(f"$ {examined.launch.command}")))

    def on_form_typed(self, event: Form.Typed) -> None:
        event.stop()
        self._send(self._having(event.key, event.text))

    def on_form_entered(self, event: Form.Entered) -> None:
        event.stop()
        self._take(self._having(event.key, event.text))

    def on_form_left(self, event: Form.Left) -> None:
        event.stop()
        self._take(self._launch)

    def on_form_reset_asked(self, event: Form.ResetAsked) -> None:
        event.stop()
        if event.key in dict(self._launch.settings):
            self._take(self._launch.without(event.key))
            return
        below = self._below(event.key)
        if below is not None:
            self._take(self._launch.having(event.key, below))

    def _below(self, key: str) -> str | None:
        """What a setting is without the file or the variable that says it; None, and a word, where there is no such."""
        resolution = self._examined.resolution
        settings = {} if resolution is None else {s.key: s for s in (*resolution.parameters, *resolution.settings)}
        if key == "preset" and resolution is not None and resolution.preset:
            return "none"
        if key not in settings or not settings[key].changed:
            self.notify("Nothing to take back: nobody changed it.", timeout=3)
            return None
        if settings[key].recipe is None:
            self.notify(f"It is new: {safe_str(str(settings[key].origin))} has it, and nothing below.", timeout=4)
        return settings[key].recipe

    def _having(self, key: str, text: str) -> Launch:
        return self._launch.having(key, text)

    def _take(self, launch: Launch) -> None:
        self._launch = launch
        self._send(launch)

    def _send(self, launch: Launch) -> None:
        self._sent = launch
        self.post_message(self.Edited(launch))

    def action_start(self) -> None:
        if self._form.is_editing:
            self._starts = True
            self._form.take_typed()
            return
        examined = self._examined
        if examined.launch != self._launch:
            self._starts = True  # it is being judged; `show` goes on
            return
        if examined.config is None:
            self.notify("Something is wrong with it: see the right side.", severity="warning", timeout=4)
        else:
            self.post_message(self.StartPressed(examined))

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self._examined.launch.command)
        self.notify("The command is on the clipboard.", timeout=3)

    def action_leave(self) -> None:
        self.dismiss(self._launch)

    def _rows(self, examined: Examined) -> list[FormRow]:
        typed, resolution = dict(examined.launch.settings), examined.resolution
        faults = [str(fault.message) for fault in examined.faults]
        rows = [
            FormRow("recipe", examined.launch.recipe, "", "what to learn and how", "", self._choices["recipe"]),
            FormRow(
                "preset",
                (resolution.preset if resolution is not None else typed.get("preset")) or "none",
                "typed" if "preset" in typed else "",
                "settings of the trainer by machine",
                "one of " + ", ".join(self._choices["preset"]),
                self._choices["preset"],
                changed="preset" in typed,
                fault=_fault("preset", faults),
            ),
        ]
        if resolution is None:
            rows[0] = FormRow("recipe", examined.launch.recipe, "", "", "", self._choices["recipe"], fault=faults[0])
            return rows
        settings = sorted(resolution.settings, key=lambda each: (each.key.startswith("rules."), each.key != "run"))
        known = {"preset", *(each.key for each in (*settings, *resolution.parameters))}
        rows += [_row(each, typed, faults) for each in (*resolution.parameters, *settings)]
        rows += [
            FormRow(key, text, "typed", changed=True, fault=_fault(key, faults) or "there is no such setting")
            for key, text in typed.items()
            if key not in known and not any(other.startswith(f"{key}.") for other in known)
        ]
        return rows


def _row(setting: Setting, typed: dict[str, str], faults: list[str]) -> FormRow:
    return FormRow(
        setting.key,
        setting.text,
        "typed" if setting.key in typed else str(setting.origin),
        setting.help,
        setting.allowed,
        setting.choices,
        changed=setting.changed,
        fault=_fault(setting.key, faults),
    )


def _fault(key: str, faults: list[str]) -> str:
    """What is wrong with a setting: the fault that begins with its key, or with a place and its key."""
    begins = re.compile(rf"(.*: )?{re.escape(key)}[:. ]")
    return next((fault for fault in faults if begins.match(fault)), "")


def _title(examined: Examined) -> Text:
    text = Text("Train  ", style="bold")
    if examined.resolution is not None:
        recipe = examined.resolution.recipe
        text.append_text(safe(f"{recipe.name} · {recipe.group}"))
        text.append_text(safe(f"   {recipe.summary}"))
    return text


def _state(examined: Examined) -> Table:
    """What is wrong, what differs from what it is built on, and the arithmetic; each wraps in a column of its own."""
    table = Table.grid(padding=(0, 1))
    table.add_column(width=4, no_wrap=True)
    table.add_column(ratio=1)
    for fault in examined.faults:
        table.add_row(Text("stop", style="bold red"), _words(fault.message, fault.hint, style="bold"))
    if examined.faults:
        table.add_row()
    changed = [] if examined.resolution is None else [each for each in examined.resolution.settings if each.changed]
    base = safe_str(examined.base, LONGEST_WORDS)
    table.add_row("", Text(f"differs from {base}" if changed else f"as {base} has it", style="bold"))
    for setting in changed:
        was = "new" if setting.recipe is None else f"was {setting.recipe}"
        table.add_row("*", _words(f"{setting.key} = {setting.text}", was))
    if examined.checks:
        table.add_row()
        table.add_row("", Text("the arithmetic", style="bold"))
    for check in examined.checks:
        good = check.level.value == "ok"
        mark = Text(_MARKS[check.level.value], style="dim" if good else "bold")
        table.add_row(mark, _words(check.words, "" if good else check.hint, style="dim" if good else ""))
    return table


def _words(words: str, more: str, style: str = "") -> Text:
    text = Text(safe_str(words, LONGEST_WORDS), style=style)
    if more:
        text.append(f"\n{safe_str(more, LONGEST_WORDS)}", style="not bold dim")
    return text


_MARKS = {"ok": "ok", "note": "note", "warning": "warn", "error": "stop"}
