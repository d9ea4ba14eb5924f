"""Schedules and gates: values worked out by hand."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from pydantic import ValidationError

from engine.recipes.schema import slot_of
from engine.recipes.tree import filled
from engine.training.config import TrainerConfig
from engine.training.schedules import Gate, Schedule, Scheduler, Schedules, is_open, progress

TOTAL = 1000


def scheduler(name: str = "entropy_coefficient", total: int = TOTAL, **schedule: Any) -> Scheduler:
    return Scheduler({name: Schedule.model_validate(schedule)}, {}, total)


def value(of: Scheduler, base: float, step: int, name: str = "entropy_coefficient") -> float:
    return of.values({name: base}, step)[name]


def test_linear_goes_straight_from_the_base_to_its_end() -> None:
    schedule = scheduler(to=1.0)

    assert [value(schedule, 3.0, step) for step in (0, 250, 500, 1000, 2000)] == [3.0, 2.5, 2.0, 1.0, 1.0]


def test_a_window_of_steps_is_kept_to() -> None:
    schedule = scheduler(to=0.0, from_step=100, until_step=300)

    assert [value(schedule, 4.0, step) for step in (0, 100, 150, 200, 300, 999)] == [4.0, 4.0, 3.0, 2.0, 0.0, 0.0]


def test_cosine_is_flat_at_both_ends_and_half_way_in_the_middle() -> None:
    schedule = scheduler(kind="cosine", to=1.0)

    assert value(schedule, 3.0, 0) == 3.0
    assert value(schedule, 3.0, 1000) == 1.0
    assert value(schedule, 3.0, 500) == pytest.approx(2.0, abs=1e-12)
    assert value(schedule, 3.0, 250) == pytest.approx(2.0 + math.sqrt(0.5), abs=1e-12)


def test_a_schedule_that_starts_after_the_run_never_moves() -> None:
    assert progress(Schedule(from_step=5000), 1000, TOTAL) == 0.0


def test_anneal_is_the_linear_schedule_of_the_learning_rate_bit_for_bit() -> None:
    config = TrainerConfig(total_steps=997)
    annealed = Scheduler(Schedules().by_name(anneal=True), {}, config.total_steps)

    for step in range(0, 997, 13):
        expected = config.learning_rate * max(0.0, 1.0 - step / config.total_steps)
        assert value(annealed, config.learning_rate, step, "learning_rate") == expected


def test_a_schedule_takes_the_place_of_anneal() -> None:
    own = Schedule(kind="cosine", to=1e-4)

    assert Schedules(learning_rate=own).by_name(anneal=True) == {"learning_rate": own}
    assert Schedules(clip=Schedule(to=0.1)).by_name(anneal=False) == {"clip": Schedule(to=0.1)}


def test_a_metric_schedule_follows_the_running_mean_and_is_clamped() -> None:
    schedule = scheduler(kind="metric", metric="rollout/success_rate", low=0.2, high=0.7, to=1.0, rate=0.5)
    seen = [value(schedule, 3.0, 0)]

    for success in (0.2, 0.7, 1.0, 1.0, 1.0, -9.0):  # running means 0.2, 0.45, 0.725, 0.8625, 0.93125, -4.03
        schedule.observe({"rollout/success_rate": success})
        seen.append(value(schedule, 3.0, 0))

    assert seen == pytest.approx([3.0, 3.0, 2.0, 1.0, 1.0, 1.0, 3.0], abs=1e-12)


def test_a_metric_schedule_may_go_downwards() -> None:
    schedule = scheduler(kind="metric", metric="m", low=10.0, high=0.0, to=0.0, rate=1.0)

    schedule.observe({"m": 7.5})

    assert value(schedule, 4.0, 0) == 3.0


def test_metrics_that_are_missing_or_no_numbers_are_passed_over() -> None:
    schedule = scheduler(kind="metric", metric="m", to=0.0, rate=1.0)
    schedule.observe({"m": 0.25})

    schedule.observe({"other": 1.0})
    schedule.observe({"m": math.nan})
    schedule.observe({"m": math.inf})

    assert value(schedule, 4.0, 0) == 3.0


def test_epochs_are_whole() -> None:
    schedule = scheduler("epochs", to=1.0)

    assert [value(schedule, 4.0, step, "epochs") for step in (0, 400, 600, 1000)] == [4.0, 3.0, 2.0, 1.0]


def test_what_has_no_schedule_stays() -> None:
    assert scheduler(to=1.0).values({"gamma": 0.99, "entropy_coefficient": 2.0}, 500) == {
        "gamma": 0.99,
        "entropy_coefficient": 1.5,
    }


def test_a_rate_that_follows_kl_goes_by_half_again_outside_the_band_and_stays_inside() -> None:
    schedule = scheduler("learning_rate", kind="kl", target=0.01)
    seen = []

    for kl in (0.01, 0.005, 0.02, 0.0201, 0.05, 0.0049, 0.001, 0.001):
        schedule.observe({"train/approx_kl": kl})
        seen.append(value(schedule, 8e-3, 0, "learning_rate"))

    factors = [1, 1, 1, 1 / 1.5, 1 / 2.25, 1 / 1.5, 1, 1.5]
    assert seen == pytest.approx([8e-3 * factor for factor in factors], rel=1e-12)


@pytest.mark.parametrize(("kl", "turns"), [(1.0, -12), (0.0, 6)])
def test_a_rate_that_follows_kl_has_ends(kl: float, turns: int) -> None:
    schedule = scheduler("learning_rate", kind="kl")

    for _ in range(50):
        schedule.observe({"train/approx_kl": kl})

    assert value(schedule, 1e-3, 0, "learning_rate") == 1e-3 * 1.5**turns
    assert value(schedule, 0.9, 0, "learning_rate") <= 1.0


@pytest.mark.parametrize(
    ("schedule", "step"),
    [
        ({"to": 0.5}, 300),
        ({"kind": "cosine", "to": 0.0}, 300),
        ({"kind": "metric", "metric": "m", "to": 0.0, "rate": 1.0}, 0),
        ({"to": 0.5, "from_step": 600}, 300),
    ],
)
def test_a_person_sets_what_is_seen(schedule: dict[str, Any], step: int) -> None:
    of = scheduler(**schedule)
    of.observe({"m": 0.25})

    base = of.base_for("entropy_coefficient", 2.0, step)

    assert value(of, base, step) == pytest.approx(2.0, rel=1e-12)


def test_a_person_sets_a_rate_that_follows_kl_as_it_is_seen() -> None:
    of = scheduler("learning_rate", kind="kl")
    of.observe({"train/approx_kl": 1.0})

    base = of.base_for("learning_rate", 2e-3, 0)

    assert base == pytest.approx(3e-3)
    assert value(of, base, 0, "learning_rate") == pytest.approx(2e-3)


def test_a_schedule_at_its_end_is_not_moved_by_its_base() -> None:
    of = scheduler(to=0.5)

    assert of.base_for("entropy_coefficient", 2.0, TOTAL) == 2.0
    assert value(of, 2.0, TOTAL) == 0.5


def test_values_stay_within_limits_whatever_the_base() -> None:
    of = scheduler(kind="metric", metric="m", to=0.0, rate=1.0)
    of.observe({"m": 0.5})

    base = of.base_for("entropy_coefficient", 9.0, 0)

    assert value(of, base, 0) == 9.0
    of.observe({"m": 0.0})
    assert value(of, base, 0) == 10.0
    assert value(of, -base, 0) == 0.0


@pytest.mark.parametrize(
    ("gate", "step", "latest", "expected"),
    [
        ({}, 0, {}, True),
        ({"from_step": 10}, 9, {}, False),
        ({"from_step": 10}, 10, {}, True),
        ({"until_step": 10}, 9, {}, True),
        ({"until_step": 10}, 10, {}, False),
        ({"metric": "m", "above": 0.5}, 0, {"m": 0.6}, True),
        ({"metric": "m", "above": 0.5}, 0, {"m": 0.5}, False),
        ({"metric": "m", "below": 0.5}, 0, {"m": 0.4}, True),
        ({"metric": "m", "below": 0.5}, 0, {"m": 0.5}, False),
        ({"metric": "m", "above": 0.2, "below": 0.5}, 0, {"m": 0.3}, True),
        ({"metric": "m", "above": 0.2, "below": 0.5}, 0, {"m": 0.6}, False),
        ({"metric": "m", "above": 0.2}, 0, {}, False),
        ({"metric": "m", "below": 0.2}, 0, {}, False),
        ({"metric": "m", "above": 0.2, "from_step": 5}, 4, {"m": 1.0}, False),
    ],
)
def test_a_gate_is_open_while_all_of_it_holds(
    gate: dict[str, Any], step: int, latest: dict[str, float], expected: bool
) -> None:
    assert is_open(Gate.model_validate(gate), step, latest) is expected


def test_a_closed_loss_weighs_nothing_and_counts_again_when_its_gate_opens() -> None:
    of = Scheduler({}, {"cloning": Gate(metric="m", below=0.5)}, TOTAL)
    base = {"loss.cloning": 2.0, "loss.ppo": 1.0}
    seen = []

    for metrics in ({}, {"m": 0.4}, {}, {"m": 0.6}, {"m": math.nan}, {"m": 0.1}):
        of.observe(metrics)
        seen.append(of.values(base, 0)["loss.cloning"])

    assert seen == [0.0, 2.0, 2.0, 0.0, 0.0, 2.0]
    assert of.values(base, 0)["loss.ppo"] == 1.0


def test_a_metric_that_never_came_is_named() -> None:
    schedules = {"clip": Schedule(kind="metric", metric="rollout/sucess_rate"), "learning_rate": Schedule(kind="kl")}
    of = Scheduler(schedules, {"cloning": Gate(metric="eval/return_mean", below=1.0), "ppo": Gate()}, TOTAL)

    assert of.unseen() == ["eval/return_mean", "rollout/sucess_rate"]
    of.observe({"eval/return_mean": 1.0})
    assert of.unseen() == ["rollout/sucess_rate"]


def test_state_goes_on_exactly_through_json() -> None:
    schedules = {"clip": Schedule(kind="metric", metric="m", to=0.1), "learning_rate": Schedule(kind="kl")}
    gates = {"cloning": Gate(metric="g", above=0.0)}
    base = {"clip": 0.2, "learning_rate": 1e-3, "loss.cloning": 1.0}
    first, second = Scheduler(schedules, gates, TOTAL), Scheduler(schedules, gates, TOTAL)
    lines = [{"m": 0.1 * i, "train/approx_kl": 0.01 * i, "g": i - 3.0} for i in range(8)]
    for line in lines[:4]:
        first.observe(line)

    second.restore(json.loads(json.dumps(first.state())))

    for line in lines[4:]:
        first.observe(line)
        second.observe(line)
        assert first.values(base, 10) == second.values(base, 10)
    assert first.state() == second.state() != Scheduler(schedules, gates, TOTAL).state()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"clip": {"kind": "metric"}}, "metric: it is missing"),
        ({"clip": {"metric": "m"}}, "metric: it means nothing to kind linear"),
        ({"clip": {"kind": "metric", "metric": "m", "until_step": 5, "to": 0.1}}, "until_step: it means nothing"),
        ({"clip": {"kind": "metric", "metric": "m", "low": 1.0, "to": 0.1}}, "high: it is the same as low"),
        ({"clip": {"from_step": 5, "until_step": 5, "to": 0.1}}, "until_step: 5 is not after from_step 5"),
        ({"clip": {"kind": "kl"}}, "clip.kind: kl moves only the learning rate"),
        ({"clip": {"to": 0.0}}, "clip.to: 0 is too far"),
        ({"epochs": {}}, "epochs.to: 0 is too far"),
        ({"gamma": {"to": 1.5}}, "gamma.to: 1.5 is too far"),
        ({"lerning_rate": {}}, "Extra inputs"),
    ],
)
def test_impossible_schedules_are_refused_in_words(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Schedules.model_validate(settings)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"above": 1.0}, "metric: it is missing"),
        ({"metric": "m"}, "metric: it says nothing alone"),
        ({"from_step": 9, "until_step": 3}, "until_step: 3 is not after"),
    ],
)
def test_impossible_gates_are_refused_in_words(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Gate.model_validate(settings)


def test_schedules_survive_being_filled_with_defaults() -> None:
    given = {"clip": {"kind": "metric", "metric": "m", "to": 0.1}, "epochs": {"to": 1}}

    whole = filled(slot_of(Schedules), given)

    assert Schedules.model_validate(whole) == Schedules.model_validate(given)
    assert whole["clip"]["rate"] == 0.1
