"""The time of one env: all that was played, as a tree of branches, and the way to any moment of it.

A `History` holds actions, facts and exact states; it steps nothing. A `Cursor` stands at one tick of one branch and
moves a batch of one env along: back, forward, to any tick, onto a new branch. Several cursors may share a history, so
that two branches stand side by side. All of one thread.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

from engine.errors import SimError

from .batch import Batch

STATE_BYTES: Final = 32 * 1024 * 1024
"""Budget for exact states: 2,000 of 24 agents with all mechanics on."""

FACT_BYTES: Final = 24 * 1024 * 1024
"""Budget for what is kept of every step: 20,000 steps of 24 agents with the probabilities of 20 actions."""

_FIRST_STRIDE = 16  # ticks: some 25 microseconds of small games, a few milliseconds of 1,024 agents
_FIRST_CAPACITY = 8  # steps; doubled as often as needed
ACTIONS: Final = "actions"
"""The fact that every history has: what each agent did, (agents,) int32."""

Facts = Mapping[str, tuple[DTypeLike, tuple[int, ...]]]
"""What is kept of every step beside its actions: dtype and shape by name."""


@dataclass(frozen=True)
class Moment:
    """One exact state, and whatever its owner wants to find again with it."""

    state: bytes
    mind: Any = None
    mind_bytes: int = 0

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.state) + self.mind_bytes


@dataclass
class Branch:
    """A stretch of time: its own steps begin at tick `fork`, all before is its parent's."""

    index: int
    parent: int | None
    fork: int
    columns: dict[str, NDArray[Any]]
    length: int = 0
    moments: dict[int, Moment] = field(default_factory=dict)

    @property
    def end(self) -> int:
        """The last tick."""
        return self.fork + self.length


