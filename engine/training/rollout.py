"""Storage of one rollout, (T, rows, ...), which C writes into and torch reads: one memory, two names.

A Rollout is the tables of all rows; a Lane steps some of the envs through them, on a thread of its own where there
are several, so that one lane's network works while another's envs step. Owned by the trainer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.policies.networks import PolicyNetwork
from engine.policies.registry import Policy
from engine.sim import Batch

from .compute import Compute


@dataclass(frozen=True)
class Mirror:
    """The engine's tables where the networks see them: the same memory on the CPU, copies on another device."""

    observations: Tensor
    masks: Tensor | None
    starts: Tensor
    actions: Tensor
    rewards: Tensor
    terminated: Tensor
    truncated: Tensor


class Rollout:
    """The tables of T steps of all rows."""

    def __init__(
        self, batch: Batch, row_count: int, horizon: int, *, masks: bool, heads: int = 1, compute: Compute | None = None
    ) -> None:
        """Make the tables for `row_count` rows of batches like this one."""
        size, actions = batch.spec.observation_size, len(batch.spec.action_names)
        dtype = torch.from_numpy(batch.observations[:0]).dtype
        rows, byte = row_count, torch.uint8
        self.horizon, self.row_count, self.compute = horizon, row_count, compute or Compute()
        table, device = self.compute.table, self.compute.device
        # What the engine reads and writes. [T] of the first three is the next rollout's [0].
        self.observations = table(horizon + 1, rows, size, dtype=dtype)
        self.masks = table(horizon + 1, rows, actions, dtype=byte, fill=1) if masks else None
        self.starts = table(horizon + 1, rows, dtype=torch.bool, fill=1)  # the first observation of an episode
        self.actions = table(horizon, rows, heads, dtype=torch.int32)
        self.rewards = table(horizon, rows)
        self.terminated = table(horizon, rows, dtype=byte)
        self.truncated = table(horizon, rows, dtype=byte)
        mirrored = self.compute.mirrored
        self.mirror = Mirror(
            observations=mirrored(self.observations),
            masks=None if self.masks is None else mirrored(self.masks),
            starts=mirrored(self.starts),
            actions=mirrored(self.actions),
            rewards=mirrored(self.rewards),
            terminated=mirrored(self.terminated),
            truncated=mirrored(self.truncated),
        )
        # What the networks say, and what is made of it.
        self.log_probs = torch.zeros((horizon, rows), device=device)
        self.values = torch.zeros((horizon, rows), device=device)
        self.final_values = torch.zeros((horizon, rows), device=device)  # of a last observation, where truncated
        self.advantages = torch.zeros((horizon, rows), device=device)
        self.returns = torch.zeros((horizon, rows), device=device)
        self.uniforms = torch.zeros((horizon, rows, heads), device=device)  # one random number for each action

    def begin(self) -> None:
        """Carry the observations after the last step over to the front."""
        for table in (self.observations, self.masks, self.starts):
            if table is not None:
                table[0].copy_(table[self.horizon])
        self.upload(slice(0, 1))

    def upload(self, steps: slice = slice(None)) -> None:
        """Copy what the engine wrote before some steps, or all of it, to where the networks see it."""
        if not self.compute.is_staged:
            return
        whole = steps == slice(None)
        names = (
            "observations",
            "masks",
            "starts",
            *(("rewards", "terminated", "truncated", "actions") if whole else ()),
        )
        for name in names:
            table = getattr(self, name)
            if table is not None:
                getattr(self.mirror, name)[steps].copy_(table[steps], non_blocking=True)

    def tables(self) -> dict[str, Tensor]:
        """What losses may read, each (T * rows, ...)."""
        mirror = self.mirror
        tables = {
            "observations": mirror.observations[:-1],
            "actions": mirror.actions,
            "starts": mirror.starts[:-1],
            "log_probs": self.log_probs,
            "values": self.values,
            "advantages": self.advantages,
            "returns": self.returns,
        }
        if mirror.masks is not None:
            tables["masks"] = mirror.masks[:-1]
        return {name: table.flatten(0, 1) for name, table in tables.items()}


