"""Casts: every agent is played by its own member, and every member has seen it all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from engine.maps import cells_for, load_map
from engine.policies.architecture import Architecture
from engine.policies.cast import Cast
from engine.policies.networks import PolicyNetwork, build_network
from engine.policies.registry import Policy, create_policy, decide, take_step
from engine.policies.signature import Signature
from engine.policies.trained import TorchPolicy
from engine.sim import Batch, Rules, World, games, spec_of

TAG = games.hide_and_seek().model_copy(update={"max_steps": 9})  # agent 0 seeks, 1 and 2 hide
SPEC = spec_of(TAG)
WORLD = World(TAG, cells_for(load_map("hide_and_seek"), TAG))


def lstm(seed: int = 0) -> PolicyNetwork:
    network = build_network(Architecture(hidden=(16,), memory="lstm", memory_size=8), Signature.of(SPEC), seed)
    with torch.no_grad():
        network.policy_head.weight.mul_(100)  # at first it is nearly silent
    return network


MAKERS: dict[str, Callable[[], Policy]] = {
    "random": lambda: create_policy("random", TAG, SPEC, seed=1),
    "goal-seeker": lambda: create_policy("goal-seeker", TAG, SPEC, seed=2),
    "trained": lambda: TorchPolicy(lstm(), name="arena:v12", seed=3),
    "masked": lambda: TorchPolicy(lstm(1), name="maze:v7", seed=4, masked=True),
}


def members(*names: str) -> list[Policy]:
    return [MAKERS[name]() for name in names]


def test_each_agent_is_played_by_its_own_member_who_has_seen_all_rows() -> None:
    names = ("random", "trained", "masked")
    cast, alone = Cast(members(*names), [1, 2, 0], TAG), members(*names)
    players = np.array([1, 2, 0] * 2)

    with Batch(WORLD, 2, seed=5) as batch:
        for _ in range(40):
            masks = np.empty((batch.rows, len(SPEC.action_names)), np.uint8)
            batch.action_masks_into(masks)
            acted = [each.act(batch.observations, masks=masks if each.masked else None) for each in alone]
            expected = np.stack(acted)[players, np.arange(batch.rows)]

            actions = cast.act(batch.observations, masks=masks)

            assert (actions == expected).all()
            batch.step(actions)
            for each in (cast, *alone):
                each.forget((batch.terminated | batch.truncated).astype(np.bool_))
    assert cast.masked
    assert not Cast(members("random", "trained"), [0, 1, 1], TAG).masked


def test_whoever_takes_over_has_seen_the_episode() -> None:
    cast = Cast(members("random", "trained"), [0, 0, 0], TAG)
    witness = MAKERS["trained"]()

    with Batch(WORLD, seed=5) as batch:
        for _ in range(10):
            witness.act(batch.observations)
            take_step(cast, batch)
        taken = cast.recast([0, 1, 0])

        assert taken.act(batch.observations)[1] == witness.act(batch.observations)[1]
        assert taken.name == "agent 1 arena:v12, others random"


def test_what_is_known_of_a_row_is_what_its_member_knows() -> None:
    cast, trained = Cast(members("goal-seeker", "trained"), [1, 0, 0], TAG), MAKERS["trained"]()
    with Batch(WORLD, seed=5) as batch:
        told, alone = decide(cast, batch), decide(trained, batch)

    assert told.probabilities is not None
    assert told.values is not None
    assert alone.probabilities is not None
    assert alone.values is not None
    assert (told.probabilities[0] == alone.probabilities[0]).all()
    assert told.values[0] == alone.values[0]
    assert np.isnan(told.probabilities[1:]).all()
    assert np.isnan(told.values[1:]).all()


def test_where_nobody_knows_anything_nothing_is_told() -> None:
    with Batch(WORLD, seed=5) as batch:
        told = decide(Cast(members("goal-seeker", "random"), [0, 0, 0], TAG), batch)
        mixed = decide(Cast(members("goal-seeker", "random"), [0, 1, 0], TAG), batch)

    assert told.probabilities is None
    assert told.values is None
    assert mixed.values is None
    assert mixed.probabilities is not None
    assert np.isnan(mixed.probabilities).all(axis=1).tolist() == [True, False, True]


def test_a_cast_goes_on_exactly_from_its_state() -> None:
    cast = Cast(members("goal-seeker", "trained", "random"), [2, 1, 0], TAG)
    with Batch(WORLD, 2, seed=5) as batch:
        for _ in range(7):
            take_step(cast, batch)
        state, seen = cast.state(), batch.save()
        expected = [take_step(cast, batch).tolist() for _ in range(7)]
        again = cast.again(99)
        again.restore(state)
        batch.load(seen)
        batch.observations[:] = np.concatenate([batch.observe(env) for env in range(2)])

        assert [take_step(again, batch).tolist() for _ in range(7)] == expected


def four(**changes: object) -> Rules:
    return games.arena(agents=4, groups=2).model_copy(update=changes)


NAMES: dict[str, tuple[Rules, list[int], str]] = {
    "one plays all": (TAG, [1, 1, 1], "b"),
    "by roles": (TAG, [1, 0, 0], "seeker b, hider a"),
    "by agents": (TAG, [0, 0, 1], "agent 2 b, others a"),
    "by groups": (four(), [0, 1, 0, 1], "group 0 a, group 1 b"),
    "across groups": (four(), [0, 0, 1, 0], "agent 2 b, others a"),
    "several agents": (four(agents=5), [0, 2, 0, 2, 0], "group 0 a, group 1 c"),
    "odd ones": (four(agents=6), [0, 0, 1, 1, 0, 2], "agents 2, 3 b, agent 5 c, others a"),
}


@pytest.mark.parametrize("case", NAMES)
def test_a_cast_is_told_in_words(case: str) -> None:
    rules, parts, words = NAMES[case]
    policies = [create_policy("random", rules, spec_of(rules)) for _ in range(3)]
    for policy, name in zip(policies, "abc", strict=True):
        policy.name = name

    assert Cast(policies, parts, rules).name == words
