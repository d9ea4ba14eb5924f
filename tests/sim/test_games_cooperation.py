"""two_switch: half of the prize on loan for one, the whole for two at once."""

from __future__ import annotations

import pytest

from engine.sim import ActionResult, games

from .drawn import agent_of, result, sim_from, step

APART = "&@.#.@&"


def pressing_order(sim: object) -> tuple[str, str]:
    """The moves by which agent 0 and agent 1 press their switches: starts are drawn."""
    return ("move_west", "move_east") if agent_of(sim, 0).column == 1 else ("move_east", "move_west")  # type: ignore[arg-type]


def test_two_switches_at_once_end_it() -> None:
    sim = sim_from(APART, games.two_switch())

    step(sim, *pressing_order(sim))

    assert sim.terminated.all()
    assert sim.rewards.tolist() == pytest.approx([0.99, 0.99])


def test_the_second_may_press_later_but_before_the_beat() -> None:
    sim = sim_from(APART, games.two_switch(hold_ticks=10))
    first, second = pressing_order(sim)

    step(sim, first, "noop")
    assert sim.rewards.tolist() == pytest.approx([0.49, 0.49])
    for _ in range(7):
        step(sim, "noop")
    step(sim, "noop", second)

    assert sim.terminated.all()


def test_a_switch_springs_back_and_takes_its_pay_along() -> None:
    sim = sim_from(APART, games.two_switch(hold_ticks=10))
    first, second = pressing_order(sim)
    step(sim, first, "noop")
    rewards = []

    for _ in range(9):
        step(sim, "noop")
        rewards.append(float(sim.rewards[0]))

    assert rewards == pytest.approx([-0.01] * 8 + [-0.51])
    step(sim, "noop", second)
    assert not sim.terminated.any()


def test_one_agent_cannot_press_for_both() -> None:
    sim = sim_from("&@&#@", games.two_switch())
    alone = 0 if agent_of(sim, 0).column == 1 else 1
    actions = ["noop", "noop"]

    for way, expected in (("west", ActionResult.SUCCESS), ("east", ActionResult.FULL)):
        actions[alone] = f"move_{way}"
        step(sim, *actions)
        assert result(sim, alone) is expected

    assert not sim.terminated.any()


def test_one_switch_cannot_serve_both_within_a_beat() -> None:
    sim = sim_from(
        """
        #@#
        .&.
        #@#
        """,
        games.two_switch(),
    )
    north = 0 if agent_of(sim, 0).row == 0 else 1
    pushes = ["move_south", "move_north"] if north == 0 else ["move_north", "move_south"]

    step(sim, *pushes)

    assert sorted(result(sim, agent) for agent in (0, 1)) == [ActionResult.SUCCESS, ActionResult.COOLING_DOWN]
    assert not sim.terminated.any()
