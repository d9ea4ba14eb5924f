"""Games that nobody wins alone: `two_switch`."""

from __future__ import annotations

from engine.sim.rules import End, Kind, Plane, Resource, Rules, Scope, Style, Term

from .actions import NOOP, STRAIGHT, moves


def two_switch(max_steps: int = 100, hold_ticks: int = 10) -> Rules:
    """Two agents must each have pressed a switch at the same time; what is pressed springs back at the next beat.

    Args:
        hold_ticks: ticks between two beats. A switch rests as long, so nobody can lend the other's.
    """
    return Rules(
        name="two_switch",
        agents=2,
        max_steps=max_steps,
        planes=(Plane.KIND, Plane.READY),
        resources={"pressed": Resource(limit=1, regen_amount=-1, regen_interval=hold_ticks)},
        kinds={
            "wall": Kind(),
            "switch": Kind(style=Style.USE, bump=True, cooldown=hold_ticks, outputs={"pressed": 1}),
        },
        actions=(NOOP, *moves(*STRAIGHT)),
        rewards=(
            Term(name="pressed", holding="pressed", weight=0.5, scope=Scope.WORLD),
            Term(name="time", stat="steps", weight=-0.01),
        ),
        end=End(resource="pressed", all_agents=True),
    )
