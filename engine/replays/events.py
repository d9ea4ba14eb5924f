"""What in a film is worth a mark on a timeline: freezes, catches, hearts, rewards. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from engine.sim import FOREVER

MAX_EVENTS: Final = 100_000
FROZEN, CAUGHT, HEART, REWARD, REMARK = "frozen", "caught", "heart", "reward", "remark"

_HEARTS: Final = ("heart", "hearts")


@dataclass(frozen=True)
class Event:
    """Something that happened to an agent in the step that led to a tick. A remark may be about nobody (-1)."""

    tick: int
    agent: int
    kind: str  # FROZEN, CAUGHT, HEART, REWARD or REMARK
    words: str


def freeze(tick: int, agent: int, before: int, turns: int) -> Event | None:
    """Frozen, or frozen anew: it has more turns to lose than before."""
    if turns <= before:
        return None
    if turns >= FOREVER:
        return Event(tick, agent, CAUGHT, f"agent {agent} is caught")
    return Event(tick, agent, FROZEN, f"agent {agent} is frozen for {turns} {'turn' if turns == 1 else 'turns'}")


def hearts(tick: int, agent: int, before: int, count: int) -> Event | None:
    """Hearts gained."""
    if count <= before:
        return None
    gained = count - before
    return Event(tick, agent, HEART, f"agent {agent} gains {'a heart' if gained == 1 else f'{gained} hearts'}")


def payment(tick: int, agent: int, before: float, reward: float) -> Event | None:
    """A reward, unless it is that of the step before: what is paid for holding something comes every step."""
    if reward in (0.0, before):
        return None
    return Event(tick, agent, REWARD, f"agent {agent} is paid {reward:+.3f}")


def heart_indices(resources: Sequence[str]) -> list[int]:
    """Which resources are hearts, by their name's last word."""
    return [index for index, name in enumerate(resources) if name.rpartition("_")[2] in _HEARTS]
