"""What a game looks like from outside: sizes, and the names of everything that has an index."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from .rules import Plane, Rules

OUTSIDE, EMPTY, AGENT, FIRST_KIND = 0, 1, 2, 3  # codes of the kind plane and of EnvView.cells

NOT_READY_CODES = {2: "cooling down", 3: "used up"}  # codes of the ready plane; 1 = can be used now

SELF_FEATURES = ("facing", "last_action", "last_result", "episode_completion")


class ActionResult(IntEnum):
    """Why an action did what it did; the values of gw_result."""

    SUCCESS = 0
    INVALID = 1
    BLOCKED_WALL = 2
    BLOCKED_AGENT = 3
    OUTSIDE = 4
    NO_TARGET = 5
    NO_RESOURCE = 6
    COOLING_DOWN = 7
    FULL = 8
    USED_UP = 9


@dataclass(frozen=True)
class Spec:
    """Names and sizes of a game. Ids move with the configuration, so whoever stores them stores the names."""

    agent_count: int
    action_names: tuple[str, ...]
    planes: tuple[str, ...]
    plane_classes: tuple[int, ...]  # values a byte of each plane can take: 0..n-1
    window_width: int
    window_height: int
    self_features: tuple[str, ...]
    self_scales: tuple[float, ...]  # largest value of each self feature: divide by it to get 0..1
    observation_size: int  # bytes of one row: planes, then the self vector
    term_names: tuple[str, ...]
    stat_names: tuple[str, ...]
    resource_names: tuple[str, ...]
    kind_names: tuple[str, ...]
    group_count: int

    @property
    def plane_size(self) -> int:
        """Bytes of all planes of one row; the self vector follows."""
        return len(self.planes) * self.window_height * self.window_width

    @property
    def cell_names(self) -> tuple[str, ...]:
        """What each code of the kind plane stands for."""
        return ("outside", "empty", "agent", *self.kind_names)


def spec_of(rules: Rules) -> Spec:
    """The spec of a game; C's own sizes are compared with it when a world is made."""
    classes = {
        Plane.KIND: FIRST_KIND + len(rules.kinds),
        Plane.GROUP: rules.groups + 1,
        Plane.FACING: 9,  # 8 directions + 1 for "no agent"
        Plane.READY: 4,
    }
    features = (*SELF_FEATURES, *(f"inv:{resource}" for resource in rules.resources))
    limits = tuple(float(min(resource.limit, 255)) for resource in rules.resources.values())
    scales = (7.0, float(len(rules.actions)), float(max(ActionResult)), 255.0, *limits)
    window = rules.window
    return Spec(
        agent_count=rules.agents,
        action_names=rules.action_names,
        planes=tuple(plane.value for plane in rules.planes),
        plane_classes=tuple(classes[plane] for plane in rules.planes),
        window_width=window.width,
        window_height=window.height,
        self_features=features,
        self_scales=scales,
        observation_size=len(rules.planes) * window.width * window.height + len(features),
        term_names=tuple(term.name for term in rules.rewards),
        stat_names=rules.stat_names,
        resource_names=tuple(rules.resources),
        kind_names=tuple(rules.kinds),
        group_count=rules.groups,
    )
