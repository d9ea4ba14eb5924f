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
from torch import Tensor

from engine.policies.networks import PolicyNetwork
from engine.policies.registry import Policy
from engine.sim import Batch


class Rollout:
    """The tables of T steps of all rows."""

    def __init__(self, batch: Batch, row_count: int, horizon: int, *, masks: bool, heads: int = 1) -> None:
        """Make the tables for `row_count` rows of batches like this one."""
        size, actions = batch.spec.observation_size, len(batch.spec.action_names)
        dtype = torch.from_numpy(batch.observations[:0]).dtype
        rows = row_count
        self.horizon, self.row_count = horizon, row_count
        self.observations = torch.zeros((horizon + 1, rows, size), dtype=dtype)  # [T] is the next rollout's [0]
        self.masks = torch.ones((horizon + 1, rows, actions), dtype=torch.uint8) if masks else None  # likewise
        self.actions = torch.zeros((horizon, rows, heads), dtype=torch.int32)
        self.rewards = torch.zeros((horizon, rows))
        self.terminated = torch.zeros((horizon, rows), dtype=torch.uint8)
        self.truncated = torch.zeros((horizon, rows), dtype=torch.uint8)
        self.starts = torch.ones((horizon + 1, rows), dtype=torch.bool)  # the first observation of an episode
        self.log_probs = torch.zeros((horizon, rows))
        self.values = torch.zeros((horizon, rows))
        self.final_values = torch.zeros((horizon, rows))  # of an episode's last observation, where truncated
        self.advantages = torch.zeros((horizon, rows))
        self.returns = torch.zeros((horizon, rows))
        self.uniforms = torch.zeros((horizon, rows, heads))  # one random number for each action

    def begin(self) -> None:
        """Carry the observations after the last step over to the front."""
        for table in (self.observations, self.masks, self.starts):
            if table is not None:
                table[0].copy_(table[self.horizon])

    def tables(self) -> dict[str, Tensor]:
        """What losses may read, each (T * rows, ...)."""
        tables = {
            "observations": self.observations[:-1],
            "actions": self.actions,
            "starts": self.starts[:-1],
            "log_probs": self.log_probs,
            "values": self.values,
            "advantages": self.advantages,
            "returns": self.returns,
        }
        if self.masks is not None:
            tables["masks"] = self.masks[:-1]
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
        self._steps = [self._bound(t) for t in range(rollout.horizon)]

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
        t, rollout, rows = self.t, self.rollout, self.rows
        for player in self.players:
            player.act(t)
        self._steps[t]()
        torch.logical_or(rollout.terminated[t, rows], rollout.truncated[t, rows], out=rollout.starts[t + 1, rows])
        for player in self.players:
            player.note_ends(t)
        self.t = t + 1
        if self.t == rollout.horizon:
            for player in self.players:
                player.finish()


@dataclass(frozen=True)
class ScriptedSeat:
    """Rows of a lane that a policy plays which does not learn."""

    policy: Policy
    lane: Lane
    index: Tensor  # (seat rows,) within the lane

    def act(self, t: int) -> None:
        rollout, rows = self.lane.rollout, self.lane.rows
        seen = rollout.observations[t, rows].index_select(0, self.index)
        rollout.actions[t, rows, 0][self.index] = torch.from_numpy(self.policy.act(seen.numpy()))

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
        rollout, rows = self.lane.rollout, self.lane.rows
        if self.memories is not None and t % self.chunk == 0:
            self.memories[t // self.chunk] = self.memory
        heads = self.network.heads
        logits, values, memory = self.network.step(self._of(rollout.observations[t, rows]), self.memory)
        if self.memories is not None:
            self.memory.copy_(memory)
        if rollout.masks is not None:
            logits = heads.masked(logits, self._of(rollout.masks[t, rows]))
        log_probs = heads.log_probs(logits)
        actions = heads.sample(log_probs, self._of(rollout.uniforms[t, rows]))
        self._put(rollout.actions[t, rows], actions)
        self._put(rollout.log_probs[t, rows], heads.chosen(log_probs, actions))
        self._put(rollout.values[t, rows], values)

    def note_ends(self, t: int) -> None:
        rollout, rows = self.lane.rollout, self.lane.rows
        truncated = np.flatnonzero(self._of(rollout.truncated[t, rows]).numpy())
        if len(truncated):
            cut = torch.from_numpy(truncated)
            finals = self._of(self.lane.final_observations).index_select(0, cut)
            values = self.network.step(finals, self.memory.index_select(0, cut))[1]
            rollout.final_values[t, rows][cut if self.index is None else self.index[cut]] = values
        if self.memories is not None:
            self.memory.masked_fill_(self._of(rollout.starts[t + 1, rows]).unsqueeze(1), 0.0)

    def finish(self) -> None:
        """Value the observations after the last step."""
        rollout, rows = self.lane.rollout, self.lane.rows
        seen = self._of(rollout.observations[rollout.horizon, rows])
        self.last_values.copy_(self.network.step(seen, self.memory)[1])

    def state(self) -> dict[str, Tensor]:
        """Nothing: its memory is the learner's."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Nothing to take over."""

    def _of(self, table: Tensor) -> Tensor:
        return table if self.index is None else table.index_select(0, self.index)

    def _put(self, table: Tensor, values: Tensor) -> None:
        if self.index is None:
            table.copy_(values)
        else:
            table[self.index] = values.to(table.dtype)
