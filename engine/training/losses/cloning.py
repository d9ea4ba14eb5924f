"""Behaviour cloning: makes the actions of recorded play likely (Pomerleau 1991).

The demonstrations are recordings of the same game, played once more to see what their agents saw. Of a directory of
demonstrations only that is learnt from which people did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import ConfigError
from engine.policies.signature import Signature
from engine.runs.demonstrations import list_demonstrations, load_demonstration
from engine.runs.recordings import load_recording
from engine.sim import Playback, Recording, Spec
from engine.sim.recording import NO_ACTION
from engine.training.config import CloningConfig
from engine.training.samples import Outputs, Samples

from .base import Loss

_LEAVE_OUT: Final = "leave it out of trainer.losses.behaviour_cloning.demonstrations"

Played = tuple[NDArray[np.uint8], NDArray[np.int32]]
"""What one agent saw and did: (ticks, observation size) and (ticks,)."""


@dataclass(frozen=True)
class Demonstrators:
    """Whose play a network learns from."""

    role: str  # of the network; empty: that of all roles without one of their own
    named: frozenset[str]  # roles with a network, or a script, of their own

    def agents(self, roles: Sequence[str]) -> list[int]:
        """Those of a game's agents, given by their roles, whose network it is."""
        return [agent for agent, role in enumerate(roles) if (role if role in self.named else "") == self.role]


