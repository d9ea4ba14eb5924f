"""One-hot bytes in C, against the dense product they stand for."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import SimError
from engine.sim.onehot import MAX_BYTES, OneHot

Span = tuple[int, int, int]


@st.composite
def layouts(draw: st.DrawFn) -> tuple[list[Span], int]:
    """Spans with gaps between them, and the bytes of a row."""
    spans, end = [], 0
    for _ in range(draw(st.integers(1, 4))):
        start = end + draw(st.integers(0, 3))
        count = draw(st.sampled_from([1, 2, 7, 8, 31, 32, 33, 70]))
        spans.append((start, count, draw(st.sampled_from([1, 2, 5, 256]))))
        end = start + count
    return draw(st.permutations(spans)), end + draw(st.integers(0, 3))


def nothing(width: int) -> tuple[np.ndarray, np.ndarray]:
    """No amounts, and a bias of 0."""
    return np.zeros((0, width), np.float32), np.zeros(width, np.float32)


def dense(spans: list[Span], observations: np.ndarray) -> np.ndarray:
    """(rows, weight rows) one-hot, in float64."""
    pieces = []
    for start, count, values in spans:
        codes = np.minimum(observations[:, start : start + count], values - 1)
        pieces.append(np.eye(values)[codes].reshape(len(observations), count * values))
    return np.concatenate(pieces, axis=1)


@settings(max_examples=60, deadline=None)
@given(
    layout=layouts(),
    rows=st.sampled_from([0, 1, 5, 64, 300]),
    width=st.sampled_from([1, 8, 20, 64, 72, 128]),
    busy=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    seed=st.integers(0, 10_000),
)
def test_sums_and_gradients_are_those_of_the_dense_product(
    layout: tuple[list[Span], int], rows: int, width: int, busy: float, seed: int
) -> None:
    spans, size = layout
    rng = np.random.default_rng(seed)
    observations = np.where(rng.random((rows, size)) < busy, rng.integers(0, 256, (rows, size)), 1).astype(np.uint8)
    amounts = [(int(byte), float(rng.standard_normal() / 255)) for byte in rng.integers(0, size, seed % 4)]
    one_hot, expected = OneHot(spans, amounts), dense(spans, observations)
    counted = observations[:, [byte for byte, _ in amounts]] * np.array([scale for _, scale in amounts])
    weight = rng.standard_normal((one_hot.weight_rows, width)).astype(np.float32)
    amount_weight = rng.standard_normal((len(amounts), width)).astype(np.float32)
    bias = rng.standard_normal(width).astype(np.float32)
    gradient = rng.standard_normal((rows, width)).astype(np.float32)
    sums, out, amount_out = np.empty((rows, width), np.float32), np.empty_like(weight), np.empty_like(amount_weight)

    one_hot.sum_into(sums, observations, weight, amount_weight, bias)
    one_hot.gradient_into(out, amount_out, observations, gradient, gradient.sum(0))

    np.testing.assert_allclose(sums, expected @ weight + counted @ amount_weight + bias, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(out, expected.T @ gradient, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(amount_out, counted.T @ gradient, rtol=1e-5, atol=1e-4)


def test_equal_calls_give_equal_bits() -> None:
    rng = np.random.default_rng(0)
    observations = rng.integers(0, 5, (2000, 40)).astype(np.uint8)
    one_hot = OneHot([(0, 40, 5)])
    gradient = rng.standard_normal((2000, 64)).astype(np.float32)
    outs = [np.empty((200, 64), np.float32) for _ in range(2)]

    for out in outs:
        one_hot.gradient_into(out, nothing(64)[0], observations, gradient, gradient.sum(0))

    np.testing.assert_array_equal(outs[0], outs[1])


@pytest.mark.parametrize("spans", [[(0, 5, 257)], [(6, 5, 2)], [(-1, 2, 2)], [(0, 0, 2)], [(0, 2, 0)]])
def test_spans_that_do_not_fit_are_refused(spans: list[Span]) -> None:
    one_hot, weight = OneHot(spans), np.zeros((10, 4), np.float32)

    with pytest.raises(SimError):
        one_hot.sum_into(np.empty((1, 4), np.float32), np.zeros((1, 10), np.uint8), weight, *nothing(4))


@pytest.mark.parametrize("byte", [-1, 10])
def test_an_amount_outside_of_the_row_is_refused(byte: int) -> None:
    one_hot = OneHot([(0, 2, 2)], [(byte, 1.0)])
    row, weight, amount = np.zeros((1, 10), np.uint8), np.zeros((4, 4), np.float32), np.zeros((1, 4), np.float32)

    with pytest.raises(SimError):
        one_hot.sum_into(np.empty((1, 4), np.float32), row, weight, amount, np.zeros(4, np.float32))


def test_more_bytes_than_it_reads_are_refused() -> None:
    one_hot = OneHot([(0, MAX_BYTES + 1, 1)])
    row, weight = np.zeros((1, MAX_BYTES + 1), np.uint8), np.zeros((MAX_BYTES + 1, 1), np.float32)

    with pytest.raises(SimError):
        one_hot.sum_into(np.empty((1, 1), np.float32), row, weight, *nothing(1))


@pytest.mark.parametrize("wrong", ["type", "order", "shape"])
def test_arrays_that_c_would_misread_are_caught(wrong: str) -> None:
    observations, weight, sums = np.zeros((6, 3), np.uint8), np.zeros((6, 4), np.float32), np.empty((6, 4), np.float32)
    if wrong == "type":
        weight = weight.astype(np.float64)  # type: ignore[assignment]
    if wrong == "order":
        observations = np.zeros((3, 6), np.uint8).T
    if wrong == "shape":
        sums = sums[:5]

    with pytest.raises(AssertionError):
        OneHot([(0, 3, 2)]).sum_into(sums, observations, weight, *nothing(4))


def test_copies_are_whole() -> None:
    one_hot = OneHot([(1, 3, 2)], [(0, 0.5)])
    twins = copy.deepcopy(one_hot), pickle.loads(pickle.dumps(one_hot))  # noqa: S301
    weight = np.arange(12, dtype=np.float32).reshape(6, 2)

    for twin in twins:
        sums = np.empty((1, 2), np.float32)
        amount, bias = np.array([[8, 0]], np.float32), np.array([0, 1], np.float32)
        twin.sum_into(sums, np.array([[3, 1, 0, 1]], np.uint8), weight, amount, bias)
        np.testing.assert_array_equal(sums, [weight[1] + weight[2] + weight[5] + [12, 1]])
