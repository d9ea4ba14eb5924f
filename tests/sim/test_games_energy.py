"""arena_energy: what energy buys, what it shields from, and how it is lost."""

from __future__ import annotations

from engine.sim import ActionResult, games

from .drawn import agent_of, drawn, held, result, sim_from, starting_with, step

ALONE = games.arena_energy(agents=1)
TWO = games.arena_energy(agents=2)
FACE_TO_FACE = """
    #####
    #1.2#
    #####
    """


def test_the_altar_takes_a_hundred_energy_for_a_reward_of_one() -> None:
    sim = sim_from("@_", ALONE)
    step(sim, "rotate_east")
    rewards = []

    for action in ("use", "use", "use", "noop", "use"):
        step(sim, action)
        rewards.append(float(sim.rewards[0]))

    # A cooldown of 2, and after two hearts there are 50 energy left.
    assert rewards == [1.0, 0.0, 1.0, 0.0, 0.0]
    assert result(sim) is ActionResult.NO_RESOURCE
    assert held(sim) == {"energy": 50, "heart": 2}


def test_ore_of_a_generator_is_worth_a_hundred_energy_in_a_converter() -> None:
    sim = sim_from("n@c", starting_with(ALONE, energy=100))

    for action in ("rotate_west", "use", "rotate_east", "use"):
        step(sim, action)

    assert held(sim) == {"energy": 200, "r2": 1}


def test_a_converter_waits_until_its_energy_fits() -> None:
    sim = sim_from("@c", starting_with(ALONE, r1=1))

    step(sim, "rotate_east")
    step(sim, "use")

    assert result(sim) is ActionResult.FULL
    assert held(sim) == {"energy": 250, "r1": 1}


def test_a_generator_has_thirty_units() -> None:
    roomy = ALONE.resources["r1"].model_copy(update={"limit": 100})
    sim = sim_from("n@", ALONE.model_copy(update={"resources": {**ALONE.resources, "r1": roomy}}))
    step(sim, "rotate_west")

    for _ in range(5 * 31):
        step(sim, "use")

    assert result(sim) is ActionResult.USED_UP
    assert held(sim)["r1"] == 30


def test_a_shot_costs_energy_even_where_nothing_is_hit() -> None:
    sim = sim_from("@...", ALONE)
    step(sim, "rotate_east")

    step(sim, "attack_2")

    assert result(sim) is ActionResult.NO_TARGET
    assert held(sim) == {"energy": 245}


def test_a_hit_takes_all_energy_and_items_and_ten_turns() -> None:
    sim = sim_from(FACE_TO_FACE, starting_with(TWO, r1=4))
    step(sim, "rotate_east", "rotate_west")

    step(sim, "attack_5", "noop")

    assert held(sim, 1) == {}
    assert held(sim, 0) == {"energy": 245, "r1": 5}  # five is all it can carry: the rest is lost
    lost = 1
    while result(sim, 1) is ActionResult.FROZEN:
        step(sim, "noop", "noop")
        lost += result(sim, 1) is ActionResult.FROZEN
    assert lost == 10


def test_a_shield_takes_hits_and_eats_energy() -> None:
    sim = sim_from(FACE_TO_FACE, starting_with(TWO, energy=20))
    step(sim, "rotate_east", "shield")
    assert agent_of(sim, 1).shield == 1
    assert held(sim, 1) == {"energy": 19}

    step(sim, "attack_5", "noop")
    assert agent_of(sim, 1).frozen == 0
    assert held(sim, 1) == {"energy": 13}  # 5 for the hit, 1 for the turn
    step(sim, "attack_5", "noop")
    assert held(sim, 1) == {"energy": 7}
    step(sim, "attack_5", "noop")
    assert held(sim, 1) == {"energy": 1}

    step(sim, "noop", "noop")
    assert agent_of(sim, 1).shield == 0  # its last energy is gone
    assert held(sim, 1) == {}


def test_a_shield_too_weak_for_a_hit_breaks() -> None:
    sim = sim_from(FACE_TO_FACE, starting_with(TWO, energy=6))
    step(sim, "rotate_east", "shield")

    step(sim, "attack_5", "noop")
    assert agent_of(sim, 1).frozen == 0

    sim = sim_from(FACE_TO_FACE, starting_with(TWO, energy=5))
    step(sim, "rotate_east", "shield")
    step(sim, "attack_5", "noop")

    assert agent_of(sim, 1).shield == 0
    assert agent_of(sim, 1).frozen > 0


def test_a_wall_falls_after_ten_hits() -> None:
    sim = sim_from("@#.", ALONE)
    step(sim, "rotate_east")

    for _ in range(9):
        step(sim, "attack_2")
    assert drawn(sim) == [">#."]
    step(sim, "attack_2")

    assert drawn(sim) == [">.."]
    assert held(sim) == {"energy": 200}


def test_attacks_reach_nine_cells() -> None:
    for number, (row, column) in {1: (1, 1), 2: (2, 1), 3: (3, 1), 4: (1, 2), 8: (2, 3), 9: (3, 3)}.items():
        rows = [list("#####"), list("#....."[:5]), list("@...."), list("....."), list("#####")]
        rows[row][column] = "#"
        sim = sim_from("\n".join("".join(line) for line in rows), ALONE)
        step(sim, "rotate_east")

        step(sim, f"attack_{number}")

        assert result(sim) is ActionResult.SUCCESS, number
