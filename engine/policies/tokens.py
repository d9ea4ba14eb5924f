"""Layers over observations of tokens: a linear one, a box of cells for convolutions, and latent attention.

A token is three bytes, location, feature and value. What a (feature, value) pair stands for is looked up in a table:
a code, which has a vector that is learnt, and a weight. A code is one value of a feature that names something, or a
whole feature that measures something, weighted by the value over its largest. Parts of a PolicyNetwork; used by its
thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import linear
from .signature import Signature

_NOTHING = 0  # code of a token that is not there: its weight is 0
_AWAY = -1e9  # added to the score of a token that is not there; finite: a row may have no token at all
_WAVES = (16, 8, 4)  # cells: the longest tells all offsets of the largest window apart


@dataclass(frozen=True)
class AttentionSize:
    """How large a latent attention is."""

    width: int  # floats of a latent
    latents: int
    heads: int
    blocks: int  # of self-attention


ATTENTION_SIZES = {
    "tiny": AttentionSize(32, 4, 2, 1),
    "small": AttentionSize(64, 8, 4, 2),
    "medium": AttentionSize(128, 16, 8, 4),
}


class TokenReader(nn.Module):
    """What the bytes of tokens stand for."""

    pairs: Tensor  # (65536,) int32: row of the two below for feature * 256 + value; 0 for what no game writes
    codes: Tensor  # (pairs,) int64
    weights: Tensor  # (pairs,)
    cells: Tensor  # (256,) int64: cell of the window of a location byte; 0 where there is none

    def __init__(self, signature: Signature) -> None:
        super().__init__()
        pairs = torch.zeros(65536, dtype=torch.int32)
        codes, weights = [_NOTHING], [0.0]
        self.code_names: list[tuple[str, str]] = [("", "")]
        """(feature, value) of each code; a feature that measures something has no value."""
        for feature, (name, scale) in enumerate(zip(signature.features, signature.feature_scales, strict=True)):
            values = signature.value_names(name, int(scale) + 1)
            first = len(self.code_names)
            self.code_names += [(name, value) for value in values] or [(name, "")]
            for value in range(len(values) or 256):
                pairs[feature * 256 + value] = len(codes)
                codes.append(first + value if values else first)
                weights.append(1.0 if values else value / max(scale, 1.0))
        cells = torch.zeros(256, dtype=torch.int64)
        for row in range(signature.window_height):
            columns = torch.arange(signature.window_width)
            cells[row * 16 + columns] = row * signature.window_width + columns
        for buffer, data in {"pairs": pairs, "codes": torch.tensor(codes), "weights": torch.tensor(weights)}.items():
            self.register_buffer(buffer, data, persistent=False)
        self.register_buffer("cells", cells, persistent=False)

    def forward(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3 * tokens) uint8 -> locations and rows of the pairs' tables, (B, tokens) each.

        On a CPU, only as many tokens as the fullest row has: most of a budget is not used.
        """
        tokens = observations.view(len(observations), -1, 3)
        if observations.device.type == "cpu" and tokens.numel():
            there = (tokens[:, :, 1] != 255).any(0).nonzero()
            tokens = tokens[:, : int(there[-1]) + 1 if len(there) else 1]
        pairs = F.embedding(tokens[:, :, 1].int() * 256 + tokens[:, :, 2], self.pairs.unsqueeze(1)).squeeze(2)
        return tokens[:, :, 0].int(), pairs


