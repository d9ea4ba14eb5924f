"""Rows of action tables that several games share."""

from __future__ import annotations

from typing import Final

from engine.sim.rules import Action, Amounts, Direction, Verb

NOOP: Final = Action(name="noop")

STRAIGHT: Final[tuple[Direction, ...]] = ("north", "south", "west", "east")


def moves(*directions: Direction) -> tuple[Action, ...]:
    """One move action for each direction."""
    return tuple(Action(name=f"move_{direction}", verb=Verb.MOVE, direction=direction) for direction in directions)


def rotations(*directions: Direction) -> tuple[Action, ...]:
    """One rotate action for each direction."""
    return tuple(Action(name=f"rotate_{direction}", verb=Verb.ROTATE, direction=direction) for direction in directions)


def steps() -> tuple[Action, ...]:
    """One cell along the facing: forward, and backward without turning."""
    return (
        Action(name="move_forward", verb=Verb.STEP),
        Action(name="move_backward", verb=Verb.STEP, argument=1),
    )


def attacks(first: int, count: int, cost: Amounts, *, pays_always: bool = False) -> tuple[Action, ...]:
    """Attacks by their argument, before all other actions of a tick."""
    return tuple(
        Action(name=f"attack_{n}", verb=Verb.ATTACK, argument=n, priority=1, consumed=cost, pays_always=pays_always)
        for n in range(first, first + count)
    )
