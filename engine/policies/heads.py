"""Action heads: what the logits of a network mean, as one choice or as several made at once.

Logits of all heads stand side by side, (..., actions of all heads). Random numbers are handed in, so equal numbers
give equal actions whatever the batch is split into. Immutable; any thread.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_ILLEGAL = -1e9  # its exp is exactly 0; finite, so that 0 * log 0 and its gradient are 0 rather than NaN
_BELOW_ONE = 1 - 2.0**-24  # the largest float32 below 1


@dataclass(frozen=True)
class ActionHeads:
    """Independent choices: how many actions each has. A game of ours has one head."""

    sizes: tuple[int, ...]

    @property
    def action_count(self) -> int:
        """Actions of all heads together: the width of the logits."""
        return sum(self.sizes)

    def masked(self, logits: Tensor, masks: Tensor) -> Tensor:
        """Logits (..., actions) by which an illegal action has probability exactly 0 and no gradient.

        Args:
            masks: (..., actions) uint8 or bool, 1 = legal. Where a head has no legal action, all of its actions are.
        """
        legal = masks.bool()
        open_heads = [part | ~part.any(-1, keepdim=True) for part in self._parts(legal)]
        return logits.masked_fill(~_joined(open_heads), _ILLEGAL)

    def log_probs(self, logits: Tensor) -> Tensor:
        """log softmax (..., actions) of each head. By logsumexp: 5 times faster than torch's on rows this short."""
        return _joined([part - part.logsumexp(-1, keepdim=True) for part in self._parts(logits)])

    def sample(self, log_probs: Tensor, uniforms: Tensor) -> Tensor:
        """Draw actions (..., heads) int64.

        Args:
            uniforms: (..., heads) from 0 to below 1, one for each choice.
        """
        below_one = uniforms.clamp(max=_BELOW_ONE)  # a float64 just below 1 is 1 as a float32
        draws = zip(self._parts(log_probs), below_one.unbind(-1), strict=True)
        return torch.stack([_drawn(part, uniform) for part, uniform in draws], dim=-1)

    def chosen(self, log_probs: Tensor, actions: Tensor) -> Tensor:
        """Log-probability (...) of actions (..., heads) int64: the sum over heads."""
        parts = self._parts(log_probs)
        of_heads = [part.gather(-1, actions[..., i : i + 1]).squeeze(-1) for i, part in enumerate(parts)]
        return of_heads[0] if len(of_heads) == 1 else torch.stack(of_heads).sum(0)

    def entropy(self, log_probs: Tensor) -> Tensor:
        """Entropy (...) in nats: of independent choices, the sum of theirs."""
        return -(log_probs.exp() * log_probs).sum(-1)

    def greedy(self, log_probs: Tensor) -> Tensor:
        """The likeliest actions (..., heads) int64; of equals the first."""
        return torch.stack([part.argmax(-1) for part in self._parts(log_probs)], dim=-1)

    def _parts(self, of_actions: Tensor) -> tuple[Tensor, ...]:
        return (of_actions,) if len(self.sizes) == 1 else torch.split(of_actions, list(self.sizes), dim=-1)


def _drawn(log_probs: Tensor, uniforms: Tensor) -> Tensor:
    """One action (...) for log-probabilities (..., actions), by one number each.

    The draw stays below the whole sum, so it falls on an action whose probability is not 0.
    """
    cumulated = log_probs.exp().cumsum(-1)
    return (cumulated <= uniforms.unsqueeze(-1) * cumulated[..., -1:]).sum(-1)


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)
