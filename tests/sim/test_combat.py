"""Attacks by both patterns, armor, shields, freezing, loot and destruction."""

from __future__ import annotations

from typing import Any

import pytest

from engine.sim import Action, ActionResult, AttackPattern, Batch, Combat, Kind, Plane, Resource, Rules, Verb

from .drawn import agent_of, drawn, held, sim_from, step
from .small_game import plane_at_centre, small, stat

SHIELD = Action(name="shield", verb=Verb.SHIELD)


def fight(
    agents: int = 2,
    resources: dict[str, Resource] | None = None,
    limit_groups: dict[str, int] | None = None,
    **combat: Any,
) -> Rules:
    """Everybody is of a group of their own and attacks before anything else happens."""
    chosen = Combat.model_validate(combat)
    first, last = (1, 9) if chosen.pattern is AttackPattern.CELL else (0, 8)
    attacks = [Action(name=f"attack_{n}", verb=Verb.ATTACK, argument=n, priority=1) for n in range(first, last + 1)]
    shields = (SHIELD,) if chosen.shield else ()
    return small(
        (*attacks, *shields),
        kinds={"block": Kind(hp=2), "mine": Kind(style="use", hp=1, outputs={})},
        agents=agents,
        groups=agents,
        resources=resources or {},
        limit_groups=limit_groups or {},
        combat=chosen,
        planes=(Plane.KIND, Plane.FROZEN, Plane.SHIELD, Plane.HP),
    )


def victims(text: str, agents: int, action: str, facing: str = "rotate_east", **combat: Any) -> list[int]:
    """Who is frozen after agent 0 has attacked once."""
    sim = sim_from(text, fight(agents, **combat))
    step(sim, facing, *["noop"] * (agents - 1))
    step(sim, action, *["noop"] * (agents - 1))
    return [agent for agent in range(agents) if agent_of(sim, agent).frozen]


@pytest.mark.parametrize("number", range(9))
def test_the_nth_agent_met_is_hit_centre_left_right_row_by_row(number: int) -> None:
    crowd = """
        .35.
        12..
        .4..
        """
    met = [1, 2, 3, 4]  # beside, to its left, to its right, and one row further on the left

    assert victims(crowd, 5, f"attack_{number}") == [met[min(number, 3)]]


def test_nobody_within_three_rows_is_no_target() -> None:
    sim = sim_from("1...2", fight())

    step(sim, "rotate_east", "noop")
    step(sim, "attack_0", "noop")

    assert sim.results[0] == ActionResult.NO_TARGET
    assert agent_of(sim, 1).frozen == 0


def test_left_and_right_turn_with_the_facing() -> None:
    crowd = """
        .....
        .213.
        .....
        """
    # Facing south the left is east, facing north it is west; both stand beside the row of agent 0, not before it.
    assert victims(crowd, 3, "attack_0", "rotate_south") == []
    crowd = """
        2.3
        .1.
        """
    assert victims(crowd, 3, "attack_0", "rotate_north") == [1]
    crowd = """
        .1.
        2.3
        """
    assert victims(crowd, 3, "attack_0", "rotate_south") == [2]


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        (1, ".2..\n1...\n...."),
        (2, "....\n12..\n...."),
        (3, "....\n1...\n.2.."),
        (4, "..2.\n1...\n...."),
        (5, "....\n1.2.\n...."),
        (6, "....\n1...\n..2."),
        (7, "...2\n1...\n...."),
        (8, "....\n1..2\n...."),
        (9, "....\n1...\n...2"),
    ],
)
def test_a_cell_is_aimed_at_by_its_number(argument: int, text: str) -> None:
    for tried in range(1, 10):
        hit = victims(text, 2, f"attack_{tried}", pattern="cell")
        assert hit == ([1] if tried == argument else [])


def test_a_diagonal_attack_reaches_into_the_map_past_its_corner() -> None:
    # Northeast of the agent lies outside, but to the right of that is a cell of the map: (0, 2) from (0, 0).
    turn = Action(name="rotate_northeast", verb=Verb.ROTATE, direction="northeast")
    rules = fight(pattern="cell")
    sim = sim_from("1.2", rules.model_copy(update={"actions": (*rules.actions, turn)}))

    step(sim, "rotate_northeast", "noop")
    step(sim, "attack_3", "noop")

    assert agent_of(sim, 1).frozen


