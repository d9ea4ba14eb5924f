"""Converters with a store, and chests: put, wait, get."""

from __future__ import annotations

from engine.sim import ActionResult, Batch, Kind, Plane, Resource, Style

from .drawn import held, result, sim_from, step
from .small_game import plane_at_centre, resources, small, stat

PLANES = (Plane.KIND, Plane.READY, Plane.STOCK)
READY, BUSY, USED_UP = 1, 2, 3


def beside(kind: Kind, **units: int) -> Batch:
    """An agent that faces one generator to its east and holds so much of each resource, of ten at most."""
    table = {name: Resource(limit=10, initial=units.get(name, 0)) for name in ("ore", "battery")}
    sim = sim_from("@n", small(kinds={"generator": kind}, resources=table, planes=PLANES))
    step(sim, "rotate_east")
    return sim


def generator(**changes: object) -> Kind:
    recipe = {"inputs": {"ore": 1}, "outputs": {"battery": 1}, "conversion_ticks": 2, "cooldown": 3}
    return Kind.model_validate({"style": Style.PUT_GET, **recipe, **changes})


def test_a_conversion_takes_its_ticks_and_then_cools_down() -> None:
    sim = beside(generator(), ore=2)
    timeline = []

    for action in ("put", "noop", "noop", "noop", "noop", "noop", "noop"):
        step(sim, action)
        timeline.append((plane_at_centre(sim, "ready", right=1), plane_at_centre(sim, "stock", right=1)))

    # Converting for two ticks, then one battery in stock and three ticks of cooling down.
    assert timeline == [(BUSY, 0), (BUSY, 0), (BUSY, 1), (BUSY, 1), (BUSY, 1), (READY, 1), (READY, 1)]
    assert held(sim) == {"ore": 1}


def test_what_is_not_finished_cannot_be_had() -> None:
    sim = beside(generator(), ore=1)
    results = []

    for action in ("get", "put", "get", "get", "get"):
        step(sim, action)
        results.append(result(sim))

    nothing, busy, fine = ActionResult.NOTHING_MOVED, ActionResult.COOLING_DOWN, ActionResult.SUCCESS
    assert results == [nothing, fine, busy, fine, busy]
    assert held(sim) == {"battery": 1}
    assert (stat(sim, "ore.put"), stat(sim, "battery.get"), stat(sim, "battery.gained")) == (1, 1, 1)


def test_a_put_moves_what_the_recipe_takes_and_may_be_repeated() -> None:
    sim = beside(generator(inputs={"ore": 2}), ore=5)

    for expected in (3, 1, 0):
        step(sim, "put")
        assert held(sim).get("ore", 0) == expected
    step(sim, "put")

    assert result(sim) is ActionResult.NOTHING_MOVED


def test_what_was_put_in_beyond_one_recipe_is_converted_next() -> None:
    sim = beside(generator(conversion_ticks=1, cooldown=0), ore=3)

    for action in ("put", "put", "put", "noop"):
        step(sim, action)

    assert plane_at_centre(sim, "stock", right=1) == 3


def test_a_conversion_without_time_ends_in_the_same_tick() -> None:
    sim = beside(generator(conversion_ticks=0, cooldown=0), ore=1)

    step(sim, "put")
    step(sim, "get")

    assert held(sim) == {"battery": 1}


def test_a_full_converter_waits_and_goes_on_once_there_is_room() -> None:
    sim = beside(generator(inputs={}, conversion_ticks=1, cooldown=0, max_output=2))

    for _ in range(5):
        step(sim, "noop")
    assert plane_at_centre(sim, "stock", right=1) == 2
    assert plane_at_centre(sim, "ready", right=1) == READY
    step(sim, "get")
    assert plane_at_centre(sim, "ready", right=1) == BUSY
    step(sim, "noop")

    assert held(sim) == {"battery": 2}
    assert plane_at_centre(sim, "stock", right=1) == 1


def test_a_converter_without_inputs_starts_by_itself() -> None:
    sim = sim_from(
        "@n", small(kinds={"generator": generator(inputs={})}, resources=resources(battery=5), planes=PLANES)
    )

    assert plane_at_centre(sim, "ready", right=1) == BUSY
    step(sim, "noop")
    step(sim, "noop")
    assert plane_at_centre(sim, "stock", right=1) == 1


def test_a_converter_is_used_up_after_its_last_conversion() -> None:
    sim = beside(generator(max_uses=1), ore=2)
    codes = []

    for action in ("put", "put", "noop", "get"):
        step(sim, action)
        codes.append(plane_at_centre(sim, "ready", right=1))

    assert codes == [BUSY, BUSY, USED_UP, USED_UP]  # what it converts for the last time can still be had
    assert held(sim) == {"battery": 1}


def test_a_get_takes_no_more_than_there_is_room_for() -> None:
    sim = beside(generator(initial_output=4), battery=8)

    step(sim, "get")
    assert held(sim) == {"battery": 10}
    assert plane_at_centre(sim, "stock", right=1) == 2
    step(sim, "get")

    assert result(sim) is ActionResult.FULL


def test_a_store_is_not_for_use_and_a_use_is_no_store() -> None:
    sim = beside(generator(), ore=1)
    step(sim, "use")
    assert result(sim) is ActionResult.NO_TARGET

    sim = beside(Kind(style=Style.USE, inputs={"ore": 1}), ore=1)
    for action in ("put", "get"):
        step(sim, action)
        assert result(sim) is ActionResult.NO_TARGET


CHEST = Kind(style=Style.CHEST, inputs={"ore": 2}, outputs={"ore": 3}, max_output=5, initial_output=1)


def test_a_chest_takes_and_gives_by_its_amounts() -> None:
    sim = beside(CHEST, ore=4)
    amounts = []

    for action in ("put", "get", "put", "put", "put"):
        step(sim, action)
        amounts.append((held(sim).get("ore", 0), plane_at_centre(sim, "stock", right=1), result(sim).name))

    assert amounts == [(2, 3, "SUCCESS"), (5, 0, "SUCCESS"), (3, 2, "SUCCESS"), (1, 4, "SUCCESS"), (0, 5, "SUCCESS")]


def test_a_full_chest_destroys_nothing() -> None:
    sim = beside(CHEST, ore=9)

    for _ in range(3):
        step(sim, "put")

    assert result(sim) is ActionResult.FULL
    assert held(sim)["ore"] + plane_at_centre(sim, "stock", right=1) == 10


def test_an_empty_chest_gives_nothing() -> None:
    sim = beside(CHEST.model_copy(update={"initial_output": 0}))

    step(sim, "get")

    assert result(sim) is ActionResult.NOTHING_MOVED


def test_a_bump_puts_and_where_nothing_was_put_gets() -> None:
    sim = beside(CHEST.model_copy(update={"bump": True}), ore=2)
    amounts = []

    for _ in range(4):
        step(sim, "move_east")
        amounts.append((held(sim).get("ore", 0), plane_at_centre(sim, "stock", right=1)))

    assert amounts == [(0, 3), (3, 0), (1, 2), (0, 3)]


def test_the_mask_knows_what_will_be_finished_by_then() -> None:
    sim = beside(generator(cooldown=0), ore=1)
    get = sim.spec.action_names.index("get")
    step(sim, "put")

    assert not sim.action_mask()[0, get]
    step(sim, "noop")
    assert sim.action_mask()[0, get]
    step(sim, "get")
    assert result(sim) is ActionResult.SUCCESS
