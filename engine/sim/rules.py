"""A game as data: the tables of resources, kinds, actions, combat, tagging, sight and rewards. Immutable.

`Rules` is what recipes write, checkpoints remember and the C engine compiles. Names are checked here with
their key path; C checks everything again, because it trusts nobody. gridworld.h says what each table means.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$", description="a-z, 0-9 and _, a letter first")]
TermName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]{0,30}$", description="a-z, 0-9, _ and ., a letter first")]
Units = Annotated[int, Field(ge=0, le=65535)]
Amounts = dict[Name, Annotated[int, Field(ge=1, le=65535)]]

DIRECTIONS = ("north", "south", "west", "east", "northwest", "northeast", "southwest", "southeast")
Direction = Literal["north", "south", "west", "east", "northwest", "northeast", "southwest", "southeast"]

# (row, column) of one cell toward each direction, by the direction's id.
DIRECTION_STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))

FOREVER = 65535
"""Frozen turns that never end: caught for good."""

RESERVED_KINDS = ("agent", "empty", "outside")
SHARED_TERM = "shared"
"""The ledger's last term in games where a group shares: what sharing gave or took."""


class Plane(StrEnum):
    """What a byte of an observation plane says about a cell. The order is that of gw_plane."""

    KIND = "kind"
    GROUP = "group"
    FACING = "facing"
    READY = "ready"
    ROLE = "role"
    FROZEN = "frozen"
    SHIELD = "shield"
    GLYPH = "glyph"
    HP = "hp"
    STOCK = "stock"


class Encoding(StrEnum):
    """How an observation is written. The order is that of gw_encoding."""

    PLANES = "planes"
    TOKENS = "tokens"


class Style(StrEnum):
    """What an object does. The order is that of gw_style."""

    SOLID = "solid"
    USE = "use"
    PUT_GET = "put_get"
    CHEST = "chest"


class Verb(StrEnum):
    """What an action does. The order is that of gw_verb."""

    NOOP = "noop"
    MOVE = "move"
    ROTATE = "rotate"
    USE = "use"
    STEP = "step"
    PUT = "put"
    GET = "get"
    ATTACK = "attack"
    SHIELD = "shield"
    SWAP = "swap"
    GLYPH = "glyph"


class AttackPattern(StrEnum):
    """Whom an attack's argument means. The order is that of gw_attack_pattern."""

    NTH_AGENT = "nth_agent"
    CELL = "cell"


class TagRange(StrEnum):
    """From where a tagger reaches its target. The order is that of gw_tag_range."""

    BUMP = "bump"
    ADJACENT = "adjacent"


class Scope(StrEnum):
    """Whose counts a reward term sums. The order is that of gw_scope."""

    AGENT = "agent"
    GROUP = "group"
    WORLD = "world"


