"""Behaviour cloning: makes the actions of recorded play likely (Pomerleau 1991).

The demonstrations are recordings of the same game, played once more to see what their agents saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import CheckpointError, ConfigError
from engine.policies.signature import Signature
from engine.runs.recordings import load_recording
from engine.sim import Playback, Recording
from engine.sim.recording import NO_ACTION
from engine.training.config import CloningConfig
from engine.training.samples import Outputs, Samples

from .base import Loss

Played = tuple[NDArray[np.uint8], NDArray[np.int32]]
"""What one agent saw and did: (ticks, observation size) and (ticks,)."""


class BehaviourCloning(Loss):
    """Minus the log-probability of what was demonstrated. Brings its own minibatches; owns the demonstrations.

    With a network that remembers it learns over sequences, each from an empty memory: exact at the beginning of an
    episode, an approximation further on.
    """

    name: ClassVar[str] = "behaviour_cloning"
    keys: ClassVar[frozenset[str]] = frozenset({"actions"})
    metrics: ClassVar[tuple[str, ...]] = ("train/cloning_loss", "train/cloning_accuracy")
    reads_rollout: ClassVar[bool] = False

    def __init__(self, config: CloningConfig, signature: Signature, *, sequence: int, memory_size: int) -> None:
        """Play all demonstrations.

        Args:
            sequence: steps that a network with memory learns over at most.
            memory_size: of the network; 0 for one without.

        Raises:
            ConfigError: there is none, or one is of another game; RecordingError: one cannot be read.
        """
        if not config.demonstrations:
            raise ConfigError(
                "losses.behaviour_cloning has a weight and no demonstrations",
                hint="name recordings of play, such as gridrl play RECIPE --record FILE writes",
            )
        played = [part for name in config.demonstrations for part in _played(Path(name), signature)]
        self.length = min(sequence, *(len(actions) for _, actions in played)) if memory_size else 1
        self.observations = torch.from_numpy(np.concatenate([observations for observations, _ in played]))
        self.actions = torch.from_numpy(np.concatenate([actions for _, actions in played])).long().unsqueeze(1)
        self._starts = _sequence_starts([len(actions) for _, actions in played], self.length)
        self._count = max(1, config.minibatch_size // self.length)
        self._memory_size = memory_size

    def minibatch(self, generator: torch.Generator) -> Samples:
        drawn = self._starts[torch.randint(len(self._starts), (self._count,), generator=generator)]
        indices = (torch.arange(self.length).unsqueeze(1) + drawn).flatten()  # time first
        tensors = {"observations": self.observations[indices], "actions": self.actions[indices]}
        if not self._memory_size:
            return Samples(tensors)
        tensors["starts"] = torch.zeros(len(indices), dtype=torch.bool)
        return Samples(tensors, torch.zeros(self._count, self._memory_size), self.length)

    def compute(self, outputs: Outputs, samples: Samples, hyper: Mapping[str, float]) -> tuple[Tensor, Tensor]:
        del hyper
        loss = -outputs.chosen.mean()
        with torch.no_grad():
            likeliest = outputs.log_probs.argmax(1)
            agreed = (likeliest == samples["actions"].squeeze(1)).float().mean()
            return loss, torch.stack([loss, agreed])


def _played(path: Path, signature: Signature) -> list[Played]:
    """What each agent of a recording saw and did, without the ticks whose action the game does not have."""
    recording = load_recording(path)
    with Playback(recording) as playback:
        try:
            Signature.of(playback.batch.spec).require_same(signature)
        except CheckpointError as error:
            raise ConfigError(f"{path} is no demonstration of this game: {error.message}") from error
        observations = np.empty((recording.ticks, *playback.batch.observations.shape), np.uint8)
        for tick in range(recording.ticks):
            observations[tick] = playback.batch.observations
            playback.step()
    return [part for agent in range(recording.rules.agents) if (part := _of_agent(recording, observations, agent))]


def _of_agent(
    recording: Recording, observations: NDArray[np.uint8], agent: int
) -> tuple[NDArray[np.uint8], NDArray[np.int32]] | None:
    known = recording.actions[:, agent] != NO_ACTION
    if not known.any():
        return None
    return observations[known, agent], recording.actions[known, agent].astype(np.int32)


def _sequence_starts(lengths: Sequence[int], length: int) -> Tensor:
    """Where sequences of so many steps begin: side by side, the last of an episode reaching back to be whole."""
    starts, begin = [], 0
    for steps in lengths:
        starts += [begin + min(first, steps - length) for first in range(0, steps, length)]
        begin += steps
    return torch.tensor(starts)
