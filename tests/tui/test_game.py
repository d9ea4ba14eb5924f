"""The game under the user's hands, without a screen: whatever way one goes through time, it is what was played."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import dedent

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.errors import GridrlError, UsageError
from engine.maps import cells_for, load_map, parse_ascii
from engine.policies.architecture import Architecture
from engine.policies.networks import build_network
from engine.policies.registry import Policy, create_policy, decide
from engine.policies.signature import Signature
from engine.policies.trained import TorchPolicy
from engine.sim import Batch, Playback, Recording, Rules, World, games
from engine.sim.timeline import ACTIONS
from tui.chronicle import TOLD_KEPT
from tui.game import STEP_BUDGET_S, Game, agents_of, chosen_policy
from tui.overlays import OverlayKind
from tui.panes.live.events import Mark
from tui.play import SPEEDS

WALK = games.navigation().model_copy(update={"spawn_anywhere": False})
CORRIDOR = """
    #######
    #@....#
    #.###.#
    #....*#
    #######"""
ROOM = """
    ##########
    #........#
    #.1.2.1..#
    #..m..n..#
    #....._.2#
    ##########"""
TAG = games.hide_and_seek().model_copy(update={"max_steps": 9})


def game_on(drawing: str, rules: Rules, seed: int = 0) -> Game:
    return Game(rules, [parse_ascii(dedent(drawing).strip("\n"), "drawn")], seed)


def tagging(seed: int = 3) -> Game:
    """Three agents in two roles, whose episodes end every nine steps at the latest."""
    return Game(TAG, [load_map("hide_and_seek")], seed)


def hash_of(game: Game) -> int:
    return game.play.batch.hash()


def straight(game: Game) -> list[int]:
    """The oracle: the hashes of a fresh env that is stepped with the actions of this line, and with nothing else."""
    history = game.play.history
    actions = history.span(game.play.branch, ACTIONS, 0, history.end(game.play.branch))
    with Batch(game.play.worlds, seed=game.play._seed) as batch:
        found = [batch.hash()]
        for each in actions:
            batch.step(each)
            found.append(batch.hash())
        return found


# ---- Through time


GAMES: dict[str, Callable[[int], Game]] = {
    "walk": lambda seed: game_on(CORRIDOR, WALK.model_copy(update={"max_steps": 12}), seed),
    "arena": lambda seed: game_on(ROOM, games.arena(agents=4).model_copy(update={"max_steps": 25}), seed),
    "tag": tagging,
    "energy": lambda seed: game_on("#######\n#@.@.@#\n#.@...#\n#######", games.arena_energy(agents=4), seed),
}

DEEDS = st.one_of(
    st.tuples(st.just("step"), st.integers(1, 25)),
    st.tuples(st.just("act"), st.integers(0, 5)),
    st.tuples(st.just("back"), st.integers(1, 30)),
    st.tuples(st.just("on"), st.integers(2, 30)),
    st.tuples(st.just("go to"), st.integers(-5, 90)),
    st.tuples(st.just("jump"), st.sampled_from([-1, 1])),
    st.tuples(st.sampled_from(["branch", "next", "drop", "compare", "give back", "add person"]), st.just(0)),
    st.tuples(st.just("policy"), st.integers(0, 3)),
    st.tuples(st.just("assign"), st.integers(0, 3)),
    st.tuples(st.just("agent"), st.integers(0, 9)),
    st.tuples(st.just("play"), st.integers(1, 8)),
)


def do(game: Game, deed: str, by: int) -> None:
    """One thing that a person may do; what is refused changes nothing."""
    play = game.play
    deeds: dict[str, Callable[[], object]] = {
        "step": lambda: [game.step() for _ in range(by)],
        "act": lambda: game.act(play.spec.action_names[by % len(play.spec.action_names)]),
        "back": lambda: game.move(-by),
        "on": lambda: game.move(by),
        "go to": lambda: game.go_to(by),
        "jump": lambda: game.jump(by),
        "branch": game.branch_here,
        "next": game.next_branch,
        "drop": game.drop_branch,
        "compare": game.compare,
        "give back": game.toggle_person,
        "add person": game.add_person,
        "policy": lambda: game.use(scripted(game, by), "it"),
        "assign": lambda: game.assign(scripted(game, by), [play.selected]),
        "agent": lambda: game.choose_agent(by % play.spec.agent_count),
        "play": lambda: flow(game, by),
    }
    try:
        deeds[deed]()
    except GridrlError:
        assert deed in ("jump", "next", "drop", "compare"), deed


