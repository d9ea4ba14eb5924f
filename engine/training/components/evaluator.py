"""Playing held-out episodes now and then, with a frozen copy of the networks.

Logs eval/return_mean, eval/success_rate (where the rules can end an episode), eval/length_mean, eval/episodes, and
where several learners play <role>/eval/return_mean. Training waits: `episodes` envs play one episode each, so it
costs the steps of the longest of them. Every evaluation plays the same episodes, so two of them compare policies and
not luck. It has a batch, networks and a stream of its own: what is learnt is the same with it and without.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import ConfigError
from engine.policies.networks import PolicyNetwork
from engine.policies.registry import Policy, create_policy
from engine.sim import Batch, World
from engine.training.checks import can_terminate

from .base import Component, LearnerView, TrainerView
from .config import EvaluatorConfig

Numbers = NDArray[np.float64]

_HELD_OUT = 1 << 63  # seeds of training are below it, so no episode of the suite is one of training
_ENDLESS = 1000  # steps after which an episode is left that nothing ends


class Evaluator(Component):
    """Plays the suite every n iterations."""

    name: ClassVar[str] = "evaluator"

    def __init__(self, config: EvaluatorConfig, held_out: Sequence[World] = ()) -> None:
        """Make nothing yet.

        Args:
            held_out: the worlds to play on; those of training if there are none.
        """
        self._config, self.every, self._held_out = config, config.every, tuple(held_out)
        self._suite: _Suite | None = None

    def on_epoch_end(self, trainer: TrainerView) -> None:
        if self._suite is None:
            self._suite = _Suite(trainer, self._config, self._held_out or tuple(trainer.worlds))
        trainer.metrics.update(self._suite.play(trainer))


class _Suite:
    """The envs of the evaluator and who plays in them."""

    def __init__(self, trainer: TrainerView, config: EvaluatorConfig, worlds: Sequence[World]) -> None:
        if not worlds:
            raise ConfigError("the evaluator plays games of ours alone", hint="switch it off: evaluator.enabled=false")
        self._config, self._seed, self._rules = config, _HELD_OUT | config.seed, worlds[0].rules
        self._batch = Batch(worlds, config.episodes, self._seed, thread_count=trainer.config.threads)
        self._networks = [copy.deepcopy(learner.network).eval() for learner in trainer.learners]
        self._rows = [self._rows_of(learner) for learner in trainer.learners]
        shape = (self._batch.rows, len(trainer.spec.action_names))
        self._masks = np.ones(shape, np.uint8) if trainer.config.masks else None
        self._actions = np.zeros(self._batch.rows, np.int32)

    def _rows_of(self, learner: LearnerView) -> Tensor:
        """(rows,) of this batch: those of the agents whose rows the learner has in the trainer's."""
        agents = self._rules.agents
        own = torch.arange(agents) if learner.rows is None else learner.rows[learner.rows < agents].cpu()
        return (torch.arange(self._config.episodes).unsqueeze(1) * agents + own).flatten()

    def play(self, trainer: TrainerView) -> dict[str, float]:
        """One episode in every env. Returns eval/*."""
        for frozen, learner in zip(self._networks, trainer.learners, strict=True):
            frozen.load_state_dict(learner.network.state_dict())
        batch = self._batch
        batch.reset(self._seed)
        players = [*self._learned(), *self._scripted(trainer)]
        returns, lengths = np.zeros(batch.rows), np.zeros(batch.rows)
        playing, terminated = np.ones(batch.rows, np.bool_), np.zeros(batch.rows, np.bool_)
        for _ in range(self._rules.max_steps or _ENDLESS):
            self._act(players)
            batch.step(self._actions)
            returns += batch.rewards * playing
            lengths += playing
            terminated |= playing & (batch.terminated != 0)
            playing &= (batch.terminated == 0) & (batch.truncated == 0)
            if not playing.any():
                break
        return self._metrics(trainer, returns, lengths, terminated)

    def _act(self, players: Sequence[_Player]) -> None:
        """Fill the actions of all rows."""
        if self._masks is not None:
            self._batch.action_masks_into(self._masks)
        for player in players:
            masks = None if self._masks is None else self._masks[player.rows]
            self._actions[player.rows] = player.actions(self._batch.observations[player.rows], masks)

    def _metrics(
        self, trainer: TrainerView, returns: Numbers, lengths: Numbers, terminated: NDArray[np.bool_]
    ) -> dict[str, float]:
        values = {
            "eval/return_mean": float(returns.mean()),
            "eval/length_mean": float(lengths.mean()),
            "eval/episodes": float(self._config.episodes),
        }
        if can_terminate(self._rules):
            values["eval/success_rate"] = float(terminated.mean())
        if len(trainer.learners) > 1:
            for learner, rows in zip(trainer.learners, self._rows, strict=True):
                prefix = f"{learner.name}/" if learner.name else ""
                values[f"{prefix}eval/return_mean"] = float(returns[rows.numpy()].mean())
        return values

    def _learned(self) -> list[_Player]:
        """Who plays the learners' rows: with empty memories, and the same random numbers each time."""
        generator = None if self._config.greedy else torch.Generator().manual_seed(self._config.seed)
        seats = zip(self._networks, self._rows, strict=True)
        return [_NetworkPlayer(rows.numpy(), network, generator) for network, rows in seats]

    def _scripted(self, trainer: TrainerView) -> list[_Player]:
        """Who plays the rows of roles that do not learn."""
        players: list[_Player] = []
        first_agents = np.arange(self._config.episodes) * self._rules.agents
        for role, settings in trainer.config.roles.items():
            if settings.play is not None:
                own = [agent for agent, name in enumerate(trainer.spec.agent_roles) if name == role]
                rows = np.add.outer(first_agents, own).ravel()
                policy = create_policy(settings.play, self._rules, trainer.spec, seed=self._config.seed)
                players.append(_ScriptedPlayer(rows, policy))
        return players


