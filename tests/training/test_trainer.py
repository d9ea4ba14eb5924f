"""Whole small runs: what they repeat, what they record."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.errors import CheckpointError, ConfigError, GridrlError, RunError
from engine.policies.registry import create_policy
from engine.policies.trained import TorchPolicy
from engine.runs import Checkpoint, Pause, Resume, RunDirectory, RunState, RunWriter, load_checkpoint
from engine.sim import Batch, World, games
from engine.training.control import Asked, Controls
from engine.training.rollout import Lane
from engine.training.trainer import Trainer

from .drawn import WALLS_9, cells_of, small_config, trained
from .test_exactness import StoppedAfter

RULES = games.navigation(max_steps=20)
MAP = cells_of(WALLS_9, RULES)


def weights(root: Path, name: str, **values: object) -> dict[str, torch.Tensor]:
    trainer, _ = trained(root, RULES, [MAP], small_config(**values), name)
    return trainer.network.state_dict()


def equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


def test_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    assert equal(weights(tmp_path, "a", seed=5), weights(tmp_path, "b", seed=5))


def test_other_seed_gives_other_weights(tmp_path: Path) -> None:
    assert not equal(weights(tmp_path, "a", seed=5), weights(tmp_path, "b", seed=6))


def test_thread_count_does_not_change_the_run(tmp_path: Path) -> None:
    assert equal(weights(tmp_path, "a", threads=1), weights(tmp_path, "b", threads=3))


def test_run_is_recorded(tmp_path: Path) -> None:
    _, run = trained(tmp_path, RULES, [MAP], small_config())

    lines = run.read_metrics()
    assert [line.step for line in lines] == [512, 1024, 1536, 2048]
    expected = {
        "rollout/reward_per_step",
        "rollout/ep_rew_mean",
        "rollout/ep_rew_std",
        "rollout/ep_len_mean",
        "rollout/success_rate",
        "rollout/term/goal",
        "rollout/term/time",
        "train/policy_gradient_loss",
        "train/value_loss",
        "train/entropy",
        "train/entropy_loss",
        "train/approx_kl",
        "train/clip_fraction",
        "train/explained_variance",
        "train/learning_rate",
        "train/entropy_coefficient",
        "train/grad_norm",
        "time/total_timesteps",
        "time/fps",
        "time/iterations",
        "time/elapsed_s",
    }
    assert expected <= lines[-1].values.keys()
    assert run.state().status is RunState.FINISHED
    assert run.state().step == 2048
    assert [event["message"] for event in run.read_events() if event["kind"] == "state"] == ["training", "finished"]


def test_terms_add_up_to_the_return(tmp_path: Path) -> None:
    _, run = trained(tmp_path, RULES, [MAP], small_config())

    for line in run.read_metrics():
        terms = line.values["rollout/term/goal"] + line.values["rollout/term/time"]
        assert terms == pytest.approx(line.values["rollout/ep_rew_mean"], abs=1e-5)


def test_learning_rate_is_annealed_by_iteration(tmp_path: Path) -> None:
    _, run = trained(tmp_path, RULES, [MAP], small_config(learning_rate=0.004))

    assert [line.values["train/learning_rate"] for line in run.read_metrics()] == pytest.approx(
        [4e-3, 3e-3, 2e-3, 1e-3]
    )


def test_episode_log_is_a_capped_even_sample(tmp_path: Path) -> None:
    config = small_config(log_episodes=5, total_steps=512, horizon=64, minibatch_size=512)
    _, run = trained(tmp_path, RULES, [MAP], config)

    rows = run.read_episodes()
    assert len(rows) == 5
    assert rows[0].keys() >= {"env", "agent", "group", "episode", "length", "reward", "end", "terms", "stats"}
    assert {row["end"] for row in rows} <= {"terminated", "truncated"}
    assert max(row["episode"] for row in rows) > min(row["episode"] for row in rows)  # early and late ones


def test_checkpoint_holds_network_optimizer_and_names(tmp_path: Path) -> None:
    trainer, run = trained(tmp_path, RULES, [MAP], small_config(normalize_rewards=True))

    tensors, manifest = load_checkpoint(run.path / "checkpoints")
    assert np.array_equal(tensors["network.entry.weight"], trainer.network.state_dict()["entry.weight"].numpy())
    assert tensors["optimizer.entry.weight.exp_avg"].shape == tensors["network.entry.weight"].shape
    assert "return_scale.squares" in tensors
    assert manifest["meta"]["step"] == manifest["step"] == 2048
    assert manifest["meta"]["config"]["gamma"] == 0.99
    assert manifest["meta"]["signature"]["actions"][0] == "noop"


def test_policy_of_a_checkpoint_plays_like_the_one_in_memory(tmp_path: Path) -> None:
    trainer, run = trained(tmp_path, RULES, [MAP], small_config())
    world = World(RULES, MAP)
    with Batch(world, 50) as batch:
        live = TorchPolicy(trainer.network, seed=3)
        loaded = create_policy("trained", RULES, world.spec, seed=3, checkpoint=run.path / "checkpoints")

        assert (live.act(batch.observations) == loaded.act(batch.observations)).all()
        assert (live.act(batch.observations, greedy=True) == loaded.act(batch.observations, greedy=True)).all()
        probabilities, values = live.evaluate(batch.observations)
        assert probabilities.shape == (50, 9)
        assert probabilities.sum(axis=1) == pytest.approx(np.ones(50), abs=1e-5)
        assert values.shape == (50,)


def test_checkpoint_of_another_game_is_refused_in_words(tmp_path: Path) -> None:
    _, run = trained(tmp_path, RULES, [MAP], small_config())
    arena = games.arena()
    spec = World(arena, cells_of("@@@@@@", arena)).spec

    with pytest.raises(
        CheckpointError,
        match=r"trained with the actions move_northwest, .*without rotate_north.*with the object kinds goal",
    ):
        create_policy("trained", arena, spec, checkpoint=run.path / "checkpoints")


@pytest.mark.parametrize("policy", [{"kind": "cnn", "hidden": [32]}, {"shared_trunk": False}])
def test_other_architectures_train(tmp_path: Path, policy: dict[str, object]) -> None:
    _, run = trained(tmp_path, RULES, [MAP], small_config(policy=policy, value_clip=0.2, target_kl=0.01, epochs=2))

    assert run.state().status is RunState.FINISHED


def test_many_agents_train(tmp_path: Path) -> None:
    rules = games.arena(agents=4, max_steps=30)
    maps = [cells_of("#######\n#@@.m.#\n#@@n._#\n#######", rules)]

    _, run = trained(tmp_path, rules, maps, small_config(env_count=8))

    values = run.read_metrics()[-1].values
    assert "rollout/success_rate" not in values  # nothing in this game ends an episode but the clock
    assert values["rollout/ep_len_mean"] == 30


def test_minibatch_that_does_not_fit_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path, "test", {}, {}) as writer, pytest.raises(ConfigError, match="does not divide"):
        Trainer([World(RULES, MAP)], small_config(minibatch_size=100), writer)


def test_divergence_is_told_in_words(tmp_path: Path) -> None:
    rules = games.navigation(max_steps=20, goal_reward=1e20)

    with pytest.raises(GridrlError, match=r"diverged at step \d+: .* is not a finite number"):
        trained(tmp_path, rules, [MAP], small_config())


class Refusing(RunWriter):
    """A writer whose disk is full when a checkpoint comes, until the run ends by itself."""

    refusals = 1

    def checkpoint(self, *arguments: Any, **settings: Any) -> Path:
        if self.refusals:
            self.refusals -= 1
            raise RunError("cannot write ck-1: no space left on device", hint="make room")
        return super().checkpoint(*arguments, **settings)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_checkpoint_that_was_asked_for_and_cannot_be_saved_costs_no_run(tmp_path: Path, threads: int) -> None:
    controls = Controls()
    for command in (Pause(), Checkpoint(), Resume()):
        controls.send(command)
    with Refusing.create(tmp_path, "test", {}, {}) as writer:
        trainer = Trainer([World(RULES, MAP)], small_config(learner_threads=threads), writer, controls)
        trainer.run()
        trainer.close()

    run = RunDirectory(tmp_path / "test")
    warnings = [event["message"] for event in run.read_events() if event["kind"] == "warning"]
    assert warnings == ["not saved: cannot write ck-1: no space left on device; training goes on"]
    assert run.state().step == 2048
    assert run.latest_checkpoint() is not None


def test_a_lane_that_fails_while_the_run_is_paused_ends_it_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Held(Controls):
        """Nobody resumes."""

        def __init__(self) -> None:
            super().__init__()
            self.paused = threading.Event()
            self.waits = 0

        def take(self, timeout: float | None = None) -> Any:
            if timeout is not None:
                self.paused.set()
                self.waits += 1
                assert self.waits < 10, "still paused"
            return super().take(timeout)

    controls = Held()
    with RunWriter.create(tmp_path, "test", {}, {}) as writer:
        trainer = Trainer([World(RULES, MAP)], small_config(learner_threads=2), writer, controls)
        monkeypatch.setattr(trainer, "_obey", lambda: controls.send(Pause()))  # so that it comes within the rollout

        def fail() -> None:
            assert controls.paused.wait(60)
            raise GridrlError("the second lane is broken")

        monkeypatch.setattr(trainer.lanes[1], "advance", fail)
        with pytest.raises(GridrlError, match="the second lane is broken"):
            trainer.run()
        trainer.close()


class FakeTime:
    """A second goes by with each step of the only lane."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


