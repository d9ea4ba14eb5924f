"""The trainer: PPO over a batch of worlds, from the first step to the last checkpoint, in one thread.

A Trainer owns its batch, network, optimiser and random streams, and writes its run through a RunWriter. It
reads commands from a Controls and leaves status and frames there; it never waits for a reader.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.errors import GridrlError
from engine.policies.networks import build_network
from engine.policies.signature import Signature
from engine.policies.trained import NETWORK_PREFIX
from engine.runs import (
    Checkpoint,
    Command,
    Frame,
    Pause,
    Resume,
    RunState,
    RunStatus,
    RunWriter,
    SetHyper,
    SharePolicy,
    Stop,
    Unwatch,
    Watch,
    save_checkpoint,
)
from engine.sim import Batch, World

from .config import HYPER_LIMITS, TrainerConfig
from .control import Controls
from .ppo import ppo_update
from .report import episode_metrics, episode_records
from .returns import ReturnScale, generalized_advantages
from .rollout import Rollout

_HEARTBEAT_S = 1.0  # a paused run says that it lives this often
_EPISODE_CAPACITY = 1 << 18  # finished agent-episodes kept between two drains, at most; some 50 MB
_MAX_FPS = 60.0  # faster than any terminal draws
_SHARED = "live"
"""Folder of a run where SharePolicy leaves the present policy."""


class Trainer:
    """One PPO run. Make it, call `run` once, on one thread; then `close`."""

    def __init__(
        self,
        worlds: Sequence[World],
        config: TrainerConfig,
        writer: RunWriter,
        controls: Controls | None = None,
        *,
        worlds_made: int = 0,
    ) -> None:
        rules = worlds[0].rules
        config.require_fit(rules.agents)
        torch.set_num_threads(config.torch_threads)
        self.config = config
        self.writer = writer
        self.controls = controls or Controls()
        self.step = 0
        self.iteration = 0
        self.learning_rate = config.learning_rate  # the base that annealing starts from; SetHyper changes it
        self.entropy_coefficient = config.entropy_coefficient

        rows = config.env_count * rules.agents
        self.batch = Batch(
            worlds,
            config.env_count,
            config.seed,
            thread_count=config.threads,
            episode_capacity=max(rows, min(rows * config.horizon, _EPISODE_CAPACITY)),
        )
        self.spec = self.batch.spec
        self.signature = Signature.of(self.spec)
        self.network = build_network(config.policy, self.signature, config.seed)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=config.learning_rate, eps=1e-5, fused=True)
        self.generator = torch.Generator().manual_seed(config.seed)
        self.rollout = Rollout(self.batch, config.horizon)
        self.return_scale = ReturnScale(rows, config.gamma) if config.normalize_rewards else None

        self._can_terminate = rules.end is not None or (rules.tag is not None and rules.tag.ends_when_all_caught)
        self._worlds_made = worlds_made
        self._resets = config.env_count
        self._postponed: deque[Command] = deque()  # read between rollout steps, meant for the next iteration
        self._stopping = False
        self._paused = False
        self._watched: Watch | None = None
        self._frame_due = 0.0  # monotonic time
        self._started = self._checkpointed = self._iteration_started = time.monotonic()
        self._paused_s = 0.0
        self._dropped = 0

    def run(self) -> RunState:
        """Train until total_steps or a Stop. Returns how it ended; the writer stays open for its owner to close."""
        self._publish(RunState.TRAINING)
        self.rollout.reset(self.config.seed)
        while self.step < self.config.total_steps:
            self._obey()
            if self._stopping or not self._collect():
                break
            collected = time.monotonic()
            metrics = self._learn()
            self._report(metrics, learn_s=time.monotonic() - collected)
            if time.monotonic() - self._checkpointed >= self.config.checkpoint_every_s:
                self._checkpoint("scheduled")
        self._checkpoint("last")
        ended = RunState.STOPPED if self._stopping else RunState.FINISHED
        self._publish(ended)
        return ended

    def close(self) -> None:
        """Free the envs."""
        self.batch.close()

    # The iteration

    def _collect(self) -> bool:
        """Fill the rollout. False if a Stop came: what was collected is thrown away, the network is whole."""
        self._iteration_started = time.monotonic()
        if self.iteration:
            self.rollout.begin()
        with torch.inference_mode():
            for t in range(self.config.horizon):
                self._obey_between_steps()
                if self._stopping:
                    return False
                self.rollout.advance(t, self.network, self.generator)
                self._show(self.step + (t + 1) * self.batch.rows)
        self.step += self.config.horizon * self.batch.rows
        self.iteration += 1
        return True

    def _learn(self) -> dict[str, float]:
        """Advantages, then the update. Returns train/* metrics."""
        rate = self.config.learning_rate_at(
            self.step - self.config.batch_size(self.spec.agent_count), self.learning_rate
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        with torch.no_grad():
            rollout = self.rollout
            terminated, truncated = rollout.terminated.bool(), rollout.truncated.bool()
            rewards = rollout.rewards
            if self.return_scale is not None:
                rewards = self.return_scale.scale(rewards, terminated | truncated)
            advantages, returns = generalized_advantages(
                rewards,
                rollout.values,
                self.network(rollout.observations[-1])[1],
                rollout.final_values,
                terminated,
                truncated,
                self.config.gamma,
                self.config.gae_lambda,
            )
        samples = rollout.samples(advantages, returns)
        coefficient = self.entropy_coefficient
        metrics = ppo_update(self.network, self.optimizer, samples, self.config, coefficient, self.generator)
        metrics["train/learning_rate"] = rate
        metrics["train/entropy_coefficient"] = coefficient
        return metrics

    def _report(self, metrics: dict[str, float], learn_s: float) -> None:
        """Write the iteration's metrics and episodes; fail in words if the numbers are no longer numbers."""
        now = time.monotonic()
        iteration_s = now - self._iteration_started
        fps = self.config.batch_size(self.spec.agent_count) / max(iteration_s, 1e-9)
        episodes = self.batch.drain_episodes()
        metrics["rollout/reward_per_step"] = float(self.rollout.rewards.mean())  # there even where no episode ended
        metrics.update(episode_metrics(episodes, self.spec, can_terminate=self._can_terminate))
        self._resets += (len(episodes) + episodes.dropped) // self.spec.agent_count
        metrics["maps/worlds"] = float(len(self.batch.worlds))
        metrics["maps/cache_hit_rate"] = 1.0 - self._worlds_made / self._resets
        metrics["time/total_timesteps"] = float(self.step)
        metrics["time/iterations"] = float(self.iteration)
        metrics["time/elapsed_s"] = now - self._started - self._paused_s
        metrics["time/fps"] = fps
        metrics["time/learn_share"] = learn_s / max(iteration_s, 1e-9)
        self.writer.metrics(self.step, metrics)
        records = episode_records(episodes, self.spec, self.config.log_episodes)
        if records:
            self.writer.episodes(records)
        self._warn_of_dropped(int(episodes.dropped))
        self._publish(RunState.TRAINING, sps=fps)
        _require_finite(metrics, self.step)

    def _warn_of_dropped(self, dropped: int) -> None:
        """Say once that episode figures are incomplete; the metrics of those kept stay fair."""
        if dropped and not self._dropped:
            self._event("warning", "more episodes ended than the engine keeps between iterations", dropped=dropped)
        self._dropped += dropped

    # Commands

    def _obey(self) -> None:
        """Top of an iteration: everything that was asked."""
        while self._postponed:
            self._execute(self._postponed.popleft())
        while (command := self.controls.take()) is not None:
            self._execute(command)
        self._wait_while_paused()

    def _obey_between_steps(self) -> None:
        """Pause and Stop at once, the rest at the top of the next iteration, in order."""
        while (command := self.controls.take()) is not None:
            if isinstance(command, Pause | Resume | Stop):
                self._execute(command)
            else:
                self._postponed.append(command)
        self._wait_while_paused()

    def _wait_while_paused(self) -> None:
        """Sleep on the queue. A paused run obeys everything at once: nothing is in flight."""
        if not self._paused:
            return
        paused_at = time.monotonic()
        while self._paused and not self._stopping:
            self._publish(RunState.PAUSED)
            if (command := self.controls.take(timeout=_HEARTBEAT_S)) is not None:
                self._execute(command)
        waited = time.monotonic() - paused_at
        self._paused_s += waited
        self._iteration_started += waited
        if not self._stopping:
            self._publish(RunState.TRAINING)

    def _execute(self, command: Command) -> None:
        match command:
            case Pause():
                self._paused = True
                self._event("command", "paused")
            case Resume():
                self._paused = False
                self._event("command", "resumed")
            case Stop():
                self._stopping = True
                self._event("command", "stop asked for")
            case Checkpoint():
                self._checkpoint("asked for")
            case SetHyper(name, value):
                self._set_hyper(name, value)
            case SharePolicy():
                self._share_policy()
            case Watch():
                self._watch(command)
            case Unwatch():
                self._watched = None
                self.controls.frame = None

    def _set_hyper(self, name: str, value: float) -> None:
        """Change a hyperparameter from the next iteration on, or say why not."""
        limits = HYPER_LIMITS.get(name)
        if limits is None:
            self._event("warning", f"{name} cannot be changed in a run; {' and '.join(HYPER_LIMITS)} can")
        elif not limits[0] <= value <= limits[1]:
            self._event("warning", f"{name} must be {limits[0]:g} to {limits[1]:g}, not {value:g}")
        else:
            before = self._hyper(name)
            # A rate is set as it is seen, annealed; kept is the base that annealing starts from.
            setattr(self, name, float(value) / (self._annealed if name == "learning_rate" else 1.0))
            self._event("command", f"{name} {before:g} -> {value:g}", name=name, before=before, value=float(value))

    def _hyper(self, name: str) -> float:
        """A hyperparameter as the metrics show it."""
        return float(getattr(self, name)) * (self._annealed if name == "learning_rate" else 1.0)

    @property
    def _annealed(self) -> float:
        """What annealing leaves of the learning rate in the next update: above 0 until the last one is done."""
        return self.config.learning_rate_at(min(self.step, self.config.total_steps - 1), 1.0)

    def _share_policy(self) -> None:
        """Leave the network, and nothing else, in a folder of its own: checkpoints are the user's."""
        network = {name: tensor for name, tensor in self.tensors().items() if name.startswith(NETWORK_PREFIX)}
        self.controls.shared_policy = save_checkpoint(
            self.writer.path / _SHARED, self.step, network, self.meta(), keep=1
        )

    def _watch(self, command: Watch) -> None:
        if not 0 <= command.env < self.config.env_count or not command.fps > 0:
            self._event("warning", f"cannot watch env {command.env} of {self.config.env_count} at {command.fps:g} fps")
            return
        self._watched, self._frame_due = command, 0.0
        self._show(self.step)

    def _show(self, step: int) -> None:
        """Put a picture of the watched env into the slot, if one is due. The latest wins."""
        watched = self._watched
        if watched is None or (now := time.monotonic()) < self._frame_due:
            return
        self._frame_due = now + 1.0 / min(watched.fps, _MAX_FPS)
        self.controls.frame = Frame(self.writer.run_id, step, self.batch.look(watched.env), env=watched.env)

    # The record

    def _publish(self, status: RunState, *, sps: float | None = None) -> None:
        """Newest status, into the slot and into the run's directory."""
        elapsed = time.monotonic() - self._started - self._paused_s
        before = self.controls.status
        sps = before.sps if sps is None else sps
        self.controls.status = RunStatus(status, self.step, self.config.total_steps, sps, elapsed)
        self.writer.state(status, self.step, self.config.total_steps, sps=sps)
        if status is not before.status:
            self._event("state", status.label)

    def _event(self, kind: str, message: str, **data: Any) -> None:
        self.writer.event(kind, message, **data)

    def _checkpoint(self, why: str) -> None:
        path = self.writer.checkpoint(self.step, self.tensors(), self.meta())
        self._checkpointed = time.monotonic()
        self._event("checkpoint", f"{path.name} ({why})", path=path.name)

    def tensors(self) -> dict[str, Tensor]:
        """Everything learned, by name."""
        found = {NETWORK_PREFIX + name: tensor for name, tensor in self.network.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                found[f"optimizer.{name}.{key}"] = value
        if self.return_scale is not None:
            found.update((f"return_scale.{name}", tensor) for name, tensor in self.return_scale.state().items())
        return found

    def meta(self) -> dict[str, Any]:
        """What a checkpoint must say beside its tensors."""
        return {
            "name": self.writer.run_id,
            "step": self.step,
            "iteration": self.iteration,
            "config": self.config.model_dump(mode="json"),
            "architecture": self.config.policy.model_dump(mode="json"),
            "signature": self.signature.to_meta(),
            "hyper": {"learning_rate": self.learning_rate, "entropy_coefficient": self.entropy_coefficient},
        }


def _require_finite(metrics: dict[str, float], step: int) -> None:
    bad = [name for name, value in metrics.items() if not np.isfinite(value)]
    if bad:
        raise GridrlError(
            f"training diverged at step {step}: {bad[0]} is not a finite number",
            hint="lower learning_rate, or look at the rewards",
        )
