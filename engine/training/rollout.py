"""Storage of one rollout, (T, rows, ...), which C writes into and torch reads: one memory, two names.

Owned by the trainer and used by its thread.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engine.policies.networks import PolicyNetwork, log_probabilities, sample_actions
from engine.sim import Batch

from .ppo import Samples


class Rollout:
    """The arrays of T steps of a batch, with one prepared engine step for each t."""

    def __init__(self, batch: Batch, horizon: int) -> None:
        rows, size = batch.rows, batch.spec.observation_size
        self.horizon = horizon
        self.observations = torch.zeros((horizon + 1, rows, size), dtype=torch.uint8)  # [T] is the next rollout's [0]
        self.actions = torch.zeros((horizon, rows), dtype=torch.int32)
        self.rewards = torch.zeros((horizon, rows))
        self.terminated = torch.zeros((horizon, rows), dtype=torch.uint8)
        self.truncated = torch.zeros((horizon, rows), dtype=torch.uint8)
        self.log_probs = torch.zeros((horizon, rows))
        self.values = torch.zeros((horizon, rows))
        self.final_values = torch.zeros((horizon, rows))  # where truncated
        # Final observations are valued at once, so one step's worth of them is enough.
        self.final_observations = torch.zeros((rows, size), dtype=torch.uint8)
        self._truncated_rows = self.truncated.numpy()
        self._steps = [
            batch.bind(
                observations=self.observations[t + 1].numpy(),
                actions=self.actions[t].numpy(),
                rewards=self.rewards[t].numpy(),
                terminated=self.terminated[t].numpy(),
                truncated=self.truncated[t].numpy(),
                final_observations=self.final_observations.numpy(),
                results=None,
            )
            for t in range(horizon)
        ]
        self._batch = batch

    def reset(self, seed: int) -> None:
        """Start new episodes everywhere."""
        self._batch.reset_into(self.observations[0].numpy(), seed)

    def begin(self) -> None:
        """Carry the last observations over to the front, for the rollout after the first."""
        self.observations[0].copy_(self.observations[self.horizon])

    def advance(self, t: int, network: PolicyNetwork, generator: torch.Generator) -> None:
        """Choose actions at t and step the envs to t + 1."""
        logits, values = network(self.observations[t])
        log_probs = log_probabilities(logits)
        actions = sample_actions(log_probs, generator)
        self.actions[t] = actions
        self.log_probs[t] = log_probs.gather(1, actions.unsqueeze(1)).squeeze(1)
        self.values[t] = values
        self._steps[t]()
        rows = np.flatnonzero(self._truncated_rows[t])
        if len(rows):
            ended = torch.from_numpy(rows)
            self.final_values[t, ended] = network(self.final_observations.index_select(0, ended))[1]

    def samples(self, advantages: Tensor, returns: Tensor) -> Samples:
        """All steps as one batch, time and rows flattened."""
        return Samples(
            self.observations[:-1].flatten(0, 1),
            self.actions.flatten().long(),
            self.log_probs.flatten(),
            self.values.flatten(),
            advantages.flatten(),
            returns.flatten(),
        )
