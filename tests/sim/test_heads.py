"""Log-probabilities, entropies, gradients and draws in C, against their definitions in float64."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.errors import SimError
from engine.sim.heads import Heads

SIZES = st.lists(st.integers(1, 12), min_size=1, max_size=3)
ROWS = st.sampled_from([0, 1, 7, 8, 9, 64, 203])


class Case:
    """Logits, in the order of memory that is asked for, masks that leave some heads nothing, and actions."""

    def __init__(self, sizes: list[int], rows: int, seed: int, *, columns: bool, masked: bool, scale: float) -> None:
        rng = np.random.default_rng(seed)
        self.heads, self.rows, width = Heads(sizes), rows, sum(sizes)
        logits = (scale * rng.standard_normal((rows, width))).astype(np.float32)
        self.logits = np.asfortranarray(logits) if columns else np.ascontiguousarray(logits)
        self.masks = (rng.random((rows, width)) < 0.5).astype(np.uint8) if masked else None
        self.actions = np.stack([rng.integers(0, size, rows) for size in sizes], axis=1).astype(np.int32)
        self.uniforms = rng.random((rows, len(sizes))).astype(np.float32)
        self.of_chosen, self.of_entropy = rng.standard_normal((2, rows)).astype(np.float32)

    def parts(self) -> list[tuple[slice, NDArray[np.float64], NDArray[np.bool_]]]:
        """For each head, its columns, its probabilities (rows, actions) and which are legal."""
        found, start = [], 0
        for size in self.heads.sizes:
            own = slice(start, start + size)
            start += size
            legal = np.ones((self.rows, size), bool) if self.masks is None else self.masks[:, own].astype(bool)
            legal |= ~legal.any(1, keepdims=True)
            logits = np.where(legal, self.logits[:, own].astype(np.float64), -np.inf)
            weights = np.exp(logits - logits.max(1, keepdims=True)) if self.rows else logits
            found.append((own, weights / weights.sum(1, keepdims=True), legal))
        return found


def log(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)


def case(scale: float = 3.0) -> st.SearchStrategy[Case]:
    return st.builds(
        Case, SIZES, ROWS, st.integers(0, 9999), columns=st.booleans(), masked=st.booleans(), scale=st.just(scale)
    )


@settings(max_examples=80, deadline=None)
@given(case())
def test_evaluations_are_those_of_the_softmax(it: Case) -> None:
    chosen, entropy = np.empty(it.rows, np.float32), np.empty(it.rows, np.float32)
    it.heads.evaluate_into(chosen, entropy, it.logits, it.masks, it.actions)

    expected, of_all = np.zeros(it.rows), np.zeros(it.rows)
    for head, (_, probabilities, legal) in enumerate(it.parts()):
        taken = it.actions[:, head : head + 1]
        of_all -= (probabilities * log(probabilities)).sum(1)
        known = np.take_along_axis(legal, taken, 1)[:, 0]
        picked = np.take_along_axis(log(probabilities), taken, 1)[:, 0]
        expected += np.where(known, picked, -1e9)
    np.testing.assert_allclose(chosen, expected, rtol=2e-6, atol=2e-6)
    np.testing.assert_allclose(entropy, of_all, rtol=2e-6, atol=2e-6)


@settings(max_examples=80, deadline=None)
@given(case())
def test_gradients_are_those_of_the_softmax(it: Case) -> None:
    gradient = np.empty(it.logits.shape[::-1], np.float32)
    it.heads.gradient_into(gradient, it.logits, it.masks, it.actions, it.of_chosen, it.of_entropy)

    expected = np.zeros(it.logits.shape)
    for head, (own, probabilities, legal) in enumerate(it.parts()):
        taken = np.eye(probabilities.shape[1])[it.actions[:, head]]
        entropy = -(probabilities * log(probabilities)).sum(1, keepdims=True)
        of_entropy = -probabilities * (log(probabilities) + entropy)
        expected[:, own] = legal * (
            it.of_chosen[:, None] * (taken - probabilities) + it.of_entropy[:, None] * of_entropy
        )
    np.testing.assert_allclose(gradient.T, expected, rtol=1e-5, atol=1e-6)


@settings(max_examples=80, deadline=None)
@given(case(scale=30.0), st.sampled_from([None, 0.0, 1e-45, 1 - 2.0**-24, 1.0]))
def test_draws_fall_where_the_number_lies_and_never_on_the_impossible(it: Case, uniform: float | None) -> None:
    if uniform is not None:
        it.uniforms[:] = uniform
    actions, chosen = np.empty_like(it.actions), np.empty(it.rows, np.float32)
    it.heads.draw_into(actions, chosen, it.logits, it.masks, it.uniforms)

    expected, entropy = np.empty_like(chosen), np.empty_like(chosen)
    it.heads.evaluate_into(expected, entropy, it.logits, it.masks, actions)
    np.testing.assert_array_equal(chosen, expected)
    for head, (_, probabilities, legal) in enumerate(it.parts()):
        taken = actions[:, head : head + 1]
        assert np.take_along_axis(legal, taken, 1).all()
        upto = np.take_along_axis(probabilities.cumsum(1), taken, 1)[:, 0]
        before = upto - np.take_along_axis(probabilities, taken, 1)[:, 0]
        assert (before <= it.uniforms[:, head] + 1e-5).all()
        assert (upto >= it.uniforms[:, head] - 1e-5).all()


def test_rows_stand_alone() -> None:
    """Whatever they are split into: exactness under threads and ranks hangs on it."""
    it = Case([9], 203, 0, columns=True, masked=True, scale=3.0)
    whole, parts = (np.empty(203, np.float32) for _ in range(2))
    entropy = np.empty(203, np.float32)
    it.heads.evaluate_into(whole, entropy, it.logits, it.masks, it.actions)
    assert it.masks is not None

    for first in range(0, 203, 29):
        own = slice(first, first + 29)
        it.heads.evaluate_into(parts[own], entropy[own], it.logits[own], it.masks[own], it.actions[own])

    np.testing.assert_array_equal(parts, whole)


def test_what_is_no_number_stays_none() -> None:
    logits = np.array([[0, np.nan, 1], [0, 1, 2]], np.float32)
    chosen, entropy = np.empty(2, np.float32), np.empty(2, np.float32)

    Heads([3]).evaluate_into(chosen, entropy, logits, None, np.zeros((2, 1), np.int32))

    assert np.isnan([chosen[0], entropy[0]]).all()
    assert np.isfinite([chosen[1], entropy[1]]).all()


@pytest.mark.parametrize("action", [-1, 3])
def test_an_unknown_action_is_refused(action: int) -> None:
    chosen, entropy = np.empty(1, np.float32), np.empty(1, np.float32)

    with pytest.raises(SimError):
        Heads([3, 4]).evaluate_into(
            chosen, entropy, np.zeros((1, 7), np.float32), None, np.array([[action, 0]], np.int32)
        )


@pytest.mark.parametrize("sizes", [[], [0], [3, -1]])
def test_heads_without_actions_are_refused(sizes: list[int]) -> None:
    empty = np.empty(0, np.float32)

    with pytest.raises(SimError):
        Heads(sizes).evaluate_into(
            empty, empty, np.zeros((0, sum(sizes)), np.float32), None, np.zeros((0, len(sizes)), np.int32)
        )


def test_copies_are_whole() -> None:
    logits, actions = np.log(np.array([[1, 3]], np.float32)), np.array([[1]], np.int32)

    for twin in (copy.deepcopy(Heads([2])), pickle.loads(pickle.dumps(Heads([2])))):  # noqa: S301
        chosen, entropy = np.empty(1, np.float32), np.empty(1, np.float32)
        twin.evaluate_into(chosen, entropy, logits, None, actions)
        assert chosen[0] == pytest.approx(np.log(0.75))
