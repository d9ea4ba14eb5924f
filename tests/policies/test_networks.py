"""The networks: one-hot layers against their dense meaning, initial weights."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.policies.architecture import Architecture
from engine.policies.layers import Dense, Narrow, OneHotLinear
from engine.policies.networks import build_network
from engine.policies.signature import ByteGroup, Signature
from engine.sim import games, spec_of

GROUPS = (ByteGroup(0, 6, 5), ByteGroup(6, 6, 3), ByteGroup(13, 1, 4))  # byte 12 belongs to nobody
ARCHITECTURES = [
    Architecture(),
    Architecture(shared_trunk=False),
    Architecture(hidden=(32,)),
    Architecture(kind="cnn", hidden=(32, 16)),
]


def random_codes(rows: int, busy: float, generator: torch.Generator) -> torch.Tensor:
    """Observations of 14 bytes; `busy` is the chance that a byte is not its commonest value."""
    observations = torch.zeros((rows, 14), dtype=torch.uint8)
    for group in GROUPS:
        span = slice(group.start, group.start + group.count)
        values = torch.randint(0, group.classes, (rows, group.count), generator=generator)
        keep = torch.rand((rows, group.count), generator=generator) < busy
        observations[:, span] = (values * keep).to(torch.uint8)
    return observations


def dense_one_hot(observations: torch.Tensor) -> torch.Tensor:
    pieces = []
    for group in GROUPS:
        codes = observations[:, group.start : group.start + group.count].long()
        pieces.append(torch.nn.functional.one_hot(codes, group.classes).flatten(1).float())
    return torch.cat(pieces, dim=1)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000), rows=st.sampled_from([1, 3, 1024, 1500]), busy=st.sampled_from([0.0, 0.02, 0.3, 1.0])
)
def test_one_hot_layer_equals_its_dense_form(seed: int, rows: int, busy: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    observations = random_codes(rows, busy, generator)
    layer = OneHotLinear(GROUPS, 8, [(0, 0.5), (3, 0.1)])
    torch.nn.init.normal_(layer.weight, generator=generator)
    shapes = layer.weight.shape, (8, 2), (8,)
    parts = [torch.randn(shape, generator=generator) for shape in shapes]
    layer.weight.data.copy_(parts[0])
    upstream = torch.randn((rows, 8), generator=generator)

    def gradients(apply: Callable[..., torch.Tensor]) -> tuple[torch.Tensor, ...]:
        own = [layer.weight, *(part.clone().requires_grad_() for part in parts[1:])]
        out = apply(*own)
        return out.detach(), *torch.autograd.grad(out, own, upstream.clone())

    def densely(weight: torch.Tensor, amount_weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        amounts = observations[:, [0, 3]] * torch.tensor([0.5, 0.1])
        return torch.relu(dense_one_hot(observations) @ weight + amounts @ amount_weight.t() + bias)

    in_c = gradients(lambda _, amount_weight, bias: layer(observations, amount_weight, bias))
    assert all(gradient.is_contiguous() for gradient in in_c)  # fused Adam looks at no strides
    for found, wanted in zip(in_c, gradients(densely), strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("layer", [Dense(5, 7), Narrow(5, 3)], ids=["dense", "narrow"])
def test_layers_with_gradients_of_their_own_are_linear_ones(layer: torch.nn.Linear) -> None:
    features = torch.randn((11, 5), generator=torch.Generator().manual_seed(0))
    upstream = torch.randn((11, layer.out_features), generator=torch.Generator().manual_seed(1))

    def gradients(apply: Callable[[torch.Tensor], torch.Tensor]) -> tuple[torch.Tensor, ...]:
        given = features.clone().requires_grad_()
        out = apply(given)
        return out.detach(), *torch.autograd.grad(out, [given, layer.weight, layer.bias], upstream.clone())

    def plainly(given: torch.Tensor) -> torch.Tensor:
        out = torch.nn.functional.linear(given, layer.weight, layer.bias)
        return out.relu() if isinstance(layer, Dense) else out

    for found, wanted in zip(gradients(layer), gradients(plainly), strict=True):
        torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("rules", [games.navigation(), games.arena()], ids=lambda rules: rules.name)
def test_every_architecture_fits_every_game(architecture: Architecture, rules: object) -> None:
    signature = Signature.of(spec_of(rules))
    network = build_network(architecture, signature, seed=1)

    logits, values = network(torch.zeros((5, signature.observation_size), dtype=torch.uint8))

    assert logits.shape == (5, len(signature.actions))
    assert values.shape == (5,)
    # A policy head of gain 0.01: nearly uniform at first.
    assert logits.softmax(1).max() < 1.2 / len(signature.actions)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_largest_bytes_are_in_range(architecture: Architecture) -> None:
    signature = Signature.of(spec_of(games.arena()))
    row = torch.zeros(signature.observation_size, dtype=torch.uint8)
    for group in signature.plane_groups() + signature.coded_self_groups():
        row[group.start : group.start + group.count] = group.classes - 1
    for byte, scale in signature.scaled_self_features():
        row[byte] = int(scale)

    logits, values = build_network(architecture, signature, seed=1)(row.unsqueeze(0))

    assert torch.isfinite(logits).all()
    assert torch.isfinite(values).all()


def test_floats_enter_by_a_plain_layer() -> None:
    signature = Signature.of_floats(4, ("left", "right"))
    network = build_network(Architecture(hidden=(8,)), signature, seed=0)
    observations = torch.randn((5, 4), generator=torch.Generator().manual_seed(0))

    logits, values = network(observations)

    hidden = torch.relu(observations @ network.entry.weight.t())
    torch.testing.assert_close(logits, hidden @ network.policy_head.weight.t())
    torch.testing.assert_close(values, (hidden @ network.value_head.weight.t()).squeeze(1))
    torch.testing.assert_close(network.entry.weight.t() @ network.entry.weight, 2 * torch.eye(4), atol=1e-5, rtol=0)
    assert signature.observation_size == 4


def test_several_heads_stand_side_by_side() -> None:
    signature = Signature.of_floats(4, ("left", "right", "low", "middle", "high"), (2, 3))

    network = build_network(Architecture(hidden=(8,)), signature, seed=0)

    assert network.heads.sizes == (2, 3)
    assert network(torch.zeros(6, 4))[0].shape == (6, 5)


def test_seed_alone_decides_the_weights() -> None:
    signature = Signature.of(spec_of(games.navigation()))
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = build_network(Architecture(), signature, seed=7).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    second = build_network(Architecture(), signature, seed=7).state_dict()
    other = build_network(Architecture(), signature, seed=8).state_dict()

    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["entry.weight"], other["entry.weight"])


def test_entry_is_orthogonal_with_gain_sqrt_2() -> None:
    network = build_network(Architecture(), Signature.of(spec_of(games.navigation())), seed=0)
    whole = torch.cat([network.entry.weight, network.amount_entry.weight.t()])

    torch.testing.assert_close(whole.t() @ whole, 2 * torch.eye(64), atol=1e-4, rtol=0)


def test_separate_trunks_do_not_share_gradients() -> None:
    signature = Signature.of(spec_of(games.navigation()))
    network = build_network(Architecture(shared_trunk=False), signature, seed=0)

    _, values = network(torch.ones((4, signature.observation_size), dtype=torch.uint8))
    values.sum().backward()

    assert network.entry.weight.grad[:, :64].abs().max() == 0
    assert network.entry.weight.grad[:, 64:].abs().max() > 0
    assert network.policy_head.weight.grad is None