def scripted(game: Game, number: int) -> Policy:
    name = ("random", "noop", "simple", "goal-seeker")[number]
    return create_policy(name, game.rules, game.play.spec, seed=number)


def flow(game: Game, steps: int) -> None:
    """Time flows for so many steps."""
    game.set_playing(True)
    for _ in range(steps):
        game.step()
    game.set_playing(False)


@pytest.mark.parametrize("name", GAMES)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 50), deeds=st.lists(DEEDS, min_size=1, max_size=25))
def test_any_way_through_time_is_what_was_played(name: str, seed: int, deeds: list[tuple[str, int]]) -> None:
    game = GAMES[name](seed)
    game.explaining = game.observing = True
    seen: dict[int, list[int]] = {}
    for deed, by in deeds:
        do(game, deed, by)

        expected = straight(game)
        assert len(expected) == game.play.history.end(game.play.branch) + 1
        assert hash_of(game) == expected[game.play.tick]
        seen[game.play.branch] = expected
        check_scene(game, expected)
    for branch in game.play.history.branches:
        game.go_to(10**6, branch)
        assert hash_of(game) == straight(game)[-1]
        if branch in seen:  # a branch keeps what was played on it
            assert straight(game)[: len(seen[branch])] == seen[branch][: len(straight(game))]
    game.close()


def check_scene(game: Game, expected: list[int]) -> None:
    """What is shown is of this moment, and to look moves nothing."""
    play = game.play
    scene = game.scene()
    looked = play.batch.look()
    assert scene.view.tick == looked.tick
    assert scene.view.agents == looked.agents
    assert scene.clock is not None
    assert (scene.clock.tick, scene.clock.branch) == (play.tick, play.branch)
    if scene.beside is not None:
        line = play.history.span(scene.beside.branch, ACTIONS, 0, scene.beside.tick)
        with Batch(play.worlds, seed=play._seed) as batch:
            for actions in line:
                batch.step(actions)
            assert scene.beside.view.agents == batch.look().agents
    assert hash_of(game) == expected[play.tick]


def test_what_was_recorded_is_the_past_of_a_game_and_can_be_branched() -> None:
    first = tagging()
    for _ in range(7):
        first.step()
    recording, _ = first.play.recording()
    expected = straight(first)

    game = Game(TAG, first.play.maps, recording.seed, recording=recording)

    assert (game.play.tick, game.play.is_past, game.play.player_of(0)) == (0, True, "-")
    assert straight(game) == expected
    game.go_to(4)
    assert hash_of(game) == expected[4]
    assert game.play.intent(game.player, 1).policy == "-"
    game.act("noop")
    assert (game.play.branch, game.play.tick) == (1, 5)
    game.next_branch()
    game.go_to(99)
    assert hash_of(game) == expected[-1]


def test_a_long_recording_is_gone_through_without_simulating_it_all_again() -> None:
    rules = WALK.model_copy(update={"max_steps": 5000})
    first = game_on(CORRIDOR, rules)
    first.use(create_policy("noop", rules, first.play.spec), "noop")
    for _ in range(2000):
        first.step()
    recording, _ = first.play.recording()

    game = Game(rules, first.play.maps, recording.seed, recording=recording)

    for tick in (100, 1000, 1999):
        at, _ = game.play.history.before(0, tick)
        assert tick - at < 2 * game.play.history.stride


# ---- Minds: what a policy remembers


def lstm(seed: int = 0, kind: str = "lstm") -> TorchPolicy:
    """A policy that remembers, and that is loud enough for it to show."""
    with Batch(World(TAG, cells_for(load_map("hide_and_seek"), TAG))) as batch:
        signature = Signature.of(batch.spec)
    network = build_network(Architecture(hidden=(16,), memory=kind, memory_size=8), signature, seed)
    import torch

    with torch.no_grad():
        network.policy_head.weight.mul_(100)
    return TorchPolicy(network, name=f"{kind}:v{seed}", seed=seed)


def with_lstm(game: Game) -> None:
    game.use(lstm(), "trained")


def with_cast(game: Game) -> None:
    game.use(lstm(1), "trained")
    game.assign(create_policy("goal-seeker", game.rules, game.play.spec, seed=2), [1])
    game.assign(lstm(2, "mingru"), [2])