def test_a_freeze_costs_so_many_of_ones_own_turns() -> None:
    sim = sim_from("12..", fight(freeze_turns=3))
    step(sim, "rotate_east", "noop")
    step(sim, "attack_0", "move_east")  # attacks come first: the turn of this tick is lost already
    results = [ActionResult(sim.results[1])]

    for _ in range(3):
        step(sim, "noop", "move_east")
        results.append(ActionResult(sim.results[1]))

    frozen = ActionResult.FROZEN
    assert results == [frozen, frozen, frozen, ActionResult.SUCCESS]
    assert drawn(sim) == [">.>."]
    assert stat(sim, "status.frozen.ticks", 1) == 3


def test_an_invalid_action_thaws_nobody() -> None:
    sim = sim_from("12..", fight(freeze_turns=2))
    step(sim, "rotate_east", "noop")
    step(sim, "attack_0", "noop")

    sim.step([0, -1])

    assert agent_of(sim, 1).frozen == 1
    assert sim.results[1] == ActionResult.INVALID


def test_no_hit_shortens_a_freeze_and_a_frozen_victim_is_not_robbed() -> None:
    loot = {"ore": Resource(limit=9, initial=2, loot=True)}
    sim = sim_from("12", fight(resources=loot, freeze_turns=5))
    step(sim, "rotate_east", "noop")

    step(sim, "attack_0", "noop")
    assert held(sim, 0) == {"ore": 4}
    step(sim, "attack_0", "noop")

    assert agent_of(sim, 1).frozen == 4  # frozen anew for five turns, one of them lost at once
    assert stat(sim, "action.attack.wasted_on_frozen") == 1
    assert (stat(sim, "action.attack.hit"), stat(sim, "action.attack.hit_by", 1)) == (2, 2)


def test_armor_is_spent_in_place_of_a_hit() -> None:
    plates = {"plate": Resource(limit=2, initial=1)}
    sim = sim_from("12", fight(resources=plates, armor="plate", freeze_turns=5))
    step(sim, "rotate_east", "noop")

    step(sim, "attack_0", "noop")
    assert sim.results[0] == ActionResult.SUCCESS
    assert agent_of(sim, 1).frozen == 0
    assert held(sim, 1) == {}
    step(sim, "attack_0", "noop")

    assert agent_of(sim, 1).frozen
    assert stat(sim, "action.attack.blocked") == 1


def shielded(energy: int, **combat: Any) -> Batch:
    """Agent 1 stands with its shield up before agent 0."""
    table = {"energy": Resource(limit=20, initial=energy)}
    given = {"shield": "energy", "shield_upkeep": 1, "shield_absorb": 4, "freeze_turns": 5, **combat}
    sim = sim_from("12", fight(resources=table, **given))
    step(sim, "rotate_east", "shield")
    return sim


def test_a_shield_takes_upkeep_every_turn_and_drops_at_nothing() -> None:
    sim = shielded(energy=3)
    seen = []

    for _ in range(4):
        seen.append((agent_of(sim, 1).shield, held(sim, 1).get("energy", 0)))
        step(sim, "noop", "noop")

    assert seen == [(True, 3), (True, 2), (True, 1), (False, 0)]
    assert stat(sim, "status.shield.ticks", 1) == 3
    step(sim, "noop", "shield")
    assert sim.results[1] == ActionResult.NO_RESOURCE


def test_a_shield_can_be_lowered() -> None:
    sim = shielded(energy=9)
    assert plane_at_centre(sim, "shield", row=1) == 1

    step(sim, "noop", "shield")

    assert not agent_of(sim, 1).shield
    assert held(sim, 1) == {"energy": 8}  # its upkeep was due all the same


