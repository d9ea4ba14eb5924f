"""arena_classic: machines that are filled and emptied, lasers and armor, hearts that are held and robbed."""

from __future__ import annotations

import pytest

from engine.sim import ActionResult, Rules, games

from .drawn import agent_of, drawn, held, result, sim_from, starting_with, step


def alone(variant: games.Variant = "basic", **units: int) -> Rules:
    return starting_with(games.arena_classic(variant, agents=1, teams=1), **units)


def duel(variant: games.Variant = "combat", **units: int) -> Rules:
    """Two agents, each a team: no partner to share with."""
    return starting_with(games.arena_classic(variant, agents=2), **units)


FACE_TO_FACE = """
    #####
    #1.2#
    #####
    """


def test_the_chain_from_ore_to_heart_by_putting_and_getting() -> None:
    sim = sim_from(
        """
        #r#
        R@_
        """,
        alone("easy"),
    )
    total = 0.0

    for action in (
        *("rotate_north", "get_items"),
        *("rotate_west", "put_items", "noop", "get_items"),
        *("rotate_east", "put_items", "noop", "get_items"),
    ):
        step(sim, action)
        total += float(sim.rewards[0])

    assert held(sim) == {"heart": 1}
    assert total == pytest.approx(0.1 + 0.8 + 1.0)


def test_what_is_not_ready_yet_cannot_be_got() -> None:
    sim = sim_from("R@_", alone("easy", ore_red=1))

    step(sim, "rotate_west")
    step(sim, "put_items")
    step(sim, "put_items")
    assert result(sim) is ActionResult.NOTHING_MOVED
    step(sim, "get_items")
    assert result(sim) is ActionResult.SUCCESS
    step(sim, "get_items")
    assert result(sim) is ActionResult.COOLING_DOWN
    step(sim, "rotate_south")
    step(sim, "get_items")
    assert result(sim) is ActionResult.NO_TARGET


def test_three_batteries_make_a_heart_and_two_do_not() -> None:
    sim = sim_from("@_", alone(battery_red=2))
    altar_full = alone(battery_red=3)

    step(sim, "rotate_east")
    step(sim, "put_items")
    step(sim, "noop")
    step(sim, "get_items")
    assert result(sim) is ActionResult.NOTHING_MOVED

    sim = sim_from("@_", altar_full)
    step(sim, "rotate_east")
    step(sim, "put_items")
    step(sim, "noop")
    step(sim, "get_items")
    assert held(sim) == {"heart": 1}


def test_a_mine_gives_one_ore_in_fifty_one_ticks() -> None:
    sim = sim_from("r@", alone())
    step(sim, "rotate_west")
    step(sim, "get_items")
    assert held(sim) == {"ore_red": 1}

    waits = 0
    while result(sim) is not ActionResult.SUCCESS or waits == 0:
        step(sim, "get_items")
        waits += 1

    # The first ore came with tick 1, so 50 ticks of rest and one of work end with tick 52; this is tick 2 + waits.
    assert waits == 50


def test_a_mine_holds_five_ore_at_most() -> None:
    sim = sim_from("r@", alone())
    step(sim, "rotate_west")

    for _ in range(400):
        step(sim, "noop")
    step(sim, "get_items")

    assert held(sim) == {"ore_red": 5}


def test_an_agent_changes_places_with_a_block() -> None:
    sim = sim_from("@s.", alone())

    step(sim, "rotate_east")
    step(sim, "move_forward")
    assert result(sim) is ActionResult.BLOCKED_WALL
    step(sim, "swap")
    step(sim, "move_forward")
    step(sim, "move_backward")

    assert drawn(sim) == ["s>."]


def test_a_laser_freezes_for_ten_turns_and_takes_everything() -> None:
    sim = sim_from(FACE_TO_FACE, duel(laser=1, heart=2, ore_red=3))
    step(sim, "rotate_east", "rotate_west")

    step(sim, "attack_0", "noop")

    assert held(sim, 0) == {"laser": 1, "heart": 4, "ore_red": 6}
    assert held(sim, 1) == {}
    lost = 1
    while result(sim, 1) is ActionResult.FROZEN:
        step(sim, "noop", "move_forward")
        lost += result(sim, 1) is ActionResult.FROZEN
    assert lost == 10
    assert drawn(sim) == ["#####", "#><.#", "#####"]


