"""Settings that contradict themselves are refused in words, with the arithmetic."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from engine.errors import ConfigError
from engine.training.config import TrainerConfig


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
