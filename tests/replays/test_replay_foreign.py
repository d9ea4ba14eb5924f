"""Replays of other programs: the same scene in every version and packing comes to the same film."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from engine.replays import Event, film_of, parse_replay
from engine.replays.drawing import drawn
from engine.replays.film import NOT_TOLD
from engine.sim import AGENT, DIRECTIONS

from .foreign import ALL, PACKINGS, V2, V3, changed, data_of

SCENE = {
    1: ["#...", ".@.r", "@..."],
    2: ["#...", "..@r", "@..."],
    5: ["#...", "..@r", "@..."],
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("version", ALL)
def test_every_version_tells_the_scene(version: str, packing: str) -> None:
    film = film_of(PACKINGS[packing](data_of(ALL[version])), "scene.json.z")

    assert film.odd == ()
    assert (film.name, film.source, film.ticks) == ("scene.json.z", f"replay, version {version[1]}", range(1, 6))
    assert (film.spec.action_names, film.spec.resource_names) == (
        ("noop", "move_east", "get_items"),
        ("ore_red", "heart"),
    )
    assert film.recording is None
    assert not film.tells_why
    assert {tick: drawn(film.view(tick), film.spec) for tick in SCENE} == SCENE
    one, other = zip(*(film.view(tick).agents for tick in film.ticks), strict=True)
    assert [(agent.row, agent.column) for agent in one] == [(1, 1), (1, 2), (1, 2), (1, 2), (1, 2)]
    assert [DIRECTIONS[agent.facing] for agent in one] == ["north", "east", "east", "east", "east"]
    assert [agent.inventory for agent in one] == [(0, 0), (0, 0), (1, 0), (1, 0), (1, 2)]
    assert [agent.last_action for agent in one] == [0, 1, 2, 0, 0]
    assert [agent.last_result for agent in one] == [0, 0, 0, NOT_TOLD, 0]
    assert [agent.frozen for agent in one] == [0, 0, 0, 2, 1]
    assert [(agent.step_reward, agent.episode_return) for agent in one][3:] == [(0.0, 0.0), (1.5, 1.5)]
    assert {(agent.row, agent.column, agent.group, agent.inventory, agent.glyph) for agent in other} == {
        (2, 0, 1, (5, 0), 3)
    }
    assert [int(film.view(tick).ready[1, 3]) for tick in film.ticks] == [1, 1, 2, 2, 1]
    assert film.events() == (
        Event(4, 0, "frozen", "agent 0 is frozen for 2 turns"),
        Event(5, 0, "heart", "agent 0 gains 2 hearts"),
        Event(5, 0, "reward", "agent 0 is paid +1.500"),
    )


def test_what_is_made_up_for_it_is_a_game_that_names_its_things() -> None:
    film = film_of(data_of(V3))

    assert list(film.rules.kinds) == ["wall", "mine_red"]
    assert film.rules.actions[1].direction == "east"
    assert (film.rules.groups, film.rules.glyphs, film.rules.window.width) == (2, 4, 11)
    assert [agent.role for agent in film.view(1).agents] == [0, 0]


@pytest.mark.parametrize(
    ("inventory", "held"),
    [
        ([[0, 5]], [(5, 0)] * 5),  # one pair of numbers: five of item 0, and no step
        ([[0, 5], [1, 2]], [(5, 2)] * 5),
        ([[0, [[0, 5]]]], [(5, 0)] * 5),  # one that was not collapsed
        ([[0, []], [3, [[1, 1]]]], [(0, 0)] * 3 + [(0, 1)] * 2),
        ([[0, 0], [3, [[1, 1]]]], [(0, 0)] * 3 + [(0, 1)] * 2),  # first seen later
        ([[0, [[1, 1]]], [3, 0]], [(0, 1)] * 3 + [(0, 0)] * 2),  # vanished
        ([[2, [[1, 1]]]], [(0, 0)] * 2 + [(0, 1)] * 3),
        ([0, 0, 1], [(2, 1)] * 5),
        ([[0, [0, 0]], [2, [1]]], [(2, 0)] * 2 + [(0, 1)] * 3),
        ([], [(0, 0)] * 5),
        (0, [(0, 0)] * 5),
        ({"1": 4}, [(0, 4)] * 5),
        ([[0, {}], [3, {"1": 4}]], [(0, 0)] * 3 + [(0, 4)] * 2),
    ],
)
@pytest.mark.parametrize("version", [2, 3])
def test_a_list_is_a_series_or_an_inventory_by_what_is_in_it(
    version: int, inventory: Any, held: list[tuple[int, int]]
) -> None:
    document = changed(V3 if version == 3 else V2)
    document["objects"][2]["inventory"] = inventory

    film = film_of(data_of(document))

    assert [film.view(tick).agents[0].inventory for tick in film.ticks] == held
    assert film.odd == ()


def test_what_has_vanished_is_not_there_any_more() -> None:
    document = changed(V3)
    gone = {"type_name": [[0, "mine_red"], [3, 0]], "location": [[0, [3, 1]], [3, 0]], "id": [[0, 1], [3, 0]]}
    document["objects"][1] = gone
    document["objects"].append({"type_name": [[0, 0], [2, "wall"]], "location": [[0, 0], [2, [3, 2]]]})

    film = film_of(data_of(document))

    assert film.odd == ()
    assert {tick: drawn(film.view(tick), film.spec)[1:] for tick in (2, 3, 4, 5)} == {
        2: ["..@r", "@..."],
        3: ["..@r", "@..#"],
        4: ["..@.", "@..#"],
        5: ["..@.", "@..#"],
    }


def test_an_agent_on_a_thing_hides_it() -> None:
    document = changed(V3)
    document["objects"][2]["location"] = [[0, [1, 1]], [2, [3, 1]], [3, [2, 1]]]

    film = film_of(data_of(document))

    assert [int(film.view(tick).cells[1, 3]) for tick in film.ticks] == [4, 4, AGENT, 4, 4]
    assert [int(film.view(tick).ready[1, 3]) for tick in film.ticks] == [1, 1, 0, 2, 1]


def test_an_agent_that_is_gone_stays_in_the_list_and_leaves_the_map() -> None:
    document = changed(V3)
    document["objects"][2]["location"] = [[0, [1, 1]], [2, 0]]

    film = film_of(data_of(document))

    assert drawn(film.view(5), film.spec) == ["#...", "...r", "@..."]
    assert (film.view(5).agents[0].row, film.view(5).agents[0].column) == (1, 1)


def test_agents_are_in_the_order_of_their_ids() -> None:
    document = changed(V3)
    document["objects"].reverse()

    assert [agent.group for agent in film_of(data_of(document)).view(1).agents] == [0, 1]


def test_names_of_others_are_names_here() -> None:
    document = changed(
        V3, type_names=["agent", "wall", "Mine.Red", "agent", "empty"], item_names=["ore.red", "ore red"]
    )
    document["objects"][1]["type_name"] = "Mine.Red"

    replay = parse_replay(data_of(document))

    assert replay.kinds == ["wall", "mine_red", "empty_2"]
    assert replay.resources == ["ore_red", "ore_red_2"]
    assert replay.odd == (
        "item_names: 'ore red' is called ore_red_2 here",
        "type_names: 'empty' is called empty_2 here",
    )


def test_version_1_without_items_means_its_old_ones() -> None:
    document = changed(ALL["v1"])
    del document["inventory_items"]
    document["grid_objects"][3] |= {"inv:ore.red": 2}

    film = film_of(data_of(document))

    assert film.spec.resource_names[:5] == ("ore_red", "ore_blue", "ore_green", "battery", "heart")
    assert film.view(1).agents[1].inventory[0] == 2


def test_sizes_that_are_not_told_are_found() -> None:
    document = copy.deepcopy(V3)
    del document["map_size"], document["max_steps"]

    film = film_of(data_of(document))

    assert film.view(1).cells.shape == (3, 4)
    assert film.ticks == range(1, 6)
    assert film.odd == (
        "map_size: None is no size; 4x3 holds every object",
        "max_steps: None is no number of steps; the last change is at step 4",
    )
