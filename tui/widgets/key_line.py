"""The line of keys at the bottom: those of whatever has the focus that have a place there. View only, UI thread.

Textual's own mounts a widget for each key, twice whenever the focus goes to another pane, which took a third of the
time of such a change. This one is a line of text, drawn again only where it says something else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual.events import MouseDown
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from tui.text import safe_str


@dataclass(frozen=True)
class ShownKey:
    """One key with its word."""

    key: str
    """As Textual names it."""
    sign: str
    """As it is printed."""
    word: str

    @property
    def width(self) -> int:
        """Columns, with a blank on both sides."""
        return len(self.sign) + len(self.word) + 3


class KeyLine(Widget):
    """Shows the keys; a press on one is that key."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-line--key", "key-line--word"}
    DEFAULT_CSS = """
    KeyLine {
        dock: bottom;
        height: 1;
        background: $footer-background;
        & > .key-line--key { color: $footer-key-foreground; background: $footer-background; text-style: bold; }
        & > .key-line--word { color: $footer-description-foreground; background: $footer-background; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._keys: tuple[ShownKey, ...] = ()

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._read)
        self._read(self.screen)

    def _read(self, screen: Screen[object]) -> None:
        """The keys may be others now."""
        if screen is not self.screen or not self.is_attached:
            return
        by_action = {
            binding.action: ShownKey(binding.key, safe_str(self.app.get_key_display(binding)), binding.description)
            for _, binding, enabled, _ in reversed(list(screen.active_bindings.values()))
            if binding.show and enabled
        }
        keys = tuple(reversed(by_action.values()))  # of several keys of an action the first one stands there
        if keys != self._keys:
            self._keys = keys
            self.refresh()

    def render_line(self, y: int) -> Strip:
        key_style, word_style = (self.get_component_rich_style(f"key-line--{part}") for part in ("key", "word"))
        segments = []
        for each in self._keys:
            segments += [Segment(f" {each.sign} ", key_style), Segment(f"{each.word} ", word_style)]
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)

    def on_mouse_down(self, event: MouseDown) -> None:
        event.stop()
        begin = 0
        for each in self._keys:
            if begin <= event.x < begin + each.width:
                self.app.simulate_key(each.key)
                return
            begin += each.width
