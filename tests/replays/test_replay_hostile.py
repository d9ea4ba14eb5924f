"""Files that mean harm or make no sense: told, shown as far as they go, or refused in words; never worse."""

from __future__ import annotations

import copy
import json
import os
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import RecordingError
from engine.replays import Film, document, film_of, open_film
from engine.replays.drawing import rows_of
from engine.replays.names import MAX_KINDS
from engine.replays.odd import MAX_ODD
from engine.replays.reader import MAX_UNPACKED
from engine.runs.files import to_json

from .foreign import ALL, V3, changed, data_of
from .played import of_recipe

ESCAPE = "\x1b]52;c;cm0gLXJm\x07\u202e[bold]x[/]"

OWN = json.loads(to_json(document(of_recipe("arena_easy", 12))))
del OWN["gridrl"]["gridrec"]  # so that the pictures are looked at


def check_whole(film: Film) -> None:
    """Whatever was in the file, what comes out keeps the promises of a view."""
    for sentence in (*film.odd, film.name, film.source, *(event.words for event in film.events())):
        assert sentence.isprintable()
    assert len(film.odd) <= MAX_ODD * 2 + 2
    ticks = film.ticks
    for tick in {*ticks[:3], *ticks[-2:]}:
        view = film.view(tick)
        assert view.cells.shape == view.ready.shape
        assert view.cells.max() < len(film.spec.cell_names)
        assert view.ready.max() <= 3
        for agent in view.agents:
            assert 0 <= agent.row < view.cells.shape[0]
            assert 0 <= agent.column < view.cells.shape[1]
            assert -1 <= agent.last_action < len(film.spec.action_names)
            assert len(agent.inventory) == len(film.spec.resource_names)
            assert 0 <= agent.group < film.rules.groups
            assert 0 <= agent.facing < 8
            assert np.isfinite([agent.step_reward, agent.episode_return]).all()
        rows_of(view, film.spec, "human")


def looked_at(data: bytes) -> Film | None:
    """The film, checked; None where it was refused in words."""
    try:
        film = film_of(data)
    except RecordingError as refusal:
        error = refusal
    else:
        check_whole(film)
        return film
    assert error.message.isprintable()
    return None


