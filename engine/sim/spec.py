"""What a game looks like from outside: sizes, and the names of everything that has an index."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from .rules import DIRECTIONS, SHARED_TERM, Encoding, Plane, Rules

OUTSIDE, EMPTY, AGENT, FIRST_KIND = 0, 1, 2, 3  # codes of the kind plane and of EnvView.cells

NOT_READY_CODES = {2: "cooling down", 3: "used up"}  # codes of the ready plane; 1 = can be used now

SELF_FEATURES = ("facing", "last_action", "last_result", "episode_completion", "group", "frozen", "shield", "glyph")

TOKEN_FEATURES = (
    "type_id",
    "group",
    "role",
    "frozen",
    "orientation",
    "shield",
    "glyph",
    "hp",
    "ready",
    "episode_completion_pct",
    "last_action",
    "last_result",
    "last_reward",
)
"""Token features by id; inv:<resource> follows for each resource."""

NO_TOKEN = 255  # all three bytes of a token that is not there


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
    FROZEN = 10
    NOTHING_MOVED = 11
    MISSED = 12


@dataclass(frozen=True)
class Spec:
    """Names and sizes of a game. Ids move with the configuration, so whoever stores them stores the names."""

    agent_count: int
    action_names: tuple[str, ...]
    encoding: str  # "planes" or "tokens"
    planes: tuple[str, ...]  # empty with tokens
    plane_classes: tuple[int, ...]  # values a byte of each plane can take: 0..n-1
    window_width: int
    window_height: int
    self_features: tuple[str, ...]
    self_scales: tuple[float, ...]  # largest value of each self feature: divide by it to get 0..1
    token_count: int  # 0 with planes
    feature_names: tuple[str, ...]  # token features by id
    feature_scales: tuple[float, ...]  # largest value of each token feature; a store may hold more of a resource
    observation_size: int  # bytes of one row: planes and the self vector, or 3 for each token
    term_names: tuple[str, ...]
    stat_names: tuple[str, ...]
    resource_names: tuple[str, ...]
    kind_names: tuple[str, ...]
    group_count: int
    role_names: tuple[str, ...]
    agent_roles: tuple[str, ...]  # role of each agent; the one of `role_names` in games without roles

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
    planes = rules.planes if rules.encoding is Encoding.PLANES else ()
    features = (*SELF_FEATURES, *(f"inv:{resource}" for resource in rules.resources)) if planes else ()
    classes = _plane_classes(rules)
    window = rules.window
    shares = (SHARED_TERM,) if any(rules.group_shares) else ()
    plane_bytes = len(planes) * window.width * window.height + len(features)
    return Spec(
        agent_count=rules.agents,
        action_names=rules.action_names,
        encoding=rules.encoding.value,
        planes=tuple(plane.value for plane in planes),
        plane_classes=tuple(classes[plane] for plane in planes),
        window_width=window.width,
        window_height=window.height,
        self_features=features,
        self_scales=_self_scales(rules) if planes else (),
        token_count=0 if planes else rules.tokens,
        feature_names=(*TOKEN_FEATURES, *(f"inv:{resource}" for resource in rules.resources)),
        feature_scales=_feature_scales(rules),
        observation_size=plane_bytes if planes else 3 * rules.tokens,
        term_names=(*(term.name for term in rules.rewards), *shares),
        stat_names=rules.stat_names,
        resource_names=tuple(rules.resources),
        kind_names=tuple(rules.kinds),
        group_count=rules.groups,
        role_names=rules.roles,
        agent_roles=tuple(rules.role_of_group(group) for group in rules.agent_groups),
    )


def _plane_classes(rules: Rules) -> dict[Plane, int]:
    """How many values a byte of each plane can take."""
    most_hp = max((kind.hp for kind in rules.kinds.values()), default=0)
    return {
        Plane.KIND: FIRST_KIND + len(rules.kinds),
        Plane.GROUP: rules.groups + 1,
        Plane.FACING: len(DIRECTIONS) + 1,  # + 1 for "no agent", as in the others
        Plane.READY: 4,
        Plane.ROLE: len(rules.roles) + 1,
        Plane.FROZEN: 2,
        Plane.SHIELD: 2,
        Plane.GLYPH: rules.glyphs + 1,
        Plane.HP: min(most_hp, 255) + 1,
        Plane.STOCK: 256,
    }


def _feature_scales(rules: Rules) -> tuple[float, ...]:
    """Largest value of each token feature."""
    planes = _plane_classes(rules)
    of_planes = (Plane.KIND, Plane.GROUP, Plane.ROLE, Plane.FROZEN, Plane.FACING, Plane.SHIELD, Plane.GLYPH, Plane.HP)
    fixed = (*(planes[plane] - 1 for plane in of_planes), planes[Plane.READY] - 1, 255, len(rules.actions))
    return (*(float(scale) for scale in (*fixed, max(ActionResult), 255)), *_limits(rules))


def _limits(rules: Rules) -> tuple[float, ...]:
    return tuple(float(min(resource.limit, 255)) for resource in rules.resources.values())


def _self_scales(rules: Rules) -> tuple[float, ...]:
    fixed = (7, len(rules.actions), max(ActionResult), 255, max(rules.groups - 1, 1), 255, 1, max(rules.glyphs - 1, 1))
    return (*(float(scale) for scale in fixed), *_limits(rules))
