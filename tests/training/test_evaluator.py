"""The evaluator: what it counts, on whom and with what; and that training does not notice it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engine.policies.architecture import Architecture
from engine.policies.heads import ActionHeads
from engine.policies.networks import build_network
from engine.policies.signature import Signature
from engine.runs import RunWriter
from engine.sim import Batch, Rules, World, games
from engine.training.components.base import Components
from engine.training.components.config import EvaluatorConfig
from engine.training.components.evaluator import Evaluator
from engine.training.trainer import Trainer

from .drawn import WALLS_9, cells_of, small_config
from .stand_in import StandIn

STEPS = 20
WALK = games.navigation(max_steps=STEPS).model_copy(update={"spawn_anywhere": False})
HELD_OUT = 1 << 63


class Wishes(nn.Module):
    """Wants actions by name, the first one most; by the step of the episode where there are several lists."""

    memory_size = 1

    def __init__(self, rules: Rules, *lists: Sequence[str]) -> None:
        super().__init__()
        names = list(rules.action_names)
        self.heads = ActionHeads((len(names),))
        wanted = torch.zeros(len(lists), len(names))
        for row, wishes in zip(wanted, lists, strict=True):
            for place, name in enumerate(wishes):
                row[names.index(name)] = 1000.0 / (place + 1)
        self.wanted = nn.Parameter(wanted)

    def step(self, observations: Tensor, memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        steps = memory[:, 0].long().clamp(max=len(self.wanted) - 1)
        return self.wanted[steps], torch.zeros(len(memory)), memory + 1


def pupil(network: nn.Module, name: str = "", rows: Tensor | None = None) -> Any:
    return SimpleNamespace(network=network, name=name, rows=rows)


def evaluated(
    rules: Rules,
    maps: Sequence[str],
    *learners: Any,
    held_out: Sequence[World] = (),
    trainer: dict[str, Any] | None = None,
    **settings: Any,
) -> dict[str, float]:
    """What one evaluation logs."""
    worlds = tuple(World(rules, cells_of(text, rules)) for text in maps)
    stand_in = StandIn(
        config=small_config(**(trainer or {})), rules=rules, spec=worlds[0].spec, worlds=worlds, learners=learners
    )
    components = Components([Evaluator(EvaluatorConfig(every=1, **settings), held_out)])
    logged = stand_in.iterate(components)
    assert stand_in.events == []
    return {name: value for name, value in logged.items() if "eval/" in name}


@pytest.mark.parametrize("greedy", [True, False])
def test_a_walk_to_the_goal_is_a_success_of_that_length_and_return(greedy: bool) -> None:
    east = pupil(Wishes(WALK, ["move_east"]))

    assert evaluated(WALK, ["#@...*#"], east, episodes=7, greedy=greedy) == pytest.approx(
        {"eval/return_mean": 1 - 0.04, "eval/length_mean": 4, "eval/success_rate": 1, "eval/episodes": 7}
    )


def test_an_episode_that_the_clock_ends_is_no_success() -> None:
    west = pupil(Wishes(WALK, ["move_west"]))

    logged = evaluated(WALK, ["#@...*#"], west, episodes=3)

    assert logged == pytest.approx(
        {"eval/return_mean": -0.01 * STEPS, "eval/length_mean": STEPS, "eval/success_rate": 0, "eval/episodes": 3}
    )


def test_every_env_counts_once_however_often_its_episodes_end() -> None:
    maps, east = ["#@*...#", "#@.#.*#"], pupil(Wishes(WALK, ["move_east"]))
    worlds = [World(WALK, cells_of(text, WALK)) for text in maps]
    with Batch(worlds, 50, HELD_OUT) as batch:
        near = sum(batch.look(env).world == 0 for env in range(50))
    assert 0 < near < 50

    logged = evaluated(WALK, maps, east, episodes=50)

    assert logged["eval/success_rate"] == near / 50
    assert logged["eval/return_mean"] == pytest.approx((near * (1 - 0.01) - (50 - near) * 0.01 * STEPS) / 50)
    assert logged["eval/length_mean"] == (near * 1 + (50 - near) * STEPS) / 50


def test_a_game_that_nothing_ends_is_left_after_a_thousand_steps() -> None:
    rules = WALK.model_copy(update={"max_steps": 0})

    assert evaluated(rules, ["#@.*#"], pupil(Wishes(rules, ["noop"])), episodes=2)["eval/length_mean"] == 1000


def test_a_game_without_an_end_by_the_rules_has_no_success_rate() -> None:
    rules = games.arena(agents=1, max_steps=5)

    logged = evaluated(rules, ["#@.#"], pupil(Wishes(rules, ["noop"])), episodes=2)

    assert "eval/success_rate" not in logged
    assert logged["eval/length_mean"] == 5


def test_what_a_network_remembers_goes_from_step_to_step() -> None:
    corner = pupil(Wishes(WALK, ["move_east"], ["move_south"]))

    assert evaluated(WALK, ["#####\n#@.##\n##.##\n##*##\n#####"], corner, episodes=3)["eval/length_mean"] == 3


def test_masks_hold_in_an_evaluation_too() -> None:
    stubborn = pupil(Wishes(WALK, ["move_north", "move_east"]))
    maps = ["#####\n#@.*#\n#####"]

    assert evaluated(WALK, maps, stubborn, episodes=3)["eval/success_rate"] == 0
    assert evaluated(WALK, maps, stubborn, episodes=3, trainer={"masks": True})["eval/success_rate"] == 1


def test_held_out_worlds_are_played_in_place_of_those_of_training() -> None:
    east = pupil(Wishes(WALK, ["move_east"]))
    held_out = [World(WALK, cells_of("#@..*#", WALK))]

    assert evaluated(WALK, ["#@*#"], east, held_out=held_out)["eval/length_mean"] == 3


PURSUIT = games.pursuit(predators=2, prey=1, max_steps=9)
FIELD = """
    ########
    #1..#.2#
    #1..#..#
    ########"""


