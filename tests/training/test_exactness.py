"""Resume equals never having stopped, bit for bit; and nothing but the seed and the settings decides a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from engine.errors import CheckpointError, ConfigError
from engine.runs import RunDirectory, RunWriter, Stop, load_checkpoint
from engine.sim import World, games
from engine.training.compute import Compute
from engine.training.config import TrainerConfig
from engine.training.control import Asked, Controls
from engine.training.trainer import Trainer

from .drawn import WALLS_9, cells_of, small_config

GAME = games.navigation(max_steps=11)  # so short that episodes end within a rollout
TAG = games.hide_and_seek(max_steps=17)
SEEKERS = {"seeker": {"gamma": 0.9, "entropy_coefficient": 0.001}}

SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "scaled": {"normalize_rewards": True, "epochs": 3, "target_kl": 0.5},
    "masked": {"masks": True, "vtrace": True, "epochs": 3},
    "two_threads": {"learner_threads": 2},
    "lstm": {"policy": {"memory": "lstm", "hidden": [16]}, "bptt": 8},
    "mingru": {"policy": {"memory": "mingru", "hidden": [16]}, "bptt": 4, "epochs": 3},
}


class StoppedAfter(Controls):
    """Asks for the end once it was looked at so often: a Stop at a known step of a rollout."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self._left = looks

    def take(self, timeout: float | None = None) -> Any:
        self._left -= 1
        return Asked(Stop()) if self._left == 0 else super().take(timeout)


def made(
    writer: RunWriter, config: TrainerConfig, controls: Controls | None = None, compute: Compute | None = None
) -> Trainer:
    rules, text = (TAG, HUNT) if config.roles else (GAME, WALLS_9)
    cells = cells_of(text, rules)
    return Trainer([World(rules, cells)], config, writer, controls, compute=compute)


HUNT = """
    ##########
    #1..#...2#
    #...#....#
    #........#
    #.......2#
    ##########"""


def whole(root: Path, config: TrainerConfig) -> dict[str, torch.Tensor]:
    """All tensors of a run that nothing disturbed."""
    with RunWriter.create(root, "whole", {}, {}) as writer:
        trainer = made(writer, config)
        trainer.run()
        tensors = {name: tensor.clone() for name, tensor in trainer.tensors().items()}
        trainer.close()
    return tensors


def interrupted(root: Path, config: TrainerConfig, looks: list[int]) -> dict[str, torch.Tensor]:
    """The same run, stopped again and again and each time resumed from its checkpoint on the disk."""
    path = root / "parts"
    for attempt, count in enumerate([*looks, 10**9]):
        writer = RunWriter.resume(path) if attempt else RunWriter.create(root, "parts", {}, {})
        with writer:
            trainer = made(writer, config, StoppedAfter(count))
            if attempt:
                arrays, manifest = load_checkpoint(path / "checkpoints")
                tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
                trainer.restore(tensors, manifest["meta"])
            trainer.run()
            result = {name: tensor.clone() for name, tensor in trainer.tensors().items()}
            trainer.close()
    return result


def assert_same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    assert first.keys() == second.keys()
    different = [name for name in first if not torch.equal(first[name], second[name])]
    assert not different


@pytest.mark.parametrize("name", SETTINGS)
def test_stopped_and_resumed_is_as_if_never_stopped(tmp_path: Path, name: str) -> None:
    config = small_config(total_steps=4096, **SETTINGS[name])

    # Between two iterations (each looks 17 times), in the middle of a rollout, and after its first step.
    assert_same(whole(tmp_path, config), interrupted(tmp_path, config, [17, 9, 12, 3, 40]))


def test_roles_are_resumed_each_with_its_own(tmp_path: Path) -> None:
    config = small_config(roles=SEEKERS, env_count=8, minibatch_size=128)

    assert_same(whole(tmp_path, config), interrupted(tmp_path, config, [9, 20]))


@pytest.mark.parametrize("name", SETTINGS)
def test_same_seed_gives_the_same_run_twice(tmp_path: Path, name: str) -> None:
    config = small_config(**SETTINGS[name])

    assert_same(whole(tmp_path / "a", config), whole(tmp_path / "b", config))


def test_engine_threads_change_nothing(tmp_path: Path) -> None:
    assert_same(
        whole(tmp_path / "a", small_config(threads=1)),
        whole(tmp_path / "b", small_config(threads=3)),
    )


@pytest.mark.parametrize("name", ["plain", "masked", "lstm"])
def test_copies_for_another_device_change_nothing(tmp_path: Path, name: str) -> None:
    """What a GPU needs, on the CPU: the networks see copies of the engine's tables."""
    config = small_config(total_steps=4096, **SETTINGS[name])
    direct = whole(tmp_path, config)
    with RunWriter.create(tmp_path, "staged", {}, {}) as writer:
        trainer = made(writer, config, compute=Compute(is_staged=True))
        trainer.run()
        staged = trainer.tensors()
        trainer.close()

    assert trainer.rollout.mirror.observations.data_ptr() != trainer.rollout.observations.data_ptr()
    assert_same(direct, staged)


