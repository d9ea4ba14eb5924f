"""The pieces of the loss on numbers worked out by hand, and the update on made-up samples."""

from __future__ import annotations

import math

import pytest
import torch

from engine.policies.architecture import Architecture
from engine.policies.signature import Signature
from engine.sim import games, spec_of
from engine.training.config import TrainerConfig
from engine.training.learner import Learner
from engine.training.losses.ppo import policy_loss, value_loss
from engine.training.ranks import Ranks
from engine.training.samples import Experience
from engine.training.workers import Workers

COUNT = 64


def learner(*, workers: int = 1, **values: object) -> Learner:
    settings = {"minibatch_size": 32, "epochs": 2, "policy": Architecture(hidden=(16,)), **values}
    return Learner(
        "",
        TrainerConfig.model_validate(settings),
        Signature.of(spec_of(games.navigation())),
        rows=None,
        row_count=COUNT,
        workers=Workers(workers, 1),
        ranks=Ranks(),
        seed=0,
    )


def experience_of(policy: Learner, action: int = 2) -> Experience:
    """One step of 64 rows that saw nothing: one action was good, all others were bad, everything is worth 1."""
    network = policy.network
    observations = torch.zeros((COUNT, network.signature.observation_size), dtype=torch.uint8)
    with torch.no_grad():
        logits, values = network(observations)
    actions = torch.arange(COUNT).unsqueeze(1) % network.heads.action_count
    tensors = {
        "observations": observations,
        "actions": actions,
        "log_probs": network.heads.chosen(network.heads.log_probs(logits), actions),
        "values": values,
        "advantages": torch.where(actions.squeeze(1) == action, 1.0, -1.0),
        "returns": torch.ones(COUNT),
    }
    return Experience(tensors, horizon=1, row_count=COUNT)


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


def normalized(advantages: torch.Tensor) -> torch.Tensor:
    mean, deviation = Ranks().scale_of(advantages, len(advantages))
    return (advantages - mean) / deviation


def test_normalized_has_mean_0_and_deviation_1() -> None:
    result = normalized(torch.tensor([1.0, 2.0, 3.0, 10.0]))

    assert float(result.mean()) == pytest.approx(0, abs=1e-6)
    assert float(result.std(correction=0)) == pytest.approx(1, rel=1e-6)


def test_normalized_does_not_blow_up_noise() -> None:
    assert normalized(torch.full((8,), 3.0)).abs().max() == 0
    assert normalized(3.0 + 1e-7 * torch.arange(8)).abs().max() < 1e-5


@pytest.mark.parametrize(("values", "share"), [([1.0, 2.0, 3.0], 1.0), ([2.0, 2.0, 2.0], 0.0), ([3.0, 2.0, 1.0], -3.0)])
def test_explained_variance(values: list[float], share: float) -> None:
    assert float(Ranks().explained_variance(torch.tensor(values), torch.tensor([1.0, 2.0, 3.0]))) == pytest.approx(
        share
    )


def test_explained_variance_of_constant_returns_is_0() -> None:
    assert float(Ranks().explained_variance(torch.tensor([0.5, 0.7]), torch.tensor([1.0, 1.0]))) == 0.0


def test_first_update_sees_no_change_of_policy() -> None:
    policy = learner(minibatch_size=COUNT, epochs=1)

    metrics = policy.update(experience_of(policy))

    assert metrics["train/approx_kl"] == pytest.approx(0, abs=1e-6)
    assert metrics["train/clip_fraction"] == 0
    assert metrics["train/entropy"] == pytest.approx(math.log(9), rel=1e-3)
    assert metrics["train/entropy_loss"] == -metrics["train/entropy"]


def test_update_makes_good_actions_likelier_and_values_truer() -> None:
    policy = learner(epochs=10, learning_rate=1e-2)
    experience = experience_of(policy)

    policy.update(experience)
    logits, values = policy.network(experience.tensors["observations"][:1])

    assert int(logits.argmax()) == 2
    assert abs(values.item() - 1) < abs(experience.tensors["values"][0].item() - 1)


def test_target_kl_skips_later_epochs() -> None:
    policy = learner(epochs=10, learning_rate=0.05, target_kl=0.01)

    metrics = policy.update(experience_of(policy))

    assert metrics["train/updates"] < 20
    assert metrics["train/updates"] % 2 == 0  # whole epochs of two minibatches


@pytest.mark.parametrize(("limit", "moved"), [(0.5, 0.5), (None, None)])
def test_gradients_are_clipped_but_logged_whole(limit: float | None, moved: float | None) -> None:
    policy = learner(minibatch_size=COUNT, epochs=1, max_grad_norm=limit)
    policy.optimizer = torch.optim.SGD(policy.network.parameters(), lr=1.0)
    policy.hyper["learning_rate"] = 1.0
    experience = experience_of(policy)
    experience.tensors["returns"].fill_(1e4)
    before = [parameter.detach().clone() for parameter in policy.network.parameters()]

    metrics = policy.update(experience)

    after = zip(policy.network.parameters(), before, strict=True)
    distance = torch.stack([(new - old).norm() for new, old in after]).norm().item()
    assert metrics["train/grad_norm"] > 100
    assert distance == pytest.approx(moved or metrics["train/grad_norm"], rel=1e-3)


def test_two_threads_learn_what_one_learns() -> None:
    one, two = learner(epochs=3), learner(epochs=3, workers=2)

    first, second = one.update(experience_of(one)), two.update(experience_of(two))

    assert first == pytest.approx(second, rel=1e-4, abs=1e-6)
    for mine, theirs in zip(one.network.parameters(), two.network.parameters(), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-6)