def test_each_learner_plays_its_own_agents() -> None:
    predators = pupil(Wishes(PURSUIT, ["noop"]), "predator", torch.tensor([0, 1, 3, 4]))
    prey = pupil(Wishes(PURSUIT, ["noop"]), "prey", torch.tensor([2, 5]))

    logged = evaluated(PURSUIT, [FIELD], predators, prey, episodes=4)

    assert logged["predator/eval/return_mean"] == pytest.approx(-0.09)
    assert logged["prey/eval/return_mean"] == pytest.approx(0.09)
    assert logged["eval/return_mean"] == pytest.approx((2 * -0.09 + 0.09) / 3)


def test_a_role_that_does_not_learn_is_played_by_its_policy() -> None:
    hunt = """
        ######
        #1...#
        #.1.2#
        ######"""
    learner = pupil(Wishes(PURSUIT, ["noop"]), "", torch.tensor([0, 1]))
    still = {"roles": {"prey": {"play": "noop"}}}
    wild = {"roles": {"prey": {"play": "random"}}}

    assert evaluated(PURSUIT, [hunt], learner, episodes=30, trainer=still)["eval/success_rate"] == 0
    assert evaluated(PURSUIT, [hunt], learner, episodes=30, trainer=wild)["eval/success_rate"] > 0


def untrained(seed: int) -> nn.Module:
    rules = games.navigation(max_steps=STEPS)
    spec = World(rules, cells_of(WALLS_9, rules)).spec
    network = build_network(Architecture(hidden=(8,)), Signature.of(spec), seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(10)  # a fresh policy hardly prefers anything
    return network


def test_the_suite_is_the_same_each_time_and_its_seed_chooses_it() -> None:
    rules = games.navigation(max_steps=STEPS)
    worlds = (World(rules, cells_of(WALLS_9, rules)),)
    learner = pupil(untrained(0))
    trainer = StandIn(config=small_config(), rules=rules, spec=worlds[0].spec, worlds=worlds, learners=(learner,))
    components = Components([Evaluator(EvaluatorConfig(every=1))])
    told = [dict(trainer.iterate(components)) for _ in range(2)]
    learner.network = untrained(1)  # as if it had learnt: the copy follows
    told.append(dict(trainer.iterate(components)))
    other = trainer.iterate(Components([Evaluator(EvaluatorConfig(every=1, seed=1))]))

    returns = [metrics["eval/return_mean"] for metrics in (*told, other)]

    assert returns[0] == returns[1]
    assert len(set(returns)) == 3


def test_envs_that_are_not_ours_cannot_be_evaluated_and_training_goes_on() -> None:
    trainer, components = StandIn(), Components([Evaluator(EvaluatorConfig(every=1))])

    trainer.iterate(components)

    assert components.disabled == ("evaluator",)
    assert "games of ours" in trainer.events[0][1]


@pytest.mark.parametrize("settings", [{}, {"masks": True}, {"policy": {"memory": "lstm", "hidden": [16]}}])
def test_training_is_the_same_bit_for_bit_with_and_without(tmp_path: Path, settings: dict[str, Any]) -> None:
    rules = games.navigation(max_steps=STEPS)
    runs = []
    for enabled in (True, False):
        evaluator = {"enabled": enabled, "every": 1, "episodes": 5}
        config = small_config(components={"evaluator": evaluator}, **settings)
        with RunWriter.create(tmp_path, f"evaluated_{enabled}", {}, {}) as writer:
            trainer = Trainer([World(rules, cells_of(WALLS_9, rules))], config, writer)
            trainer.run()
            assert ("eval/return_mean" in trainer.metrics) is enabled
            runs.append({key: tensor.clone() for key, tensor in trainer.tensors().items()})
            trainer.close()

    assert runs[0].keys() == runs[1].keys()
    assert not [key for key in runs[0] if not torch.equal(runs[0][key], runs[1][key])]


def test_the_global_random_streams_are_left_alone() -> None:
    before = (torch.get_rng_state(), np.random.get_state()[1].tolist())

    evaluated(WALK, ["#@...*#"], pupil(Wishes(WALK, ["move_east"])))

    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]
