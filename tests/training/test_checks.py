"""What is said of settings before a run: each check on both sides of its border, and hints that hold."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from engine.errors import ConfigError
from engine.sim import Action, Batch, Rules, Verb, World, games
from engine.training.checks import Check, Level, check_trainer
from engine.training.config import TrainerConfig
from engine.training.rollout import Lane, Rollout

from .drawn import WALLS_9, cells_of

NOOP = Action(name="noop", verb=Verb.NOOP)
HINT = re.compile(r"([a-z_]+)=(\S+) \w+")


def never_over(agents: int = 1, max_steps: int = 0) -> Rules:
    """A game that only a limit can end."""
    return Rules(name="still", agents=agents, max_steps=max_steps, actions=(NOOP,))


def can_be_over(max_steps: int = 0) -> Rules:
    """A game that ends at the goal."""
    return games.navigation(max_steps=max_steps)


def found(key: str, rules: Rules, *, cores: int = 4, at: int = 0, **settings: Any) -> Check:
    """The check of that key; of several, by number."""
    checks = check_trainer(TrainerConfig.model_validate(settings), rules, cores=cores)
    return [check for check in checks if check.key == key][at]


def level_of(key: str, rules: Rules, **settings: Any) -> Level:
    return found(key, rules, **settings).level


def test_all_is_shown_with_its_arithmetic() -> None:
    trainer = TrainerConfig(minibatch_size=2048, gamma=0.995, target_kl=0.015, total_steps=100_000_000)

    checks = check_trainer(trainer, games.arena(), cores=2, observation_bytes=374, memory_bytes=10**9)

    assert [(check.key, check.level.value, check.words) for check in checks] == [
        ("minibatch_size", "ok", "128 envs x 6 agents x 32 steps = 24,576 = 12 minibatches of 2,048"),
        ("env_count", "note", "128 envs x 32 steps = 4,096 env steps = 4.1 episodes of 1,000 steps in each batch"),
        ("horizon", "ok", "1 / (1 - 0.995 x 0.95): an advantage reaches 18.3 steps; the horizon is 32"),
        (
            "gamma",
            "note",
            "1 / (1 - 0.995): the discount reaches 200 steps; "
            "at the end of 1,000 a reward weighs 0.995^1000 = 0.0067 at the start",
        ),
        ("total_steps", "ok", "100,000,000 steps in batches of 24,576 = 4,070 iterations"),
        ("epochs", "ok", "2 epochs x 12 minibatches = 24 optimiser steps on each batch"),
        ("target_kl", "ok", "1 to 2 epochs: no further one once the policy has moved by 0.015"),
        ("threads", "ok", "1 worker for 128 envs on 2 cores"),
        ("torch_threads", "ok", "1 thread in a tensor operation on 2 cores"),
        ("env_count", "ok", "768 rows x (34 x 374 + 32 x 34 + 33 x 1) bytes = 10.6 MB of 1.0 GB"),
    ]
    assert [check.hint for check in checks if check.level is Level.OK] == [""] * 8


# The batch


def test_a_minibatch_that_leaves_some_over_is_an_error() -> None:
    check = found("minibatch_size", never_over(6), env_count=100, horizon=10, minibatch_size=1024)

    assert check.level is Level.ERROR
    assert check.words == "100 envs x 6 agents x 10 steps = 6,000 = 5 minibatches of 1,024 and 880 left over"
    assert check.hint == "minibatch_size=1000 makes 6 whole minibatches"


def test_a_minibatch_above_the_batch_is_an_error() -> None:
    check = found("minibatch_size", never_over(), env_count=7, horizon=1, minibatch_size=8)

    assert check.level is Level.ERROR
    assert check.words == "7 envs x 1 agent x 1 step = 7, less than one minibatch of 8"
    assert check.hint == "minibatch_size=7 makes 1 whole minibatch"


def test_no_minibatch_of_one_is_advised() -> None:
    check = found("minibatch_size", never_over(), env_count=7, horizon=1, minibatch_size=2)

    assert check.hint == "minibatch_size=7 makes 1 whole minibatch"


def test_the_whole_batch_may_be_one_minibatch() -> None:
    assert level_of("minibatch_size", never_over(), env_count=7, horizon=1, minibatch_size=7) is Level.OK


@given(st.integers(1, 500), st.integers(1, 30), st.integers(2, 100), st.integers(2, 5000))
def test_the_minibatch_is_an_error_where_the_trainer_refuses_it_and_nowhere_else(
    envs: int, agents: int, horizon: int, size: int
) -> None:
    trainer = TrainerConfig(env_count=envs, horizon=horizon, minibatch_size=size)

    (check,) = (c for c in check_trainer(trainer, never_over(agents), cores=1) if c.key == "minibatch_size")

    try:
        trainer.require_fit(agents)
    except ConfigError:
        assert check.level is Level.ERROR
    else:
        assert check.level is Level.OK


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"policy": {"memory": "lstm"}, "bptt": 4, "minibatch_size": 2}, "no whole number of sequences of 4 steps"),
        ({"schedules": {"learning_rate": {"kind": "kl"}}, "epochs": 1, "minibatch_size": 32}, "goes by the KL"),
    ],
)
def test_a_minibatch_that_divides_and_does_not_fit_is_an_error_in_its_own_words(
    values: dict[str, Any], words: str
) -> None:
    check = found("minibatch_size", never_over(), env_count=4, horizon=8, **values)

    assert check.level is Level.ERROR
    assert words in check.words
    assert "left over" not in check.words
    assert check.hint


@pytest.mark.parametrize(
    ("max_steps", "level"), [(10, Level.OK), (11, Level.NOTE), (100, Level.NOTE), (101, Level.WARNING)]
)
def test_a_batch_should_hold_ten_episodes_and_must_hold_one(max_steps: int, level: Level) -> None:
    shape = {"env_count": 10, "horizon": 10, "minibatch_size": 100}

    assert level_of("env_count", never_over(max_steps=max_steps), **shape) is level


def test_episodes_that_can_be_over_sooner_are_at_least_so_many() -> None:
    check = found("env_count", can_be_over(101), env_count=10, horizon=10, minibatch_size=100)

    assert check.level is Level.NOTE
    assert check.words.endswith("= at least 0.99 episodes of 101 steps in each batch")


def test_without_a_limit_only_the_game_ends_an_episode() -> None:
    assert level_of("env_count", can_be_over()) is Level.OK
    assert level_of("env_count", games.pursuit().model_copy(update={"max_steps": 0})) is Level.OK  # all are caught
    check = found("env_count", never_over())

    assert check.level is Level.NOTE
    assert "no episode ends" in check.words


# The horizon and the discount


def test_the_horizon_holds_what_an_advantage_reaches() -> None:
    reach_10 = {"gamma": 0.9, "gae_lambda": 1.0, "minibatch_size": 2}

    assert level_of("horizon", never_over(), horizon=10, **reach_10) is Level.OK
    check = found("horizon", never_over(), horizon=9, **reach_10)
    assert check.level is Level.WARNING
    assert check.hint == "horizon=18 holds it"


def test_no_advantage_reaches_past_the_limit() -> None:
    endless = {"gamma": 1.0, "gae_lambda": 1.0, "horizon": 20, "minibatch_size": 2}

    assert level_of("horizon", never_over(max_steps=20), **endless) is Level.OK
    assert level_of("horizon", never_over(max_steps=21), **endless) is Level.WARNING


def test_an_endless_advantage_is_shortened_by_lambda() -> None:
    check = found("horizon", never_over(), gamma=1.0, gae_lambda=1.0, horizon=32)

    assert check.level is Level.WARNING
    assert check.words == "1 / (1 - 1.0 x 1.0): an advantage reaches without end; the horizon is 32" + (
        ", and beyond it values must do"
    )
    assert check.hint == "gae_lambda=0.9687 stays within 32 steps"


def test_a_horizon_is_not_advised_beyond_the_longest() -> None:
    check = found("horizon", never_over(), gamma=1 - 1 / 65_100, gae_lambda=1.0, horizon=65_000)

    assert check.hint == "gae_lambda=0.9999 stays within 65,000 steps"


@pytest.mark.parametrize(("reach", "level"), [(299, Level.NOTE), (300, Level.OK), (3000, Level.OK), (3001, Level.NOTE)])
def test_the_discount_reaches_about_as_far_as_an_episode(reach: int, level: Level) -> None:
    assert level_of("gamma", never_over(max_steps=1000), gamma=1 - 1 / reach) is level


def test_a_short_discount_may_fit_a_game_that_can_be_over() -> None:
    assert level_of("gamma", can_be_over(1000), gamma=0.9) is Level.OK
    assert level_of("gamma", can_be_over(1000), gamma=0.9999) is Level.NOTE


@pytest.mark.parametrize(
    ("rules", "level"),
    [
        (never_over(), Level.WARNING),
        (never_over(max_steps=100), Level.WARNING),  # truncated, and so valued as if it went on
        (can_be_over(), Level.NOTE),
        (can_be_over(100), Level.NOTE),
    ],
)
def test_no_discount_at_all_needs_an_end(rules: Rules, level: Level) -> None:
    assert level_of("gamma", rules, gamma=1.0) is level
    assert level_of("gamma", rules, gamma=0.99) is Level.OK


# The run


def test_a_run_has_ten_iterations() -> None:
    batch = 128 * 32

    assert level_of("total_steps", never_over(), total_steps=9 * batch + 1) is Level.OK  # the tenth is completed
    check = found("total_steps", never_over(), total_steps=9 * batch)
    assert check.level is Level.WARNING
    assert check.hint == f"total_steps={10 * batch} makes 10"


def test_more_than_ten_epochs_are_many() -> None:
    assert level_of("epochs", never_over(), epochs=10) is Level.OK
    assert level_of("epochs", never_over(), epochs=11) is Level.WARNING


def test_a_target_is_below_what_counts_as_far() -> None:
    assert level_of("target_kl", never_over(), target_kl=0.02) is Level.OK
    assert level_of("target_kl", never_over(), target_kl=0.021) is Level.NOTE


# The machine


def test_workers_have_a_core_and_an_env_each() -> None:
    four = {"threads": 4, "minibatch_size": 2}

    assert level_of("threads", never_over(), cores=4, env_count=4, **four) is Level.OK
    check = found("threads", never_over(), cores=3, env_count=4, **four)
    assert (check.level, check.hint) == (Level.WARNING, "threads=3 keeps each of them busy")
    assert level_of("threads", never_over(), cores=4, env_count=3, **four) is Level.WARNING


def test_threads_of_torch_must_be_measured() -> None:
    assert level_of("torch_threads", never_over(), cores=2, torch_threads=1) is Level.OK
    assert level_of("torch_threads", never_over(), cores=2, torch_threads=2) is Level.NOTE
    assert level_of("torch_threads", never_over(), cores=2, torch_threads=3) is Level.WARNING


@pytest.mark.parametrize("masks", [False, True])
def test_memory_is_that_of_the_rollout_to_the_byte(masks: bool) -> None:
    trainer = TrainerConfig(env_count=3, horizon=5, minibatch_size=15, masks=masks)
    rules = games.navigation()
    with Batch(World(rules, cells_of(WALLS_9, rules)), env_count=3, seed=0) as batch:
        rollout = Rollout(batch, batch.rows, 5, masks=masks)
        arrays = [*vars(rollout).values(), Lane(rollout, batch, 0).final_observations]
        used = sum(array.nbytes for array in arrays if isinstance(array, Tensor))
        size = batch.spec.observation_size

    def level(memory: int) -> Level:
        return check_trainer(trainer, rules, cores=1, observation_bytes=size, memory_bytes=memory)[-1].level

    assert [level(used - 1), level(used)] == [Level.ERROR, Level.WARNING]
    assert [level(2 * used - 1), level(2 * used)] == [Level.WARNING, Level.OK]


def test_memory_is_told_where_the_machines_is_unknown() -> None:
    trainer, rules = TrainerConfig(), never_over()

    told = check_trainer(trainer, rules, cores=1, observation_bytes=100)

    assert (told[-1].level, told[-1].words) == (Level.OK, "128 rows x (34 x 100 + 32 x 34 + 33 x 1) bytes = 578.7 kB")
    assert len(check_trainer(trainer, rules, cores=1)) == len(told) - 1


# Hints


trainers = st.builds(
    TrainerConfig,
    total_steps=st.integers(1, 10_000_000),
    env_count=st.integers(1, 2000),
    horizon=st.integers(2, 300),
    minibatch_size=st.integers(2, 5000),
    epochs=st.integers(2, 20),
    gamma=st.floats(0, 1) | st.sampled_from([0.9, 0.99, 0.999999, 1.0]),
    gae_lambda=st.floats(0, 1) | st.sampled_from([0.95, 1.0]),
    target_kl=st.none() | st.floats(0.001, 1),
    threads=st.integers(1, 64),
    torch_threads=st.integers(1, 64),
)
rules_of_all_sizes = st.builds(
    never_over, agents=st.integers(1, 50), max_steps=st.integers(0, 100) | st.integers(0, 10**9)
) | st.builds(can_be_over, max_steps=st.integers(0, 2000))


@given(trainers, rules_of_all_sizes, st.integers(1, 32), st.integers(10**3, 10**9))
def test_a_value_that_a_hint_names_holds(trainer: TrainerConfig, rules: Rules, cores: int, memory: int) -> None:
    machine = {"cores": cores, "observation_bytes": 100, "memory_bytes": memory}
    checks = check_trainer(trainer, rules, **machine)

    for number, check in enumerate(checks):
        assert check.key in TrainerConfig.model_fields
        named = HINT.match(check.hint)
        assert (check.level is Level.OK) == (check.hint == "")
        if named is None:
            continue
        data = trainer.model_dump(mode="json") | {named[1]: named[2]}
        better = check_trainer(TrainerConfig.model_validate(data), rules, **machine)
        assert better[number].level is Level.OK, (check, better[number])
        if checks[0].level is Level.OK and named[1] in ("env_count", "horizon"):
            assert better[0].level is Level.OK, "the minibatch divides no more"


def test_a_hint_names_a_value_wherever_there_is_one() -> None:
    shape = {"env_count": 10, "horizon": 10, "minibatch_size": 100}

    assert HINT.match(found("env_count", never_over(max_steps=101), **shape).hint)
    assert not HINT.match(found("env_count", never_over(max_steps=10**9), **shape).hint)  # a million envs are too few