class BehaviourCloning(Loss):
    """Minus the log-probability of what was demonstrated. Brings its own minibatches; owns the demonstrations.

    With a network that remembers it learns over sequences, each from an empty memory: exact at the beginning of an
    episode, an approximation further on. Episodes shorter than a sequence are learnt one after the other in one.
    """

    name: ClassVar[str] = "behaviour_cloning"
    keys: ClassVar[frozenset[str]] = frozenset({"actions"})
    metrics: ClassVar[tuple[str, ...]] = ("train/cloning_loss", "train/cloning_accuracy")
    reads_rollout: ClassVar[bool] = False

    def __init__(
        self, config: CloningConfig, signature: Signature, own: Demonstrators, *, sequence: int, memory_size: int
    ) -> None:
        """Play all demonstrations.

        Args:
            own: whose play in them is learnt from.
            sequence: steps that a network with memory learns over; fewer only if all demonstrations together are.
            memory_size: of the network; 0 for one without.

        Raises:
            ConfigError: there is none, or one is of another game, or none of them acts in it; RecordingError: one
                cannot be read.
        """
        config.require_demonstrations()
        played = [each for name in config.demonstrations for each in _shown(Path(name), signature, own)]
        played.sort(key=lambda each: -len(each[1]))  # the longest first, as `_sequences` wants them
        lengths = [len(actions) for _, actions in played]
        self.observations = torch.from_numpy(np.concatenate([observations for observations, _ in played]))
        self.actions = torch.from_numpy(np.concatenate([actions for _, actions in played])).long().unsqueeze(1)
        self.starts = torch.zeros(len(self.actions), dtype=torch.bool)  # the first step of an episode
        self.starts[np.cumsum([0, *lengths[:-1]])] = True
        self.length = min(sequence, len(self.actions)) if memory_size else 1
        self.sequences = _sequences(lengths, self.length)  # (sequences,) the first step of each
        self._count = max(1, config.minibatch_size // self.length)
        self._memory_size = memory_size

    def minibatch(self, generator: torch.Generator) -> Samples:
        drawn = self.sequences[torch.randint(len(self.sequences), (self._count,), generator=generator)]
        indices = (torch.arange(self.length).unsqueeze(1) + drawn).flatten()  # time first
        tensors = {"observations": self.observations[indices], "actions": self.actions[indices]}
        if not self._memory_size:
            return Samples(tensors)
        tensors["starts"] = self.starts[indices]
        return Samples(tensors, torch.zeros(self._count, self._memory_size), self.length)

    def compute(self, outputs: Outputs, samples: Samples, hyper: Mapping[str, float]) -> tuple[Tensor, Tensor]:
        del hyper
        loss = -outputs.chosen.mean()
        with torch.no_grad():
            likeliest = outputs.logits.argmax(1)
            agreed = (likeliest == samples["actions"].squeeze(1)).float().mean()
            return loss, torch.stack([loss, agreed])


def _shown(path: Path, signature: Signature, own: Demonstrators) -> list[Played]:
    """What a recording shows, or all the recordings of a directory of demonstrations."""
    if not path.is_dir():
        recording = load_recording(path)
        return _required(
            path, _played(path, recording, np.ones(recording.actions.shape, np.bool_), signature, own), own
        )
    entries = list_demonstrations(path)
    found = [_played(path / each.file, *load_demonstration(path, each), signature, own) for each in entries]
    return _required(path, [each for some in found for each in some], own)


def _required(path: Path, played: list[Played], own: Demonstrators) -> list[Played]:
    if not played:
        who = f"nobody of role {own.role}" if own.role else "nobody"
        raise ConfigError(f"{path} demonstrates nothing: {who} does an action of the game in it", hint=_LEAVE_OUT)
    return played


def _played(
    path: Path, recording: Recording, shown: NDArray[np.bool_], signature: Signature, own: Demonstrators
) -> list[Played]:
    """What each of these agents saw and did where it is shown, (ticks, agents), each stretch by itself; without the
    ticks whose action the game does not have."""
    with Playback(recording) as playback:
        agents = _agents(path, playback.batch.spec, signature, own)
        observations = np.empty((recording.ticks, *playback.batch.observations.shape), np.uint8)
        for tick in range(recording.ticks):
            observations[tick] = playback.batch.observations
            playback.step()
    stretches = [(agent, ticks) for agent in agents for ticks in _stretches(shown[:, agent])]
    return [each for agent, ticks in stretches if (each := _of_agent(recording, observations, agent, ticks))]


def _stretches(shown: NDArray[np.bool_]) -> list[slice]:
    """Where an agent's (ticks,) are shown without a gap."""
    edges = np.flatnonzero(np.diff(shown.astype(np.int8), prepend=0, append=0))
    return [slice(first, last) for first, last in edges.reshape(-1, 2)]


def _agents(path: Path, spec: Spec, signature: Signature, own: Demonstrators) -> list[int]:
    """Those of a recording, by its own rules, that are learnt from."""
    if words := Signature.of(spec).difference(signature):
        raise ConfigError(f"{path} is no demonstration of this game: it was recorded with {words}", hint=_LEAVE_OUT)
    agents = own.agents(spec.agent_roles)
    if not agents:
        who = f"role {own.role}" if own.role else f"any role but {', '.join(sorted(own.named))}"
        there = ", ".join(dict.fromkeys(spec.agent_roles))
        raise ConfigError(f"{path} is no demonstration of {who}: its agents play {there}", hint=_LEAVE_OUT)
    return agents


def _of_agent(recording: Recording, observations: NDArray[np.uint8], agent: int, ticks: slice) -> Played | None:
    actions = recording.actions[ticks, agent]
    known = actions != NO_ACTION
    if not known.any():
        return None
    return observations[ticks, agent][known], actions[known].astype(np.int32)


def _sequences(lengths: Sequence[int], length: int) -> Tensor:
    """Where sequences of so many steps begin: side by side, the last of an episode reaching back to be whole. Episodes
    shorter than a sequence come last and are taken together as one, which reaches back past its beginning if it must.

    Args:
        lengths: of the episodes, the longest first; together `length` or more.
    """
    starts, begin, total = list[int](), 0, sum(lengths)
    for steps in (steps for steps in lengths if steps >= length):
        starts += [begin + min(first, steps - length) for first in range(0, steps, length)]
        begin += steps
    starts += [min(first, total - length) for first in range(begin, total, length)]
    return torch.tensor(starts)
