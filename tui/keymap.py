"""Every binding of the program with the place where it counts, so that chosen keys can be checked against it.

Pure, UI thread. Importing it loads every pane, which the app does after its first frame.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from textual.binding import Binding

from .panes.console import ConsolePane
from .panes.editor import EditorPane
from .panes.editor.prompt import TextPrompt, YesNoPrompt
from .panes.live import LivePane
from .panes.monitor import MonitorPane
from .panes.monitor.ask_line import NumberInput, Question
from .panes.monitor.run_list import RunList
from .settings import EVERYWHERE, BoundKeys
from .widgets.chances_screen import ChancesScreen
from .widgets.confirm_screen import ConfirmScreen
from .widgets.form import Form, FormInput, FormRows
from .widgets.help_screen import HelpScreen
from .widgets.launch_screen import LaunchScreen
from .widgets.result_table import ResultTable
from .widgets.settings_screen import SettingsScreen

PLACES: dict[str, tuple[type, ...]] = {
    "live": (LivePane,),
    "the list of chances": (ChancesScreen,),
    "train": (MonitorPane, RunList),
    "a question of train": (Question, NumberInput),
    "maps": (EditorPane,),
    "a question of maps": (YesNoPrompt, TextPrompt),
    "query": (ConsolePane, ResultTable),
    "help": (HelpScreen,),
    "a question": (ConfirmScreen,),
    "settings": (LaunchScreen, SettingsScreen, Form, FormRows, FormInput),
}
"""The classes whose bindings count together, by place. The app's own are everywhere."""
MODAL = frozenset(("the list of chances", "help", "a question", "settings"))
"""Places where the app's own keys do not count."""


def bound_keys(app: type) -> list[BoundKeys]:
    """Every binding: those of the app's class first, then place by place."""
    places = [(EVERYWHERE, app), *((place, owner) for place, owners in PLACES.items() for owner in owners)]
    return [
        BoundKeys(str(binding.id), binding.key, binding.tooltip or binding.description, place, place in MODAL)
        for place, owner in places
        for binding in own_bindings(owner)
    ]


def own_bindings(owner: Any) -> Iterable[Binding]:
    """What a class binds itself, in the order in which it is written."""
    return (each for each in vars(owner).get("BINDINGS", ()) if isinstance(each, Binding))
