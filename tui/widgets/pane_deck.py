"""The panes under the status line: one in front, or two side by side where the terminal is wide.

Owns which pane is in front. View only: it shows and hides, the app decides.
"""

from __future__ import annotations

import sys

from textual.containers import Horizontal
from textual.events import DescendantFocus
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

WIDE_FROM = 160
"""Columns from which the pair stands side by side as a rule: each half is as wide as a whole small terminal."""


class PaneDeck(Horizontal):
    """Shows the pane in front; with room for two, the pair is shown whenever one of it is in front."""

    class FrontChanged(Message):
        """Another pane is in front, by a key or because the focus went there."""

        def __init__(self, pane: str) -> None:
            super().__init__()
            self.pane = pane

    front: reactive[str] = reactive("")
    """Id of the pane that has the keys."""

    def __init__(self, first: Widget, pair: tuple[str, str]) -> None:
        super().__init__(first)
        self.set_reactive(PaneDeck.front, str(first.id))
        self._pair = pair
        self._wide_from, self._first_share = WIDE_FROM, 50

    def lay_out(self, *, wide_from: int | None, first_share: int) -> None:
        """How the pair shares a wide terminal.

        Args:
            wide_from: columns from which it does; None for never.
            first_share: percent of the width for the first of the pair.
        """
        self._wide_from, self._first_share = wide_from or sys.maxsize, first_share
        self._arrange()

    async def add(self, pane: Widget) -> None:
        """Put another pane into the deck, behind those that are there."""
        pane.display = False
        await self.mount(pane)
        self._arrange()

    def shows(self, pane: str) -> bool:
        """Whether a pane is on screen."""
        return pane in self._shown

    @property
    def _shown(self) -> tuple[str, ...]:
        is_pair = self.front in self._pair and self.size.width >= self._wide_from
        return self._pair if is_pair else (self.front,)

    def _arrange(self) -> None:
        shown = self._shown
        self.set_class(len(shown) > 1, "-split")
        for pane in self.children:
            pane.display = pane.id in shown
            share = self._first_share if pane.id == self._pair[0] else 100 - self._first_share
            pane.styles.width = f"{share if len(shown) > 1 else 1}fr"

    def watch_front(self, front: str) -> None:
        self._arrange()
        self.post_message(self.FrontChanged(front))

    def on_resize(self) -> None:
        self._arrange()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        pane = next((node for node in event.widget.ancestors_with_self if node.parent is self), None)
        if pane is not None and pane.id and pane.id in self._shown:
            self.front = pane.id