class _Player(Protocol):
    """Chooses actions for some rows of the suite."""

    rows: NDArray[np.int64]

    def actions(self, observations: NDArray[np.uint8], masks: NDArray[np.uint8] | None) -> NDArray[np.int32]:
        """(own rows,) for observations (own rows, size) and masks (own rows, actions)."""
        ...


class _ScriptedPlayer:
    """A policy that does not learn."""

    def __init__(self, rows: NDArray[np.int64], policy: Policy) -> None:
        self.rows, self._policy = rows, policy

    def actions(self, observations: NDArray[np.uint8], masks: NDArray[np.uint8] | None) -> NDArray[np.int32]:
        return self._policy.act(observations)


class _NetworkPlayer:
    """A frozen network, with what it remembers of one episode."""

    def __init__(self, rows: NDArray[np.int64], network: PolicyNetwork, generator: torch.Generator | None) -> None:
        """Begin an episode in every row; without a generator the likeliest actions are taken."""
        self.rows, self._network, self._generator = rows, network, generator
        self._device = next(network.parameters()).device
        self._memory = torch.zeros(len(rows), network.memory_size, device=self._device)

    def actions(self, observations: NDArray[np.uint8], masks: NDArray[np.uint8] | None) -> NDArray[np.int32]:
        heads = self._network.heads
        with torch.inference_mode():
            seen = torch.from_numpy(observations).to(self._device)
            logits, _, self._memory = self._network.step(seen, self._memory)
            if masks is not None:
                logits = heads.masked(logits, torch.from_numpy(masks).to(self._device))
            log_probs = heads.log_probs(logits).cpu()
            if self._generator is None:
                chosen = heads.greedy(log_probs)
            else:
                chosen = heads.sample(log_probs, torch.rand((len(seen), len(heads.sizes)), generator=self._generator))
        return chosen[:, 0].numpy().astype(np.int32)  # games of ours have one head
