"""The list of what is wrong with the map. Enter or a click on one goes to its place."""

from __future__ import annotations

import textwrap

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from engine.maps import Problem
from tui.text import safe_str

MARKS = {"error": "!", "warning": "-"}
"""Severity is said by a mark as well as by colour."""

SHOWN = 50
"""Problems listed at once; the next ones come up as these are mended."""


def place(row: int, column: int) -> str:
    """A cell as people count: line:column, from 1, as in every text editor."""
    return f"{row + 1}:{column + 1}"


class ProblemList(OptionList):
    """Problems of the map, errors first. View only: EditorPane moves the cursor."""

    COMPONENT_CLASSES = {"problem-list--error", "problem-list--warning", "problem-list--hint"}

    class Chosen(Message):
        """Somebody wants to see where a problem is."""

        def __init__(self, problem: Problem) -> None:
            super().__init__()
            self.problem = problem

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self.problems: list[Problem] = []
        self._drawn: tuple[object, ...] = ()

    def show(self, problems: list[Problem]) -> None:
        """Show these problems; the highlight stays at its line."""
        self.problems = problems
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        self._draw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._drawn = ()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Chosen(self.problems[event.option_index]))

    def _draw(self) -> None:
        """Only when something is new: the list is told after every stroke."""
        width = self.scrollable_content_region.width
        drawn = (tuple(self.problems), width)
        if width <= 0 or drawn == self._drawn:
            return
        self._drawn = drawn
        highlighted = self.highlighted
        self.clear_options()
        self.add_options([Option(self._line(problem, width)) for problem in self.problems[:SHOWN]])
        if highlighted is not None and self.problems:
            self.highlighted = min(highlighted, self.option_count - 1)

    def _line(self, problem: Problem, width: int) -> Text:
        """`! 12:31 altar is sealed off` and what to do, wrapped below itself."""
        style = self.get_component_rich_style(f"problem-list--{problem.severity}", partial=True)
        hint_style = self.get_component_rich_style("problem-list--hint", partial=True)
        head = f"{MARKS[problem.severity]} {place(problem.row, problem.column):<6} "
        message, hint = safe_str(problem.message), safe_str(problem.hint)
        indent = " " * len(head)
        wrapped = textwrap.wrap(f"{message}; {hint}", max(20, width - len(head)))
        text = Text(head + f"\n{indent}".join(wrapped), style, no_wrap=True)
        text.stylize(hint_style, text.plain.find(";") + 1)
        return text
