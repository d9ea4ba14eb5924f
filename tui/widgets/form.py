"""A form of many settings: searched, edited in place of a line, drawn line by line. View only, UI thread.

It shows the rows it is handed and says what the user typed; whoever owns the values checks them and hands new
rows. Text of rows is outside text: it passes through `safe_str`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Input, Static

from tui.text import safe_str

GAP = 2  # cells between columns
KEY_SHARE, VALUE_SHARE = 0.45, 0.35  # of the width, at most; the rest is for the origin
LONGEST = 400  # cells up to which a value is measured and shown


@dataclass(frozen=True)
class FormRow:
    """One setting."""

    key: str
    value: str
    origin: str
    """Where the value comes from, in a word or two."""
    help: str = ""
    """What it is."""
    allowed: str = ""
    """What it takes."""
    choices: tuple[str, ...] = ()
    """Values to go through with the arrow keys; any other may be typed all the same if it is allowed."""
    changed: bool = False
    """Not as it would be without the user."""
    fault: str = ""
    """What is wrong with it."""

    @property
    def searched(self) -> str:
        """What a search looks at."""
        return f"{self.key} {self.help}".lower()


def matching(rows: Sequence[FormRow], search: str) -> list[FormRow]:
    """The rows in which every word of the search occurs; those with all of them in the key come first."""
    words = search.lower().split()
    found = [row for row in rows if all(word in row.searched for word in words)]
    return sorted(found, key=lambda row: not all(word in row.key.lower() for word in words)) if words else found


class FormRows(ScrollView, can_focus=True):
    """The rows, of which one is under the cursor."""

    COMPONENT_CLASSES = {
        "form--cursor",
        "form--cursor-blurred",
        "form--muted",
        "form--changed",
        "form--fault",
    }
    BINDINGS = [
        Binding("up,k", "move(-1)", "up", id="form.up", show=False, tooltip="Setting above"),
        Binding("down,j", "move(1)", "down", id="form.down", show=False, tooltip="Setting below"),
        Binding("pageup", "page(-1)", "page up", id="form.page_up", show=False, tooltip="A page up"),
        Binding("pagedown", "page(1)", "page down", id="form.page_down", show=False, tooltip="A page down"),
        Binding("home,g", "move(-10000)", "first", id="form.first", show=False, tooltip="First setting"),
        Binding("end,G", "move(10000)", "last", id="form.last", show=False, tooltip="Last setting"),
        Binding("enter", "edit", "edit", id="form.edit", tooltip="Type a value; Enter takes it, Escape leaves it"),
        Binding("left", "choose(-1)", "choose", id="form.previous", show=False, tooltip="Previous of its choices"),
        Binding("right", "choose(1)", "choose", id="form.next", key_display="← →", tooltip="Next of its choices"),
        Binding("d,backspace,delete", "reset", "undo", id="form.reset", tooltip="As it was before you typed it"),
    ]

    class Pointed(Message):
        """Another row is under the cursor."""

    class EditAsked(Message):
        """The user wants to type a value for the row under the cursor."""

    cursor: reactive[int] = reactive(0, repaint=False)
    """Index of a row, from 0."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.rows: list[FormRow] = []
        self._widths = (0, 0, 0)

    @property
    def row(self) -> FormRow | None:
        """The one under the cursor."""
        return self.rows[self.cursor] if self.rows else None

    def show_rows(self, rows: Sequence[FormRow], key: str | None = None) -> None:
        """Replace the rows; the cursor stays on its key, or goes to the one that is named."""
        wanted = key if key is not None else (self.row.key if self.row is not None else "")
        self.rows = list(rows)
        self._lay_out()
        keys = [row.key for row in rows]
        self.cursor = keys.index(wanted) if wanted in keys else min(self.cursor, max(len(rows) - 1, 0))
        self.refresh()
        self.post_message(self.Pointed())

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, len(self.rows) - 1))

    def watch_cursor(self, old: int, new: int) -> None:
        self.refresh_line(old - self.scroll_offset.y)
        self.refresh_line(new - self.scroll_offset.y)
        self._reveal()
        self.post_message(self.Pointed())

    def on_resize(self, event: events.Resize) -> None:
        self._lay_out()
        self._reveal()
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor, a second one edits."""
        row = event.y + self.scroll_offset.y
        if row < len(self.rows):
            self.cursor = row
            if event.chain > 1:
                self.action_edit()

    def action_move(self, by: int) -> None:
        self.cursor += by

    def action_page(self, direction: int) -> None:
        self.cursor += direction * max(self.size.height - 1, 1)

    def action_edit(self) -> None:
        if self.row is not None:
            self.post_message(self.EditAsked())

    def action_choose(self, by: int) -> None:
        row = self.row
        if row is None or not row.choices:
            return
        at = row.choices.index(row.value) if row.value in row.choices else -1 if by > 0 else 0
        self.post_message(Form.Entered(row.key, row.choices[(at + by) % len(row.choices)]))

    def action_reset(self) -> None:
        if self.row is not None:
            self.post_message(Form.ResetAsked(self.row.key))

    def _lay_out(self) -> None:
        width = self.scrollable_content_region.width
        widest_key = max((cell_len(safe_str(row.key, LONGEST)) for row in self.rows), default=0)
        widest_value = max((cell_len(safe_str(row.value, LONGEST)) for row in self.rows), default=0)
        key = min(widest_key, int(width * KEY_SHARE))
        value = min(widest_value, int(width * VALUE_SHARE))
        self._widths = (key, value, max(width - key - value - 2 * GAP - 2, 0))
        self.virtual_size = Size(width, len(self.rows))

    def _reveal(self) -> None:
        top, height = self.scroll_offset.y, max(self.size.height, 1)
        wanted = min(max(top, self.cursor - height + 1), self.cursor)
        if wanted != top:
            self.scroll_to(0, wanted, animate=False, force=True)

    def render_line(self, y: int) -> Strip:
        index, base = y + self.scroll_offset.y, self.rich_style
        if index >= len(self.rows):
            return Strip.blank(self.size.width, base)
        row = self.rows[index]
        here = index == self.cursor
        if here:
            base = self.get_component_rich_style("form--cursor" if self.has_focus else "form--cursor-blurred")
        muted, plain = base, base + Style(bold=row.changed or bool(row.fault))
        if not here:  # colours would not be read on the cursor's ground: weight and mark say it there
            muted = base + self._part("form--muted")
            plain = base + self._part("form--fault" if row.fault else "form--changed" if row.changed else "")
        mark = "!" if row.fault else "*" if row.changed else " "
        styles = (plain, plain, muted)
        cells = (row.key, row.value, row.fault or row.origin)
        segments = [Segment(f"{mark} ", plain)]
        for text, width, style in zip(cells, self._widths, styles, strict=True):
            shown = safe_str(text, width)
            segments.append(Segment(shown + " " * (width - cell_len(shown) + GAP), style))
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def _part(self, name: str) -> Style:
        """Colour and weight of a part, without its ground."""
        if not name:
            return Style.null()
        style = self.get_component_rich_style(name)
        return Style(color=style.color, bold=style.bold)


class FormInput(Input):
    """The line in which one searches or types a value."""

    BINDINGS = [Binding("escape", "leave", "leave", id="form.leave", tooltip="Leave the line")]

    class Left(Message):
        """The user is done here."""

        def __init__(self, line: FormInput) -> None:
            self.line = line
            super().__init__()

    def action_leave(self) -> None:
        self.post_message(self.Left(self))


class Form(Vertical):
    """Search line, rows, what the row under the cursor is, and the line in which its value is typed."""

    BINDINGS = [Binding("slash", "search", "search", id="form.search", key_display="/", tooltip="Search the settings")]

    class Typed(Message):
        """A value is being typed; not yet taken."""

        def __init__(self, key: str, text: str) -> None:
            self.key, self.text = key, text
            super().__init__()

    class Entered(Message):
        """A value was typed and taken, or chosen."""

        def __init__(self, key: str, text: str) -> None:
            self.key, self.text = key, text
            super().__init__()

    class Left(Message):
        """What was being typed is not meant."""

    class ResetAsked(Message):
        """The value should be as it was before anything was typed."""

        def __init__(self, key: str) -> None:
            self.key = key
            super().__init__()

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: Sequence[FormRow] = ()
        self._edited: str | None = None  # the key whose value is being typed

    def compose(self) -> ComposeResult:
        with Horizontal(id="form-search-line"):
            yield Static("search ", id="form-search-label", markup=False)
            yield FormInput(id="form-search", classes="-line", placeholder="words of a key or of what it does")
        yield FormRows(id="form-rows")
        yield Static(id="form-help", markup=False)
        with Horizontal(id="form-edit-line"):
            yield Static(id="form-label", markup=False)
            yield FormInput(id="form-edit", classes="-line", select_on_focus=True)

    def on_mount(self) -> None:
        self._search, self._edit = self.query_one("#form-search", FormInput), self.query_one("#form-edit", FormInput)
        self._list, self._label = self.query_one(FormRows), self.query_one("#form-label", Static)
        self._line = self.query_one("#form-edit-line")
        self._line.display = False

    @property
    def is_editing(self) -> bool:
        """Whether a value is being typed."""
        return self._edited is not None

    def take_focus(self) -> None:
        """Give the keys to the rows."""
        self._list.focus(scroll_visible=False)

    def show_rows(self, rows: Sequence[FormRow], key: str | None = None) -> None:
        """Replace all rows. While a value is typed, only what is said of it changes, not the text."""
        self._rows = rows
        self._list.show_rows(matching(rows, self._search.value), key)

    def take_typed(self) -> None:
        """Take the value that is being typed, as Enter would."""
        if self._edited is not None:
            self.post_message(self.Entered(self._edited, self._edit.value))
            self._close_edit()

    def action_search(self) -> None:
        self._search.focus(scroll_visible=False)

    def on_form_rows_pointed(self, event: FormRows.Pointed) -> None:
        event.stop()
        row = self._list.row
        help_line = self.query_one("#form-help", Static)
        if row is None:
            help_line.update(Content("No setting has these words. Escape clears the search."))
            return
        takes = f"It takes {row.allowed}." if row.allowed else ""
        says = f"{row.help[:1].upper()}{row.help[1:]}." if row.help else ""
        words = row.fault or "  ".join(filter(None, (says, takes)))
        help_line.update(Content(safe_str(words, LONGEST)))
        help_line.set_class(bool(row.fault), "-error")

    def on_form_rows_edit_asked(self, event: FormRows.EditAsked) -> None:
        event.stop()
        row = self._list.row
        if row is None:
            return
        self._edited = row.key
        self._label.update(Content(f"{safe_str(row.key, 60)} = "))
        self._line.display = True
        with self._edit.prevent(Input.Changed):
            self._edit.value = row.value
        self._edit.focus(scroll_visible=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if event.input is self._search:
            found = matching(self._rows, event.value)
            self._list.show_rows(found, found[0].key if found else None)
        elif self._edited is not None:
            self.post_message(self.Typed(self._edited, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.input is self._search:
            self.take_focus()
        else:
            self.take_typed()

    def on_form_input_left(self, event: FormInput.Left) -> None:
        event.stop()
        if event.line is self._search:
            self._search.value = ""
            self.take_focus()
        else:
            self.post_message(self.Left())
            self._close_edit()

    def _close_edit(self) -> None:
        self._edited = None
        self._line.display = False
        self.take_focus()