class Player(Protocol):
    """Chooses actions for some rows of a lane, and notes what learning will need."""

    def act(self, t: int) -> None:
        """Choose the actions of step t, from observations t."""
        ...

    def note_ends(self, t: int) -> None:
        """After step t: value what was cut off, forget what ended."""
        ...

    def finish(self) -> None:
        """After the last step."""
        ...

    def state(self) -> dict[str, Tensor]:
        """What it remembers that nobody else saves."""
        ...

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take over what `state` gave."""
        ...


@dataclass(frozen=True)
class Moment:
    """One step of a lane: views of its rows' tables, made once, as many small steps would each make them anew."""

    observations: Tensor  # these six where the networks see them
    masks: Tensor | None
    uniforms: Tensor
    actions: Tensor
    log_probs: Tensor
    values: Tensor
    ended: tuple[NDArray[np.uint8], NDArray[np.uint8]]  # by the game, by the clock
    starts: NDArray[np.uint8]  # of the next step: what has ended starts afresh


class Lane:
    """Some envs with their rows of the rollout, and a prepared engine step for each t."""

    def __init__(self, rollout: Rollout, batch: Batch, first_row: int) -> None:
        self.batch = batch
        self.rows = slice(first_row, first_row + batch.rows)
        self.t = 0
        """Steps taken in this rollout."""
        self.players: Sequence[Player] = ()
        self.rollout = rollout
        # Final observations are valued at once, so one step's worth of them is enough.
        self.final_observations = torch.zeros_like(rollout.observations[0, self.rows])
        self.moments = [self._moment(t) for t in range(rollout.horizon)]
        self._steps = [self._bound(t) for t in range(rollout.horizon)]

    def _moment(self, t: int) -> Moment:
        rollout, rows, mirror = self.rollout, self.rows, self.rollout.mirror
        return Moment(
            observations=mirror.observations[t, rows],
            masks=None if mirror.masks is None else mirror.masks[t, rows],
            uniforms=rollout.uniforms[t, rows],
            actions=mirror.actions[t, rows],
            log_probs=rollout.log_probs[t, rows],
            values=rollout.values[t, rows],
            ended=(rollout.terminated[t, rows].numpy(), rollout.truncated[t, rows].numpy()),
            starts=rollout.starts[t + 1, rows].view(torch.uint8).numpy(),
        )

    def _bound(self, t: int) -> Callable[[], None]:
        rollout, rows = self.rollout, self.rows
        masks = {} if rollout.masks is None else {"action_masks": rollout.masks[t + 1, rows].numpy()}
        actions = rollout.actions[t, rows]
        return self.batch.bind(
            observations=rollout.observations[t + 1, rows].numpy(),
            actions=(actions.squeeze(1) if actions.shape[1] == 1 else actions).numpy(),
            rewards=rollout.rewards[t, rows].numpy(),
            terminated=rollout.terminated[t, rows].numpy(),
            truncated=rollout.truncated[t, rows].numpy(),
            final_observations=self.final_observations.numpy(),
            results=None,
            **masks,
        )

    def reset(self, seed: int) -> None:
        """Start new episodes everywhere; their observations are carried to the front by `Rollout.begin`."""
        rollout, last = self.rollout, self.rollout.horizon
        self.batch.reset_into(rollout.observations[last, self.rows].numpy(), seed)
        if rollout.masks is not None:
            self.batch.action_masks_into(rollout.masks[last, self.rows].numpy())
        rollout.starts[last, self.rows] = True

    def advance(self) -> None:
        """Choose actions at t and step the envs to t + 1."""
        t, rollout, moment = self.t, self.rollout, self.moments[self.t]
        staged = rollout.compute.is_staged
        for player in self.players:
            player.act(t)
        if staged:
            rollout.actions[t, self.rows].copy_(moment.actions)  # waits until they are there
        self._steps[t]()
        np.bitwise_or(*moment.ended, out=moment.starts)
        if staged:
            self._upload(t + 1)
        for player in self.players:
            player.note_ends(t)
        self.t = t + 1
        if self.t == rollout.horizon:
            for player in self.players:
                player.finish()

    def _upload(self, t: int) -> None:
        """What the engine wrote of this lane's rows before step t: one copy of each table."""
        for name in ("observations", "masks", "starts"):
            table = getattr(self.rollout, name)
            if table is not None:
                getattr(self.rollout.mirror, name)[t, self.rows].copy_(table[t, self.rows], non_blocking=True)