def test_a_shield_absorbs_a_hit() -> None:
    sim = shielded(energy=10)

    step(sim, "attack_0", "noop")

    assert held(sim, 1) == {"energy": 5}  # four for the hit, one for the turn
    assert agent_of(sim, 1).shield
    assert agent_of(sim, 1).frozen == 0
    assert stat(sim, "action.attack.blocked") == 1


def test_a_shield_that_just_absorbs_a_hit_stands_until_its_next_turn() -> None:
    sim = shielded(energy=4, shield_upkeep=0)

    sim.step([sim.spec.action_names.index("attack_0"), -1])  # an invalid action is no turn
    assert (held(sim, 1), agent_of(sim, 1).shield, agent_of(sim, 1).frozen) == ({}, True, 0)
    step(sim, "noop", "noop")

    assert not agent_of(sim, 1).shield


def test_a_shield_that_cannot_absorb_it_all_breaks() -> None:
    sim = shielded(energy=3)

    step(sim, "attack_0", "noop")

    assert held(sim, 1) == {}
    assert not agent_of(sim, 1).shield
    assert agent_of(sim, 1).frozen == 4


def test_a_hit_drains() -> None:
    table = {"energy": Resource(limit=20, initial=7)}
    sim = sim_from("12", fight(resources=table, drained="energy"))
    step(sim, "rotate_east", "noop")

    step(sim, "attack_0", "noop")

    assert (held(sim, 0), held(sim, 1)) == ({"energy": 7}, {})


@pytest.mark.parametrize(("surplus_is_lost", "left"), [(False, {"ore": 2, "cloth": 3}), (True, {"cloth": 3})])
def test_loot_goes_as_far_as_there_is_room(surplus_is_lost: bool, left: dict[str, int]) -> None:
    loot = {"ore": Resource(limit=4, initial=3, loot=True), "cloth": Resource(limit=9, initial=3)}
    sim = sim_from("12", fight(resources=loot, surplus_is_lost=surplus_is_lost))
    step(sim, "rotate_east", "noop")

    step(sim, "attack_0", "noop")

    assert held(sim, 0) == {"ore": 4, "cloth": 3}
    assert held(sim, 1) == left
    assert (stat(sim, "ore.stolen"), stat(sim, "ore.gained")) == (1, 1)


def test_loot_fills_a_limit_group_by_the_order_of_resources() -> None:
    loot = {name: Resource(limit=9, initial=2, loot=True, limit_group="bag") for name in ("ore", "cloth")}
    sim = sim_from("12", fight(resources=loot, limit_groups={"bag": 5}))
    step(sim, "rotate_east", "noop")

    step(sim, "attack_0", "noop")

    assert held(sim, 0) == {"ore": 3, "cloth": 2}
    assert held(sim, 1) == {"ore": 1, "cloth": 2}


def test_objects_with_hp_are_shot_to_pieces() -> None:
    sim = sim_from("1s.2", fight(pattern="cell"))
    step(sim, "rotate_east", "noop")
    shown = [plane_at_centre(sim, "hp", right=1)]

    for _ in range(3):
        step(sim, "attack_2", "noop")
        shown.append(plane_at_centre(sim, "hp", right=1))

    assert shown == [2, 1, 0, 0]
    assert drawn(sim) == [">..v"]
    assert sim.results[0] == ActionResult.NO_TARGET  # nothing left, and walls of no hp are no target either
    assert stat(sim, "object.destroyed") == 1


def test_a_destroyed_mine_is_gone_until_the_next_episode() -> None:
    sim = sim_from("1m2", fight(pattern="cell").model_copy(update={"max_steps": 4}))

    for action in ("rotate_east", "attack_2", "use"):
        step(sim, action, "noop")
    assert sim.results[0] == ActionResult.NO_TARGET
    step(sim, "noop", "noop")

    assert drawn(sim) == ["vmv"]


def test_agents_before_objects_shield_nothing_behind_them() -> None:
    sim = sim_from("1#2", fight(pattern="cell"))
    step(sim, "rotate_east", "noop")

    step(sim, "attack_5", "noop")

    assert agent_of(sim, 1).frozen  # a lobbed shot: what lies between does not matter
