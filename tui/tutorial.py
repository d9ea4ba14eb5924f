"""The tutorial: lessons in two small rooms, each done when the person has done what it asks for. Pure.

The Session owns the `Tutorial`, tells it what it saw (`Event`), shows its `words`, and opens the room that a lesson is
in; `RECIPE` has them. UI thread. Loads no numpy: it is there before the first game.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, Literal

from .panes.live.wishes import Wish

if TYPE_CHECKING:
    from engine.sim import EnvView

RECIPE: Final = "tutorial"
"""The recipe with the rooms; the setting `room` chooses among them."""

Room = Literal["walk", "workshop"]


class Event(Enum):
    """What a person did, or what came of it, as far as lessons ask for it."""

    MOVED = auto()  # the person's agent went to another cell
    FAILED = auto()  # its action did not succeed
    GAINED = auto()  # it holds more of something
    REWARDED = auto()  # it was paid
    REACHED_GOAL = auto()  # the episode terminated
    ASKED_CHANCES = auto()  # what can be done here was listed
    SAW_OBSERVATION = auto()  # the agent-eye view was opened
    SAW_REASONS = auto()  # what it is about to do, and why, was opened
    SAW_OVERLAY = auto()  # something was laid over the map
    WENT_BACK = auto()  # to an earlier moment
    BRANCHED = auto()  # the past was played another way
    TOOK_OVER = auto()  # an agent is in the person's hands
    GAVE_BACK = auto()
    CHOSE_AGENT = auto()
    LET_TIME_FLOW = auto()
    CHANGED_SPEED = auto()
    CHANGED_POLICY = auto()
    BEGAN_TRAINING = auto()
    SAW_TRAIN_PANE = auto()
    WATCHED_RUN = auto()  # its agents are shown in the Live pane


@dataclass(frozen=True)
class Lesson:
    """One thing to learn: what is said, and what has to happen, how often."""

    name: str
    room: Room
    text: str
    """`{live.play}` stands for the key of that binding."""
    needs: Mapping[Event, int]
    praise: str = "Well done."

    def keys(self) -> list[str]:
        """The bindings whose keys the text names."""
        return _KEY.findall(self.text)


_KEY: Final = re.compile(r"\{([a-z_.]+)\}")

LESSONS: Final = (
    Lesson(
        "walking",
        "walk",
        "You are the @. Walk a few steps with the arrow keys; {live.move_northeast} and its neighbours go diagonally.",
        {Event.MOVED: 4},
        "That is walking. Time stood still until you moved, and one key was one step.",
    ),
    Lesson(
        "walls",
        "walk",
        "Now walk into a wall. This line will say why it did not work.",
        {Event.FAILED: 1},
        "Whatever fails says why, here and in the status line.",
    ),
    Lesson(
        "what can I do",
        "walk",
        "Press {live.chances}: it lists what you can do where you stand, with its key, and why the rest would fail.",
        {Event.ASKED_CHANCES: 1},
        "Every action of a game is in that list; {live.by_name} takes any of them by its name.",
    ),
    Lesson(
        "the goal",
        "walk",
        "The * is the goal. Walk into it; {live.travel}, the cursor and Enter take you up to it.",
        {Event.REACHED_GOAL: 1},
        "Walking into a thing uses it. The goal paid +1, each step cost 0.01, and a new episode has begun.",
    ),
    Lesson(
        "rewards",
        "workshop",
        "A workshop: a mine (m) gives ore, the generator (n) makes a battery of it, the altar (_) a heart. Get ore.",
        {Event.GAINED: 1},
        "A reward is a sum of terms, and the panel shows each by itself: here ore has just paid +0.10.",
    ),
    Lesson(
        "a chain",
        "workshop",
        "Carry the ore to the generator and the battery to the altar: a heart pays +1. Two more things to be paid for.",
        {Event.REWARDED: 2},
        "Policies learn such chains by trying. The small rewards on the way are there to lead them.",
    ),
    Lesson(
        "its eyes",
        "workshop",
        "Press {live.window}: this is all that your agent observes, cell by cell. A policy gets nothing else.",
        {Event.SAW_OBSERVATION: 1},
        "What an agent cannot see, it cannot learn from.",
    ),
    Lesson(
        "back in time",
        "workshop",
        "Press {live.back} three times to go three steps back. {live.scrub_back} goes further, {live.end} returns.",
        {Event.WENT_BACK: 3},
        "Nothing is lost: every moment can be gone to again, exactly as it was.",
    ),
    Lesson(
        "another past",
        "workshop",
        "Go back ({live.back}) if you are not there, and do something else than you did: that begins a new branch.",
        {Event.BRANCHED: 1},
        "{live.next_branch} goes from branch to branch, {live.compare} shows two side by side.",
    ),
    Lesson(
        "hands off",
        "workshop",
        "Press {live.person} to give your agent back to its policy, then {live.play} to let time flow.",
        {Event.GAVE_BACK: 1, Event.LET_TIME_FLOW: 1},
        "Now policies play everybody. {live.play} stops time again.",
    ),
    Lesson(
        "tempo",
        "workshop",
        "{live.faster} and {live.slower} change the speed. Try both while time flows.",
        {Event.CHANGED_SPEED: 2},
        "The status line shows the speed that was asked for, and the one there really is.",
    ),
    Lesson(
        "who plays",
        "workshop",
        "Chance plays now. Press {live.policy} until the status line says simple or goal-seeker.",
        {Event.CHANGED_POLICY: 2},
        "{live.assign} gives policies to one agent or a group, and takes any trained run by its name.",
    ),
    Lesson(
        "why",
        "workshop",
        "Press {live.explain}: what the agent is about to do and how sure it is, and what happened of late.",
        {Event.SAW_REASONS: 1},
        "Go back in time with that open, and you see why it did what it did.",
    ),
    Lesson(
        "taking over",
        "workshop",
        "Press {live.next} for another agent, and {live.person} to play it yourself. The others go on as before.",
        {Event.CHOSE_AGENT: 1, Event.TOOK_OVER: 1},
        "You can take over any agent at any moment, also in the past.",
    ),
    Lesson(
        "overlays",
        "workshop",
        "Press {live.overlay}: it lays something over the map, such as where the agent went. Once more for the next.",
        {Event.SAW_OVERLAY: 2},
        "With a trained policy there are more: the value of each cell, and which way it would go.",
    ),
    Lesson(
        "training",
        "walk",
        "Back in the first room. Press {live.train} to train a policy on it.",
        {Event.BEGAN_TRAINING: 1},
        "It trains while you go on; Ctrl+Q asks before it ends it.",
    ),
    Lesson(
        "curves",
        "walk",
        "{app.monitor} shows its curves: the mean reward should climb within seconds. {app.live} comes back here.",
        {Event.SAW_TRAIN_PANE: 1},
        "The advice beside the curves says what looks wrong, if anything does.",
    ),
    Lesson(
        "watching",
        "walk",
        "Press {live.watch} here in Live to watch the agents of the run while they learn.",
        {Event.WATCHED_RUN: 1},
        "That was all. {app.help} lists the keys of each pane; gridrl-tui arena is a good next game.",
    ),
)


@dataclass
class Tutorial:
    """Where a person stands in the lessons. `keys` names the key of each binding, such as {"live.play": "space"}."""

    keys: Mapping[str, str]
    lessons: tuple[Lesson, ...] = LESSONS
    number: int = 1
    over: bool = False
    _seen: Counter[Event] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        """How many lessons there are."""
        return len(self.lessons)

    @property
    def lesson(self) -> Lesson:
        """The present one."""
        return self.lessons[self.number - 1]

    @property
    def words(self) -> str:
        """What to show until the lesson is done; empty once the tutorial is over."""
        if self.over:
            return ""
        left = self._left()
        again = "" if left == sum(self.lesson.needs.values()) or left < 2 else f" ({left} more)"
        return f"{self.number}/{self.count} {self.lesson.name}: {self._named(self.lesson.text)}{again}"

    def saw(self, events: Iterable[Event]) -> str:
        """Take in what happened. If that was what the lesson asks for the next one begins, and praise is returned."""
        if self.over:
            return ""
        self._seen.update(event for event in events if event in self.lesson.needs)
        if self._left():
            return ""
        praise = self._named(self.lesson.praise)
        self.next()
        return praise

    def next(self) -> None:
        """Go to the next lesson, done or not; after the last one it is over."""
        if self.number == self.count:
            self.over = True
        else:
            self._go(self.number + 1)

    def back(self) -> None:
        """Go to the lesson before; from the end, to the last one."""
        self._go(self.count if self.over else max(self.number - 1, 1))

    def quit(self) -> None:
        """Enough."""
        self.over = True

    def _go(self, number: int) -> None:
        self.number, self.over = number, False
        self._seen.clear()

    def _left(self) -> int:
        """What has still to happen."""
        return sum(max(times - self._seen[event], 0) for event, times in self.lesson.needs.items())

    def _named(self, text: str) -> str:
        return _KEY.sub(lambda found: self.keys.get(found[1], found[1].rpartition(".")[2]), text)


# ---- What happened


@dataclass(frozen=True)
class Standing:
    """What of a game tells one moment from another, as far as lessons are concerned."""

    tick: int
    """Of the history, through all episodes."""
    branch: int
    branches: int
    """How many there are."""
    held: frozenset[int] = frozenset()
    """The agents in a person's hands."""