def test_speed_counts_the_steps_and_the_seconds_of_this_attempt_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, advance = FakeTime(), Lane.advance

    def slow(lane: Lane) -> None:
        clock.now += 1.0
        advance(lane)

    monkeypatch.setattr("engine.training.trainer.time", clock)
    monkeypatch.setattr(Lane, "advance", slow)
    config = small_config()
    with RunWriter.create(tmp_path, "test", {}, {}) as writer:
        first = Trainer([World(RULES, MAP)], config, writer, StoppedAfter(28))  # in the second rollout
        first.run()
        assert first.in_rollout
        assert 0 < first.lanes[0].t < config.horizon
        clock.now += 1000.0
        again = Trainer([World(RULES, MAP)], config, writer)
        again.restore(first.tensors(), first.meta())
        clock.now += 1000.0
        again.run()
        first.close()
        again.close()

    speeds = [line.values["time/fps"] for line in RunDirectory(tmp_path / "test").read_metrics()]
    assert speeds == [32.0] * 4  # 32 envs


def test_the_share_of_ready_maps_is_a_share_and_goes_on_after_a_resume(tmp_path: Path) -> None:
    rules = games.arena(agents=3, max_steps=16)
    cells = cells_of("#######\n#@@.m.#\n#@@n._#\n#######", rules)
    config = small_config(env_count=4, minibatch_size=96, total_steps=4 * 192)
    rates = []
    with RunWriter.create(tmp_path, "test", {}, {}) as writer:
        first = Trainer([World(rules, cells)], config, writer, StoppedAfter(40), worlds_made=6)
        first.run()
        again = Trainer([World(rules, cells)], config, writer)
        again.restore(first.tensors(), first.meta())
        again.run()
        first.close()
        again.close()
    rates = [line.values["maps/cache_hit_rate"] for line in RunDirectory(tmp_path / "test").read_metrics()]

    # Each iteration is one episode in each of the 4 envs: 8, 12, 16, 20 of them are begun, 6 maps were made.
    assert rates == [1 - 6 / begun for begun in (8, 12, 16, 20)]
    assert again.resets == 20 * 3


def test_maps_that_no_episode_was_played_on_yet_make_no_negative_share(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path, "test", {}, {}) as writer:
        trainer = Trainer([World(RULES, MAP)], small_config(), writer, worlds_made=10**6)
        trainer.run()
        trainer.close()

    assert trainer.metrics["maps/cache_hit_rate"] == 0.0


def test_an_error_while_paused_lets_the_other_lanes_go(tmp_path: Path) -> None:
    class Broken(Controls):
        looks = 0

        def take(self, timeout: float | None = None) -> Any:
            if timeout is not None:  # asked while paused
                raise GridrlError("the queue is broken")
            self.looks += 1
            return Asked(Pause()) if self.looks == 5 else None  # within the first rollout

    with RunWriter.create(tmp_path, "test", {}, {}) as writer:
        trainer = Trainer([World(RULES, MAP)], small_config(learner_threads=2), writer, Broken())
        with pytest.raises(GridrlError, match="the queue is broken"):
            trainer.run()
        trainer.close()
