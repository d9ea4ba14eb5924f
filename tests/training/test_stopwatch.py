"""The stopwatch: every moment belongs to one phase."""

from __future__ import annotations

from collections.abc import Callable

from engine.training.stopwatch import Stopwatch


def clock_of(*times: float) -> Callable[[], float]:
    return iter(times).__next__


def test_each_lap_takes_the_time_since_the_one_before() -> None:
    watch = Stopwatch(clock_of(10.0, 11.0, 14.0, 15.0, 18.0))

    for phase in ("envs", "learn", "envs", "log"):
        watch.lap(phase)

    assert watch.seconds == {"envs": 2.0, "learn": 3.0, "log": 3.0}
    assert watch.metrics() == {"time/envs_share": 0.25, "time/learn_share": 0.375, "time/log_share": 0.375}


def test_skipped_time_belongs_to_nobody() -> None:
    watch = Stopwatch(clock_of(0.0, 1.0, 50.0, 52.0))

    watch.lap("envs")
    watch.skip()
    watch.lap("learn")

    assert watch.seconds == {"envs": 1.0, "learn": 2.0}


def test_an_iteration_without_a_phase_tells_it_as_zero() -> None:
    watch = Stopwatch(clock_of(0.0, 1.0, 2.0))
    watch.lap("checkpoint")

    watch.restart()
    watch.lap("envs")

    assert watch.metrics() == {"time/checkpoint_share": 0.0, "time/envs_share": 1.0}


def test_nothing_counted_is_no_metric() -> None:
    assert Stopwatch(clock_of(0.0)).metrics() == {}
