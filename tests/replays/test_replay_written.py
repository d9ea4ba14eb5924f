"""Written replays: version 3 as others read it, and everything that a recording plays is in it."""

from __future__ import annotations

import base64
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim import strategies
from sim.drawn import cells_from
from sim.small_game import small

from engine.errors import RecordingError
from engine.replays import (
    Annotation,
    PicturedFilm,
    RecordedFilm,
    document,
    film_of,
    open_film,
    parse_replay,
    save_replay,
)
from engine.replays.writer import is_played_by
from engine.runs.files import to_json
from engine.sim import Action, AttackPattern, Combat, Kind, Playback, Recording, Verb
from engine.sim.gridrec import to_bytes

from .foreign import data_of
from .played import check_same, of_game, of_recipe

RECIPES = ("arena_easy", "hide_and_seek", "arena_classic_combat", "arena_energy", "two_switch", "t_maze")


def pictured(recording: Recording) -> PicturedFilm:
    """A film of the pictures alone."""
    return PicturedFilm(parse_replay(to_json(document(recording))))


def check_film(recording: Recording) -> None:
    """Every tick of the pictures against the playback's own view."""
    film = pictured(recording)

    assert film.odd == ()
    assert film.rules == recording.rules
    assert film.tells_why
    assert film.ticks == range(recording.ticks - recording.ended + 1)
    with Playback(recording) as playback:
        for tick in film.ticks:
            playback.seek(tick)
            check_same(film.view(tick), playback.batch.look())
    with RecordedFilm(recording) as simulated:
        assert sorted(map(repr, film.events())) == sorted(map(repr, simulated.events()))
    random = np.random.default_rng(0)
    for tick in random.integers(0, len(film.ticks), 20).tolist():  # in any order
        assert film.view(tick).tick == film.view(0).tick + tick


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_pictures_are_those_that_are_played(recipe: str) -> None:
    check_film(of_recipe(recipe, 200))


def test_a_part_of_an_episode_keeps_its_place() -> None:
    recording = of_recipe("arena_easy", 30, skipped=240, seed=5)  # in its second episode

    film = pictured(recording)

    assert recording.state
    assert (film.view(0).episode, film.view(3).tick) == (1, 43)
    check_film(recording)


def test_things_that_move_and_vanish_are_found_again() -> None:
    crate, target = Kind(swappable=True), Kind(hp=1)
    shoot = Action(name="shoot", verb=Verb.ATTACK, argument=2)
    rules = small((shoot,), {"block": crate, "temple": target}, combat=Combat(pattern=AttackPattern.CELL))
    cells = cells_from("#######\n#@s.s.#\n#sTsTs#\n#.s@s.#\n#######", rules.model_copy(update={"agents": 2}))
    recording = of_game(rules.model_copy(update={"agents": 2}), cells, 400, seed=3)
    first, last = pictured(recording).view(0), pictured(recording).view(400)

    assert (first.cells != last.cells).sum() > 4
    assert np.count_nonzero(last.cells == 5) < 2  # one of the two is gone
    check_film(recording)


def test_a_thing_that_changes_places_is_the_same_thing() -> None:
    rules = small((), {"block": Kind(swappable=True)}, agents=2)
    cells = cells_from("######\n#@s..#\n#@s..#\n######", rules)
    recording = of_game(rules, cells, 1)
    ids = [rules.action_names.index(name) for name in ("rotate_east", "swap")]
    played = dataclasses.replace(
        recording, actions=np.array([[ids[0]] * 2, [ids[1]] * 2], np.uint8), hashes=np.zeros(3, np.uint16)
    )

    blocks = [each for each in objects_of(played) if each["type_name"] == "block"]

    assert [each["location"] for each in blocks] == [[[0, [2, 1]], [1, [1, 1]]], [[0, [2, 2]], [1, [1, 2]]]]


def test_a_thing_that_vanishes_ends_with_zeros() -> None:
    shoot = Action(name="shoot", verb=Verb.ATTACK, argument=2)
    rules = small((shoot,), {"temple": Kind(hp=2)}, combat=Combat(pattern=AttackPattern.CELL))
    recording = of_game(rules, cells_from("###\n#T#\n#@#\n###", rules), 1)
    ids = [rules.action_names.index(name) for name in ("rotate_north", "shoot")]
    played = dataclasses.replace(
        recording, actions=np.array([[ids[0]], [ids[1]], [ids[1]], [0]], np.uint8), hashes=np.zeros(5, np.uint16)
    )

    temple = objects_of(played)[5]

    assert temple == {"id": 5, "type_name": [[0, "temple"], [2, 0]], "location": [[0, [1, 1]], [2, 0]]}


@settings(max_examples=40)
@given(strategies.games_with_maps(), st.integers(0, 2**32), st.integers(0, 40))
def test_any_game_on_any_map_comes_back(game: Any, seed: int, ticks: int) -> None:
    rules, maps = game

    check_film(of_game(rules, maps[0], ticks, seed % 1000))


