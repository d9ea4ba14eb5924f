"""Play, the game under the user's hands, and Pacer, which says when a step is due: no screen."""

from __future__ import annotations

from itertools import pairwise
from textwrap import dedent

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.errors import MapError, UsageError
from engine.maps import parse_ascii
from engine.policies.decision import Decision
from engine.policies.registry import create_policy
from engine.sim import Rules, games
from tui.minds import REMEMBERED
from tui.play import FORGIVEN_AFTER_S, SPEEDS, UNLIMITED, Pacer, Play

WALK = games.navigation().model_copy(update={"spawn_anywhere": False})


class Always:
    """A policy that takes one action for every agent."""

    name = "always"
    masked = False

    def __init__(self, play: Play, action: str) -> None:
        self.action = play.action_named(action)

    def act(
        self, observations: NDArray[np.uint8], greedy: bool = False, masks: NDArray[np.uint8] | None = None
    ) -> NDArray[np.int32]:
        return np.full(len(observations), self.action, np.int32)

    def decide(
        self, observations: NDArray[np.uint8], greedy: bool = False, masks: NDArray[np.uint8] | None = None
    ) -> Decision:
        return Decision(self.act(observations))

    def again(self, seed: object) -> Always:
        return self

    def forget(self, ended: NDArray[np.bool_]) -> None:
        """There is nothing to forget."""

    def state(self) -> dict[str, NDArray[np.uint8]]:
        return {}

    def restore(self, state: object) -> None:
        """There is nothing to restore."""


def play_on(drawing: str, rules: Rules = WALK) -> Play:
    return Play(rules, [parse_ascii(dedent(drawing).strip("\n"), "drawn")])


def places(play: Play) -> list[tuple[int, int]]:
    """(column, row) of every agent, asked from the simulator."""
    return [(agent.column, agent.row) for agent in play.batch.look().agents]


# Play


def test_without_a_person_the_player_moves_everybody() -> None:
    play = play_on("#####\n#1.2#\n#####", games.arena(agents=2))

    play.step(Always(play, "move_east"))

    assert places(play) == [(2, 1), (3, 1)]


def test_a_person_moves_only_the_agent_in_hand() -> None:
    play = play_on("######\n#1..2#\n######", games.arena(agents=2))
    play.person = 0

    play.step(Always(play, "move_west"), play.action_named("move_east"))

    assert places(play) == [(2, 1), (3, 1)]


def test_a_person_without_an_action_rests() -> None:
    play = play_on("#####\n#@.*#\n#####")
    play.person = 0

    play.step(Always(play, "move_east"))

    assert places(play) == [(1, 1)]
    assert play.view.tick == 1


def test_before_and_view_are_two_moments() -> None:
    play = play_on("#####\n#@.*#\n#####")

    play.step(Always(play, "move_east"))

    assert (play.before.tick, play.view.tick) == (0, 1)
    assert (play.before.agents[0].column, play.view.agents[0].column) == (1, 2)


def test_the_end_of_an_episode_is_told_once() -> None:
    play = play_on("####\n#@*#\n####")

    play.step(Always(play, "move_east"))
    assert play.ended is not None
    assert (play.ended.length, play.ended.terminated) == (1, True)
    assert play.ended.episode_return == pytest.approx(0.99)

    play.step(Always(play, "noop"))
    assert play.ended is None


def test_the_end_by_time_is_no_termination() -> None:
    play = play_on("#####\n#@.*#\n#####", WALK.model_copy(update={"max_steps": 2}))

    for _ in range(2):
        play.step(Always(play, "noop"))

    assert play.ended is not None
    assert (play.ended.length, play.ended.terminated) == (2, False)


def test_the_end_told_is_that_of_the_selected_agent() -> None:
    play = play_on("######\n#1m.2#\n######", games.arena(agents=2, max_steps=2))
    play.person, play.selected = 0, 1

    for action in ("rotate_east", "use"):
        play.step(Always(play, "noop"), play.action_named(action))

    assert play.ended is not None
    assert play.ended.episode_return == 0.0  # agent 0 had ore for it


def test_a_new_episode_starts_from_the_next_seed() -> None:
    play = play_on(
        "####################\n#..................#\n#.................*#\n####################", games.navigation()
    )
    starts = set()

    for _ in range(8):
        play.restart()
        starts.add(places(play)[0])
        assert (play.view.tick, play.ended) == (0, None)

    assert len(starts) > 3


def test_an_action_is_found_by_name() -> None:
    play = play_on("####\n#@*#\n####")

    assert play.spec.action_names[play.action_named("move_southwest")] == "move_southwest"
    with pytest.raises(UsageError) as refused:
        play.action_named("jump")
    assert refused.value.message == "navigation has no action 'jump'"
    assert "move_north" in (refused.value.hint or "")


def taken(play: Play, *keys: str) -> list[str]:
    """The actions that keys stand for, each taken by the person who plays agent 0 before the next is pressed."""
    play.person = 0
    names = []
    for key in keys:
        action = play.action_named(key)
        names.append(play.spec.action_names[action])
        play.step(Always(play, "noop"), action)
    return names


def test_where_agents_walk_along_their_facing_an_arrow_turns_and_then_goes() -> None:
    play = play_on("######\n#@...#\n#....#\n######", games.arena_classic(agents=1, teams=1))

    keys = ("move_east", "move_east", "move_east", "move_south")
    # A new agent faces north.
    assert taken(play, *keys) == ["rotate_east", "move_forward", "move_forward", "rotate_south"]
    assert places(play) == [(3, 1)]
    with pytest.raises(UsageError):  # there is no turning northwest
        play.action_named("move_northwest")


