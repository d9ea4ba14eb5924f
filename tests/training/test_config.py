"""Settings that contradict themselves are refused in words, with the arithmetic."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from engine.errors import ConfigError
from engine.recipes import resolve
from engine.training.config import TrainerConfig

KL_RATE = {"schedules": {"learning_rate": {"kind": "kl"}}}
TUNED = {"components": {"epoch_tuner": {"enabled": True}}}


def test_minibatch_must_divide_the_batch() -> None:
    config = TrainerConfig(env_count=100, horizon=10, minibatch_size=1024)

    with pytest.raises(ConfigError, match=r"1024 does not divide.* 100 envs x 6 agents x 10 steps = 6000") as caught:
        config.require_fit(agent_count=6)
    assert "minibatch_size=1000 makes 6 whole minibatches" in caught.value.hint


def test_defaults_fit_one_agent_and_six() -> None:
    TrainerConfig().require_fit(1)
    TrainerConfig().require_fit(6)


def test_unknown_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="learning_rat"):
        TrainerConfig.model_validate({"learning_rat": 1})


def test_target_kl_needs_a_second_epoch() -> None:
    with pytest.raises(ValidationError, match="there is only 1"):
        TrainerConfig(target_kl=0.01, epochs=1)


def test_vtrace_needs_a_second_epoch() -> None:
    with pytest.raises(ValidationError, match="vtrace: it corrects later passes over a batch, and there is only 1"):
        TrainerConfig(vtrace=True, epochs=1)


@pytest.mark.parametrize("more", [{"schedules": {"epochs": {"to": 4.0}}}, TUNED])
@pytest.mark.parametrize("wanted", [{"vtrace": True}, {"target_kl": 0.01}])
def test_passes_that_come_later_are_enough(wanted: dict[str, Any], more: dict[str, Any]) -> None:
    TrainerConfig.model_validate({"epochs": 1, **wanted, **more})


@pytest.mark.parametrize(
    ("values", "to_blame", "hint"),
    [
        ({**KL_RATE, "epochs": 1}, "schedules.learning_rate: it goes by the KL", "below 96, or epochs=2"),
        (
            {"schedules": {**KL_RATE["schedules"], "epochs": {"to": 1.0}}, "epochs": 4},
            "schedules.learning_rate: it goes by the KL",
            "epochs=2",
        ),
        (TUNED, "components.epoch_tuner: it goes by the KL", "below 96, or components.epoch_tuner.least=2"),
    ],
)
def test_nothing_goes_by_the_kl_of_a_single_optimiser_step(values: dict[str, Any], to_blame: str, hint: str) -> None:
    shape = {"env_count": 4, "horizon": 8, **values}

    with pytest.raises(ConfigError, match=to_blame) as caught:
        TrainerConfig.model_validate({**shape, "minibatch_size": 96}).require_fit(3)
    assert hint in caught.value.hint
    TrainerConfig.model_validate({**shape, "minibatch_size": 48}).require_fit(3)
    TrainerConfig.model_validate({**shape, "minibatch_size": 96}).require_fit(6)


def test_a_single_step_is_fine_where_more_passes_make_more_of_it() -> None:
    shape = {"env_count": 4, "horizon": 8, "minibatch_size": 32}

    TrainerConfig.model_validate({**shape, **KL_RATE, "epochs": 2}).require_fit(1)
    TrainerConfig.model_validate({**shape, "components": {"epoch_tuner": {"enabled": True, "least": 2}}}).require_fit(1)
    TrainerConfig.model_validate({**shape, "epochs": 1}).require_fit(1)


def test_a_recipe_says_which_setting_is_to_blame() -> None:
    small = ["trainer.env_count=4", "trainer.horizon=8", "trainer.minibatch_size=32", "trainer.epochs=1"]

    with pytest.raises(ConfigError, match=r"trainer.schedules.learning_rate: it goes by the KL divergence") as rate:
        resolve("navigation", [*small, 'trainer.schedules.learning_rate={"kind":"kl"}'])
    with pytest.raises(ConfigError, match=r"trainer.vtrace: it corrects later passes") as vtrace:
        resolve("navigation", [*small, "trainer.vtrace=true"])
    assert "trainer.minibatch_size below 32, or epochs=2" in rate.value.hint
    assert "set epochs to 2 or more" in vtrace.value.hint


@pytest.mark.parametrize(
    ("recipe", "setting", "words"),
    [
        ("navigation", "trainer.policy.kind=attention", "trainer.policy.kind: attention reads tokens"),
        ("hide_and_seek", 'trainer.roles={"seeker": {"policy": {"kind": "attention"}}}', "attention reads tokens"),
        ("navigation", 'trainer.roles={"seeker": {}}', "trainer.roles.seeker: no agent has this role"),
        ("navigation", 'trainer.roles={"agent": {"play": "noop"}}', "does not learn"),
        ("navigation", "trainer.losses.behaviour_cloning.weight=1", "no demonstrations"),
        ("navigation", "trainer.losses.ppo.weight=0", "nothing would be learnt"),
    ],
)
def test_what_does_not_fit_the_game_is_refused_with_the_settings(recipe: str, setting: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        resolve(recipe, [setting])

    assert caught.value.hint
