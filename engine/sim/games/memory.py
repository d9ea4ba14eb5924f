"""Games that a policy without memory cannot win more than half of: `t_maze` and `cue_recall`.

The cue stands beside the start and the choice at the end of a corridor, three cells wide to the eye, so nobody
sees both at once. What is right differs from map to map, and the maps of a batch are drawn at each reset.

Right and wrong must look alike, so agents do not see kinds but hit points: nothing here can be hit, and hit
points are only the look of things. People see kinds on the screen; `v` shows what the agent gets.
"""

from __future__ import annotations

from engine.sim.rules import End, Kind, Plane, Resource, Rules, Style, Term, Window

from .actions import NOOP, STRAIGHT, moves

_WALL_LOOK = 1
_FIRST_LOOK = 2  # of what a game shows besides walls; 0 is an empty cell


def t_maze(max_steps: int = 100, goal_reward: float = 1.0, step_reward: float = -0.01) -> Rules:
    """A corridor ends in a fork; a cue beside the start says which way the goal is. A wrong turn ends it too."""
    return _choice_game(
        "t_maze",
        {"cue_left": _cue(0), "cue_right": _cue(1), "goal": _right(2), "trap": _wrong(2)},
        max_steps,
        goal_reward,
        step_reward,
    )


def cue_recall(max_steps: int = 100, goal_reward: float = 1.0, step_reward: float = -0.01) -> Rules:
    """A corridor ends between a red and a blue door, left or right; a cue beside the start has the right colour."""
    return _choice_game(
        "cue_recall",
        {
            "cue_red": _cue(0),
            "cue_blue": _cue(1),
            "door_red": _right(2),
            "door_blue": _right(3),
            "trap_red": _wrong(2),
            "trap_blue": _wrong(3),
        },
        max_steps,
        goal_reward,
        step_reward,
    )


def _cue(look: int) -> Kind:
    return Kind(hp=_FIRST_LOOK + look)


def _right(look: int) -> Kind:
    return Kind(style=Style.USE, bump=True, hp=_FIRST_LOOK + look, outputs={"heart": 1, "choice": 1})


def _wrong(look: int) -> Kind:
    return Kind(style=Style.USE, bump=True, hp=_FIRST_LOOK + look, outputs={"choice": 1})


def _choice_game(name: str, kinds: dict[str, Kind], max_steps: int, goal_reward: float, step_reward: float) -> Rules:
    return Rules(
        name=name,
        max_steps=max_steps,
        window=Window(width=3, height=3),
        planes=(Plane.HP,),
        resources={"heart": Resource(limit=1), "choice": Resource(limit=1)},
        kinds={"wall": Kind(hp=_WALL_LOOK), **kinds},
        actions=(NOOP, *moves(*STRAIGHT)),
        rewards=(
            Term(name="goal", stat="heart.gained", weight=goal_reward),
            Term(name="time", stat="steps", weight=step_reward),
        ),
        end=End(resource="choice"),
    )
