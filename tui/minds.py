"""Who played when, and what they remembered: so that a policy can go on from any moment of the past.

Owned by a Play, UI thread. A policy that takes charge begins with what it had when it was first seen; from there, or
from a state kept on the way, its memories come about again by letting it act on what was observed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

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


class Minds:
    """Everyone who played, by number."""

    def __init__(self) -> None:
        self._names = ["-"]
        self._known: OrderedDict[int, tuple[Policy, int, State]] = OrderedDict()  # by id of the policy, which it holds
        self._at: tuple[int, tuple[int, int]] | None = None  # whose memories are those of which (branch, tick)

    def number_of(self, policy: Policy) -> int:
        """A policy's number."""
        return self._entry(policy)[1]

    def _entry(self, policy: Policy) -> tuple[Policy, int, State]:
        found = self._known.get(id(policy))
        if found is None:
            # Numbers end where the fact's do; by then, 65,535 policies, the first have long been forgotten.
            found = (policy, min(len(self._names), np.iinfo(np.uint16).max), dict(policy.state()))
            self._names.append(policy.name)
            self._known[id(policy)] = found
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return found

    def name(self, number: int) -> str:
        """A policy's name by its number."""
        return self._names[min(number, len(self._names) - 1)]

    def acted(self, policy: Policy, when: tuple[int, int]) -> None:
        """A policy's memories are now those of this (branch, tick)."""
        self._at = (self.number_of(policy), when)

    def stands_at(self, policy: Policy, when: tuple[int, int]) -> bool:
        """Whether they are those of this moment."""
        return self._at == (self.number_of(policy), when)

    def forget_when(self) -> None:
        """Another history begins."""
        self._at = None

    def kept(self, policy: Policy) -> tuple[Mind, int]:
        """What it remembers now, to be kept with a state; and its bytes."""
        state = policy.state()
        return Mind(self.number_of(policy), state), sum(np.asarray(each).nbytes for each in state.values())

    def last_known(self, policy: Policy, history: History, branch: int, tick: int) -> tuple[int, State]:
        """The last moment at which it is known what a policy remembered, and what."""
        _, number, fresh = self._entry(policy)
        others = (history.span(branch, POLICY, history.first, tick) != number).nonzero()[0]
        began = history.first + (int(others[-1]) + 1 if len(others) else 0)
        at, moment = history.before(branch, tick)
        if isinstance(moment.mind, Mind) and moment.mind.number == number and at > began:
            return at, moment.mind.state
        return began, fresh
