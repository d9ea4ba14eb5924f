"""LivePane: the map, the agent, and the keys to play. View only: the Session owns the game and decides.

UI thread. Scenes come in by `show`, sentences by `tell`; presses go out as messages. Panning, following and
what is unfolded are the pane's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Input, Static

from tui.glyphs import AGENT_GLYPH, OWN
from tui.text import safe, safe_str
from tui.themes import group_colour
from tui.widgets.grid_view import GridView
from tui.widgets.text_lines import TextLines

from .scene import Scene

if TYPE_CHECKING:
    from engine.sim import Rules

    from .picture import Inks

SIDE_FROM = 100
"""Columns from which the side panel is always there."""


def play_keys(rules: Rules) -> list[tuple[str, str]]:
    """The keys of this game that have no room in the footer, and what they do."""
    from engine.sim import Verb  # deferred: numpy comes after the first frame

    deeds = (
        ("arrows", "walk, as hjkl yubn do", (Verb.MOVE, Verb.STEP)),
        ("HJKL", "turn", (Verb.ROTATE,)),
        ("a", "use what is ahead", (Verb.USE,)),
        ("a", "put into what is ahead, or get", (Verb.PUT, Verb.GET)),
        ("F", "attack", (Verb.ATTACK,)),
        ("S", "raise or lower the shield", (Verb.SHIELD,)),
        ("x", "swap with what is ahead", (Verb.SWAP,)),
    )
    keys = [(key, what) for key, what, verbs in deeds if any(rules.has_verb(verb) for verb in verbs)]
    return [*keys, (":", "any action by name"), ("[ ]", "another agent"), ("+ -", "speed"), ("R", "new episode")]


_MOVE_KEYS = (
    ("up,k", "north"),
    ("down,j", "south"),
    ("left,h", "west"),
    ("right,l", "east"),
    ("y", "northwest"),
    ("u", "northeast"),
    ("b", "southwest"),
    ("n", "southeast"),
)
_TURN_KEYS = (("K", "north"), ("J", "south"), ("H", "west"), ("L", "east"))
_PAN_KEYS = (
    ("shift+up,ctrl+up", -4, 0, "up"),
    ("shift+down,ctrl+down", 4, 0, "down"),
    ("shift+left,ctrl+left", 0, -8, "left"),
    ("shift+right,ctrl+right", 0, 8, "right"),
)


class LivePane(Widget):
    """Watch and play one env."""

    HELP = """
    ## Live

    Walk with the arrows or `hjkl` and `yubn`; where agents go forward only, a key turns first. `HJKL` turns, `a` uses
    what is ahead (puts or gets), `F` attacks, `S` shields, `x` swaps, `:` takes any action by name.
    The first such key takes the agent over; `p` gives it back. `space` lets time flow, `.` takes one step.
    """

    BINDINGS = [
        Binding("space", "play", "play", id="live.play", tooltip="Let time flow, or stop it"),
        Binding("full_stop", "step", "step", id="live.step", tooltip="One step; the agent you play rests"),
        Binding("p", "person", "you", id="live.person", tooltip="Play this agent yourself, or give it back"),
        Binding("P", "policy", "policy", id="live.policy", tooltip="Next policy: random, simple, trained"),
        Binding("v", "window", "view", id="live.window", tooltip="Show exactly what the agent observes"),
        Binding("w", "watch", "watch", id="live.watch", tooltip="Watch the training run's agents, or go back"),
        Binding("t", "train", "train", id="live.train", tooltip="Start training on this map"),
        Binding(
            "T", "launch", "settings", show=False, id="live.launch", tooltip="Choose what to train, with all settings"
        ),
        Binding("e", "edit", "edit", id="live.edit", tooltip="Draw on this map"),
        Binding("plus,equals_sign", "speed(1)", "Faster", id="live.faster", show=False, tooltip="Faster"),
        Binding("minus", "speed(-1)", "Slower", id="live.slower", show=False, tooltip="Slower"),
        Binding("right_square_bracket,tab", "agent(1)", "Next", id="live.next", show=False, tooltip="Next agent"),
        Binding("left_square_bracket", "agent(-1)", "Before", id="live.before", show=False, tooltip="Agent before"),
        Binding("f", "follow", "Follow", id="live.follow", show=False, tooltip="Follow the agent, or look around"),
        Binding("R", "restart", "Restart", id="live.restart", show=False, tooltip="Start a new episode"),
        Binding("a,enter", "act('use')", "Use", id="live.use", show=False, tooltip="Use what is ahead; put, or get"),
        Binding("F", "act('attack')", "Attack", id="live.attack", show=False, tooltip="Attack the nearest target"),
        Binding("S", "act('shield')", "Shield", id="live.shield", show=False, tooltip="Raise the shield, or lower it"),
        Binding("x", "act('swap')", "Swap", id="live.swap", show=False, tooltip="Change places with what is ahead"),
        Binding("colon", "by_name", "Act", id="live.by_name", show=False, tooltip="Take any action by its name"),
        *(
            Binding(keys, f"act('move_{way}')", "Move", id=f"live.move_{way}", show=False, tooltip=f"Move {way}")
            for keys, way in _MOVE_KEYS
        ),
        *(
            Binding(
                keys, f"act('rotate_{way}')", f"Face {way}", id=f"live.turn_{way}", show=False, tooltip=f"Face {way}"
            )
            for keys, way in _TURN_KEYS
        ),
        *(
            Binding(
                keys, f"pan({rows}, {columns})", f"Look {way}", id=f"live.pan_{way}", show=False, tooltip="Look around"
            )
            for keys, rows, columns, way in _PAN_KEYS
        ),
    ]

    class Acted(Message):
        """The user wants the agent to take this action."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    class AgentChosen(Message):
        """The user turned to another agent."""

        def __init__(self, agent: int) -> None:
            super().__init__()
            self.agent = agent

    class SpeedChanged(Message):
        """The user wants time to flow faster (+1) or slower (-1)."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    class PlayToggled(Message):
        """The user wants time to flow, or to stand."""

    class StepPressed(Message):
        """The user wants one step."""

    class PersonToggled(Message):
        """The user wants to play the agent, or to give it back."""

    class PolicyCycled(Message):
        """The user wants another policy to play."""

    class WatchToggled(Message):
        """The user wants to see the training run's agents, or the own game again."""

    class RestartPressed(Message):
        """The user wants a new episode."""

    class TrainRequested(Message):
        """The user wants a run on the present map."""

    class LaunchRequested(Message):
        """The user wants to look at the settings before there is a run."""

    class EditRequested(Message):
        """The user wants to draw on the present map."""

    class WindowToggled(Message):
        """The user wants the agent's observation shown, or hidden."""

        def __init__(self, shown: bool) -> None:
            super().__init__()
            self.shown = shown

    following: reactive[bool] = reactive(True)
    """Whether the viewport keeps the selected agent in sight."""
    window_shown: reactive[bool] = reactive(False)
    """Whether the agent's observation is shown beside the map."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._scene: Scene | None = None
        self.glyphs: Mapping[str, str] = OWN
        """The user's own characters by kind; a new table shows with the next scene."""
        self._inks: Inks | None = None
        self._inks_for: tuple[object, ...] = ()
        self._shown: dict[str, str] = {}
        self._told = ("", "")

    def compose(self) -> ComposeResult:
        yield Static(id="live-message", classes="message-line", markup=False)
        with Horizontal(id="live-body"):
            grid = GridView(id="live-map")
            grid.can_focus = True
            yield grid
            with Vertical(id="live-side"):
                yield GridView(id="live-window")
                yield Static(id="live-self", markup=False)
                yield TextLines(id="live-panel")
        yield Static(id="live-first", classes="live-status", markup=False)
        yield Static(id="live-second", classes="live-status", markup=False)
        yield Input(id="live-ask", classes="-line", placeholder="action by name, Enter to act, Esc to leave")

    def on_mount(self) -> None:
        self._map, self._window = self.query_one("#live-map", GridView), self.query_one("#live-window", GridView)
        self._ask = self.query_one("#live-ask", Input)
        self._ask.display = False
        self.set_class(False, "-window")

    def focus_map(self) -> None:
        """Give the keys to the map, or to the question that is open: at once, lest those typed already go astray."""
        self.screen.set_focus(self._ask if self._ask.display else self._map, scroll_visible=False)

    # ---- What the Session tells

    def show(self, scene: Scene) -> None:
        """Show this moment. Only what differs from the last one is drawn."""
        from .picture import observed_codes, scene_codes  # deferred: numpy comes after the first frame

        first = self._scene is None
        self._scene = scene
        inks = self._inks_of(scene)
        agent = scene.view.agents[scene.selected]
        centre = (agent.row, agent.column) if self.following else None
        self._map.show(scene_codes(scene, window_shown=self.window_shown), inks, centre)
        self._window.display = self.window_shown and scene.observation is not None
        if self.window_shown and scene.observation is not None:
            self._window.show(observed_codes(scene), inks, None)
        self._show_words(scene)
        if first:
            self.call_after_refresh(self._map.on_resize)

    def tell(self, sentence: str, severity: str = "info") -> None:
        """Say something in the message line."""
        if (sentence, severity) == self._told:
            return
        self._told = (sentence, severity)
        line = self.query_one("#live-message", Static)
        line.set_classes(f"message-line -{severity}")
        line.update(safe(sentence), layout=False)

    def _show_words(self, scene: Scene) -> None:
        from . import panels  # deferred with the rest of the picture

        colour = group_colour(scene.view.agents[scene.selected].group).on(dark=self._is_dark, ansi=self._is_ansi)
        self._update("live-first", panels.first_status(scene, colour))
        self._update("live-second", panels.second_status(scene, following=self.following))
        if self.has_class("-wide") or self.window_shown:
            panel = panels.side_panel(scene, colour, self._legend(scene), play_keys(scene.rules))
            self.query_one("#live-panel", TextLines).show(panel)
        if self.window_shown:
            self._update("live-self", panels.self_words(scene))

    def _update(self, widget: str, text: object) -> None:
        """Draw a text only if it says something new: an unchanged line costs nothing over ssh."""
        seen = repr((text, getattr(text, "spans", None)))
        if self._shown.get(widget) != seen:
            self._shown[widget] = seen
            self.query_one(f"#{widget}", Static).update(text, layout=widget == "live-self")  # type: ignore[arg-type]  # a rich Text

    def _legend(self, scene: Scene) -> list[Text]:
        """What the letters on this map mean, in the ink they are drawn with."""
        inks = self._inks_of(scene)
        signs = []
        for code, name in enumerate(scene.spec.cell_names[2:], start=2):
            character, style = (self.glyphs.get(name, AGENT_GLYPH), "bold") if name == "agent" else inks(code)
            signs.append(Text.assemble((character[0], style), f" {safe_str(name)}"))
        return signs

    @property
    def _is_dark(self) -> bool:
        return self.app.current_theme.dark

    @property
    def _is_ansi(self) -> bool:
        return bool(getattr(self.app.current_theme, "ansi", False))

    def _inks_of(self, scene: Scene) -> Inks:
        from .picture import Inks  # deferred with the rest of the picture

        key = (id(scene.rules), id(self.glyphs), self.app.theme)
        if self._inks is None or key != self._inks_for:
            ground = "" if self._is_ansi else self.app.theme_variables.get("panel", "")
            self._inks = Inks(
                scene.rules,
                scene.spec,
                dark=self._is_dark,
                ansi=self._is_ansi,
                seen_ground=ground,
                own=self.glyphs,
            )
            self._inks_for = key
        return self._inks

    # ---- Layout

    def on_resize(self) -> None:
        self.set_class(self.size.width >= SIDE_FROM, "-wide")
        self._again()

    def watch_window_shown(self, shown: bool) -> None:
        self.set_class(shown, "-window")

    def _again(self) -> None:
        if self._scene is not None:
            self.show(self._scene)

    # ---- Keys

    def action_act(self, name: str) -> None:
        self.post_message(self.Acted(name))

    def action_play(self) -> None:
        self.post_message(self.PlayToggled())

    def action_step(self) -> None:
        self.post_message(self.StepPressed())

    def action_person(self) -> None:
        self.post_message(self.PersonToggled())

    def action_policy(self) -> None:
        self.post_message(self.PolicyCycled())

    def action_watch(self) -> None:
        self.post_message(self.WatchToggled())

    def action_train(self) -> None:
        self.post_message(self.TrainRequested())

    def action_launch(self) -> None:
        self.post_message(self.LaunchRequested())

    def action_edit(self) -> None:
        self.post_message(self.EditRequested())

    def action_restart(self) -> None:
        self.post_message(self.RestartPressed())

    def action_speed(self, by: int) -> None:
        self.post_message(self.SpeedChanged(by))

    def action_agent(self, by: int) -> None:
        if self._scene is not None:
            self.post_message(self.AgentChosen((self._scene.selected + by) % self._scene.spec.agent_count))

    def action_follow(self) -> None:
        self.following = not self.following
        self._again()

    def action_pan(self, rows: int, columns: int) -> None:
        self.following = False
        self._map.pan(rows, columns)
        self._again()

    def action_window(self) -> None:
        self.window_shown = not self.window_shown
        self.post_message(self.WindowToggled(self.window_shown))

    def action_by_name(self) -> None:
        if self._scene is None:
            return
        self._ask.suggester = SuggestFromList(self._scene.spec.action_names)
        self._ask.value = ""
        self._ask.display = True
        self._ask.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        name = event.value.strip()
        self._close_ask()
        if name:
            self.post_message(self.Acted(name))

    def on_key(self, event: object) -> None:
        if self._ask.has_focus and getattr(event, "key", "") == "escape":
            event.stop()  # type: ignore[attr-defined]
            self._close_ask()

    def _close_ask(self) -> None:
        self._ask.display = False
        self.focus_map()

    def on_grid_view_cell_clicked(self, event: GridView.CellClicked) -> None:
        event.stop()
        if self._scene is None or event.control is not self._map:
            return
        from .words import thing_words  # deferred with the rest of the picture

        for index, agent in enumerate(self._scene.view.agents):
            if (agent.row, agent.column) == (event.row, event.column):
                self.post_message(self.AgentChosen(index))
        self.tell(f"{event.column},{event.row}: {thing_words(self._scene, event.row, event.column)}.")
