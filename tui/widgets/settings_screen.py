"""The settings of the app as a form: each with where it comes from; what is typed counts at once.

View only, UI thread: it says what the user typed, and the app checks, applies and saves it.
"""

from __future__ import annotations

from dataclasses import replace

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from engine.errors import ConfigError
from engine.maps.characters import CHARACTERS, SPAWN_PREFIX
from tui.glyphs import UNKNOWN_GLYPH
from tui.settings import FIELDS, Field, SettingsFile, field_of, text_of
from tui.text import safe_str

from .form import Form, FormRow
from .key_line import KeyLine

LONGEST_TITLE = 400  # cells; what a terminal has no room for is cut


class SettingsScreen(ModalScreen[None]):
    """Closes on Escape."""

    BINDINGS = [Binding("escape,f8", "leave", "back", id="settings.leave", tooltip="Back; all is saved")]

    class Changed(Message):
        """The user wants another value; None for the default."""

        def __init__(self, key: str, text: str | None) -> None:
            self.key, self.text = key, text
            super().__init__()

    def __init__(self, file: SettingsFile) -> None:
        super().__init__()
        self._file = file

    def compose(self) -> ComposeResult:
        yield Static(id="settings-title", classes="title-line", markup=False)
        yield Static(id="settings-differs", markup=False)
        yield Static(id="settings-faults", markup=False)
        yield Form(id="settings-form")
        yield KeyLine()

    def on_mount(self) -> None:
        self._form = self.query_one(Form)
        self._form.take_focus()
        self.show()

    def show(self, key: str = "", words: str = "") -> None:
        """Show the settings as they are now, and at a key what is wrong with what was wanted there."""
        rows = settings_rows(self._file, key, words)
        self._form.show_rows(rows)
        path = self._file.loaded.path
        self._say("settings-title", f"Settings  {path if path is not None else 'of this sitting alone'}")
        changed = [row.key for row in rows if row.changed]
        self._say(
            "settings-differs", f"differs from the defaults: {', '.join(changed)}" if changed else "all as it comes"
        )
        general = [str(fault) for fault in self._file.faults if fault.key not in {row.key for row in rows}]
        faults = self.query_one("#settings-faults", Static)
        faults.display = bool(general)
        faults.update(Content("\n".join(safe_str(fault, LONGEST_TITLE) for fault in general)))

    def _say(self, widget: str, words: str) -> None:
        self.query_one(f"#{widget}", Static).update(Content(safe_str(words, LONGEST_TITLE)))

    def on_form_typed(self, event: Form.Typed) -> None:
        event.stop()
        try:
            self._file.check(event.key, event.text)
        except ConfigError as error:
            self.show(event.key, str(error))
        else:
            self.show()

    def on_form_entered(self, event: Form.Entered) -> None:
        event.stop()
        self.post_message(self.Changed(event.key, event.text))

    def on_form_left(self, event: Form.Left) -> None:
        event.stop()
        self.show()

    def on_form_reset_asked(self, event: Form.ResetAsked) -> None:
        event.stop()
        self.post_message(self.Changed(event.key, None))

    def action_leave(self) -> None:
        self.dismiss(None)


def settings_rows(file: SettingsFile, key: str = "", words: str = "") -> list[FormRow]:
    """Every setting there is, the fixed ones first; at a key the words that say what is wrong with it."""
    faults = {fault.key: str(fault) for fault in file.faults} | ({key: words} if words else {})
    chosen, keymap = file.loaded.settings, file.keymap
    rows = [_row(file, each, text_of(chosen.value(each.key)), faults) for each in FIELDS]
    kinds = [kind for kind in CHARACTERS if not kind.startswith(SPAWN_PREFIX)]
    for kind in [*kinds, *(kind for kind in chosen.glyphs if kind not in kinds)]:
        character = chosen.glyphs.get(kind) or CHARACTERS.get(kind, UNKNOWN_GLYPH)
        rows.append(_row(file, _described(f"glyphs.{kind}", f"how {kind} looks in Live"), character, faults))
    for bound in file.bound:
        field = _described(f"keys.{bound.id}", f"{bound.words}; {bound.place}")
        rows.append(_row(file, field, keymap.get(bound.id, bound.keys), faults))
    return rows


def _described(key: str, words: str) -> Field:
    """The field of a key or of a character, with what it is."""
    known = field_of(key)
    assert known is not None
    return replace(known, help=words)


def _row(file: SettingsFile, field: Field, value: str, faults: dict[str, str]) -> FormRow:
    origin = file.loaded.origin(field.key)
    return FormRow(
        field.key,
        value,
        str(origin),
        field.help,
        field.allowed,
        field.choices,
        changed=origin.layer != "default",
        fault=faults.get(field.key, ""),
    )
