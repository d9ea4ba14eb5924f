"""A second engine: slow, plain Python, written from gridworld.h alone. The real one must agree with it byte for byte.

It shares no code with c_src, only the manual and, because the order of agents and the places where they
start are drawn at random, the definition of the random streams (c_src/rng.h): SplitMix64's finaliser over
(key, counter), with one key for each (seed, env, episode, purpose).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engine.sim import CELL_EMPTY, CELL_KIND, CELL_SPAWN_ANY, CELL_SPAWN_GROUP, DIRECTION_STEPS, DIRECTIONS, Rules
from engine.sim.rules import Plane, Verb
from engine.sim.spec import ActionResult

MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15
WORLD, SPAWN, ORDER = 1, 2, 3  # purposes of streams
SPAWN_TRIES = 256
SOUTH = DIRECTIONS.index("south")
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
    place: Place
    group: int
    held: dict[str, int]
    facing: int = SOUTH
    last_action: int = -1
    last_result: int = 0
    stats: dict[str, int] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)  # by term: the count that has been paid for
    episode_return: Float = field(default_factory=lambda: Float(0))
    ledger: dict[str, Float] = field(default_factory=dict)  # by term, this episode


@dataclass
class Converter:
    kind: str
    ready_tick: int = 0
    uses: int = 0


class Env:
    """One env of the reference. `maps` are cell codes, one array for each world."""

    def __init__(self, rules: Rules, maps: list[np.ndarray], seed: int, index: int, weights: list[int]) -> None:
        self.rules, self.maps, self.seed, self.index, self.weights = rules, maps, seed, index, weights
        self.episode = 0
        self.step_rewards = [Float(0)] * rules.agents
        self.step_ledgers: list[dict[str, Float]] = [{t.name: Float(0) for t in rules.rewards}] * rules.agents
        self.start()

    # ---- Episodes

    def start(self) -> None:
        self.tick = 0
        self.world = self._draw_world()
        cells = self.maps[self.world]
        kinds = list(self.rules.kinds)
        self.height, self.width = cells.shape
        self.objects: dict[Place, str] = {}
        self.floor: list[Place] = []
        for place in np.ndindex(cells.shape):
            if CELL_KIND <= cells[place] < CELL_SPAWN_ANY:
                self.objects[place] = kinds[cells[place] - CELL_KIND]
            else:
                self.floor.append(place)
        self.converters = {p: Converter(k) for p, k in self.objects.items() if self.rules.kinds[k].converter}
        self.agents: list[Agent] = []
        key = stream(self.seed, self.index, self.episode, SPAWN)
        counter = 0
        for number in range(self.rules.agents):
            group = number % self.rules.groups
            place, counter = self._draw_start(self._starts(group, cells), key, counter)
            self.agents.append(self._newborn(place, group))

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
        taken = {agent.place for agent in self.agents}
        for _ in range(SPAWN_TRIES):
            at = draw_below(key, counter, len(starts))
            counter += 1
            if starts[at] not in taken:
                return starts[at], counter
        while starts[at] in taken:
            at = (at + 1) % len(starts)
        return starts[at], counter

    def _newborn(self, place: Place, group: int) -> Agent:
        agent = Agent(place, group, {name: resource.initial for name, resource in self.rules.resources.items()})
        agent.stats = dict.fromkeys(self.rules.stat_names, 0)
        agent.seen = {term.name: agent.held[term.holding] if term.holding else 0 for term in self.rules.rewards}
        agent.ledger = {term.name: Float(0) for term in self.rules.rewards}
        return agent

    # ---- One step

    def step(self, actions: list[int]) -> tuple[bool, bool, np.ndarray | None, list[int]]:
        """(terminated, truncated, final observations if it ended, results)."""
        self.tick += 1
        self._act_all(actions)
        self._pay_all()
        results = [agent.last_result for agent in self.agents]
        terminated = self._has_ended()
        truncated = not terminated and 0 < self.rules.max_steps <= self.tick
        if not (terminated or truncated):
            return False, False, None, results
        final = self.observations()
        self.finished = [(agent.episode_return, self.tick, dict(agent.stats), agent.ledger) for agent in self.agents]
        self.episode += 1
        self.start()
        return terminated, truncated, final, results

    def _act_all(self, actions: list[int]) -> None:
        order = list(range(len(self.agents)))
        key = stream(self.seed, self.index, self.episode, ORDER)
        for i in range(len(order) - 1, 0, -1):
            j = draw_below(key, self.tick * len(order) + i, i + 1)
            order[i], order[j] = order[j], order[i]
        known = range(len(self.rules.actions))
        for priority in range(15, -1, -1):
            for number in order:
                if actions[number] in known and self.rules.actions[actions[number]].priority == priority:
                    self._act(self.agents[number], actions[number])
        for agent, action in zip(self.agents, actions, strict=True):
            agent.stats["steps"] += 1
            if action not in known:
                agent.stats["action.failed"] += 1
                agent.stats["action.invalid_index"] += 1
                agent.last_action, agent.last_result = -1, ActionResult.INVALID

    def _act(self, agent: Agent, index: int) -> None:
        action = self.rules.actions[index]
        result = ActionResult.SUCCESS
        if action.verb is Verb.MOVE:
            result = self._move(agent, DIRECTIONS.index(action.direction or ""))
        elif action.verb is Verb.ROTATE:
            agent.facing = DIRECTIONS.index(action.direction or "")
        elif action.verb is Verb.USE:
            converter = self.converters.get(ahead(agent.place, agent.facing))
            result = self._use(agent, converter) if converter else ActionResult.NO_TARGET
        how = "success" if result is ActionResult.SUCCESS else "failed"
        agent.stats[f"action.{action.name}.{how}"] += 1
        agent.stats["action.failed"] += how == "failed"
        agent.last_action, agent.last_result = index, result

    def _move(self, agent: Agent, direction: int) -> ActionResult:
        agent.facing = direction
        target = ahead(agent.place, direction)
        converter = self.converters.get(target)
        if converter and self.rules.kinds[converter.kind].bump:
            return self._use(agent, converter)
        way = self._way_into(target)
        if way is ActionResult.SUCCESS:
            agent.place = target
        return way

    def _way_into(self, target: Place) -> ActionResult:
        if not (0 <= target[0] < self.height and 0 <= target[1] < self.width):
            return ActionResult.OUTSIDE
        if target in self.objects:
            return ActionResult.BLOCKED_WALL
        if any(other.place == target for other in self.agents):
            return ActionResult.BLOCKED_AGENT
        return ActionResult.SUCCESS

    def _check(self, agent: Agent, converter: Converter, tick: int) -> ActionResult:
        kind = self.rules.kinds[converter.kind]
        if 0 < kind.max_uses <= converter.uses:
            return ActionResult.USED_UP
        if converter.ready_tick > tick:
            return ActionResult.COOLING_DOWN
        if any(agent.held[name] < units for name, units in kind.inputs.items()):
            return ActionResult.NO_RESOURCE
        after = {name: held - kind.inputs.get(name, 0) for name, held in agent.held.items()}
        if any(after[name] + units > self.rules.resources[name].limit for name, units in kind.outputs.items()):
            return ActionResult.FULL
        return ActionResult.SUCCESS

    def _use(self, agent: Agent, converter: Converter) -> ActionResult:
        result = self._check(agent, converter, self.tick)
        if result is not ActionResult.SUCCESS:
            return result
        kind = self.rules.kinds[converter.kind]
        for name, units in kind.inputs.items():
            agent.held[name] -= units
            agent.stats[f"{name}.lost"] += units
        for name, units in kind.outputs.items():
            agent.held[name] += units
            agent.stats[f"{name}.gained"] += units
        converter.uses += 1
        converter.ready_tick = self.tick + kind.cooldown
        return ActionResult.SUCCESS

    def _pay_all(self) -> None:
        for number, agent in enumerate(self.agents):
            reward = Float(0)
            paid = {}
            for term in self.rules.rewards:
                now = agent.stats[term.stat] if term.stat else agent.held[term.holding or ""]
                paid[term.name] = pay(Float(term.weight), Float(term.cap), agent.seen[term.name], now)
                agent.seen[term.name] = now
                agent.ledger[term.name] += paid[term.name]
                reward += paid[term.name]
            self.step_ledgers = [*self.step_ledgers[:number], paid, *self.step_ledgers[number + 1 :]]
            self.step_rewards = [*self.step_rewards[:number], reward, *self.step_rewards[number + 1 :]]
            agent.episode_return += reward

    def _has_ended(self) -> bool:
        end = self.rules.end
        if end is None:
            return False
        reached = [agent.held[end.resource] >= end.amount for agent in self.agents]
        return all(reached) if end.all_agents else any(reached)

    # ---- What can be seen

    def ready_code(self, converter: Converter) -> int:
        if 0 < self.rules.kinds[converter.kind].max_uses <= converter.uses:
            return 3
        return 2 if converter.ready_tick > self.tick else 1

    def plane(self, plane: Plane) -> np.ndarray:
        """(height, width) codes."""
        codes = np.zeros((self.height, self.width), np.uint8)
        if plane is Plane.KIND:
            codes[:] = 1
            for place, kind in self.objects.items():
                codes[place] = 3 + list(self.rules.kinds).index(kind)
        if plane is Plane.READY:
            for place, converter in self.converters.items():
                codes[place] = self.ready_code(converter)
        for agent in self.agents:
            if plane is not Plane.READY:
                codes[agent.place] = {
                    Plane.KIND: 2,
                    Plane.GROUP: agent.group + 1,
                    Plane.FACING: agent.facing + 1,
                }[plane]
        return codes

    def observations(self) -> np.ndarray:
        """(agents, observation_size)."""
        planes = [np.pad(self.plane(plane), BORDER) for plane in self.rules.planes]
        return np.stack([self._observation(agent, planes) for agent in self.agents])

    def _observation(self, agent: Agent, planes: list[np.ndarray]) -> np.ndarray:
        half_height, half_width = self.rules.window.height // 2, self.rules.window.width // 2
        row, column = agent.place[0] + BORDER, agent.place[1] + BORDER
        windows = [
            plane[row - half_height : row + half_height + 1, column - half_width : column + half_width + 1].ravel()
            for plane in planes
        ]
        done = 255 * self.tick // self.rules.max_steps if self.rules.max_steps else 0
        held = [min(units, 255) for units in agent.held.values()]
        self_vector = [agent.facing, agent.last_action + 1, agent.last_result, done, *held]
        return np.concatenate([*windows, np.array(self_vector, np.uint8)])

    def action_mask(self) -> np.ndarray:
        """(agents, actions): what succeeds in the next step if nobody else acts."""
        return np.array(
            [[self._can(agent, index) for index in range(len(self.rules.actions))] for agent in self.agents]
        )

    def _can(self, agent: Agent, index: int) -> bool:
        action = self.rules.actions[index]
        if action.verb in (Verb.NOOP, Verb.ROTATE):
            return True
        moves = action.verb is Verb.MOVE
        target = ahead(agent.place, DIRECTIONS.index(action.direction or "") if moves else agent.facing)
        if moves and self._way_into(target) is ActionResult.SUCCESS:
            return True
        converter = self.converters.get(target)
        usable = converter is not None and (not moves or self.rules.kinds[converter.kind].bump)
        return usable and self._check(agent, converter, self.tick + 1) is ActionResult.SUCCESS


def ahead(place: Place, direction: int) -> Place:
    return place[0] + DIRECTION_STEPS[direction][0], place[1] + DIRECTION_STEPS[direction][1]


def pay(weight: Float, cap: Float, before: int, now: int) -> Float:
    """What a term pays for a count that goes from `before` to `now`, in float32."""
    if cap == 0:
        return weight * Float(now - before)

    def worth(count: int) -> Float:
        return max(min(weight * Float(count), cap), -cap)

    return worth(now) - worth(before)


assert CELL_EMPTY == 0  # `start` takes everything that is no object for floor