def with_random(game: Game) -> None:
    """It remembers nothing, but its random numbers go on."""


PLAYERS = {"lstm": with_lstm, "cast": with_cast, "random": with_random}


@dataclass
class Seen:
    """What a policy had in mind when it acted."""

    probabilities: NDArray[np.float32] | None
    values: NDArray[np.float32] | None
    actions: NDArray[np.int32]


def watch(policy: Policy) -> list[Seen]:
    """Note all that a policy decides from now on, with a wrapper around its own method."""
    seen: list[Seen] = []
    own = policy.decide

    def decide_and_note(*args: object, **options: object) -> object:
        told = own(*args, **options)  # type: ignore[arg-type]
        seen.append(Seen(told.probabilities, told.values, np.array(told.actions)))
        return told

    policy.decide = decide_and_note  # type: ignore[method-assign, assignment]
    return seen


def hashes_of(game: Game, steps: int) -> list[int]:
    found = []
    for _ in range(steps):
        game.step()
        found.append(hash_of(game))
    return found


@pytest.mark.parametrize("back", [1, 20, 37])
@pytest.mark.parametrize("player", PLAYERS)
def test_a_branch_with_nothing_changed_has_the_very_same_future(player: str, back: int) -> None:
    """Across four ends of episodes, and states kept at every sixteenth step."""
    game = tagging()
    PLAYERS[player](game)
    first = hashes_of(game, 40)

    game.move(-back)
    game.branch_here()
    second = hashes_of(game, back)

    assert game.play.branch == 1
    assert second == first[40 - back :]
    if player != "random":
        without = lstm(9)
        game.go_to(40 - back)
        game.branch_here()
        game.use(without, "another")
        assert back == 1 or hashes_of(game, back) != second  # others would have done otherwise


@pytest.mark.parametrize("player", PLAYERS)
def test_a_branch_of_a_branch_goes_on_as_it_would_have(player: str) -> None:
    game = tagging()
    PLAYERS[player](game)
    hashes_of(game, 25)
    game.go_to(12)
    game.act("noop")
    game.toggle_person()
    first = hashes_of(game, 30)  # to tick 43 of branch 1

    game.go_to(23)
    game.branch_here()
    assert hashes_of(game, 20) == first[10:]
    game.go_to(5, 0)
    game.go_to(18, 2)  # and to another line and back
    game.branch_here()
    assert hashes_of(game, 25) == first[5:]


@pytest.mark.parametrize("player", ["lstm", "cast"])
def test_after_others_have_played_it_remembers_what_it_did(player: str) -> None:
    game = tagging()
    PLAYERS[player](game)
    mine = game.player
    first = hashes_of(game, 20)
    game.use(create_policy("random", TAG, game.play.spec, seed=5), "random")
    hashes_of(game, 10)
    game.use(mine, "mine")
    later = hashes_of(game, 17)

    game.go_to(33)
    game.branch_here()
    assert hashes_of(game, 14) == later[3:]
    game.go_to(8)
    game.branch_here()
    assert hashes_of(game, 12) == first[8:]


def test_a_member_that_played_alone_before_and_plays_in_a_cast_now_remembers_both() -> None:
    game = tagging()
    alone = lstm(1)
    game.use(alone, "alone")
    first = hashes_of(game, 19)
    game.assign(create_policy("goal-seeker", TAG, game.play.spec, seed=2), [0])
    second = hashes_of(game, 19)

    game.go_to(25)
    game.branch_here()
    assert hashes_of(game, 13) == second[6:]
    game.use(alone, "alone")
    game.go_to(4, 0)
    game.branch_here()
    assert hashes_of(game, 15) == first[4:]


def test_what_was_played_before_the_past_began_is_remembered() -> None:
    """Over its budget a history forgets the older half; what a policy remembered at its new beginning, it keeps."""
    game = tagging()
    with_lstm(game)
    game.play.history._fact_budget = 40_000
    expected = hashes_of(game, 900)
    first = game.play.history.first
    assert first > 0

    game.go_to(first)
    game.branch_here()

    assert hashes_of(game, 40) == expected[first : first + 40]


