"""A game compiled with a map: immutable, may be shared between batches and threads."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import SimError

from .native import check, ffi, lib, put_name
from .rules import DIRECTIONS, Amounts, AttackPattern, Encoding, Plane, Rules, Scope, Style, TagRange, Verb
from .spec import spec_of

Cells = NDArray[np.uint8]

CELL_EMPTY: int = lib.GW_CELL_EMPTY
CELL_KIND: int = lib.GW_CELL_KIND
CELL_SPAWN_ANY: int = lib.GW_CELL_SPAWN_ANY
CELL_SPAWN_GROUP: int = lib.GW_CELL_SPAWN_GROUP

# The order of each enumeration is that of its C twin.
_VERBS, _PLANES, _STYLES, _SCOPES = tuple(Verb), tuple(Plane), tuple(Style), tuple(Scope)
_PATTERNS, _TAG_RANGES, _ENCODINGS = tuple(AttackPattern), tuple(TagRange), tuple(Encoding)


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
    native.max_steps, native.spawn_anywhere = rules.max_steps, rules.spawn_anywhere
    native.glyph_count = rules.glyphs
    _put_groups(native, rules)
    _put_resources(native, rules)
    _put_kinds(native, rules)
    _put_actions(native, rules)
    _put_terms(native, rules)
    _put_combat(native.combat, rules)
    _put_tag(native.tag, rules)
    _put_perception(native.perception, rules)
    if rules.end is not None:
        native.end.resource = _resource(rules, rules.end.resource)
        native.end.amount, native.end.all_agents = rules.end.amount, rules.end.all_agents
    return native


def _resource(rules: Rules, name: str | None) -> int:
    return int(lib.GW_NONE) if name is None else list(rules.resources).index(name)


def _put_amounts(target: Any, rules: Rules, amounts: Amounts) -> None:
    for resource, units in amounts.items():
        target[_resource(rules, resource)] = units


def _put_groups(native: Any, rules: Rules) -> None:
    native.agent_count, native.group_count, native.role_count = rules.agents, rules.groups, len(rules.roles)
    for index, role in enumerate(rules.roles):
        put_name(native.role_names[index], role)
    for agent, group in enumerate(rules.agent_groups):
        native.agent_group[agent] = group
    for group in range(rules.groups):
        native.group_role[group] = rules.roles.index(rules.role_of_group(group))
        native.group_share_percent[group] = rules.share_of_group(group)


def _put_resources(native: Any, rules: Rules) -> None:
    native.resource_count, native.limit_group_count = len(rules.resources), len(rules.limit_groups)
    groups = list(rules.limit_groups)
    for target, (name, limit) in zip(native.limit_groups, rules.limit_groups.items(), strict=False):
        put_name(target.name, name)
        target.limit = limit
    for target, (name, resource) in zip(native.resources, rules.resources.items(), strict=False):
        put_name(target.name, name)
        target.limit, target.initial, target.is_loot = resource.limit, resource.initial, resource.loot
        target.limit_group = groups.index(resource.limit_group) if resource.limit_group else lib.GW_NONE
        target.regen_amount, target.regen_interval = resource.regen_amount, resource.regen_interval


def _put_kinds(native: Any, rules: Rules) -> None:
    native.kind_count = len(rules.kinds)
    for target, (name, kind) in zip(native.kinds, rules.kinds.items(), strict=False):
        put_name(target.name, name)
        target.style, target.hp = _STYLES.index(kind.style), kind.hp
        target.use_on_bump, target.is_swappable, target.is_transparent = kind.bump, kind.swappable, kind.transparent
        target.cooldown, target.conversion_ticks, target.max_uses = kind.cooldown, kind.conversion_ticks, kind.max_uses
        target.max_output, target.initial_output = kind.max_output, kind.initial_output
        _put_amounts(target.input, rules, kind.inputs)
        _put_amounts(target.output, rules, kind.outputs)


def _put_actions(native: Any, rules: Rules) -> None:
    native.action_count = len(rules.actions)
    for target, action in zip(native.actions, rules.actions, strict=False):
        put_name(target.name, action.name)
        target.verb, target.priority = _VERBS.index(action.verb), action.priority
        target.pays_always = action.pays_always
        target.argument = DIRECTIONS.index(action.direction) if action.direction else action.argument
        _put_amounts(target.required, rules, action.needed)
        _put_amounts(target.consumed, rules, action.consumed)


def _put_terms(native: Any, rules: Rules) -> None:
    native.term_count = len(rules.rewards)
    stats = rules.stat_names
    for target, term in zip(native.terms, rules.rewards, strict=False):
        put_name(target.name, term.name)
        target.weight, target.cap, target.at_end = term.weight, term.cap, term.at_end
        target.scope = _SCOPES.index(term.scope)
        target.role = rules.roles.index(term.role) if term.role else lib.GW_NONE
        if term.stat is not None:
            target.kind, target.source = lib.GW_TERM_EVENT, stats.index(term.stat)
        else:
            target.kind, target.source = lib.GW_TERM_HOLDING, _resource(rules, term.holding)


def _put_combat(target: Any, rules: Rules) -> None:
    combat = rules.combat
    target.pattern, target.freeze_turns = _PATTERNS.index(combat.pattern), combat.freeze_turns
    target.armor, target.shield = _resource(rules, combat.armor), _resource(rules, combat.shield)
    target.drained, target.surplus_is_lost = _resource(rules, combat.drained), combat.surplus_is_lost
    target.shield_upkeep, target.shield_absorb = combat.shield_upkeep, combat.shield_absorb


def _put_tag(target: Any, rules: Rules) -> None:
    tag = rules.tag
    if tag is None:
        return
    target.is_on, target.range = True, _TAG_RANGES.index(tag.range)
    target.tagger_role, target.target_role = rules.roles.index(tag.tagger), rules.roles.index(tag.target)
    target.chance_percent, target.freeze_turns = tag.chance_percent, tag.freeze_turns
    target.hide_ticks, target.ends_when_all_caught = tag.hide_ticks, tag.ends_when_all_caught


def _put_perception(target: Any, rules: Rules) -> None:
    sight = rules.sight
    target.encoding, target.token_count = _ENCODINGS.index(rules.encoding), rules.tokens
    target.window_width, target.window_height = rules.window.width, rules.window.height
    target.plane_count = len(rules.planes)
    for index, plane in enumerate(rules.planes):
        target.planes[index] = _PLANES.index(plane)
    target.line_of_sight, target.sight_range = sight.line_of_sight, sight.range
    target.cone_degrees, target.counts_sight = sight.cone_degrees, sight.counts
