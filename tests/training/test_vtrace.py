"""V-trace by hand: GAE where nothing is stale, and a correction worked out on three steps where something is."""

from __future__ import annotations

import pytest
import torch

from engine.training.returns import generalized_advantages

GAMMA, LAMBDA = 0.5, 0.8
REWARDS = torch.tensor([[1.0], [2.0], [4.0]])
VALUES = torch.tensor([[10.0], [20.0], [30.0]])
AFTER = torch.tensor([40.0])  # of the observation after the last step
NO_ENDS = torch.zeros(3, 1, dtype=torch.bool)

# r + gamma V' - V of each step: 1 + 10 - 10, 2 + 15 - 20, 4 + 20 - 30
DELTAS = (1.0, -3.0, -6.0)
CARRY = GAMMA * LAMBDA


def of(ratios: list[float] | None, ends: torch.Tensor = NO_ENDS) -> tuple[list[float], list[float]]:
    """Advantages and returns of the one row."""
    advantages, returns = generalized_advantages(
        REWARDS,
        VALUES,
        AFTER,
        torch.zeros(3, 1),
        ends,
        NO_ENDS,
        GAMMA,
        LAMBDA,
        ratios=None if ratios is None else torch.tensor(ratios).unsqueeze(1),
    )
    return advantages.squeeze(1).tolist(), returns.squeeze(1).tolist()


def test_fresh_actions_make_it_gae() -> None:
    assert of([1.0, 1.0, 1.0]) == of(None)


def test_actions_likelier_than_they_were_count_no_more_than_once() -> None:
    assert of([3.0, 1.5, 100.0]) == of(None)


def test_stale_actions_count_as_far_as_they_would_be_taken_now() -> None:
    rho = (0.5, 0.25, 0.75)
    # The value target of a step: V + rho (delta + carry (target' - V')), Espeholt et al. 2018 (1), from the last on.
    last = rho[2] * DELTAS[2]
    middle = rho[1] * (DELTAS[1] + CARRY * last)
    first = rho[0] * (DELTAS[0] + CARRY * middle)

    advantages, returns = of(list(rho))

    assert returns == pytest.approx([10 + first, 20 + middle, 30 + last])
    assert advantages == pytest.approx([DELTAS[0] + CARRY * middle, DELTAS[1] + CARRY * last, DELTAS[2]])
    assert returns == pytest.approx([10.26, 18.8, 25.5])  # the same in numbers


def test_nothing_is_corrected_across_an_end() -> None:
    ends = torch.tensor([[False], [True], [False]])

    advantages, returns = of([0.5, 1.0, 0.1], ends)

    assert advantages[1] == 2 - 20  # no future
    assert returns[1] == 2
    assert returns[0] == pytest.approx(10 + 0.5 * (DELTAS[0] + CARRY * (2 - 20)))