def test_half_precision_learns_the_same_and_not_quite(tmp_path: Path) -> None:
    full, half = (whole(tmp_path / each, small_config(precision=each)) for each in ("float32", "bfloat16"))

    weights = [name for name in full if name.startswith("network.")]
    assert all(half[name].dtype == torch.float32 and torch.isfinite(half[name]).all() for name in weights)
    assert any(not torch.equal(full[name], half[name]) for name in weights)


def test_a_gpu_that_is_not_there_is_told_in_words() -> None:
    with pytest.raises(ConfigError, match=r"trainer.device cuda:99: there is no such GPU"):
        Compute.of("cuda:99", "float32")


def test_episodes_are_reported_once_however_often_the_run_stopped(tmp_path: Path) -> None:
    config = small_config(total_steps=4096, log_episodes=10_000)
    whole(tmp_path, config)
    interrupted(tmp_path, config, [9, 12, 3])

    def finished(name: str) -> list[tuple[int, int, int, float]]:
        rows = RunDirectory(tmp_path / name).read_episodes()
        return sorted((row["env"], row["episode"], row["length"], row["reward"]) for row in rows)

    assert len(finished("whole")) > 100
    assert finished("parts") == finished("whole")


def test_figures_of_two_lanes_are_the_same_however_often_the_run_stopped(tmp_path: Path) -> None:
    config = small_config(total_steps=4096, learner_threads=2)
    whole(tmp_path, config)
    interrupted(tmp_path, config, [9, 12, 3, 40])

    def figures(name: str) -> list[dict[str, float]]:
        lines = [line.values for line in RunDirectory(tmp_path / name).read_metrics()]
        return [{k: v for k, v in line.items() if k.startswith(("rollout/", "maps/"))} for line in lines]

    assert figures("parts") == figures("whole")


def test_what_was_dropped_in_an_unfinished_rollout_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.training.trainer._EPISODE_CAPACITY", 1)  # so one for each env
    config = small_config(total_steps=64 * 32, horizon=64)
    with RunWriter.create(tmp_path, "test", {}, {}) as writer:
        first = made(writer, config, StoppedAfter(50))
        first.run()
        again = made(writer, config)
        again.restore(first.tensors(), first.meta())

        dropped = [sum(part.dropped for part in trainer.episodes) for trainer in (first, again)]
        assert dropped[0] > 0
        assert dropped[1] == dropped[0]
        first.close()
        again.close()


@pytest.mark.parametrize("script", ["random", "simple", "goal-seeker"])
def test_scripted_roles_play_the_same_on_any_number_of_threads_and_go_on(tmp_path: Path, script: str) -> None:
    values: dict[str, Any] = {"roles": {"hider": {"play": script}}, "env_count": 8, "minibatch_size": 32}
    one = whole(tmp_path / "one", small_config(**values))
    two = whole(tmp_path / "two", small_config(**values, learner_threads=2))

    assert torch.equal(one["rollout.observations"], two["rollout.observations"])
    weights = [name for name in one if name.startswith("network.")]
    assert weights
    for name in weights:
        torch.testing.assert_close(one[name], two[name], atol=1e-5, rtol=1e-4)
    assert_same(one, interrupted(tmp_path, small_config(**values), [9, 20]))


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("optimizer.entry.weight.exp_avg", lambda tensor: tensor[:, :3], "exp_avg is .* the run needs"),
        ("optimizer.entry.weight.exp_avg", None, "exp_avg is missing"),
        ("shuffles", None, "shuffles is missing"),
        ("return_scale.returns", lambda tensor: tensor[:1], r"returns is \(1,\), the run needs \(32,\)"),
    ],
)
def test_state_of_another_shape_is_refused_in_words(tmp_path: Path, name: str, change: Any, words: str) -> None:
    config = small_config(normalize_rewards=True)
    with RunWriter.create(tmp_path, "test", {}, {}) as writer:
        trainer = made(writer, config)
        trainer.run()
        tensors, meta = dict(trainer.tensors()), trainer.meta()
        trainer.close()
        tensor = tensors.pop(name)
        if change is not None:
            tensors[name] = change(tensor)

        fresh = made(writer, config)
        with pytest.raises(CheckpointError, match=words):
            fresh.restore(tensors, meta)
        fresh.close()


def test_a_policy_alone_cannot_be_resumed(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path, "test", {}, {}) as writer:
        trainer = made(writer, small_config())
        tensors = {name: tensor for name, tensor in trainer.tensors().items() if name.startswith("network.")}

        with pytest.raises(CheckpointError, match="holds a policy and no run"):
            trainer.restore(tensors, {**trainer.meta(), "state": None})
        trainer.close()
