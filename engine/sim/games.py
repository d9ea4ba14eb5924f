"""The games that ship: each is a configuration, nothing more."""

from __future__ import annotations

from .rules import DIRECTIONS, Action, Direction, End, Kind, Plane, Resource, Rules, Style, Term, Verb

NOOP = Action(name="noop")


def moves(*directions: Direction) -> tuple[Action, ...]:
    """One move action for each direction."""
    return tuple(Action(name=f"move_{direction}", verb=Verb.MOVE, direction=direction) for direction in directions)


def rotations(*directions: Direction) -> tuple[Action, ...]:
    """One rotate action for each direction."""
    return tuple(Action(name=f"rotate_{direction}", verb=Verb.ROTATE, direction=direction) for direction in directions)


def navigation(max_steps: int = 100, goal_reward: float = 1.0, step_reward: float = -0.01) -> Rules:
    """One agent walks in eight directions to the nearest goal; time costs a little.

    Start cells are drawn anew each episode, so what is learnt is the map, not one path.
    """
    return Rules(
        name="navigation",
        max_steps=max_steps,
        spawn_anywhere=True,
        resources={"heart": Resource(limit=1)},
        kinds={"wall": Kind(), "goal": Kind(style=Style.USE, bump=True, outputs={"heart": 1})},
        actions=(NOOP, *moves(*DIRECTIONS)),  # type: ignore[arg-type]  # DIRECTIONS lists the literals of Direction
        rewards=(
            Term(name="goal", stat="heart.gained", weight=goal_reward),
            Term(name="time", stat="steps", weight=step_reward),
        ),
        end=End(resource="heart"),
    )


def arena(agents: int = 6, groups: int = 2, max_steps: int = 1000, batteries_per_heart: int = 3) -> Rules:
    """Several agents turn ore into batteries and batteries into hearts.

    Mines, generators and altars serve whoever faces them and uses them, then cool down. Ore and batteries
    pay a little, once: enough to find the chain, too little to live on.
    """
    directions: tuple[Direction, ...] = ("north", "south", "west", "east")
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
        actions=(NOOP, *moves(*directions), *rotations(*directions), Action(name="use", verb=Verb.USE)),
        rewards=(
            Term(name="heart", stat="heart.gained", weight=1.0),
            Term(name="battery", stat="battery.gained", weight=0.1, cap=1.0),
            Term(name="ore", stat="ore.gained", weight=0.1, cap=1.0),
        ),
    )


GAMES = {"navigation": navigation, "arena": arena}
