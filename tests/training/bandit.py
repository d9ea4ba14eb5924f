"""A bandit of one step whose arms are walls, a prize and a larger prize: two of the four moves are illegal."""

from __future__ import annotations

from engine.sim import Action, End, Kind, Resource, Rules, Term, Verb, Window

BEST, WORST = 1.0, 0.5
"""What the larger and the smaller prize pay."""

ARMS = """
    ###
    _@*
    ###"""
"""West the small prize, east the large one."""


def masked_bandit() -> Rules:
    """Moves north and south can never succeed here; noop is no action of it."""
    return Rules(
        name="bandit",
        window=Window(width=3, height=3),
        resources={"heart": Resource(limit=1), "coin": Resource(limit=2)},
        kinds={
            "wall": Kind(),
            "goal": Kind(style="use", bump=True, outputs={"heart": 1, "coin": 2}),
            "altar": Kind(style="use", bump=True, outputs={"heart": 1, "coin": 1}),
        },
        actions=tuple(
            Action(name=f"move_{way}", verb=Verb.MOVE, direction=way) for way in ("north", "south", "west", "east")
        ),
        rewards=(Term(name="coin", stat="coin.gained", weight=BEST / 2),),
        max_steps=20,
        end=End(resource="heart"),
    )