@dataclass(frozen=True)
class ScriptedSeat:
    """Rows of a lane that a policy plays which does not learn."""

    policy: Policy
    lane: Lane
    index: Tensor  # (seat rows,) within the lane

    def act(self, t: int) -> None:
        rollout, rows = self.lane.rollout, self.lane.rows
        seen = rollout.observations[t, rows].index_select(0, self.index)
        actions = torch.from_numpy(self.policy.act(seen.numpy())).unsqueeze(1)
        mirror = rollout.mirror.actions
        mirror[t, rows][self.index.to(mirror.device)] = actions.to(mirror.device)

    def note_ends(self, t: int) -> None:
        rollout, rows = self.lane.rollout, self.lane.rows
        self.policy.forget(rollout.starts[t + 1, rows].index_select(0, self.index).numpy())

    def finish(self) -> None:
        """Nothing to value."""

    def state(self) -> dict[str, Tensor]:
        return {name: torch.from_numpy(array) for name, array in self.policy.state().items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        self.policy.restore({name: tensor.numpy() for name, tensor in state.items()})


@dataclass(frozen=True)
class Seat:
    """A learner's rows within a lane."""

    network: PolicyNetwork
    lane: Lane
    index: Tensor | None  # (seat rows,) within the lane; None: all of it
    memory: Tensor  # (seat rows, M), a view of the learner's
    memories: Tensor | None  # (chunks, seat rows, M), likewise
    chunk: int  # steps from one kept memory to the next
    last_values: Tensor  # (seat rows,), a view of the learner's

    def act(self, t: int) -> None:
        moment, heads = self.lane.moments[t], self.network.heads
        if self.memories is not None and t % self.chunk == 0:
            self.memories[t // self.chunk] = self.memory
        seen = self._of(moment.observations)
        logits, values, memory = self.lane.rollout.compute.step(self.network, seen, self.memory)
        if self.memories is not None:
            self.memory.copy_(memory)
        masks = None if moment.masks is None else self._of(moment.masks)
        uniforms, tables = self._of(moment.uniforms), (moment.actions, moment.log_probs)
        if self.index is None:
            heads.draw(logits, masks, uniforms, *tables)
            moment.values.copy_(values)
            return
        own = [table.new_empty(len(logits), *table.shape[1:]) for table in tables]
        heads.draw(logits, masks, uniforms, *own)
        for table, drawn in zip((*tables, moment.values), (*own, values), strict=True):
            table[self.index] = drawn

    def note_ends(self, t: int) -> None:
        rollout, rows = self.lane.rollout, self.lane.rows
        truncated = np.flatnonzero(self.lane.moments[t].ended[1])
        if len(truncated):
            self._value_ends(t, torch.from_numpy(truncated))
        if self.memories is not None:
            self.memory.masked_fill_(self._of(rollout.mirror.starts[t + 1, rows]).unsqueeze(1), 0.0)

    def _value_ends(self, t: int, cut: Tensor) -> None:
        """The values of last observations that the clock cut off.

        Args:
            cut: (n,) rows of the lane.
        """
        rollout, rows, device = self.lane.rollout, self.lane.rows, self.memory.device
        finals = self.lane.final_observations.index_select(0, cut).to(device)
        cut = cut.to(device)
        own = cut if self.index is None else torch.searchsorted(self.index, cut)
        if self.index is not None:  # rows of other seats among them
            mine = self.index[own.clamp(max=len(self.index) - 1)] == cut
            finals, cut, own = finals[mine], cut[mine], own[mine]
        if len(own):
            values = rollout.compute.step(self.network, finals, self.memory.index_select(0, own))[1]
            rollout.final_values[t, rows][cut] = values

    def finish(self) -> None:
        """Value the observations after the last step."""
        rollout, rows = self.lane.rollout, self.lane.rows
        seen = self._of(rollout.mirror.observations[rollout.horizon, rows])
        self.last_values.copy_(rollout.compute.step(self.network, seen, self.memory)[1])

    def state(self) -> dict[str, Tensor]:
        """Nothing: its memory is the learner's."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Nothing to take over."""

    def _of(self, table: Tensor) -> Tensor:
        return table if self.index is None else table.index_select(0, self.index)
