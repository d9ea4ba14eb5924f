"""LivePane: the map, the agent, and the keys to play. View only: the Session owns the game and decides.

UI thread. Scenes come in by `show`, sentences by `tell`; presses go out as messages. Panning, following and
what is unfolded are the pane's own.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.events import Key
from textual.message import Message
from textual.reactive import reactive
from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Input, Static

from tui.glyphs import OWN
from tui.text import safe, safe_str
from tui.themes import group_colour
from tui.widgets.grid_view import GridView
from tui.widgets.line_input import LineInput
from tui.widgets.minimap import Minimap
from tui.widgets.text_lines import TextLines

from .counter import Counter
from .scene import Scene
from .timeline import Timeline
from .wishes import Wish

if TYPE_CHECKING:
    from tui.widgets.sprite_map import SpriteMap

    from .looks import MapLooks
    from .picture import Codes, Inks

SIDE_FROM = 100
"""Columns from which the side panel is always there."""

BOTH_FROM = 32
"""Lines of the pane from which the agent's window and the panel stand one above the other."""

TIMELINE_PERIOD_S = 0.2
"""How often it is drawn while time flows: reading through a long history takes milliseconds."""

TIMELINE_FROM = 18
"""Lines of the pane from which there is room for the timeline."""

POLICY_NAMES = ("random", "noop", "simple", "goal-seeker", "trained")

LONGEST_STEP = 15
"""Digits of a step that are read: what is longer lies beyond any end all the same."""

BROAD_FROM = 120
"""Columns from which it has room for whole sentences."""

MOST_MESSAGE_LINES = 3

SCRUB = 20
"""Steps of a page of time."""

_LABELS = {"action": "act", "tick": "go to step", "policy": "policy"}

_WAYS = {
    "north": (-1, 0),
    "south": (1, 0),
    "west": (0, -1),
    "east": (0, 1),
    "northwest": (-1, -1),
    "northeast": (-1, 1),
    "southwest": (1, -1),
    "southeast": (1, 1),
}


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


def _hidden(keys: str, action: str, name: str, tooltip: str) -> Binding:
    """A binding that the footer has no room for."""
    return Binding(keys, action, tooltip, show=False, id=name, tooltip=tooltip)


