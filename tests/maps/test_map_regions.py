"""Regions: the fast labelling agrees with a plain flood fill."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from engine.maps.regions import BLOCKED, Labels, Mask, label_regions, neighbour_labels


def flooded(is_open: Mask, *, diagonal: bool) -> list[list[int]]:
    """The same labels, the slow way."""
    height, width = is_open.shape
    labels = [[BLOCKED] * width for _ in range(height)]
    count = 0
    for start in np.argwhere(is_open).tolist():
        if labels[start[0]][start[1]] != BLOCKED:
            continue
        stack = [tuple(start)]
        while stack:
            row, column = stack.pop()
            inside = 0 <= row < height and 0 <= column < width
            if not inside or not is_open[row, column] or labels[row][column] != BLOCKED:
                continue
            labels[row][column] = count
            stack += [
                (row + down, column + right)
                for down in (-1, 0, 1)
                for right in (-1, 0, 1)
                if diagonal or not (down and right)
            ]
        count += 1
    return labels


@pytest.mark.parametrize("diagonal", [False, True])
@given(is_open=arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_labels_equal_a_flood_fill(diagonal: bool, is_open: Mask) -> None:
    assert label_regions(is_open, diagonal=diagonal).tolist() == flooded(is_open, diagonal=diagonal)


def test_long_winding_corridor_is_one_region() -> None:
    is_open = np.ones((64, 64), dtype=bool)
    is_open[1::4, 1:] = False
    is_open[3::4, :-1] = False

    labels = label_regions(is_open, diagonal=False)

    assert labels.max() == 0


@given(st.integers(0, 3), st.integers(0, 3))
def test_neighbours_outside_the_map_are_blocked(row: int, column: int) -> None:
    labels: Labels = np.arange(16, dtype=np.int32).reshape(4, 4)

    around = set(neighbour_labels(labels, np.array([[row, column]]), diagonal=True)[0].tolist())

    expected = {
        int(labels[r, c])
        for r in range(max(0, row - 1), min(4, row + 2))
        for c in range(max(0, column - 1), min(4, column + 2))
    } - {int(labels[row, column])}
    assert around - {BLOCKED} == expected
    assert (BLOCKED in around) == (row in (0, 3) or column in (0, 3))
