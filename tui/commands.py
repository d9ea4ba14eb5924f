"""The command palette's source: every action of every pane and, while a game is open, every action of the agent."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

if TYPE_CHECKING:
    from .app import GridrlApp

Entry = tuple[str, str, partial[None]]


class PaneCommands(Provider):
    """Finds actions by the words of their tooltips."""

    async def discover(self) -> Hits:
        for name, help_text, run in self._entries():
            yield DiscoveryHit(Content(name), run, help=help_text)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for name, help_text, run in self._entries():
            score = matcher.match(name)
            if score > 0:
                yield Hit(score, matcher.highlight(name), run, help=help_text)

    def _entries(self) -> list[Entry]:
        app = cast("GridrlApp", self.app)
        entries: list[Entry] = [
            ("settings of the app", "Theme, keys, characters, speeds", partial(app.action_settings))
        ]
        for word, pane, bindings in app.pane_bindings():
            entries.append((f"{word}: go there", f"Show the pane {word}", partial(app.action_pane, str(pane.id))))
            for binding in bindings:
                run = partial(_run_in_pane, app, str(pane.id), binding.action)
                entries.append((f"{word}: {binding.tooltip or binding.description}", f"key {binding.key}", run))
        if app.session is not None:
            for action in app.session.play.spec.action_names:
                run = partial(_run_in_pane, app, "live", f"act('{action}')")
                entries.append((f"act: {action}", "the agent you follow takes this action", run))
        return entries


def _run_in_pane(app: GridrlApp, pane: str, action: str) -> None:
    """Go to the pane and do there what its key would do."""
    app.action_pane(pane)
    app.call_later(app.run_action, action, app.query_one(f"#{pane}"))
