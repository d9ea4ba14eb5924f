"""The seeds of a run's random streams, by what they are for and whom they serve: no two streams begin alike.

Pure. The worlds are the engine's, which derives a stream for each env from the run's seed by itself.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What a stream is drawn for. The numbers decide what a run learns: never change one."""

    ACTIONS = 0
    ROLE = 1  # the seed that a role's own streams are derived from
    WEIGHTS = 2
    SHUFFLES = 3  # and drawn demonstrations
    SCRIPT = 4


def seeds_for(seed: int, purpose: Purpose, number: int = 0, *, count: int = 1) -> list[int]:
    """Seeds of 63 bits; the first of them are the same, however many there are.

    Args:
        seed: of the run, or of a role; at least 0.
        number: of the role, by its place among them.
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(int(purpose), number))
    return [int(drawn) >> 1 for drawn in sequence.generate_state(count, np.uint64)]


def seed_for(seed: int, purpose: Purpose, number: int = 0) -> int:
    """The first of them."""
    return seeds_for(seed, purpose, number)[0]
