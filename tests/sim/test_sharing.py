"""Whose counts a reward term sums, whom it pays and when, and rewards that a group shares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from engine.sim import Batch, Kind, Resource, Rules, Scope, Term, World

from .drawn import sim_from, step
from .small_game import small
from .strategies import action_table, games_with_maps
from .test_reference import SEEDS, Game

MINE = Kind(style="use", outputs={"ore": 1})


def digging(*terms: Term, **changes: Any) -> Batch:
    """Two agents of group 0 and one of group 1 before a mine each; all face it."""
    rules = small(
        kinds={"mine": MINE},
        agents=3,
        groups=2,
        group_sizes=(2, 1),
        resources={"ore": Resource(limit=9, initial=1)},
        rewards=terms,
        **changes,
    )
    sim = sim_from("mmm\n112", rules)
    step(sim, "rotate_north")
    return sim


def ore(scope: Scope, **changes: Any) -> Term:
    return Term.model_validate({"name": "ore", "stat": "ore.gained", "weight": 1.0, "scope": scope, **changes})


@pytest.mark.parametrize(
    ("scope", "expected"), [("agent", [1.0, 0.0, 1.0]), ("group", [1.0, 1.0, 1.0]), ("world", [2.0, 2.0, 2.0])]
)
def test_a_scope_says_whose_counts_are_summed(scope: Scope, expected: list[float]) -> None:
    sim = digging(ore(scope))

    step(sim, "use", "noop", "use")

    assert sim.rewards.tolist() == expected


def test_a_cap_holds_for_each_agent_of_a_sum() -> None:
    sim = digging(ore(Scope.WORLD, cap=2.5))

    step(sim, "use", "use", "use")
    assert sim.rewards.tolist() == [2.5, 2.5, 2.5]
    step(sim, "use", "use", "use")
    assert sim.rewards.tolist() == [0.0, 0.0, 0.0]


def test_a_term_pays_its_role_alone() -> None:
    roles = {"roles": ("digger", "guard"), "group_roles": ("digger", "guard")}
    sim = digging(ore(Scope.WORLD, role="guard"), **roles)

    step(sim, "use", "use", "noop")

    assert sim.rewards.tolist() == [0.0, 0.0, 2.0]


def test_a_term_at_the_end_pays_the_whole_in_the_last_step() -> None:
    held = Term(name="held", holding="ore", weight=1.0, at_end=True)
    sim = digging(ore(Scope.AGENT, at_end=True), held, max_steps=4)  # one step is over
    rewards = []

    for action in ("use", "noop", "use"):
        step(sim, action, "noop", "noop")
        rewards.append(sim.rewards.tolist())

    assert rewards[:2] == [[0.0] * 3] * 2
    assert rewards[2] == [2.0 + 3.0, 1.0, 1.0]  # two were gained; what is held counts with what one began with
    step(sim, "use", "noop", "noop")  # of the next episode
    assert sim.rewards.tolist() == [0.0] * 3


@pytest.mark.parametrize(
    ("shares", "expected"),
    [((0, 0), [1.0, 0.0, 1.0]), ((50, 0), [0.75, 0.25, 1.0]), ((100, 100), [0.5, 0.5, 1.0])],
)
def test_a_group_shares_its_part_equally(shares: tuple[int, int], expected: list[float]) -> None:
    sim = digging(ore(Scope.AGENT), group_shares=shares)

    step(sim, "use", "noop", "use")  # the third agent is alone in its group: it shares with itself

    assert sim.rewards.tolist() == expected


def test_the_ledger_tells_what_sharing_took_and_gave() -> None:
    sim = digging(ore(Scope.AGENT), group_shares=(50, 0))
    step(sim, "use", "noop", "use")
    step_ledger, episode_ledger, _ = sim.ledger()

    assert sim.spec.term_names == ("ore", "shared")
    assert step_ledger.tolist() == [[1.0, -0.25], [0.0, 0.25], [1.0, 0.0]]
    assert episode_ledger.tolist() == step_ledger.tolist()
    assert sim.rewards.tolist() == [0.75, 0.25, 1.0]


@settings(max_examples=60)
@given(games_with_maps(), SEEDS)
def test_sharing_moves_rewards_about_and_makes_none(game: Game, seed: int) -> None:
    shared, maps = game
    alone: Rules = shared.model_copy(update={"group_shares": ()})
    batches = [Batch([World(rules, cells) for cells in maps], 2, seed=seed) for rules in (shared, alone)]

    for actions in action_table(shared, batches[0].rows, 20, seed % 2**32):
        for batch in batches:
            batch.step(actions)
        rewards = [batch.rewards.reshape(2, -1).astype(np.float64) for batch in batches]
        groups = np.array(shared.agent_groups)
        for group in range(shared.groups):
            with_sharing, without = (reward[:, groups == group].sum(axis=1) for reward in rewards)
            assert with_sharing == pytest.approx(without, abs=1e-3, rel=1e-5)
