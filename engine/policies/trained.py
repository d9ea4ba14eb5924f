"""A policy that a network plays: sampling, probabilities and values, from a checkpoint or from memory.

A TorchPolicy is owned by whoever made it and used by one thread at a time. Loads torch.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from engine.errors import CheckpointError
from engine.runs import load_checkpoint
from engine.sim import Spec

from .architecture import Architecture
from .networks import PolicyNetwork, build_network
from .signature import Signature
from .streams import Seeds

NETWORK_PREFIX = "network."
"""Tensors of a checkpoint whose names start so are the network's."""


class TorchPolicy:
    """Plays with a network. Owns its random stream; never changes the network."""

    def __init__(self, network: PolicyNetwork, *, name: str = "trained", seed: Seeds = 0) -> None:
        self.name = name
        self.network = network.eval()
        seeds = (seed,) if isinstance(seed, int) else seed
        self._generators = [torch.Generator().manual_seed(each) for each in seeds]

    def act(self, observations: NDArray[np.uint8], greedy: bool = False) -> NDArray[np.int32]:
        """Actions (rows,) for observations (rows, size); sampled unless greedy."""
        with torch.inference_mode():
            logits, _ = self.network(_tensor(observations))
            actions = self.network.heads.greedy(logits) if greedy else self._sampled(logits)
        return actions.squeeze(1).numpy().astype(np.int32)

    def evaluate(self, observations: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Action probabilities (rows, actions) and values (rows,)."""
        with torch.inference_mode():
            logits, values = self.network(_tensor(observations))
            return self.network.heads.log_probs(logits).exp().numpy(), values.numpy()

    def _sampled(self, logits: torch.Tensor) -> torch.Tensor:
        """Actions (rows, heads): each share of the rows by numbers from its own stream."""
        heads = self.network.heads
        share = (len(logits) // len(self._generators), len(heads.sizes))
        uniforms = torch.cat([torch.rand(share, generator=generator) for generator in self._generators])
        return heads.sample(heads.log_probs(logits), uniforms)


def _tensor(observations: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(observations, dtype=np.uint8))


def load_policy(path: Path, spec: Spec, *, seed: Seeds = 0) -> TorchPolicy:
    """The policy of a checkpoint, for a game with the same names.

    Raises:
        CheckpointError: missing, damaged, or trained on another game.
    """
    tensors, manifest = load_checkpoint(path)
    meta = manifest.get("meta", {})
    signature = Signature.from_meta(meta.get("signature"))
    signature.require_same(Signature.of(spec))
    try:
        architecture = Architecture.model_validate(meta.get("architecture"))
    except ValidationError as error:
        raise CheckpointError(f"{path.name} does not say how its network is built") from error
    network = build_network(architecture, signature, seed=0)
    own = {name.removeprefix(NETWORK_PREFIX): data for name, data in tensors.items() if name.startswith(NETWORK_PREFIX)}
    _fill(network, own, path.name)
    return TorchPolicy(network, name=str(meta.get("name", "trained")), seed=seed)


def _fill(network: PolicyNetwork, tensors: dict[str, NDArray[np.float32]], source: str) -> None:
    """Copy weights in, after every name and shape has been compared."""
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    found = {name: tuple(data.shape) for name, data in tensors.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            have, want = found.get(name, "missing"), expected.get(name, "no such tensor")
            raise CheckpointError(
                f"{source} does not fit its own description: {name} is {have}, the network has {want}",
                hint="take another checkpoint of the run",
            )
    network.load_state_dict({name: torch.from_numpy(np.array(data)) for name, data in tensors.items()})
