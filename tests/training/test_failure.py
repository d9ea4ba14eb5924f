"""Too little memory, rewards that are no numbers, minibatches that hold nothing: told with what to change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.errors import ConfigError, GridrlError
from engine.runs import RunWriter
from engine.sim import World, games
from engine.training.failure import memory_in_words
from engine.training.trainer import Trainer

from .drawn import WALLS_9, cells_of, small_config, trained
from .ranked import HUNT, TAG


def test_a_full_memory_is_told_with_the_setting_to_lower() -> None:
    config = small_config(env_count=32, horizon=16, minibatch_size=256)

    with (
        pytest.raises(GridrlError, match=r"the memory is full: a rollout .* trainer.env_count=32") as refused,
        memory_in_words(config, 1, setting="env_count", what="a rollout"),
    ):
        torch.empty(1 << 55, dtype=torch.uint8)

    assert refused.value.hint.startswith("trainer.env_count=16 ")
    config.model_copy(update={"env_count": 16}).require_fit(1)


def test_a_full_gpu_is_told_with_the_setting_to_lower() -> None:
    config = small_config(minibatch_size=256, policy={"memory": "lstm"})

    with (
        pytest.raises(
            GridrlError, match=r"the GPU's memory is full: an update .* trainer.minibatch_size=256"
        ) as refused,
        memory_in_words(config, 1, setting="minibatch_size", what="an update"),
    ):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    assert refused.value.hint.startswith("trainer.minibatch_size=128 ")


def test_another_error_stays_what_it_is() -> None:
    with (
        pytest.raises(RuntimeError, match="size mismatch"),
        memory_in_words(small_config(), 1, setting="env_count", what="a rollout"),
    ):
        raise RuntimeError("size mismatch")


def test_a_reward_that_is_no_number_is_told_as_such(tmp_path: Path) -> None:
    class Poisoned(Trainer):
        """Whose envs pay NaN once, as envs that are not ours may."""

        def _learn(self) -> None:
            self.rollout.rewards[3, 5] = np.nan
            super()._learn()

    rules = games.navigation(max_steps=20)
    with (
        RunWriter.create(tmp_path, "test", {}, {}) as writer,
        pytest.raises(GridrlError, match="a reward before step 512 is not a finite number"),
    ):
        Poisoned([World(rules, cells_of(WALLS_9, rules))], small_config(), writer).run()


def test_a_role_whose_share_of_a_minibatch_holds_no_sequence_is_refused(tmp_path: Path) -> None:
    settings = {"roles": {"seeker": {"gamma": 0.9}}, "policy": {"memory": "lstm", "hidden": [16]}, "env_count": 8}
    cells = [cells_of(HUNT, TAG)]

    with pytest.raises(
        ConfigError, match="16 x 8 of 24 rows = 5 samples for role seeker, less than one sequence"
    ) as no:
        trained(tmp_path, TAG, cells, small_config(**settings, minibatch_size=16))

    assert no.value.hint == "minibatch_size=48"
    trained(tmp_path, TAG, cells, small_config(**settings, minibatch_size=48, total_steps=1), "fits")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"bptt": 5}, "bptt 5 does not divide the horizon of 16 steps; bptt=4 does"),
        ({"learner_threads": 3}, "env_count 32 cannot be shared by 3 learner_threads; env_count=30 can"),
    ],
)
def test_arithmetic_that_cannot_be_is_refused_with_a_value_that_works(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        small_config(**settings)
