"""End-to-end training speed on this machine: env steps, network, update and logging together.

    python benchmarks/train_speed.py [--json] [--repeats N] [--only NAME]

A repeat is a fresh run of a few seconds; its first tenth, at least one iteration, is left out. Steps are agent steps.
Cases that have a peer are run in pairs, ours and Stable-Baselines3 (`pip install -e '.[dev]'`) in turn, on the same
simulator: the ratio of each pair bears neighbours on the machine better than any rate. With --json, one object a line.

The peer has the same numbers, and two layers of ReLU for the policy and two for the value: its own way of having
"64-64". Ours shares them, and sees codes as one-hot vectors. In the cases of `separate_trunks` both have the same
network: nobody shares, and the peer sees one-hot vectors too. Where ours has two learner threads, torch has two for the
peer.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from machine import figure, show

from engine.maps import cells_for, load_map
from engine.runs import BackgroundWriter, RunState, RunWriter
from engine.sim import Rules, World, games
from engine.training.config import TrainerConfig
from engine.training.trainer import Trainer
from engine.training.warm_up import warm_up

NAVIGATION = (games.navigation(), "navigation/walls9")
ARENA = (games.arena(), "arena/basic")

# One epoch of large minibatches: the setting of the published figures for small networks.
FAST = {"env_count": 2048, "horizon": 64, "minibatch_size": 16_384, "epochs": 1, "total_steps": 1_310_720}
TWO_THREADS = {**FAST, "torch_threads": 2}
SEPARATE = {**FAST, "policy": {"shared_trunk": False}}
FOUR_EPOCHS = {**FAST, "minibatch_size": 4096, "epochs": 4, "total_steps": 655_360}
LSTM = {**FAST, "bptt": 32, "policy": {"memory": "lstm", "memory_size": 64}, "total_steps": 393_216}
MINGRU = {**LSTM, "policy": {"memory": "mingru", "memory_size": 64}}
ARENA_FAST = {**FAST, "env_count": 512, "horizon": 32, "total_steps": 983_040}
SB3_STYLE = {"env_count": 8, "horizon": 256, "minibatch_size": 64, "epochs": 10, "total_steps": 8_192}
RESAMPLES = 2000  # of the bootstrap


@dataclass(frozen=True)
class Case:
    """A game, our settings, and those that a peer trains it with."""

    world: tuple[Rules, str]
    settings: dict[str, Any]
    peer: dict[str, Any] | None = field(default=None)


CASES = {
    "navigation_mlp64": Case(NAVIGATION, FAST, FAST),
    "navigation_mlp64_two_learner_threads": Case(NAVIGATION, {**FAST, "learner_threads": 2}, TWO_THREADS),
    "navigation_mlp64_sb3_style": Case(NAVIGATION, FAST, SB3_STYLE),
    "navigation_mlp64_four_epochs": Case(NAVIGATION, FOUR_EPOCHS, {**FOUR_EPOCHS, "total_steps": 262_144}),
    "navigation_mlp64_separate_trunks": Case(NAVIGATION, SEPARATE, {**FAST, "total_steps": 393_216}),
    "navigation_mlp64_separate_trunks_two_learner_threads": Case(
        NAVIGATION, {**SEPARATE, "learner_threads": 2}, TWO_THREADS
    ),
    "navigation_lstm64": Case(NAVIGATION, LSTM),
    "navigation_lstm64_two_learner_threads": Case(NAVIGATION, {**LSTM, "learner_threads": 2}),
    "navigation_mingru64": Case(NAVIGATION, MINGRU),
    "navigation_mingru64_two_learner_threads": Case(NAVIGATION, {**MINGRU, "learner_threads": 2}),
    "navigation_cnn": Case(NAVIGATION, {**FAST, "policy": {"kind": "cnn"}, "total_steps": 262_144}),
    "navigation_defaults": Case(NAVIGATION, {"total_steps": 500_000}),
    "arena_mlp64": Case(ARENA, ARENA_FAST, {**ARENA_FAST, "total_steps": 393_216}),
}


@dataclass(frozen=True)
class Speed:
    """One run, its first tenth left out."""

    rate: float  # agent steps per second
    cpu_us: float  # CPU microseconds per agent step, which are CPU seconds per million
    log_share: float = 0.0  # of the CPU time: handing the log over, and all that the thread does that writes it
    hand_off_us: tuple[float, ...] = ()  # of each iteration: until the log had its metrics


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--repeats", type=int, default=5, help="pairs of each case")
    parser.add_argument("--only", choices=list(CASES), help="one configuration")
    options = parser.parse_args()
    for name in [options.only] if options.only else CASES:
        measure(name, options.repeats, options.json)
    return 0


def measure(name: str, repeats: int, as_json: bool) -> None:
    """Print the speed of one case over some repeats, and beside its peer if it has one."""
    case = CASES[name]
    runs: dict[str, Callable[[], Speed]] = {"ours": lambda: our_run(case)}
    if case.peer is not None:
        runs["sb3"] = lambda: sb3_run(case)
    speeds: dict[str, list[Speed]] = {side: [] for side in runs}
    for repeat in range(repeats):
        for side in list(runs)[:: -1 if repeat % 2 else 1]:  # A B, B A: what drifts hits both
            speeds[side].append(runs[side]())
    for side, found in speeds.items():
        values = case.settings if side == "ours" else case.peer
        report(side, found, {"case": name, "side": side, "game": case.world[0].name, **(values or {})}, as_json)
    if case.peer is not None:
        setting = {"case": name, "ours": case.settings, "sb3": case.peer}
        pairs = list(zip(speeds["ours"], speeds["sb3"], strict=True))
        ratio("train_speed_ratio", [ours.rate / sb3.rate for ours, sb3 in pairs], setting, as_json)
        ratio("train_speed_cpu_ratio", [sb3.cpu_us / ours.cpu_us for ours, sb3 in pairs], setting, as_json)


def report(side: str, speeds: list[Speed], setting: dict[str, Any], as_json: bool) -> None:
    for name, unit, samples in (
        ("train_speed", "agent-steps/s", [speed.rate for speed in speeds]),
        ("train_speed_cpu", "CPU us/agent-step", [speed.cpu_us for speed in speeds]),
    ):
        show(figure(name, unit, {**setting, "mad": deviation(samples)}, samples), as_json)
    if side == "ours":
        hand_offs = sorted(each for speed in speeds for each in speed.hand_off_us)
        show(figure("train_log_share", "of CPU time", setting, [speed.log_share for speed in speeds]), as_json)
        p99 = hand_offs[min(len(hand_offs) - 1, len(hand_offs) * 99 // 100)]
        show(figure("train_log_hand_off_p99", "us", {**setting, "iterations": len(hand_offs)}, [p99]), as_json)


def ratio(name: str, samples: list[float], setting: dict[str, Any], as_json: bool) -> None:
    """How many times ours is faster: the median of the pairs, with a bootstrap interval of 95 %."""
    draw = random.Random(0)
    medians = sorted(statistics.median(draw.choices(samples, k=len(samples))) for _ in range(RESAMPLES))
    interval = [round(medians[int(RESAMPLES * share)], 3) for share in (0.025, 0.975)]
    show(figure(name, "x", {**setting, "interval_95": interval, "mad": deviation(samples)}, samples), as_json)


def deviation(samples: list[float]) -> float:
    """Median absolute deviation, to four digits."""
    middle = statistics.median(samples)
    return float(f"{statistics.median(abs(each - middle) for each in samples):.4g}")


class TimedWriter(BackgroundWriter):
    """Notes when each iteration was logged, and how long the trainer waited for that: metrics, episodes and state."""

    def __init__(self, writer: RunWriter) -> None:
        super().__init__(writer)
        self.waits: list[float] = []  # microseconds, by iteration
        self.laps: list[tuple[int, float, float]] = []  # agent steps, seconds, processor seconds
        self._waited = 0.0

    def metrics(self, step: int, values: Any) -> None:
        self._timed(super().metrics, step, values)

    def episodes(self, rows: Any, *, step: int | None = None) -> None:
        self._timed(super().episodes, rows, step=step)

    def state(self, status: RunState, step: int, total: int, **values: Any) -> None:
        self._timed(super().state, status, step, total, **values)
        if step > (self.laps[-1][0] if self.laps else 0):  # the last that an iteration says
            self.waits.append(1e6 * self._waited)
            self.laps.append((step, time.perf_counter(), time.process_time()))
        self._waited = 0.0

    def cpu_s(self) -> float:
        """CPU seconds of its own thread, and those that the trainer waited."""
        assert self._thread.ident is not None
        own = time.clock_gettime(time.pthread_getcpuclockid(self._thread.ident))
        return own + 1e-6 * sum(self.waits)

    def _timed(self, call: Callable[..., None], *arguments: Any, **values: Any) -> None:
        started = time.perf_counter()
        call(*arguments, **values)
        self._waited += time.perf_counter() - started


def our_run(case: Case) -> Speed:
    rules, map_name = case.world
    config = TrainerConfig.model_validate(case.settings)
    with (
        tempfile.TemporaryDirectory() as folder,
        TimedWriter(RunWriter.create(Path(folder), "speed", {}, {})) as writer,
    ):
        trainer = Trainer([World(rules, cells_for(load_map(map_name), rules))], config, writer)
        for learner in trainer.learners:
            warm_up(learner.network, learner.compute)
        began = time.process_time()
        trainer.run()
        share = writer.cpu_s() / (time.process_time() - began)
        trainer.close()
    return Speed(*slope(writer.laps), share, tuple(writer.waits[1:]))


def sb3_run(case: Case) -> Speed:
    """Stable-Baselines3's PPO on the same simulator, with the settings that the case has for it."""
    from one_hot import one_hot_of
    from stable_baselines3 import PPO
    from stable_baselines3.common.callbacks import BaseCallback

    from engine.sim.adapters.sb3_vec_env import GridworldVecEnv

    class Laps(BaseCallback):
        laps: list[tuple[int, float, float]] = []

        def _on_rollout_start(self) -> None:
            self.laps.append((self.num_timesteps, time.perf_counter(), time.process_time()))

        def _on_training_end(self) -> None:
            self._on_rollout_start()

        def _on_step(self) -> bool:
            return True

    assert case.peer is not None
    rules, map_name = case.world
    config = TrainerConfig.model_validate(case.peer)
    torch.set_num_threads(config.torch_threads)
    world = World(rules, cells_for(load_map(map_name), rules))
    env = GridworldVecEnv(world, config.env_count)
    networks: dict[str, Any] = {"net_arch": list(config.policy.hidden), "activation_fn": torch.nn.ReLU}
    if case.settings.get("policy") == {"shared_trunk": False}:
        networks["features_extractor_class"] = one_hot_of(world)
    model = PPO(
        "MlpPolicy",
        env,
        learning_rate=config.learning_rate,
        n_steps=config.horizon,
        batch_size=config.minibatch_size,
        n_epochs=config.epochs,
        gamma=config.gamma,
        gae_lambda=config.gae_lambda,
        clip_range=config.clip,
        ent_coef=config.entropy_coefficient,
        vf_coef=config.value_coefficient,
        max_grad_norm=config.max_grad_norm or 1e9,
        policy_kwargs=networks,
        device="cpu",
        seed=0,
    )
    laps = Laps()
    laps.laps = []
    model.learn(config.total_steps, callback=laps)
    env.close()
    return Speed(*slope(laps.laps))


def slope(laps: list[tuple[int, float, float]]) -> tuple[float, float]:
    """Steps a second and CPU microseconds a step, of (step, seconds, CPU seconds) after the first tenth."""
    first, last = laps[max(1, len(laps) // 10)], laps[-1]
    steps = last[0] - first[0]
    return steps / (last[1] - first[1]), (last[2] - first[2]) / steps * 1e6


if __name__ == "__main__":
    sys.exit(main())