@pytest.mark.parametrize("player", ["lstm", "cast"])
def test_the_past_says_exactly_what_was_thought_when_it_acted(player: str) -> None:
    game = tagging()
    PLAYERS[player](game)
    seen = watch(game.player)
    hashes_of(game, 30)
    assert len(seen) == 30

    for tick in (29, 16, 15, 9, 8, 0):
        game.go_to(tick)
        then = seen[tick]
        for agent in range(3):
            told = game.play.intent(game.player, agent)
            assert (told.took, told.by_hand, told.policy) == (
                then.actions[agent],
                False,
                game.player_of(agent).name,
            )
            assert then.probabilities is not None
            if np.isnan(then.probabilities[agent]).any():  # the goal-seeker does not say
                assert told.probabilities is None
            else:
                kept = then.probabilities[agent].astype(np.float16).astype(np.float32)
                assert told.probabilities is not None
                assert (told.probabilities == kept).all()
            if then.values is None or np.isnan(then.values[agent]):
                assert told.value is None
            else:
                assert told.value == then.values[agent]
    assert len(seen) == 30  # it was looked up, not asked again


@pytest.mark.parametrize("player", ["lstm", "cast", "random"])
def test_what_is_foreseen_is_what_is_thought_and_asking_changes_nothing(player: str) -> None:
    asked, other = tagging(), tagging()
    PLAYERS[player](asked)
    PLAYERS[player](other)
    for _ in range(25):
        foreseen = [asked.play.intent(asked.player, agent) for agent in range(3)]
        asked.step()
        other.step()

        assert hash_of(asked) == hash_of(other)
        asked.move(-1)
        for agent, before in enumerate(foreseen):
            after = asked.play.intent(asked.player, agent)
            assert before.took is None
            assert after.took is not None
            assert before.value == after.value
            if before.probabilities is None or after.probabilities is None:
                assert (player, agent) == ("cast", 1)
                assert before.probabilities is after.probabilities is None
            else:
                assert (before.probabilities.astype(np.float16) == after.probabilities.astype(np.float16)).all()
        asked.move(1)


def test_a_copy_that_is_asked_remembers_what_the_policy_does() -> None:
    game = tagging()
    with_lstm(game)
    hashes_of(game, 21)

    for tick in (21, 20, 17, 3, 0):
        game.go_to(tick)
        copy = game.play.mind_of(game.player)
        thought = decide(copy, game.play.batch).probabilities
        assert thought is not None
        assert copy is not game.player
        if tick < 21:
            told = game.play.intent(game.player, 2).probabilities
            assert told is not None
            assert (thought[2].astype(np.float16).astype(np.float32) == told).all()


# ---- By hand


def test_in_real_time_an_action_is_taken_with_the_next_step() -> None:
    game = game_on(CORRIDOR, WALK)
    game.use(create_policy("noop", WALK, game.play.spec), "noop")
    game.set_playing(True)

    assert game.act("move_east") == ["You play agent 0 now; p gives it back."]
    assert (game.play.tick, game.play.view.agents[0].column) == (0, 1)
    game.step()
    assert (game.play.tick, game.play.view.agents[0].column) == (1, 2)
    game.step()  # and only with that one
    assert game.play.view.agents[0].column == 2
    assert marks_at(game, 1) == [Mark.HAND]
    assert marks_at(game, 2) == [Mark.IDLE]


def marks_at(game: Game, tick: int) -> list[Mark]:
    """Of each agent, whether a hand was in it."""
    return [Mark(int(each)) & (Mark.HAND | Mark.IDLE) for each in game.play.marks(tick - 1, tick)[0]]


def test_the_last_of_several_actions_before_a_step_counts() -> None:
    game = game_on(CORRIDOR, WALK)
    game.set_playing(True)
    game.act("move_east")
    game.act("move_south")

    game.step()

    assert (game.play.view.agents[0].row, game.play.view.agents[0].column) == (2, 1)


def test_by_turns_the_step_comes_when_all_have_chosen() -> None:
    game = game_on("########\n#1.2..1#\n########", games.arena(agents=3))
    game.add_person()
    game.choose_agent(2)
    assert game.add_person() == "Agents 0, 2 are played by hand, by turns: a step comes when all have chosen."

    assert game.act("noop") == ["Agent 0 is next."]
    assert (game.play.tick, game.play.selected) == (0, 0)
    game.act("rotate_south")

    assert game.play.tick == 1
    names = game.play.spec.action_names
    assert [names[game.play.view.agents[each].last_action] for each in (0, 2)] == ["rotate_south", "noop"]
    assert marks_at(game, 1) == [Mark.HAND, Mark(0), Mark.HAND]


