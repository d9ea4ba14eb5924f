"""What a row looks like to other people's code: its spaces, and the parts of an observation. Pure; any thread."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.sim.spec import Spec

from . import missing

try:
    from gymnasium.spaces import Box, Discrete
except ImportError as error:
    raise missing("gymnasium", "gym") from error


def action_space(spec: Spec) -> Discrete:
    """One action of one agent, by its id; `spec.action_names` says which is which."""
    return Discrete(len(spec.action_names))


def observation_space(spec: Spec) -> Box[np.uint8]:
    """One row as C writes it, uint8 of (observation_size,). Bounds tell apart what is a code and what a quantity."""
    return Box(0, _largest(spec), (spec.observation_size,), np.uint8)


def _largest(spec: Spec) -> NDArray[np.uint8]:
    """(observation_size,): the largest value of each byte."""
    if not spec.planes:
        return np.full(spec.observation_size, 255, np.uint8)
    cells = spec.window_width * spec.window_height
    # At least 1: a space with but one value is a mistake to most readers of spaces.
    planes = [max(classes - 1, 1) for classes in spec.plane_classes]
    return np.concatenate([np.repeat(planes, cells), spec.self_scales]).astype(np.uint8)


def parts(spec: Spec, rows: NDArray[np.uint8]) -> dict[str, NDArray[np.uint8]]:
    """An observation taken apart, without a copy; any number of rows, (..., observation_size).

    Returns:
        `planes` (..., planes, height, width) and `self` (..., self features), or
        `tokens` (..., tokens, 3) of location, feature and value.
    """
    lead = rows.shape[:-1]
    if not spec.planes:
        return {"tokens": rows.reshape(*lead, spec.token_count, 3)}
    planes = rows[..., : spec.plane_size]
    shape = (*lead, len(spec.planes), spec.window_height, spec.window_width)
    return {"planes": planes.reshape(shape), "self": rows[..., spec.plane_size :]}
