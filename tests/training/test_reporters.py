"""The components that measure and steer, each against figures worked out by hand."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from engine.policies.architecture import Architecture
from engine.policies.networks import build_network
from engine.policies.signature import Signature
from engine.runs import RunWriter
from engine.sim import World, games
from engine.training.components.base import Components
from engine.training.components.config import (
    EpochTunerConfig,
    GradientsConfig,
    ProfilerConfig,
    StatsConfig,
    SystemConfig,
)
from engine.training.components.epoch_tuner import EpochTuner
from engine.training.components.flops import FlopsEstimate, forward_flops
from engine.training.components.gradients import GradientReporter
from engine.training.components.profiler import Profiler
from engine.training.components.progress import Progress
from engine.training.components.stats import StatsReporter
from engine.training.components.system import SystemMonitor
from engine.training.config import TrainerConfig

from .drawn import WALLS_9, cells_of
from .stand_in import Clock, StandIn


@dataclass
class Pupil:
    """A learner without rows or losses."""

    network: Any = None
    optimizer: Any = None
    name: str = ""
    rows: torch.Tensor | None = None
    hyper: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


# ---- Stats


def test_running_means_are_over_the_last_iterations_that_had_the_metric() -> None:
    trainer, components = StandIn(), Components([StatsReporter(StatsConfig(window=2))])
    told = []

    for value in (1.0, 3.0, None, 5.0, 9.0):
        metrics = {} if value is None else {"rollout/ep_len_mean": value}
        told.append(trainer.iterate(components, **metrics).get("recent/ep_len_mean"))

    assert told == [1.0, 2.0, None, 4.0, 7.0]


def test_only_rollout_metrics_are_smoothed_and_not_the_terms() -> None:
    components = Components([StatsReporter(StatsConfig())])
    metrics = {"rollout/success_rate": 0.5, "rollout/term/goal": 1.0, "train/loss": 2.0}

    logged = StandIn().iterate(components, **metrics)

    assert [name for name in logged if name.startswith("recent/")] == ["recent/success_rate"]


def test_area_under_the_reward_is_its_mean_over_steps() -> None:
    trainer, components = StandIn(), Components([StatsReporter(StatsConfig())])
    told = []

    # 100 to 200: 100 x 2; 200 to 500: 300 x 5; 500 to 600, without episodes and so one stretch to 700: 200 x 8.
    for step, reward in ((100, 1.0), (200, 3.0), (500, 7.0), (600, None), (700, 9.0)):
        trainer.step = step
        metrics = {} if reward is None else {"rollout/ep_rew_mean": reward}
        told.append(trainer.iterate(components, **metrics).get("recent/reward_area"))

    assert told == [1.0, 2.0, 1700 / 400, None, 3300 / 600]


def test_stats_go_on_after_a_resume_as_if_they_had_never_stopped() -> None:
    def made() -> Components:
        return Components([StatsReporter(StatsConfig(window=3))])

    lines = [(100 * i, float(i * i)) for i in range(1, 9)]
    trainer, whole, first, second = StandIn(), made(), made(), made()
    expected, told = [], []
    for step, reward in lines:
        trainer.step = step
        expected.append(trainer.iterate(whole, **{"rollout/ep_rew_mean": reward}))
    for step, reward in lines[:4]:
        trainer.step = step
        told.append(trainer.iterate(first, **{"rollout/ep_rew_mean": reward}))
    second.restore(trainer, json.loads(json.dumps(first.state(trainer))))
    for step, reward in lines[4:]:
        trainer.step = step
        told.append(trainer.iterate(second, **{"rollout/ep_rew_mean": reward}))

    for one, other in zip(told, expected, strict=True):
        assert one["recent/ep_rew_mean"] == other["recent/ep_rew_mean"]
        assert one["recent/reward_area"] == other["recent/reward_area"]


# ---- Epochs


def tuned(kls: list[float], clipped: float = 0.0, epochs: float = 4.0, **settings: Any) -> list[float]:
    """The epochs of each update, whose KL divergences these are."""
    pupil = Pupil()
    trainer = StandIn(learners=(pupil,))
    components = Components([EpochTuner(EpochTunerConfig.model_validate(settings))])
    seen = []
    for kl in kls:
        pupil.hyper = {"epochs": epochs}  # as a trainer sets it anew before each update
        pupil.metrics = {"train/approx_kl": kl, "train/clip_fraction": clipped}
        seen.append(trainer.iterate(components)["train/epochs"])
        assert pupil.hyper["epochs"] == seen[-1]
    assert components.disabled == ()
    return seen


def test_epochs_go_up_where_little_moves_after_the_warm_up_and_with_pauses() -> None:
    assert tuned([0.001] * 9) == [4, 4, 4, 5, 5, 5, 6, 6, 6]


def test_epochs_go_down_where_much_moves() -> None:
    assert tuned([0.1] * 7) == [4, 4, 4, 3, 3, 3, 2]


@pytest.mark.parametrize(("kl", "expected"), [(0.0104, 5), (0.0106, 4), (0.015, 4), (0.0194, 4), (0.0196, 3)])
def test_near_the_target_epochs_are_left_alone(kl: float, expected: int) -> None:
    assert tuned([kl, kl], warm_up=0)[-1] == expected


def test_where_too_much_is_clipped_epochs_go_down_whatever_the_divergence() -> None:
    assert tuned([0.001] * 2, clipped=0.31, warm_up=0) == [4, 3]
    assert tuned([0.001] * 2, clipped=0.3, warm_up=0) == [4, 5]


def test_epochs_stay_within_their_limits() -> None:
    assert tuned([0.0] * 5, warm_up=0, cooldown=0, most=6) == [4, 5, 6, 6, 6]
    assert tuned([1.0] * 5, warm_up=0, cooldown=0, least=3) == [4, 3, 3, 3, 3]
    assert tuned([0.015], epochs=50.0) == [10]


def test_a_learner_without_a_divergence_is_left_alone() -> None:
    pupil = Pupil(hyper={"epochs": 3.0})
    trainer, components = StandIn(learners=(pupil,)), Components([EpochTuner(EpochTunerConfig(warm_up=0))])

    assert [trainer.iterate(components)["train/epochs"] for _ in range(3)] == [3, 3, 3]


def test_each_role_is_tuned_by_itself() -> None:
    hider = Pupil(name="hider", hyper={"epochs": 4.0}, metrics={"train/approx_kl": 1.0, "train/clip_fraction": 0.0})
    seeker = Pupil(name="seeker", hyper={"epochs": 4.0}, metrics={"train/approx_kl": 0.0, "train/clip_fraction": 0.0})
    trainer = StandIn(learners=(hider, seeker))
    components = Components([EpochTuner(EpochTunerConfig(warm_up=0))])

    trainer.iterate(components)
    logged = trainer.iterate(components)

    assert (logged["hider/train/epochs"], logged["seeker/train/epochs"]) == (3.0, 5.0)


def test_the_tuner_goes_on_after_a_resume_as_if_it_had_never_stopped() -> None:
    kls = [0.001, 0.1, 0.001, 0.1, 0.1, 0.1, 0.001, 0.001, 0.001, 0.001]
    expected = tuned(kls)
    for cut in range(1, len(kls)):
        pupil, seen = Pupil(), []
        trainer = StandIn(learners=(pupil,))
        components = Components([EpochTuner(EpochTunerConfig())])
        for i, kl in enumerate(kls):
            if i == cut:
                kept = json.loads(json.dumps(components.state(trainer)))
                components = Components([EpochTuner(EpochTunerConfig())])
                components.restore(trainer, kept)
            pupil.hyper = {"epochs": 4.0}
            pupil.metrics = {"train/approx_kl": kl, "train/clip_fraction": 0.0}
            seen.append(trainer.iterate(components)["train/epochs"])

        assert seen == expected


# ---- Progress


def test_progress_and_seconds_left() -> None:
    trainer, components = StandIn(config=TrainerConfig(total_steps=1000)), Components([Progress()])
    told = []

    for step, elapsed in ((100, 1.0), (200, 3.0), (600, 9.0), (1100, 10.0)):
        trainer.step = step
        logged = trainer.iterate(components, **{"time/elapsed_s": elapsed})
        told.append((logged["time/progress"], logged.get("time/remaining_s")))

    assert told == [(0.1, None), (0.2, 16.0), (0.6, 6.4), (1.0, 0.0)]


def test_seconds_left_go_by_the_speed_of_late() -> None:
    trainer, components = StandIn(config=TrainerConfig(total_steps=10_000)), Components([Progress()])
    elapsed = 0.0

    for iteration in range(1, 101):
        elapsed += 1.0 if iteration <= 60 else 0.5
        trainer.step = 10 * iteration
        logged = trainer.iterate(components, **{"time/elapsed_s": elapsed})

    assert logged["time/remaining_s"] == 9_000 / 20.0


# ---- System


def test_the_machine_is_looked_at_when_the_time_has_come() -> None:
    clock = Clock()
    trainer = StandIn(rollout=SimpleNamespace())
    components = Components([SystemMonitor(SystemConfig(), clock)])
    looks = []

    for now in (0.0, 9.9, 10.0, 19.0, 25.0):
        clock.now = now
        looks.append("system/rss_mb" in trainer.iterate(components))

    assert looks == [True, False, True, False, True]
    assert components.disabled == ()


def test_threads_and_open_files_are_counted(tmp_path: Path) -> None:
    clock = Clock()
    trainer = StandIn(rollout=SimpleNamespace())
    components = Components([SystemMonitor(SystemConfig(every_s=1.0), clock)])
    before = trainer.iterate(components)
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()

    with (tmp_path / "file").open("w"):
        clock.now = 1.0
        during = trainer.iterate(components)
    done.set()
    thread.join()

    assert during["system/threads"] == before["system/threads"] + 1
    assert during["system/open_files"] == before["system/open_files"] + 1
    assert during["system/cpu_percent"] >= 0
    assert 0 < during["system/memory_percent"] <= 100
    assert 0 < during["system/rss_mb"] * 1e6 < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_the_bytes_of_training_are_told_once() -> None:
    network = nn.Linear(3, 5)  # 20 floats
    network.register_buffer("scales", torch.zeros(7, dtype=torch.uint8))
    optimizer = torch.optim.SGD(network.parameters(), momentum=0.9)
    network(torch.ones(3)).sum().backward()
    optimizer.step()
    table = torch.zeros(1000)
    rollout = SimpleNamespace(table=table, view=table[10:], none=None, horizon=4)
    trainer = StandIn(rollout=rollout, learners=(Pupil(network, optimizer),))
    components = Components([SystemMonitor(SystemConfig(), Clock())])

    first, second = trainer.iterate(components), trainer.iterate(components)

    assert first["memory/rollout_mb"] == 4000 / 1e6
    assert first["memory/networks_mb"] == 87 / 1e6
    assert first["memory/optimizers_mb"] == 80 / 1e6
    assert not [name for name in second if name.startswith("memory/")]


# ---- Gradients


def test_norms_of_gradients_weights_and_changes() -> None:
    network = nn.Linear(2, 1)
    pupil = Pupil(network)
    trainer = StandIn(learners=(pupil,))
    components = Components([GradientReporter(GradientsConfig(every=1))])
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[3.0, 4.0]]))
        network.bias.zero_()
    trainer.iteration = 1
    components.on_rollout_end(trainer)
    with torch.no_grad():  # the update
        network.weight.copy_(torch.tensor([[3.0, 4.5]]))
    network.weight.grad, network.bias.grad = torch.tensor([[1.0, -2.0]]), torch.tensor([7.0])

    components.on_epoch_end(trainer)

    metrics = trainer.metrics
    assert metrics["grads/norm/weight"] == pytest.approx(5**0.5)
    assert metrics["grads/weight/weight"] == pytest.approx((9 + 20.25) ** 0.5)
    assert metrics["grads/change/weight"] == pytest.approx(0.5 / 5)
    assert (metrics["grads/norm/bias"], metrics["grads/change/bias"]) == (7.0, 0.0)
    assert metrics["grads/all/norm"] == pytest.approx(54**0.5)
    assert metrics["grads/all/mean"] == pytest.approx(2.0)
    assert metrics["grads/all/variance"] == pytest.approx(18 - 4)


def test_gradients_are_told_every_nth_iteration_and_a_tensor_without_one_has_none() -> None:
    trainer = StandIn(learners=(Pupil(nn.Linear(2, 1), name="hider"),))
    components = Components([GradientReporter(GradientsConfig(every=3))])

    told = [trainer.iterate(components).get("hider/grads/all/norm") for _ in range(6)]

    assert told == [None, None, 0.0, None, None, 0.0]


# ---- Arithmetic


def signature() -> Signature:
    rules = games.navigation()
    return Signature.of(World(rules, cells_of(WALLS_9, rules)).spec)


def test_operations_of_an_mlp_are_those_of_its_layers() -> None:
    names = signature()
    network = build_network(Architecture(hidden=(32, 16)), names, seed=0)
    codes = sum(group.count for group in (*names.plane_groups(), *names.coded_self_groups()))
    amounts, actions = len(names.scaled_self_features()), len(names.actions)

    counted = forward_flops(network, torch.zeros(1, names.observation_size, dtype=torch.uint8))

    products = amounts * 32 + 32 * 16 + 16 * actions + 16 * 1
    assert counted == codes * 32 + 2 * products


def test_operations_of_a_cnn_are_those_of_its_layers() -> None:
    names = signature()
    network = build_network(Architecture(kind="cnn", hidden=(32,)), names, seed=0)
    expected = 0
    height, width = names.window_height, names.window_width
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            height, width = (-(-side // layer.stride[0]) for side in (height, width))
            expected += 2 * height * width * layer.weight.numel()
        elif isinstance(layer, nn.Linear):
            expected += 2 * layer.weight.numel()

    assert forward_flops(network, torch.zeros(1, names.observation_size, dtype=torch.uint8)) == expected


class Plain(nn.Module):
    """A network of one layer, whatever that is."""

    memory_size = 0

    def __init__(self, layer: nn.Module, *shape: int) -> None:
        super().__init__()
        self.layer, self.shape = layer, shape

    def step(self, observations: torch.Tensor, memory: torch.Tensor) -> None:
        inputs = torch.zeros(1, *self.shape)
        if isinstance(self.layer, nn.MultiheadAttention):
            self.layer(inputs, inputs, inputs)
        elif isinstance(self.layer, nn.Identity):
            nn.functional.scaled_dot_product_attention(inputs, inputs[:, :, :2], inputs[:, :, :2])
        else:
            self.layer(inputs)


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (nn.LSTM(6, 8), (1, 6), 2 * 4 * 8 * (6 + 8)),
        (nn.LSTMCell(6, 8), (6,), 2 * 4 * 8 * (6 + 8)),
        (nn.GRU(6, 8), (1, 6), 2 * 3 * 8 * (6 + 8)),
        (nn.Identity(), (3, 5, 4), 3 * (2 * 5 * 2 * 4 + 2 * 5 * 2 * 4)),  # 3 heads, 5 queries on 2 keys, width 4
        (nn.MultiheadAttention(8, 2, batch_first=True), (5, 8), 2 * 5 * 8 * (24 + 8) + 2 * 2 * 5 * 5 * 8),
    ],
)
def test_operations_of_memories_and_attention_are_counted(
    layer: nn.Module, shape: tuple[int, ...], expected: int
) -> None:
    assert forward_flops(Plain(layer, *shape), torch.zeros(1, 1)) == expected  # type: ignore[arg-type]


def test_a_trained_step_takes_a_forward_pass_and_three_more_for_each_epoch() -> None:
    spec, rollout = SimpleNamespace(agent_count=4), SimpleNamespace(observations=torch.zeros(1, 1, 1))
    rows = torch.tensor([0, 4, 8])  # the first agent of each env
    small = Pupil(Plain(nn.Linear(5, 7), 5), rows=rows, hyper={"epochs": 1.0})
    large = Pupil(Plain(nn.Linear(10, 7), 10), rows=torch.tensor([1, 2, 3, 5, 6, 7]), hyper={"epochs": 2.0})
    trainer = StandIn(learners=(small, large), spec=spec, rollout=rollout)

    logged = trainer.iterate(Components([FlopsEstimate()]), **{"time/fps": 2e6})

    assert logged["time/flops_per_step"] == 0.25 * 70 * 4 + 0.75 * 140 * 7
    assert logged["time/gflops"] == pytest.approx(logged["time/flops_per_step"] * 2e-3)


# ---- Profiler


def test_the_profiler_writes_what_the_wanted_iterations_did(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path, "test", {}, {}) as writer:
        trainer = StandIn(writer=writer)
        components = Components([Profiler(ProfilerConfig(start=2, iterations=2))])
        folder, there = writer.path / "profile", []
        for operation in (torch.sin, torch.cos, torch.tan, torch.exp):
            operation(torch.zeros(3))
            trainer.iterate(components)
            there.append(folder.exists())

    assert there == [False, False, True, True]
    table = (folder / "ops.txt").read_text()
    assert "aten::cos" in table
    assert "aten::tan" in table
    assert "aten::sin" not in table
    assert "aten::exp" not in table
    assert json.loads((folder / "trace.json").read_text())["traceEvents"]
    assert components.disabled == ()


@pytest.mark.parametrize("end", ["on_complete", "on_failure"])
def test_a_run_that_ends_early_leaves_the_profile_so_far(tmp_path: Path, end: str) -> None:
    with RunWriter.create(tmp_path, "test", {}, {}) as writer:
        trainer = StandIn(writer=writer)
        components = Components([Profiler(ProfilerConfig(start=2, iterations=50))])
        trainer.iterate(components)
        torch.cos(torch.zeros(3))
        if end == "on_complete":
            components.on_complete(trainer)
        else:
            components.on_failure(trainer, ValueError())
        components.on_complete(trainer)  # a second end writes nothing

    assert "aten::cos" in (writer.path / "profile" / "ops.txt").read_text()
    assert len(trainer.events) == 1
