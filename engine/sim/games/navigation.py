"""navigation: one agent walks to a goal."""

from __future__ import annotations

from engine.sim.rules import DIRECTIONS, End, Kind, Resource, Rules, Style, Term

from .actions import NOOP, moves


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