def test_while_time_flows_hands_that_choose_nothing_are_idle_and_others_are_none() -> None:
    game = game_on("########\n#1.2..1#\n########", games.arena(agents=3))
    game.add_person()
    game.choose_agent(2)
    game.add_person()
    game.set_playing(True)
    game.act("rotate_south")

    game.step()

    assert marks_at(game, 1) == [Mark.IDLE, Mark(0), Mark.HAND]


def test_where_time_stands_a_step_lets_all_hands_rest_on_purpose() -> None:
    game = game_on("########\n#1.2..1#\n########", games.arena(agents=3))
    game.toggle_person()

    game.step()

    assert marks_at(game, 1) == [Mark.HAND, Mark(0), Mark(0)]


def test_what_was_chosen_and_not_taken_is_forgotten_with_a_journey_through_time() -> None:
    game = game_on(CORRIDOR, WALK)
    game.use(create_policy("noop", WALK, game.play.spec), "noop")
    game.act("move_east")
    game.set_playing(True)
    game.act("move_east")
    game.go_to(1)

    game.step()

    assert game.play.view.agents[0].column == 2


def test_acting_while_the_past_is_shown_again_branches_at_once() -> None:
    game = game_on(CORRIDOR, WALK)
    for _ in range(5):
        game.act("noop")
    game.go_to(2)
    game.set_playing(True)

    told = game.act("move_east")

    assert told == ["Branch 1 leaves branch 0 here."]
    assert (game.play.branch, game.play.tick, game.playing) == (1, 3, False)


def test_one_persons_hands_go_along_to_another_agent_and_two_persons_stay() -> None:
    game = game_on("########\n#1.2..1#\n########", games.arena(agents=3))
    game.toggle_person()
    game.choose_agent(1)
    assert game.play.held == {1}

    game.choose_agent(2)
    game.add_person()
    game.choose_agent(1)
    game.add_person()
    game.choose_agent(0)
    assert game.play.held == {1, 2}
    assert game.play.person == 1


def test_an_action_that_is_none_is_refused_and_takes_nobody_over() -> None:
    game = game_on(CORRIDOR, WALK)

    with pytest.raises(UsageError):
        game.act("jump")

    assert (game.play.held, game.play.tick) == (set(), 0)


# ---- Errands


class Time:
    """A clock that goes when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr("tui.game.time.monotonic", lambda: self.now)

    def advance(self, game: Game, seconds: float) -> list[str]:
        """As the app's timer does: where nothing goes on by itself, it rests."""
        self.now += seconds
        return game.advance() if game.is_busy else []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


def at(game: Game) -> tuple[int, int]:
    agent = game.play.view.agents[0]
    return agent.row, agent.column


def test_a_way_is_walked_step_by_step_at_its_own_pace(clock: Time) -> None:
    game = game_on(CORRIDOR, WALK)
    game.travel((1, 5))
    assert (at(game), game.is_busy, game.has_errand, game.playing) == ((1, 2), True, True, False)

    clock.advance(game, 0.051)  # twenty steps a second
    assert at(game) == (1, 3)
    clock.advance(game, 0.02)
    assert at(game) == (1, 3)
    while game.has_errand:
        told = clock.advance(game, 0.051)

    assert at(game) == (1, 5)
    assert not game.is_busy
    assert told
    assert all(marks_at(game, tick) == [Mark.HAND] for tick in range(1, 5))


def test_an_action_is_repeated_as_often_as_asked(clock: Time) -> None:
    game = game_on(CORRIDOR, WALK)
    game.repeat("noop", 7)
    while game.has_errand:
        told = clock.advance(game, 0.06)

    assert game.play.tick == 7
    assert told == ["Done."]


def test_a_repetition_stops_where_it_cannot_be_done(clock: Time) -> None:
    game = game_on(CORRIDOR, WALK)
    game.repeat("move_east", 20)
    while game.has_errand:
        told = clock.advance(game, 0.06)

    assert at(game) == (1, 5)
    assert told[-1].startswith("Stopped: move_east cannot be done any longer")


ENDS: dict[str, Callable[[Game], object]] = {
    "leave": lambda game: game.leave(),
    "act": lambda game: game.act("noop"),
    "back": lambda game: game.move(-1),
    "step": lambda game: game.move(1),
    "give back": lambda game: game.toggle_person(),
    "play": lambda game: (game.set_playing(True), game.set_playing(False)),
    "restart": lambda game: game.restart(),
}


