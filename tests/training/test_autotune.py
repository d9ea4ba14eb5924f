"""Which settings are tried, what they are said to take, and which is recommended."""

from __future__ import annotations

import pytest

from engine.errors import GridrlError
from engine.maps import cells_for, load_map
from engine.runs import SilentWriter
from engine.sim import World, games
from engine.training.autotune import Measured, best_of, candidates, changed, measurements, memory_of
from engine.training.config import TrainerConfig
from engine.training.rollout import Rollout
from engine.training.trainer import Trainer

BASE = TrainerConfig(env_count=8, horizon=16, minibatch_size=64)
PLENTY = 1 << 40


def world() -> World:
    rules = games.navigation()
    return World(rules, cells_for(load_map("navigation/walls9"), rules))


def measured(rate: float, **changes: int) -> Measured:
    return Measured(BASE.model_copy(update=changes), 0, rate, 1.0)


def test_the_settings_as_they_are_come_first_and_all_others_can_be_trained() -> None:
    spec = world().spec

    tried = candidates(BASE, spec, cores=2, memory_cap=PLENTY)

    assert tried[0] == BASE
    assert len(tried) == len(set(map(str, tried)))
    assert {config.learner_threads for config in tried} == {1, 2}
    assert {config.env_count for config in tried} == {8, 16, 32}
    for config in tried:
        config.require_fit(spec.agent_count)


def test_nothing_but_the_settings_as_they_are_is_tried_beyond_the_memory() -> None:
    spec = world().spec

    assert candidates(BASE, spec, cores=1, memory_cap=memory_of(BASE, spec) - 1) == [BASE]
    assert len(candidates(BASE, spec, cores=1, memory_cap=PLENTY)) > 1


def test_estimated_memory_is_about_that_of_the_tables() -> None:
    config = TrainerConfig(env_count=64, horizon=32, minibatch_size=2)
    trainer = Trainer([world()], config, SilentWriter("none"))

    rollout: Rollout = trainer.rollout
    held = sum(table.nbytes for table in vars(rollout).values() if hasattr(table, "nbytes"))
    trainer.close()

    assert memory_of(config, trainer.spec) == pytest.approx(held, rel=0.15)


def test_what_learns_otherwise_must_be_clearly_faster() -> None:
    now, threads, batch = measured(100), measured(120, learner_threads=2), measured(123, env_count=16)

    same, best = best_of([now, threads, batch], BASE)
    assert same is threads
    assert best is threads

    faster = measured(150, env_count=16)
    assert best_of([now, threads, faster], BASE) == (threads, faster)
    assert changed(faster.config, BASE) == {"env_count"}


def test_each_candidate_is_measured_for_more_than_one_iteration() -> None:
    found = list(measurements([world()], [BASE, BASE.model_copy(update={"learner_threads": 2})], seconds=0.01))

    assert found[0].config == BASE
    assert found[0].rate > 0
    assert found[0].cpu_us > 0


def test_settings_that_cannot_be_trained_are_an_error_only_if_they_are_the_recipe_s() -> None:
    broken = BASE.model_copy(update={"minibatch_size": 100})

    with pytest.raises(GridrlError):
        list(measurements([world()], [broken], seconds=1))
    assert [each.config for each in measurements([world()], [BASE, broken], seconds=0.01)] == [BASE]
