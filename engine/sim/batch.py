"""Many envs stepped together by C. The caller owns the arrays; a prepared step is one call.

A batch belongs to one thread at a time: C answers a second caller with GW_BUSY, which is a SimError here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import SimError

from .native import check, ffi, lib
from .world import World

Array = NDArray[Any]


@dataclass(frozen=True)
class AgentView:
    """One agent as it stands. `inventory` is by resource, in the spec's order."""

    row: int
    column: int
    group: int
    facing: int  # index into DIRECTIONS
    last_action: int  # action id, or -1 before the first step and after an invalid one
    last_result: int  # ActionResult
    role: int
    frozen: int  # own turns still to lose, or FOREVER
    shield: bool
    glyph: int
    step_reward: float
    episode_return: float
    inventory: tuple[int, ...]


@dataclass(frozen=True)
class ObjectView:
    """One object as it stands."""

    kind: str
    hp: int  # hits it still stands
    wait: int  # ticks until it is idle again, 0 if it is
    uses: int  # uses or conversions this episode, of kinds that have only so many
    store: tuple[int, ...]  # units in it by resource, in the spec's order


@dataclass(frozen=True)
class EnvView:
    """One env as it stands: copies, so it may be kept and handed to any thread."""

    tick: int
    episode: int
    world: int
    cells: NDArray[np.uint8]  # (height, width) kind codes, agents included
    ready: NDArray[np.uint8]  # (height, width) codes of the ready plane
    agents: tuple[AgentView, ...]


@dataclass(frozen=True)
class Episodes:
    """Finished agent-episodes, oldest first: n entries in every array."""

    env: NDArray[np.int32]  # its number: the batch's `first_env` and its place there
    agent: NDArray[np.int32]
    group: NDArray[np.int32]
    world: NDArray[np.int32]
    episode: NDArray[np.int64]
    length: NDArray[np.int32]
    episode_return: NDArray[np.float32]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    terms: NDArray[np.float32]  # (n, terms)
    stats: NDArray[np.int32]  # (n, stats)
    dropped: int  # finished but overwritten, because nobody came for them in time

    def __len__(self) -> int:
        return len(self.env)


# The bytes of gw_episode, checked against C's own size below.
_EPISODE = np.dtype(
    {
        "names": ["env", "agent", "group", "world", "episode", "length", "episode_return", "terminated", "truncated"],
        "formats": ["i4", "i4", "i4", "i4", "i8", "i4", "f4", "u1", "u1"],
        "offsets": [0, 4, 8, 12, 16, 24, 28, 32, 33],
        "itemsize": 40,
    }
)
assert ffi.sizeof("gw_episode") == _EPISODE.itemsize


# The bytes of gw_agent_view, likewise.
_STANDING = np.dtype(
    [
        *((name, "i4") for name in ("row", "column", "group", "facing", "last_action", "last_result")),
        *((name, "i4") for name in ("role", "frozen", "shield", "glyph")),
        *((name, "f4") for name in ("step_reward", "episode_return")),
        ("inventory", "i4", (int(lib.GW_MAX_RESOURCES),)),
    ]
)
assert ffi.sizeof("gw_agent_view") == _STANDING.itemsize


class Step:
    """A step with its arrays already bound: calling it is one C call without pointer work."""

    def __init__(self, batch: Batch, io: Any, keep: tuple[Array | None, ...]) -> None:
        self._batch, self._io = batch, io
        self._keep = keep  # C borrows these arrays for as long as the step can be called

    def __call__(self) -> None:
        status = lib.gw_batch_step(self._batch.handle, self._io)
        if status:
            self._batch._check(status)


