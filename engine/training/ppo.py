"""Proximal policy optimisation: the loss of a minibatch and the update over a batch.

Pure functions over tensors and a network; the trainer owns all of it and calls from its thread. Metrics
stay tensors until one read-back at the end of an update.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.policies.networks import PolicyNetwork, log_probabilities

from .config import TrainerConfig

_METRICS = (
    "train/loss",
    "train/policy_gradient_loss",
    "train/value_loss",
    "train/entropy",
    "train/approx_kl",
    "train/clip_fraction",
    "train/grad_norm",
)


@dataclass(frozen=True)
class Samples:
    """A batch, or a minibatch of it: N samples, time and rows flattened."""

    observations: Tensor  # (N, size) uint8
    actions: Tensor  # (N,) int64
    log_probs: Tensor  # (N,) of the actions, when they were taken
    values: Tensor  # (N,) when they were taken
    advantages: Tensor  # (N,)
    returns: Tensor  # (N,)

    def at(self, indices: Tensor) -> Samples:
        """A minibatch. index_select: ten times faster than indexing on byte rows."""
        return Samples(
            self.observations.index_select(0, indices),
            self.actions.index_select(0, indices),
            self.log_probs.index_select(0, indices),
            self.values.index_select(0, indices),
            self.advantages.index_select(0, indices),
            self.returns.index_select(0, indices),
        )


def normalized(advantages: Tensor) -> Tensor:
    """Mean 0 and deviation 1; only centred where they hardly vary, so that noise is not blown up."""
    centred = advantages - advantages.mean()
    deviation = centred.square().mean().sqrt()
    scale = torch.where(deviation > 1e-6, deviation, torch.ones_like(deviation))
    return centred / scale


def policy_loss(log_ratio: Tensor, advantages: Tensor, clip: float) -> Tensor:
    """The clipped surrogate: what a change of probability is worth, but for the part that goes too far."""
    ratio = log_ratio.exp()
    return -torch.min(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages).mean()


def value_loss(values: Tensor, old_values: Tensor, returns: Tensor, value_clip: float) -> Tensor:
    """Half the squared error; with a clip, the worse of it and of that of a value that moved no further."""
    error = (values - returns).square()
    if value_clip > 0:
        near = old_values + (values - old_values).clamp(-value_clip, value_clip)
        error = torch.max(error, (near - returns).square())
    return 0.5 * error.mean()


def ppo_loss(network: PolicyNetwork, samples: Samples, config: TrainerConfig, entropy: float) -> tuple[Tensor, Tensor]:
    """The loss of a minibatch, and its metrics (in the order of _METRICS, without the gradient's norm)."""
    logits, values = network(samples.observations)
    log_probs = log_probabilities(logits)  # (B, actions)
    chosen = log_probs.gather(1, samples.actions.unsqueeze(1)).squeeze(1)  # (B,)
    log_ratio = chosen - samples.log_probs
    advantages = normalized(samples.advantages) if config.normalize_advantages else samples.advantages

    policy = policy_loss(log_ratio, advantages, config.clip)
    value = value_loss(values, samples.values, samples.returns, config.value_clip)
    mean_entropy = -(log_probs.exp() * log_probs).sum(1).mean()
    loss = policy + config.value_coefficient * value - entropy * mean_entropy

    with torch.no_grad():
        ratio = log_ratio.exp()
        kl = (ratio - 1 - log_ratio).mean()  # Schulman's k3: unbiased, never negative
        clipped = ((ratio - 1).abs() > config.clip).float().mean()
        return loss, torch.stack([loss, policy, value, mean_entropy, kl, clipped])


def explained_variance(values: Tensor, returns: Tensor) -> Tensor:
    """Share of the returns' variance that the values foretold: 1 all of it, 0 none, below 0 worse than a constant.
    0 where the returns do not vary."""
    variance = returns.var(correction=0)
    share = 1 - (returns - values).var(correction=0) / variance
    return torch.where(variance > 1e-12, share, torch.zeros_like(share))


def ppo_update(
    network: PolicyNetwork,
    optimizer: torch.optim.Optimizer,
    batch: Samples,
    config: TrainerConfig,
    entropy: float,
    generator: torch.Generator,
) -> dict[str, float]:
    """Train on one batch for the configured epochs; metrics are means over all its minibatches."""
    count = len(batch.actions)
    per_epoch = count // config.minibatch_size
    parameters = list(network.parameters())
    seen: list[Tensor] = []  # one (metrics,) tensor for each minibatch
    for _ in range(config.epochs):
        order = torch.randperm(count, generator=generator)
        for indices in torch.split(order, config.minibatch_size):
            loss, metrics = ppo_loss(network, batch.at(indices), config, entropy)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            grad_norm = nn.utils.clip_grad_norm_(parameters, config.max_grad_norm)
            optimizer.step()
            seen.append(torch.cat([metrics, grad_norm.detach().unsqueeze(0)]))
        if config.target_kl is not None and _mean_kl(seen[-per_epoch:]) > config.target_kl:
            break
    means = torch.stack(seen).mean(0)
    share = explained_variance(batch.values, batch.returns)
    read = torch.cat([means, share.unsqueeze(0)]).tolist()  # the one read-back
    values = dict(zip((*_METRICS, "train/explained_variance"), read, strict=True))
    values["train/entropy_loss"] = -values["train/entropy"]
    values["train/updates"] = float(len(seen))
    return values


def _mean_kl(metrics: list[Tensor]) -> float:
    """Mean k3 of an epoch's minibatches: a read-back, so once an epoch and only where it can stop one."""
    return float(torch.stack(metrics)[:, _METRICS.index("train/approx_kl")].mean())
