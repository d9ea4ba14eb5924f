"""A game as data: the tables of resources, kinds, actions and rewards. Immutable.

`Rules` is what recipes write, checkpoints remember and the C engine compiles. Names are checked here with
their key path; C checks everything again, because it trusts nobody.
"""

from __future__ import annotations

import difflib
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")]
TermName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]{0,30}$")]
Amounts = dict[Name, Annotated[int, Field(ge=1, le=65535)]]

DIRECTIONS = ("north", "south", "west", "east", "northwest", "northeast", "southwest", "southeast")
Direction = Literal["north", "south", "west", "east", "northwest", "northeast", "southwest", "southeast"]

# (row, column) of one cell toward each direction, by the direction's id.
DIRECTION_STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))


class Plane(StrEnum):
    """What a byte of an observation plane says about a cell. The order is that of gw_plane."""

    KIND = "kind"
    GROUP = "group"
    FACING = "facing"
    READY = "ready"


class Verb(StrEnum):
    """What an action does. The order is that of gw_verb."""

    NOOP = "noop"
    MOVE = "move"
    ROTATE = "rotate"
    USE = "use"


class Table(BaseModel):
    """Base of all tables: frozen, and a key nobody knows is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Resource(Table):
    """Something an agent can hold."""

    limit: int = Field(default=255, ge=1, le=65535, description="most units one agent may hold")
    initial: int = Field(default=0, ge=0, le=65535, description="units held at the start of an episode")


class Kind(Table):
    """A kind of object. One with `converter` set can be used: all inputs for all outputs, or nothing."""

    converter: bool = False
    bump: bool = Field(default=False, description="a move into it uses it")
    cooldown: int = Field(default=0, ge=0, le=65535, description="ticks from one use to the next chance")
    max_uses: int = Field(default=0, ge=0, le=65535, description="uses per episode, 0 = unlimited")
    inputs: Amounts = Field(default_factory=dict)
    outputs: Amounts = Field(default_factory=dict)


class Action(Table):
    """One entry of the action table; its place is the action id."""

    name: Name
    verb: Verb = Verb.NOOP
    direction: Direction | None = None
    priority: int = Field(default=0, ge=0, le=15, description="higher goes first within a tick")

    @model_validator(mode="after")
    def _direction_fits_verb(self) -> Action:
        directed = self.verb in (Verb.MOVE, Verb.ROTATE)
        if directed and self.direction is None:
            raise ValueError(f"{self.verb} needs a direction")
        if not directed and self.direction is not None:
            raise ValueError(f"{self.verb} takes no direction")
        return self


class Term(Table):
    """One reward term: an event term pays for each count of a stat, a holding term for each unit held now."""

    name: TermName
    stat: str | None = Field(default=None, description="for an event term: the stat it counts, such as heart.gained")
    holding: Name | None = Field(default=None, description="for a holding term: the resource")
    weight: float = Field(allow_inf_nan=False, description="reward per count")
    cap: float = Field(default=0.0, ge=0.0, allow_inf_nan=False, description="largest total an episode, 0 = none")

    @model_validator(mode="after")
    def _one_source(self) -> Term:
        if (self.stat is None) == (self.holding is None):
            raise ValueError("give either stat (an event term) or holding (a holding term)")
        return self


class End(Table):
    """The episode terminates once one agent, or every agent, holds this much."""

    resource: Name
    amount: int = Field(default=1, ge=1, le=65535)
    all_agents: bool = False


class Window(Table):
    """What an agent sees: a window centred on it, odd on both sides."""

    width: int = Field(default=11, ge=1, le=15)
    height: int = Field(default=11, ge=1, le=15)

    @model_validator(mode="after")
    def _odd(self) -> Window:
        if self.width % 2 == 0 or self.height % 2 == 0:
            raise ValueError("both sides must be odd, so that the agent stands in the middle")
        return self


class Rules(Table):
    """A game. Everything the engine needs to know but the map."""

    name: Name
    agents: int = Field(default=1, ge=1, le=1024, description="agents per env")
    groups: int = Field(default=1, ge=1, le=8, description="agent a belongs to group a % groups")
    max_steps: int = Field(default=0, ge=0, le=1_000_000_000, description="steps until truncation, 0 = never")
    spawn_anywhere: bool = Field(default=False, description="start on any empty cell, not on spawn cells only")
    window: Window = Field(default_factory=Window)
    planes: tuple[Plane, ...] = (Plane.KIND,)
    resources: dict[Name, Resource] = Field(default_factory=dict, max_length=32)
    kinds: dict[Name, Kind] = Field(default_factory=dict, max_length=64)
    actions: tuple[Action, ...] = Field(min_length=1, max_length=64)
    rewards: tuple[Term, ...] = Field(default=(), max_length=32)
    end: End | None = None

    @property
    def stat_names(self) -> tuple[str, ...]:
        """Names of all stats in the order of their index; pinned to C's own list by a test."""
        return (
            *(f"{resource}.{change}" for resource in self.resources for change in ("gained", "lost")),
            *(f"action.{action.name}.{how}" for action in self.actions for how in ("success", "failed")),
            "action.failed",
            "action.invalid_index",
            "steps",
        )

    @property
    def action_names(self) -> tuple[str, ...]:
        """Names of all actions in the order of their id."""
        return tuple(action.name for action in self.actions)

    @model_validator(mode="after")
    def _references_exist(self) -> Rules:
        for name, kind in self.kinds.items():
            _check_kind(name, kind, self.resources)
        for index, term in enumerate(self.rewards):
            if term.stat is not None:
                _check_known(term.stat, self.stat_names, f"rewards.{index}.stat", "stat")
            if term.holding is not None:
                _check_known(term.holding, self.resources, f"rewards.{index}.holding", "resource")
        if self.end is not None:
            _check_known(self.end.resource, self.resources, "end.resource", "resource")
        _check_unique("actions", self.action_names)
        _check_unique("rewards", tuple(term.name for term in self.rewards))
        _check_unique("planes", self.planes)
        return self


def _check_kind(name: str, kind: Kind, resources: dict[str, Resource]) -> None:
    if not kind.converter and (kind.inputs or kind.outputs or kind.bump or kind.cooldown or kind.max_uses):
        raise ValueError(f"kinds.{name}: only a converter has inputs, outputs, bump, cooldown or max_uses")
    for side, amounts in (("inputs", kind.inputs), ("outputs", kind.outputs)):
        for resource, units in amounts.items():
            _check_known(resource, resources, f"kinds.{name}.{side}", "resource")
            if units > resources[resource].limit:
                limit = resources[resource].limit
                raise ValueError(f"kinds.{name}.{side}.{resource}: {units} can never be held, the limit is {limit}")


def _check_known(name: str, known: dict[str, Resource] | tuple[str, ...], path: str, what: str) -> None:
    if name in known:
        return
    near = difflib.get_close_matches(name, list(known), n=1)
    raise ValueError(f"{path}: no {what} {name!r}" + (f", did you mean {near[0]!r}?" if near else ""))


def _check_unique(path: str, names: tuple[str, ...]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{path}: '{twice[0]}' is there twice")
