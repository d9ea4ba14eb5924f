"""A policy that networks play: sampling, probabilities and values, from a checkpoint or from memory.

A TorchPolicy is owned by whoever made it and used by one thread at a time. Loads torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor

from engine.errors import CheckpointError, GridrlError
from engine.runs import load_checkpoint
from engine.sim import Spec

from .architecture import Architecture
from .decision import Decision
from .matching import matched
from .networks import PolicyNetwork, build_network
from .signature import Signature
from .streams import Seeds

NETWORK_PREFIX = "network."
"""Tensors of a checkpoint whose names start so are the network's; a role's begin with `roles.<role>.` before it."""


class TorchPolicy:
    """Plays with networks. Owns its random streams and what its rows remember; never changes a network."""

    def __init__(
        self,
        networks: PolicyNetwork | Sequence[PolicyNetwork],
        *,
        name: str = "trained",
        seed: Seeds = 0,
        masked: bool = False,
        notes: tuple[str, ...] = (),
    ) -> None:
        """Begin with rows that remember nothing.

        Args:
            networks: one for all rows; or one for each agent of an env, the same one for several if need be.
            masked: it was trained to choose among legal actions, and wants masks.
            notes: in words, what it does not know of the game it plays.
        """
        self.name = name
        self.networks = (networks,) if isinstance(networks, PolicyNetwork) else tuple(networks)
        self.masked = masked
        self.notes = notes
        for network in self.networks:
            network.eval()
        self.heads = self.networks[0].heads
        self._distinct = list(dict.fromkeys(self.networks))
        seeds = (seed,) if isinstance(seed, int) else seed
        self._generators = [torch.Generator().manual_seed(each) for each in seeds]
        self._memories: list[Tensor] = []  # of each distinct network, (its rows, memory size)
        self._begin(0)

    def again(self, seed: Seeds) -> TorchPolicy:
        """The same networks with random streams and rows of their own."""
        return TorchPolicy(self.networks, name=self.name, seed=seed, masked=self.masked, notes=self.notes)

    def act(
        self, observations: NDArray[Any], greedy: bool = False, masks: NDArray[np.uint8] | None = None
    ) -> NDArray[np.int32]:
        """Actions (rows,), or (rows, heads) of several heads, for observations (rows, size); sampled unless greedy.

        The rows are those of the call before, one step later, or as many new ones.

        Args:
            masks: (rows, actions), 1 = legal.
        """
        with torch.inference_mode():
            logits, _ = self._advanced(observations, masks)
            actions = self.heads.greedy(logits) if greedy else self._sampled(self.heads.log_probs(logits))
        return self._as_actions(actions)

    def decide(
        self, observations: NDArray[Any], greedy: bool = False, masks: NDArray[np.uint8] | None = None
    ) -> Decision:
        """As `act`, to the bit and by the same random numbers, with probabilities and values of the same pass."""
        with torch.inference_mode():
            logits, values = self._advanced(observations, masks)
            log_probs = self.heads.log_probs(logits)
            actions = self.heads.greedy(logits) if greedy else self._sampled(log_probs)
        return Decision(self._as_actions(actions), log_probs.exp().numpy(), values.numpy())

    def forget(self, ended: NDArray[np.bool_]) -> None:
        """Rows (rows,) whose episode has ended remember nothing."""
        if len(ended) != self._row_count:
            return  # nobody has acted for them yet
        fresh = torch.from_numpy(np.ascontiguousarray(ended, dtype=np.bool_))
        pairs = zip(self._rows, self._memories, strict=True)
        self._memories = [memory * ~fresh[rows].unsqueeze(1) for rows, memory in pairs]

    def state(self) -> dict[str, NDArray[Any]]:
        """Random streams, and what its rows remember."""
        streams = torch.stack([generator.get_state() for generator in self._generators])
        memories = {f"memory.{index}": memory.numpy().copy() for index, memory in enumerate(self._memories)}
        return {"random": streams.numpy(), "rows": np.array(self._row_count), **memories}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from there."""
        for generator, own in zip(self._generators, state["random"], strict=True):
            generator.set_state(torch.from_numpy(own.copy()))
        self._begin(int(state["rows"]))
        self._memories = [torch.from_numpy(state[f"memory.{i}"].copy()) for i in range(len(self._distinct))]

    def evaluate(
        self, observations: NDArray[Any], masks: NDArray[np.uint8] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Action probabilities (rows, actions) and values (rows,), by what the rows remember; they remember no more."""
        with torch.inference_mode():
            logits, values, _ = self._stepped(observations)
            return self._probabilities(logits, masks), values.numpy()

    def imagine(
        self, row: int, observations: NDArray[Any], masks: NDArray[np.uint8] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """As `evaluate`, for many observations (n, size) that one row might see next, each by what it remembers now.

        Nothing is remembered of it. A row that has not acted yet remembers nothing.
        """
        network, memory = self.network_of(row), self._memory_of(row)
        if not len(observations):
            return np.zeros((0, self.heads.action_count), np.float32), np.zeros(0, np.float32)
        seen = _tensor(observations, network.signature)
        with torch.inference_mode():
            logits, values, _ = network.step(seen, memory.expand(len(seen), -1).contiguous())
            return self._probabilities(logits, masks), values.numpy()

    def network_of(self, row: int) -> PolicyNetwork:
        """Who plays a row."""
        return self.networks[row % len(self.networks)]

    def _memory_of(self, row: int) -> Tensor:
        """What a row remembers, (memory size,)."""
        network = self.network_of(row)
        if row >= self._row_count:
            return torch.zeros(network.memory_size)
        which = next(index for index, each in enumerate(self._distinct) if each is network)
        place = int((self._rows[which] == row).nonzero())
        return self._memories[which][place]

    def _probabilities(self, logits: Tensor, masks: NDArray[np.uint8] | None) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self.heads.log_probs(self._legal(logits, masks)).exp().numpy()
        return found

    def _advanced(self, observations: NDArray[Any], masks: NDArray[np.uint8] | None) -> tuple[Tensor, Tensor]:
        """Logits of legal actions, and values, of all rows, who from now on remember this step as well."""
        logits, values, self._memories = self._stepped(observations)
        return self._legal(logits, masks), values

    def _legal(self, logits: Tensor, masks: NDArray[np.uint8] | None) -> Tensor:
        return logits if masks is None else self.heads.masked(logits, torch.from_numpy(masks))

    def _as_actions(self, actions: Tensor) -> NDArray[np.int32]:
        chosen = actions.numpy().astype(np.int32)
        return chosen[:, 0] if len(self.heads.sizes) == 1 else chosen

    def _stepped(self, observations: NDArray[Any]) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Logits and values of all rows, and the memories after the step."""
        if len(observations) != self._row_count:
            self._begin(len(observations))
        seen = _tensor(observations, self._distinct[0].signature)
        if len(self._distinct) == 1:
            logits, values, memory = self._distinct[0].step(seen, self._memories[0])
            return logits, values, [memory]
        logits, values = torch.empty(len(seen), self.heads.action_count), torch.empty(len(seen))
        memories = []
        for network, rows, before in zip(self._distinct, self._rows, self._memories, strict=True):
            logits[rows], values[rows], memory = network.step(seen.index_select(0, rows), before)
            memories.append(memory)
        return logits, values, memories

    def _begin(self, row_count: int) -> None:
        """Rows that are new: who plays which, and empty memories."""
        self._row_count = row_count
        agents = torch.arange(row_count) % len(self.networks)
        self._rows: list[Tensor] = []  # of each distinct network, ascending
        for network in self._distinct:
            own = [index for index, each in enumerate(self.networks) if each is network]
            self._rows.append(torch.isin(agents, torch.tensor(own)).nonzero().squeeze(1))
        pairs = zip(self._distinct, self._rows, strict=True)
        self._memories = [torch.zeros(len(rows), network.memory_size) for network, rows in pairs]

    def _sampled(self, log_probs: Tensor) -> Tensor:
        """Actions (rows, heads): each share of the rows by numbers from its own stream."""
        share = (len(log_probs) // len(self._generators), len(self.heads.sizes))
        uniforms = torch.cat([torch.rand(share, generator=generator) for generator in self._generators])
        return self.heads.sample(log_probs, uniforms)


def _tensor(observations: NDArray[Any], signature: Signature) -> Tensor:
    dtype = np.float32 if signature.floats else np.uint8
    return torch.from_numpy(np.ascontiguousarray(observations, dtype=dtype))


def load_policy(path: Path, spec: Spec, *, seed: Seeds = 0) -> TorchPolicy:
    """The policy of a checkpoint, for the game it was trained on or one that its names fit; see `notes` of the policy.

    It is called by its run and version, as in `ruddy-otter:v4096`.

    Raises:
        CheckpointError: missing, damaged, or trained on a game that is too different.
    """
    tensors, manifest = load_checkpoint(path)
    meta = manifest.get("meta", {})
    signature, game = Signature.from_meta(meta.get("signature")), Signature.of(spec)
    found: dict[str, PolicyNetwork] = {}
    notes: dict[str, None] = {}
    for role in dict.fromkeys(spec.agent_roles):
        prefix, architecture = _part_of_role(meta, role, path.name)
        if prefix not in found:
            own = {name.removeprefix(prefix): data for name, data in tensors.items() if name.startswith(prefix)}
            network = _network(architecture, signature, path.name)
            _fill(network, own, path.name)
            found[prefix], unknown = matched(network, game)
            notes.update(dict.fromkeys(unknown))
    networks = [found[_part_of_role(meta, role, path.name)[0]] for role in spec.agent_roles]
    return TorchPolicy(
        networks[0] if len(found) == 1 else networks,
        name=f"{meta['name']}:v{manifest['step']}" if "name" in meta else "trained",
        seed=seed,
        masked=meta.get("masked") is True,
        notes=tuple(notes),
    )


def _part_of_role(meta: Mapping[str, Any], role: str, source: str) -> tuple[str, object]:
    """Prefix of the tensors that play a role, and how their network is built."""
    roles = meta.get("roles")
    if isinstance(roles, Mapping) and role in roles:
        own = roles[role]
        return f"roles.{role}.{NETWORK_PREFIX}", own.get("architecture") if isinstance(own, Mapping) else None
    if meta.get("architecture") is None and isinstance(roles, Mapping) and roles:
        raise CheckpointError(
            f"{source} has no network for the role {role}, only for {', '.join(map(str, roles))}",
            hint="choose a game with these roles",
        )
    return NETWORK_PREFIX, meta.get("architecture")


def _network(architecture: object, signature: Signature, source: str) -> PolicyNetwork:
    try:
        return build_network(Architecture.model_validate(architecture), signature, seed=0)
    except (ValidationError, GridrlError) as error:
        raise CheckpointError(f"{source} does not say how its network is built") from error


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