def test_one_key_puts_and_gets() -> None:
    play = play_on("#####\n#rR.#\n#@..#\n#####", games.arena_classic("easy", agents=1, teams=1))
    mined = play.rules.kinds["mine_red"]
    waiting = ["noop"] * (mined.conversion_ticks + 1)

    play.step(Always(play, "rotate_north"))
    assert taken(play, *waiting, "use")[-1] == "get_items"  # ore out of the mine
    assert taken(play, "move_east", "move_east", "move_north", "use")[-1] == "put_items"  # and into the generator
    assert taken(play, *waiting, "use")[-1] == "get_items"
    assert play.view.agents[0].inventory[list(play.rules.resources).index("battery_red")] == 1


def test_an_attack_is_one_that_hits() -> None:
    play = play_on("######\n#1.2.#\n######", games.arena_energy(agents=2))
    play.step(Always(play, "rotate_east"))

    assert taken(play, "attack") == ["attack_5"]  # two cells ahead, straight
    assert play.view.agents[1].frozen
    assert taken(play, "shield") == ["shield"]
    assert play.view.agents[0].shield


def test_terms_are_the_rewards_of_the_selected_agent() -> None:
    play = play_on("#####\n#@.*#\n#####")

    for _ in range(3):
        play.step(Always(play, "noop"))

    step, episode = play.terms()
    assert dict(zip(play.spec.term_names, step, strict=True)) == pytest.approx({"goal": 0.0, "time": -0.01})
    assert dict(zip(play.spec.term_names, episode, strict=True)) == pytest.approx({"goal": 0.0, "time": -0.03})


def test_the_observation_is_a_copy_of_the_selected_agents_row() -> None:
    play = play_on("#####\n#1.2#\n#####", games.arena(agents=2))
    play.selected = 1

    kept = play.observation()
    assert (kept == play.batch.observations[1]).all()

    play.step(Always(play, "move_west"))
    assert (kept != play.observation()).any()


def test_a_map_that_the_game_cannot_use_is_refused() -> None:
    with pytest.raises(MapError):
        play_on("####\n#.*#\n####")


def test_any_policy_plays() -> None:
    rules = games.arena()
    play = Play(rules, [parse_ascii("#########\n#@@@m...#\n#@@@n.._#\n#########", "drawn")])

    for name in ("random", "simple", "noop"):
        player = create_policy(name, rules, play.spec)
        for _ in range(20):
            play.step(player)

    assert play.view.tick == 60


def test_policies_that_played_long_ago_are_let_go() -> None:
    """A run on screen brings a new one every few seconds: their networks must not pile up."""
    play = play_on("#####\n#@.*#\n#####")
    policies = [create_policy("random", play.rules, play.spec, seed=seed) for seed in range(3 * REMEMBERED)]

    for policy in policies:
        play.step(policy)

    held = [policy for policy in policies if play._minds.policy(play._minds.number_of(policies[-1])) is policy]
    assert held == [policies[-1]]
    assert len(play._minds._known) == REMEMBERED
    assert play.player_of(0) == "random"


# Pacer


rates = st.sampled_from(SPEEDS[:-1])
moments = st.lists(st.floats(0.001, FORGIVEN_AFTER_S), min_size=1, max_size=300)


@given(rates, moments)
def test_as_many_steps_are_due_as_the_rate_promises(rate: float, gaps: list[float]) -> None:
    pacer, now = Pacer(rate), 100.0
    pacer.start(now)
    taken = 0

    for gap in gaps:
        now += gap
        taken += pacer.due(now)

    assert abs(taken - rate * (now - 100.0)) <= 1.0 + 1e-6 * rate


@given(rates, st.floats(FORGIVEN_AFTER_S, 1e6))
def test_what_a_stall_has_missed_is_forgiven(rate: float, gap: float) -> None:
    pacer = Pacer(rate)
    pacer.start(0.0)

    assert pacer.due(gap) <= rate * FORGIVEN_AFTER_S + 1
    assert pacer.due(gap) == 0


@given(rates, moments)
def test_steps_are_spread_over_the_ticks(rate: float, gaps: list[float]) -> None:
    pacer, now = Pacer(rate), 0.0
    pacer.start(now)

    for gap in gaps:
        now += gap
        assert pacer.due(now) <= rate * gap + 1


def test_without_a_limit_there_is_always_more_to_do() -> None:
    pacer = Pacer(SPEEDS[-1])
    pacer.start(0.0)

    assert [pacer.due(now) for now in (0.001, 0.002)] == [UNLIMITED, UNLIMITED]


def test_a_pacer_that_was_not_started_owes_nothing() -> None:
    assert Pacer(10.0).due(5.0) == 0


def test_starting_again_forgets_what_was_owed() -> None:
    pacer = Pacer(10.0)
    pacer.start(0.0)
    pacer.due(0.05)

    pacer.start(100.0)

    assert pacer.due(100.05) == 0


def test_the_actual_rate_is_the_mean_of_the_last_second() -> None:
    pacer = Pacer(10.0)
    pacer.start(0.0)
    assert pacer.actual == 0.0

    for tick in range(1, 11):
        pacer.took(2, tick / 10)
    assert pacer.actual == pytest.approx(20.0)

    for tick in range(11, 21):
        pacer.took(1, tick / 10)
    assert pacer.actual == pytest.approx(10.0)


def test_speeds_rise() -> None:
    assert all(slow < fast for slow, fast in pairwise(SPEEDS))
