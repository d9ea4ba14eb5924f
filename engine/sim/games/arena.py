"""arena: ore, batteries, hearts, in one act each. profiles.py holds the two older and larger arenas."""

from __future__ import annotations

from engine.sim.rules import Action, Kind, Plane, Resource, Rules, Style, Term, Verb

from .actions import NOOP, STRAIGHT, moves, rotations


def arena(agents: int = 6, groups: int = 2, max_steps: int = 1000, batteries_per_heart: int = 3) -> Rules:
    """Several agents turn ore into batteries and batteries into hearts.

    Mines, generators and altars serve whoever faces them and uses them, then cool down. Ore and batteries
    pay a little, once: enough to find the chain, too little to live on.
    """
    return Rules(
        name="arena",
        agents=agents,
        groups=groups,
        max_steps=max_steps,
        planes=(Plane.KIND, Plane.GROUP, Plane.READY),
        resources={"ore": Resource(limit=50), "battery": Resource(limit=50), "heart": Resource(limit=255)},
        kinds={
            "wall": Kind(),
            "mine": Kind(style=Style.USE, cooldown=10, outputs={"ore": 1}),
            "generator": Kind(style=Style.USE, cooldown=5, inputs={"ore": 1}, outputs={"battery": 1}),
            "altar": Kind(style=Style.USE, cooldown=10, inputs={"battery": batteries_per_heart}, outputs={"heart": 1}),
        },
        actions=(NOOP, *moves(*STRAIGHT), *rotations(*STRAIGHT), Action(name="use", verb=Verb.USE)),
        rewards=(
            Term(name="heart", stat="heart.gained", weight=1.0),
            Term(name="battery", stat="battery.gained", weight=0.1, cap=1.0),
            Term(name="ore", stat="ore.gained", weight=0.1, cap=1.0),
        ),
    )
