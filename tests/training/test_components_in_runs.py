"""Components and schedules in whole small runs of the real trainer."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.runs import RunState, list_checkpoints, load_checkpoint
from engine.runs import files as run_files
from engine.runs.checkpoints import best_checkpoint
from engine.sim import games

from .drawn import WALLS_9, cells_of, small_config, trained
from .test_exactness import assert_same, interrupted, whole

RULES = games.navigation(max_steps=20)
MAP = cells_of(WALLS_9, RULES)

WATCHERS: dict[str, Any] = {
    "evaluator": {"enabled": True, "every": 2, "episodes": 4},
    "gradients": {"enabled": True, "every": 1},
    "stats": {"enabled": True},
    "flops": {"enabled": True},
    "profiler": {"enabled": True, "start": 2, "iterations": 1},
    "checkpointer": {"every": 1, "keep": 2},
}
NONE = {name: {"enabled": False} for name in ("progress", "system", "checkpointer")}

STEERED: dict[str, Any] = {
    "schedules": {
        "learning_rate": {"kind": "kl", "target": 0.003},
        "entropy_coefficient": {"kind": "metric", "metric": "rollout/ep_len_mean", "low": 20, "high": 0, "to": 0.001},
        "clip": {"kind": "cosine", "to": 0.05},
        "gamma": {"to": 0.999, "from_step": 1000, "until_step": 3000},
    },
    "components": {"epoch_tuner": {"enabled": True, "warm_up": 0, "cooldown": 1}, "stats": {"enabled": True}},
}


def test_what_watches_a_run_does_not_change_it(tmp_path: Path) -> None:
    watched, run = trained(tmp_path, RULES, [MAP], small_config(components=WATCHERS), "watched")
    alone, _ = trained(tmp_path, RULES, [MAP], small_config(components=NONE), "alone")

    weights, others = watched.network.state_dict(), alone.network.state_dict()
    assert all(torch.equal(weights[name], others[name]) for name in weights)
    assert watched.components.disabled == ()
    assert [event["message"] for event in run.read_events() if event["kind"] == "warning"] == []


def test_what_watches_a_run_is_in_its_log_and_folder(tmp_path: Path) -> None:
    _, run = trained(tmp_path, RULES, [MAP], small_config(components=WATCHERS))

    lines = [line.values for line in run.read_metrics()]
    assert ["eval/return_mean" in values for values in lines] == [False, True, False, True]
    expected = {
        "grads/all/norm",
        "grads/change/entry.weight",
        "memory/networks_mb",
        "recent/ep_rew_mean",
        "recent/reward_area",
        "system/rss_mb",
        "time/component/evaluator_ms",
        "time/flops_per_step",
        "time/gflops",
        "time/progress",
    }
    assert expected <= lines[0].keys()
    assert lines[-1]["time/progress"] == 1.0
    assert lines[-1]["time/remaining_s"] == 0.0
    assert (run.path / "profile" / "ops.txt").stat().st_size > 0
    assert best_checkpoint(run.path / "checkpoints") is not None


def test_the_norm_that_is_told_is_that_of_the_last_minibatch(tmp_path: Path) -> None:
    config = small_config(components=WATCHERS, minibatch_size=512, epochs=1, max_grad_norm=None)
    _, run = trained(tmp_path, RULES, [MAP], config)

    for line in run.read_metrics():  # one minibatch an iteration, so there is only the one
        assert line.values["grads/all/norm"] == pytest.approx(line.values["train/grad_norm"], rel=1e-5)


def test_schedules_set_what_the_log_tells(tmp_path: Path) -> None:
    schedules = {"learning_rate": {"kind": "cosine", "to": 1e-3}, "entropy_coefficient": {"to": 0.0}}
    config = small_config(learning_rate=3e-3, entropy_coefficient=0.04, schedules=schedules)
    _, run = trained(tmp_path, RULES, [MAP], config)

    lines = [line.values for line in run.read_metrics()]  # updates after 0, 1/4, 1/2 and 3/4 of the steps
    root = 0.5**0.5
    assert [v["train/learning_rate"] for v in lines] == pytest.approx(
        [3e-3, (2 + root) * 1e-3, 2e-3, (2 - root) * 1e-3]
    )
    assert [v["train/entropy_coefficient"] for v in lines] == pytest.approx([0.04, 0.03, 0.02, 0.01])


def test_steered_runs_are_resumed_as_if_never_stopped(tmp_path: Path) -> None:
    config = small_config(total_steps=4096, **STEERED)

    assert_same(whole(tmp_path, config), interrupted(tmp_path, config, [17, 9, 12, 3, 40]))


def test_a_steered_run_differs_from_one_that_is_not(tmp_path: Path) -> None:
    steered, run = trained(tmp_path, RULES, [MAP], small_config(**STEERED), "steered")
    plain, _ = trained(tmp_path, RULES, [MAP], small_config(), "plain")

    weights = steered.network.state_dict()
    assert not all(torch.equal(weights[name], other) for name, other in plain.network.state_dict().items())
    assert len({line.values["train/epochs"] for line in run.read_metrics()}) > 1


def test_a_disk_that_fills_up_while_saving_leaves_the_last_good_one_and_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = run_files._write_file
    attempts = []

    def nearly_full(path: Path, data: bytes, durable: bool) -> None:
        """Room for the log, and for the first and the last checkpoint."""
        if path.name.startswith(".ck-") and "safetensors" in path.name:
            attempts.append(path.name)
            if 1 < len(attempts) < 4:
                raise OSError(errno.ENOSPC, "No space left on device")
        written(path, data, durable)

    monkeypatch.setattr(run_files, "_write_file", nearly_full)
    config = small_config(components={"checkpointer": {"every": 1}})

    _, run = trained(tmp_path, RULES, [MAP], config)

    folder = run.path / "checkpoints"
    assert run.state().status is RunState.FINISHED
    assert [info.step for info in list_checkpoints(folder)] == [512, 2048]
    assert load_checkpoint(folder)[1]["step"] == 2048
    warnings = [event["message"] for event in run.read_events() if event["kind"] == "warning"]
    assert len(warnings) == 2
    assert all("the disk is full; training goes on" in message for message in warnings)
