"""What can be done here: every action of the game with its key; Enter takes the one that is chosen. View only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui.text import safe_str

from .help_screen import key_name

if TYPE_CHECKING:
    from tui.panes.live.chances import Chance

KEY_WIDTH, NAME_WIDTH = 6, 18


class ChancesScreen(ModalScreen[str | None]):
    """Dismissed with the name of an action to take, or None."""

    BINDINGS = [
        Binding("escape,s,q", "dismiss(None)", "close", id="chances.close", tooltip="Close without acting"),
    ]

    def __init__(self, chances: Sequence[Chance], agent: int) -> None:
        super().__init__()
        self._chances, self._agent = chances, agent

    def compose(self) -> ComposeResult:
        with Vertical(id="chances"):
            yield Static(Text(f"What agent {self._agent} can do here: Enter does it, Esc closes", style="bold"))
            yield OptionList(*(Option(_row(each), id=str(i)) for i, each in enumerate(self._chances)))

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._chances[int(event.option.id or 0)].name)


def _row(chance: Chance) -> Text:
    key = key_name(chance.key.split(",")[0])
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{key:<{KEY_WIDTH}}", "bold" if chance.would else "dim")
    text.append(f"{safe_str(chance.name, NAME_WIDTH - 1):<{NAME_WIDTH}}", "" if chance.would else "dim")
    text.append(safe_str(chance.words, 200), "" if chance.would else "dim")
    return text
