"""Tagging: by bump and by adjacency, luck, the hide phase, being caught for good, and what the end counts."""

from __future__ import annotations

from typing import Any

import pytest

from engine.sim import FOREVER, ActionResult, Rules, Tag

from .drawn import agent_of, drawn, sim_from, step
from .small_game import small, stat


def game(hiders: int = 1, max_steps: int = 0, **tag: Any) -> Rules:
    """Agent 0 seeks, the others hide."""
    return small(
        agents=1 + hiders,
        groups=2,
        group_sizes=(1, hiders),
        roles=("seeker", "hider"),
        group_roles=("seeker", "hider"),
        max_steps=max_steps,
        tag=Tag.model_validate({"tagger": "seeker", "target": "hider", **tag}),
    )


def test_a_bump_tags() -> None:
    sim = sim_from("12", game())

    step(sim, "move_east", "noop")

    assert drawn(sim) == [">v"]  # nobody moves
    assert sim.results[0] == ActionResult.SUCCESS
    assert agent_of(sim, 1).frozen == FOREVER
    assert (stat(sim, "tag.tags"), stat(sim, "tag.tagged", 1)) == (1, 1)


def test_targets_do_not_tag_and_taggers_are_not_tagged() -> None:
    sim = sim_from("12", game())

    step(sim, "noop", "move_west")

    assert sim.results[1] == ActionResult.BLOCKED_AGENT
    assert [agent_of(sim, agent).frozen for agent in (0, 1)] == [0, 0]


def test_who_is_caught_for_good_never_moves_again_and_cannot_be_tagged_twice() -> None:
    sim = sim_from("12.", game())
    step(sim, "move_east", "noop")

    for _ in range(20):
        step(sim, "move_east", "move_east")
        assert sim.results.tolist() == [ActionResult.BLOCKED_AGENT, ActionResult.FROZEN]

    assert stat(sim, "tag.tags") == 1


def test_a_tag_for_some_turns_thaws_and_may_be_repeated() -> None:
    sim = sim_from("12", game(freeze_turns=2))
    tagged = []

    for _ in range(9):
        step(sim, "move_east", "noop")
        tagged.append(stat(sim, "tag.tags"))

    assert tagged[0] == 1
    assert 3 <= tagged[-1] <= 5  # every second or third tick, by who goes first


def test_adjacency_tags_all_around_at_the_end_of_a_tick() -> None:
    text = """
        2...2
        .2...
        ..1..
        .2.2.
        """
    sim = sim_from(text, game(hiders=5, range="adjacent"))

    step(sim, "noop")

    caught = {(a.row, a.column) for a in sim.look().agents if a.frozen}
    assert caught == {(1, 1), (3, 1), (3, 3)}
    assert stat(sim, "tag.tags") == 3


def test_adjacency_counts_where_everybody_stands_after_moving() -> None:
    sim = sim_from("1..2.", game(range="adjacent"))

    step(sim, "move_east", "move_east")
    assert not agent_of(sim, 1).frozen
    step(sim, "move_east", "noop")
    step(sim, "noop", "noop")
    assert not agent_of(sim, 1).frozen
    step(sim, "move_east", "noop")
    assert agent_of(sim, 1).frozen


def test_chance_misses_now_and_then_and_says_so() -> None:
    sim = sim_from("12", game(freeze_turns=1, chance_percent=40))
    results = []
    for _ in range(600):
        step(sim, "move_east", "noop")
        results.append(ActionResult(sim.results[0]))
        while agent_of(sim, 1).frozen:
            step(sim, "noop", "noop")

    tries = [result for result in results if result is not ActionResult.BLOCKED_AGENT]
    assert len(tries) == 600
    assert stat(sim, "tag.misses") == results.count(ActionResult.MISSED)
    assert 180 < results.count(ActionResult.SUCCESS) < 300  # 240 on average with a deviation of 12; this seed is within


def test_the_mask_does_not_know_of_luck() -> None:
    sim = sim_from("12", game(chance_percent=1))

    assert sim.action_mask()[0, sim.spec.action_names.index("move_east")]


def test_taggers_lose_their_first_turns() -> None:
    sim = sim_from("1.2", game(hide_ticks=3))
    results = []

    for _ in range(5):
        step(sim, "move_east", "noop")
        results.append(ActionResult(sim.results[0]))

    frozen = ActionResult.FROZEN
    assert results == [frozen, frozen, frozen, ActionResult.SUCCESS, ActionResult.SUCCESS]
    assert agent_of(sim, 1).frozen == FOREVER


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        (["noop", "noop"], {"caught_all": [0, 0, 0], "caught_none": [1, 0, 0], "survived": [0, 1, 1]}),
        (["move_east", "noop"], {"caught_all": [0, 0, 0], "caught_none": [0, 0, 0], "survived": [0, 0, 1]}),
        (["move_east", "move_west"], {"caught_all": [1, 0, 0], "caught_none": [0, 0, 0], "survived": [0, 0, 0]}),
    ],
)
def test_the_end_counts_who_was_caught(moves: list[str], expected: dict[str, list[int]]) -> None:
    sim = sim_from("212", game(hiders=2, max_steps=2).model_copy(update={"spawn_anywhere": False}))
    places = {agent_of(sim, agent).column for agent in (1, 2)}
    assert places == {0, 2}

    for move in moves:
        step(sim, move, "noop", "noop")

    assert sim.truncated.all()
    episodes = sim.drain_episodes()
    for name, counts in expected.items():
        found = episodes.stats[:, sim.spec.stat_names.index(f"tag.{name}")].tolist()
        assert sorted(found[1:]) == sorted(counts[1:])  # which of the two hiders stands where is drawn
        assert found[0] == counts[0]


def test_the_episode_ends_when_all_are_caught() -> None:
    sim = sim_from("212", game(hiders=2, max_steps=9, ends_when_all_caught=True))

    step(sim, "move_east", "noop", "noop")
    assert not sim.terminated.any()
    step(sim, "move_west", "noop", "noop")

    assert sim.terminated.all()
    assert not sim.truncated.any()
