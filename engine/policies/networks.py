"""Policy networks: `mlp` (default), a small `cnn`, and latent `attention` over tokens.

A network is owned by one trainer or one TorchPolicy; threads may read it at once while nobody changes it. Input is the
engine's uint8 rows as they are; one-hot and scaling happen inside, so nobody else knows the layout.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .architecture import Architecture
from .heads import ActionHeads
from .layers import Dense, Narrow, OneHotLinear, ScaledSelf, dense_layers, init
from .memory import MEMORIES
from .signature import ByteGroup, Signature
from .tokens import ATTENTION_SIZES, LatentAttention, TokenBox, TokenLinear

_BOX_CHANNELS = 16  # of a box of tokens
_CONV_CHANNELS = (16, 32)  # twice as many in the first take twice the time


class PolicyNetwork(nn.Module):
    """Encoder, memory if it has one, action heads and a value head; and the names it was made for.

    A subclass is an encoder: it defines `_encoded`, and ends its own `__init__` with `_add_ends`.
    """

    def __init__(self, architecture: Architecture, signature: Signature) -> None:
        super().__init__()
        self.architecture = architecture
        self.signature = signature
        self.heads = ActionHeads(signature.head_sizes or (len(signature.actions),))

    @property
    def memory_size(self) -> int:
        """Floats that a row carries from step to step; 0 without a memory."""
        return 0 if self.memory is None else self.memory.size

    def step(self, observations: Tensor, memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One step.

        Args:
            observations: (B, observation size).
            memory: (B, memory_size) after the step before; zeros where an episode starts.

        Returns:
            logits (B, actions), values (B,), memory (B, memory_size) after this step.
        """
        if self.memory is None:
            return *self._ended(*self._encoded(observations)), memory
        starts = torch.zeros((1, len(observations)), dtype=torch.bool, device=observations.device)
        logits, values, memory = self._through(observations.unsqueeze(0), memory, starts)
        return logits.squeeze(0), values.squeeze(0), memory

    def sequence(self, observations: Tensor, memory: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
        """Whole sequences, as `step` would go through them.

        Args:
            observations: (T, B, observation size).
            memory: (B, memory_size) before t = 0.
            starts: (T, B) bool: observation t is the first of an episode; nothing is remembered from before it.

        Returns:
            logits (T, B, actions), values (T, B).
        """
        logits, values, _ = self._through(observations, memory, starts)
        return logits, values

    def forward(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """The first step of an episode: (B, observation size) -> logits (B, actions), values (B,)."""
        memory = torch.zeros((len(observations), self.memory_size), device=observations.device)
        logits, values, _ = self.step(observations, memory)
        return logits, values

    def _encoded(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """What is seen (B, width), for the policy and for the value: one tensor twice where they share a trunk."""
        raise NotImplementedError

    def _add_ends(self, width: int, generator: torch.Generator) -> None:
        """What follows an encoder that is `width` wide."""
        chosen = MEMORIES.get(self.architecture.memory)
        self.memory = None if chosen is None else chosen(width, self.architecture.memory_size, generator)
        read = width if self.memory is None else self.memory.width
        self.policy_head = init(Narrow(read, self.heads.action_count), 0.01, generator)
        self.value_head = init(Narrow(read, 1), 1.0, generator)

    def _through(self, observations: Tensor, memory: Tensor, starts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, values, and memory after the last step; shapes of `sequence`."""
        for_policy, for_value = self._encoded(observations.flatten(0, 1))
        if self.memory is not None:
            remembered, memory = self.memory(for_policy.view(*starts.shape, -1), memory, starts)
            for_policy = for_value = remembered.flatten(0, 1)
        logits, values = self._ended(for_policy, for_value)
        return logits.view(*starts.shape, -1), values.view(starts.shape), memory

    def _ended(self, for_policy: Tensor, for_value: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, actions) and values (N,)."""
        return self.policy_head(for_policy), self.value_head(for_value).squeeze(1)


class MlpNetwork(PolicyNetwork):
    """Everything that is seen through fully connected layers; trunks shared or apart."""

    def __init__(self, architecture: Architecture, signature: Signature, generator: torch.Generator) -> None:
        super().__init__(architecture, signature)
        self.trunk_count = 1 if architecture.shared_trunk else 2
        width = architecture.hidden[0] * self.trunk_count
        self.entry = _ENTRIES[signature.encoding](signature, width)
        if isinstance(self.entry, OneHotLinear):
            self.amount_entry = nn.Linear(len(self.entry.layout.amounts), width)  # its bias is the whole entry's
        self.trunks = nn.ModuleList(dense_layers(architecture.hidden, generator) for _ in range(self.trunk_count))
        self._add_ends(architecture.hidden[-1], generator)
        self._init_entry(generator)

    def _encoded(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        entered = self._entered(observations)  # (B, width * trunks)
        parts = [entered] if self.trunk_count == 1 else [part.contiguous() for part in entered.chunk(2, 1)]
        features = [trunk(part) for trunk, part in zip(self.trunks, parts, strict=True)]
        return features[0], features[-1]

    def _entered(self, observations: Tensor) -> Tensor:
        if isinstance(self.entry, OneHotLinear):
            amounts = self.amount_entry
            return self.entry(observations, amounts.weight, amounts.bias)  # type: ignore[no-any-return]
        return F.relu(self.entry(observations))

    def _init_entry(self, generator: torch.Generator) -> None:
        """Two entries are one matrix over all inputs; it is orthogonal for each trunk."""
        parts = [self.entry.weight.t() if isinstance(self.entry, nn.Linear) else self.entry.weight]
        if isinstance(self.entry, OneHotLinear):
            parts.append(self.amount_entry.weight.t())
        width = self.architecture.hidden[0]
        with torch.no_grad():
            for start in range(0, width * self.trunk_count, width):
                whole = torch.empty(sum(len(part) for part in parts), width)
                nn.init.orthogonal_(whole, sqrt(2), generator)
                for part, rows in zip(parts, torch.split(whole, [len(part) for part in parts]), strict=True):
                    part[:, start : start + width] = rows
            bias = self.amount_entry.bias if isinstance(self.entry, OneHotLinear) else self.entry.bias
            nn.init.zeros_(bias)


_ENTRIES: dict[str, Callable[[Signature, int], OneHotLinear | TokenLinear | nn.Linear]] = {
    "planes": lambda signature, width: OneHotLinear(
        signature.plane_groups() + signature.coded_self_groups(),
        width,
        [(byte, 1 / scale) for byte, scale in signature.scaled_self_features()],
    ),
    "tokens": TokenLinear,
    "floats": lambda signature, width: nn.Linear(signature.floats, width),
}


class CnnNetwork(PolicyNetwork):
    """Two 3 x 3 convolutions over the window, then fully connected layers; one trunk.

    A window of planes is one-hot, and the self vector joins in after the convolutions. Tokens are scattered to a box,
    the agent's own to its middle.
    """

    def __init__(self, architecture: Architecture, signature: Signature, generator: torch.Generator) -> None:
        super().__init__(architecture, signature)
        self.planes = signature.plane_groups()
        self.coded = signature.coded_self_groups()
        self.amounts = ScaledSelf(signature)
        self.box = TokenBox(signature, _BOX_CHANNELS, generator) if signature.encoding == "tokens" else None
        first, second = _CONV_CHANNELS
        channels = _BOX_CHANNELS if self.box is not None else sum(group.classes for group in self.planes)
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels, first, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(first, second, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        for layer in (self.convolutions[0], self.convolutions[2]):
            assert isinstance(layer, nn.Conv2d)
            init(layer, sqrt(2), generator)
        self.seen_count = ((signature.window_height + 1) // 2) * ((signature.window_width + 1) // 2) * second
        flat = self.seen_count + sum(group.classes for group in self.coded) + self.amounts.count
        self.entry = init(Dense(flat, architecture.hidden[0]), sqrt(2), generator)
        self.trunk = dense_layers(architecture.hidden, generator)
        self._add_ends(architecture.hidden[-1], generator)

    def _encoded(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        if self.box is not None:
            flat = self.convolutions(self.box(observations)).flatten(1)
        else:
            seen = self.convolutions(self._window(observations)).flatten(1)
            own = [_one_hot(observations, group).flatten(1) for group in self.coded]
            flat = torch.cat([seen, *own, self.amounts(observations)], dim=1)
        features = self.trunk(self.entry(flat))
        return features, features

    def _window(self, observations: Tensor) -> Tensor:
        """(B, classes, h, w)"""
        size = (len(observations), self.signature.window_height, self.signature.window_width, -1)
        return torch.cat([_one_hot(observations, group).view(size) for group in self.planes], 3).permute(0, 3, 1, 2)


class AttentionNetwork(PolicyNetwork):
    """Latent attention over tokens, then fully connected layers; one trunk."""

    def __init__(self, architecture: Architecture, signature: Signature, generator: torch.Generator) -> None:
        super().__init__(architecture, signature)
        self.attention = LatentAttention(signature, ATTENTION_SIZES[architecture.size], generator)
        self.entry = init(Dense(self.attention.width, architecture.hidden[0]), sqrt(2), generator)
        self.trunk = dense_layers(architecture.hidden, generator)
        self._add_ends(architecture.hidden[-1], generator)

    def _encoded(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        features = self.trunk(self.entry(self.attention(observations)))
        return features, features


def _one_hot(observations: Tensor, group: ByteGroup) -> Tensor:
    identity = torch.eye(group.classes, device=observations.device)
    return F.embedding(observations[:, group.start : group.start + group.count].int(), identity)  # (B, bytes, classes)


_KINDS: dict[str, type[MlpNetwork] | type[CnnNetwork] | type[AttentionNetwork]] = {
    "mlp": MlpNetwork,
    "cnn": CnnNetwork,
    "attention": AttentionNetwork,
}


def build_network(architecture: Architecture, signature: Signature, seed: int) -> PolicyNetwork:
    """A freshly initialised network. The seed alone decides its weights; no global stream is touched.

    Raises:
        ConfigError: this kind of network cannot read the game's observations.
    """
    architecture.require_readable(signature.encoding)
    network = _KINDS[architecture.kind]
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):  # torch fills layers at random before we do
        return network(architecture, signature, generator)
