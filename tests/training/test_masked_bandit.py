"""Masks hold at all times: what is illegal is never drawn, has probability 0 and no gradient; the best arm is found."""

from __future__ import annotations

import pytest
import torch

from engine.runs import RunDirectory
from engine.sim import Batch, World
from engine.training.trainer import Trainer

from .bandit import ARMS, BEST, masked_bandit
from .drawn import cells_of, small_config, trained
from .playing import played

RULES = masked_bandit()
CELLS = cells_of(ARMS, RULES)


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trainer, RunDirectory]:
    config = small_config(
        total_steps=30_000, masks=True, entropy_coefficient=0.001, epochs=4, learning_rate=1e-2, log_episodes=10_000
    )
    return trained(tmp_path_factory.mktemp("bandit"), RULES, [CELLS], config)


def test_nothing_illegal_was_ever_done(learnt: tuple[Trainer, RunDirectory]) -> None:
    _, run = learnt

    rows = run.read_episodes()

    assert len(rows) > 20_000  # every episode of the run, one step each
    assert {row["length"] for row in rows} == {1}
    assert sum(row["stats"]["action.failed"] for row in rows) == 0


def test_illegal_probability_is_exactly_0(learnt: tuple[Trainer, RunDirectory]) -> None:
    network = learnt[0].network
    with Batch(World(RULES, CELLS)) as batch:
        masks = torch.from_numpy(batch.action_mask())
        logits, _ = network(torch.from_numpy(batch.observations))

    log_probs = network.heads.log_probs(network.heads.masked(logits, masks))

    assert masks.tolist() == [[False, False, True, True]]
    assert log_probs.exp()[0, :2].tolist() == [0.0, 0.0]
    assert torch.isfinite(network.heads.entropy(log_probs)).all()


def test_illegal_actions_get_no_gradient(learnt: tuple[Trainer, RunDirectory]) -> None:
    network = learnt[0].network
    optimizer = learnt[0].learners[0].optimizer

    moments = optimizer.state[network.policy_head.weight]["exp_avg_sq"]

    assert (moments[:2] == 0).all()  # of 30,000 steps not one pulled
    assert (moments[2:] > 0).any()


def test_regret_goes_to_0(learnt: tuple[Trainer, RunDirectory]) -> None:
    result = played(learnt[0].network, World(RULES, CELLS), masks=True)

    assert BEST - result.mean_return < 0.01
