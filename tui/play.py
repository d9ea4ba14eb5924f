"""Play: the game under the user's hands, one env stepped on the UI thread (microseconds a step).

Owned by the Session. Knows nothing of Textual: it takes actions and policies and tells what happened.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import SimError, UsageError
from engine.maps import GridMap, cells_for
from engine.policies.cast import Cast
from engine.policies.decision import Decision
from engine.policies.goal_seeker import GoalSeekerPolicy
from engine.policies.registry import Policy, decide
from engine.sim import (
    DIRECTIONS,
    ENGINE_VERSION,
    Action,
    Batch,
    Cursor,
    EnvView,
    History,
    Moment,
    RecordedMap,
    Recording,
    Rules,
    Verb,
    World,
)
from engine.sim.recording import NO_ACTION, has_ended, hash_after_step, short_hash
from engine.sim.timeline import ACTIONS

from .marks import marks_of
from .minds import POLICY, Minds, remembers
from .panes.live.chances import DEEDS, meant
from .panes.live.events import Mark
from .panes.live.scene import Intent

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

PLACE, MARKS, SAID, VALUE, HASH = "place", "marks", "said", "value", "hash"
"""What is kept of each step, by agent: where it was then, what was worth a mark, and what its policy said before; and
the hash that proves it."""

SPEEDS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, math.inf)
"""Steps per second to choose from; the last one is as fast as it goes."""

UNLIMITED = 1 << 20  # steps at once: whoever takes them looks at the clock

FORGIVEN_AFTER_S = 0.25  # a jump the eye still takes for a stutter


@dataclass(frozen=True)
class Ended:
    """How the episode ended that the last step ended, for one agent."""

    episode_return: float
    length: int
    terminated: bool


class Play:
    """One env of a game, each episode on one of some maps; owns its batch and its history. `close` when done.

    It stands at one moment of its history. `go_on` and `go_to` move through what was played; `step` plays on, and
    begins a new branch where something was played after this moment already.
    """

    def __init__(
        self, rules: Rules, maps: Sequence[GridMap], seed: int = 0, recording: Recording | None = None
    ) -> None:
        """Begin at the start of an episode.

        Args:
            maps: those of the recording, if there is one.
            recording: its steps are the history to begin with, and its seed counts.

        Raises:
            MapError, SimError, RecordingError: it cannot be played.
        """
        self.rules, self.maps = rules, tuple(maps)
        if recording is None:
            self.worlds, self._seed = [World(rules, cells_for(each, rules)) for each in maps], seed
        else:
            self.worlds, self._seed = recording.worlds(), recording.seed
        self.batch = Batch(self.worlds, seed=self._seed)
        self.spec = self.batch.spec
        self.held: set[int] = set()
        self.selected = 0
        self._minds = Minds(self.batch.rows)
        if recording is not None and recording.state:
            self.batch.load(recording.state)
        self._begin()
        if recording is not None:
            for actions in recording.actions:
                self._extend(np.where(actions == NO_ACTION, -1, actions).astype(np.int32), {})
                self.cursor.keep()
            self.go_to(0)

    def _begin(self) -> None:
        """A history that begins here."""
        agents, actions = self.spec.agent_count, len(self.spec.action_names)
        facts: dict[str, tuple[DTypeLike, tuple[int, ...]]] = {
            PLACE: (np.int16, (agents, 2)),
            MARKS: (np.uint8, (agents,)),
            POLICY: (np.uint16, ()),
            SAID: (np.float16, (agents, actions)),
            VALUE: (np.float32, (agents,)),
            HASH: (np.uint16, (1,)),
        }
        self.history = History(Moment(self.batch.save()), agents, facts)
        self.cursor = Cursor(self.history, self.batch)
        self._close_other()
        self._other: Cursor | None = None
        self._look()

    @property
    def person(self) -> int | None:
        """The agent in a person's hands that is looked at, else another one that is; None for none."""
        return self.selected if self.selected in self.held else min(self.held, default=None)

    @person.setter
    def person(self, agent: int | None) -> None:
        self.held = set() if agent is None else {agent}

    @property
    def map(self) -> GridMap:
        """The map of the present episode."""
        return self.maps[self.view.world]

    @property
    def tick(self) -> int:
        """Steps since the beginning, through all episodes: what the history counts by."""
        return self.cursor.tick

    @property
    def branch(self) -> int:
        """The branch it is on."""
        return self.cursor.branch

    def restart(self) -> None:
        """A new episode, from the next seed; its history begins here."""
        self._seed += 1
        self.batch.reset(self._seed)
        self.batch.drain_episodes()
        self._minds.forget_when()
        self._begin()

    # ---- Forward

    def step(self, policy: Policy, hands: Mapping[int, int] | int | None = None, *, look: bool = True) -> None:
        """One step: the policy acts for every agent but those in a person's hands, who rest without an action.

        What a person chose is a demonstration; a rest that comes because nothing was chosen is none.

        Args:
            hands: actions by agent, or that of the one that is held.
            look: whether this moment is to be shown; what only passes by costs less.
        """
        chosen = {self.selected if self.person is None else self.person: hands} if isinstance(hands, int) else hands
        chosen = dict(chosen or {})
        self.take_charge(policy)
        decision = decide(policy, self.batch)
        actions = np.array(decision.actions, np.int32)  # a copy: a policy may hand out its own
        for agent in self.held:
            actions[agent] = chosen.get(agent, self.rest)
        before = self.view
        self._extend(actions, self._facts_of(policy, decision, chosen))
        policy.forget(self._has_ended())
        self._minds.acted(policy, (self.branch, self.tick))
        if self.cursor.is_due:
            self.cursor.keep(*self._minds.kept(policy))
        if look:
            self._look(before)

    def _facts_of(self, policy: Policy, decision: Decision, chosen: Mapping[int, int]) -> dict[str, Any]:
        said, value = decision.probabilities, decision.values
        marks = np.zeros(self.spec.agent_count, np.uint8)
        marks[list(self.held)] = int(Mark.IDLE)
        marks[list(self.held & chosen.keys())] = int(Mark.HAND)
        return {
            MARKS: marks,
            POLICY: self._minds.number_of(policy),
            SAID: np.nan if said is None else said,
            VALUE: np.nan if value is None else value,
        }

    def _extend(self, actions: NDArray[np.int32], facts: dict[str, Any]) -> None:
        """Take a step that is new, and note what will be asked about it."""
        before = self.batch.standing()
        self.cursor.extend({SAID: np.nan, VALUE: np.nan, **facts, ACTIONS: actions})
        after = self.batch.standing()
        # Places and marks are known only now.
        places = self.history.fact(self.branch, PLACE, self.tick)
        places[:, 0], places[:, 1] = after["row"], after["column"]
        self.history.fact(self.branch, HASH, self.tick)[:] = short_hash(hash_after_step(self.batch))
        marks = self.history.fact(self.branch, MARKS, self.tick)
        marks |= marks_of(before, after, self.spec, self._has_ended())

    def _has_ended(self) -> NDArray[np.bool_]:
        ended: NDArray[np.bool_] = (self.batch.terminated | self.batch.truncated).astype(np.bool_)
        return ended

    def _look(self, before: EnvView | None = None) -> None:
        """Take in the present moment, and the one before it."""
        self.view = self.batch.look()
        self.before = self.view if before is None else before
        self.ended = self._end()

    def _end(self) -> Ended | None:
        finished = self.batch.drain_episodes()
        if not self._has_ended().any() or not len(finished):
            return None
        at = len(finished) - self.spec.agent_count + self.selected  # agents of one env end together, in their order
        return Ended(float(finished.episode_return[at]), int(finished.length[at]), bool(finished.terminated[at]))

    @property
    def rest(self) -> int:
        """The action that does nothing, or what comes nearest to it."""
        return self.spec.action_names.index("noop") if "noop" in self.spec.action_names else 0

    # ---- Through time

    @property
    def is_past(self) -> bool:
        """Whether something was played after this moment."""
        return not self.cursor.is_at_end

    def go_on(self) -> None:
        """One step on, as it was played.

        Raises:
            SimError: nothing was played after this moment.
        """
        before = self.view
        self.batch.drain_episodes()
        self.cursor.step()
        self._look(before)

    def go_to(self, tick: int, branch: int | None = None) -> None:
        """Go to a tick, or the nearest one that the history has; of another branch, if one is named."""
        branch = self.branch if branch is None else branch
        first = self.history.first
        tick = min(max(tick, first), self.history.end(branch))
        self.cursor.seek(max(tick - 1, first), branch)
        before = self.batch.look()
        self.batch.drain_episodes()
        if tick > first:
            self.cursor.step()
        self._look(before)

    def branch_here(self) -> int:
        """A new branch that leaves this one now, unless nothing follows anyway; returns its number."""
        if self.is_past:
            self.cursor.seek(self.tick, self.history.fork(self.branch, self.tick))
        return self.branch

    def drop_branch(self) -> int:
        """Forget the present branch and all that came from it; returns the one it goes back to, where they part.

        Raises:
            SimError: it is the first one.
        """
        doomed = self.history.branches[self.branch]
        if doomed.parent is None:
            raise SimError("this is the first branch, which stays", hint="R begins anew")
        self.go_to(min(self.tick, doomed.fork), doomed.parent)
        self.history.drop(doomed.index)
        return self.branch

    def twin(self) -> Cursor:
        """A second cursor on the same history, where this one stands. Its batch belongs to whoever asked."""
        cursor = Cursor(self.history, Batch(self.worlds, seed=self._seed), self._trunk)
        cursor.seek(self.tick, self.branch)
        return cursor

    @property
    def _trunk(self) -> int:
        return self.history.line(self.branch)[0].index

    def beside(self, branch: int) -> EnvView:
        """The same tick of another branch, or its last one where that comes before."""
        other = self._other
        if other is None or other.branch not in self.history.branches or other.tick < self.history.first:
            self._close_other()
            other = self._other = self.twin()
        other.seek(max(min(self.tick, self.history.end(branch)), self.history.first), branch)
        return other.batch.look()

    def marks(self, first: int, last: int) -> NDArray[np.uint8]:
        """What is worth a mark in the steps to ticks first + 1 .. last of this line: (last - first, agents)."""
        return self.history.span(self.branch, MARKS, first, last)

    def track(self, first: int, last: int) -> NDArray[np.int16]:
        """Where the agents were after those steps, (last - first, agents, 2) of row and column."""
        return self.history.span(self.branch, PLACE, first, last)

    @property
    def episode_start(self) -> int:
        """The tick at which the present episode began, or the oldest one that is known of it."""
        return max(self.tick - self.view.tick, self.history.first)

    def recording(self) -> tuple[Recording, NDArray[np.bool_]]:
        """The present episode up to this moment; and which agents a person played, (ticks, agents).

        Just after its last step, an episode that has ended is still the present one.
        """
        first = self.start_of_episode
        twin = self.twin()
        twin.seek(first)
        state, first_hash = twin.batch.save(), short_hash(twin.batch.hash())
        twin.seek(self.tick)
        ended = self.tick > first and has_ended(twin.batch)
        final = hash_after_step(twin.batch) if self.tick > first else twin.batch.hash()
        twin.batch.close()
        actions = self.history.span(self.branch, ACTIONS, first, self.tick)
        is_known = (actions >= 0) & (actions < len(self.spec.action_names))
        hashes = self.history.span(self.branch, HASH, first, self.tick)[:, 0]
        made = Recording(
            engine=ENGINE_VERSION,
            rules=self.rules,
            maps=tuple(RecordedMap(each.name, cells_for(each, self.rules)) for each in self.maps),
            seed=self._seed & (2**64 - 1),
            state=state,
            actions=np.where(is_known, actions, NO_ACTION).astype(np.uint8),
            hashes=np.concatenate([np.array([first_hash], np.uint16), hashes]),
            ended=ended,
            final_hash=final,
        )
        return made, (self.marks(first, self.tick) & np.uint8(Mark.HAND)).astype(np.bool_)

    @property
    def start_of_episode(self) -> int:
        """As `episode_start`; but just after its last step, an episode that has ended is still the present one."""
        first = self.history.first
        if self.episode_start < self.tick or self.tick == first:
            return self.episode_start
        ends = np.flatnonzero(self.marks(first, self.tick - 1)[:, 0] & np.uint8(Mark.END))  # of all agents together
        return first + int(ends[-1]) + 1 if len(ends) else first

    # ---- What they have in mind

    def player_of(self, agent: int) -> str:
        """Who took the step that led here, for an agent: a policy's name, `you`, or `-` where none did."""
        if self.tick == self.history.first:
            return "-"
        if self.history.fact(self.branch, MARKS, self.tick)[agent] & (Mark.HAND | Mark.IDLE):
            return "you"
        return self._minds.name(int(self.history.fact(self.branch, POLICY, self.tick)), agent)

    def intent(self, policy: Policy, agent: int) -> Intent:
        """What is to come next: as the policy then in charge said, if that is played already; else as this one says."""
        if self.is_past:
            branch, tick = self.branch, self.tick + 1
            said = self.history.fact(branch, SAID, tick)[agent]
            action = int(self.history.fact(branch, ACTIONS, tick)[agent])
            by_hand = bool(self.history.fact(branch, MARKS, tick)[agent] & (Mark.HAND | Mark.IDLE))
            name = self._minds.name(int(self.history.fact(branch, POLICY, tick)), agent)
            value = float(self.history.fact(branch, VALUE, tick)[agent])
            known = None if np.isnan(said[0]) else said.astype(np.float32)
            reason = self._reason(self._minds.policy(int(self.history.fact(branch, POLICY, tick))), agent)
            return Intent(name, known, None if math.isnan(value) else value, action, by_hand, reason)
        self.take_charge(policy)
        state = policy.state()
        foreseen = decide(policy, self.batch)
        policy.restore(state)  # it has not acted: it was only asked
        chances, worth = foreseen.probabilities, foreseen.values
        return Intent(
            policy.member_of(agent).name if isinstance(policy, Cast) else policy.name,
            None if chances is None or math.isnan(chances[agent, 0]) else chances[agent],
            None if worth is None or math.isnan(worth[agent]) else float(worth[agent]),
            took=None,
            by_hand=agent in self.held,
            reason=self._reason(policy, agent),
        )

    def _reason(self, policy: Policy | None, agent: int) -> str:
        """Why a policy acts here as it does, if it has reasons that it can tell."""
        member = policy.member_of(agent) if isinstance(policy, Cast) else policy
        return member.reason(self.batch.observations[agent]) if isinstance(member, GoalSeekerPolicy) else ""

    def introduce(self, policy: Policy) -> None:
        """A policy that is made of those who play now begins here, with what they remember."""
        self._minds.introduce(policy, (self.branch, self.tick))

    def mind_of(self, policy: Policy) -> Policy:
        """A copy of a policy that remembers what it would here, for whoever wants to ask it."""
        copy = policy.again(0)
        if not remembers(policy):
            return copy
        self.take_charge(policy)
        copy.restore(policy.state())
        return copy

    def take_charge(self, policy: Policy) -> None:
        """See to it that a policy remembers what it would here, had it played or only just begun."""
        here = (self.branch, self.tick)
        if self._minds.stands_at(policy, here):
            return
        began, state = self._minds.last_known(policy, self.history, *here)
        policy.restore(state)
        if began < self.tick:
            twin = self.twin()
            twin.seek(began)
            while twin.tick < self.tick:  # it acts again on what it saw: that is how memories come about
                decide(policy, twin.batch)
                twin.step()
                policy.forget((twin.batch.terminated | twin.batch.truncated).astype(np.bool_))
            twin.batch.close()
        self._minds.acted(policy, here)

    # ---- What is meant

    def action_named(self, name: str) -> int:
        """The id of an action, by its own name or by what a key means: `move_north`, `use`, `attack`, `shield`, `swap`.

        Where agents walk along their facing, `move_north` turns north or, facing there, goes forward. `use` is to
        use, put or get, and `attack` any attack: one that would succeed now, rather on an agent than on a wall.

        Raises:
            UsageError: this game has no such action.
        """
        names = self.spec.action_names
        if name in names:
            return names.index(name)
        walked = self._walk(name.removeprefix("move_")) if name.startswith("move_") else None
        if walked is not None:
            return walked
        if name in DEEDS:
            mask = self.batch.action_mask()[self.selected]
            found = meant(self.view, self.rules, self.selected, mask, DEEDS[name])
            if found is not None:
                return found
        raise UsageError(f"{self.rules.name} has no action {name!r}", hint="it has " + ", ".join(names))

    def _walk(self, way: str) -> int | None:
        """Forward where the agent faces that way, else the turn; None where the game has no such walk."""
        forward = (i for i, action in self._actions if action.verb is Verb.STEP and action.argument == 0)
        turn = (i for i, action in self._actions if action.verb is Verb.ROTATE and action.direction == way)
        is_ahead = way in DIRECTIONS and self.view.agents[self.selected].facing == DIRECTIONS.index(way)
        return next(forward, None) if is_ahead else next(turn, None)

    @property
    def _actions(self) -> enumerate[Action]:
        return enumerate(self.rules.actions)

    def observation(self) -> NDArray[np.uint8]:
        """The selected agent's row, exactly as its policy gets it."""
        row: NDArray[np.uint8] = self.batch.observations[self.selected].copy()
        return row

    def terms(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """What each reward term paid the selected agent: in the last step, and this episode."""
        step, episode, _ = self.batch.ledger()
        return tuple(step[self.selected].tolist()), tuple(episode[self.selected].tolist())

    def close(self) -> None:
        self._close_other()
        self.batch.close()

    def _close_other(self) -> None:
        other, self._other = getattr(self, "_other", None), None
        if other is not None:
            other.batch.close()


class Pacer:
    """How many steps are due, and how many a second there really were. Times are monotonic seconds."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.actual = 0.0
        self._owed = 0.0
        self._last: float | None = None
        self._window_start, self._window_steps = 0.0, 0

    def start(self, now: float) -> None:
        """Time flows from now on."""
        self._last, self._owed = now, 0.0
        self._window_start, self._window_steps, self.actual = now, 0, 0.0

    def due(self, now: float) -> int:
        """Steps owed since the last call. What a slow machine cannot do within a quarter second is forgiven."""
        if self._last is None:
            return 0
        if math.isinf(self.rate):
            return UNLIMITED
        # Time is forgiven, not steps: a cap on what is owed would cut the fractions that slow speeds live on.
        self._owed += min(now - self._last, FORGIVEN_AFTER_S) * self.rate
        self._last = now
        steps = int(self._owed)
        self._owed -= steps
        return steps

    def took(self, steps: int, now: float) -> None:
        """So many steps were taken; the actual rate is a mean over about a second."""
        self._window_steps += steps
        elapsed = now - self._window_start
        if elapsed >= 1.0 and self._window_steps:
            self.actual = self._window_steps / elapsed
            self._window_start, self._window_steps = now, 0
