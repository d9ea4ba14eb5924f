"""Layers over tokens against the same sums token by token, on observations that the engine writes."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.errors import ConfigError
from engine.maps import cells_for, load_map
from engine.policies.architecture import Architecture
from engine.policies.networks import build_network
from engine.policies.signature import Signature
from engine.policies.tokens import ATTENTION_SIZES, LatentAttention, TokenBox, TokenLinear, TokenReader
from engine.sim import NO_TOKEN, Batch, Encoding, Rules, World, games, spec_of

CODED = {"type_id", "group", "role", "orientation", "glyph", "ready", "last_action", "last_result"}
ARCHITECTURES = [
    Architecture(hidden=(32,)),
    Architecture(hidden=(32,), shared_trunk=False),
    Architecture(kind="cnn", hidden=(32,)),
    *(Architecture(kind="attention", size=size, hidden=(32,)) for size in ATTENTION_SIZES),
    Architecture(kind="attention", size="tiny", hidden=(32,), memory="lstm"),
]


def token_rules() -> Rules:
    return games.arena().model_copy(update={"encoding": Encoding.TOKENS})


@cache
def played() -> tuple[Signature, Tensor]:
    """Observations from the middle of some episodes."""
    rules = token_rules()
    world = World(rules, cells_for(load_map("arena_basic"), rules))
    with Batch(world, 4) as batch:
        batch.reset(3)
        generator = np.random.default_rng(0)
        for _ in range(20):
            batch.step(generator.integers(0, len(world.spec.action_names), batch.rows).astype(np.int32))
        return Signature.of(world.spec), torch.from_numpy(batch.observations.copy())


def gaussian(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def told(signature: Signature, reader: TokenReader, row: Tensor) -> list[tuple[int, int, int, float]]:
    """(row, column, code, weight) of each token, from the bytes by hand."""
    found = []
    for location, feature, value in row.view(-1, 3).tolist():
        if feature == NO_TOKEN:
            continue
        name = signature.features[feature]
        if name == "type_id":
            word = ("outside", "empty", "agent", *signature.kinds)[value]
        elif name == "last_action":
            word = ("none", *signature.actions)[value]
        else:
            word = str(value) if name in CODED else ""
        weight = 1.0 if name in CODED else value / signature.feature_scales[feature]
        found.append((location // 16, location % 16, reader.code_names.index((name, word)), weight))
    assert len(found) > 5
    return found


def test_a_linear_layer_sums_the_places_of_the_tokens() -> None:
    signature, observations = played()
    layer = TokenLinear(signature, 3)
    torch.nn.init.normal_(layer.weight, generator=torch.Generator().manual_seed(0))
    torch.nn.init.ones_(layer.bias)
    weights = layer.weight.view(signature.window_height, signature.window_width, -1, 3)

    out = layer(observations)

    for row, seen in zip(observations, out, strict=True):
        expected = 1 + sum(weight * weights[y, x, code] for y, x, code, weight in told(signature, layer.reader, row))
        torch.testing.assert_close(seen, expected, atol=1e-5, rtol=1e-5)


def test_a_box_holds_the_tokens_of_each_cell() -> None:
    signature, observations = played()
    box = TokenBox(signature, 5, torch.Generator().manual_seed(0))

    out = box(observations)

    assert out.shape == (len(observations), 5, signature.window_height, signature.window_width)
    for row, seen in zip(observations, out, strict=True):
        expected = torch.zeros_like(seen)
        for y, x, code, weight in told(signature, box.reader, row):
            expected[:, y, x] += weight * box.table[code]
        torch.testing.assert_close(seen, expected, atol=1e-5, rtol=1e-5)


def test_latents_look_at_the_tokens_that_are_there() -> None:
    signature, observations = played()
    size = ATTENTION_SIZES["tiny"]
    layer = LatentAttention(signature, size, torch.Generator().manual_seed(0))
    layer.blocks = torch.nn.ModuleList()  # the looking alone

    out = layer(observations)

    depth = size.width // size.heads
    queries = layer.query(layer.latents).view(size.latents, size.heads, depth)
    for row, seen in zip(observations, out, strict=True):
        vectors = []
        for y, x, code, weight in told(signature, layer.reader, row):
            vectors.append(layer.table[code] + weight * layer.slopes[code] + layer.place(layer.places[y * 16 + x]))
        keys, values = layer.key_value(torch.stack(vectors)).view(len(vectors), 2, size.heads, depth).unbind(1)
        attention = torch.einsum("lhd,thd->lht", queries, keys).div(depth**0.5).softmax(2)
        looked = torch.einsum("lht,thd->lhd", attention, values).flatten(1)
        torch.testing.assert_close(seen, layer.norm(layer.latents + looked).flatten(), atol=1e-5, rtol=1e-5)


def test_places_tell_all_cells_apart() -> None:
    signature, _ = played()
    places = LatentAttention(signature, ATTENTION_SIZES["tiny"], torch.Generator()).places
    cells = [y * 16 + x for y in range(signature.window_height) for x in range(signature.window_width)]

    assert torch.cdist(places[cells], places[cells]).fill_diagonal_(9).min() > 0.1
    assert places[signature.window_height // 2 * 16 + signature.window_width // 2][0] == 0  # the agent's own


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=str)
def test_order_and_company_of_tokens_do_not_matter(architecture: Architecture) -> None:
    signature, observations = played()
    network = build_network(architecture, signature, seed=0)
    tokens = observations.view(len(observations), -1, 3)

    expected = network(observations)
    turned = network(tokens.flip(1).flatten(1))  # padding comes first
    alone = [network(observations[i : i + 1]) for i in range(len(observations))]

    for index, of in enumerate(expected):
        torch.testing.assert_close(turned[index], of, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(torch.cat([each[index] for each in alone]), of, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=str)
def test_every_architecture_learns_from_tokens(architecture: Architecture) -> None:
    signature, observations = played()
    network = build_network(architecture, signature, seed=0)

    twice = torch.stack([observations, observations.flip(0)])
    memory = torch.zeros((len(observations), network.memory_size))
    logits, values = network.sequence(twice, memory, torch.zeros(twice.shape[:2], dtype=torch.bool))
    (logits.logsumexp(2).sum() + values.sum()).backward()

    assert logits.shape == (2, len(observations), len(signature.actions))
    assert logits.softmax(2).max() < 1.2 / len(signature.actions)
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=str)
def test_bytes_that_no_game_writes_are_nothing(architecture: Architecture) -> None:
    signature, observations = played()
    network = build_network(architecture, signature, seed=0)
    empty = torch.full_like(observations[:1], NO_TOKEN)
    strange = empty.clone()
    strange[0, :3] = torch.tensor([7, 200, 3])

    for of_empty, of_strange in zip(network(empty), network(strange), strict=True):
        assert torch.isfinite(of_empty).all()
        assert torch.isfinite(of_strange).all()


def test_attention_wants_tokens() -> None:
    signature = Signature.of(spec_of(games.navigation()))

    with pytest.raises(ConfigError, match="kind: attention reads tokens; this game is observed as planes") as caught:
        build_network(Architecture(kind="attention"), signature, seed=0)

    assert caught.value.hint == "policy.kind=mlp or cnn, or a game with encoding tokens"


def test_a_cnn_wants_cells() -> None:
    with pytest.raises(ConfigError, match="reads planes or tokens; this game is observed as floats"):
        build_network(Architecture(kind="cnn"), Signature.of_floats(4, ("left", "right")), seed=0)
