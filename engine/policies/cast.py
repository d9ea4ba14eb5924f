"""A policy made of several: each agent of a game is played by its own member.

Owned by whoever made it, members included; used by one thread at a time. No torch of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.sim import Rules

from .decision import Actions, Decision, Ended, Masks, State
from .registry import Policy
from .streams import Seeds


class Cast:
    """Every member sees all rows, so whoever takes an agent over has seen its episode; each row's action is its own's.

    A member that is recast keeps its rows, as long as the number of rows stays.
    """

    def __init__(self, members: Sequence[Policy], parts: Sequence[int], rules: Rules) -> None:
        """Hand out the parts.

        Args:
            members: who plays; a policy that plays several agents is one member.
            parts: of each agent, the index of the member that plays it.
            rules: the game, by whose roles and groups the cast is told in words.
        """
        assert len(parts) == rules.agents
        assert all(0 <= part < len(members) for part in parts)
        self.members, self.parts = tuple(members), tuple(parts)
        self._rules = rules
        self.name = _in_words([member.name for member in self.members], self.parts, rules)

    @property
    def masked(self) -> bool:
        """Whether a member wants to be told which actions are legal."""
        return any(member.masked for member in self.members)

    def member_of(self, agent: int) -> Policy:
        """Who plays an agent."""
        return self.members[self.parts[agent]]

    def recast(self, parts: Sequence[int]) -> Cast:
        """The same members, who remember what they do, in other parts."""
        return Cast(self.members, parts, self._rules)

    def again(self, seed: Seeds) -> Cast:
        """The same cast with random streams and rows of its own.

        Members draw by equal streams and nobody notices: of each draw for all rows they use different ones.
        """
        return Cast([member.again(seed) for member in self.members], self.parts, self._rules)

    def act(self, observations: NDArray[np.uint8], greedy: bool = False, masks: Masks = None) -> Actions:
        """Actions (rows,) for observations (rows, size)."""
        acted = [member.act(observations, greedy, masks if member.masked else None) for member in self.members]
        return self._own(acted, len(observations))

    def decide(self, observations: NDArray[np.uint8], greedy: bool = False, masks: Masks = None) -> Decision:
        """As `act`; what is known of each row is what its own member knows."""
        told = [member.decide(observations, greedy, masks if member.masked else None) for member in self.members]
        rows = len(observations)
        probabilities = self._told([each.probabilities for each in told], rows)
        values = self._told([each.values for each in told], rows)
        return Decision(self._own([each.actions for each in told], rows), probabilities, values)

    def forget(self, ended: Ended) -> None:
        """Rows (rows,) whose episode has ended."""
        for member in self.members:
            member.forget(ended)

    def state(self) -> State:
        """Those of all members."""
        states = [member.state() for member in self.members]
        return {f"{index}.{name}": array for index, state in enumerate(states) for name, array in state.items()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from there."""
        for index, member in enumerate(self.members):
            first = f"{index}."
            member.restore({name.removeprefix(first): own for name, own in state.items() if name.startswith(first)})

    def _own(self, of_members: Sequence[NDArray[Any]], rows: int) -> NDArray[Any]:
        """Of each row what its own member has."""
        players = np.resize(np.asarray(self.parts), rows)
        found: NDArray[Any] = np.stack(of_members)[players, np.arange(rows)]
        return found

    def _told(self, of_members: Sequence[NDArray[np.float32] | None], rows: int) -> NDArray[np.float32] | None:
        """The same where some have nothing to tell: NaN there, None if nobody has."""
        known = next((each for each in of_members if each is not None), None)
        if known is None:
            return None
        silent = np.full_like(known, np.nan)
        found = self._own([silent if each is None else each for each in of_members], rows)
        return None if np.isnan(found).all() else found


def _in_words(names: Sequence[str], parts: Sequence[int], rules: Rules) -> str:
    """`hider arena:v12, seeker goal-seeker`: by roles where they tell it all, else by groups, else by agents."""
    playing = list(dict.fromkeys(parts))
    if len(playing) == 1:
        return names[playing[0]]
    agents = {member: [agent for agent, part in enumerate(parts) if part == member] for member in playing}
    groups = rules.agent_groups
    for words in ([rules.role_of_group(group) for group in groups], [f"group {group}" for group in groups]):
        of_member = {member: list(dict.fromkeys(words[agent] for agent in own)) for member, own in agents.items()}
        if sum(map(len, of_member.values())) == len(set(words)):
            return ", ".join(f"{' and '.join(of_member[member])} {names[member]}" for member in playing)
    most = max(playing, key=lambda member: len(agents[member]))
    told = [f"{_agents(agents[member])} {names[member]}" for member in playing if member != most]
    return ", ".join(
        [*told, f"others {names[most]}" if len(agents[most]) > 1 else f"agent {agents[most][0]} {names[most]}"]
    )


def _agents(agents: Sequence[int]) -> str:
    return f"agent {agents[0]}" if len(agents) == 1 else f"agents {', '.join(map(str, agents))}"