def test_armor_stops_one_hit_and_is_gone() -> None:
    sim = sim_from(FACE_TO_FACE, duel(laser=2, armor=1))
    step(sim, "rotate_east", "rotate_west")

    step(sim, "attack_0", "noop")
    assert held(sim, 1) == {"laser": 2}
    assert agent_of(sim, 1).frozen == 0
    step(sim, "attack_0", "noop")

    assert agent_of(sim, 1).frozen > 0


def test_without_a_laser_nobody_attacks() -> None:
    sim = sim_from(FACE_TO_FACE, duel())
    step(sim, "rotate_east", "noop")

    step(sim, "attack_0", "noop")

    assert result(sim) is ActionResult.NO_RESOURCE


def test_a_robbed_heart_pays_the_robber_and_costs_the_victim() -> None:
    sim = sim_from(FACE_TO_FACE, duel("tag", laser=1, heart=1))
    step(sim, "rotate_east", "rotate_west")

    step(sim, "attack_0", "noop")

    ledger, _, _ = sim.ledger()
    heart = sim.spec.term_names.index("heart")
    assert ledger[:, heart].tolist() == [1.0, -1.0]


def test_in_tag_an_altar_has_one_heart_and_no_second() -> None:
    sim = sim_from("@_", alone("tag", battery_red=3))

    step(sim, "rotate_east")
    step(sim, "get_items")
    assert held(sim)["heart"] == 1
    assert sim.rewards[0] == 1.0
    for _ in range(3):
        step(sim, "put_items")
        assert result(sim) is ActionResult.NOTHING_MOVED
        step(sim, "get_items")
        assert result(sim) is ActionResult.NOTHING_MOVED


def test_half_of_a_reward_goes_to_the_team() -> None:
    sim = sim_from(
        """
        ######
        #r1.2#
        #.1.2#
        ######
        """,
        games.arena_classic("easy", agents=4),
        seed=1,
    )
    miner = next(i for i, agent in enumerate(sim.look().agents) if (agent.row, agent.column) == (1, 2))
    step(sim, "rotate_west")

    step(sim, "get_items")

    expected = [0.025 if agent.group == 0 else 0.0 for agent in sim.look().agents]
    expected[miner] = 0.1 / 2 + 0.025
    assert sim.rewards.tolist() == pytest.approx(expected)
    assert sim.spec.term_names[-1] == "shared"


def test_blueprints_lead_to_a_factory_and_a_temple() -> None:
    stock = {f"{what}_{colour}": 6 for what in ("ore", "battery") for colour in ("red", "blue", "green")}
    sim = sim_from("L@F", alone("full", **stock))
    step(sim, "rotate_west")
    for action in ("put_items", "noop", "get_items"):
        step(sim, action)
    assert held(sim)["blueprint"] == 1
    assert held(sim)["ore_blue"] == 5

    step(sim, "rotate_east")
    for action in ("put_items", "noop", "get_items"):
        step(sim, action)

    assert (held(sim)["armor"], held(sim)["laser"]) == (5, 5)
    assert "blueprint" not in held(sim)

    sim = sim_from("T@", alone("full", heart=1, blueprint=1))
    step(sim, "rotate_west")
    for action in ("put_items", "noop", "get_items"):
        step(sim, action)
    assert held(sim) == {"heart": 5}


def test_the_table_of_the_classic_rules() -> None:
    kinds = games.arena_classic("full").kinds

    cooldowns = {name: kind.cooldown for name, kind in kinds.items() if kind.converts}
    assert cooldowns == {
        "altar": 10,
        **{f"mine_{colour}": 50 for colour in ("red", "blue", "green")},
        **{f"generator_{colour}": 25 for colour in ("red", "blue", "green")},
        **{"armory": 10, "lasery": 10, "lab": 5, "factory": 5, "temple": 5},
    }
    assert {(kind.conversion_ticks, kind.max_output) for kind in kinds.values() if kind.converts} == {(1, 5)}
    assert kinds["armory"].inputs == {"ore_red": 3}
    assert kinds["lasery"].inputs == {"ore_red": 1, "battery_red": 2}
    limits = {name: resource.limit for name, resource in games.arena_classic("full").resources.items()}
    assert limits.pop("heart") == 255
    assert set(limits.values()) == {50}
