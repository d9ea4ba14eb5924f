"""Who played when, and what they remembered: so that a policy can go on from any moment of the past.

Owned by a Play, UI thread. A policy that takes charge begins with rows that remember nothing, unless it was introduced
as the heir of those who played; from there, or from a state kept on the way, its memories come about again by letting
it act on what was observed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.policies.cast import Cast

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.policies.registry import Policy
    from engine.sim import History

POLICY = "policy"
"""The fact that says who was in charge of a step: a number, 0 for nobody known."""

REMEMBERED = 8  # policies whose beginnings are kept: a run on screen brings a new one every few seconds

State = Mapping[str, "NDArray[Any]"]


@dataclass(frozen=True)
class Mind:
    """What a policy remembered at a moment."""

    number: int
    state: State


@dataclass
class _Known:
    """A policy that has played."""

    policy: Policy
    number: int
    fresh: State
    """What it has at the beginning of an episode."""
    born: tuple[tuple[int, int], State] | None = None
    """For one that took over what others remembered: when, and what."""


def remembers(policy: Policy) -> bool:
    """Whether what it does depends on what it saw before."""
    return any("memory" in name and array.shape[-1] > 0 for name, array in policy.state().items())


class Minds:
    """Everyone who played, by number."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._names: list[tuple[str, ...]] = [("-",) * rows]  # by number, and by agent
        self._known: OrderedDict[int, _Known] = OrderedDict()  # by id of the policy, which it holds
        self._at: tuple[int, tuple[int, int]] | None = None  # whose memories are those of which (branch, tick)

    def number_of(self, policy: Policy) -> int:
        """A policy's number."""
        return self._entry(policy).number

    def _entry(self, policy: Policy) -> _Known:
        found = self._known.get(id(policy))
        if found is None:
            # Numbers end where the fact's do; by then, 65,535 policies, the first have long been forgotten.
            number = min(len(self._names), int(np.iinfo(np.uint16).max))
            if number == len(self._names):
                members = [
                    policy.member_of(agent) if isinstance(policy, Cast) else policy for agent in range(self._rows)
                ]
                self._names.append(tuple(member.name for member in members))
            found = self._known[id(policy)] = _Known(policy, number, self._fresh(policy))
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return found

    def _fresh(self, policy: Policy) -> State:
        """Its random numbers as they are, and rows that remember nothing; the policy stays as it is."""
        now = dict(policy.state())
        policy.forget(np.ones(self._rows, np.bool_))
        fresh = dict(policy.state())
        policy.restore(now)
        return fresh

    def introduce(self, policy: Policy, when: tuple[int, int]) -> None:
        """A policy begins at this (branch, tick), with what it remembers now."""
        self._entry(policy).born = (when, dict(policy.state()))

    def name(self, number: int, agent: int) -> str:
        """The name of who plays an agent, by a policy's number."""
        return self._names[min(number, len(self._names) - 1)][agent]

    def policy(self, number: int) -> Policy | None:
        """A policy by its number, while it is remembered."""
        return next((known.policy for known in self._known.values() if known.number == number), None)

    def acted(self, policy: Policy, when: tuple[int, int]) -> None:
        """A policy's memories are now those of this (branch, tick)."""
        self._at = (self.number_of(policy), when)

    def stands_at(self, policy: Policy, when: tuple[int, int]) -> bool:
        """Whether they are those of this moment."""
        return self._at == (self.number_of(policy), when)

    def forget_when(self) -> None:
        """Another history begins: no moment of the old one counts any longer."""
        self._at = None
        for known in self._known.values():
            known.born = None

    def kept(self, policy: Policy) -> tuple[Mind, int]:
        """What it remembers now, to be kept with a state; and its bytes."""
        state = policy.state()
        return Mind(self.number_of(policy), state), sum(np.asarray(each).nbytes for each in state.values())

    def last_known(self, policy: Policy, history: History, branch: int, tick: int) -> tuple[int, State]:
        """The last moment at which it is known what a policy remembered, and what."""
        known = self._entry(policy)
        others = (history.span(branch, POLICY, history.first, tick) != known.number).nonzero()[0]
        began = history.first + (int(others[-1]) + 1 if len(others) else 0)
        at, moment = history.before(branch, tick)
        # Where the past begins with a state of its own steps, `began` is that one and no beginning.
        if isinstance(moment.mind, Mind) and moment.mind.number == known.number and at >= began:
            return at, moment.mind.state
        if known.born is not None:
            (born_on, born_at), state = known.born
            if born_at == began and born_on in (each.index for each in history.line(branch)):
                return began, state
        return began, known.fresh
