"""V-trace by hand: GAE where nothing is stale, and a correction worked out on three steps where something is."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from engine.runs import RunWriter
from engine.sim import World, games
from engine.training.returns import generalized_advantages
from engine.training.trainer import Trainer

from .drawn import WALLS_9, cells_of, small_config

GAMMA, LAMBDA = 0.5, 0.8
REWARDS = torch.tensor([[1.0], [2.0], [4.0]])
VALUES = torch.tensor([[10.0], [20.0], [30.0]])
AFTER = torch.tensor([40.0])  # of the observation after the last step
NO_ENDS = torch.zeros(3, 1, dtype=torch.bool)

# r + gamma V' - V of each step: 1 + 10 - 10, 2 + 15 - 20, 4 + 20 - 30
DELTAS = (1.0, -3.0, -6.0)
CARRY = GAMMA * LAMBDA


def of(ratios: list[float] | None, ends: torch.Tensor = NO_ENDS, **clips: float) -> tuple[list[float], list[float]]:
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
        **clips,
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


@pytest.mark.parametrize(("rho_clip", "c_clip"), [(2.0, 0.5), (0.5, 2.0), (1.0, 1.0), (10.0, 10.0)])
def test_each_clip_is_where_the_paper_has_it(rho_clip: float, c_clip: float) -> None:
    ratios = [3.0, 0.75, 1.5]
    rho = [min(rho_clip, ratio) for ratio in ratios]
    c = [LAMBDA * min(c_clip, ratio) for ratio in ratios]

    advantages, returns = of(ratios, rho_clip=rho_clip, c_clip=c_clip)

    # Espeholt et al. 2018 (1): V_s + sum over t >= s of gamma^(t - s) (c_s ... c_(t - 1)) rho_t delta_t
    targets = [
        float(VALUES[s]) + sum(GAMMA ** (t - s) * math.prod(c[s:t]) * rho[t] * DELTAS[t] for t in range(s, 3))
        for s in range(3)
    ]
    beyond = [targets[t] - float(VALUES[t]) for t in (1, 2)] + [0.0]
    assert returns == pytest.approx(targets, abs=1e-5)
    assert advantages == pytest.approx([DELTAS[t] + CARRY * beyond[t] for t in range(3)], abs=1e-5)


def test_a_run_has_its_own_clips(tmp_path: Path) -> None:
    rules = games.navigation(max_steps=20)
    config = small_config(vtrace=True, vtrace_rho_clip=0.01, vtrace_c_clip=1e-6, learning_rate=0.02)
    with RunWriter.create(tmp_path, "test", {}, {}) as writer:
        trainer = Trainer([World(rules, cells_of(WALLS_9, rules))], config, writer)
        trainer.run()
        learner, rollout = trainer.learners[0], trainer.rollout

        learner._refresh(learner._experience(rollout), rollout, rollout.rewards)

        with torch.no_grad():
            values = torch.stack([learner.network(each)[1] for each in rollout.observations[:-1]])
            after = learner.network(rollout.observations[-1])[1]
        assert not torch.allclose(values, rollout.values, atol=1e-3)
        torch.testing.assert_close(learner.last_values, after, atol=1e-5, rtol=1e-5)
        # rho x the step's own error, and nothing of what came after; the advantage has a hundredth of that besides.
        torch.testing.assert_close(rollout.returns - values, 0.01 * rollout.advantages, atol=1e-4, rtol=0)
        assert rollout.advantages.abs().max() > 0.2
        trainer.close()


def test_nothing_is_corrected_across_an_end() -> None:
    ends = torch.tensor([[False], [True], [False]])

    advantages, returns = of([0.5, 1.0, 0.1], ends)

    assert advantages[1] == 2 - 20  # no future
    assert returns[1] == 2
    assert returns[0] == pytest.approx(10 + 0.5 * (DELTAS[0] + CARRY * (2 - 20)))
