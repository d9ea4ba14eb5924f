"""hide_and_seek and pursuit: who sees whom, who catches whom, and what that is worth."""

from __future__ import annotations

import pytest

from engine.sim import FOREVER, ActionResult, Batch, games

from .drawn import agent_of, drawn, result, sim_from, step

ROOM = """
    #####
    #.1.#
    #...#
    #2.2#
    #####
    """

LONGEST = 240


def terms_of_episode(sim: Batch, agent: int = 0) -> dict[str, float]:
    """What each term paid an agent in the episode that has just ended."""
    episodes = sim.drain_episodes()
    return dict(zip(sim.spec.term_names, episodes.terms[agent].tolist(), strict=True))


def watched(rewards: games.RewardSet) -> dict[str, float]:
    """The seeker stands still and looks at both hiders for the whole game."""
    sim = sim_from(ROOM, games.hide_and_seek(rewards, hide_ticks=0))
    for _ in range(LONGEST):
        step(sim, "noop")
    assert sim.truncated.all()
    return terms_of_episode(sim)


def caught(rewards: games.RewardSet) -> dict[str, float]:
    """The seeker walks up to the hiders and catches one, then the other."""
    sim = sim_from(ROOM, games.hide_and_seek(rewards, hide_ticks=0))
    for action in ("move_south", "move_south", "move_west", "move_east"):
        step(sim, action, "noop", "noop")
    assert sim.terminated.all()
    return terms_of_episode(sim)


@pytest.mark.parametrize(("rewards", "watching", "catching"), [("hs_broken", 48.0, 40.0), ("hs_fixed", 4.8, 200.0)])
def test_what_watching_and_what_catching_both_hiders_pays(
    rewards: games.RewardSet, watching: float, catching: float
) -> None:
    assert watched(rewards)["sees"] == pytest.approx(watching, rel=1e-5)
    terms = caught(rewards)
    assert terms["caught"] + terms["caught_all"] == catching


def test_the_broken_rewards_pay_more_for_a_game_without_a_catch() -> None:
    assert sum(watched("hs_broken").values()) > sum(caught("hs_broken").values())
    assert sum(watched("hs_fixed").values()) < sum(caught("hs_fixed").values())


def test_hiders_are_paid_for_hiding_and_for_getting_away() -> None:
    sim = sim_from(
        """
        #######
        #1#2.2#
        #######
        """,
        games.hide_and_seek("hs_fixed"),
    )
    for _ in range(LONGEST):
        step(sim, "noop")

    episodes = sim.drain_episodes()
    terms = [dict(zip(sim.spec.term_names, row, strict=True)) for row in episodes.terms.tolist()]
    assert terms[0]["caught_none"] == -10.0
    assert terms[0]["sees"] == 0.0
    for hider in (1, 2):
        assert terms[hider]["hidden"] == pytest.approx(48.0, rel=1e-5)
        assert terms[hider]["survived"] == 50.0
        assert terms[hider]["seen"] == 0.0


def test_a_caught_hider_is_out_and_pays_for_it() -> None:
    sim = sim_from("#1.2#2#", games.hide_and_seek("hs_fixed", hide_ticks=0))
    step(sim, "move_east", "noop", "noop")
    caught_one = 1 if agent_of(sim, 1).column == 3 else 2
    step(sim, "move_east", "noop", "noop")

    assert agent_of(sim, caught_one).frozen == FOREVER
    ledger, _, _ = sim.ledger()
    assert ledger[caught_one, sim.spec.term_names.index("was_caught")] == -50.0
    step(sim, "move_east", "noop", "noop")
    assert result(sim, caught_one) is ActionResult.FROZEN
    assert result(sim, 0) is ActionResult.BLOCKED_AGENT
    assert not sim.terminated.any()


def test_the_seeker_waits_until_the_hiders_have_hidden() -> None:
    sim = sim_from(ROOM, games.hide_and_seek(hide_ticks=3))
    seen = []

    for _ in range(4):
        step(sim, "move_south", "noop", "noop")
        seen.append(result(sim))

    assert seen == [ActionResult.FROZEN] * 3 + [ActionResult.SUCCESS]


def test_nobody_is_seen_behind_a_wall_or_behind_ones_back() -> None:
    sim = sim_from(
        """
        ..2..
        .....
        ..1..
        ..#..
        ..2..
        """,
        games.hide_and_seek(hide_ticks=0),
    )
    sees = sim.spec.term_names.index("sees")

    step(sim, "noop")  # facing south, into the wall
    assert sim.ledger()[0][0, sees] == 0
    step(sim, "rotate_north", "noop", "noop")

    assert sim.ledger()[0][0, sees] == pytest.approx(0.01)


def test_a_catch_may_fail() -> None:
    sim = sim_from("#1.2#2#", games.hide_and_seek(hide_ticks=0, chance_percent=20), seed=3)
    step(sim, "move_east", "noop", "noop")
    results = []

    while not results or results[-1] is ActionResult.MISSED:
        step(sim, "move_east", "noop", "noop")
        results.append(result(sim))

    assert results[-1] is ActionResult.SUCCESS
    assert len(results) > 1


def test_predators_share_a_catch_and_pay_for_time() -> None:
    sim = sim_from(
        """
        #######
        #1.#..#
        #.2...#
        #...11#
        #######
        """,
        games.pursuit(),
    )

    step(sim, "noop")

    assert sim.terminated.all()
    assert sim.rewards.tolist() == pytest.approx([0.99, 0.99, 0.99, -0.99])


def test_prey_lives_on_time_while_predators_starve() -> None:
    sim = sim_from("#1.#1.#1.#...2#", games.pursuit(max_steps=5))

    for _ in range(5):
        step(sim, "noop")

    assert sim.truncated.all()
    episodes = sim.drain_episodes()
    assert episodes.episode_return.tolist() == pytest.approx([-0.05, -0.05, -0.05, 0.05])


def test_a_corridor_is_no_way_out() -> None:
    sim = sim_from("#1..2#", games.pursuit(predators=1))

    step(sim, "move_east", "move_west")

    assert drawn(sim) in (["#v..v#"], ["#.><.#"])
    assert sim.terminated.all()