class Table(BaseModel):
    """Base of all tables: frozen, and a key nobody knows is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Resource(Table):
    """Something an agent can hold."""

    limit: int = Field(default=255, ge=1, le=65535, description="most units one agent may hold")
    initial: Units = Field(default=0, description="units held at the start of an episode")
    limit_group: Name | None = Field(default=None, description="a group of resources that share a limit")
    regen_amount: int = Field(
        default=0, ge=-65535, le=65535, description="units gained, or lost if negative, each time"
    )
    regen_interval: Units = Field(default=0, description="ticks between two times, 0 = never")
    loot: bool = Field(default=False, description="a hit takes it from the victim")

    @property
    def regenerates(self) -> bool:
        """Whether it becomes more by itself."""
        return self.regen_amount > 0 and self.regen_interval > 0

    @model_validator(mode="after")
    def _starts_within_limit(self) -> Resource:
        if self.initial > self.limit:
            raise ValueError(f"initial: {self.initial} is above the limit of {self.limit}")
        return self


class Kind(Table):
    """A kind of object. `style` says what can be done with it; every object blocks its cell."""

    style: Style = Field(default=Style.SOLID, description="what can be done with it")
    bump: bool = Field(default=False, description="a move into it uses it, or puts and gets")
    swappable: bool = Field(default=False, description="may change places with an agent")
    transparent: bool = Field(default=False, description="one can see past it")
    hp: Units = Field(default=0, description="hits it stands before it is gone, 0 = indestructible")
    cooldown: Units = Field(default=0, description="ticks from one use or conversion to the next chance")
    conversion_ticks: Units = Field(default=0, description="put_get: ticks from inputs to outputs")
    max_output: Units = Field(
        default=0, description="put_get: starts nothing with so many outputs; chest: units it holds; 0 = no limit"
    )
    max_uses: Units = Field(default=0, description="uses or conversions per episode, 0 = unlimited")
    initial_output: Units = Field(default=0, description="units of each output at the start of an episode")
    inputs: Amounts = Field(default_factory=dict, description="units taken; chest: most units of a put")
    outputs: Amounts = Field(default_factory=dict, description="units given; chest: most units of a get")

    @property
    def converts(self) -> bool:
        """Whether it turns inputs into outputs."""
        return self.style in (Style.USE, Style.PUT_GET)

    @model_validator(mode="after")
    def _style_fits(self) -> Kind:
        stores = self.style in (Style.PUT_GET, Style.CHEST)
        uses_up = any(units > self.outputs.get(name, 0) for name, units in self.inputs.items())
        misfits = {
            "solid, so it has no inputs, outputs, bump, cooldown or max_uses": self.style is Style.SOLID
            and (self.inputs or self.outputs or self.bump or self.cooldown or self.max_uses),
            "only a put_get has conversion_ticks": self.style is not Style.PUT_GET and self.conversion_ticks,
            "only a put_get or a chest has max_output or initial_output": not stores
            and (self.max_output or self.initial_output),
            "a chest has no cooldown and no max_uses": self.style is Style.CHEST and (self.cooldown or self.max_uses),
            "initial_output: a chest starts with at most its max_output": (
                self.style is Style.CHEST and 0 < self.max_output < self.initial_output * len(self.outputs)
            ),
            "it needs conversion_ticks, a cooldown or an input that it uses up, or it would convert without end": (
                self.style is Style.PUT_GET and not (uses_up or self.conversion_ticks or self.cooldown)
            ),
        }
        for words, is_so in misfits.items():
            if is_so:
                raise ValueError(words)
        return self


class Action(Table):
    """One entry of the action table; its place is the action id."""

    name: Name
    verb: Verb = Field(default=Verb.NOOP, description="what it does")
    direction: Direction | None = Field(default=None, description="of a move or a rotate")
    argument: int = Field(default=0, ge=0, le=249, description="step: 1 = backward; attack: target; glyph: which")
    priority: int = Field(default=0, ge=0, le=15, description="higher goes first within a tick")
    pays_always: bool = Field(default=False, description="the cost is due even if the action fails")
    required: Amounts = Field(default_factory=dict, description="units that must be held, those consumed included")
    consumed: Amounts = Field(default_factory=dict, description="units that are spent")

    @property
    def needed(self) -> Amounts:
        """Units that must be held: what is required, and at least what is spent."""
        names = {**self.required, **self.consumed}
        return {name: max(self.required.get(name, 0), self.consumed.get(name, 0)) for name in names}

    @model_validator(mode="after")
    def _arguments_fit_verb(self) -> Action:
        directed = self.verb in (Verb.MOVE, Verb.ROTATE)
        if directed and self.direction is None:
            raise ValueError(f"{self.verb} needs a direction")
        if not directed and self.direction is not None:
            raise ValueError(f"{self.verb} takes no direction")
        if self.argument and self.verb not in (Verb.STEP, Verb.ATTACK, Verb.GLYPH):
            raise ValueError(f"{self.verb} takes no argument")
        if self.verb is Verb.STEP and self.argument > 1:
            raise ValueError("step takes argument 0 (forward) or 1 (backward)")
        return self


class Combat(Table):
    """What a hit does. Read only where an action attacks or shields."""

    pattern: AttackPattern = Field(
        default=AttackPattern.NTH_AGENT, description="whom an attack's argument means: the n-th agent ahead, or a cell"
    )
    freeze_turns: int = Field(default=10, ge=1, le=65534, description="own turns that a victim loses")
    armor: Name | None = Field(default=None, description="one unit is spent in place of a hit")
    shield: Name | None = Field(default=None, description="what a raised shield lives on")
    shield_upkeep: Units = Field(default=1, description="units per own turn while it is up")
    shield_absorb: Units = Field(default=5, description="units that a hit costs a shield; one that holds fewer breaks")
    drained: Name | None = Field(default=None, description="the victim loses all of it")
    surplus_is_lost: bool = Field(default=False, description="loot without room is lost, else it stays")


class Tag(Table):
    """Tagging, as in hide-and-seek."""

    tagger: Name = Field(description="role of those who tag")
    target: Name = Field(description="role of those who are tagged")
    range: TagRange = Field(
        default=TagRange.BUMP, description="bump: by a move into the target; adjacent: who is on a cell around it"
    )
    chance_percent: int = Field(default=100, ge=1, le=100, description="of a try to succeed")
    freeze_turns: int = Field(default=FOREVER, ge=1, le=FOREVER, description="65535: caught for good")
    hide_ticks: int = Field(default=0, ge=0, le=65534, description="own turns that taggers lose at the start")
    ends_when_all_caught: bool = Field(default=False, description="the episode terminates with the last target caught")


class Term(Table):
    """One reward term: an event term pays for each count of a stat, a holding term for each unit held now."""

    name: TermName
    stat: str | None = Field(default=None, description="for an event term: the stat it counts, such as heart.gained")
    holding: Name | None = Field(default=None, description="for a holding term: the resource")
    weight: float = Field(ge=-1e20, le=1e20, allow_inf_nan=False, description="reward per count")
    cap: float = Field(default=0.0, ge=0.0, le=1e20, allow_inf_nan=False, description="largest total, 0 = none")
    scope: Scope = Field(default=Scope.AGENT, description="whose counts: its own, its group's, all agents'")
    role: Name | None = Field(default=None, description="only agents of this role are paid")
    at_end: bool = Field(default=False, description="pays the whole in the step that ends the episode")

    @model_validator(mode="after")
    def _one_source(self) -> Term:
        if (self.stat is None) == (self.holding is None):
            raise ValueError("give either stat (an event term) or holding (a holding term)")
        if self.name == SHARED_TERM:
            raise ValueError(f"{SHARED_TERM!r} is the ledger's own name")
        return self


class End(Table):
    """The episode terminates once one agent, or every agent, holds this much."""

    resource: Name
    amount: int = Field(default=1, ge=1, le=65535, description="units that end it, more than there are at the start")
    all_agents: bool = Field(default=False, description="every agent must hold them, not one")


class Window(Table):
    """What an agent sees: a window centred on it, odd on both sides."""

    width: int = Field(default=11, ge=1, le=15, description="columns, odd")
    height: int = Field(default=11, ge=1, le=15, description="rows, odd")

    @model_validator(mode="after")
    def _odd(self) -> Window:
        if self.width % 2 == 0 or self.height % 2 == 0:
            raise ValueError("both sides must be odd, so that the agent stands in the middle")
        return self


class Sight(Table):
    """Which cells of the window are visible."""

    line_of_sight: bool = Field(default=False, description="opaque objects hide what is behind them")
    range: int = Field(default=0, ge=0, le=15, description="cells, 0 = the whole window")
    cone_degrees: Literal[90, 180, 270, 360] = Field(default=360, description="around the facing")
    counts: bool = Field(default=False, description="keep the stats sees.<role>, seen and hidden")


class Rules(Table):
    """A game. Everything the engine needs to know but the map."""

    name: Name
    agents: int = Field(default=1, ge=1, le=1024, description="agents per env")
    groups: int = Field(default=1, ge=1, le=8, description="agent a is of group a % groups, unless sizes are given")
    group_sizes: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(), description="agents of each group")
    roles: tuple[Name, ...] = Field(
        default=("agent",), min_length=1, max_length=8, description="what agents can be, such as hider and seeker"
    )
    group_roles: tuple[Name, ...] = Field(default=(), description="role of each group; all have the first by default")
    group_shares: tuple[Annotated[int, Field(ge=0, le=100)], ...] = Field(
        default=(), description="percent of each member's reward that the group shares"
    )
    max_steps: int = Field(default=0, ge=0, le=1_000_000_000, description="steps until truncation, 0 = never")
    glyphs: int = Field(default=1, ge=1, le=250, description="glyphs an agent may show")
    spawn_anywhere: bool = Field(default=False, description="start on any empty cell, not on spawn cells only")
    encoding: Encoding = Field(default=Encoding.PLANES, description="how an observation is written")
    window: Window = Field(default_factory=Window, description="the cells around an agent that it sees")
    planes: tuple[Plane, ...] = Field(default=(Plane.KIND,), min_length=1, description="what it is told of each cell")
    tokens: int = Field(default=200, ge=1, le=1024, description="tokens: budget of one observation")
    sight: Sight = Field(default_factory=Sight, description="which cells of the window are visible")
    resources: dict[Name, Resource] = Field(
        default_factory=dict, max_length=32, description="what agents can hold; the order is that of the features"
    )
    limit_groups: dict[Name, Annotated[int, Field(ge=1, le=65535)]] = Field(
        default_factory=dict, max_length=8, description="most units that an agent holds of all the group's resources"
    )
    kinds: dict[Name, Kind] = Field(
        default_factory=dict, max_length=64, description="the objects of maps; the order is that of their codes"
    )
    actions: tuple[Action, ...] = Field(
        min_length=1, max_length=64, description="what agents can do; an action's number is its place, from 0"
    )
    combat: Combat = Field(default_factory=Combat, description="what attacks and shields do")
    tag: Tag | None = Field(default=None, description="who tags whom, if anybody does")
    rewards: tuple[Term, ...] = Field(default=(), max_length=32, description="the terms whose sum is an agent's reward")
    end: End | None = Field(default=None, description="what terminates an episode before max_steps")

    @property
    def stat_names(self) -> tuple[str, ...]:
        """Names of all stats in the order of their index; pinned to C's own list by a test."""
        return (
            *(f"{resource}.{change}" for resource in self.resources for change in self._resource_changes()),
            *(f"action.{action.name}.{how}" for action in self.actions for how in ("success", "failed")),
            *("action.failed", "action.invalid_index", "steps", "status.max_steps_without_motion"),
            *self._optional_stats(),
        )

    def _resource_changes(self) -> tuple[str, ...]:
        stores = any(kind.style in (Style.PUT_GET, Style.CHEST) for kind in self.kinds.values())
        stolen = ("stolen",) if self.has_verb(Verb.ATTACK) else ()
        return ("gained", "lost", *(("put", "get") if stores else ()), *stolen)

    def _optional_stats(self) -> Iterable[str]:
        if self.has_verb(Verb.ATTACK):
            yield from (f"action.attack.{how}" for how in ("hit", "hit_by", "blocked", "wasted_on_frozen"))
            yield "object.destroyed"
        if self.has_verb(Verb.ATTACK) or self.tag:
            yield "status.frozen.ticks"
        if self.has_verb(Verb.SHIELD):
            yield "status.shield.ticks"
        if self.has_verb(Verb.SWAP):
            yield "actions.swap"
        if self.tag:
            events = ("tags", "tagged", "misses", "caught_all", "caught_none", "survived")
            yield from (f"tag.{event}" for event in events)
        if self.sight.counts:
            yield from (*(f"sees.{role}" for role in self.roles), "seen", "hidden")
        if self.encoding is Encoding.TOKENS:
            yield from ("tokens_written", "tokens_dropped")

    @property
    def action_names(self) -> tuple[str, ...]:
        """Names of all actions in the order of their id."""
        return tuple(action.name for action in self.actions)

    @property
    def agent_groups(self) -> tuple[int, ...]:
        """The group of each agent."""
        if self.group_sizes:
            return tuple(group for group, size in enumerate(self.group_sizes) for _ in range(size))
        return tuple(agent % self.groups for agent in range(self.agents))

    def role_of_group(self, group: int) -> str:
        """The role that a group's agents play."""
        return self.group_roles[group] if self.group_roles else self.roles[0]

    def share_of_group(self, group: int) -> int:
        """Percent of each member's reward that the group shares."""
        return self.group_shares[group] if self.group_shares else 0

    def has_verb(self, verb: Verb) -> bool:
        """Whether some action does this."""
        return any(action.verb is verb for action in self.actions)

    @model_validator(mode="after")
    def _references_exist(self) -> Rules:
        for name, resource in self.resources.items():
            if resource.limit_group is not None:
                _check_known(resource.limit_group, self.limit_groups, f"resources.{name}.limit_group", "limit group")
        initial = {name: resource.initial for name, resource in self.resources.items()}
        self._check_limit_groups(initial, "resources")
        for name, kind in self.kinds.items():
            self._check_kind(name, kind)
        for index, action in enumerate(self.actions):
            self._check_action(action, f"actions.{index}")
        for index, term in enumerate(self.rewards):
            self._check_term(term, f"rewards.{index}")
        self._check_groups()
        self._check_combat()
        self._check_ends()
        _check_unique("actions", self.action_names)
        _check_unique("rewards", [term.name for term in self.rewards])
        _check_unique("planes", [plane.value for plane in self.planes])
        _check_unique("roles", self.roles)
        self._check_obtainable()
        return self

    def _check_kind(self, name: str, kind: Kind) -> None:
        if name in RESERVED_KINDS:
            raise ValueError(f"kinds.{name}: the engine keeps this name for itself")
        limited = kind.style is Style.USE
        for side, amounts in (("inputs", kind.inputs), ("outputs", kind.outputs)):
            _check_amounts(amounts, self.resources, f"kinds.{name}.{side}", limited=limited)
            if limited:
                self._check_limit_groups(amounts, f"kinds.{name}.{side}")

    def _check_limit_groups(self, amounts: Amounts, path: str) -> None:
        """Whether amounts can be held together."""
        for group, limit in self.limit_groups.items():
            units = sum(units for name, units in amounts.items() if self.resources[name].limit_group == group)
            if units > limit:
                raise ValueError(f"{path}: {units} units of {group!r} together, the limit is {limit}")

    def _check_groups(self) -> None:
        if self.group_sizes and (len(self.group_sizes) != self.groups or sum(self.group_sizes) != self.agents):
            raise ValueError(
                f"group_sizes: {len(self.group_sizes)} groups of {sum(self.group_sizes)} agents in all, "
                f"but the game has {self.groups} groups of {self.agents}"
            )
        for path, values in (("group_roles", self.group_roles), ("group_shares", self.group_shares)):
            if values and len(values) != self.groups:
                raise ValueError(f"{path}: {len(values)} given for {self.groups} groups")
        for index, role in enumerate(self.group_roles):
            _check_known(role, self.roles, f"group_roles.{index}", "role")

    def _check_action(self, action: Action, path: str) -> None:
        for side, amounts in (("required", action.required), ("consumed", action.consumed)):
            _check_amounts(amounts, self.resources, f"{path}.{side}")
        self._check_limit_groups(action.needed, path)
        low, high = (1, 9) if self.combat.pattern is AttackPattern.CELL else (0, 8)
        if action.verb is Verb.ATTACK and not low <= action.argument <= high:
            raise ValueError(f"{path}.argument: an attack by {self.combat.pattern} takes {low} to {high}")
        if action.verb is Verb.GLYPH and action.argument >= self.glyphs:
            raise ValueError(f"{path}.argument: there are {self.glyphs} glyphs, from 0")

    def _check_term(self, term: Term, path: str) -> None:
        if term.stat is not None:
            _check_known(term.stat, self.stat_names, f"{path}.stat", "stat")
        if term.holding is not None:
            _check_known(term.holding, self.resources, f"{path}.holding", "resource")
        if term.role is not None:
            _check_known(term.role, self.roles, f"{path}.role", "role")

    def _check_combat(self) -> None:
        for field in ("armor", "shield", "drained"):
            resource = getattr(self.combat, field)
            if resource is not None:
                _check_known(resource, self.resources, f"combat.{field}", "resource")
        if self.has_verb(Verb.SHIELD) and self.combat.shield is None:
            raise ValueError("combat.shield: an action raises the shield, so it needs a resource to live on")

    def _check_ends(self) -> None:
        if self.tag is not None:
            for field in ("tagger", "target"):
                _check_known(getattr(self.tag, field), self.roles, f"tag.{field}", "role")
                if getattr(self.tag, field) not in {self.role_of_group(group) for group in self.agent_groups}:
                    raise ValueError(f"tag.{field}: no agent plays {getattr(self.tag, field)!r}")
            if self.tag.tagger == self.tag.target:
                raise ValueError("tag.target: nobody can tag their own role")
            if self.tag.ends_when_all_caught and self.tag.freeze_turns != FOREVER:
                raise ValueError(f"tag.ends_when_all_caught: needs freeze_turns {FOREVER}, or nobody stays caught")
        if self.end is not None:
            _check_known(self.end.resource, self.resources, "end.resource", "resource")
            resource = self.resources[self.end.resource]
            most = min(resource.limit, self.limit_groups.get(resource.limit_group or "", resource.limit))
            if not resource.initial < self.end.amount <= most:
                raise ValueError(f"end.amount: must be above the {resource.initial} at the start, at most {most}")

    def _check_obtainable(self) -> None:
        """Whether all that recipes, actions, rewards and the end speak of can ever be there."""
        there = obtainable(self.resources, self.kinds)
        lost = [(path, name) for path, name in self._needs() if name not in there]
        # The first of a chain before what lacks only because of it.
        for path, name in sorted(lost, key=lambda need: bool(self._makers(need[1]))):
            makers = " or ".join(self._makers(name))
            why = f"{makers} would, but can never run" if makers else "no kind has it as an output"
            raise ValueError(
                f"{path}: nothing in the game ever yields {name!r} ({why}); "
                "give it a kind with it as an output, an initial amount or a positive regen_amount"
            )
        more = growing(self.resources, self.kinds)
        for path, name in self._gains():
            if name not in more and not (self.resources[name].loot and self.has_verb(Verb.ATTACK)):
                raise ValueError(
                    f"{path}: nobody can ever hold more {name!r} than at the start; "
                    "give it a kind with it as an output or a positive regen_amount"
                )

    def _needs(self) -> Iterator[tuple[str, str]]:
        """Every place that is idle as long as there is none of a resource, and that resource."""
        for name, kind in self.kinds.items():
            # One that starts with outputs may be there for those alone.
            if kind.converts and not kind.initial_output:
                yield from ((f"kinds.{name}.inputs.{resource}", resource) for resource in kind.inputs)
        for index, action in enumerate(self.actions):
            for side, amounts in (("required", action.required), ("consumed", action.consumed)):
                yield from ((f"actions.{index}.{side}.{resource}", resource) for resource in amounts)
        stats = {f"{name}.{change}": name for name in self.resources for change in self._resource_changes()}
        for index, term in enumerate(self.rewards):
            if term.holding is not None:
                yield f"rewards.{index}.holding", term.holding
            elif term.stat in stats:
                yield f"rewards.{index}.stat", stats[term.stat]
        if self.end is not None:
            yield "end.resource", self.end.resource

    def _gains(self) -> Iterator[tuple[str, str]]:
        """Every place that is idle as long as nobody gains a resource, and that resource."""
        gains = {f"{name}.gained": name for name in self.resources}
        for index, term in enumerate(self.rewards):
            if term.stat in gains:
                yield f"rewards.{index}.stat", gains[term.stat]
        if self.end is not None:
            yield "end.resource", self.end.resource

    def _makers(self, resource: str) -> list[str]:
        return [name for name, kind in self.kinds.items() if kind.converts and resource in kind.outputs]