class Batch:
    """Owns one gw_batch, and a set of arrays for simple use: `reset()`, `step(actions)`, then read them.

    Args:
        worlds: worlds of one game; each env draws one at every reset.
        env_count: envs stepped together.
        seed: all randomness follows from it.
        thread_count: C workers, the calling thread included; results do not depend on it.
        episode_capacity: finished agent-episodes kept until drained.
        first_env: number of the first env. Env i plays what env `first_env + i` of one large batch would, so that
            processes can share one; all calls still take i.
    """

    def __init__(
        self,
        worlds: Sequence[World] | World,
        env_count: int = 1,
        seed: int = 0,
        thread_count: int = 1,
        episode_capacity: int | None = None,
        first_env: int = 0,
    ) -> None:
        self.worlds = (worlds,) if isinstance(worlds, World) else tuple(worlds)
        if not self.worlds:
            raise SimError("a batch needs at least one world")
        self.env_count = env_count
        self.first_env = first_env
        self.spec = self.worlds[0].spec
        self.handle = self._create(seed, thread_count, episode_capacity)
        self.rows = env_count * self.spec.agent_count
        size = self.spec.observation_size
        self.observations = np.zeros((self.rows, size), np.uint8)
        self.final_observations = np.zeros((self.rows, size), np.uint8)
        self.rewards = np.zeros(self.rows, np.float32)
        self.terminated = np.zeros(self.rows, np.uint8)
        self.truncated = np.zeros(self.rows, np.uint8)
        self.results = np.zeros(self.rows, np.uint8)
        self._actions = np.zeros(self.rows, np.int32)
        self._step = self.bind(
            observations=self.observations,
            actions=self._actions,
            rewards=self.rewards,
            terminated=self.terminated,
            truncated=self.truncated,
            final_observations=self.final_observations,
            results=self.results,
        )
        self.reset(seed)

    def _create(self, seed: int, thread_count: int, episode_capacity: int | None) -> Any:
        agents = self.spec.agent_count
        definition = ffi.new("gw_batch_def *")
        lib.gw_batch_default(definition)
        definition.env_count, definition.thread_count = self.env_count, thread_count
        definition.first_env = self.first_env
        # Room for four episodes an env between two drains; the surplus is counted, never silent.
        definition.episode_capacity = episode_capacity or min(max(4 * self.env_count * agents, 4096), 1 << 20)
        definition.episode_capacity = max(definition.episode_capacity, agents)
        self._capacity = definition.episode_capacity
        definition.seed = seed & (2**64 - 1)
        handles = ffi.new("gw_world *[]", [world.handle for world in self.worlds])
        definition.worlds, definition.world_count = handles, len(self.worlds)
        out, error = ffi.new("gw_batch **"), ffi.new("gw_error *")
        check(lib.gw_batch_create(definition, out, error), error)
        return ffi.gc(out[0], lib.gw_batch_destroy)

    # ---- Stepping

    def bind(
        self,
        *,
        observations: Array,
        actions: Array,
        rewards: Array,
        terminated: Array,
        truncated: Array,
        final_observations: Array | None = None,
        results: Array | None = None,
        action_masks: Array | None = None,
    ) -> Step:
        """Prepare a step on these arrays; dtype, shape and order are checked here, once.

        Args:
            observations: out (rows, observation_size) uint8.
            actions: in (rows,) int32.
            rewards: out (rows,) float32.
            terminated, truncated: out (rows,) uint8 or bool.
            final_observations: out (rows, observation_size) uint8; written where an episode ended.
            results: out (rows,) uint8 of ActionResult.
            action_masks: out (rows, actions) uint8 or bool, of `observations`; see `action_masks_into`.
        """
        table = (self.rows, self.spec.observation_size)
        io = ffi.new("gw_io *")
        io.observations = _pointer("observations", observations, table, "uint8_t *", (np.uint8,))
        io.actions = _pointer("actions", actions, (self.rows,), "int32_t *", (np.int32,))
        io.rewards = _pointer("rewards", rewards, (self.rows,), "float *", (np.float32,))
        io.terminated = _pointer("terminated", terminated, (self.rows,), "uint8_t *", (np.uint8, np.bool_))
        io.truncated = _pointer("truncated", truncated, (self.rows,), "uint8_t *", (np.uint8, np.bool_))
        if final_observations is not None:
            io.final_observations = _pointer("final_observations", final_observations, table, "uint8_t *", (np.uint8,))
        if results is not None:
            io.results = _pointer("results", results, (self.rows,), "uint8_t *", (np.uint8,))
        if action_masks is not None:
            io.action_masks = self._mask_pointer(action_masks)
        needed = (observations, actions, rewards, terminated, truncated)
        return Step(self, io, (*needed, final_observations, results, action_masks))

    def reset(self, seed: int) -> None:
        """Start a new episode in every env; fills `observations`."""
        self.reset_into(self.observations, seed)

    def reset_into(self, observations: Array, seed: int) -> None:
        """Like `reset`, into the caller's (rows, observation_size) uint8."""
        table = (self.rows, self.spec.observation_size)
        pointer = _pointer("observations", observations, table, "uint8_t *", (np.uint8,))
        self._check(lib.gw_batch_reset(self.handle, seed & (2**64 - 1), pointer))

    def step(self, actions: Array) -> None:
        """Step every env once with (rows,) actions; fills the batch's own arrays."""
        self._actions[:] = actions
        self._step()

    def set_world_weights(self, weights: Sequence[int]) -> None:
        """How likely each world is drawn at a reset, from the next reset on. Snapshots do not hold it."""
        if len(weights) != len(self.worlds):
            raise SimError(f"{len(self.worlds)} worlds need as many weights, got {len(weights)}")
        self._check(lib.gw_batch_set_world_weights(self.handle, ffi.new("uint32_t[]", list(weights))))

    def retire_worlds(self) -> None:
        """Leave the worlds of weight 0 at once: in its next step, an env that is in one is truncated.

        Good until weights are set again. Snapshots do not hold this either: set both again after a load.
        """
        self._check(lib.gw_batch_retire_worlds(self.handle))

    def action_masks_into(self, masks: Array) -> None:
        """Write the masks of all rows as they stand, (rows, actions) uint8 or bool: after a reset or a load.

        1 exactly where the action succeeds in the next step if nobody else moves; a try to tag counts as a success.
        An agent of which nothing would succeed, such as a frozen one, has one choice: the first action that is a
        noop, or action 0. So every row has a 1.
        """
        self._check(lib.gw_batch_action_masks(self.handle, self._mask_pointer(masks)))

    def _mask_pointer(self, masks: Array) -> Any:
        shape = (self.rows, len(self.spec.action_names))
        return _pointer("action_masks", masks, shape, "uint8_t *", (np.uint8, np.bool_))

    def drain_episodes(self) -> Episodes:
        """Take all finished agent-episodes since the last call."""
        terms, stats = len(self.spec.term_names), len(self.spec.stat_names)
        records = np.zeros(self._capacity, _EPISODE)
        term_values = np.zeros((self._capacity, max(terms, 1)), np.float32)
        stat_values = np.zeros((self._capacity, stats), np.int32)
        count, dropped = ffi.new("int32_t *"), ffi.new("int64_t *")
        status = lib.gw_batch_drain_episodes(
            self.handle,
            self._capacity,
            ffi.cast("gw_episode *", records.ctypes.data),
            ffi.cast("float *", term_values.ctypes.data) if terms else ffi.NULL,
            ffi.cast("int32_t *", stat_values.ctypes.data),
            count,
            dropped,
        )
        self._check(status)
        n = count[0]
        fields = {name: records[name][:n].copy() for name in _EPISODE.names or ()}
        fields["terminated"] = fields["terminated"].astype(np.bool_)
        fields["truncated"] = fields["truncated"].astype(np.bool_)
        return Episodes(
            **fields, terms=term_values[:n, :terms].copy(), stats=stat_values[:n].copy(), dropped=int(dropped[0])
        )

    # ---- Looking at one env

    def look(self, env: int = 0) -> EnvView:
        """A copy of one env as it stands."""
        view = ffi.new("gw_env_view *")
        self._check(lib.gw_env_look(self.handle, env, view, ffi.NULL, ffi.NULL, 0, ffi.NULL))
        cells = np.zeros((view.map_height, view.map_width), np.uint8)
        ready = np.zeros_like(cells)
        agents = ffi.new("gw_agent_view[]", self.spec.agent_count)
        pointers = [ffi.cast("uint8_t *", array.ctypes.data) for array in (cells, ready)]
        self._check(lib.gw_env_look(self.handle, env, view, *pointers, cells.size, agents))
        resources = len(self.spec.resource_names)
        return EnvView(view.tick, view.episode, view.world, cells, ready, tuple(_agent(a, resources) for a in agents))

    def standing(self, env: int = 0) -> NDArray[np.void]:
        """Its agents as they stand, (agents,) records: the fields of AgentView, without the price of objects."""
        agents = np.zeros(self.spec.agent_count, _STANDING)
        view = ffi.new("gw_env_view *")
        pointer = ffi.cast("gw_agent_view *", agents.ctypes.data)
        self._check(lib.gw_env_look(self.handle, env, view, ffi.NULL, ffi.NULL, 0, pointer))
        return agents

    def object_at(self, row: int, column: int, env: int = 0) -> ObjectView | None:
        """The object on a cell of the map as it stands; None for floor, agents, and walls that nothing can change."""
        view = ffi.new("gw_object_view *")
        self._check(lib.gw_env_object(self.handle, env, row, column, view))
        if view.kind == lib.GW_NONE:
            return None
        store = tuple(view.store[0 : len(self.spec.resource_names)])
        return ObjectView(self.spec.kind_names[view.kind], view.hp, view.wait, view.uses, store)

    def ledger(self, env: int = 0) -> tuple[Array, Array, Array]:
        """What each term paid in the last step and in the episode, (agents, terms); and stats, (agents, stats)."""
        agents, terms, stats = self.spec.agent_count, len(self.spec.term_names), len(self.spec.stat_names)
        step, episode = np.zeros((agents, terms), np.float32), np.zeros((agents, terms), np.float32)
        counts = np.zeros((agents, stats), np.int32)
        floats = [ffi.cast("float *", array.ctypes.data) for array in (step, episode)]
        self._check(lib.gw_env_ledger(self.handle, env, *floats, ffi.cast("int32_t *", counts.ctypes.data)))
        return step, episode, counts

    def observe(self, env: int = 0) -> NDArray[np.uint8]:
        """(agents, observation_size) of one env as it stands."""
        observations = np.zeros((self.spec.agent_count, self.spec.observation_size), np.uint8)
        self._check(lib.gw_env_observe(self.handle, env, ffi.cast("uint8_t *", observations.ctypes.data)))
        return observations

    def action_mask(self, env: int = 0) -> NDArray[np.bool_]:
        """(agents, actions) of one env: what `action_masks_into` says of it."""
        actions = len(self.spec.action_names)
        bits = np.zeros((self.spec.agent_count, (actions + 7) // 8), np.uint8)
        self._check(lib.gw_env_action_mask(self.handle, env, ffi.cast("uint8_t *", bits.ctypes.data)))
        return np.unpackbits(bits, axis=1, bitorder="little", count=actions).astype(np.bool_)

    def tokens(self, agent: int, env: int = 0) -> NDArray[np.uint8]:
        """(count, 3): every token of one agent's observation as it stands, those past the budget included.

        Raises:
            SimError: the game is not observed as tokens.
        """
        if not self.spec.token_count:
            raise SimError("this game is not observed as tokens")
        tokens, count = np.empty((0, 3), np.uint8), ffi.new("int32_t *")
        for _ in range(2):  # the first call tells how many there are
            memory = ffi.cast("uint8_t *", tokens.ctypes.data)
            self._check(lib.gw_env_tokens(self.handle, env, agent, memory, len(tokens), count))
            if count[0] > len(tokens):
                tokens = np.empty((count[0], 3), np.uint8)
        return tokens

    # ---- What if

    def place(self, agent: int, row: int, column: int, env: int = 0) -> None:
        """Put an agent on a free cell, as if it had always stood there: planes and sight follow, all else stays.

        No move of the game: for a batch that has loaded the state of another, and is asked what it would be like.

        Raises:
            SimError: something stands there, or the map ends before.
        """
        self._check(lib.gw_env_place(self.handle, env, agent, row, column))

    # ---- Exact state

    def save(self, first: int = 0, count: int | None = None) -> bytes:
        """The exact state of envs first .. first + count - 1 (all from `first` on by default)."""
        count = self.env_count - first if count is None else count
        size = ffi.new("int64_t *")
        self._check(lib.gw_batch_snapshot_size(self.handle, count, size))
        buffer = bytearray(size[0])
        self._check(lib.gw_batch_save(self.handle, first, count, ffi.from_buffer("uint8_t[]", buffer), size[0]))
        return bytes(buffer)

    def load(self, data: bytes, first: int = 0, count: int | None = None) -> None:
        """Restore what `save` returned; anything else is refused whole with a SimError."""
        count = self.env_count - first if count is None else count
        error = ffi.new("gw_error *")
        aligned = np.zeros((len(data) + 7) // 8, np.uint64)  # C wants 8-byte alignment; bytes promise none
        aligned.view(np.uint8)[: len(data)] = np.frombuffer(data, np.uint8)
        pointer = ffi.cast("uint8_t *", aligned.ctypes.data)
        self._check(lib.gw_batch_load(self.handle, first, count, pointer, len(data), error), error)

    def hash(self) -> int:
        """64-bit hash of the exact state: equal for every thread count and platform."""
        value = ffi.new("uint64_t *")
        self._check(lib.gw_batch_hash(self.handle, value))
        return int(value[0])

    # ---- Lifetime

    def _check(self, status: int, error: Any = None) -> None:
        if status and self.handle == ffi.NULL:
            raise SimError("this batch is closed", hint="make another one; what it had saved can be loaded there")
        check(status, error)

    def close(self) -> None:
        """Stop the workers and free the memory; whatever is called afterwards raises a SimError."""
        handle, self.handle = self.handle, ffi.NULL  # C answers NULL with GW_INVALID_ARGUMENT
        if handle != ffi.NULL:
            ffi.release(handle)

    def __enter__(self) -> Batch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _pointer(name: str, array: Array, shape: tuple[int, ...], ctype: str, dtypes: tuple[type, ...]) -> Any:
    # carray is C-contiguous, aligned and writeable at once.
    if array.dtype not in dtypes or array.shape != shape or not array.flags.carray:
        wanted = f"{np.dtype(dtypes[0]).name} {shape}"
        raise SimError(f"{name} must be a writeable C-contiguous {wanted} array, got {array.dtype} {array.shape}")
    return ffi.cast(ctype, array.ctypes.data)


def _agent(view: Any, resources: int) -> AgentView:
    return AgentView(
        view.row,
        view.column,
        view.group,
        view.facing,
        view.last_action,
        view.last_result,
        view.role,
        view.frozen,
        bool(view.shield),
        view.glyph,
        view.step_reward,
        view.episode_return,
        tuple(view.inventory[0:resources]),
    )
