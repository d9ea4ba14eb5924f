"""What agents hold: limits that resources share, regeneration and decay, and what actions cost."""

from __future__ import annotations

import pytest

from engine.sim import Action, ActionResult, Kind, Resource, Rules, Style, Verb

from .drawn import held, result, sim_from, step
from .small_game import resources, small, stat


def test_resources_of_a_group_share_its_limit() -> None:
    bag = {name: Resource(limit=5, limit_group="bag") for name in ("ore", "battery")}
    kinds = {
        "mine": Kind(style=Style.USE, outputs={"ore": 1}),
        "generator": Kind(style=Style.USE, outputs={"battery": 2}),
    }
    sim = sim_from("m@n", small(kinds=kinds, resources=bag, limit_groups={"bag": 4}))

    for action in ("rotate_west", "use", "use", "use", "rotate_east", "use"):
        step(sim, action)

    assert result(sim) is ActionResult.FULL  # three ores and two batteries would be five
    assert held(sim) == {"ore": 3}
    step(sim, "rotate_west")
    step(sim, "use")
    assert held(sim) == {"ore": 4}


def test_a_get_fills_what_is_left_of_the_group() -> None:
    bag = {"ore": Resource(limit=9, limit_group="bag", initial=2), "battery": Resource(limit=9, limit_group="bag")}
    chest = Kind(style=Style.CHEST, outputs={"battery": 9}, initial_output=9)
    sim = sim_from("@C", small(kinds={"chest": chest}, resources=bag, limit_groups={"bag": 4}))

    for action in ("rotate_east", "get"):
        step(sim, action)

    assert held(sim) == {"ore": 2, "battery": 2}


@pytest.mark.parametrize(
    ("amount", "initial", "expected"),
    [(2, 0, [0, 0, 2, 2, 2, 4, 4, 4, 5]), (-2, 3, [3, 3, 1, 1, 1, 0, 0, 0, 0]), (1, 5, [5] * 9)],
)
def test_regeneration_comes_at_its_interval_and_stays_within_bounds(
    amount: int, initial: int, expected: list[int]
) -> None:
    energy = Resource(limit=5, initial=initial, regen_amount=amount, regen_interval=3)
    sim = sim_from("@", small(resources={"energy": energy}))
    seen = []

    for _ in expected:
        step(sim, "noop")
        seen.append(held(sim).get("energy", 0))

    assert seen == expected
    assert initial + stat(sim, "energy.gained") - stat(sim, "energy.lost") == seen[-1]


def test_regeneration_comes_before_the_turn() -> None:
    energy = Resource(limit=5, regen_amount=1, regen_interval=2)
    sim = sim_from("@", small((Action(name="shout", consumed={"energy": 1}),), resources={"energy": energy}))
    shout = sim.spec.action_names.index("shout")

    step(sim, "shout")
    assert result(sim) is ActionResult.NO_RESOURCE
    assert sim.action_mask()[0, shout]
    step(sim, "shout")
    assert result(sim) is ActionResult.SUCCESS


def with_cost(**cost: object) -> Rules:
    """A dash to the east that costs energy, of which there are three."""
    dash = Action(name="dash", verb=Verb.MOVE, direction="east", **cost)
    return small((dash,), resources={"energy": Resource(limit=5, initial=3)})


def test_a_cost_is_due_on_success_alone() -> None:
    sim = sim_from("@.#", with_cost(consumed={"energy": 2}))

    step(sim, "dash")
    assert held(sim) == {"energy": 1}
    step(sim, "dash")
    assert result(sim) is ActionResult.NO_RESOURCE

    sim = sim_from("@#", with_cost(consumed={"energy": 2}))
    step(sim, "dash")
    assert result(sim) is ActionResult.BLOCKED_WALL
    assert held(sim) == {"energy": 3}
    assert stat(sim, "energy.lost") == 0


def test_a_cost_that_is_always_due_is_paid_for_nothing() -> None:
    sim = sim_from("@#", with_cost(consumed={"energy": 2}, pays_always=True))

    step(sim, "dash")

    assert result(sim) is ActionResult.BLOCKED_WALL
    assert held(sim) == {"energy": 1}
    step(sim, "dash")  # too little left to try
    assert result(sim) is ActionResult.NO_RESOURCE
    assert held(sim) == {"energy": 1}


def test_what_is_required_need_not_be_spent() -> None:
    sim = sim_from("@..", with_cost(required={"energy": 3}, consumed={"energy": 1}))

    step(sim, "dash")
    assert held(sim) == {"energy": 2}
    step(sim, "dash")

    assert result(sim) is ActionResult.NO_RESOURCE


def test_no_unit_is_both_spent_and_put_to_use() -> None:
    work = Action(name="work", verb=Verb.USE, consumed={"ore": 1})
    kinds = {"generator": Kind(style=Style.USE, inputs={"ore": 1}, outputs={"battery": 1})}
    table = {"ore": Resource(limit=5, initial=3), **resources(battery=5)}
    sim = sim_from("@n", small((work,), kinds=kinds, resources=table))
    step(sim, "rotate_east")

    step(sim, "work")
    assert held(sim) == {"ore": 1, "battery": 1}
    assert not sim.action_mask()[0, sim.spec.action_names.index("work")]
    step(sim, "work")

    assert result(sim) is ActionResult.NO_RESOURCE
    assert held(sim) == {"ore": 1, "battery": 1}