# ---- The form


def objects_of(recording: Recording) -> list[dict[str, Any]]:
    written: list[dict[str, Any]] = json.loads(to_json(document(recording)))["objects"]
    return written


def test_the_document_has_the_keys_of_version_3() -> None:
    recording = of_recipe("arena_easy", 20)
    written = document(recording, name="a.json.z", annotations=[Annotation(3, 1, "look")])

    assert {key: written[key] for key in written if key not in ("mg_config", "objects", "gridrl")} == {
        "version": 3,
        "file_name": "a.json.z",
        "action_names": list(recording.rules.action_names),
        "item_names": [*recording.rules.resources],
        "type_names": ["agent", *recording.rules.kinds],
        "group_names": ["group_0", "group_1"],
        "map_size": [13, 11],
        "num_agents": 6,
        "max_steps": 20,
    }
    block = written["gridrl"]
    assert block["hashes"] == recording.hashes.tolist()
    assert (block["game"], block["map"], block["seed"], block["end"]) == ("arena", "arena_small", 0, None)
    assert block["annotations"] == [{"tick": 3, "agent": 1, "words": "look"}]
    assert base64.b64decode(block["gridrec"]) == to_bytes(recording)


def test_series_are_pairs_and_what_never_changes_is_its_value() -> None:
    rules = small(agents=1)
    cells = cells_from("#####\n#@..#\n#####", rules)
    recording = of_game(rules, cells, 1)
    east = rules.action_names.index("move_east")
    played = dataclasses.replace(recording, actions=np.array([[east]] * 3, np.uint8))
    played = dataclasses.replace(played, hashes=np.zeros(4, np.uint16))

    agent, *walls = objects_of(played)

    assert agent["location"] == [[0, [2, 1]], [1, [3, 1]]]  # step 0 is what the first step came to
    assert agent["orientation"] == 3
    assert agent["action_success"] == [[0, True], [2, False]]
    assert agent["inventory"] == []
    assert "gridrl_action" not in agent
    assert walls[0] == {"id": 1, "type_name": "wall", "location": [0, 0]}
    assert len(walls) == 12


def test_a_step_that_was_the_last_is_told_apart() -> None:
    recording = of_recipe("arena_easy", 500, "rules.max_steps=12")
    written = document(recording)

    assert recording.ended
    assert written["max_steps"] == 11
    assert written["gridrl"]["end"]["terminated"] is False
    with Playback(recording) as playback:
        playback.seek(12)
        assert playback.episodes is not None
        assert np.float32(written["gridrl"]["end"]["returns"]).tolist() == playback.episodes.episode_return.tolist()


def test_nothing_stepped_is_the_first_frame_alone() -> None:
    recording = recorded_none()

    check_film(recording)
    assert pictured(recording).ticks == range(1)


def recorded_none() -> Recording:
    rules = small(agents=1)
    return of_game(rules, cells_from("###\n#@#\n###", rules), 0)


# ---- Files


@pytest.mark.parametrize("suffix", [".json", ".json.z", ".json.gz"])
def test_a_file_is_played_by_the_recording_in_it(tmp_path: Path, suffix: str) -> None:
    recording, path = of_recipe("arena_easy", 50), tmp_path / f"a{suffix}"

    save_replay(path, recording, [Annotation(7, -1, "here\x1b[31m")])

    with open_film(path) as film:
        assert film.recording is not None
        assert to_bytes(film.recording) == to_bytes(recording)
        assert (film.source, film.odd) == ("replay, version 3, with its recording", ())
        assert [event.words for event in film.events() if event.kind == "remark"] == ["here\\x1b[31m"]
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    before = path.read_bytes()
    save_replay(path, recording, [Annotation(7, -1, "here\x1b[31m")])
    assert path.read_bytes() == before


def test_pictures_that_were_painted_over_are_noticed() -> None:
    recording = of_recipe("arena_easy", 30)
    written = json.loads(to_json(document(recording)))
    assert is_played_by(written, recording)

    written["objects"][0]["total_reward"] = 1000.0

    assert not is_played_by(written, recording)


def test_without_its_recording_the_pictures_are_left() -> None:
    recording = of_recipe("arena_easy", 30)
    written = json.loads(to_json(document(recording)))
    written["gridrl"]["gridrec"] = written["gridrl"]["gridrec"][:100]

    film = film_of(data_of(written))

    assert isinstance(film, PicturedFilm)
    assert film.ticks == range(31)
    assert len(film.odd) == 1
    assert film.odd[0].startswith("gridrl.gridrec: the recording is cut short")


def test_what_is_too_long_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.replays.writer.MAX_AGENT_TICKS", 100)

    with pytest.raises(RecordingError, match=r"30 ticks of 6 agents are too much for a JSON replay"):
        document(of_recipe("arena_easy", 30))
