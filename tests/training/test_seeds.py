"""Seeds of a run's streams: no two alike, and each a matter of the run's seed, its purpose and its number alone."""

from __future__ import annotations

import itertools

from engine.training.seeds import Purpose, seed_for, seeds_for


def test_no_two_streams_of_neighbouring_runs_and_roles_begin_alike() -> None:
    seeds = (0, 1, 2, 2**32, 2**32 + 1, 2**63 - 1)
    found = [seed_for(seed, purpose, number) for seed, purpose, number in itertools.product(seeds, Purpose, range(3))]

    assert len(set(found)) == len(seeds) * len(Purpose) * 3
    assert all(0 <= seed < 2**63 for seed in found)


def test_an_envs_seed_does_not_depend_on_how_many_there_are() -> None:
    assert seeds_for(5, Purpose.SCRIPT, 1, count=100)[:7] == seeds_for(5, Purpose.SCRIPT, 1, count=7)
    assert len(set(seeds_for(5, Purpose.SCRIPT, 1, count=100))) == 100


def test_seeds_stay_what_they_were() -> None:
    """Golden: with other numbers here, every run of a given seed is another run."""
    assert [seed_for(0, purpose) for purpose in Purpose] == [
        1317536309490288386,
        5769891174451087230,
        8897364151550420695,
        2870757765332765563,
        4744905141714261070,
    ]
