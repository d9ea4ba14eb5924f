"""t_maze and cue_recall: what is right was shown at the start, and nothing at the fork tells it again."""

from __future__ import annotations

import numpy as np
import pytest

from engine.maps import cells_for, load_map
from engine.sim import Batch, Rules, World, games

from .drawn import step

T_MAZE = {"t_maze_left": "west", "t_maze_right": "east"}
LONG_T_MAZE = {"t_maze_20_left": "west", "t_maze_20_right": "east"}
CUE_RECALL = {
    "cue_recall_red_left": "west",
    "cue_recall_red_right": "east",
    "cue_recall_blue_left": "west",
    "cue_recall_blue_right": "east",
}
ANSWERS = T_MAZE | LONG_T_MAZE | CUE_RECALL


def world(name: str) -> World:
    rules = games.game_of_map(name)()
    return World(rules, cells_for(load_map(name), rules))


def corridor(name: str) -> int:
    return 20 if "20" in name else 5


def at_fork(name: str) -> Batch:
    sim = Batch(world(name))
    for _ in range(corridor(name)):
        step(sim, "move_north")
    return sim


@pytest.mark.parametrize("name", ANSWERS)
def test_the_right_turn_pays_and_the_wrong_one_ends_it_for_nothing(name: str) -> None:
    wrong = {"west": "east", "east": "west"}[ANSWERS[name]]
    steps = corridor(name) + 1
    for turn, expected in ((ANSWERS[name], 1.0 - 0.01 * steps), (wrong, -0.01 * steps)):
        sim = at_fork(name)

        step(sim, f"move_{turn}")

        assert sim.terminated[0]
        assert sim.drain_episodes().episode_return[0] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("pair", [tuple(T_MAZE), tuple(LONG_T_MAZE)])
def test_the_two_mazes_look_alike_but_for_the_cue(pair: tuple[str, str]) -> None:
    left, right = (Batch(world(name)) for name in pair)
    differs = [not np.array_equal(left.observations, right.observations)]

    for _ in range(corridor(pair[0])):
        step(left, "move_north")
        step(right, "move_north")
        differs.append(not np.array_equal(left.observations, right.observations))

    assert differs == [True, *[False] * corridor(pair[0])]


def test_neither_the_cue_nor_the_doors_alone_tell_where_to_go() -> None:
    starts = {name: Batch(world(name)).observations for name in CUE_RECALL}
    forks = {name: at_fork(name).observations for name in CUE_RECALL}

    # The same cue, another place; the same doors, another answer.
    assert np.array_equal(starts["cue_recall_red_left"], starts["cue_recall_red_right"])
    assert not np.array_equal(starts["cue_recall_red_left"], starts["cue_recall_blue_left"])
    assert np.array_equal(forks["cue_recall_red_left"], forks["cue_recall_blue_right"])
    assert not np.array_equal(forks["cue_recall_red_left"], forks["cue_recall_red_right"])


@pytest.mark.parametrize("names", [tuple(T_MAZE), tuple(CUE_RECALL)])
def test_who_always_turns_the_same_way_is_right_half_of_the_time(names: tuple[str, ...]) -> None:
    worlds = [world(name) for name in names]
    rules: Rules = worlds[0].rules
    with Batch(worlds, 400, seed=5) as sim:
        north, west = (rules.action_names.index(f"move_{way}") for way in ("north", "west"))
        for action in (*[north] * 5, west):
            sim.step(np.full(sim.rows, action, np.int32))
        episodes = sim.drain_episodes()

    right = episodes.stats[:, rules.stat_names.index("heart.gained")]
    assert len(episodes) == 400
    assert 0.42 < right.mean() < 0.58
    assert set(episodes.world.tolist()) == set(range(len(names)))
