"""The pieces of the loss on numbers worked out by hand, and the update on made-up samples."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from engine.policies.architecture import Architecture
from engine.policies.networks import PolicyNetwork, build_network, log_probabilities
from engine.policies.signature import Signature
from engine.sim import games, spec_of
from engine.training.config import TrainerConfig
from engine.training.ppo import Samples, explained_variance, normalized, policy_loss, ppo_update, value_loss


def network() -> PolicyNetwork:
    return build_network(Architecture(hidden=(16,)), Signature.of(spec_of(games.navigation())), seed=0)


def samples_for(policy: PolicyNetwork, count: int = 64, action: int = 2) -> Samples:
    """Empty observations; one action was good and all others were bad, and everything is worth 1."""
    observations = torch.zeros((count, policy.signature.observation_size), dtype=torch.uint8)
    with torch.no_grad():
        logits, values = policy(observations)
    actions = torch.arange(count) % len(policy.signature.actions)
    log_probs = log_probabilities(logits).gather(1, actions.unsqueeze(1)).squeeze(1)
    advantages = torch.where(actions == action, 1.0, -1.0)
    return Samples(observations, actions, log_probs, values, advantages, torch.ones(count))


def updated(policy: PolicyNetwork, samples: Samples, **values: object) -> dict[str, float]:
    config = TrainerConfig.model_validate({"minibatch_size": 32, "epochs": 2, **values})
    optimizer = torch.optim.Adam(policy.parameters(), lr=config.learning_rate, eps=1e-5)
    return ppo_update(policy, optimizer, samples, config, config.entropy_coefficient, torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "slope"),
    [
        (1.0, 2.0, -2.0, -2.0),
        (1.1, 2.0, -2.2, -2.0),
        (1.5, 2.0, -2.4, 0.0),  # far enough in the good direction: no more pull
        (0.5, 2.0, -1.0, -2.0),  # too far in the bad one: pulled back
        (0.5, -2.0, 1.6, 0.0),
        (1.5, -2.0, 3.0, 2.0),
    ],
)
def test_clipped_surrogate(ratio: float, advantage: float, loss: float, slope: float) -> None:
    log_ratio = torch.tensor([math.log(ratio)], requires_grad=True)

    value = policy_loss(log_ratio, torch.tensor([advantage]), clip=0.2)
    value.backward()

    assert value.item() == pytest.approx(loss, rel=1e-5)
    assert float(log_ratio.grad) / ratio == pytest.approx(slope, rel=1e-5)  # d loss / d ratio


def test_value_loss_is_half_the_squared_error() -> None:
    assert float(value_loss(torch.tensor([3.0]), torch.tensor([0.0]), torch.tensor([1.0]), 0.0)) == 2.0


def test_clipped_value_stops_pulling_once_it_moved_far_enough() -> None:
    values = torch.tensor([1.5], requires_grad=True)  # moved from 0 toward 2, by more than 1

    value_loss(values, torch.tensor([0.0]), torch.tensor([2.0]), 1.0).backward()

    assert float(values.grad) == 0.0


def test_normalized_has_mean_0_and_deviation_1() -> None:
    result = normalized(torch.tensor([1.0, 2.0, 3.0, 10.0]))

    assert float(result.mean()) == pytest.approx(0, abs=1e-6)
    assert float(result.std(correction=0)) == pytest.approx(1, rel=1e-6)


def test_normalized_does_not_blow_up_noise() -> None:
    assert normalized(torch.full((8,), 3.0)).abs().max() == 0
    assert normalized(3.0 + 1e-7 * torch.arange(8)).abs().max() < 1e-5


@pytest.mark.parametrize(("values", "share"), [([1.0, 2.0, 3.0], 1.0), ([2.0, 2.0, 2.0], 0.0), ([3.0, 2.0, 1.0], -3.0)])
def test_explained_variance(values: list[float], share: float) -> None:
    assert float(explained_variance(torch.tensor(values), torch.tensor([1.0, 2.0, 3.0]))) == pytest.approx(share)


def test_explained_variance_of_constant_returns_is_0() -> None:
    assert float(explained_variance(torch.tensor([0.5, 0.7]), torch.tensor([1.0, 1.0]))) == 0.0


def test_first_update_sees_no_change_of_policy() -> None:
    policy = network()

    metrics = updated(policy, samples_for(policy), minibatch_size=64, epochs=1)

    assert metrics["train/approx_kl"] == pytest.approx(0, abs=1e-6)
    assert metrics["train/clip_fraction"] == 0
    assert metrics["train/entropy"] == pytest.approx(math.log(9), rel=1e-3)
    assert metrics["train/entropy_loss"] == -metrics["train/entropy"]


def test_update_makes_good_actions_likelier_and_values_truer() -> None:
    policy = network()
    samples = samples_for(policy)

    updated(policy, samples, epochs=10, learning_rate=1e-2)
    logits, values = policy(samples.observations[:1])

    assert int(logits.argmax()) == 2
    assert abs(values.item() - 1) < abs(samples.values[0].item() - 1)


def test_target_kl_skips_later_epochs() -> None:
    policy = network()

    metrics = updated(policy, samples_for(policy), epochs=10, learning_rate=0.05, target_kl=0.01)

    assert metrics["train/updates"] < 20
    assert metrics["train/updates"] % 2 == 0  # whole epochs of two minibatches


def test_gradients_are_clipped_but_logged_whole() -> None:
    policy = network()
    samples = samples_for(policy)
    before = [parameter.detach().clone() for parameter in policy.parameters()]
    optimizer = torch.optim.SGD(policy.parameters(), lr=1.0)
    config = TrainerConfig(minibatch_size=64, epochs=1, max_grad_norm=0.5)

    huge = replace(samples, returns=torch.full((64,), 1e4))
    metrics = ppo_update(policy, optimizer, huge, config, 0.0, torch.Generator().manual_seed(0))

    moved = torch.stack([(a - b).norm() for a, b in zip(policy.parameters(), before, strict=True)]).norm()
    assert metrics["train/grad_norm"] > 100
    assert moved.item() == pytest.approx(0.5, rel=1e-3)
