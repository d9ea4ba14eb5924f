"""Advantages against the definition of the lambda-return, and reward scaling against numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.training.ranks import Ranks
from engine.training.returns import ReturnScale, generalized_advantages

NOTHING, TERMINATED, TRUNCATED = range(3)


def lambda_return(
    rewards: np.ndarray, values: np.ndarray, final_values: np.ndarray, ends: np.ndarray, gamma: float, lam: float
) -> np.ndarray:
    """By definition, O(n^2), for one row: the (1 - lambda)-weighted sum of all n-step returns, the last one
    taking the weight that remains. `values` has one entry more than there are steps."""
    steps = len(rewards)
    result = np.zeros(steps)
    for t in range(steps):
        partial, weight_left, total = 0.0, 1.0, 0.0
        for k in range(t, steps):
            n = k - t + 1
            partial += gamma ** (n - 1) * rewards[k]
            if ends[k] == TERMINATED:
                future = 0.0
            elif ends[k] == TRUNCATED:
                future = final_values[k]
            else:
                future = values[k + 1]
            last = ends[k] != NOTHING or k == steps - 1
            weight = weight_left if last else (1 - lam) * lam ** (n - 1)
            total += weight * (partial + gamma**n * future)
            weight_left -= weight
            if last:
                break
        result[t] = total
    return result


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    steps=st.integers(1, 12),
    rows=st.integers(1, 4),
    gamma=st.floats(0.0, 1.0),
    lam=st.floats(0.0, 1.0),
    end_share=st.sampled_from([0.0, 0.2, 0.6]),
)
def test_advantages_match_the_definition(
    seed: int, steps: int, rows: int, gamma: float, lam: float, end_share: float
) -> None:
    random = np.random.default_rng(seed)
    rewards = random.normal(size=(steps, rows))
    values = random.normal(size=(steps + 1, rows))
    final_values = random.normal(size=(steps, rows))
    shares = [1 - end_share, end_share / 2, end_share / 2]
    ends = random.choice(3, size=(steps, rows), p=shares)

    advantages, returns = generalized_advantages(
        torch.tensor(rewards),
        torch.tensor(values[:-1]),
        torch.tensor(values[-1]),
        torch.tensor(final_values),
        torch.tensor(ends == TERMINATED),
        torch.tensor(ends == TRUNCATED),
        gamma,
        lam,
    )

    expected = np.stack(
        [lambda_return(rewards[:, r], values[:, r], final_values[:, r], ends[:, r], gamma, lam) for r in range(rows)],
        axis=1,
    )
    np.testing.assert_allclose(returns.numpy(), expected, atol=1e-5)
    np.testing.assert_allclose(advantages.numpy(), expected - values[:-1], atol=1e-5)


def advantage_of_one_step(*, terminated: bool, truncated: bool) -> float:
    """Reward 1, V 0, V of the next episode's first observation 100, V of the final observation 10, gamma 0.5."""
    advantages, _ = generalized_advantages(
        torch.ones(1, 1),
        torch.zeros(1, 1),
        torch.full((1,), 100.0),
        torch.full((1, 1), 10.0),
        torch.tensor([[terminated]]),
        torch.tensor([[truncated]]),
        0.5,
        0.95,
    )
    return float(advantages)


def test_terminated_step_has_no_future() -> None:
    assert advantage_of_one_step(terminated=True, truncated=False) == 1.0


def test_truncated_step_is_worth_its_final_observation() -> None:
    assert advantage_of_one_step(terminated=False, truncated=True) == 1.0 + 0.5 * 10


def test_last_step_of_a_rollout_looks_past_it() -> None:
    assert advantage_of_one_step(terminated=False, truncated=False) == 1.0 + 0.5 * 100


def test_return_scale_matches_numpy_over_many_batches() -> None:
    random = torch.Generator().manual_seed(0)
    scale = ReturnScale(5, Ranks())
    running, seen = np.zeros(5), []
    for _ in range(7):
        rewards = torch.randn((11, 5), generator=random) * 3 + 1
        ended = torch.rand((11, 5), generator=random) < 0.2
        scaled = scale.scale(rewards, ended, 0.9)
        for t in range(11):
            running = 0.9 * running + rewards[t].numpy()
            seen.append(running.copy())
            running = np.where(ended[t].numpy(), 0, running)

    assert float(scale.deviation()) == pytest.approx(np.std(seen), rel=1e-5)
    torch.testing.assert_close(scaled * scale.deviation().float(), rewards)


def test_return_scale_leaves_silence_alone() -> None:
    rewards = torch.zeros(4, 2)

    assert torch.equal(ReturnScale(2, Ranks()).scale(rewards, torch.zeros(4, 2, dtype=torch.bool), 0.9), rewards)
