"""Advantages and returns of a rollout: GAE with the two ends of an episode kept apart, and reward scaling.

Pure tensor functions but for ReturnScale, which the trainer owns and saves.
"""

from __future__ import annotations

import torch
from torch import Tensor


def generalized_advantages(
    rewards: Tensor,
    values: Tensor,
    last_values: Tensor,
    final_values: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    gamma: float,
    gae_lambda: float,
) -> tuple[Tensor, Tensor]:
    """Advantages and returns, both (T, R).

    A terminated step has no future. A truncated one has a future that nobody watched: it is worth the value
    of the episode's last observation. Neither passes anything on from the episode that follows.

    Args:
        rewards, values: (T, R); values of the observations acted on.
        last_values: (R,), of the observations after the last step.
        final_values: (T, R), of final observations; read where truncated only.
        terminated, truncated: (T, R) bool.
    """
    next_values = torch.cat([values[1:], last_values.unsqueeze(0)])
    next_values = torch.where(truncated, final_values, next_values).masked_fill(terminated, 0.0)
    deltas = rewards + gamma * next_values - values  # (T, R)
    carry = (gamma * gae_lambda) * (~(terminated | truncated)).float()  # (T, R), 0 where an episode ended
    advantages = torch.empty_like(rewards)
    running = torch.zeros_like(last_values)  # (R,)
    for t in reversed(range(len(rewards))):
        running = torch.addcmul(deltas[t], carry[t], running)
        advantages[t] = running
    return advantages, advantages + values


class ReturnScale:
    """Divides rewards by the running deviation of the discounted return."""

    def __init__(self, rows: int, gamma: float) -> None:
        self.gamma = gamma
        self.returns = torch.zeros(rows)  # (R,) discounted return so far of the running episodes
        self.count = torch.zeros((), dtype=torch.float64)
        self.mean = torch.zeros((), dtype=torch.float64)
        self.squares = torch.zeros((), dtype=torch.float64)  # sum of squared distances from the mean

    def scale(self, rewards: Tensor, ended: Tensor) -> Tensor:
        """Rewards (T, R) in units of one deviation; learns from them."""
        seen = torch.empty_like(rewards)
        for t in range(len(rewards)):
            self.returns = self.gamma * self.returns + rewards[t]
            seen[t] = self.returns
            self.returns = self.returns.masked_fill(ended[t], 0.0)
        self._learn(seen.double())
        return rewards / self.deviation().float()

    def deviation(self) -> Tensor:
        """Present deviation of the return; 1 until it is known to vary."""
        variance = self.squares / self.count.clamp(min=1)
        return torch.where(variance > 1e-8, variance.sqrt(), torch.ones_like(variance))

    def state(self) -> dict[str, Tensor]:
        """Tensors for a checkpoint."""
        return {"returns": self.returns, "count": self.count, "mean": self.mean, "squares": self.squares}

    def _learn(self, seen: Tensor) -> None:
        """Merge a batch into mean and squares (Chan's parallel form)."""
        count = seen.numel()
        mean, total = seen.mean(), self.count + count
        gap = mean - self.mean
        self.squares = self.squares + (seen - mean).square().sum() + gap.square() * self.count * count / total
        self.mean = self.mean + gap * count / total
        self.count = total