_OF_WISHES: Final[Mapping[Wish, Event]] = {
    Wish.CHANCES: Event.ASKED_CHANCES,
    Wish.SPEED: Event.CHANGED_SPEED,
    Wish.OVERLAY: Event.SAW_OVERLAY,
    Wish.POLICY: Event.CHANGED_POLICY,
    Wish.AGENT: Event.CHOSE_AGENT,
}
_OF_OPENING: Final[Mapping[Wish, Event]] = {
    Wish.WINDOW: Event.SAW_OBSERVATION,
    Wish.EXPLAIN: Event.SAW_REASONS,
}


def events_of_wish(wish: Wish, by: int, before: Standing, after: Standing, *, playing: bool) -> set[Event]:
    """What a key in the Live pane came to.

    Args:
        by: as the wish has it.
        before, after: the game before the wish was granted, and after.
        playing: whether time flows now.
    """
    found = {event for each, event in _OF_WISHES.items() if each is wish}
    found |= {event for each, event in _OF_OPENING.items() if each is wish and by}
    happened = {
        Event.LET_TIME_FLOW: wish is Wish.PLAY and playing,
        Event.BRANCHED: after.branches > before.branches,
        Event.WENT_BACK: after.tick < before.tick and after.branch == before.branch,
        Event.TOOK_OVER: bool(after.held - before.held),
        Event.GAVE_BACK: len(after.held) < len(before.held),
    }
    return found | {event for event, is_so in happened.items() if is_so}


def events_of_step(before: EnvView, after: EnvView, agent: int, *, terminated: bool) -> set[Event]:
    """What a step came to for the agent that a person plays.

    Args:
        terminated: whether it ended the episode before its time; `after` is then the next episode's beginning.
    """
    if after.episode != before.episode:
        return {Event.REACHED_GOAL, Event.REWARDED} if terminated else set()
    old, new = before.agents[agent], after.agents[agent]
    happened = {
        Event.MOVED: (old.row, old.column) != (new.row, new.column),
        Event.FAILED: new.last_result != 0,  # ActionResult.SUCCESS
        Event.GAINED: any(units > had for had, units in zip(old.inventory, new.inventory, strict=True)),
        Event.REWARDED: new.step_reward > 0,
    }
    return {event for event, is_so in happened.items() if is_so}