# ---- Values that fit nowhere

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 12)
    | st.sampled_from(
        [2**31, 2**63, -(2**70), 10**400, 1e308, float("nan"), float("inf"), ESCAPE, "", "agent", "wall"]
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["id", "location", "tick", ESCAPE]), inner, max_size=3)
        | st.lists(st.tuples(st.integers(-1, 6), inner).map(list), max_size=4)
    ),
    max_leaves=8,
)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to everything in a document."""
    found = [path] if path else []
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        found += places(value, (*path, key))
    return found


def put(document: Any, path: tuple[Any, ...], value: Any) -> None:
    for key in path[:-1]:
        document = document[key]
    document[path[-1]] = value


DOCUMENTS = {**ALL, "own": OWN}
PLACES = {
    name: places({key: value for key, value in each.items() if key != "mg_config"}) for name, each in DOCUMENTS.items()
}


@settings(max_examples=400)
@given(st.data(), st.sampled_from(sorted(DOCUMENTS)))
def test_any_value_in_any_place_is_survived(data: st.DataObject, name: str) -> None:
    broken = copy.deepcopy(DOCUMENTS[name])
    for _ in range(data.draw(st.integers(1, 4))):
        try:
            put(broken, data.draw(st.sampled_from(PLACES[name])), data.draw(VALUES))
        except (TypeError, KeyError, IndexError):  # what leads there is gone already
            continue

    looked_at(json.dumps(broken).encode())


@settings(max_examples=200)
@given(st.data(), st.sampled_from(["plain", "packed"]))
def test_any_bytes_are_survived(data: st.DataObject, packing: str) -> None:
    whole = data_of(V3)
    whole = zlib.compress(whole) if packing == "packed" else whole
    at = data.draw(st.integers(0, len(whole) - 1))

    looked_at(whole[:at] + data.draw(st.binary(max_size=6)) + whole[at + data.draw(st.integers(0, 6)) :])


@pytest.mark.parametrize(
    ("value", "where", "sentence"),
    [
        (["x", 1], "location", "object 2, location: it takes [column, row], not [x, 1]"),
        ([[0, [1, 1]], [2, "there"]], "location", "object 2, location, step 2: it takes [column, row], not there"),
        ([[0, [9, 9]]], "location", "location: [9, 9] is outside the map of 4x3"),
        ([[3, 1], [1, 0]], "orientation", "object 2, orientation: its steps are not in order"),
        ([[0, 12]], "orientation", "orientation: there is no 12 among 0 to 7"),
        ([[0, 0], "x", [1, 0]], "orientation", "object 2, orientation: x in a list of [step, value]"),
        ([[-1, 0], [1, 0]], "orientation", "object 2, orientation: there is no step -1"),
        (float("nan"), "total_reward", "object 2, total_reward: it takes a number, not nan"),
        (10**400, "action_id", "object 2, action_id: it takes a whole number, not a number of more than 20 digits"),
        (99, "action_id", "agent 0, action_id: there is no action 99"),
        ([[9, 1]], "inventory", "inventory: there is no item 9"),
        (1, "agent_id", "agent_id: they are not 0 to 1, each once; agents are numbered anew"),
        (ESCAPE, "action_success", "object 2, action_success: it takes a whole number, not \\x1b]52"),
    ],
    ids=range(13),
)
def test_what_is_odd_has_its_place(value: Any, where: str, sentence: str) -> None:
    document = changed(V3)
    document["objects"][2][where] = value

    film = looked_at(data_of(document))

    assert film is not None
    assert any(each.startswith(sentence) for each in film.odd), film.odd


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"version": 9}, "version: 9 is not known here; read as version 3"),
        ({"num_agents": 24}, "num_agents: it says 24, and there are 2"),
        (
            {"max_steps": 10**30},
            "max_steps: a number of more than 20 digits is no number of steps; the last change is at",
        ),
        ({"map_size": [10**9, 3]}, "map_size: [1000000000, 3] is no size; 4x3 holds every object"),
        ({"type_names": "agent"}, "type_names: it takes a list of names, not agent"),
        (
            {"action_names": [ESCAPE, "noop"]},
            "action_names: '\\x1b]52;c;cm0gLXJm\\x07\\u202e[bold]x[/]' is called x__52_c_cm0glxjm___bold_x___ here",
        ),
        ({"objects": []}, "objects: none of them is an agent"),
        ({"objects": [7]}, "object 0: it is no table, but 7"),
    ],
)
def test_what_is_odd_about_the_whole_is_told(changes: dict[str, Any], sentence: str) -> None:
    film = looked_at(data_of(changed(V3, **changes)))

    assert film is not None
    assert any(each.startswith(sentence) for each in film.odd), film.odd


def test_more_than_a_game_may_have_is_cut_and_told() -> None:
    kinds = ["agent", *(f"kind_{index}" for index in range(200))]
    document = changed(V3, type_names=kinds, action_names=[f"act_{index}" for index in range(100)])
    document["objects"] = [
        {"type_name": name, "location": [index % 50, index // 50]} for index, name in enumerate(kinds) if index
    ]
    document["objects"] += [{"agent_id": index, "location": [0, 9], "action_success": True} for index in range(1100)]
    document["map_size"] = [50, 10]

    film = looked_at(data_of(document))

    assert film is not None
    assert len(film.rules.kinds) == MAX_KINDS
    assert len(film.view(1).agents) == 1024
    assert film.odd[:2] == (
        "action_names: 100 names, 64 are known here; the others are left out",
        "object 1224: there are more than 1,024 agents; this one is left out",
    )
    assert "from the 64th on all are called other here" in " ".join(film.odd)


def test_a_number_that_python_does_not_read_is_no_number() -> None:
    data = data_of(V3).replace(b'"max_steps": 5', b'"max_steps": 1' + b"0" * 5000)

    film = looked_at(data)

    assert film is not None
    assert film.odd == ("max_steps: inf is no number of steps; the last change is at step 4",)


def test_objects_that_hold_one_another_and_share_ids_are_just_objects() -> None:
    document = changed(V3)
    for each in document["objects"]:
        each |= {"id": 1, "parent": 1, "collective_id": 1}

    film = looked_at(data_of(document))

    assert film is not None
    assert film.odd == ()


# ---- What is no replay


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the replay is empty"),
        (b"hello", "this is no replay: not JSON at character 1 (Expecting value)"),
        (b"[]", "this is no replay: it has no list of objects"),
        (b'{"objects": 3}', "this is no replay: it has no list of objects"),
        (b"[" * 200_000, "this is no replay: its JSON is nested too deeply"),
        (zlib.compress(data_of(V3))[:-20], "the replay is cut short: its packed data has no end"),
        (zlib.compress(data_of(V3))[:50] + b"????" * 20, "the replay is damaged: it cannot be unpacked"),
        (b"\x1f\x8b\x08 no", "the replay is damaged: it cannot be unpacked"),
        (b"\x1f\x8b", "the replay is cut short: its packed data has no end"),
    ],
)
def test_what_is_no_replay_is_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(RecordingError) as refused:
        film_of(data)

    assert refused.value.message == words


def test_a_bomb_does_not_go_off() -> None:
    bomb = zlib.compress(b" " * (MAX_UNPACKED * 3), 9)
    tracemalloc.start()

    with pytest.raises(RecordingError, match=f"would unpack to more than the {MAX_UNPACKED:,} bytes"):
        film_of(bomb)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2.2 * MAX_UNPACKED  # once as it grows


def test_a_million_empty_lists_are_not_built() -> None:
    data = b'{"objects": [' + b"[]," * 4_500_000 + b"[]]}"
    tracemalloc.start()

    with pytest.raises(RecordingError, match="4,500,003 lists and tables, more than the 4,000,000"):
        film_of(zlib.compress(data, 1))

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * len(data)


def test_ten_million_steps_of_nothing_cost_nothing() -> None:
    document = changed(V3, max_steps=10_000_000)
    tracemalloc.start()

    film = film_of(data_of(document))
    film.view(9_999_999)
    film.events()

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 1024 * 1024


def test_a_crowd_may_not_last_as_long_as_a_pair() -> None:
    crowd = [{"agent_id": index, "location": [0, 0], "action_success": True} for index in range(1000)]

    film = film_of(data_of(changed(V3, objects=crowd, num_agents=1000, max_steps=67_109)))

    assert film.ticks == range(1, 2)
    assert film.odd == ("max_steps: 67109 is no number of steps; the last change is at step 0",)
    assert film_of(data_of(changed(V3, objects=crowd, num_agents=1000, max_steps=67_108))).odd == ()


def test_endless_complaints_come_to_an_end() -> None:
    document = changed(V3, objects=[{"type_name": "wall", "location": f"[{index}]"} for index in range(5000)])

    film = looked_at(data_of(document))

    assert film is not None
    assert f"and {5000 + 1 - MAX_ODD + 1:,} more like these" in film.odd


def test_a_file_that_is_none_is_refused_with_its_name(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json.z")
    (tmp_path / "folder.json.z").mkdir()
    (tmp_path / "a.json.z").write_bytes(b"x")
    answers = {
        "pipe.json.z": f"{tmp_path}/pipe.json.z is not a regular file",
        "folder.json.z": f"{tmp_path}/folder.json.z is not a regular file",
        "none.json.z": f"cannot read {tmp_path}/none.json.z: it does not exist",
        "a.json.z": f"{tmp_path}/a.json.z: this is no replay: not JSON at character 1 (Expecting value)",
    }

    for name, words in answers.items():
        with pytest.raises(RecordingError) as refused:
            open_film(tmp_path / name)
        assert refused.value.message == words


def test_a_tick_that_is_not_there_is_refused() -> None:
    film = film_of(data_of(V3))

    for tick in (-1, 0, 6, 10**12):
        with pytest.raises(RecordingError, match=f"there is no tick {tick:,}") as refused:
            film.view(tick)
        assert refused.value.hint == "it shows ticks 1 to 5"