@pytest.mark.parametrize("key", ENDS)
def test_any_key_that_plays_stops_it(clock: Time, key: str) -> None:
    game = game_on(CORRIDOR, WALK)
    game.repeat("move_east", 20)
    assert game.has_errand

    ENDS[key](game)
    tick, place = game.play.tick, at(game)
    clock.advance(game, 1.0)

    assert not game.has_errand
    assert (game.play.tick, at(game)) == (tick, place)


def test_turning_to_another_agent_stops_it(clock: Time) -> None:
    game = game_on("########\n#1.2..1#\n########", games.arena(agents=3))
    game.repeat("noop", 20)

    game.choose_agent(1)
    tick = game.play.tick
    clock.advance(game, 1.0)

    assert not game.has_errand
    assert game.play.tick == tick


def test_esc_ends_one_thing_after_the_other(clock: Time) -> None:
    game = game_on(CORRIDOR, WALK)
    game.act("noop")
    game.move(-1)
    game.branch_here()
    game.compare()
    game.next_overlay()
    game.repeat("noop", 9)

    assert (game.leave(), game.has_errand, game.compared) == ("Stopped.", False, 0)
    assert (game.leave(), game.compared, game.overlay) == ("Only this branch.", None, OverlayKind.VISITS)
    assert (game.leave(), game.overlay) == (None, OverlayKind.NONE)


def test_a_way_from_the_past_is_a_branch(clock: Time) -> None:
    game = game_on(CORRIDOR, WALK)
    for _ in range(6):
        game.act("noop")
    game.go_to(3)

    game.travel((1, 4))
    while game.has_errand:
        clock.advance(game, 0.06)

    assert (game.play.branch, game.play.tick, at(game)) == (1, 6, (1, 4))
    assert hash_of(game) == straight(game)[-1]


# ---- Who plays


def test_policies_are_chosen_for_agents_groups_and_roles() -> None:
    game = tagging()
    spec = game.play.spec
    assert game.assign(create_policy("noop", TAG, spec), agents_of(["seeker"], TAG, 0)) == "seeker noop, hider random"
    assert [game.player_of(agent).name for agent in range(3)] == ["noop", "random", "random"]

    game.step()
    assert game.play.view.agents[0].last_action == spec.action_names.index("noop")
    assert game.assign(create_policy("simple", TAG, spec), agents_of(["agent", "2"], TAG, 0)).startswith("agent")
    assert [game.player_of(agent).name for agent in range(3)] == ["noop", "random", "simple"]
    assert game.assign(create_policy("goal-seeker", TAG, spec), agents_of([], TAG, 0)) == "goal-seeker"
    assert game.policy == "goal-seeker"
    assert len(game._members) == 1


TEAMS = games.arena(agents=6, groups=3)


@pytest.mark.parametrize(
    ("words", "rules", "agents"),
    [
        ("", TEAMS, [0, 1, 2, 3, 4, 5]),
        ("all", TEAMS, [0, 1, 2, 3, 4, 5]),
        ("me", TEAMS, [4]),
        ("this", TEAMS, [4]),
        ("agent 5", TEAMS, [5]),
        ("group 1", TEAMS, [agent for agent, group in enumerate(TEAMS.agent_groups) if group == 1]),
        ("seeker", TAG, [0]),
        ("hider", TAG, [1, 2]),
        ("group 0", TAG, [0]),
    ],
)
def test_agents_are_called_by_words(words: str, rules: Rules, agents: list[int]) -> None:
    assert agents_of(words.split(), rules, 4) == agents


@pytest.mark.parametrize(
    "words", ["agent 6", "group", "agent -1", "agent x", "agent ²", "group 3", "group ٣", "hider", "x" * 9999, "all me"]
)
def test_who_is_nobody_is_refused_with_all_there_are(words: str) -> None:
    with pytest.raises(UsageError) as refused:
        agents_of(words.split(), TEAMS, 0)

    assert "agent 0..5, group 0..2" in (refused.value.hint or "")


@pytest.mark.parametrize(
    ("text", "name", "whom"),
    [
        ("random", "random", []),
        (" goal-seeker  for  group 1 ", "goal-seeker", ["group", "1"]),
        ("runs:/x:v2 for me", "runs:/x:v2", ["me"]),
        ("", "", []),
    ],
)
def test_a_choice_is_a_policy_and_for_whom(text: str, name: str, whom: list[str]) -> None:
    assert chosen_policy(text) == (name, whom)


