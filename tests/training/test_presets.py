"""Presets fit every game: whole minibatches for any number of agents."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.errors import UsageError
from engine.recipes import RecipeConfig, recipes, resolve
from engine.training.config import TrainerConfig
from engine.training.presets import PRESETS, preset_settings

MACHINE = ("tiny", "small", "gpu")


def sizes(name: str, agents: int) -> tuple[int, int]:
    """Batch and minibatch that each preset is after for so many agents, in agent steps."""
    few = min(agents, 4)
    return {
        "tiny": (2_048 * few, {1: 512, 2: 512, 3: 768, 4: 1_024}[few]),
        "small": (4_096 * few, {1: 1_024, 2: 1_024, 3: 1_536, 4: 2_048}[few]),
        "gpu": (524_288, 32_768),
        "metta": (524_288, 16_384),
    }[name]


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Nested settings, those of `above` winning."""
    out = dict(below)
    for key, value in above.items():
        out[key] = merged(out[key], value) if isinstance(value, dict) else value
    return out


@pytest.mark.parametrize("name", PRESETS)
def test_minibatches_are_whole_for_any_number_of_agents(name: str) -> None:
    for agents in range(1, 1025):
        settings = preset_settings(name, agents)

        rows = settings["env_count"] * agents
        assert rows * settings["horizon"] % settings["minibatch_size"] == 0, agents
        TrainerConfig.model_validate(settings).require_fit(agents)


@pytest.mark.parametrize("name", PRESETS)
def test_sizes_stay_near_those_asked_for(name: str) -> None:
    for agents in range(1, 1025):
        batch, minibatch = sizes(name, agents)
        settings = preset_settings(name, agents)
        envs, samples = settings["env_count"], settings["env_count"] * agents * settings["horizon"]

        assert envs in {2**n for n in range(20)}
        assert (batch / 2 < samples <= batch) or (envs == 1 and samples > batch), agents
        assert minibatch / 2 < settings["minibatch_size"] <= minibatch, agents


@pytest.mark.parametrize("name", PRESETS)
def test_one_agent_gets_the_sizes_themselves(name: str) -> None:
    settings = preset_settings(name, 1)

    assert (settings["env_count"] * settings["horizon"], settings["minibatch_size"]) == sizes(name, 1)


@pytest.mark.parametrize(
    ("agents", "envs", "minibatch"),
    [(1, 128, 1_024), (2, 128, 1_024), (3, 128, 1_536), (4, 128, 2_048), (5, 64, 2_048), (6, 64, 2_048)],
)
def test_small_keeps_its_envs_up_to_four_agents(agents: int, envs: int, minibatch: int) -> None:
    settings = preset_settings("small", agents)

    assert (settings["env_count"], settings["minibatch_size"]) == (envs, minibatch)


@pytest.mark.parametrize("name", PRESETS)
def test_settings_are_json_and_fresh_each_time(name: str) -> None:
    settings = preset_settings(name, 6)

    assert json.loads(json.dumps(settings)) == settings
    settings.setdefault("policy", {})["hidden"] = [1]
    assert preset_settings(name, 6) != settings


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("recipe", recipes())
def test_every_recipe_takes_every_preset(recipe: str, name: str) -> None:
    config = resolve(recipe)
    data = config.model_dump(mode="json")
    settings = preset_settings(name, config.rules.agents)

    data["trainer"] = merged(data["trainer"], settings)
    made = RecipeConfig.model_validate(data).trainer.model_dump(mode="json")

    assert merged(made, settings) == made


@pytest.mark.parametrize("name", MACHINE)
def test_machine_presets_leave_what_belongs_to_the_game(name: str) -> None:
    of_the_machine = {"env_count", "horizon", "minibatch_size", "epochs", "learning_rate", "policy"}
    of_the_machine |= {"threads", "torch_threads", "device"}

    assert preset_settings(name, 3).keys() <= of_the_machine


def test_small_is_the_defaults_for_one_agent() -> None:
    assert TrainerConfig.model_validate(preset_settings("small", 1)) == TrainerConfig()


def test_metta_is_what_metta_trained_with() -> None:
    settings = preset_settings("metta", 24)

    shape = {"env_count": 256, "horizon": 64, "minibatch_size": 16_384}
    run = {"total_steps": 50_000_000_000, "epochs": 1, "learning_rate": 0.00092, "anneal": False}
    ppo = {"gamma": 0.977, "gae_lambda": 0.8915, "clip": 0.264, "value_clip": 0.1, "entropy_coefficient": 0.01}
    rest = {"value_coefficient": 0.898, "max_grad_norm": 0.5, "target_kl": None}
    assert settings == shape | run | ppo | rest


def test_workers_are_no_more_than_envs() -> None:
    for agents in range(1, 1025):
        settings = preset_settings("gpu", agents)
        assert settings["threads"] <= settings["env_count"]


@pytest.mark.parametrize(("wrong", "hint"), [("tyny", "tiny"), ("meta", "metta"), ("gpus", "gpu")])
def test_a_misspelt_name_meets_the_nearest(wrong: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"no preset is called '{wrong}'") as caught:
        preset_settings(wrong, 1)

    assert caught.value.hint == f"did you mean {hint}?"


def test_a_name_like_none_meets_them_all() -> None:
    with pytest.raises(UsageError) as caught:
        preset_settings("x" * 5000, 1)

    assert caught.value.hint == "there are tiny, small, gpu, metta"
    assert len(caught.value.message) < 100


def test_presets_have_one_line_for_lists() -> None:
    for name, preset in PRESETS.items():
        assert preset.name == name
        assert preset.summary
        assert "\n" not in preset.summary
