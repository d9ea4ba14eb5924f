"""The names of metrics that are known before a run are those that the run then logs."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from engine.errors import ConfigError
from engine.recipes import RecipeConfig, prepare_run, resolve
from engine.recipes.attempt import attempt
from engine.recipes.metrics import metric_names, require_metric
from engine.runs import RunDirectory, RunState

QUICK = (
    "rules.max_steps=4",
    "trainer.env_count=16",
    "trainer.horizon=16",
    "trainer.minibatch_size=64",
    "trainer.total_steps=4096",
    "trainer.torch_threads=1",
)
ON = [f"trainer.components.{name}.enabled=true" for name in ("evaluator", "gradients", "stats", "epoch_tuner", "flops")]
OFTEN = ["trainer.components.evaluator.every=1", "trainer.components.gradients.every=1"]


def logged(config: RecipeConfig, root: Path) -> set[str]:
    """Every name in the log of a run."""
    with closing(prepare_run("test", config.model_copy(update={"run": "x"}), root)) as run:
        assert run.start().join()
    directory = RunDirectory(root / "x")
    assert directory.state().status is RunState.FINISHED, directory.state().message
    return {name for event in directory.read_metrics() for name in event.values}


@pytest.mark.parametrize(
    ("recipe", "settings"),
    [
        ("navigation", []),
        ("arena_easy", [*ON, *OFTEN]),
        ("navigation", [*ON, *OFTEN, 'trainer.curriculum.stages=[{"weights":{"navigation_walls9":1}}]']),
        ("hide_and_seek", [*ON, *OFTEN, 'trainer.roles={"seeker":{},"hider":{}}', "trainer.minibatch_size=256"]),
        ("hide_and_seek", ['trainer.roles={"seeker":{"play":"random"}}', "trainer.minibatch_size=256"]),
    ],
)
def test_the_names_are_those_of_the_log(recipe: str, settings: list[str], tmp_path: Path) -> None:
    config = resolve(recipe, [*QUICK, *settings])

    found = logged(config, tmp_path)

    tensors = {name for name in found if "grads/" in name and "grads/all/" not in name}
    assert set(metric_names(config)) == found - tensors
    for name in found:
        require_metric(name, [config])


def test_a_tensor_is_known_only_where_tensors_are_reported() -> None:
    off, on = resolve("navigation", QUICK), resolve("navigation", [*QUICK, *ON])

    require_metric("grads/norm/trunk.0.weight", [off, on])
    with pytest.raises(ConfigError, match="no run of this logs 'grads/norm"):
        require_metric("grads/norm/trunk.0.weight", [off])


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        ('trainer.losses.ppo.gate={"metric": "rollout/sucess_rate", "above": 0}', "trainer.losses.ppo.gate.metric"),
        (
            'trainer.schedules.clip={"kind": "metric", "metric": "eval/return_mean", "to": 0.1}',
            "trainer.schedules.clip.metric",
        ),
        (
            'trainer.curriculum.stages=[{"weights": {"navigation_walls9": 1}, "metric": "rollout/x", "above": 1}]',
            "trainer.curriculum.stages.0.metric",
        ),
        ("trainer.components.checkpointer.best=eval/return_mean", "trainer.components.checkpointer.best"),
    ],
)
def test_what_waits_for_a_metric_that_never_comes_is_refused_before_there_is_a_run(
    setting: str, key: str, tmp_path: Path
) -> None:
    config = resolve("navigation", [*QUICK, setting]).model_copy(update={"run": "x"})

    with pytest.raises(ConfigError) as caught:
        prepare_run("test", config, tmp_path)

    assert caught.value.message.startswith(f"{key}: no run of this logs")
    assert caught.value.hint
    assert [str(fault.message) for fault in attempt(config).faults] == [caught.value.message]
    assert not list(tmp_path.iterdir())


def test_a_metric_that_comes_may_be_waited_for(tmp_path: Path) -> None:
    gate = 'trainer.losses.ppo.gate={"metric": "eval/return_mean", "above": 0}'
    config = resolve("navigation", [*QUICK, gate, "trainer.components.evaluator.enabled=true"])

    assert not attempt(config).faults
    with closing(prepare_run("test", config, tmp_path)):
        pass