# ---- Demonstrations


def kept_of(game: Game) -> list[tuple[Recording, NDArray[np.bool_]]]:
    kept: list[tuple[Recording, NDArray[np.bool_]]] = []
    game.keep_demonstration = lambda recording, played: kept.append((recording, played))
    return kept


def check_plays(recording: Recording) -> None:
    with Playback(recording) as playback:
        assert playback.verify().first_difference is None


def test_an_episode_played_by_hand_is_handed_on_once_with_its_mask() -> None:
    game = tagging()
    kept = kept_of(game)
    game.toggle_person()
    game.act("noop")
    game.act("noop")
    game.toggle_person()
    ended = next(tick for tick in range(3, 60) if game.step() is not None and game.play.ended is not None)

    assert len(kept) == 1
    recording, played = kept[0]
    assert (recording.ticks, recording.ended) == (ended, True)
    assert played[:, 0].tolist() == [True, True] + [False] * (ended - 2)
    assert not played[:, 1:].any()
    check_plays(recording)

    for _ in range(30):  # episodes without a person's hands are nobody's demonstration
        game.step()
    game.restart()
    game.close()
    assert len(kept) == 1


def test_an_episode_that_is_broken_off_is_handed_on_as_well() -> None:
    game = tagging()
    kept = kept_of(game)
    game.act("noop")
    game.act("noop")
    game.restart()
    game.act("noop")
    game.save_demonstration()

    assert [recording.ticks for recording, _ in kept] == [2, 1]
    assert [recording.ended for recording, _ in kept] == [False, False]
    assert all(played[:, 0].all() for _, played in kept)
    for recording, _ in kept:
        check_plays(recording)


def test_what_was_only_idle_is_no_demonstration() -> None:
    game = tagging()
    kept = kept_of(game)
    game.toggle_person()
    flow(game, 4)
    game.save_demonstration()

    assert kept == []


def test_an_end_that_is_gone_through_again_is_not_handed_on_again() -> None:
    game = game_on(CORRIDOR, WALK)
    kept = kept_of(game)
    for key in ("move_south", "move_southeast", "move_east", "move_east", "move_east"):
        game.act(key)
    assert (len(kept), game.play.view.episode) == (1, 1)

    game.go_to(2)
    flow(game, 3)
    game.go_to(0)
    game.move(99)
    assert len(kept) == 1

    game.go_to(4)
    game.act("move_east")  # the same step, on a branch of its own: another episode that a person played
    assert len(kept) == 2
    assert kept[1][0].ticks == 5
    check_plays(kept[1][0])
    game.restart()  # at the start of an episode nothing has been played
    assert len(kept) == 2


def test_a_branch_is_handed_on_with_what_led_to_it() -> None:
    game = game_on(CORRIDOR, WALK)
    kept = kept_of(game)
    for _ in range(6):
        game.step()
    game.go_to(3)
    game.act("noop")
    game.restart()

    recording, played = kept[0]
    assert (recording.ticks, played[:, 0].tolist()) == (4, [False, False, False, True])
    check_plays(recording)


# ---- Speed


def test_speeds_go_from_the_slowest_to_no_limit_and_no_further() -> None:
    game = game_on(CORRIDOR, WALK)
    for _ in range(30):
        told = game.change_speed(1)
    assert (game.pacer.rate, told) == (math.inf, "Speed: as fast as it goes.")

    assert game.change_speed(-1) == "Speed: 1000 steps a second."
    for _ in range(30):
        told = game.change_speed(-1)
    assert (game.pacer.rate, told) == (0.1, "Speed: 0.1 steps a second.")
    assert game.change_speed(1) == "Speed: 0.2 steps a second."


def test_a_rate_of_ones_own_goes_to_the_next_of_the_list() -> None:
    game = game_on(CORRIDOR, WALK)
    game.pacer.rate = 12.0

    game.change_speed(1)

    assert game.pacer.rate in SPEEDS
    assert game.pacer.rate > 12.0


