"""The game under the user's hands: its time, who plays whom, how fast, and what is to be shown of it. No widget.

Owned by the Session, UI thread. Everything here returns at once, but for what `inquiry` hands out for a worker.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import UsageError
from engine.maps import GridMap
from engine.policies.cast import Cast
from engine.policies.registry import Policy, create_policy
from engine.sim import DIRECTIONS, Batch, Recording, Rules
from tui.panes.live.chances import Chance, bump, chances
from tui.panes.live.clock import Clock, Line
from tui.panes.live.events import EVENTS, Mark
from tui.panes.live.overlay import Overlay
from tui.panes.live.scene import Beside, Scene

from .chronicle import Chronicle
from .fog import Fog
from .overlays import Inquiry, OverlayKind, distances, moves_of, trace, visits
from .play import SPEEDS, Pacer, Play
from .repeats import Repetition
from .travel import Journey

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from engine.policies.sights import Eye
    from engine.sim import ObjectView

    Demonstration = Callable[[Recording, NDArray[np.bool_]], None]
    Ticket = tuple[Any, ...]
    """Of which overlay, history and moment an answer is."""

STEP_BUDGET_S = 0.006  # of UI thread per picture: a key press must never wait long for the steps of a fast game
ERRAND_RATE = 20.0  # steps a second of a way that is walked by itself: the eye can follow it


class Game:
    """One game and everything a person does with it. `close` when done."""

    def __init__(
        self,
        rules: Rules,
        maps: Sequence[GridMap],
        seed: int,
        *,
        rate: float = 10.0,
        recording: Recording | None = None,
    ) -> None:
        """Begin at the start of an episode, with chance playing.

        Args:
            rate: steps per second.
            recording: what was played already, from its beginning.

        Raises:
            MapError, SimError, RecordingError: it cannot be played.
        """
        self.rules = rules
        self.play = Play(rules, maps, seed=seed, recording=recording)
        self.player: Policy = create_policy("random", rules, self.play.spec)
        self.policy = "random"
        self.playing = False
        self.pacer = Pacer(rate)
        self.observing = False
        self.explaining = False
        self.fog = False
        self.source = ""
        self.overlay = OverlayKind.NONE
        self.compared: int | None = None
        self.cursor: tuple[int, int] | None = None
        self.box: tuple[int, int, int, int] | None = None
        self.keep_demonstration: Demonstration | None = None
        self._members: list[Policy] = [self.player]
        self._parts = [0] * self.play.spec.agent_count
        self._pending: dict[int, int] = {}  # actions chosen and not yet taken
        self._by_turns = False  # whether hands stay with their agents, for more than one
        self._errand: Journey | Repetition | None = None
        self._errand_pacer = Pacer(ERRAND_RATE)
        self._chronicle, self._fog = Chronicle(self.play), Fog(self.play)
        self._answer: tuple[Ticket, Overlay | str] | None = None  # the last overlay of a policy, and what it is of
        self._scratch: Batch | None = None

    # ---- What is shown

    def scene(self) -> Scene:
        """The present moment."""
        play = self.play
        step_terms, episode_terms = play.terms()
        overlay, overlay_words = self._overlay()
        in_sight, known = self._fog.cells() if self.fog else (None, None)
        return Scene(
            rules=play.rules,
            spec=play.spec,
            view=play.view,
            source=self.source,
            policy=self.player.name,
            selected=play.selected,
            person=play.person,
            playing=self.playing,
            target_rate=self.pacer.rate,
            actual_rate=self.pacer.actual,
            step_terms=step_terms,
            episode_terms=episode_terms,
            observation=play.observation() if self.observing else None,
            clock=self._clock(),
            played_by=play.player_of(play.selected) if play.is_past else self.player_of(play.selected).name,
            held=frozenset(play.held),
            intent=play.intent(self.player, play.selected) if self.explaining else None,
            overlay=overlay,
            overlay_words=overlay_words,
            eye=self._eye() if self.observing else None,
            events=self._chronicle.events() if self.explaining else (),
            beside=self._beside(),
            cursor=self.cursor,
            thing=None if self.cursor is None else self._thing(*self.cursor),
            in_sight=in_sight,
            known=known,
        )

    def _thing(self, row: int, column: int) -> ObjectView | None:
        height, width = self.play.view.cells.shape
        return self.play.batch.object_at(row, column) if row < height and column < width else None

    def _clock(self) -> Clock:
        history, branch = self.play.history, self.play.branch
        lines = tuple(Line(each.index, each.parent, each.fork, each.end) for each in history.branches.values())
        end = history.end(branch)
        marks = self.play.marks(history.first, end)
        return Clock(history.first, self.play.tick, end, branch, lines, marks)

    def _eye(self) -> Eye:
        from engine.policies.sights import eye_of  # deferred: seldom asked for

        return eye_of(self.play.batch, self.play.selected)

    def _beside(self) -> Beside | None:
        play = self.play
        if self.compared is None or self.compared == play.branch or self.compared not in play.history.branches:
            return None
        tick = min(play.tick, play.history.end(self.compared))
        return Beside(self.compared, play.beside(self.compared), tick)

    # ---- Time

    @property
    def is_busy(self) -> bool:
        """Whether something goes on by itself."""
        return self.playing or self._errand is not None

    @property
    def has_errand(self) -> bool:
        """Whether a way is being walked, or an action repeated."""
        return self._errand is not None

    def set_playing(self, playing: bool) -> None:
        """Let time flow, or stop it."""
        self._errand = None
        self.playing = playing
        self.pacer.actual = 0.0
        if playing:
            self.pacer.start(time.monotonic())

    def change_speed(self, by: int) -> str:
        """The next speed up or down."""
        at = min(range(len(SPEEDS)), key=lambda i: abs(1 / SPEEDS[i] - 1 / self.pacer.rate))
        self.pacer.rate = SPEEDS[min(max(at + by, 0), len(SPEEDS) - 1)]
        rate = self.pacer.rate
        return "Speed: as fast as it goes." if math.isinf(rate) else f"Speed: {rate:g} steps a second."

    def advance(self) -> list[str]:
        """Take the steps that are due. Returns what there is to tell, oldest first."""
        if self._errand is not None:
            return self._run_errand()
        started, taken, told = time.monotonic(), 0, list[str]()
        due = self.pacer.due(started)
        while taken < due:
            taken += 1
            told += self.step()
            if not self.playing or time.monotonic() - started > STEP_BUDGET_S:
                break
        self.pacer.took(taken, time.monotonic())
        return told

    def step(self) -> list[str]:
        """One step on: as it was played, where that is the past; else a new one, with what persons have chosen."""
        play = self.play
        if play.is_past:
            play.go_on()
            return self._chronicle.tell()
        hands, self._pending = self._pending, {}
        if not self.playing:  # time stands: whoever presses on lets all that are in hand rest
            hands = {**dict.fromkeys(play.held, play.rest), **hands}
        play.step(self.player, hands)
        told = self._chronicle.tell()
        if play.ended is not None:
            self._hand_on()
        return told

    def move(self, steps: int) -> list[str]:
        """So many steps on, or back where it is negative. Where the past ends, new ones follow only one by one."""
        if steps < 0:
            return self.go_to(self.play.tick + steps)
        self._errand = None
        if steps > 1 and self.play.is_past:
            return self.go_to(self.play.tick + steps)
        told: list[str] = []
        for _ in range(steps):
            told += self.step()
        return told

    def go_to(self, tick: int, branch: int | None = None) -> list[str]:
        """Go to a tick; time stands there."""
        self.stop()
        self.play.go_to(tick, branch)
        return self._chronicle.tell()

    def jump(self, by: int) -> list[str]:
        """To the next event of the selected agent, or the one before (-1).

        Raises:
            UsageError: there is none.
        """
        play = self.play
        first, end = play.history.first, play.history.end(play.branch)
        marks = play.marks(first, end)[:, play.selected] & np.uint8(EVENTS)
        ticks = first + 1 + marks.nonzero()[0]
        there = ticks[ticks > play.tick] if by > 0 else ticks[ticks < play.tick][::-1]
        if not len(there):
            where = "after" if by > 0 else "before"
            raise UsageError(
                f"agent {play.selected} has no event {where} this moment", hint="[ ] goes to another agent"
            )
        return self.go_to(int(there[0]))

    def stop(self) -> None:
        """Nothing goes on by itself any longer."""
        if self.playing:
            self.set_playing(False)
        self._errand = None
        self._pending = {}

    def leave(self) -> str | None:
        """End what goes on by itself; else what is laid over the map, or compared."""
        if self._errand is not None or self.playing:
            self.stop()
            return "Stopped."
        if self.compared is not None:
            self.compared = None
            return "Only this branch."
        self.overlay = OverlayKind.NONE
        return None

    # ---- Branches

    def branch_here(self) -> str:
        """What comes next is played anew from here, whatever was played."""
        if not self.play.is_past:
            return "This is the present: what you do now is new anyway. Go back first (,)."
        parent = self.play.branch
        branch = self.play.branch_here()
        self.compared = self.compared if self.compared in self.play.history.branches else None
        return (
            f"Branch {branch} leaves branch {parent} here. What comes now is new; ~ goes back to the other, C compares."
        )

    def next_branch(self) -> list[str]:
        """Go to the next branch, at this tick if it has it.

        Raises:
            UsageError: there is only one.
        """
        found = self._branch_after(self.play.branch)
        return [f"Branch {found}.", *self.go_to(self.play.tick, found)]

    def _branch_after(self, branch: int) -> int:
        branches = sorted(self.play.history.branches)
        if len(branches) == 1:
            raise UsageError("there is only one branch", hint="go back (,) and press B, or act there, to begin another")
        return branches[(branches.index(branch) + 1) % len(branches)]

    def drop_branch(self) -> str:
        """Forget the present branch.

        Raises:
            SimError: it is the first one.
        """
        self.stop()
        gone = self.play.branch
        back = self.play.drop_branch()
        return f"Branch {gone} is forgotten; this is branch {back}."

    def compare(self) -> str:
        """Show another branch beside this one, or stop to.

        Raises:
            UsageError: there is only one.
        """
        play = self.play
        if self.compared is not None and self.compared in play.history.branches and self.compared != play.branch:
            self.compared = None
            return "Only this branch."
        self.compared = self._branch_after(play.branch)
        return f"Branch {self.compared} stands beside branch {play.branch}; both move together."

    # ---- Hands

    def act(self, action: str) -> list[str]:
        """The selected agent, a person's from now on, takes an action by name.

        Where time flows, it is taken with the next step. Where persons play several agents, the step comes when all
        have chosen.

        Raises:
            UsageError: this game has no such action.
        """
        play = self.play
        action_id = self._meant(action)
        told = self._take_over()
        self._errand = None
        self._pending[play.selected] = action_id
        waiting = sorted(play.held - self._pending.keys())
        if self.playing and not play.is_past:
            return told
        if self.playing:
            self.set_playing(False)
        if waiting:
            play.selected = waiting[0]
            return [*told, f"Agent {waiting[0]} is next."]
        return told + self._act_now()

    def _meant(self, action: str) -> int:
        """The id of an action; a walk into something means to use it, or whatever would succeed on it."""
        play, agent = self.play, self.play.selected
        way = action.removeprefix("move_")
        if action.startswith("move_") and way in DIRECTIONS:
            found = bump(play.view, play.rules, agent, way, play.batch.action_mask()[agent])
            if found is not None:
                return found
        return play.action_named(action)

    def _take_over(self) -> list[str]:
        play = self.play
        if play.selected in play.held:
            return []
        play.held = play.held | {play.selected} if self._by_turns else {play.selected}
        return [f"You play agent {play.selected} now; p gives it back."]

    def _act_now(self) -> list[str]:
        """Take the step that persons have chosen; in the past, on a new branch."""
        play, told = self.play, list[str]()
        if play.is_past:
            parent, branch = play.branch, play.branch_here()
            told = [f"Branch {branch} leaves branch {parent} here."]
        return told + self.step()

    def toggle_person(self) -> str:
        """Take the selected agent over, or give it back."""
        play = self.play
        self._errand = None
        self._pending.pop(play.selected, None)
        if play.selected in play.held:
            play.held = play.held - {play.selected}
            self._by_turns = self._by_turns and bool(play.held)
            return f"Agent {play.selected} is played by {self.player_of(play.selected).name} again."
        play.held, self._by_turns = {play.selected}, False
        return f"You play agent {play.selected} now; p gives it back."

    def add_person(self) -> str:
        """Take the selected agent over beside those in hand, by turns."""
        play = self.play
        play.held, self._by_turns = play.held | {play.selected}, True
        if len(play.held) == 1:
            return f"You play agent {play.selected} now; & on another agent lets two play by turns."
        agents = ", ".join(map(str, sorted(play.held)))
        return f"Agents {agents} are played by hand, by turns: a step comes when all have chosen."

    def choose_agent(self, agent: int) -> None:
        """Turn to another agent. One person's hands go along."""
        self._errand = None
        if len(self.play.held) == 1 and not self._by_turns:
            self.play.held = {agent}
            self._pending = {}
        self.play.selected = agent

    def restart(self) -> str:
        """Begin a new episode, and a new history."""
        self.stop()
        self.save_demonstration()
        self.play.restart()
        self._chronicle.clear()
        self.compared = self._answer = None
        self.player.forget(np.ones(self.play.batch.rows, np.bool_))
        return "A new episode begins."

    def chances(self, keys: Mapping[str, str]) -> list[Chance]:
        """What the selected agent can do here, and why not the rest.

        Args:
            keys: what to call the key of each binding.
        """
        play, agent = self.play, self.play.selected
        return chances(play.view, play.rules, play.spec, agent, play.batch.action_mask()[agent], keys)

    # ---- Errands

    def travel(self, cell: tuple[int, int]) -> list[str]:
        """Let the selected agent, a person's from now on, walk to a cell, (row, column)."""
        return self._begin_errand(Journey(self.rules, self.play.selected, cell))

    def repeat(self, action: str, count: int) -> list[str]:
        """Take an action so many times.

        Raises:
            UsageError: this game has no such action.
        """
        return self._begin_errand(Repetition(self.rules, self.play.selected, self.play.action_named(action), count))

    def _begin_errand(self, errand: Journey | Repetition) -> list[str]:
        told = self._take_over()
        self._errand = errand
        self._errand_pacer.start(time.monotonic())
        return told + self._errand_step()

    def _run_errand(self) -> list[str]:
        told: list[str] = []
        for _ in range(min(self._errand_pacer.due(time.monotonic()), 4)):
            told += self._errand_step()
        return told

    def _errand_step(self) -> list[str]:
        errand, play = self._errand, self.play
        if errand is None:
            return []
        action = errand.next_action(play.view, play.batch.action_mask()[errand.agent])
        if action is None:
            self._errand = None
            return [f"{errand.words[:1].upper()}{errand.words[1:]}."]
        self._pending[errand.agent] = action
        told = self._act_now()
        return told or [f"{errand.words}."]

    # ---- Who plays

    def use(self, player: Policy, name: str) -> None:
        """Let one policy play all agents."""
        self._members, self._parts = [player], [0] * self.play.spec.agent_count
        self.player, self.policy = player, name

    def assign(self, player: Policy, agents: Sequence[int]) -> str:
        """Let a policy play some agents; the others are played as before. Returns who plays whom, in words."""
        self.play.take_charge(self.player)  # those who stay go on with what they remember here
        parts = list(self._parts)
        members = [*self._members, player]
        for agent in agents:
            parts[agent] = len(members) - 1
        used = sorted(set(parts))
        self._members = [members[each] for each in used]
        self._parts = [used.index(part) for part in parts]
        if len(self._members) == 1:
            self.player = self._members[0]
        else:
            self.player = Cast(self._members, self._parts, self.rules)
        self.play.introduce(self.player)
        self.policy = self.player.name
        return self.player.name

    def player_of(self, agent: int) -> Policy:
        """Who plays an agent that no person plays."""
        return self._members[self._parts[agent]]

    # ---- Overlays

    def next_overlay(self, by: int = 1) -> str:
        """The next thing to lay over the map; what a network has to say is left out where none plays the agent."""
        is_network = hasattr(self.player_of(self.play.selected), "imagine")  # not its class: that would load torch
        kinds = [each for each in OverlayKind if is_network or not each.asks_a_network or each is self.overlay]
        self.overlay = kinds[(kinds.index(self.overlay) + by) % len(kinds)]
        return "No overlay." if self.overlay is OverlayKind.NONE else f"Overlay: {self.overlay}."

    def _overlay(self) -> tuple[Overlay | None, str]:
        play, kind = self.play, self.overlay
        if kind is OverlayKind.NONE:
            return None, ""
        if kind.asks_a_network:
            return self._of_network()
        if kind is OverlayKind.DISTANCE:
            made = distances(play.view, play.rules, play.selected)
        else:
            track = play.track(play.episode_start, play.tick)
            made = (visits if kind is OverlayKind.VISITS else trace)(play.view, track, play.selected)
        return made, made.words

    def _of_network(self) -> tuple[Overlay | None, str]:
        """The last answer, as long as it fits; it may be of a moment ago, and says so."""
        if self._answer is None or self._answer[0][:2] != self._asked_of[:2]:
            return None, f"{self.overlay}: asking {self.player_of(self.play.selected).name}..."
        answer = self._answer[1]
        if isinstance(answer, str):
            return None, answer
        fits = answer.codes.shape == self.play.view.cells.shape
        return (answer, answer.words) if fits else (None, f"{self.overlay}: asking...")

    @property
    def _asked_of(self) -> Ticket:
        play = self.play
        return (
            self.overlay,
            play.history,
            play.branch,
            play.tick,
            play.selected,
            self.player_of(play.selected),
            self.box,
        )

    def inquiry(self) -> Inquiry | None:
        """What to ask a worker about this moment; None if nothing is wanted or it is known already."""
        if not self.overlay.asks_a_network or (self._answer is not None and self._answer[0] == self._asked_of):
            return None
        play, agent = self.play, self.play.selected
        if self._scratch is None:
            self._scratch = Batch(play.worlds)
        return Inquiry(
            kind=self.overlay,
            policy=play.mind_of(self.player),
            scratch=self._scratch,
            state=play.batch.save(),
            view=play.view,
            observation=play.observation(),
            mask=play.batch.action_mask()[agent],
            agent=agent,
            moves=moves_of(self.rules),
            box=self.box,
            sample=f"T {play.view.tick}",
            ticket=self._asked_of,
        )

    def answered(self, ticket: Ticket, answer: Overlay | str) -> None:
        """What a worker found, or why it found nothing; of another game or history it comes too late."""
        if ticket[1] is self.play.history:
            self._answer = (ticket, answer)

    # ---- Demonstrations

    def save_demonstration(self) -> None:
        """Before one leaves: hand on what persons played in the episodes under way, at the end of each branch.

        What was played to the end of an episode was handed on then.
        """
        for branch in list(self.play.history.branches.values()):
            self.play.go_to(branch.end, branch.index)
            if self.play.view.tick:
                self._hand_on()

    def _hand_on(self) -> None:
        """Hand the present episode on, if a person played in it on this branch: what was before is its parent's."""
        play = self.play
        if self.keep_demonstration is None:
            return
        begin, fork = play.start_of_episode, play.history.branches[play.branch].fork
        own = play.marks(max(begin, fork), play.tick)
        if (own & np.uint8(Mark.HAND)).any():
            recording, played = play.recording()
            played[: max(fork - begin, 0)] = False
            self.keep_demonstration(recording, played)

    def close(self) -> None:
        self.play.close()
        self._scratch = None  # a worker may be using it still: it goes with its last user


def agents_of(words: Sequence[str], rules: Rules, selected: int) -> list[int]:
    """The agents that are meant: `all`, `me`, `agent 3`, `group red`, `group 1` or the name of a role.

    Raises:
        UsageError: nobody is called so.
    """
    match list(words):
        case [] | ["all"]:
            return list(range(rules.agents))
        case ["me"] | ["this"]:
            return [selected]
        case ["agent", number] if _is_number(number) and int(number) < rules.agents:
            return [int(number)]
        case ["group", number] if _is_number(number) and int(number) in rules.agent_groups:
            return [agent for agent, group in enumerate(rules.agent_groups) if group == int(number)]
        case [role] if role in rules.roles:
            return [a for a, group in enumerate(rules.agent_groups) if rules.role_of_group(group) == role]
    known = ["all", "me", f"agent 0..{rules.agents - 1}", f"group 0..{rules.groups - 1}", *rules.roles]
    raise UsageError(f"nobody is called {' '.join(words)!r}", hint=f"one of: {', '.join(known)}")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def chosen_policy(text: str) -> tuple[str, list[str]]:
    """A policy's name and for whom it is, as typed: `random`, `goal-seeker for group 1`."""
    name, _, whom = text.partition(" for ")
    return name.strip(), whom.split()
