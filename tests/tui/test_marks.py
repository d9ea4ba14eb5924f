"""What is worth a mark on the timeline, from real play: each mark where it belongs, and nowhere else."""

from __future__ import annotations

from textwrap import dedent

import numpy as np
import pytest

from engine.maps import parse_ascii
from engine.policies.registry import create_policy
from engine.sim import FOREVER, Rules, games
from tui.panes.live.events import EVENTS, FELT, SIGNS, WORDS, Mark
from tui.play import Play

WALK = games.navigation().model_copy(update={"spawn_anywhere": False})


def play_on(drawing: str, rules: Rules) -> Play:
    play = Play(rules, [parse_ascii(dedent(drawing).strip("\n"), "drawn")])
    play.held = set(range(rules.agents))
    return play


def taken(play: Play, *actions: str, agent: int = 0) -> list[Mark]:
    """The marks of an agent, step by step, while it takes these actions and all others rest."""
    play.selected = agent
    for action in actions:
        play.step(create_policy("noop", play.rules, play.spec), {agent: play.action_named(action)})
    return marks_of(play, agent)


def marks_of(play: Play, agent: int) -> list[Mark]:
    return [Mark(int(each)) & ~(Mark.HAND | Mark.IDLE) for each in play.marks(0, play.tick)[:, agent]]


def test_what_pays_once_is_marked_once() -> None:
    play = play_on("####\n#@m#\n####", games.arena(agents=1))

    assert taken(play, "noop", "rotate_east", "use", "noop", "use") == [Mark(0), Mark(0), Mark.REWARD, Mark(0), Mark(0)]


def test_a_heart_is_a_heart_and_a_reward() -> None:
    rules = games.arena(agents=1, batteries_per_heart=1)
    play = play_on("#####\n#m@n#\n##_##\n#####", rules)

    found = taken(play, "rotate_west", "use", "rotate_east", "use", "rotate_south", "use", "noop")

    none = Mark(0)
    assert found == [none, Mark.REWARD, none, Mark.REWARD, none, Mark.HEART | Mark.REWARD, none]


def test_the_end_of_an_episode_is_marked_for_all_with_its_reward() -> None:
    play = play_on("####\n#@*#\n####", WALK)

    found = taken(play, "noop", "move_east", "noop")

    assert found[1] == Mark.END | Mark.REWARD  # the heart that ended it is no heart of the next one
    assert not found[2] & (Mark.END | Mark.REWARD | Mark.HEART)


def test_time_that_is_up_ends_it_without_a_reward() -> None:
    play = play_on("#####\n#@.*#\n#####", WALK.model_copy(update={"max_steps": 3}))

    found = taken(play, *["noop"] * 7)

    assert [bool(each & Mark.END) for each in found] == [False, False, True, False, False, True, False]
    assert not any(each & Mark.REWARD for each in found)


def test_what_each_step_costs_is_no_loss_after_the_first_one() -> None:
    play = play_on("#####\n#@.*#\n#####", WALK)

    assert [bool(each & Mark.LOSS) for each in taken(play, *["noop"] * 5)[1:]] == [False] * 4


def test_who_is_hit_is_frozen_and_marked_when_it_happens() -> None:
    play = play_on("######\n#1.2.#\n######", games.arena_energy(agents=2))

    taken(play, "rotate_east", "attack", "noop", "noop")

    hit = [bool(each & Mark.FROZEN) for each in marks_of(play, 1)]
    assert hit == [False, True, False, False]
    assert not any(each & Mark.CAUGHT for each in marks_of(play, 1))
    assert not any(each & Mark.FROZEN for each in marks_of(play, 0))


def test_who_is_frozen_for_good_is_caught() -> None:
    """Of hide and seek by chance, until somebody is caught and the others still play."""
    rules = games.hide_and_seek().model_copy(update={"max_steps": 400})
    from engine.maps import load_map

    play = Play(rules, [load_map("hide_and_seek")], seed=4)
    policy = create_policy("goal-seeker", rules, play.spec, seed=1)
    caught = 0
    for _ in range(1500):
        before = [agent.frozen for agent in play.view.agents]
        play.step(policy)
        marks = play.marks(play.tick - 1, play.tick)[0]
        for agent, (old, now) in enumerate(zip(before, play.view.agents, strict=True)):
            freezes = play.ended is None and now.frozen > old
            assert bool(marks[agent] & Mark.FROZEN) == freezes
            assert bool(marks[agent] & Mark.CAUGHT) == (freezes and now.frozen >= FOREVER)
            caught += bool(marks[agent] & Mark.CAUGHT)
            assert bool(marks[agent] & Mark.END) == (play.ended is not None)
    assert caught


def test_marks_say_whose_hand_it_was() -> None:
    play = play_on("######\n#1.2.#\n######", games.arena(agents=2))
    play.held = {1}
    noop = create_policy("noop", play.rules, play.spec)

    play.step(noop, {1: play.rest})
    play.step(noop)

    assert play.marks(0, 2).tolist() == [[0, Mark.HAND], [0, Mark.IDLE]]


@pytest.mark.parametrize("game", ["arena", "hide_and_seek"])
def test_a_reward_is_marked_where_more_was_paid_than_the_step_before(game: str) -> None:
    """Against the rewards that the simulator itself paid."""
    from engine.recipes import maps_of, resolve

    config = resolve(game, [])
    play = Play(config.rules, maps_of(config), seed=2)
    policy = create_policy("simple", config.rules, play.spec, seed=3)
    before = np.zeros(play.spec.agent_count, np.float32)
    rewards = 0
    for _ in range(600):
        play.step(policy)
        paid = play.batch.rewards.copy()
        marks = play.marks(play.tick - 1, play.tick)[0]
        assert ((marks & np.uint8(Mark.REWARD)) > 0).tolist() == (paid > np.maximum(before, 0)).tolist()
        assert ((marks & np.uint8(Mark.LOSS)) > 0).tolist() == (paid < np.minimum(before, 0)).tolist()
        rewards += int((paid > np.maximum(before, 0)).sum())
        before = paid
    assert rewards


def test_every_mark_fits_a_byte_and_is_drawn_or_is_idle() -> None:
    assert max(Mark) < 256
    assert set(SIGNS) == set(Mark) - {Mark.IDLE}
    assert len(set(SIGNS.values())) == len(SIGNS)
    assert set(WORDS) == set(FELT)
    assert not EVENTS & (Mark.HAND | Mark.IDLE)