def test_without_a_limit_steps_are_taken_until_the_budget_is_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that each look at it moves on by a tenth of a millisecond."""
    now = [0.0]

    def tick() -> float:
        now[0] += 0.0001
        return now[0]

    monkeypatch.setattr("tui.game.time.monotonic", tick)
    game = game_on(CORRIDOR, WALK)
    game.pacer.rate = math.inf
    game.set_playing(True)

    game.advance()
    first = game.play.tick
    assert STEP_BUDGET_S / 0.0001 - 2 <= first <= STEP_BUDGET_S / 0.0001 + 2
    for _ in range(200):  # a second and a bit, in which all looks count
        game.advance()
    assert game.play.tick >= 150 * first
    assert game.pacer.actual == pytest.approx(10_000, rel=0.2)
    assert hash_of(game) == straight(game)[-1]


def test_time_that_is_stopped_by_a_step_takes_no_further_one(monkeypatch: pytest.MonkeyPatch, clock: Time) -> None:
    game = game_on(CORRIDOR, WALK)
    game.pacer.rate = 100.0
    game.set_playing(True)
    own = game.step

    def step_and_stop() -> list[str]:
        game.playing = False
        return own()

    monkeypatch.setattr(game, "step", step_and_stop)
    clock.advance(game, 0.2)

    assert game.play.tick == 1


def test_the_past_flows_at_the_same_rate_and_then_it_is_played_on(clock: Time) -> None:
    game = game_on(CORRIDOR, WALK)
    for _ in range(5):
        game.step()
    expected = hash_of(game)
    game.go_to(0)
    game.pacer.rate = 50.0
    game.set_playing(True)

    clock.advance(game, 0.0801)
    assert game.play.tick == 4
    clock.advance(game, 0.0601)
    assert game.play.tick == 7
    assert len(game.play.history.branches) == 1
    game.go_to(5)
    assert hash_of(game) == expected


def test_a_long_game_stays_within_its_bounds() -> None:
    rules = games.arena(agents=24, groups=2)
    rows = ["#" * 40, *["#" + "." * 38 + "#"] * 12, "#" * 40]
    rows[3] = "#" + "12" * 12 + "." * 14 + "#"
    game = Game(rules, [parse_ascii("\n".join(rows), "drawn")], 1)
    history = game.play.history
    history._fact_budget, history._state_budget = 1_000_000, 500_000
    game.toggle_person()
    game.set_playing(True)
    for _ in range(2500):
        game.step()

    assert history.first > 0
    assert history.fact_size <= 1_000_000
    assert history.state_size <= 500_000
    assert len(game._chronicle) <= TOLD_KEPT
    assert len(game.scene().events) <= 12
    game.go_to(history.first)
    scene = game.scene()
    assert scene.clock is not None
    assert scene.clock.first == history.first


def test_told_moments_are_bounded() -> None:
    game = game_on(CORRIDOR, WALK)
    for _ in range(TOLD_KEPT + 50):
        game.act("move_north")
        game._chronicle._keep(("so",))

    assert len(game._chronicle) == TOLD_KEPT
    assert (0, 1) not in game._chronicle
    assert (0, game.play.tick) in game._chronicle


# ---- A new episode


def test_a_new_episode_forgets_what_a_network_said_of_the_old_one() -> None:
    """Both are at step 0 of branch 0: only the history tells them apart."""
    game = tagging()
    with_lstm(game)
    game.overlay = OverlayKind.VALUE
    asked = game.inquiry()
    assert asked is not None
    game.answered(asked.ticket, asked.answer())
    assert game.inquiry() is None

    game.restart()

    assert game.inquiry() is not None


def test_what_happened_is_told_of_this_line_alone() -> None:
    game = game_on(CORRIDOR, WALK)
    game.explaining = True
    for key in ("move_south", "move_southeast", "move_east", "move_east", "move_east"):
        game.act(key)
    assert any("goal is reached" in each for each in game.scene().events)

    game.go_to(4)
    assert not any("goal is reached" in each for each in game.scene().events)
    game.act("noop")
    assert not any("goal is reached" in each for each in game.scene().events)
    game.next_branch()
    assert any("goal is reached" in each for each in game.scene().events)


def names(events: Sequence[str]) -> list[str]:
    return [each.split("  ", 1)[1] for each in events]


def test_events_of_a_recording_are_told_without_having_seen_them() -> None:
    first = game_on("#####\n#1m.#\n#####", games.arena(agents=1))
    first.act("rotate_east")
    first.act("use")
    recording, _ = first.play.recording()

    game = Game(first.rules, first.play.maps, recording.seed, recording=recording)
    game.explaining = True
    game.go_to(2)

    assert names(game.scene().events)[-1] == "Agent 0 takes 1 ore."
    game.go_to(0)
    assert game.scene().events == ()
