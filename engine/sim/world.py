"""A game compiled with a map: immutable, may be shared between batches and threads."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import SimError

from .native import check, ffi, lib, put_name
from .rules import DIRECTIONS, Plane, Rules, Verb
from .spec import spec_of

Cells = NDArray[np.uint8]

CELL_EMPTY: int = lib.GW_CELL_EMPTY
CELL_KIND: int = lib.GW_CELL_KIND
CELL_SPAWN_ANY: int = lib.GW_CELL_SPAWN_ANY
CELL_SPAWN_GROUP: int = lib.GW_CELL_SPAWN_GROUP

_VERBS = tuple(Verb)
_PLANES = tuple(Plane)


class World:
    """Owns one gw_world. `cells` is (height, width) uint8 of CELL_ codes and is copied by C."""

    def __init__(self, rules: Rules, cells: Cells) -> None:
        if cells.dtype != np.uint8 or cells.ndim != 2:
            raise SimError(f"map cells must be a 2-D uint8 array, got {cells.ndim}-D {cells.dtype}")
        self.rules = rules
        self.spec = spec_of(rules)
        self.height, self.width = cells.shape
        cells = np.ascontiguousarray(cells)

        map_def = ffi.new("gw_map_def *")
        lib.gw_map_default(map_def)
        map_def.width, map_def.height = self.width, self.height
        map_def.cells = ffi.from_buffer("uint8_t[]", cells)
        out, error = ffi.new("gw_world **"), ffi.new("gw_error *")
        check(lib.gw_world_create(rules_def(rules), map_def, out, error), error)
        self.handle: Any = ffi.gc(out[0], lib.gw_world_destroy)
        self._check_sizes()

    def _check_sizes(self) -> None:
        native = ffi.new("gw_spec *")
        check(lib.gw_world_spec(self.handle, native))
        spec = self.spec
        assert native.observation_size == spec.observation_size
        assert native.stat_count == len(spec.stat_names)
        assert native.term_count == len(spec.term_names)


def rules_def(rules: Rules) -> Any:
    """The tables as C wants them."""
    native = ffi.new("gw_rules_def *")
    lib.gw_rules_default(native)
    native.agent_count, native.group_count = rules.agents, rules.groups
    native.max_steps, native.spawn_anywhere = rules.max_steps, rules.spawn_anywhere
    native.window_width, native.window_height = rules.window.width, rules.window.height
    native.plane_count = len(rules.planes)
    for index, plane in enumerate(rules.planes):
        native.planes[index] = _PLANES.index(plane)
    _put_resources(native, rules)
    _put_kinds(native, rules)
    _put_actions(native, rules)
    _put_terms(native, rules)
    if rules.end is not None:
        native.end.resource = list(rules.resources).index(rules.end.resource)
        native.end.amount, native.end.all_agents = rules.end.amount, rules.end.all_agents
    return native


def _put_resources(native: Any, rules: Rules) -> None:
    native.resource_count = len(rules.resources)
    for target, (name, resource) in zip(native.resources, rules.resources.items(), strict=False):
        put_name(target.name, name)
        target.limit, target.initial = resource.limit, resource.initial


def _put_kinds(native: Any, rules: Rules) -> None:
    order = list(rules.resources)
    native.kind_count = len(rules.kinds)
    for target, (name, kind) in zip(native.kinds, rules.kinds.items(), strict=False):
        put_name(target.name, name)
        target.is_converter, target.use_on_bump = kind.converter, kind.bump
        target.cooldown, target.max_uses = kind.cooldown, kind.max_uses
        for resource, units in kind.inputs.items():
            target.input[order.index(resource)] = units
        for resource, units in kind.outputs.items():
            target.output[order.index(resource)] = units


def _put_actions(native: Any, rules: Rules) -> None:
    native.action_count = len(rules.actions)
    for target, action in zip(native.actions, rules.actions, strict=False):
        put_name(target.name, action.name)
        target.verb, target.priority = _VERBS.index(action.verb), action.priority
        target.argument = DIRECTIONS.index(action.direction) if action.direction else 0


def _put_terms(native: Any, rules: Rules) -> None:
    native.term_count = len(rules.rewards)
    for target, term in zip(native.terms, rules.rewards, strict=False):
        put_name(target.name, term.name)
        target.weight, target.cap = term.weight, term.cap
        if term.stat is not None:
            target.kind, target.source = lib.GW_TERM_EVENT, rules.stat_names.index(term.stat)
        else:
            assert term.holding is not None  # Term allows exactly one of the two
            target.kind, target.source = lib.GW_TERM_HOLDING, list(rules.resources).index(term.holding)
