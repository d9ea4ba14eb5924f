"""The names of metrics that are known before a run are those that the run then logs."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from engine.errors import ConfigError
from engine.recipes import RecipeConfig, prepare_run, resolve
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
