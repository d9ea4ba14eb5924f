"""A learner: one network, its optimiser, losses and hyperparameters, for some of the rows of a batch.

Owned by the trainer and used by its thread; the network is read by all workers at once while nobody changes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import ConfigError
from engine.policies.networks import build_network
from engine.policies.signature import Signature
from engine.policies.trained import NETWORK_PREFIX

from .compute import Compute
from .config import TrainerConfig
from .losses import Loss, losses_of
from .ranks import Ranks
from .returns import ReturnScale, generalized_advantages
from .rollout import Rollout
from .samples import Experience, Minibatch, Samples, evaluated
from .schedules import LIMITS, Scheduler
from .seeds import Purpose, seed_for
from .workers import Workers

HYPER = tuple(LIMITS)
"""Hyperparameters of a learner that a schedule may change; loss.<name> are the weights of its losses."""

_PIECES = {"mlp": 8192, "cnn": 2048, "attention": 2048}
"""Samples that a CPU learns from at once, by kind of network: fewer wait for each call, more for memory.

Against whole minibatches of 16,384 it saves 6 % for the mlp, 11 % with lstm, 19 % with mingru, 48 % for the cnn.
"""


@dataclass(frozen=True)
class _Part:
    """Samples of one step, and the losses that learn from them."""

    samples: Samples | Minibatch
    count: int  # samples of all ranks together: what a mean divides by
    losses: tuple[Loss, ...]
    scale: tuple[Tensor, Tensor] | None = None  # mean and deviation that the advantages are to lose

    def gathered(self) -> Samples:
        """The samples themselves, as the losses want them."""
        samples = self.samples.gathered()
        if self.scale is None:
            return samples
        mean, deviation = self.scale
        return replace(samples, tensors={**samples.tensors, "advantages": (samples["advantages"] - mean) / deviation})


class Learner:
    """Trains one network on the rows it plays."""

    def __init__(
        self,
        name: str,
        config: TrainerConfig,
        signature: Signature,
        *,
        rows: Tensor | None,
        row_count: int,
        workers: Workers,
        ranks: Ranks,
        seed: int,
        compute: Compute | None = None,
    ) -> None:
        """Build everything anew.

        Args:
            name: of the role; empty for the learner of all agents.
            config: the run's settings with the role's own in their places.
            rows: (own rows,) of the batch, ascending; None for all.
            row_count: rows of the batch.
            seed: from which those of weights, of shuffles and drawn demonstrations are derived.
        """
        self.name, self.config, self.rows = name, config, rows
        self.own_rows = row_count if rows is None else len(rows)
        self.compute = compute or Compute()
        device = self.compute.device
        self.network = build_network(config.policy, signature, seed_for(seed, Purpose.WEIGHTS)).to(device)
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=config.learning_rate, eps=config.adam_epsilon, fused=True
        )
        self.generator = torch.Generator().manual_seed(seed_for(seed, Purpose.SHUFFLES))
        self.losses = losses_of(config, signature, self.network.memory_size, role=name)
        self.base = {name: float(getattr(config, name)) for name in HYPER}
        self.base.update((f"loss.{loss.name}", getattr(config.losses, loss.name).weight) for loss in self.losses)
        self.hyper = dict(self.base)
        """In force in the next update: the base, as schedules have it now."""
        self.scheduler = _scheduler_of(config, self.losses)
        self.return_scale = ReturnScale(self.own_rows, ranks, device) if config.normalize_rewards else None
        self.minibatch_size = config.minibatch_size * self.own_rows // row_count
        self.metrics: dict[str, float] = {}

        size = self.network.memory_size
        self.length = (config.bptt or config.horizon) if size else 1  # steps learnt over at once
        self._require_whole_minibatch(row_count, row_count * config.horizon * ranks.count)
        self.memory = torch.zeros(self.own_rows, size, device=device)  # (own rows, M) before the next step
        chunks = config.horizon // self.length
        self.memories = torch.zeros(chunks, self.own_rows, size, device=device) if size else None
        self._workers, self._ranks = workers, ranks
        self._piece = _PIECES[config.policy.kind] if device.type == "cpu" else self.minibatch_size
        self._parameters = list(self.network.parameters())
        self._take_losses()
        self.last_values = torch.zeros(self.own_rows, device=device)
        """Of the observations after the last step of a rollout."""

    def _require_whole_minibatch(self, row_count: int, batch: int) -> None:
        """Check that this learner's share of a minibatch of all rows holds a sequence.

        Raises:
            ConfigError: it holds none; with the arithmetic and the smallest minibatch that does.
        """
        if self.minibatch_size >= self.length:
            return
        least = -(-self.length * row_count // self.own_rows)
        fits = next(size for size in range(least, batch + 1) if batch % size == 0 and size % self.length == 0)
        share = f"{self.config.minibatch_size} x {self.own_rows} of {row_count} rows = {self.minibatch_size} samples"
        raise ConfigError(
            f"minibatch_size: {share} for role {self.name}, less than one sequence of {self.length} steps",
            hint=f"minibatch_size={fits}",
        )

    # ---- Learning

    def prepare(self, step: int) -> None:
        """Set the hyperparameters that are in force in the update after so many agent steps."""
        self.hyper = self.scheduler.values(self.base, step)

    def set_hyper(self, name: str, value: float, step: int) -> None:
        """Another value for a hyperparameter, as it is seen: kept is the base that its schedule starts from."""
        self.base[name] = self.scheduler.base_for(name, value, step)

    def learn(self, rollout: Rollout) -> None:
        """Update on a full rollout; `metrics` then says how it went."""
        rewards = self._scaled_rewards(rollout)
        self._write_advantages(rollout, rewards, self._own(rollout.values))
        experience = self._experience(rollout)
        self.metrics = self.update(experience, lambda: self._refresh(experience, rollout, rewards))

    def _take_losses(self) -> None:
        """Those that count in the update at hand: one of weight 0 costs no pass, draws nothing and logs nothing."""
        counting = [loss for loss in self.losses if self.hyper[f"loss.{loss.name}"]]
        self._rollout_losses = tuple(loss for loss in counting if loss.reads_rollout)
        self._own_losses = tuple(loss for loss in counting if not loss.reads_rollout)
        ordered = (*self._rollout_losses, *self._own_losses)
        self._metric_names = ("train/loss", *(name for loss in ordered for name in loss.metrics), "train/grad_norm")

    def update(self, experience: Experience, refresh: Callable[[], None] = lambda: None) -> dict[str, float]:
        """Train on experience with advantages and returns. Returns metrics, means over all minibatches.

        Args:
            refresh: called before each pass but the first.
        """
        self._take_losses()
        self.optimizer.param_groups[0]["lr"] = self.hyper["learning_rate"]
        foretold = self._ranks.explained_variance(experience.column("values"), experience.column("returns"))
        seen: list[Tensor] = []  # one (metrics,) for each minibatch
        for epoch in range(round(self.hyper["epochs"])):
            if epoch:
                refresh()
            batches = experience.minibatches(self.minibatch_size, self.generator, self._ranks.shard)
            this_epoch = [self._step(minibatch, count) for minibatch, count in batches]
            seen += this_epoch
            if self.config.target_kl is not None and self._mean_kl(this_epoch) > self.config.target_kl:
                break
        return self._read(torch.stack(seen).mean(0), foretold, updates=len(seen))

    def _step(self, minibatch: Minibatch, count: int) -> Tensor:
        """One step of the optimiser. Returns its metrics, still tensors."""
        is_scaled = self.config.normalize_advantages
        scale = self._ranks.scale_of(minibatch.column("advantages"), count) if is_scaled else None
        parts = [_Part(minibatch, count, self._rollout_losses, scale), *self._own_parts()]
        totals = _added(self._workers.map(self._worked, self._shares(parts)))
        *gradients, metrics = self._summed(totals)
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            parameter.grad = gradient
        norm = nn.utils.clip_grad_norm_(self._parameters, self.config.max_grad_norm or torch.inf)
        self.optimizer.step()
        return torch.cat([metrics, norm.unsqueeze(0)])

    def _own_parts(self) -> list[_Part]:
        """Minibatches of the losses that bring their own samples: drawn alike on all ranks, each takes its share."""
        parts = []
        for loss in self._own_losses:
            drawn = loss.minibatch(self.generator)
            mine = drawn.shares(self._ranks.count)[self._ranks.shard.rank].to(self.compute.device)
            parts.append(_Part(mine, len(drawn), (loss,)))
        return parts

    def _shares(self, parts: Sequence[_Part]) -> list[list[tuple[_Part, ...]]]:
        """For each worker, the pieces that it works on one after the other."""
        workers = self._workers.count
        pieces = max(1, len(parts[0].samples) // (workers * self._piece))
        cut = [[replace(part, samples=share) for share in part.samples.shares(workers * pieces)] for part in parts]
        whole = list(zip(*cut, strict=True))
        return [whole[first : first + pieces] for first in range(0, len(whole), pieces)]

    def _worked(self, pieces: Sequence[Sequence[_Part]]) -> list[Tensor]:
        return _added([self._gradients(piece) for piece in pieces])

    def _gradients(self, parts: Sequence[_Part]) -> list[Tensor]:
        """Of the losses on one share of each part: a gradient for each parameter, then the metrics.

        Both are this share's part of the mean over all samples, so that shares add up.
        """
        total = torch.zeros((), device=self.compute.device)
        metrics: list[Tensor] = []
        for part in parts:
            if not part.losses:  # nobody learns from the rollout
                continue
            if not len(part.samples):  # of a small minibatch, a rank may have nothing
                metrics += [torch.zeros(len(loss.metrics), device=self.compute.device) for loss in part.losses]
                continue
            samples = part.gathered()
            outputs = evaluated(self.network, samples, self.compute)
            share = len(samples) / part.count
            for loss in part.losses:
                value, seen = loss.compute(outputs, samples, self.hyper)
                total = total + share * self.hyper[f"loss.{loss.name}"] * value
                metrics.append(share * seen)
        if not total.requires_grad:
            gradients: Sequence[Tensor | None] = [None] * len(self._parameters)
        else:
            gradients = torch.autograd.grad(total, self._parameters, allow_unused=True)
        filled = [
            torch.zeros_like(parameter) if gradient is None else gradient.contiguous()  # fused Adam looks at no strides
            for parameter, gradient in zip(self._parameters, gradients, strict=True)
        ]
        return [*filled, torch.cat([total.detach().unsqueeze(0), *metrics])]

    def _summed(self, tensors: list[Tensor]) -> list[Tensor]:
        """Over all ranks, in one message."""
        if self._ranks.count == 1:
            return tensors
        flat = self._ranks.sum(torch.cat([tensor.flatten() for tensor in tensors]))
        pieces = torch.split(flat, [tensor.numel() for tensor in tensors])
        return [piece.view_as(tensor) for piece, tensor in zip(pieces, tensors, strict=True)]

    def _mean_kl(self, metrics: list[Tensor]) -> float:
        """Mean k3 of an epoch's minibatches: a read-back, so once an epoch and only where it can stop one. 0 while the
        ppo loss does not count."""
        if "train/approx_kl" not in self._metric_names:
            return 0.0
        return float(torch.stack(metrics)[:, self._metric_names.index("train/approx_kl")].mean())

    def _read(self, means: Tensor, foretold: Tensor, updates: int) -> dict[str, float]:
        """Metrics by name, means over all minibatches: the one read-back of an update."""
        read = torch.cat([means, foretold.unsqueeze(0)]).tolist()
        values = dict(zip((*self._metric_names, "train/explained_variance"), read, strict=True))
        values["train/updates"] = float(updates)
        values["train/learning_rate"] = self.hyper["learning_rate"]
        values["train/entropy_coefficient"] = self.hyper["entropy_coefficient"]
        if "train/entropy" in values:
            values["train/entropy_loss"] = -values["train/entropy"]
        return values

    # ---- Experience

    @property
    def _columns(self) -> Any:
        """What selects this learner's rows from a table: all of them, without a copy, where it has all."""
        return slice(None) if self.rows is None else self.rows

    def _own(self, table: Tensor) -> Tensor:
        return table[:, self._columns]

    def _experience(self, rollout: Rollout) -> Experience:
        """The rollout's tables by name, those that somebody needs; the metrics do, whatever the losses are."""
        needed = {"observations", "actions", "values", "advantages", "returns"}
        needed = needed.union(*(loss.keys for loss in self.losses))
        if self.memories is not None:
            needed |= {"starts"}
        tensors = {name: table for name, table in rollout.tables().items() if name in needed or name == "masks"}
        return Experience(tensors, rollout.horizon, rollout.row_count, self.rows, self.memories, self.length)

    def _scaled_rewards(self, rollout: Rollout) -> Tensor:
        """(T, own rows)"""
        rewards = self._own(rollout.mirror.rewards)
        if self.return_scale is None:
            return rewards
        ended = self._own(rollout.mirror.terminated) | self._own(rollout.mirror.truncated)
        return self.return_scale.scale(rewards, ended.bool(), self.hyper["gamma"])

    def _write_advantages(
        self, rollout: Rollout, rewards: Tensor, values: Tensor, ratios: Tensor | None = None
    ) -> None:
        """Fill this learner's columns of the rollout's advantages and returns.

        Args:
            values: (T, own rows) of the observations acted on.
            ratios: (T, own rows), the present probability of each action over that when it was taken: V-trace.
        """
        with torch.inference_mode():
            advantages, returns = generalized_advantages(
                rewards,
                values,
                self.last_values,
                self._own(rollout.final_values),
                self._own(rollout.mirror.terminated).bool(),
                self._own(rollout.mirror.truncated).bool(),
                self.hyper["gamma"],
                self.hyper["gae_lambda"],
                ratios=ratios,
                rho_clip=self.config.vtrace_rho_clip,
                c_clip=self.config.vtrace_c_clip,
                bootstrap=self.config.bootstrap_truncated,
            )
        rollout.advantages[:, self._columns] = advantages
        rollout.returns[:, self._columns] = returns

    def _refresh(self, experience: Experience, rollout: Rollout, rewards: Tensor) -> None:
        """Before a later pass over the batch: what the network of the pass before has made stale.

        That is the memory at the beginning of each sequence but the first, and with V-trace the values and how
        likely the actions are now. The values of what the clock cut off stay: those observations are not kept.
        """
        if self.config.vtrace or (self.memories is not None and len(self.memories) > 1):
            chosen, values, memory = self._replayed(experience)
            self._value_last(rollout, memory)
        if self.config.vtrace:
            ratios = (chosen - self._own(rollout.log_probs)).exp()
            self._write_advantages(rollout, rewards, values, ratios)

    def _value_last(self, rollout: Rollout, memory: Tensor) -> None:
        """By the present network, of the observations after the last step.

        Args:
            memory: (own rows, M) after the last step.
        """
        mirror, last = rollout.mirror, rollout.horizon
        with torch.inference_mode():
            seen, starts = mirror.observations[last][self._columns], mirror.starts[last][self._columns]
            self.last_values.copy_(self.compute.step(self.network, seen, memory * ~starts.unsqueeze(1))[1])

    def _replayed(self, experience: Experience) -> tuple[Tensor, Tensor, Tensor]:
        """By the present network: log-probabilities of the actions and values, (T, own rows) each; the last memory."""
        device = self.compute.device
        chosen = torch.empty(experience.horizon, self.own_rows, device=device)
        values = torch.empty_like(chosen)
        memory = torch.zeros(self.own_rows, 0, device=device) if self.memories is None else self.memories[0].clone()
        heads = self.network.heads
        with torch.inference_mode():
            for t, samples in enumerate(experience.steps()):
                if self.memories is not None:
                    memory = memory * ~samples["starts"].unsqueeze(1) if t else memory
                    if t % self.length == 0:
                        self.memories[t // self.length] = memory
                logits, values[t], memory = self.compute.step(self.network, samples["observations"], memory)
                chosen[t], _ = heads.evaluate(logits, samples.tensors.get("masks"), samples["actions"])
        return chosen, values, memory

    # ---- Exact state

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint keeps, by name; the network's names are those that a policy is loaded by."""
        prefix = f"roles.{self.name}." if self.name else ""
        found = {prefix + NETWORK_PREFIX + name: tensor for name, tensor in self.network.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                found[f"{prefix}optimizer.{name}.{key}"] = value
        if self.return_scale is not None:
            scale = self.return_scale.state()
            scale["returns"] = self._ranks.gathered(scale["returns"], dim=0)
            found.update((f"{prefix}return_scale.{key}", value) for key, value in scale.items())
        found[f"{prefix}shuffles"] = self.generator.get_state()
        found[f"{prefix}memory"] = self._ranks.gathered(self.memory, dim=0)
        return found

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what `tensors` gave, names and shapes already compared."""
        prefix = f"roles.{self.name}." if self.name else ""
        own = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
        network = NETWORK_PREFIX
        self.network.load_state_dict(
            {name.removeprefix(network): tensor for name, tensor in own.items() if name.startswith(network)}
        )
        for name, parameter in self.network.named_parameters():
            keys = {key: f"optimizer.{name}.{key}" for key in ("step", "exp_avg", "exp_avg_sq")}
            if keys["step"] in own:
                moved = {key: own[place].to(self.compute.device) for key, place in keys.items()}
                self.optimizer.state[parameter] = {key: tensor.clone() for key, tensor in moved.items()}
        if self.return_scale is not None:
            device = self.compute.device
            scale = {name: own[f"return_scale.{name}"].to(device) for name in self.return_scale.state()}
            scale["returns"] = self._ranks.own(scale["returns"], dim=0)
            self.return_scale.restore(scale)
        self.generator.set_state(own["shuffles"])
        self.memory.copy_(self._ranks.own(own["memory"], dim=0))


def _added(results: Sequence[list[Tensor]]) -> list[Tensor]:
    """The sums, in order, of lists alike; in the tensors of the first."""
    totals, *others = results
    for other in others:
        for total, tensor in zip(totals, other, strict=True):
            total.add_(tensor)
    return totals


def _scheduler_of(config: TrainerConfig, losses: Sequence[Loss]) -> Scheduler:
    own = {loss.name: getattr(config.losses, loss.name) for loss in losses}
    schedules = config.schedules.by_name(anneal=config.anneal)
    schedules |= {f"loss.{name}": settings.schedule for name, settings in own.items() if settings.schedule is not None}
    gates = {name: settings.gate for name, settings in own.items() if settings.gate is not None}
    return Scheduler(schedules, gates, config.total_steps)
