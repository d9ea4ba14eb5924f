"""A second engine: slow, plain Python, written from gridworld.h alone. The real one must agree with it byte for byte.

It shares no code with c_src, only the manual and, because the order of agents, the places where they start and the
luck of tagging are drawn at random, the definition of the random streams (c_src/rng.h): SplitMix64's finaliser over
(key, counter), with one key for each (seed, env, episode, purpose). What an agent sees is in sight.py.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import numpy as np

from engine.sim import (
    CELL_EMPTY,
    CELL_KIND,
    CELL_SPAWN_ANY,
    CELL_SPAWN_GROUP,
    DIRECTION_STEPS,
    DIRECTIONS,
    FOREVER,
    NO_TOKEN,
    Action,
    AttackPattern,
    Encoding,
    Kind,
    Plane,
    Rules,
    Scope,
    Style,
    TagRange,
    Term,
    Verb,
)
from engine.sim.spec import TOKEN_FEATURES, ActionResult

from .sight import Look, window_offsets

MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15
WORLD, SPAWN, ORDER, EVENT = 1, 2, 3, 4  # purposes of streams
SPAWN_TRIES = 256
SOUTH = DIRECTIONS.index("south")
MOST = 2**31 - 1  # a count stays there
STORE_SIZE = 65535
BORDER = 7  # half of the largest window

Place = tuple[int, int]
Float = np.float32


def mix(x: int) -> int:
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def stream(seed: int, *values: int) -> int:
    key = seed & MASK
    for value in values:
        key = mix((key + GOLDEN + mix(value)) & MASK)
    return key


def draw_below(key: int, counter: int, n: int) -> int:
    return ((mix((key + (counter + 1) * GOLDEN) & MASK) >> 32) * n) >> 32


@dataclass
class Agent:
    number: int
    place: Place
    group: int
    role: str
    held: dict[str, int]
    facing: int = SOUTH
    frozen: int = 0
    shield: bool = False
    glyph: int = 0
    last_action: int = -1
    last_result: int = 0
    still: int = 0  # own turns in a row that left it where it was
    stats: dict[str, int] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)  # by term: the count that has been paid for
    episode_return: Float = field(default_factory=lambda: Float(0))
    ledger: dict[str, Float] = field(default_factory=dict)  # by term, this episode

    def count(self, stat: str, units: int = 1) -> None:
        self.stats[stat] = min(self.stats[stat] + units, MOST)

    def copied(self) -> Agent:
        other = object.__new__(Agent)
        other.__dict__ = {**self.__dict__, "held": dict(self.held), "stats": dict(self.stats)}
        return other


@dataclass
class Thing:
    """An object of the map."""

    code: int  # of the kind plane
    kind: Kind
    place: Place
    hp: int
    store: dict[str, int]
    uses: int = 0
    converts_until: int = 0  # tick at which the conversion under way ends, 0 = none
    cools_until: int = 0  # likewise
    is_plain: bool = field(init=False)  # a wall to which nothing ever happens: most of the map, so left alone

    def __post_init__(self) -> None:
        self.is_plain = self.kind.style is Style.SOLID and not self.kind.hp and not self.kind.swappable

    @property
    def is_used_up(self) -> bool:
        return 0 < self.kind.max_uses <= self.uses

    def copied(self) -> Thing:
        if self.is_plain:
            return self
        other = object.__new__(Thing)
        other.__dict__ = {**self.__dict__, "store": dict(self.store)}
        return other


class Env:
    """One env of the reference. `maps` are cell codes, one array for each world."""

    def __init__(self, rules: Rules, maps: list[np.ndarray], seed: int, index: int, weights: list[int]) -> None:
        self.rules, self.maps, self.seed, self.index, self.weights = rules, maps, seed, index, weights
        self.retires_worlds = False
        self.kind_names = list(rules.kinds)
        self.stat_names = rules.stat_names
        self.terms = [*(term.name for term in rules.rewards), *(["shared"] if any(rules.group_shares) else [])]
        self.episode = 0
        self.step_rewards = [Float(0)] * rules.agents
        self.step_ledgers = [dict.fromkeys(self.terms, Float(0)) for _ in range(rules.agents)]
        self.start()

    # ---- Episodes

    def start(self) -> None:
        self.tick = 0
        self.world = self._draw_world()
        cells = self.maps[self.world]
        self.height, self.width = cells.shape
        self.things: dict[Place, Thing] = {}
        self.floor: list[Place] = []
        for place in np.ndindex(cells.shape):
            if CELL_KIND <= cells[place] < CELL_SPAWN_ANY:
                self.things[place] = self._new_thing(int(cells[place]) - CELL_KIND, place)
            else:
                self.floor.append(place)
        self.plain = np.ones(cells.shape, np.uint8)  # the kind plane with plain walls alone
        for place, thing in self.things.items():
            self.plain[place] = thing.code if thing.is_plain else 1
        self.agents: list[Agent] = []
        self.agent_at: dict[Place, Agent] = {}
        key = stream(self.seed, self.index, self.episode, SPAWN)
        counter = 0
        for number, group in enumerate(self.rules.agent_groups):
            place, counter = self._draw_start(self._starts(group, cells), key, counter)
            self.agents.append(self._newborn(number, place, group))
            self.agent_at[place] = self.agents[-1]
        for agent in self.agents:
            for term in self.rules.rewards:
                starts_full = term.holding is not None and not term.at_end
                agent.seen[term.name] = self._count_of(term, agent) if starts_full else 0
        for thing in self._live_things():
            self._convert(thing)
        self.count_tokens()

    def _live_things(self) -> list[Thing]:
        return [thing for thing in self.things.values() if not thing.is_plain]

    def _draw_world(self) -> int:
        if len(self.maps) == 1:
            return 0
        point = draw_below(stream(self.seed, self.index, self.episode, WORLD), 0, sum(self.weights))
        for world, weight in enumerate(self.weights):
            point -= weight
            if point < 0:
                return world
        raise AssertionError("a point within the weights")

    def _starts(self, group: int, cells: np.ndarray) -> list[Place]:
        if self.rules.spawn_anywhere:
            return self.floor
        own = [place for place in self.floor if cells[place] == CELL_SPAWN_GROUP + group]
        return own or [place for place in self.floor if cells[place] == CELL_SPAWN_ANY]

    def _draw_start(self, starts: list[Place], key: int, counter: int) -> tuple[Place, int]:
        for _ in range(SPAWN_TRIES):
            at = draw_below(key, counter, len(starts))
            counter += 1
            if starts[at] not in self.agent_at:
                return starts[at], counter
        while starts[at] in self.agent_at:
            at = (at + 1) % len(starts)
        return starts[at], counter

    def _newborn(self, number: int, place: Place, group: int) -> Agent:
        held = {name: resource.initial for name, resource in self.rules.resources.items()}
        agent = Agent(number, place, group, self.rules.role_of_group(group), held)
        agent.stats = dict.fromkeys(self.stat_names, 0)
        agent.ledger = dict.fromkeys(self.terms, Float(0))
        if self.rules.tag and agent.role == self.rules.tag.tagger:
            agent.frozen = self.rules.tag.hide_ticks
        return agent

    def _new_thing(self, number: int, place: Place) -> Thing:
        kind = self.rules.kinds[self.kind_names[number]]
        return Thing(3 + number, kind, place, kind.hp, dict.fromkeys(kind.outputs, kind.initial_output))

    # ---- One step

    def step(self, actions: list[int]) -> tuple[bool, bool, np.ndarray | None, list[int]]:
        """(terminated, truncated, final observations if it ended, results)."""
        self._begin_tick()
        order = self._draw_order()
        self._act_all(actions, order)
        if self.rules.tag and self.rules.tag.range is TagRange.ADJACENT:
            self._tag_neighbours(order)
        if self.rules.sight.counts:
            self._count_sight()
        terminated = self._has_ended()
        is_retired = self.retires_worlds and self.weights[self.world] == 0
        truncated = not terminated and (0 < self.rules.max_steps <= self.tick or is_retired)
        if self.rules.tag and (terminated or truncated):
            self._settle_tag()
        self._pay_all(terminated or truncated)
        results = [agent.last_result for agent in self.agents]
        if not (terminated or truncated):
            self.count_tokens()
            return False, False, None, results
        final = self.observations()
        self.finished = [(agent.episode_return, self.tick, dict(agent.stats), agent.ledger) for agent in self.agents]
        self.episode += 1
        self.start()
        return terminated, truncated, final, results

    def _begin_tick(self) -> None:
        self.tick += 1
        for thing in self._live_things():
            self._end_what_is_due(thing)
        for agent in self.agents:
            for name, resource in self.rules.resources.items():
                if resource.regen_interval and self.tick % resource.regen_interval == 0:
                    self._regenerate(agent, name, resource.regen_amount)

    def _regenerate(self, agent: Agent, name: str, amount: int) -> None:
        if amount >= 0:
            self._gain(agent, name, min(amount, self._room(agent.held, name)))
        else:
            self._lose(agent, name, min(-amount, agent.held[name]))

    def _draw_order(self) -> list[Agent]:
        order = list(self.agents)
        key = stream(self.seed, self.index, self.episode, ORDER)
        for i in range(len(order) - 1, 0, -1):
            j = draw_below(key, self.tick * len(order) + i, i + 1)
            order[i], order[j] = order[j], order[i]
        return order

    def _act_all(self, actions: list[int], order: list[Agent]) -> None:
        known = range(len(self.rules.actions))
        for priority in range(15, -1, -1):
            for agent in order:
                action = actions[agent.number]
                if action in known and self.rules.actions[action].priority == priority:
                    self._act(agent, action)
        for agent in self.agents:
            agent.count("steps")
            if actions[agent.number] not in known:
                agent.count("action.failed")
                agent.count("action.invalid_index")
                agent.last_action, agent.last_result = -1, ActionResult.INVALID

    def _act(self, agent: Agent, index: int) -> None:
        action, place = self.rules.actions[index], agent.place
        result = self._turn(agent, action)
        succeeds = result is ActionResult.SUCCESS
        agent.count(f"action.{action.name}.{'success' if succeeds else 'failed'}")
        agent.count("action.failed", not succeeds)
        agent.last_action, agent.last_result = index, result
        if result is not ActionResult.FROZEN:
            agent.still = agent.still + 1 if agent.place == place else 0
            longest = agent.stats["status.max_steps_without_motion"]
            agent.stats["status.max_steps_without_motion"] = max(longest, agent.still)

    def _turn(self, agent: Agent, action: Action) -> ActionResult:
        """Upkeep of the shield, frozen turns, the cost, and at last the act."""
        if agent.shield:
            name = self.rules.combat.shield or ""
            self._lose(agent, name, min(self.rules.combat.shield_upkeep, agent.held[name]))
            agent.shield = agent.held[name] > 0
            agent.count("status.shield.ticks")
        if agent.frozen:
            agent.count("status.frozen.ticks")
            agent.frozen -= agent.frozen != FOREVER
            return ActionResult.FROZEN
        cost = action.consumed
        needed = [*action.required.items(), *cost.items()]
        if any(agent.held[name] < units for name, units in needed):
            return ActionResult.NO_RESOURCE
        for name, units in cost.items():
            agent.held[name] -= units
        result = self._do(agent, action)
        for name, units in cost.items():
            agent.held[name] += units
            if result is ActionResult.SUCCESS or action.pays_always:
                self._lose(agent, name, units)
        return result

    def _do(self, agent: Agent, action: Action) -> ActionResult:
        match action.verb:
            case Verb.MOVE:
                return self._move(agent, DIRECTIONS.index(action.direction or ""))
            case Verb.STEP if action.argument == 0:
                return self._move(agent, agent.facing)
            case Verb.STEP:
                down, right = DIRECTION_STEPS[agent.facing]
                return self._go(agent, (agent.place[0] - down, agent.place[1] - right))
            case Verb.ROTATE:
                agent.facing = DIRECTIONS.index(action.direction or "")
            case Verb.USE | Verb.PUT | Verb.GET:
                act = {Verb.USE: self._use, Verb.PUT: self._put, Verb.GET: self._get}[action.verb]
                thing = self.things.get(ahead(agent.place, agent.facing))
                return act(agent, thing) if thing else ActionResult.NO_TARGET
            case Verb.ATTACK:
                return self._attack(agent, action.argument)
            case Verb.SHIELD:
                return self._toggle_shield(agent)
            case Verb.SWAP:
                return self._swap(agent)
            case Verb.GLYPH:
                agent.glyph = action.argument
        return ActionResult.SUCCESS

    # ---- Moving

    def _move(self, agent: Agent, direction: int) -> ActionResult:
        agent.facing = direction
        target = ahead(agent.place, direction)
        result = self._go(agent, target)
        if result is ActionResult.BLOCKED_WALL and self.things[target].kind.bump:
            return self._bump(agent, self.things[target])
        if result is ActionResult.BLOCKED_AGENT and self.rules.tag and self.rules.tag.range is TagRange.BUMP:
            other = self.agent_at[target]
            return self._tag(agent, other) if self._may_tag(agent, other) else result
        return result

    def _go(self, agent: Agent, target: Place) -> ActionResult:
        if not (0 <= target[0] < self.height and 0 <= target[1] < self.width):
            return ActionResult.OUTSIDE
        if target in self.things:
            return ActionResult.BLOCKED_WALL
        if target in self.agent_at:
            return ActionResult.BLOCKED_AGENT
        self._put_down(agent, target)
        return ActionResult.SUCCESS

    def _put_down(self, agent: Agent, target: Place) -> None:
        if self.agent_at.get(agent.place) is agent:
            del self.agent_at[agent.place]
        agent.place = target
        self.agent_at[target] = agent

    def _bump(self, agent: Agent, thing: Thing) -> ActionResult:
        if thing.kind.style is Style.USE:
            return self._use(agent, thing)
        result = self._put(agent, thing)
        return result if result is ActionResult.SUCCESS else self._get(agent, thing)

    def _swap(self, agent: Agent) -> ActionResult:
        here, there = agent.place, ahead(agent.place, agent.facing)
        thing, other = self.things.get(there), self.agent_at.get(there)
        if thing is not None and thing.kind.swappable:
            del self.things[there]
            self._put_down(agent, there)
            self.things[here] = thing
            thing.place = here
        elif other is not None and other.frozen:
            self._put_down(agent, there)
            self._put_down(other, here)
        else:
            return ActionResult.NO_TARGET
        agent.count("actions.swap")
        return ActionResult.SUCCESS

    # ---- Holding

    def _room(self, held: dict[str, int], name: str) -> int:
        resource = self.rules.resources[name]
        room = resource.limit - held[name]
        if resource.limit_group is not None:
            others = [r for r, table in self.rules.resources.items() if table.limit_group == resource.limit_group]
            room = min(room, self.rules.limit_groups[resource.limit_group] - sum(held[r] for r in others))
        return max(room, 0)

    def _gain(self, agent: Agent, name: str, units: int) -> None:
        agent.held[name] += units
        agent.count(f"{name}.gained", units)

    def _lose(self, agent: Agent, name: str, units: int) -> None:
        agent.held[name] -= units
        agent.count(f"{name}.lost", units)

    # ---- Objects

    def _use(self, agent: Agent, thing: Thing) -> ActionResult:
        kind = thing.kind
        if kind.style is not Style.USE:
            return ActionResult.NO_TARGET
        if thing.is_used_up:
            return ActionResult.USED_UP
        if thing.cools_until:
            return ActionResult.COOLING_DOWN
        if any(agent.held[name] < units for name, units in kind.inputs.items()):
            return ActionResult.NO_RESOURCE
        after = {name: held - kind.inputs.get(name, 0) for name, held in agent.held.items()}
        for name, units in kind.outputs.items():
            if self._room(after, name) < units:
                return ActionResult.FULL
            after[name] += units
        for name, units in kind.inputs.items():
            self._lose(agent, name, units)
        for name, units in kind.outputs.items():
            self._gain(agent, name, units)
        thing.uses += 1
        thing.cools_until = self.tick + kind.cooldown if kind.cooldown else 0
        return ActionResult.SUCCESS

    def _put(self, agent: Agent, thing: Thing) -> ActionResult:
        if thing.kind.style not in (Style.PUT_GET, Style.CHEST):
            return ActionResult.NO_TARGET
        moved = 0
        holds = any(agent.held[name] for name in thing.kind.inputs)
        for name in self._by_id(thing.kind.inputs):
            units = min(thing.kind.inputs[name], agent.held[name], STORE_SIZE - thing.store.get(name, 0))
            if thing.kind.style is Style.CHEST and thing.kind.max_output:
                units = min(units, thing.kind.max_output - sum(thing.store.values()))
            self._lose(agent, name, units)
            agent.count(f"{name}.put", units)
            thing.store[name] = thing.store.get(name, 0) + units
            moved += units
        self._convert(thing)
        nothing = ActionResult.FULL if holds else ActionResult.NOTHING_MOVED
        return ActionResult.SUCCESS if moved else nothing

    def _get(self, agent: Agent, thing: Thing) -> ActionResult:
        if thing.kind.style not in (Style.PUT_GET, Style.CHEST):
            return ActionResult.NO_TARGET
        moved = 0
        holds = any(thing.store[name] for name in thing.kind.outputs)
        for name in self._by_id(thing.kind.outputs):
            units = min(thing.store[name], self._room(agent.held, name))
            if thing.kind.style is Style.CHEST:
                units = min(units, thing.kind.outputs[name])
            self._gain(agent, name, units)
            agent.count(f"{name}.get", units)
            thing.store[name] -= units
            moved += units
        is_busy = thing.converts_until or thing.cools_until
        self._convert(thing)
        if moved:
            return ActionResult.SUCCESS
        if holds:
            return ActionResult.FULL
        return ActionResult.COOLING_DOWN if is_busy else ActionResult.NOTHING_MOVED

    def _by_id(self, amounts: dict[str, int]) -> list[str]:
        return [name for name in self.rules.resources if name in amounts]

    def _convert(self, thing: Thing) -> None:
        """Start, and where nothing of it takes time go on, for as long as it can."""
        kind, store = thing.kind, thing.store
        while (
            kind.style is Style.PUT_GET
            and not (thing.converts_until or thing.cools_until or thing.is_used_up)
            and all(store.get(name, 0) >= units for name, units in kind.inputs.items())
            and not 0 < kind.max_output <= sum(store[name] for name in kind.outputs)
            and all(store[name] + units <= STORE_SIZE for name, units in kind.outputs.items())
        ):
            for name, units in kind.inputs.items():
                store[name] -= units
            thing.uses += 1
            if kind.conversion_ticks:
                thing.converts_until = self.tick + kind.conversion_ticks
            else:
                self._finish(thing)

    def _finish(self, thing: Thing) -> None:
        for name, units in thing.kind.outputs.items():
            thing.store[name] += units
        thing.converts_until = 0
        thing.cools_until = self.tick + thing.kind.cooldown if thing.kind.cooldown else 0

    def _end_what_is_due(self, thing: Thing) -> None:
        if 0 < thing.cools_until <= self.tick:
            thing.cools_until = 0
            self._convert(thing)
        elif 0 < thing.converts_until <= self.tick:
            self._finish(thing)
            self._convert(thing)

    # ---- Combat

    def _cell_in_front(self, agent: Agent, forward: int, left: int) -> Place:
        down, right = DIRECTION_STEPS[agent.facing]
        # Turning left takes (down, right) to (-right, down): from north (-1, 0) to west (0, -1).
        return agent.place[0] + forward * down - left * right, agent.place[1] + forward * right + left * down

    def _attack(self, agent: Agent, argument: int) -> ActionResult:
        if self.rules.combat.pattern is AttackPattern.NTH_AGENT:
            places = [self._cell_in_front(agent, row, left) for row in (1, 2, 3) for left in (0, 1, -1)]
            met = [self.agent_at[place] for place in places if place in self.agent_at]
            if not met:
                return ActionResult.NO_TARGET
            self._hit(agent, met[min(argument, len(met) - 1)])
            return ActionResult.SUCCESS
        forward, side = divmod(argument - 1, 3)
        place = self._cell_in_front(agent, forward + 1, 1 - side)
        if place in self.agent_at:
            self._hit(agent, self.agent_at[place])
            return ActionResult.SUCCESS
        if place in self.things and self.things[place].kind.hp:
            self._damage(agent, self.things[place])
            return ActionResult.SUCCESS
        return ActionResult.NO_TARGET

    def _damage(self, agent: Agent, thing: Thing) -> None:
        thing.hp -= 1
        if thing.hp == 0:
            del self.things[thing.place]
            agent.count("object.destroyed")

    def _hit(self, agent: Agent, victim: Agent) -> None:
        combat = self.rules.combat
        if self._fends_off(victim):
            agent.count("action.attack.blocked")
            return
        agent.count("action.attack.hit")
        victim.count("action.attack.hit_by")
        victim.shield = False
        if combat.drained:
            self._lose(victim, combat.drained, victim.held[combat.drained])
        if victim.frozen:
            agent.count("action.attack.wasted_on_frozen")
        else:
            self._loot(agent, victim)
        victim.frozen = max(victim.frozen, combat.freeze_turns)

    def _fends_off(self, victim: Agent) -> bool:
        combat = self.rules.combat
        if combat.armor and victim.held[combat.armor]:
            self._lose(victim, combat.armor, 1)
            return True
        if not victim.shield:
            return False
        name = combat.shield or ""
        holds = victim.held[name] >= combat.shield_absorb
        self._lose(victim, name, min(combat.shield_absorb, victim.held[name]))
        return holds

    def _loot(self, agent: Agent, victim: Agent) -> None:
        for name, resource in self.rules.resources.items():
            if not resource.loot:
                continue
            held = victim.held[name]
            units = min(held, self._room(agent.held, name))
            self._gain(agent, name, units)
            agent.count(f"{name}.stolen", units)
            self._lose(victim, name, held if self.rules.combat.surplus_is_lost else units)

    def _toggle_shield(self, agent: Agent) -> ActionResult:
        held = agent.held[self.rules.combat.shield or ""]
        if not agent.shield and held < max(1, self.rules.combat.shield_upkeep):
            return ActionResult.NO_RESOURCE
        agent.shield = not agent.shield
        return ActionResult.SUCCESS

    # ---- Tagging

    def _may_tag(self, agent: Agent, target: Agent) -> bool:
        tag = self.rules.tag
        fits = tag is not None and agent.role == tag.tagger and target.role == tag.target
        return fits and not agent.frozen and not target.frozen

    def _tag(self, agent: Agent, target: Agent) -> ActionResult:
        assert self.rules.tag is not None
        key = stream(self.seed, self.index, self.episode, EVENT)
        n = len(self.agents)
        luck = draw_below(key, self.tick * n * n + agent.number * n + target.number, 100)
        if luck >= self.rules.tag.chance_percent:
            agent.count("tag.misses")
            return ActionResult.MISSED
        agent.count("tag.tags")
        target.count("tag.tagged")
        target.frozen = self.rules.tag.freeze_turns
        return ActionResult.SUCCESS

    def _tag_neighbours(self, order: list[Agent]) -> None:
        for agent in order:
            for direction in range(len(DIRECTIONS)):
                target = self.agent_at.get(ahead(agent.place, direction))
                if target is not None and self._may_tag(agent, target):
                    self._tag(agent, target)

    def _targets(self) -> list[Agent]:
        return [agent for agent in self.agents if self.rules.tag and agent.role == self.rules.tag.target]

    def _settle_tag(self) -> None:
        assert self.rules.tag is not None
        targets = self._targets()
        caught = [target for target in targets if target.frozen == FOREVER]
        for agent in self.agents:
            if agent.role == self.rules.tag.tagger:
                agent.count("tag.caught_all", len(caught) == len(targets))
                agent.count("tag.caught_none", not caught)
        for target in targets:
            target.count("tag.survived", target.frozen != FOREVER)

    # ---- Rewards and ends

    def _count_of(self, term: Term, agent: Agent) -> int:
        everyone = {
            Scope.AGENT: [agent],
            Scope.GROUP: [other for other in self.agents if other.group == agent.group],
            Scope.WORLD: self.agents,
        }[term.scope]
        counts = [other.stats[term.stat] if term.stat else other.held[term.holding or ""] for other in everyone]
        return min(sum(counts), MOST)

    def _pay_all(self, ends: bool) -> None:
        self.step_rewards = [Float(0)] * len(self.agents)
        self.step_ledgers = [dict.fromkeys(self.terms, Float(0)) for _ in self.agents]
        for agent in self.agents:
            for term in self.rules.rewards:
                if (term.role is None or term.role == agent.role) and (ends or not term.at_end):
                    now = self._count_of(term, agent)
                    pay = worth_of_change(Float(term.weight), Float(term.cap), agent.seen[term.name], now)
                    agent.seen[term.name] = now
                    self._book(agent, term.name, pay)
        for group in range(self.rules.groups):
            if any(self.rules.group_shares):
                self._share([agent for agent in self.agents if agent.group == group], self.rules.share_of_group(group))
        for agent, reward in zip(self.agents, self.step_rewards, strict=True):
            agent.episode_return += reward

    def _book(self, agent: Agent, term: str, pay: Float) -> None:
        self.step_rewards[agent.number] += pay
        self.step_ledgers[agent.number][term] += pay
        agent.ledger[term] += pay

    def _share(self, members: list[Agent], percent: int) -> None:
        part = Float(percent) / Float(100)
        given = [part * self.step_rewards[agent.number] for agent in members]
        pool = sum(given, Float(0))
        for agent, mine in zip(members, given, strict=True):
            self._book(agent, "shared", pool / Float(len(members)) - mine)

    def _has_ended(self) -> bool:
        end, tag = self.rules.end, self.rules.tag
        if tag and tag.ends_when_all_caught and all(target.frozen == FOREVER for target in self._targets()):
            return True
        if end is None:
            return False
        reached = [agent.held[end.resource] >= end.amount for agent in self.agents]
        return all(reached) if end.all_agents else any(reached)

    # ---- What can be seen

    def looks(self) -> list[Look]:
        """What each agent can see of its window."""
        window, sight = self.rules.window, self.rules.sight
        clear = None
        if sight.line_of_sight:  # outside nothing is clear; empty cells and agents are
            transparent = [False, True, True, *(kind.transparent for kind in self.rules.kinds.values())]
            clear = np.array(transparent)[np.pad(self.plane(Plane.KIND), BORDER)]
        return [
            Look(
                window.height,
                window.width,
                sight,
                agent.facing,
                None if clear is None else self._window(clear, agent).tobytes(),
            )
            for agent in self.agents
        ]

    def _window(self, padded: np.ndarray, agent: Agent) -> np.ndarray:
        """The part of a padded plane that an agent's window covers."""
        half_height, half_width = self.rules.window.height // 2, self.rules.window.width // 2
        row, column = agent.place[0] + BORDER, agent.place[1] + BORDER
        return padded[row - half_height : row + half_height + 1, column - half_width : column + half_width + 1]

    def _count_sight(self) -> None:
        looks = self.looks()
        for target in self.agents:
            if target.frozen == FOREVER:  # out of the game
                continue
            watchers = [
                agent
                for agent in self.agents
                if agent.role != target.role
                and not agent.frozen
                and looks[agent.number].shows(target.place[0] - agent.place[0], target.place[1] - agent.place[1])
            ]
            for agent in watchers:
                agent.count(f"sees.{target.role}")
            target.count("seen" if watchers else "hidden")

    def ready_code(self, thing: Thing) -> int:
        if thing.kind.style not in (Style.USE, Style.PUT_GET):
            return 0
        if thing.is_used_up and not thing.converts_until:
            return 3
        return 2 if thing.converts_until or thing.cools_until else 1

    def _stock(self, thing: Thing) -> int:
        if thing.kind.style is Style.CHEST:
            return sum(thing.store.values())
        return sum(thing.store[name] for name in thing.kind.outputs) if thing.kind.style is Style.PUT_GET else 0

    def plane(self, plane: Plane) -> np.ndarray:
        """(height, width) codes."""
        codes = self.plain.copy() if plane is Plane.KIND else np.zeros_like(self.plain)
        of_things = {
            Plane.KIND: lambda thing: thing.code,
            Plane.READY: self.ready_code,
            Plane.HP: lambda thing: min(thing.hp, 255),
            Plane.STOCK: lambda thing: min(self._stock(thing), 255),
        }
        if plane in of_things:
            for thing in self._live_things():
                codes[thing.place] = of_things[plane](thing)
        if plane in (Plane.READY, Plane.HP, Plane.STOCK):
            return codes
        for agent in self.agents:
            codes[agent.place] = {
                Plane.KIND: 2,
                Plane.GROUP: agent.group + 1,
                Plane.FACING: agent.facing + 1,
                Plane.ROLE: self.rules.roles.index(agent.role) + 1,
                Plane.FROZEN: agent.frozen > 0,
                Plane.SHIELD: agent.shield,
                Plane.GLYPH: agent.glyph + 1,
            }[plane]
        return codes

    def observations(self) -> np.ndarray:
        """(agents, observation_size)."""
        if self.rules.encoding is Encoding.TOKENS:
            return np.stack([self._packed(tokens) for tokens in self.tokens()])
        planes = [np.pad(self.plane(plane), BORDER) for plane in self.rules.planes]
        return np.stack(
            [self._seen(agent, look, planes) for agent, look in zip(self.agents, self.looks(), strict=True)]
        )

    @property
    def completion(self) -> int:
        return 255 * self.tick // self.rules.max_steps if self.rules.max_steps else 0

    def _seen(self, agent: Agent, look: Look, planes: list[np.ndarray]) -> np.ndarray:
        windows = [(self._window(plane, agent) * look.mask()).ravel() for plane in planes]
        frozen, held = min(agent.frozen, 255), [min(units, 255) for units in agent.held.values()]
        self_vector = [agent.facing, agent.last_action + 1, agent.last_result, self.completion]
        self_vector += [agent.group, frozen, agent.shield, agent.glyph, *held]
        return np.concatenate([*windows, np.array(self_vector, np.uint8)])

    # ---- Tokens

    def count_tokens(self) -> None:
        """The observation that an agent acts upon next is the one whose tokens are counted."""
        if self.rules.encoding is Encoding.TOKENS:
            for agent, tokens in zip(self.agents, self.tokens(), strict=True):
                agent.count("tokens_written", min(len(tokens), self.rules.tokens))
                agent.count("tokens_dropped", max(len(tokens) - self.rules.tokens, 0))

    def _packed(self, tokens: list[tuple[int, int, int]]) -> np.ndarray:
        packed = np.full((self.rules.tokens, 3), NO_TOKEN, np.uint8)
        if tokens:
            packed[: len(tokens)] = tokens[: self.rules.tokens]
        return packed.ravel()

    def tokens(self) -> list[list[tuple[int, int, int]]]:
        """All of each agent, as if there were no budget."""
        return [self._tokens_of(agent, look) for agent, look in zip(self.agents, self.looks(), strict=True)]

    def _tokens_of(self, agent: Agent, look: Look) -> list[tuple[int, int, int]]:
        height, width = self.rules.window.height, self.rules.window.width
        centre = (height // 2) * 16 + width // 2
        reward = self.step_rewards[agent.number] if self.tick else Float(0)
        scaled = float(min(max(reward * Float(100) + Float(128), Float(0)), Float(255)))
        own = {
            "episode_completion_pct": self.completion,
            "last_action": agent.last_action + 1,
            "last_result": int(agent.last_result),
        }
        tokens = [(centre, TOKEN_FEATURES.index(name), value) for name, value in own.items() if value]
        tokens.append((centre, TOKEN_FEATURES.index("last_reward"), int(scaled + 0.5)))
        for down, right in sorted(window_offsets(height, width), key=lambda offset: abs(offset[0]) + abs(offset[1])):
            if look.shows(down, right):
                location = centre + down * 16 + right
                cell = self._cell_features((agent.place[0] + down, agent.place[1] + right))
                tokens += [(location, feature, value) for feature, value in cell]
        return tokens

    def _cell_features(self, place: Place) -> list[tuple[int, int]]:
        """(feature, value) in the order of ids."""
        agent, thing = self.agent_at.get(place), self.things.get(place)
        features: dict[str, int] = {}
        always: tuple[str, ...] = ()
        held: dict[str, int] = {}
        if agent is not None:
            held = agent.held
            always = ("group", "frozen")
            features = {"type_id": 2, "group": agent.group + 1, "frozen": int(agent.frozen > 0)}
            features |= {"orientation": agent.facing + 1, "shield": int(agent.shield)}
            features["role"] = self.rules.roles.index(agent.role) + 1 if len(self.rules.roles) > 1 else 0
            features["glyph"] = agent.glyph + 1 if self.rules.glyphs > 1 else 0
        elif thing is not None:
            held = thing.store if thing.kind.style in (Style.PUT_GET, Style.CHEST) else {}
            features = {"type_id": thing.code, "hp": thing.hp, "ready": self.ready_code(thing)}
        for index, name in enumerate(self.rules.resources):
            if held.get(name, 0):
                features[f"inv{index}"] = held[name]
        names = [*TOKEN_FEATURES, *(f"inv{index}" for index in range(len(self.rules.resources)))]
        return [
            (feature, min(features[name], 255))
            for feature, name in enumerate(names)
            if features.get(name) or name in always
        ]

    # ---- What would succeed

    def action_mask(self, numbers: list[int]) -> np.ndarray:
        """(numbers, actions) of those agents: what succeeds in the next step if nobody else acts.

        Where nothing does, one choice is left: the first noop, or else the first action.
        """
        mask = np.array([[self._can(number, action) for action in self.rules.actions] for number in numbers], bool)
        idle = [action.verb is Verb.NOOP for action in self.rules.actions]
        mask[~mask.any(axis=1), idle.index(True) if any(idle) else 0] = True
        return mask

    def _can(self, number: int, action: Action) -> bool:
        """Tried out on a copy. A try to tag counts as a success: luck is no part of the mask."""
        trial = copy.copy(self)
        trial.things = {place: thing.copied() for place, thing in self.things.items()}
        trial.agents = [agent.copied() for agent in self.agents]
        trial.agent_at = {agent.place: agent for agent in trial.agents}
        trial._begin_tick()
        return trial._turn(trial.agents[number], action) in (ActionResult.SUCCESS, ActionResult.MISSED)


def ahead(place: Place, direction: int) -> Place:
    return place[0] + DIRECTION_STEPS[direction][0], place[1] + DIRECTION_STEPS[direction][1]


def worth_of_change(weight: Float, cap: Float, before: int, now: int) -> Float:
    """What a term pays for a count that goes from `before` to `now`, in float32."""
    if cap == 0:
        return weight * Float(now - before)

    def worth(count: int) -> Float:
        return max(min(weight * Float(count), cap), -cap)

    return worth(now) - worth(before)


assert CELL_EMPTY == 0  # `start` takes everything that is no object for floor