class TokenLinear(nn.Module):
    """A linear layer over the cells of the window, each with a place for every code: the sum over the tokens."""

    def __init__(self, signature: Signature, width: int) -> None:
        super().__init__()
        self.reader = TokenReader(signature)
        self.code_count = len(self.reader.code_names)
        self.weight = nn.Parameter(torch.zeros(signature.cell_count * self.code_count, width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, observations: Tensor) -> Tensor:
        """(B, 3 * tokens) uint8 -> (B, width)."""
        locations, pairs = self.reader(observations)
        rows = self.reader.cells[locations] * self.code_count + self.reader.codes[pairs]
        weights = self.reader.weights[pairs]
        return F.embedding_bag(rows, self.weight, mode="sum", per_sample_weights=weights) + self.bias


class TokenBox(nn.Module):
    """Tokens scattered to a box, a vector for each cell of the window: what convolutions go over."""

    def __init__(self, signature: Signature, channels: int, generator: torch.Generator) -> None:
        super().__init__()
        self.reader = TokenReader(signature)
        self.size = (signature.window_height, signature.window_width)
        self.table = nn.Parameter(_vectors(len(self.reader.code_names), channels, generator))

    def forward(self, observations: Tensor) -> Tensor:
        """(B, 3 * tokens) uint8 -> (B, channels, h, w)."""
        locations, pairs = self.reader(observations)
        told = F.embedding(pairs, self.table[self.reader.codes] * self.reader.weights.unsqueeze(1))  # (B, tokens, d)
        height, width = self.size
        first_cells = torch.arange(len(observations), device=observations.device).unsqueeze(1) * (height * width)
        cells = self.reader.cells[locations] + first_cells
        box = told.new_zeros(len(observations) * height * width, told.shape[2])
        box = box.index_add(0, cells.flatten(), told.flatten(0, 1))
        return box.view(len(observations), height, width, -1).permute(0, 3, 1, 2)


class LatentAttention(nn.Module):
    """A few learnt queries look at all tokens, then at one another.

    A token's key and value are linear in the vectors of its pair and of its place, so they are made for each pair
    and each place once, and looked up: a token costs two table rows and no product.
    """

    places: Tensor  # (256, features): where a location byte lies from the agent

    def __init__(self, signature: Signature, size: AttentionSize, generator: torch.Generator) -> None:
        super().__init__()
        self.reader = TokenReader(signature)
        self.size = size
        self.register_buffer("places", _places(signature), persistent=False)
        width = size.width
        self.table = nn.Parameter(_vectors(len(self.reader.code_names), width, generator))
        self.slopes = nn.Parameter(_vectors(len(self.reader.code_names), width, generator))
        self.place = linear(self.places.shape[1], width, 1.0, generator)
        self.latents = nn.Parameter(_vectors(size.latents, width, generator))
        self.query = linear(width, width, 1.0, generator)
        self.key_value = linear(width, 2 * width, sqrt(2), generator)
        self.blocks = nn.ModuleList(_Block(size, generator) for _ in range(size.blocks))
        self.norm = nn.LayerNorm(width)
        self.width = size.latents * width
        """Floats of all latents."""

    def forward(self, observations: Tensor) -> Tensor:
        """(B, 3 * tokens) uint8 -> (B, width)."""
        queries, keys, values, away, _ = self._asked(observations)
        seen = _of_heads(F.scaled_dot_product_attention(queries, keys, values, attn_mask=away))
        latents: Tensor = self.latents + seen
        for block in self.blocks:
            latents = block(latents)
        normal: Tensor = self.norm(latents)
        return normal.flatten(1)

    def weights(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """How much is looked at each token, and where it lies: mean over latents and heads.

        Args:
            observations: (B, 3 * tokens) uint8.

        Returns:
            weights (B, tokens), which add up to 1, and 0 of a token that is not there; location bytes (B, tokens).
        """
        queries, keys, _, away, locations = self._asked(observations)
        scores = queries @ keys.transpose(2, 3) / sqrt(queries.shape[3]) + away
        return scores.softmax(dim=3).mean(dim=(1, 2)), locations

    def _asked(self, observations: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Queries (B, heads, latents, d), keys and values (B, heads, tokens, d), _AWAY where there is no token
        (B, 1, 1, tokens), and where tokens lie (B, tokens)."""
        locations, pairs = self.reader(observations)
        codes = self.reader.codes
        of_pairs = self.table[codes] + self.slopes[codes] * self.reader.weights.unsqueeze(1)
        told = F.embedding(pairs, F.linear(of_pairs, self.key_value.weight))
        told = told + F.embedding(locations, self.key_value(self.place(self.places)))  # (B, tokens, 2 * width)
        keys, values = (_by_head(part, self.size.heads) for part in told.chunk(2, dim=2))
        queries = _by_head(self.query(self.latents).expand(len(observations), -1, -1), self.size.heads)
        away = ((pairs == 0) * _AWAY).to(queries.dtype)[:, None, None]
        return queries, keys, values, away, locations


class _Block(nn.Module):
    """Self-attention over latents and a layer for each, both added to what was there."""

    def __init__(self, size: AttentionSize, generator: torch.Generator) -> None:
        super().__init__()
        self.heads = size.heads
        self.first_norm = nn.LayerNorm(size.width)
        self.mixed = linear(size.width, 3 * size.width, sqrt(2), generator)
        self.joined = linear(size.width, size.width, 1.0, generator)
        self.second_norm = nn.LayerNorm(size.width)
        self.wide = linear(size.width, 2 * size.width, sqrt(2), generator)
        self.narrow = linear(2 * size.width, size.width, 1.0, generator)

    def forward(self, latents: Tensor) -> Tensor:
        """(B, latents, width) -> the same."""
        parts = self.mixed(self.first_norm(latents)).chunk(3, dim=2)
        queries, keys, values = (_by_head(part, self.heads) for part in parts)
        latents = latents + self.joined(_of_heads(F.scaled_dot_product_attention(queries, keys, values)))
        out: Tensor = latents + self.narrow(self.wide(self.second_norm(latents)).relu())
        return out


def _by_head(vectors: Tensor, heads: int) -> Tensor:
    """(B, n, width) -> (B, heads, n, width / heads)"""
    return vectors.view(*vectors.shape[:2], heads, -1).transpose(1, 2)


def _of_heads(vectors: Tensor) -> Tensor:
    """(B, heads, n, width / heads) -> (B, n, width)"""
    return vectors.transpose(1, 2).flatten(2)


def _vectors(count: int, width: int, generator: torch.Generator) -> Tensor:
    """A table of vectors of length about 1."""
    return torch.randn((count, width), generator=generator) / sqrt(width)


def _places(signature: Signature) -> Tensor:
    """Of each location byte, how far it lies from the agent: plainly and by waves, down and to the right. (256, n)"""
    location = torch.arange(256)
    down = location // 16 - signature.window_height // 2
    right = location % 16 - signature.window_width // 2
    features = []
    for offset in (down.float(), right.float()):
        features.append(offset / 8)  # half of the largest window
        features += [wave(offset * (2 * pi / length)) for length in _WAVES for wave in (torch.sin, torch.cos)]
    return torch.stack(features, dim=1)