class LivePane(Widget):
    """Watch and play one env."""

    HELP = """
    ## Live

    **Walk** with the arrows or `hjkl` and `yubn`; walking into a thing uses it. Where agents go forward only, a key
    turns first. `HJKL` turns, `a` uses what is ahead (puts or gets), `F` attacks, `S` shields, `x` swaps, `:` takes any
    action by name, `_` walks to a cell, `'20` and a key repeat it, `s` says what can be done here. The first such key
    takes the agent over; `p` gives it back; `&` plays several by turns.

    **Time**: `space` lets it flow, `.` takes one step, `,` goes one back, `<` and `>` go from event to event, PgUp and
    PgDn by twenty, Home and End to the ends. What you do in the past begins a new branch: `~` goes to the next one, `C`
    shows two side by side.

    **See**: `v` what the agent observes, `i` what it is about to do and why, `I` the legend, `o` lays something over
    the map, `g` fog, `;` looks at a cell, `{` `}` zoom, `m` the whole map small, `f` follows. `P` chooses who plays,
    `A` for one agent or group.
    """

    BINDINGS = [
        Binding("space", "wish('PLAY')", "play", id="live.play", tooltip="Let time flow, or stop it"),
        Binding("full_stop", "step(1)", "step", id="live.step", tooltip="One step; the agent you play rests"),
        Binding("comma", "step(-1)", "back", id="live.back", tooltip="One step back"),
        Binding("p", "wish('PERSON')", "you", id="live.person", tooltip="Play this agent yourself, or give it back"),
        Binding("o", "wish('OVERLAY', 1)", "overlay", id="live.overlay", tooltip="Lay the next thing over the map"),
        Binding("i", "explain", "why", id="live.explain", tooltip="What it is about to do, and why"),
        Binding("t", "train", "train", id="live.train", tooltip="Start training on this map"),
        Binding("e", "edit", "edit", id="live.edit", tooltip="Draw on this map"),
        _hidden("v", "window", "live.window", "Show exactly what the agent observes"),
        _hidden("T", "launch", "live.launch", "Choose what to train, with all settings"),
        _hidden("w", "wish('WATCH')", "live.watch", "Watch the training run's agents, or go back"),
        _hidden("less_than_sign", "wish('JUMP', -1)", "live.event_before", "To the event before"),
        _hidden("greater_than_sign", "wish('JUMP', 1)", "live.event_after", "To the next event"),
        _hidden("pageup", f"scrub(-{SCRUB})", "live.scrub_back", f"{SCRUB} steps back"),
        _hidden("pagedown", f"scrub({SCRUB})", "live.scrub_on", f"{SCRUB} steps on, as far as was played"),
        _hidden("home", "wish('BEGINNING')", "live.beginning", "To the beginning"),
        _hidden("end", "wish('END')", "live.end", "To the end of what was played"),
        _hidden("G", "ask('tick')", "live.go_to", "Go to a step by its number"),
        _hidden("B", "wish('BRANCH')", "live.branch", "Play anew from here, on a branch of its own"),
        _hidden("tilde", "wish('NEXT_BRANCH')", "live.next_branch", "Go to the next branch"),
        _hidden("X", "wish('DROP_BRANCH')", "live.drop_branch", "Forget this branch"),
        _hidden("C", "wish('COMPARE')", "live.compare", "Show another branch beside this one, or only this one"),
        _hidden("plus,equals_sign", "wish('SPEED', 1)", "live.faster", "Faster"),
        _hidden("minus", "wish('SPEED', -1)", "live.slower", "Slower"),
        _hidden("right_square_bracket,tab", "agent(1)", "live.next", "Next agent"),
        _hidden("left_square_bracket", "agent(-1)", "live.before", "Agent before"),
        _hidden("ampersand", "wish('ADD_PERSON')", "live.add_person", "Play this agent too, by turns"),
        _hidden("P", "wish('POLICY')", "live.policy", "Next policy: random, noop, simple, goal-seeker, trained"),
        _hidden("A", "ask('policy')", "live.assign", "Choose a policy by name, run or URI, for all or for some"),
        _hidden("O", "wish('OVERLAY', -1)", "live.overlay_before", "The overlay before"),
        _hidden("I", "legend", "live.legend", "What the characters on this map mean"),
        _hidden("g", "wish('FOG')", "live.fog", "Only what the agent sees, or everything"),
        _hidden("f", "follow", "live.follow", "Follow the agent, or look around"),
        _hidden("m", "minimap", "live.minimap", "Show the whole map small, or hide it"),
        _hidden("right_curly_bracket", "zoom(1)", "live.zoom_in", "Larger"),
        _hidden("left_curly_bracket", "zoom(-1)", "live.zoom_out", "Smaller"),
        _hidden("semicolon", "look", "live.look", "Look at a cell: walk there with the cursor, Esc leaves"),
        _hidden("underscore", "travel", "live.travel", "Walk to a cell: choose it with the cursor, Enter goes"),
        _hidden("apostrophe", "count", "live.count", "A number and a key: take that action so often"),
        _hidden("s", "wish('CHANCES')", "live.chances", "What can be done here, and why not the rest"),
        _hidden("ctrl+s", "wish('SAVE')", "live.save", "Save this episode as a recording"),
        _hidden("right_parenthesis", "wish('LESSON', 1)", "live.lesson_next", "In the tutorial: the next lesson"),
        _hidden("left_parenthesis", "wish('LESSON', -1)", "live.lesson_before", "In the tutorial: the lesson before"),
        _hidden("R", "wish('RESTART')", "live.restart", "Start a new episode"),
        _hidden("escape", "leave", "live.leave", "One step out: of the cursor, the way that is walked, the comparison"),
        _hidden("a,enter", "act('use')", "live.use", "Use what is ahead; put, or get"),
        _hidden("F", "act('attack')", "live.attack", "Attack the nearest target"),
        _hidden("S", "act('shield')", "live.shield", "Raise the shield, or lower it"),
        _hidden("x", "act('swap')", "live.swap", "Change places with what is ahead"),
        _hidden("colon", "ask('action')", "live.by_name", "Take any action by its name"),
        *(_hidden(keys, f"walk('{way}')", f"live.move_{way}", f"Move {way}") for keys, way in _MOVE_KEYS),
        *(_hidden(keys, f"act('rotate_{way}')", f"live.turn_{way}", f"Face {way}") for keys, way in _TURN_KEYS),
        *(
            _hidden(keys, f"pan({rows}, {columns})", f"live.pan_{way}", "Look around")
            for keys, rows, columns, way in _PAN_KEYS
        ),
    ]

    class Wished(Message):
        """The user wants something of the game."""

        def __init__(self, wish: Wish, by: int = 0, words: str = "", cell: tuple[int, int] | None = None) -> None:
            super().__init__()
            self.wish, self.by, self.words, self.cell = wish, by, words, cell

    class TrainRequested(Message):
        """The user wants a run on the present map."""

    class LaunchRequested(Message):
        """The user wants to look at the settings before there is a run."""

    class EditRequested(Message):
        """The user wants to draw on the present map."""

    following: reactive[bool] = reactive(True)
    """Whether the viewport keeps the selected agent in sight."""
    window_shown: reactive[bool] = reactive(False)
    """Whether the agent's observation is shown beside the map."""
    minimap_shown: reactive[bool] = reactive(False)
    """Whether the whole map is shown small beside the map."""
    legend_first: reactive[bool] = reactive(False)
    """Whether the side panel begins with the legend."""
    explained: reactive[bool] = reactive(False)
    """Whether the side panel is shown where it is not always there."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._scene: Scene | None = None
        self.glyphs: Mapping[str, str] = OWN
        """The user's own characters by kind; a new table shows with the next scene."""
        self.glyph_theme, self.palette = "ascii", "auto"
        self.has_pixels = False
        """Whether the terminal shows sprites as pixels."""
        self._looks: MapLooks | None = None
        self._looks_for: tuple[object, ...] = ()
        self._shown: dict[str, str] = {}
        self._told = ("", "")
        self._pixels: SpriteMap | None = None
        self._legend_for: tuple[int, int] | None = None
        self._legend_rows: list[Text] = []
        self.pace = ""
        """Pictures a second, where the line to the terminal limits them."""
        self._counter = Counter()
        self._timed_at = 0.0  # monotonic seconds
        self._asking = ""  # what the question that is open is about
        self._aims = ""  # what the cursor is for: look, or travel

    def compose(self) -> ComposeResult:
        yield Static(id="live-lesson", markup=False)
        yield Static(id="live-message", classes="message-line", markup=False)
        with Horizontal(id="live-branches"):
            yield Static(id="live-this", markup=False)
            yield Static(id="live-that", markup=False)
        with Horizontal(id="live-body"):
            grid = GridView(id="live-map")
            grid.can_focus = True
            yield grid
            yield GridView(id="live-other")
            with Vertical(id="live-side"):
                yield Minimap(id="live-minimap")
                yield GridView(id="live-window")
                yield Static(id="live-self", markup=False)
                yield TextLines(id="live-panel")
        yield Static(id="live-overlay", classes="live-status", markup=False)
        yield Static(id="live-first", classes="live-status", markup=False)
        yield Static(id="live-second", classes="live-status", markup=False)
        yield Timeline(id="live-timeline")
        with Horizontal(id="live-ask-line"):
            yield Static(id="live-ask-label", markup=False)
            yield LineInput(id="live-ask", classes="-line")

    def on_mount(self) -> None:
        self._map, self._window = self.query_one("#live-map", GridView), self.query_one("#live-window", GridView)
        self._minimap = self.query_one(Minimap)
        self._other, self._timeline = self.query_one("#live-other", GridView), self.query_one(Timeline)
        self._ask, self._overlay_line = self.query_one("#live-ask", Input), self.query_one("#live-overlay", Static)
        self._ask_line, self._branches = self.query_one("#live-ask-line"), self.query_one("#live-branches")
        self.query_one("#live-lesson").display = False
        for part in (
            self._ask_line,
            self._ask,
            self._branches,
            self._other,
            self._overlay_line,
            self._timeline,
            self._minimap,
        ):
            part.display = False
        self.set_class(False, "-window")

    def focus_map(self) -> None:
        """Give the keys to the map, or to the question that is open: at once, lest those typed already go astray."""
        self.screen.set_focus(self._ask if self._ask_line.display else self._map, scroll_visible=False)

    # ---- What the Session tells

    def show(self, scene: Scene) -> None:
        """Show this moment. Only what differs from the last one is drawn."""
        from .eye import eye_codes  # deferred: numpy comes after the first frame
        from .layers import codes_of

        first = self._scene is None
        self._scene = scene
        looks = self._looks_of(scene)
        inks = looks.inks
        codes = codes_of(scene, window_shown=self.window_shown, joins=looks.joins)
        self._map.show(codes, inks, self._centre(scene), looks.art)
        self._map.cursor = scene.cursor
        self._show_pixels(looks, codes)
        self._window.display = self.window_shown and scene.observation is not None
        if self.window_shown and scene.observation is not None:
            self._window.show(eye_codes(scene, joined=looks.joins is not None), inks, None, looks.legend_art)
        self._show_minimap(scene, codes, inks)
        self._show_beside(scene, looks)
        self._show_words(scene, codes)
        self._show_time(scene)
        if first:
            self.call_after_refresh(self._map.on_resize)

    def _centre(self, scene: Scene) -> tuple[int, int] | None:
        if scene.cursor is not None:
            return scene.cursor
        agent = scene.view.agents[scene.selected]
        return (agent.row, agent.column) if self.following else None

    def _show_minimap(self, scene: Scene, codes: Codes, inks: Inks) -> None:
        self._minimap.display = self.minimap_shown
        if self.minimap_shown:
            agents = [(agent.row, agent.column) for agent in scene.view.agents]
            seen = self._map.viewport
            all_of_it = seen[2:] == codes.shape
            self._minimap.show(codes, inks, (0, 0, 0, 0) if all_of_it else seen, agents)

    def _show_pixels(self, looks: MapLooks, codes: Codes) -> None:
        """Where the terminal has pixels, a picture covers the map."""
        if not self.has_pixels:
            return
        from tui.widgets.sprite_map import SpriteMap

        from .art import view_picture

        if self._pixels is None:
            self._pixels = SpriteMap(id="live-pixels")
            self._map.mount(self._pixels)
        self._pixels.display = looks.sheet is not None and self._map.zoom_level == "art"
        if looks.sheet is not None and self._pixels.display:
            top, left, rows, columns = self._map.viewport
            seen = codes[top : top + rows, left : left + columns]
            self._pixels.show(view_picture(looks.sheet, seen, self._map.place_of(top, left), self._map.size))

    def _show_beside(self, scene: Scene, looks: MapLooks) -> None:
        from .picture import scene_codes

        self._other.display = self._branches.display = scene.beside is not None
        if scene.beside is not None and scene.clock is not None:
            ended = scene.clock.tick - scene.beside.tick
            late = f", which ended {ended:,} steps before" if ended else ""
            self._update("live-this", Text(f"branch {scene.clock.branch}", style="bold"))
            self._update("live-that", Text(f"branch {scene.beside.branch}{late}", style="bold"))
            other = replace(scene, view=scene.beside.view, overlay=None)
            codes = scene_codes(other, window_shown=False, joins=looks.joins)
            self._other.show(codes, looks.inks, self._centre(other), looks.art)

    def _show_time(self, scene: Scene) -> None:
        if not self.size.height:
            return  # it is about to be shown, and will be told its size
        self._timeline.display = scene.clock is not None and self.size.height >= TIMELINE_FROM
        now = time.monotonic()
        if scene.playing and now - self._timed_at < TIMELINE_PERIOD_S:
            return
        self._timed_at = now
        if scene.clock is not None and self._timeline.display:
            lines = self._timeline.show_clock(scene.clock, scene.selected, self._colour(scene))
            self._timeline.styles.height = lines

    def show_lesson(self, words: str) -> None:
        """Show what a tutorial says; empty to show nothing."""
        lesson = self.query_one("#live-lesson", Static)
        lesson.display = bool(words)
        lesson.update(words)

    def tell(self, sentence: str, severity: str = "info") -> None:
        """Say something in the message line."""
        if (sentence, severity) == self._told:
            return
        self._told = (sentence, severity)
        line = self.query_one("#live-message", Static)
        line.set_classes(f"message-line -{severity}")
        text = safe(sentence)
        width = max(self.size.width - 2, 1)
        lines = min(-(-text.cell_len // (width - width // 8)), MOST_MESSAGE_LINES) or 1  # an eighth for broken words
        if text.cell_len <= width:
            lines = 1
        line.styles.height = lines
        line.update(text, layout=False)

    def _show_words(self, scene: Scene, codes: Codes) -> None:
        from . import panels  # deferred with the rest of the picture

        colour = self._colour(scene)
        self._update("live-first", panels.first_status(scene, colour))
        second = panels.second_status(scene, following=self.following, zoom=self._zoom_words, pace=self.pace)
        self._update("live-second", second)
        self._overlay_line.display = bool(scene.overlay_words)
        if scene.overlay_words:
            line = panels.overlay_line(scene)
            self._overlay_line.styles.height = 1 if line.cell_len <= self.size.width - 2 else 2
            self._update("live-overlay", line)
        if self.has_class("-wide") or self.has_class("-panel"):
            panel = panels.side_panel(scene, colour, self._legend(scene, codes), legend_first=self.legend_first)
            self.query_one("#live-panel", TextLines).show(panel)
        if self.window_shown:
            self._update("live-self", panels.eye_words(scene))

    @property
    def _zoom_words(self) -> str:
        return self._map.zoom_level if self._map.is_zoomed else ""

    def _colour(self, scene: Scene) -> str:
        return group_colour(scene.view.agents[scene.selected].group).on(dark=self._is_dark, ansi=self._is_ansi)

    def _update(self, widget: str, text: object) -> None:
        """Draw a text only if it says something new: an unchanged line costs nothing over ssh."""
        seen = repr((text, getattr(text, "spans", None)))
        if self._shown.get(widget) != seen:
            self._shown[widget] = seen
            self.query_one(f"#{widget}", Static).update(text, layout=widget == "live-self")  # type: ignore[arg-type]  # a rich Text

    def _legend(self, scene: Scene, codes: Codes) -> list[Text]:
        """What the characters in sight mean, in the ink they are drawn with."""
        import numpy as np  # deferred with the rest of the picture

        from .legend import legend_rows

        looks = self._looks_of(scene)
        top, left, rows, columns = self._map.viewport
        layers = int(np.bitwise_or.reduce(codes[top : top + rows, left : left + columns], axis=None))
        key = (id(looks), layers >> 10)  # what lies above the things: the rest of the legend is of the game
        if key != self._legend_for:
            self._legend_for, self._legend_rows = key, legend_rows(looks.inks, layers, looks.legend_art)
        return self._legend_rows

    @property
    def _is_dark(self) -> bool:
        return self.app.current_theme.dark

    @property
    def _is_ansi(self) -> bool:
        return bool(getattr(self.app.current_theme, "ansi", False))

    def _looks_of(self, scene: Scene) -> MapLooks:
        from .looks import Terminal, map_looks  # deferred with the rest of the picture

        key = (id(scene.rules), id(self.glyphs), self.glyph_theme, self.palette, self.app.theme)
        if self._looks is None or key != self._looks_for:
            ground = "" if self._is_ansi else self.app.theme_variables.get("panel", "")
            encoding = getattr(sys.__stdout__, "encoding", "") or ""
            self._map.ascii_only = self._timeline.plain = not encoding.lower().startswith("utf")
            terminal = Terminal(os.environ, encoding, self._is_dark, self._is_ansi, self.app.no_color, ground)
            self._looks = map_looks(
                scene.rules, scene.spec, terminal, theme=self.glyph_theme, palette=self.palette, own=self.glyphs
            )
            self._looks_for = key
        return self._looks

    # ---- Layout

    def on_resize(self) -> None:
        explained = self.explains
        self.set_class(self.size.width >= SIDE_FROM, "-wide")
        self.set_class(self.size.width >= BROAD_FROM, "-broad")
        if self.explains != explained:
            self._tell_explained()
        self._again()

    def watch_window_shown(self, shown: bool) -> None:
        self.set_class(shown, "-window")
        self._open_side()

    def watch_explained(self) -> None:
        self._open_side()

    def watch_minimap_shown(self) -> None:
        self._open_side()

    def watch_legend_first(self) -> None:
        self._open_side()

    def _open_side(self) -> None:
        self.set_class(self.window_shown or self.explained or self.minimap_shown or self.legend_first, "-panel")

    @property
    def explains(self) -> bool:
        """Whether the side panel is there; what is not to be seen need not be worked out."""
        return self.has_class("-wide") or self.has_class("-panel")

    def _tell_explained(self) -> None:
        self._wish(Wish.EXPLAIN, int(self.explains))

    def _again(self) -> None:
        if self._scene is not None:
            self.show(self._scene)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """The part of the map in sight: row, column, height, width."""
        return self._map.viewport

    # ---- Keys

    def _wish(self, wish: Wish, by: int = 0, words: str = "", cell: tuple[int, int] | None = None) -> None:
        self._counter.take()  # a count is for the next key alone
        self.post_message(self.Wished(wish, by, words, cell))

    def action_wish(self, name: str, by: int = 0) -> None:
        self._wish(Wish[name], by)

    def action_act(self, name: str) -> None:
        if self._aims and name == "use":
            self._confirm()
        else:
            self._act(name)

    def action_walk(self, way: str) -> None:
        if self._aims:
            rows, columns = _WAYS[way]
            self._move_cursor(rows, columns)
        else:
            self._act(f"move_{way}")

    def _act(self, name: str) -> None:
        times = self._counter.take()
        self._wish(Wish.ACT if times == 1 else Wish.REPEAT, times, words=name)

    def action_step(self, by: int) -> None:
        self._wish(Wish.STEP, by * self._counter.take())

    def action_scrub(self, by: int) -> None:
        self._wish(Wish.SCRUB, by * self._counter.take())

    def action_count(self) -> None:
        self._counter.begin()
        self.tell(self._counter.words)

    def action_train(self) -> None:
        self.post_message(self.TrainRequested())

    def action_launch(self) -> None:
        self.post_message(self.LaunchRequested())

    def action_edit(self) -> None:
        self.post_message(self.EditRequested())

    def action_agent(self, by: int) -> None:
        if self._scene is not None:
            self._wish(Wish.AGENT, (self._scene.selected + by) % self._scene.spec.agent_count)

    def action_follow(self) -> None:
        self.following = not self.following
        self._again()

    def action_pan(self, rows: int, columns: int) -> None:
        if self._aims:
            self._move_cursor(rows, columns)
            return
        self.following = False
        self._map.pan(rows, columns)
        self._again()

    def action_zoom(self, by: int) -> None:
        self._map.zoom(by)
        self._again()

    def action_minimap(self) -> None:
        self.minimap_shown = not self.minimap_shown
        self._again()

    def action_window(self) -> None:
        if self._scene is not None and self._scene.is_film:
            self.tell("A film does not hold what its agents observed.")
            return
        self.window_shown = not self.window_shown
        if self.window_shown and self.size.height < BOTH_FROM:
            self.explained = self.legend_first = False
        self._wish(Wish.WINDOW, int(self.window_shown))

    def action_explain(self) -> None:
        self.explained = not self.explained
        self._make_room(self.explained)
        self._tell_explained()

    def _make_room(self, opened: bool) -> None:
        """Where there is no room for both, the panel takes the place of the agent's window."""
        if opened and self.window_shown and self.size.height < BOTH_FROM:
            self.action_window()

    def action_legend(self) -> None:
        self.legend_first = not self.legend_first
        self._make_room(self.legend_first)
        self._tell_explained()

    # ---- The cursor

    def action_look(self) -> None:
        self._aim("look")

    def action_travel(self) -> None:
        if self._aims == "travel":
            self._to_next_thing()
        else:
            self._aim("travel")

    def _aim(self, purpose: str) -> None:
        if self._scene is None:
            return
        agent = self._scene.view.agents[self._scene.selected]
        self._aims = purpose
        self._put_cursor(self._scene.cursor or (agent.row, agent.column))

    def _move_cursor(self, rows: int, columns: int) -> None:
        if self._scene is None or self._scene.cursor is None:
            return
        height, width = self._scene.view.cells.shape
        row, column = self._scene.cursor
        self._put_cursor((min(max(row + rows, 0), height - 1), min(max(column + columns, 0), width - 1)))

    def _put_cursor(self, cell: tuple[int, int]) -> None:
        from .words import thing_words  # deferred with the rest of the picture

        assert self._scene is not None
        goes = "Enter goes there, _ to the next thing, " if self._aims == "travel" else ""
        words = thing_words(self._scene, *cell)
        self.tell(f"{cell[1]},{cell[0]}: {words}. {goes}Esc leaves.")
        self._wish(Wish.CURSOR, cell=cell)

    def _to_next_thing(self) -> None:
        """The next object after the cursor, by distance from the agent."""
        from .words import things_by_distance

        assert self._scene is not None
        things = things_by_distance(self._scene)
        if things:
            at = things.index(self._scene.cursor) + 1 if self._scene.cursor in things else 0
            self._put_cursor(things[at % len(things)])

    def _confirm(self) -> None:
        cell, purpose = self._scene.cursor if self._scene is not None else None, self._aims
        self._leave_cursor()
        if cell is not None and purpose == "travel":
            self._wish(Wish.TRAVEL, cell=cell)

    def _leave_cursor(self) -> None:
        self._aims = ""
        self._wish(Wish.CURSOR)

    def action_leave(self) -> None:
        if self._aims:
            self._leave_cursor()
            self.tell("")
        else:
            self._wish(Wish.STOP)

    # ---- Questions

    def action_ask(self, about: str) -> None:
        if self._scene is None:
            return
        self._asking = about
        self._ask.placeholder, names = self._question(self._scene, about)
        self._ask.suggester = SuggestFromList(names) if names else None
        self._ask.value = ""
        self.query_one("#live-ask-label", Static).update(f"{_LABELS[about]} > ")
        self._ask_line.display = self._ask.display = True
        self._ask.focus()

    def _question(self, scene: Scene, about: str) -> tuple[str, Sequence[str]]:
        if about == "action":
            return "an action by name", scene.spec.action_names
        if about == "tick":
            return "its number in this episode", ()
        whom = ["all", "me", *scene.spec.role_names, "agent 0", "group 0"]
        names = [name for name in POLICY_NAMES for name in (name, *(f"{name} for {who}" for who in whom))]
        return "NAME, RUN or URI [for all | me | agent N | group N | ROLE]", names

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        text = event.value.strip()
        self._close_ask()
        if not text:
            return
        if self._asking == "action":
            self._wish(Wish.ACT, words=text)
        elif self._asking == "policy":
            self._wish(Wish.POLICY, words=text)
        elif text.isascii() and text.replace(",", "").isdigit():
            digits = text.replace(",", "").lstrip("0")
            self._wish(Wish.GO_TO, int(digits[:LONGEST_STEP] or 0), words="of this episode")
        else:
            self.tell(f"{safe_str(text, 40)} is no step: type a number.", "warning")

    def on_key(self, event: Key) -> None:
        if self._ask.has_focus:
            if event.key == "escape":
                event.stop()
                self._close_ask()
            return
        if self._counter.typed(event.key):
            event.stop()
            event.prevent_default()
            self.tell(self._counter.words)

    def _close_ask(self) -> None:
        self._ask_line.display = self._ask.display = False
        self.focus_map()

    # ---- The mouse

    def on_grid_view_cell_clicked(self, event: GridView.CellClicked) -> None:
        event.stop()
        if self._scene is None or event.control is not self._map:
            return
        from .words import thing_words  # deferred with the rest of the picture

        cell = (event.row, event.column)
        for index, agent in enumerate(self._scene.view.agents):
            if (agent.row, agent.column) == cell:
                self._wish(Wish.AGENT, index)
                break
        else:
            if self._scene.selected in self._scene.held:
                self._wish(Wish.TRAVEL, cell=cell)
                return
        self.tell(f"{event.column},{event.row}: {thing_words(self._scene, *cell)}.")

    def on_grid_view_dragged(self, event: GridView.Dragged) -> None:
        event.stop()
        if event.control is self._map:
            self.following = False  # else the next step would take it back to the agent
            self._again()

    def on_minimap_centre_requested(self, event: Minimap.CentreRequested) -> None:
        event.stop()
        self.following = False
        self._map.centre_on(event.row, event.column)
        self._again()

    def on_timeline_scrubbed(self, event: Timeline.Scrubbed) -> None:
        event.stop()
        self._wish(Wish.GO_TO, event.tick)
