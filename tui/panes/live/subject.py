"""Who a sentence is about: `You` or `Agent 3`, with the verb to match. Pure."""

from __future__ import annotations


class Subject:
    """An agent as the one who does something."""

    def __init__(self, agent: int, person: int | None) -> None:
        self.is_person = agent == person
        self.name = "You" if self.is_person else f"Agent {agent}"

    def verb(self, verb: str) -> str:
        """`You take`, `Agent 3 takes`."""
        if self.is_person:
            return f"{self.name} {verb}"
        return f"{self.name} {verb}{'es' if verb.endswith('s') else 's'}"

    @property
    def are(self) -> str:
        """`You are`, `Agent 3 is`."""
        return f"{self.name} {'are' if self.is_person else 'is'}"

    @property
    def have(self) -> str:
        """`You have`, `Agent 3 has`."""
        return f"{self.name} {'have' if self.is_person else 'has'}"


def frozen_words(turns: int, forever: int) -> str:
    """`frozen for 10 turns`, or `caught` where it is for good."""
    if turns >= forever:
        return "caught"
    return f"frozen for {turns} {'turn' if turns == 1 else 'turns'}"
