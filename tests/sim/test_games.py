"""The games that ship, map drawn beside what is expected."""

from __future__ import annotations

import pytest

from engine.sim import ActionResult, Batch, Rules, games

from .drawn import drawn, sim_from, step
from .test_games_goldens import worlds_of


def result(sim, row: int = 0) -> ActionResult:
    return ActionResult(sim.results[row])


def one_start(rules: Rules) -> Rules:
    """The game with its agents on spawn cells, so that a drawing says where they begin."""
    return rules.model_copy(update={"spawn_anywhere": False})


def test_a_walker_goes_around_the_corner() -> None:
    sim = sim_from(
        """
        #####
        #@#*#
        #...#
        #####
        """,
        one_start(games.navigation()),
    )

    step(sim, "move_south")
    step(sim, "move_east")

    assert drawn(sim) == [
        "#####",
        "#.#*#",
        "#.>.#",
        "#####",
    ]


def test_a_blocked_walker_keeps_its_cell_and_turns() -> None:
    sim = sim_from("#@*", one_start(games.navigation()))

    step(sim, "move_west")

    assert drawn(sim) == ["#<*"]
    assert result(sim) is ActionResult.BLOCKED_WALL


def test_reaching_the_goal_pays_and_ends_the_episode() -> None:
    sim = sim_from("@.*", one_start(games.navigation()))

    step(sim, "move_east")
    assert sim.rewards[0] == pytest.approx(-0.01)
    step(sim, "move_east")

    assert sim.rewards[0] == pytest.approx(0.99)
    assert sim.terminated[0]
    assert not sim.truncated[0]
    assert drawn(sim) == ["v.*"]


def test_a_walker_that_never_arrives_is_cut_off() -> None:
    sim = sim_from("@.*", one_start(games.navigation(max_steps=3)))

    for expected in (0, 0, 1, 0, 0, 1):
        step(sim, "noop")
        assert sim.truncated[0] == expected
        assert not sim.terminated[0]


def test_the_chain_from_ore_to_heart() -> None:
    rules = games.arena(agents=1, groups=1, batteries_per_heart=1)
    sim = sim_from(
        """
        #m#
        n@_
        """,
        rules,
    )
    rewards = []

    for action in ("rotate_north", "use", "rotate_west", "use", "rotate_east", "use"):
        step(sim, action)
        rewards.append(float(sim.rewards[0]))

    assert rewards == pytest.approx([0, 0.1, 0, 0.1, 0, 1.0])
    assert sim.look().agents[0].inventory == (0, 0, 1)


def test_using_too_early_says_why() -> None:
    sim = sim_from(
        """
        #m#
        n@_
        """,
        games.arena(agents=1, groups=1),
    )

    step(sim, "rotate_east")
    step(sim, "use")
    assert result(sim) is ActionResult.NO_RESOURCE
    step(sim, "rotate_north")
    step(sim, "use")
    step(sim, "use")
    assert result(sim) is ActionResult.COOLING_DOWN
    step(sim, "rotate_south")
    step(sim, "use")
    assert result(sim) is ActionResult.NO_TARGET


def test_a_mine_is_ready_again_after_ten_ticks() -> None:
    sim = sim_from("m@", games.arena(agents=1, groups=1))
    step(sim, "rotate_west")
    step(sim, "use")

    waits = 0
    while not sim.action_mask()[0, sim.spec.action_names.index("use")]:
        step(sim, "noop")
        waits += 1
    step(sim, "use")

    assert waits == 9  # and the use itself is the tenth tick
    assert result(sim) is ActionResult.SUCCESS


def test_ore_pays_a_little_once() -> None:
    rules = games.arena(agents=1, groups=1)
    kinds = {**rules.kinds, "mine": rules.kinds["mine"].model_copy(update={"cooldown": 0})}
    sim = sim_from("m@", rules.model_copy(update={"kinds": kinds}))
    step(sim, "rotate_west")

    for _ in range(15):
        step(sim, "use")

    assert sim.look().agents[0].episode_return == pytest.approx(1.0)  # the cap, after ten of fifteen


def test_teams_start_on_their_own_cells() -> None:
    sim = sim_from(
        """
        1.2
        1.2
        """,
        games.arena(agents=4),
    )

    places = {(agent.group, agent.column) for agent in sim.look().agents}

    assert places == {(0, 0), (1, 2)}


def test_agents_do_not_pass_through_one_another() -> None:
    sim = sim_from("1.2", games.arena(agents=2))

    step(sim, "move_east", "move_west")

    assert drawn(sim) in (["><."], [".><"])
    assert sorted(sim.results) == [ActionResult.SUCCESS, ActionResult.BLOCKED_AGENT]


def test_the_final_observation_shows_the_end_and_the_next_one_the_start() -> None:
    sim = sim_from("@.*", one_start(games.navigation()))
    heart = sim.spec.plane_size + sim.spec.self_features.index("inv:heart")

    step(sim, "move_east")
    assert not sim.final_observations.any()
    step(sim, "move_east")

    assert sim.final_observations[0, heart] == 1
    assert sim.observations[0, heart] == 0


@pytest.mark.parametrize("name", games.GAMES)
def test_the_spec_names_the_role_of_each_agent(name: str) -> None:
    rules, worlds = worlds_of(name)
    with Batch(worlds) as batch:
        spec, agents = batch.spec, batch.look().agents

    assert spec.agent_roles == tuple(spec.role_names[agent.role] for agent in agents)
    expected = {"hide_and_seek": ("seeker", "hider", "hider"), "pursuit": (*["predator"] * 3, "prey")}
    assert spec.agent_roles == expected.get(name, ("agent",) * rules.agents)
