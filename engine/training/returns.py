"""Advantages and returns of a rollout: GAE with the two ends of an episode kept apart, and reward scaling.

Pure tensor functions but for ReturnScale, which the trainer owns and saves.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from .ranks import Ranks


def generalized_advantages(
    rewards: Tensor,
    values: Tensor,
    last_values: Tensor,
    final_values: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    gamma: float,
    gae_lambda: float,
    *,
    ratios: Tensor | None = None,
    rho_clip: float = 1.0,
    c_clip: float = 1.0,
    bootstrap: bool = True,
) -> tuple[Tensor, Tensor]:
    """Advantages and returns, both (T, R): GAE (Schulman et al. 2016), with ratios V-trace (Espeholt et al. 2018).

    A terminated step has no future. A truncated one has a future that nobody watched: it is worth the value
    of the episode's last observation. Neither passes anything on from the episode that follows.

    Args:
        rewards, values: (T, R); values of the observations acted on.
        last_values: (R,), of the observations after the last step.
        final_values: (T, R), of final observations; read where truncated only.
        terminated, truncated: (T, R) bool.
        ratios: (T, R) probability of the action now over that when it was taken.
            The advantages are without the first weight: the surrogate's own ratio is that.
        rho_clip, c_clip: with ratios, the most that a step's own error and what came after it weigh.
        bootstrap: False takes a truncated step for a terminated one.
    """
    next_values = torch.cat([values[1:], last_values.unsqueeze(0)])
    next_values = (
        torch.where(truncated, final_values, next_values) if bootstrap else next_values.masked_fill(truncated, 0)
    )
    next_values = next_values.masked_fill(terminated, 0.0)
    deltas = rewards + gamma * next_values - values  # (T, R)
    carry = (gamma * gae_lambda) * (~(terminated | truncated)).float()  # (T, R), 0 where an episode ended
    if ratios is not None:
        return _vtrace(values, deltas, carry, ratios.clamp(max=rho_clip), ratios.clamp(max=c_clip))
    advantages = torch.empty_like(rewards)
    running = torch.zeros_like(last_values)  # (R,)
    for t in reversed(range(len(rewards))):
        running = torch.addcmul(deltas[t], carry[t], running)
        advantages[t] = running
    return advantages, advantages + values


def _vtrace(values: Tensor, deltas: Tensor, carry: Tensor, rho: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Advantages and returns where the actions of others count as far as we would have taken them."""
    advantages, returns = torch.empty_like(deltas), torch.empty_like(deltas)
    own, later = rho * deltas, c * carry  # (T, R)
    running = torch.zeros_like(deltas[0])  # (R,) weighted sum of what came after
    for t in reversed(range(len(deltas))):
        advantages[t] = torch.addcmul(deltas[t], carry[t], running)
        running = torch.addcmul(own[t], later[t], running)
        returns[t] = values[t] + running
    return advantages, returns


class ReturnScale:
    """Divides rewards by the running deviation of the discounted return, over all ranks."""

    def __init__(self, rows: int, ranks: Ranks, device: torch.device | None = None) -> None:
        self._ranks = ranks
        self.returns = torch.zeros(rows, device=device)  # (R,) discounted return so far of the running episodes
        self.count = torch.zeros((), dtype=torch.float64, device=device)
        self.mean = torch.zeros((), dtype=torch.float64, device=device)
        self.squares = torch.zeros((), dtype=torch.float64, device=device)  # sum of squared distances from the mean

    def scale(self, rewards: Tensor, ended: Tensor, gamma: float) -> Tensor:
        """Rewards (T, R) in units of one deviation; learns from them."""
        seen = torch.empty_like(rewards)
        for t in range(len(rewards)):
            self.returns = gamma * self.returns + rewards[t]
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

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take over what `state` gave."""
        self.returns, self.count = state["returns"], state["count"]
        self.mean, self.squares = state["mean"], state["squares"]

    def _learn(self, seen: Tensor) -> None:
        """Merge a batch into mean and squares (Chan's parallel form)."""
        count = seen.numel() * self._ranks.count
        mean, total = self._ranks.sum(seen.sum()) / count, self.count + count
        squares = self._ranks.sum((seen - mean).square().sum())
        gap = mean - self.mean
        self.squares = self.squares + squares + gap.square() * self.count * count / total
        self.mean = self.mean + gap * count / total
        self.count = total
