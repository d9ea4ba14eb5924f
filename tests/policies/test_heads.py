"""Action heads against their definitions: softmax, masks, shares of samples, joint log-probabilities and entropies."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.policies.heads import ActionHeads

ONE = ActionHeads((9,))
TWO = ActionHeads((3, 4))


def random_logits(*shape: int, scale: float = 3.0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)) * scale


def evenly_spaced(count: int) -> torch.Tensor:
    """(count, 1) numbers that cover 0 to 1."""
    return ((torch.arange(count) + 0.5) / count).unsqueeze(1)


def test_log_probs_are_log_softmax_of_each_head() -> None:
    logits = random_logits(50, 7, scale=20)

    expected = torch.cat([torch.log_softmax(logits[:, :3], 1), torch.log_softmax(logits[:, 3:], 1)], dim=1)

    torch.testing.assert_close(TWO.log_probs(logits), expected)
    torch.testing.assert_close(ActionHeads((7,)).log_probs(logits), torch.log_softmax(logits, 1))


def test_samples_follow_the_probabilities() -> None:
    probabilities = torch.tensor([0.0, 0.5, 0.0, 0.2, 0.3, 0.0])

    actions = ActionHeads((6,)).sample(probabilities.log().expand(10_000, -1), evenly_spaced(10_000))

    assert torch.bincount(actions[:, 0], minlength=6).tolist() == [0, 5000, 0, 2000, 3000, 0]


@given(st.sampled_from([0.0, 1e-45, 0.5, 1 - 2.0**-24, 1.0]), st.integers(0, 2**9 - 2))
def test_no_draw_falls_on_an_illegal_action(uniform: float, illegal: int) -> None:
    masks = torch.tensor([[0 if illegal >> i & 1 else 1 for i in range(9)]], dtype=torch.uint8)

    log_probs = ONE.log_probs(ONE.masked(random_logits(1, 9, scale=30), masks))
    action = int(ONE.sample(log_probs, torch.tensor([[uniform]])))

    assert masks[0, action] == 1
    assert log_probs[0, action].exp() > 0


def test_each_row_takes_its_own_number_whatever_it_is_split_into() -> None:
    log_probs, uniforms = TWO.log_probs(random_logits(64, 7)), torch.rand((64, 2))

    whole = TWO.sample(log_probs, uniforms)
    parts = [TWO.sample(log_probs[i : i + 16], uniforms[i : i + 16]) for i in range(0, 64, 16)]

    assert torch.equal(whole, torch.cat(parts))


def test_heads_are_drawn_apart() -> None:
    log_probs = torch.tensor([[1.0, 0, 0, 0, 0, 0, 1.0]]).log()  # action 0 of the first head, 3 of the second

    assert TWO.sample(log_probs, torch.tensor([[0.9, 0.1]])).tolist() == [[0, 3]]
    assert TWO.greedy(log_probs).tolist() == [[0, 3]]


def test_illegal_actions_have_probability_0_and_finite_everything() -> None:
    logits = random_logits(4, 9).requires_grad_()
    masks = torch.ones((4, 9), dtype=torch.uint8)
    masks[:, [2, 5, 8]] = 0
    masks[1] = torch.eye(9, dtype=torch.uint8)[3]  # one choice

    log_probs = ONE.log_probs(ONE.masked(logits, masks))
    entropy = ONE.entropy(log_probs)
    (entropy.sum() + ONE.chosen(log_probs, torch.full((4, 1), 3)).sum()).backward()

    assert (log_probs.exp()[masks == 0] == 0).all()
    assert torch.isfinite(log_probs).all()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad[masks == 0] == 0).all()
    assert entropy[1] == 0
    legal = torch.log_softmax(logits[0, masks[0] == 1], 0)
    torch.testing.assert_close(log_probs[0, masks[0] == 1], legal)
    torch.testing.assert_close(entropy[0], -(legal.exp() * legal).sum())


def test_a_head_without_a_legal_action_may_do_anything() -> None:
    logits = random_logits(1, 7)
    masks = torch.tensor([[0, 0, 0, 0, 1, 0, 1]], dtype=torch.uint8)

    masked = TWO.masked(logits, masks)

    assert torch.equal(masked[:, :3], logits[:, :3])
    assert (TWO.log_probs(masked).exp()[:, 3:] > 0).tolist() == [[False, True, False, True]]


def test_several_heads_are_one_choice_among_all_combinations() -> None:
    log_probs = TWO.log_probs(random_logits(5, 7))
    joint = log_probs[:, :3, None] + log_probs[:, None, 3:]  # (5, 3, 4)

    chosen = [[TWO.chosen(log_probs, torch.tensor([[a, b]] * 5)) for b in range(4)] for a in range(3)]

    torch.testing.assert_close(torch.stack([torch.stack(row, 1) for row in chosen], 1), joint)
    torch.testing.assert_close(TWO.entropy(log_probs), -(joint.exp() * joint).sum((1, 2)))


@pytest.mark.parametrize("heads", [ONE, TWO], ids=["one", "two"])
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_time_in_front_of_the_rows_changes_nothing(heads: ActionHeads, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn((3, 4, heads.action_count), generator=generator)
    masks = torch.randint(0, 2, logits.shape, generator=generator, dtype=torch.uint8)
    uniforms = torch.rand((3, 4, len(heads.sizes)), generator=generator)

    log_probs = heads.log_probs(heads.masked(logits, masks))
    actions = heads.sample(log_probs, uniforms)

    flat = heads.log_probs(heads.masked(logits.flatten(0, 1), masks.flatten(0, 1)))
    assert torch.equal(log_probs.flatten(0, 1), flat)
    assert torch.equal(actions.flatten(0, 1), heads.sample(flat, uniforms.flatten(0, 1)))
    assert torch.equal(heads.greedy(log_probs).flatten(0, 1), heads.greedy(flat))
    assert torch.equal(heads.chosen(log_probs, actions).flatten(), heads.chosen(flat, actions.flatten(0, 1)))
    assert torch.equal(heads.entropy(log_probs).flatten(), heads.entropy(flat))


def test_entropy_of_equal_chances_is_the_logarithm_of_their_number() -> None:
    assert float(ONE.entropy(ONE.log_probs(torch.zeros(1, 9)))) == pytest.approx(math.log(9))
