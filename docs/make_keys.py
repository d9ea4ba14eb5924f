"""Write keys.md from the key bindings of the program, so that the page cannot be wrong.

`python docs/make_keys.py` after a binding has changed; a test compares the page with the bindings.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual.binding import Binding

from tui.app import _BUILT_IN, GridrlApp
from tui.panes.console import ConsolePane
from tui.panes.editor import EditorPane
from tui.panes.editor.prompt import TextPrompt, YesNoPrompt
from tui.panes.live import LivePane
from tui.panes.monitor import MonitorPane
from tui.panes.monitor.ask_line import NumberInput, Question
from tui.panes.monitor.run_list import RunList
from tui.widgets.chances_screen import ChancesScreen
from tui.widgets.confirm_screen import ConfirmScreen
from tui.widgets.form import Form, FormInput, FormRows
from tui.widgets.help_screen import HelpScreen, key_name
from tui.widgets.launch_screen import LaunchScreen
from tui.widgets.result_table import ResultTable
from tui.widgets.settings_screen import SettingsScreen

PAGE = Path(__file__).with_name("keys.md")

HEAD = """\
# Keys

`F1` lists the keys of the pane you are in, and so does `?` where no text is typed. `ctrl+p` finds any action by name.

This page is made from the program's own bindings by `docs/make_keys.py`.
"""

NOTE_MAPS = """\
A character of the palette always puts its object under the cursor: `#` a wall, `m` a mine where the game has mines,
`1` and `2` the starts of two teams. Only then do the keys below count.
"""

NOTE_QUERY = """\
Letters, digits and `?` are text here: `F1` helps, the function keys or `alt` and a digit change the pane.
"""

SECTIONS: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
    ("Everywhere", "", (GridrlApp,)),
    ("Live: play and watch", "", (LivePane,)),
    ("Live: the list of what can be done", "", (ChancesScreen,)),
    ("Train: curves and controls", "", (MonitorPane,)),
    ("Train: the list of runs, a question, a number", "", (RunList, Question, NumberInput)),
    ("Maps: draw", NOTE_MAPS, (EditorPane,)),
    ("Maps: a question, a file name", "", (YesNoPrompt, TextPrompt)),
    ("Query: SQL", NOTE_QUERY, (ConsolePane,)),
    ("Query: in the result", "", (ResultTable,)),
    ("Before a run, and the settings of the app", "", (LaunchScreen, SettingsScreen, Form, FormRows, FormInput)),
    ("Help, and the question before quitting", "", (HelpScreen, ConfirmScreen)),
)
"""Title, note, and the classes whose bindings it lists."""


def page() -> str:
    """The whole of keys.md."""
    return "\n".join([HEAD, *(section(title, note, owners) for title, note, owners in SECTIONS)])


def section(title: str, note: str, owners: tuple[Any, ...]) -> str:
    """One heading with its table."""
    bindings = [binding for owner in owners for binding in own_bindings(owner)]
    if GridrlApp in owners:
        bindings += _BUILT_IN
    rows = "".join(f"| {keys_of(binding)} | {binding.tooltip or binding.description} |\n" for binding in bindings)
    return f"## {title}\n\n{note}{chr(10) if note else ''}| keys | |\n|---|---|\n{rows}"


def own_bindings(owner: Any) -> list[Binding]:
    """What a class binds itself, in the order in which it is written."""
    return [binding for binding in vars(owner).get("BINDINGS", ()) if isinstance(binding, Binding)]


def keys_of(binding: Binding) -> str:
    """The keys as they are printed on a keyboard: `↑` `k`."""
    return " ".join(f"`{printed(key)}`" for key in binding.key.split(","))


def printed(key: str) -> str:
    name = key_name(key)
    return name.upper() if name[:1] == "f" and name[1:].isdigit() else name


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
