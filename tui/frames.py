"""Frames on their way from Textual's compositor to the terminal: reduced to what differs, as fast as it can take them.

Owned by TerminalDriver, which tells what the terminal says. UI thread, but for `stale` (signal handlers) and what
is said to be of any thread. A frame that may not be sent now is dropped; the whole screen is painted instead once
it may, which costs no more bytes than what has changed by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .pacing import Pacing
from .widgets.delta import Delta, is_wanted

if TYPE_CHECKING:
    from textual.app import App

QUERY = "\x1b[?2026$p"
"""Asks whether the terminal knows synchronized output; what it says does not matter, only that it answers."""


class Frames:
    """Stands in front of `App._display`, which is private, but the only way that frames go."""

    def __init__(self, app: App[Any], write: Callable[[str], None], pacing: Pacing, *, may_ask: bool = True) -> None:
        """Take the app's frames over.

        Args:
            write: puts text behind the frames.
            may_ask: whether the terminal understands a query, or would print it.
        """
        self._app, self._write, self._pacing = app, write, pacing
        pacing.active = pacing.active and may_ask
        self._delta = Delta() if is_wanted() else None
        self._plain: Callable[[Any, Any], None] = app._display
        self._is_owed = False
        self._is_stale = False
        self._retry: asyncio.TimerHandle | None = None
        self._cursor: object = None
        self._loop = asyncio.get_running_loop()
        app._display = self._display  # type: ignore[method-assign, assignment]

    def _display(self, screen: Any, update: Any) -> None:
        if update is None or self._app.is_headless or self._app.is_inline:
            self._plain(screen, update)
        elif not self._pacing.may_draw():
            self._owe()
        else:
            self._show(screen, update)

    def _show(self, screen: Any, update: Any) -> None:
        if self._is_stale and self._delta is not None:
            self._is_stale = False
            self._delta.forget()
        painting = None if self._delta is None else self._delta.painting(update, self._app.console)
        cursor = self._app.cursor_position
        if painting is not None and not painting.text and cursor == self._cursor:
            painting.keep()
            return
        self._cursor = cursor
        self._plain(screen, update if painting is None else painting)
        if painting is None or painting.was_sent:
            self._sent(len(painting.text) if painting is not None else 0)

    def _sent(self, size: int) -> None:
        self._pacing.sent(size)
        if self._pacing.asks:
            self._write(QUERY)

    # ---- Dropped frames

    def _owe(self) -> None:
        self._is_owed = True
        if self._retry is None:  # the terminal's answer mostly comes first
            self._retry = self._loop.call_later(self._pacing.waits_s + 0.01, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        self._pay()
        if self._is_owed:
            self._owe()

    def _pay(self) -> None:
        """Paint what the dropped frames had, if there is room again."""
        if self._is_owed and self._pacing.may_draw():
            self._is_owed = False
            self._repaint()

    # ---- What is heard of the terminal

    def answered(self) -> None:
        """Any thread: the terminal has answered a query."""
        self._later(self._on_answer)

    def _on_answer(self) -> None:
        self._pacing.answered()
        self._pay()

    def written(self) -> None:
        """Any thread: the writer has handed over all that it had."""
        if not self._pacing.hears:
            self._later(self._on_written)

    def _on_written(self) -> None:
        self._pacing.written()
        self._pay()

    def stale(self) -> None:
        """Any thread, or a signal handler: the terminal may show anything. The whole screen is painted soon."""
        self._is_stale = True
        self._later(self._repaint)

    def _repaint(self) -> None:
        if self._app.is_running and self._app.screen_stack:
            self._app.screen.refresh()

    def restarted(self) -> None:
        """The program has the terminal, be it again, and it is empty. Textual has asked the first query."""
        self._pacing.restarted()
        self.stale()

    def _later(self, job: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: the app has ended
            self._loop.call_soon_threadsafe(job)