class History:
    """What was played in one env. Ticks count steps from its beginning, through all episodes.

    Args:
        start: the state at tick `first`.
        facts: what is kept of every step.
        agents: actions of a step.
        state_bytes, fact_bytes: budgets. States grow rarer over theirs; over the other, the oldest half is forgotten.
    """

    def __init__(
        self,
        start: Moment,
        agents: int,
        facts: Facts | None = None,
        *,
        state_bytes: int = STATE_BYTES,
        fact_bytes: int = FACT_BYTES,
    ) -> None:
        self._facts = {ACTIONS: (np.int32, (agents,)), **(facts or {})}
        self._state_budget, self._fact_budget = state_bytes, fact_bytes
        self.stride = _FIRST_STRIDE
        self.first = 0
        self.branches: dict[int, Branch] = {}
        self._next_index = 0
        root = self._new_branch(None, 0)
        root.moments[0] = start
        self.state_size = start.size

    def _new_branch(self, parent: int | None, fork: int) -> Branch:
        columns = {name: np.zeros((0, *shape), dtype) for name, (dtype, shape) in self._facts.items()}
        branch = Branch(self._next_index, parent, fork, columns)
        self.branches[branch.index] = branch
        self._next_index += 1
        return branch

    @property
    def fact_size(self) -> int:
        """Bytes of all facts, with the room made for those to come."""
        return sum(column.nbytes for branch in self.branches.values() for column in branch.columns.values())

    def end(self, branch: int) -> int:
        """The last tick of a branch."""
        return self.branches[branch].end

    def line(self, branch: int) -> list[Branch]:
        """A branch and all those it came from, the oldest first."""
        found = [self.branches[branch]]
        while found[-1].parent is not None:
            found.append(self.branches[found[-1].parent])
        return found[::-1]

    def fork(self, branch: int, tick: int) -> int:
        """A new branch that leaves another at a tick; returns its index."""
        owner = self._owner(branch, tick)
        return self._new_branch(owner.index, tick).index

    def drop(self, branch: int) -> None:
        """Forget a branch and all that came from it; the first one stays.

        Raises:
            SimError: it is the first one.
        """
        if self.branches[branch].parent is None:
            raise SimError("the first branch cannot be dropped")
        doomed = {branch}
        for index in sorted(self.branches):  # children have larger indices than their parents
            if self.branches[index].parent in doomed:
                doomed.add(index)
        for index in doomed:
            self._forget_states(self.branches.pop(index).moments)

    def _forget_states(self, moments: Mapping[int, Moment]) -> None:
        self.state_size -= sum(moment.size for moment in moments.values())

    # ---- Steps

    def append(self, branch: int, facts: Mapping[str, Any]) -> None:
        """Add a step at the end of a branch; facts that are not given are 0. Scalars count for all agents."""
        own = self.branches[branch]
        if own.length == len(own.columns[ACTIONS]):
            self._make_room(own)
        for name, value in facts.items():
            own.columns[name][own.length] = value
        own.length += 1
        if self.fact_size > self._fact_budget and not self._forget_oldest(own):
            self._drop_a_branch(own)

    def _make_room(self, branch: Branch) -> None:
        # By half as much again, not double: a full history would else hold half its budget empty.
        capacity = max(_FIRST_CAPACITY, branch.length + branch.length // 2)
        for name, column in branch.columns.items():
            larger = np.zeros((capacity, *column.shape[1:]), column.dtype)
            larger[: branch.length] = column[: branch.length]
            branch.columns[name] = larger

    def _owner(self, branch: int, tick: int) -> Branch:
        """The branch whose own time a tick of this line is: after its fork, or the oldest one."""
        owner = self.branches[branch]
        while tick <= owner.fork and owner.parent is not None:
            owner = self.branches[owner.parent]
        return owner

    def owner(self, branch: int, tick: int) -> int:
        """The branch that a tick of this line was played on."""
        return self._owner(branch, tick).index

    def fact(self, branch: int, name: str, tick: int) -> NDArray[Any]:
        """A fact of the step that led to a tick: a view, (…)."""
        owner = self._owner(branch, tick)
        row: NDArray[Any] = owner.columns[name][tick - owner.fork - 1]
        return row

    def span(self, branch: int, name: str, first: int, last: int) -> NDArray[Any]:
        """A fact of the steps that led to ticks first + 1 .. last, (last - first, …): a copy."""
        parts = []
        for part in self.line(branch):
            till = self._till(part, branch)
            low, high = max(first, part.fork), min(last, till)
            if low < high:
                parts.append(part.columns[name][low - part.fork : high - part.fork])
        dtype, shape = self._facts[name]
        return np.concatenate(parts) if parts else np.zeros((0, *shape), dtype)

    def _till(self, part: Branch, branch: int) -> int:
        """The tick at which the line of `branch` leaves one of its parts."""
        line = self.line(branch)
        at = line.index(part)
        return part.end if at == len(line) - 1 else line[at + 1].fork

    # ---- States

    def is_due(self, branch: int, tick: int) -> bool:
        """Whether the state of a tick is to be kept."""
        return tick % self.stride == 0 and tick not in self.branches[branch].moments

    def keep(self, branch: int, tick: int, moment: Moment) -> None:
        """Keep a state of a branch's own time."""
        self.branches[branch].moments[tick] = moment
        self.state_size += moment.size
        while self.state_size > self._state_budget and self._thin():
            pass

    def _thin(self) -> bool:
        """Keep every other state. False if none can be spared."""
        before = self.state_size
        while self.state_size == before and self.stride < 1 << 30:
            self.stride *= 2
            for branch in self.branches.values():
                spared = {t: m for t, m in branch.moments.items() if t % self.stride and t != self.first}
                self._forget_states(spared)
                for tick in spared:
                    del branch.moments[tick]
        return self.state_size < before

    def before(self, branch: int, tick: int) -> tuple[int, Moment]:
        """The nearest state kept at or before a tick, and its own tick."""
        for part in reversed(self.line(branch)):
            ticks = sorted(part.moments)
            at = bisect_right(ticks, min(tick, self._till(part, branch))) - 1
            if at >= 0:
                return ticks[at], part.moments[ticks[at]]
        raise SimError(f"tick {tick:,} is forgotten", hint=f"the past begins at tick {self.first:,}")

    # ---- Forgetting

    def _drop_a_branch(self, present: Branch) -> None:
        """Forget the oldest branch that nothing came from, but for the one that is played: there are too many."""
        parents = {branch.parent for branch in self.branches.values()} | {
            each.index for each in self.line(present.index)
        }
        leaves = sorted(self.branches.keys() - parents)
        if leaves:
            self.drop(leaves[0])

    def _forget_oldest(self, present: Branch) -> bool:
        """Forget the older half of the line that is played, up to a kept state, and what branches off it there.

        False if nothing of it can be spared.
        """
        line = self.line(present.index)
        half = (self.first + present.end) // 2
        tick, _ = self.before(present.index, half)
        owner = self._owner(present.index, tick) if tick > self.first else line[0]
        if tick <= self.first or tick not in owner.moments:
            return False
        kept = line[line.index(owner) :]
        for index in sorted(self.branches):
            branch = self.branches[index]
            gone = branch not in kept and (branch.parent not in self.branches or branch.fork < tick)
            if gone:
                self._forget_states(self.branches.pop(index).moments)
        self._begin_at(owner, tick)
        return True

    def _begin_at(self, root: Branch, tick: int) -> None:
        """Let a branch be the first one, and time begin at one of its ticks."""
        skipped = tick - root.fork
        room = max(root.length - skipped, _FIRST_CAPACITY)
        for name, column in root.columns.items():
            shorter = np.zeros((room, *column.shape[1:]), column.dtype)
            shorter[: root.length - skipped] = column[skipped : root.length]
            root.columns[name] = shorter
        old = {t: m for t, m in root.moments.items() if t < tick}
        self._forget_states(old)
        for each in old:
            del root.moments[each]
        root.parent, root.fork, root.length = None, tick, root.length - skipped
        self.first = tick


class Cursor:
    """One moment of a history, as a batch of one env shows it. After every move the batch is as it was just then:
    state, observations, rewards, results and ends.

    As in all batches, the step that ends an episode leaves the env at the start of its next one.
    """

    def __init__(self, history: History, batch: Batch, branch: int = 0) -> None:
        self.history, self.batch = history, batch
        self.branch = branch
        self.tick = history.first
        self._load_first()

    @property
    def end(self) -> int:
        """The last tick of the branch it is on."""
        return self.history.end(self.branch)

    @property
    def is_at_end(self) -> bool:
        """Whether nothing has been played after this moment on this branch."""
        return self.tick == self.end

    def extend(self, facts: Mapping[str, Any]) -> None:
        """A new step with the actions among these facts: at the end of its branch, else as a new branch."""
        if not self.is_at_end:
            self.branch = self.history.fork(self.branch, self.tick)
        self.batch.step(facts[ACTIONS])
        self.history.append(self.branch, facts)
        self.tick += 1

    def keep(self, mind: Any = None, mind_bytes: int = 0) -> None:
        """Keep the present state if one is due; `mind` is kept with it."""
        if self.is_due:
            self.history.keep(self.branch, self.tick, Moment(self.batch.save(), mind, mind_bytes))

    @property
    def is_due(self) -> bool:
        """Whether the present state is one to be kept, on a branch's own time."""
        own = self.history.branches[self.branch]
        return self.tick > own.fork and self.history.is_due(self.branch, self.tick)

    def step(self) -> None:
        """One tick on, as it was played.

        Raises:
            SimError: nothing was played after this moment.
        """
        if self.is_at_end:
            raise SimError(f"nothing was played after tick {self.tick:,}")
        self.batch.step(self.history.fact(self.branch, ACTIONS, self.tick + 1))
        self.tick += 1

    def seek(self, tick: int, branch: int | None = None) -> None:
        """Go to a tick, of another branch if one is named.

        Raises:
            SimError: there is no such tick or branch; the cursor stays.
        """
        branch = self.branch if branch is None else branch
        if branch not in self.history.branches:
            raise SimError(f"there is no branch {branch}")
        if not self.history.first <= tick <= self.history.end(branch):
            ends = f"it goes from {self.history.first:,} to {self.history.end(branch):,}"
            raise SimError(f"branch {branch} has no tick {tick:,}", hint=ends)
        if (branch, tick) == (self.branch, self.tick):
            return
        shared = self._shared_till(branch)
        self.branch, before = branch, self.tick
        if tick == self.history.first:
            self._load_first()
            return
        at, moment = self.history.before(branch, tick - 1)  # by a step, so that rewards and results come along
        if not at <= before < tick or before > shared:
            self.batch.load(moment.state)
            self.tick = at
        while self.tick < tick:
            self.step()

    def _shared_till(self, branch: int) -> int:
        """The last tick that the present line and another one have in common."""
        if branch == self.branch:
            return self.end
        shared = self.history.first
        mine, theirs = self.history.line(self.branch), self.history.line(branch)
        for one, other in zip(mine, theirs, strict=False):
            if one is not other:
                break
            shared = min(self.history._till(one, self.branch), self.history._till(other, branch))
        return shared

    def _load_first(self) -> None:
        _, moment = self.history.before(self.branch, self.history.first)
        self.batch.load(moment.state)
        self.tick = self.history.first
        self.batch.observations[:] = self.batch.observe()
        for array in (self.batch.rewards, self.batch.terminated, self.batch.truncated, self.batch.results):
            array[:] = 0
