"""Games of catching: `hide_and_seek`, where sight decides, and `pursuit`, where numbers do."""

from __future__ import annotations

from typing import Literal

from engine.sim.rules import FOREVER, Kind, Plane, Rules, Scope, Sight, Tag, TagRange, Term, Window

from .actions import NOOP, STRAIGHT, moves, rotations

RewardSet = Literal["hs_broken", "hs_fixed"]

_HIDE_AND_SEEK_WEIGHTS: dict[RewardSet, dict[str, float]] = {
    # Watching both hiders for 240 steps pays 48, catching both 40: this set teaches a seeker not to catch.
    "hs_broken": {
        "sees": 0.1,
        "caught": 10.0,
        "caught_all": 20.0,
        "caught_none": -5.0,
        "hidden": 0.05,
        "seen": -0.05,
        "survived": 10.0,
        "was_caught": -10.0,
    },
    # 4.8 against 200. For hiders being hidden (48 in all) still rivals surviving (50): left as the journal had it.
    "hs_fixed": {
        "sees": 0.01,
        "caught": 50.0,
        "caught_all": 100.0,
        "caught_none": -10.0,
        "hidden": 0.2,
        "seen": -0.2,
        "survived": 50.0,
        "was_caught": -50.0,
    },
}

_HIDE_AND_SEEK_TERMS = {
    "sees": ("sees.hider", "seeker"),
    "caught": ("tag.tags", "seeker"),
    "caught_all": ("tag.caught_all", "seeker"),
    "caught_none": ("tag.caught_none", "seeker"),
    "hidden": ("hidden", "hider"),
    "seen": ("seen", "hider"),
    "survived": ("tag.survived", "hider"),
    "was_caught": ("tag.tagged", "hider"),
}
"""Reward term -> the stat it counts, and the role it pays."""


def hide_and_seek(
    rewards: RewardSet = "hs_fixed",
    hiders: int = 2,
    max_steps: int = 240,
    hide_ticks: int = 20,
    chance_percent: int = 100,
    cone_degrees: Literal[90, 180, 270, 360] = 90,
) -> Rules:
    """One seeker looks for hiders and catches them by walking into them; walls hide what is behind them.

    Args:
        rewards: `hs_broken` pays more for watching than for catching, `hs_fixed` does not.
        hide_ticks: how long the seeker must wait at the start.
        chance_percent: of a try to catch to succeed.
        cone_degrees: what everybody sees, around where they face.
    """
    weights = _HIDE_AND_SEEK_WEIGHTS[rewards]
    return Rules(
        name="hide_and_seek",
        agents=1 + hiders,
        groups=2,
        group_sizes=(1, hiders),
        roles=("seeker", "hider"),
        group_roles=("seeker", "hider"),
        max_steps=max_steps,
        planes=(Plane.KIND, Plane.ROLE, Plane.FACING, Plane.FROZEN),
        sight=Sight(line_of_sight=True, cone_degrees=cone_degrees, counts=True),
        kinds={"wall": Kind()},
        actions=(NOOP, *moves(*STRAIGHT), *rotations(*STRAIGHT)),
        tag=Tag(
            tagger="seeker",
            target="hider",
            range=TagRange.BUMP,
            chance_percent=chance_percent,
            freeze_turns=FOREVER,
            hide_ticks=hide_ticks,
            ends_when_all_caught=True,
        ),
        rewards=tuple(
            Term(name=name, stat=stat, weight=weights[name], role=role)
            for name, (stat, role) in _HIDE_AND_SEEK_TERMS.items()
        ),
    )


def pursuit(predators: int = 3, prey: int = 1, max_steps: int = 200) -> Rules:
    """Predators share the prize for prey that one of them comes to stand beside; prey lives on time.

    Everybody walks straight and reaches the eight cells around, so one predator alone seldom corners anything.
    """
    return Rules(
        name="pursuit",
        agents=predators + prey,
        groups=2,
        group_sizes=(predators, prey),
        roles=("predator", "prey"),
        group_roles=("predator", "prey"),
        max_steps=max_steps,
        window=Window(width=13, height=13),
        planes=(Plane.KIND, Plane.ROLE, Plane.FROZEN),
        kinds={"wall": Kind()},
        actions=(NOOP, *moves(*STRAIGHT)),
        tag=Tag(
            tagger="predator",
            target="prey",
            range=TagRange.ADJACENT,
            freeze_turns=FOREVER,
            ends_when_all_caught=True,
        ),
        rewards=(
            Term(name="catch", stat="tag.tags", weight=1.0, scope=Scope.GROUP, role="predator"),
            Term(name="hunger", stat="steps", weight=-0.01, role="predator"),
            Term(name="caught", stat="tag.tagged", weight=-1.0, role="prey"),
            Term(name="alive", stat="steps", weight=0.01, role="prey"),
        ),
    )
