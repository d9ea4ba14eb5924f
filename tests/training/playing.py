"""A trained network playing: the first episode of each env, with its memory, greedily or by its probabilities.

For the tests of this folder and benchmarks/learning.py. It plays as the trainer does, step by step; a network that
remembers is emptied where an episode begins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from engine.policies.networks import PolicyNetwork
from engine.policies.registry import create_policy
from engine.sim import Batch, Episodes, World

Player = PolicyNetwork | str | Callable[[NDArray[np.uint8]], NDArray[np.int32]]
"""A network, the name of a scripted policy, or what makes actions (rows,) of observations (rows, size)."""

Seats = Mapping[str, Player]
"""Who plays each role. The role "" stands for all that are not named."""


@dataclass(frozen=True)
class Played:
    """The first episode of each env, all of the same chance: whoever counts all that ended favours short ones."""

    episodes: Episodes  # one entry for each agent of each env
    starts: NDArray[np.int64]  # (envs, agents, 2) row and column at the start
    worlds: NDArray[np.int64]  # (envs,)

    @property
    def mean_return(self) -> float:
        """Over all agents."""
        return float(self.episodes.episode_return.mean())

    def by_env(self, values: NDArray[np.float32], agent: int = 0) -> NDArray[np.float32]:
        """(envs,) of one agent, in the order of the envs."""
        picked = self.episodes.agent == agent
        order = np.argsort(self.episodes.env[picked])
        return values[picked][order]

    def term(self, names: Sequence[str], name: str, agent: int = 0) -> NDArray[np.float32]:
        """(envs,) of one reward term of an agent."""
        return self.by_env(self.episodes.terms[:, list(names).index(name)], agent)


class _Seat:
    """Some rows of a batch with who plays them."""

    def __init__(self, player: Player, rows: NDArray[np.intp], batch: Batch, greedy: bool, seed: int) -> None:
        self.rows, self._greedy = rows, greedy
        self._network = player if isinstance(player, PolicyNetwork) else None
        if self._network is not None:
            self._memory = torch.zeros(len(rows), self._network.memory_size)
        elif isinstance(player, str):
            self._choose = create_policy(player, batch.worlds[0].rules, batch.spec, seed=seed).act
        else:
            self._choose = player
        self._generator = torch.Generator().manual_seed(seed)

    def act(self, observations: NDArray[np.uint8], masks: NDArray[np.uint8] | None) -> NDArray[np.int32]:
        """(own rows,)"""
        seen = np.ascontiguousarray(observations[self.rows])
        if self._network is None:
            return self._choose(seen)
        heads = self._network.heads
        with torch.inference_mode():
            logits, _, self._memory = self._network.step(torch.from_numpy(seen), self._memory)
            if masks is not None:
                logits = heads.masked(logits, torch.from_numpy(masks[self.rows]))
            log_probs = heads.log_probs(logits)
            uniforms = torch.rand((len(seen), len(heads.sizes)), generator=self._generator)
            actions = heads.greedy(log_probs) if self._greedy else heads.sample(log_probs, uniforms)
        return actions.squeeze(1).numpy().astype(np.int32)


def played(
    seats: Seats | Player,
    worlds: Sequence[World] | World,
    *,
    envs: int = 512,
    seed: int = 900,
    greedy: bool = False,
    masks: bool = False,
) -> Played:
    """Play one episode in each env of a batch that has seen no training."""
    seats = seats if isinstance(seats, Mapping) else {"": seats}
    worlds = [worlds] if isinstance(worlds, World) else list(worlds)
    rules = worlds[0].rules
    # Every env may end an episode at each step, whatever the game: no first one is dropped.
    capacity = envs * rules.agents * (rules.max_steps + 1)
    with Batch(worlds, envs, seed=seed, episode_capacity=min(capacity, 1 << 18)) as batch:
        views = [batch.look(env) for env in range(envs)]
        starts = np.array([[(agent.row, agent.column) for agent in view.agents] for view in views])
        seated = _seated(seats, batch, greedy, seed)
        legal = np.zeros((batch.rows, len(batch.spec.action_names)), np.uint8) if masks else None
        actions = np.zeros(batch.rows, np.int32)
        running = np.ones(batch.rows, bool)
        while running.any():
            if legal is not None:
                batch.action_masks_into(legal)
            for seat in seated:
                actions[seat.rows] = seat.act(batch.observations, legal)
            batch.step(actions)
            running &= ~(batch.terminated | batch.truncated).astype(bool)
        episodes = batch.drain_episodes()
    assert not episodes.dropped
    first = episodes.episode == 0
    kept = {name: getattr(episodes, name)[first] for name in Episodes.__dataclass_fields__ if name != "dropped"}
    return Played(Episodes(**kept, dropped=0), starts, np.array([view.world for view in views]))


def _seated(seats: Seats, batch: Batch, greedy: bool, seed: int) -> list[_Seat]:
    roles = [role if role in seats else "" for role in batch.spec.agent_roles]
    agents = len(roles)
    found = []
    for number, role in enumerate(dict.fromkeys(roles)):
        own = np.array([agent for agent, each in enumerate(roles) if each == role])
        rows = (np.arange(0, batch.rows, agents)[:, None] + own).ravel()
        found.append(_Seat(seats[role], rows, batch, greedy, seed + 101 * number))
    return found