def obtainable(resources: Mapping[str, Resource], kinds: Mapping[str, Kind]) -> frozenset[str]:
    """The resources of which there can ever be a unit, on a map with every kind. Loot moves units and makes none."""
    there = {name for name, resource in resources.items() if resource.initial or resource.regenerates}
    there |= {name for kind in kinds.values() if kind.initial_output for name in kind.outputs}
    while True:
        running = [kind for kind in kinds.values() if kind.converts and kind.inputs.keys() <= there]
        more = {name for kind in running for name in kind.outputs} - there
        if not more:
            return frozenset(there)
        there |= more


def growing(resources: Mapping[str, Resource], kinds: Mapping[str, Kind]) -> frozenset[str]:
    """The resources of which an agent could come to hold more, without robbing another: any giver counts as one."""
    given = {name for kind in kinds.values() for name in kind.outputs}
    return frozenset(name for name, resource in resources.items() if name in given or resource.regenerates)


def _check_amounts(amounts: Amounts, resources: Mapping[str, Resource], path: str, *, limited: bool = True) -> None:
    for resource, units in amounts.items():
        _check_known(resource, resources, path, "resource")
        limit = resources[resource].limit
        if limited and units > limit:
            raise ValueError(f"{path}.{resource}: {units} can never be held, the limit is {limit}")


def _check_known(name: str, known: Collection[str], path: str, what: str) -> None:
    if name in known:
        return
    near = difflib.get_close_matches(name, list(known), n=1)
    raise ValueError(f"{path}: no {what} {name!r}" + (f", did you mean {near[0]!r}?" if near else ""))


def _check_unique(path: str, names: Collection[str]) -> None:
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise ValueError(f"{path}: {twice[0]!r} is there twice")
