"""Memories against torch's LSTM, against their formulas, and against episodes played one by one."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.policies.architecture import Architecture
from engine.policies.memory import MEMORIES, LstmMemory, Memory, MinGruMemory, _LinearScan, _LstmScan
from engine.policies.networks import PolicyNetwork, build_network
from engine.policies.signature import Signature
from engine.sim import games, spec_of

KINDS = sorted(MEMORIES)
WIDTH, UNITS = 5, 4


class Sequences(NamedTuple):
    inputs: Tensor  # (T, B, WIDTH)
    memory: Tensor  # (B, size)
    starts: Tensor  # (T, B)


def made(kind: str, seed: int = 0) -> Memory:
    return MEMORIES[kind](WIDTH, UNITS, torch.Generator().manual_seed(seed))


def sequences(memory: Memory, steps: int, rows: int, seed: int = 0, share: float = 0.2) -> Sequences:
    generator = torch.Generator().manual_seed(seed)
    return Sequences(
        torch.randn((steps, rows, WIDTH), generator=generator),
        torch.randn((rows, memory.size), generator=generator),
        torch.rand((steps, rows), generator=generator) < share,
    )


def step_by_step(memory: Memory, data: Sequences) -> tuple[Tensor, Tensor]:
    """Every step alone, with what is remembered set to zero by hand."""
    outputs, carried = [], data.memory
    never = torch.zeros_like(data.starts[:1])
    for inputs, starts in zip(data.inputs, data.starts, strict=True):
        carried = torch.where(starts.unsqueeze(1), torch.zeros_like(carried), carried)
        output, carried = memory(inputs.unsqueeze(0), carried, never)
        outputs.append(output[0])
    return torch.stack(outputs), carried


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(st.integers(1, 9), st.integers(1, 6), st.integers(0, 999), st.sampled_from([0.0, 0.3, 1.0]))
def test_sequences_are_their_steps(kind: str, steps: int, rows: int, seed: int, share: float) -> None:
    memory = made(kind)
    data = sequences(memory, steps, rows, seed, share)

    outputs, last = memory(*data)

    expected, expected_last = step_by_step(memory, data)
    torch.testing.assert_close(outputs, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(last, expected_last, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_many_rows_do_as_each_does_alone(kind: str) -> None:
    memory = made(kind)
    inputs, before, starts = sequences(memory, 3, 1300)  # more than go through time together, and no multiple

    outputs, last = memory(inputs, before, starts)

    for row in (0, 511, 512, 1299):
        alone, alone_last = memory(inputs[:, row : row + 1], before[row : row + 1], starts[:, row : row + 1])
        torch.testing.assert_close(outputs[:, row], alone[:, 0], atol=1e-6, rtol=0)
        torch.testing.assert_close(last[row], alone_last[0], atol=1e-6, rtol=0)


def test_lstm_is_torchs_lstm_on_each_stretch_between_starts() -> None:
    memory = made("lstm")
    assert isinstance(memory, LstmMemory)
    peer = torch.nn.LSTM(WIDTH, UNITS)
    to_peer = torch.tensor([0, 1, 3, 2])  # torch has the candidate before the output gate
    with torch.no_grad():
        peer.weight_ih_l0.copy_(memory.entry.weight.view(4, UNITS, WIDTH)[to_peer].flatten(0, 1))
        peer.weight_hh_l0.copy_(memory.recurrent.view(4, UNITS, UNITS)[to_peer].flatten(0, 1))
        peer.bias_ih_l0.copy_(memory.entry.bias.view(4, UNITS)[to_peer].flatten())
        peer.bias_hh_l0.zero_()
    inputs, before, starts = sequences(memory, 8, 1)
    starts[:] = False
    starts[3], starts[7] = True, True

    outputs, last = memory(inputs, before, starts)

    h, c = before[:, None, :UNITS], before[:, None, UNITS:]
    first, _ = peer(inputs[:3], (h, c))
    second, _ = peer(inputs[3:7])
    third, (h, c) = peer(inputs[7:])
    torch.testing.assert_close(outputs, torch.cat([first, second, third]), atol=1e-6, rtol=0)
    torch.testing.assert_close(last, torch.cat([h[0], c[0]], dim=1), atol=1e-6, rtol=0)


def test_mingru_is_its_formula() -> None:
    memory = made("mingru")
    assert isinstance(memory, MinGruMemory)
    inputs, h, starts = sequences(memory, 6, 3)
    expected = []
    for t in range(6):
        entered = inputs[t] @ memory.entry.weight.t() + memory.entry.bias
        z, opened, candidate = entered.chunk(3, dim=1)
        z = z.sigmoid()
        h = torch.where(starts[t].unsqueeze(1), torch.zeros_like(h), h)
        h = (1 - z) * h + z * candidate
        expected.append(opened.sigmoid() * h)

    outputs, last = memory(inputs, sequences(memory, 6, 3).memory, starts)

    torch.testing.assert_close(outputs, torch.stack(expected), atol=1e-6, rtol=0)
    torch.testing.assert_close(last, h, atol=1e-6, rtol=0)


def doubles(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).requires_grad_()


def test_gradients_by_hand_are_the_numerical_ones() -> None:
    steps, rows = 4, 3
    keep = torch.ones((steps, rows, 1), dtype=torch.float64)
    keep[2, 1], keep[0, 2] = 0, 0
    entered, recurrent = doubles(steps, rows, 4 * UNITS, seed=0), doubles(4 * UNITS, UNITS, seed=1)
    hidden, cell = doubles(rows, UNITS, seed=2), doubles(rows, UNITS, seed=3)
    factors, terms = doubles(steps, rows, UNITS, seed=4), doubles(steps, rows, UNITS, seed=5)

    assert torch.autograd.gradcheck(_LstmScan.apply, (entered, recurrent, hidden, cell, keep))
    assert torch.autograd.gradcheck(_LinearScan.apply, (factors, terms, hidden))


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_leaks_across_an_episodes_start(kind: str) -> None:
    memory = made(kind)
    inputs, before, starts = sequences(memory, 8, 3, share=0)
    starts[5, 1] = True
    inputs.requires_grad_()
    before.requires_grad_()

    outputs, last = memory(inputs, before, starts)
    (outputs[5:].sum() + last.sum()).backward()

    assert inputs.grad is not None
    assert before.grad is not None
    assert (inputs.grad[:5, 1] == 0).all()
    assert (before.grad[1] == 0).all()
    assert (inputs.grad[5:, 1] != 0).all()
    assert (inputs.grad[:, [0, 2]] != 0).all()  # who goes on remembers
    assert (before.grad[[0, 2]] != 0).any(dim=1).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_fresh_memory_reaches_back_some_units_far_and_some_near(kind: str) -> None:
    memory = MEMORIES[kind](WIDTH, 64, torch.Generator().manual_seed(0))
    inputs, before, starts = torch.zeros((32, 1, WIDTH)), torch.ones((1, memory.size)), torch.zeros((32, 1)).bool()

    _, last = memory(inputs, before, starts)

    kept = last[0, -64:]  # of the cell, or of the one state
    assert kept.max() > 0.5
    assert kept.min() < 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_half_floats_stay_outside(kind: str) -> None:
    memory = made(kind)
    data = sequences(memory, 4, 3)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs, last = memory(data.inputs.bfloat16(), data.memory, data.starts)

    expected, _ = memory(data.inputs.bfloat16().float(), data.memory, data.starts)
    assert torch.equal(outputs, expected)
    assert last.dtype is torch.float32


# ---- In a network


def network_of(memory: str) -> PolicyNetwork:
    architecture = Architecture(hidden=(16,), memory=memory, memory_size=8)
    network = build_network(architecture, Signature.of(spec_of(games.navigation())), seed=0)
    with torch.no_grad():
        network.policy_head.weight.mul_(100)  # at first it is nearly silent
    return network


def observed(network: PolicyNetwork, steps: int, rows: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    size = network.signature.observation_size
    return torch.randint(0, 2, (steps, rows, size), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("memory", ["none", *KINDS])
def test_sequences_of_a_network_are_its_steps_across_rollouts(memory: str) -> None:
    network = network_of(memory)
    observations = observed(network, 6, 4)
    starts = torch.rand((6, 4), generator=torch.Generator().manual_seed(1)) < 0.3
    starts[0] = torch.tensor([True, False, True, False])
    carried = torch.randn((4, network.memory_size), generator=torch.Generator().manual_seed(2))
    halfway = carried
    logits, values = network.sequence(observations, carried, starts)

    for t in range(6):
        carried = carried * ~starts[t].unsqueeze(1)
        logits_t, values_t, carried = network.step(observations[t], carried)
        halfway = carried if t < 3 else halfway
        torch.testing.assert_close(logits_t, logits[t], atol=1e-5, rtol=0)
        torch.testing.assert_close(values_t, values[t], atol=1e-5, rtol=0)
    second_logits, second_values = network.sequence(observations[3:], halfway, starts[3:])

    torch.testing.assert_close(second_logits, logits[3:], atol=1e-5, rtol=0)
    torch.testing.assert_close(second_values, values[3:], atol=1e-5, rtol=0)


@pytest.mark.parametrize("memory", ["none", *KINDS])
def test_forward_is_the_first_step_of_an_episode(memory: str) -> None:
    network = network_of(memory)
    observations = observed(network, 1, 4)

    logits, values = network(observations[0])

    anything = torch.ones((4, network.memory_size))
    first = network.sequence(observations, anything, torch.ones((1, 4), dtype=torch.bool))
    torch.testing.assert_close(logits, first[0][0], atol=1e-6, rtol=0)
    torch.testing.assert_close(values, first[1][0], atol=1e-6, rtol=0)


@pytest.mark.parametrize("memory", KINDS)
def test_what_was_seen_before_counts(memory: str) -> None:
    network = network_of(memory)
    observations = observed(network, 2, 1)
    other = observations.clone()
    other[0] = 0
    start = torch.tensor([[True], [False]])

    seen, _ = network.sequence(observations, torch.zeros((1, network.memory_size)), start)
    unlike, _ = network.sequence(other, torch.zeros((1, network.memory_size)), start)

    assert not torch.allclose(seen[1], unlike[1], atol=1e-4)


def test_a_memory_between_separate_trunks_is_refused() -> None:
    with pytest.raises(ValueError, match="shared_trunk"):
        Architecture(memory="lstm", shared_trunk=False)
