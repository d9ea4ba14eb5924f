"""Sets of demonstrations: who played when comes back as it was saved, and nothing unfinished is believed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from engine.errors import RecordingError
from engine.maps import cells_for, load_map, parse_ascii
from engine.runs import demonstrations
from engine.runs.demonstrations import (
    INDEX,
    Span,
    demonstrations_root,
    is_demonstration_set,
    list_demonstrations,
    list_sets,
    load_demonstration,
    save_demonstration,
)
from engine.sim import Batch, Playback, RecordedMap, Recorder, Recording, Rules, World, games

RULES = games.arena(agents=3, max_steps=20)
MAPS = [RecordedMap("arena_small", cells_for(load_map("arena_small"), RULES))]


def batch_of(seed: int = 3) -> Batch:
    return Batch([World(RULES, each.cells) for each in MAPS], seed=seed)


def drawn(ticks: int, seed: int = 0) -> np.ndarray:
    """(ticks, agents) actions by chance."""
    return np.random.default_rng(seed).integers(len(RULES.actions), size=(ticks, RULES.agents)).astype(np.int32)


def recording_of(ticks: int = 8) -> Recording:
    with batch_of() as batch:
        recorder = Recorder(batch, MAPS, 3)
        for actions in drawn(ticks):
            batch.step(actions)
            recorder.record(actions)
        return recorder.recording()


def one_step(rules: Rules, maps: list[RecordedMap]) -> Recording:
    """A recording of one step of a game for one."""
    with Batch(World(rules, maps[0].cells)) as batch:
        recorder = Recorder(batch, maps, 0)
        batch.step(np.zeros(1, np.int32))
        recorder.record([0])
        return recorder.recording()


def mask_of(*stretches: tuple[int, int, int], ticks: int = 8) -> np.ndarray:
    """(ticks, agents) from (agent, first, last)."""
    mask = np.zeros((ticks, RULES.agents), np.bool_)
    for agent, first, last in stretches:
        mask[first:last, agent] = True
    return mask


# ---- Files


def test_what_was_saved_is_read_again(tmp_path: Path) -> None:
    recording, played = recording_of(), mask_of((0, 2, 5), (0, 6, 8), (2, 0, 1))

    path = save_demonstration(tmp_path / "new" / "set", recording, played)

    (entry,) = list_demonstrations(tmp_path / "new" / "set")
    again, mask = load_demonstration(tmp_path / "new" / "set", entry)
    assert path == tmp_path / "new" / "set" / entry.file
    assert (again.actions == recording.actions).all()
    assert (mask == played).all()
    assert entry.spans == tuple(Span(agent=a, first=f, last=t) for a, f, t in ((0, 2, 5), (0, 6, 8), (2, 0, 1)))
    assert (entry.game, entry.ticks, entry.ended) == ("arena", 8, False)


def test_the_returns_of_those_who_played_are_kept(tmp_path: Path) -> None:
    recording = recording_of(20)
    with Playback(recording) as playback:
        playback.seek(20)
        episodes = playback.episodes
    assert episodes is not None

    save_demonstration(tmp_path, recording, mask_of((1, 3, 4), ticks=20))

    (entry,) = list_demonstrations(tmp_path)
    assert entry.ended
    assert entry.returns == {1: pytest.approx(float(episodes.episode_return[1]), abs=1e-5)}


@given(played=arrays(np.bool_, (8, 3)).filter(lambda mask: mask.any()))
def test_spans_say_exactly_who_played(tmp_path_factory: pytest.TempPathFactory, played: np.ndarray) -> None:
    directory = tmp_path_factory.mktemp("set")
    save_demonstration(directory, recording_of(), played)

    assert (list_demonstrations(directory)[0].played(3) == played).all()


def test_later_ones_are_added(tmp_path: Path) -> None:
    for _ in range(3):
        save_demonstration(tmp_path, recording_of(), mask_of((0, 0, 8)))

    entries = list_demonstrations(tmp_path)
    assert len({entry.file for entry in entries}) == 3
    assert [entry.actions for entry in entries] == [8, 8, 8]


def test_what_nobody_played_is_no_demonstration(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="nobody played"):
        save_demonstration(tmp_path, recording_of(), mask_of())
    with pytest.raises(RecordingError, match=r"must be bool \(8, 3\)"):
        save_demonstration(tmp_path, recording_of(), mask_of((0, 0, 1), ticks=7))

    assert not is_demonstration_set(tmp_path)


def test_hands_that_change_without_end_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demonstrations, "MAX_SPANS", 2)

    save_demonstration(tmp_path, recording_of(), mask_of((0, 0, 1), (0, 2, 3)))
    with pytest.raises(RecordingError, match="more than 2 times"):
        save_demonstration(tmp_path, recording_of(), mask_of((0, 0, 1), (0, 2, 3), (1, 4, 5)))


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "set").touch()

    with pytest.raises(RecordingError, match=r"cannot make .*set"):
        save_demonstration(tmp_path / "set", recording_of(), mask_of((0, 0, 8)))


def test_a_set_is_of_one_game(tmp_path: Path) -> None:
    save_demonstration(tmp_path, recording_of(), mask_of((0, 0, 8)))
    walk = games.navigation(max_steps=5)
    maps = [RecordedMap("walls", cells_for(load_map("navigation_walls9"), walk))]
    other = one_step(walk, maps)

    with pytest.raises(RecordingError, match="has demonstrations of arena, not of navigation"):
        save_demonstration(tmp_path, other, np.ones((1, 1), np.bool_))

    assert len(list(tmp_path.iterdir())) == 2  # the first one, and the index


def test_a_torn_last_line_was_never_there(tmp_path: Path) -> None:
    save_demonstration(tmp_path, recording_of(), mask_of((0, 0, 8)))
    with (tmp_path / INDEX).open("ab") as file:
        file.write(b'{"file": "2026')

    assert len(list_demonstrations(tmp_path)) == 1
    save_demonstration(tmp_path, recording_of(), mask_of((0, 0, 8)))
    assert len(list_demonstrations(tmp_path)) == 2


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("file", "../../secret.gridrec", "file"),
        ("file", "/etc/20261121T211854-abcdef12.gridrec", "file"),
        ("file", "20261121T211854-abcdef12.gridrec\n", "file"),
        ("spans", [], "spans"),
        ("spans", [{"agent": 0, "first": 5, "last": 5}], "last"),
        ("spans", [{"agent": 0, "first": 0, "last": 9}], "beyond the 8 ticks"),
        ("ticks", 0, "ticks"),
        ("who", "me", "who"),
    ],
)
def test_an_odd_index_is_refused_with_its_line(tmp_path: Path, key: str, value: object, words: str) -> None:
    save_demonstration(tmp_path, recording_of(), mask_of((0, 0, 8)))
    line = json.loads((tmp_path / INDEX).read_text())
    with (tmp_path / INDEX).open("a") as file:
        file.write(json.dumps({**line, key: value}) + "\n")

    with pytest.raises(RecordingError, match=rf"{INDEX}, line 2: .*") as caught:
        list_demonstrations(tmp_path)
    assert words in caught.value.message


def test_an_index_that_speaks_of_other_recordings_is_not_believed(tmp_path: Path) -> None:
    save_demonstration(tmp_path, recording_of(), mask_of((0, 0, 8)))
    (entry,) = list_demonstrations(tmp_path)

    with pytest.raises(RecordingError, match=r"has 8 ticks, and index\.jsonl says 9"):
        load_demonstration(tmp_path, entry.model_copy(update={"ticks": 9}))
    with pytest.raises(RecordingError, match="a span of another one"):
        load_demonstration(tmp_path, entry.model_copy(update={"spans": (Span(agent=3, first=0, last=1),)}))
    os.remove(tmp_path / entry.file)
    with pytest.raises(RecordingError, match="it does not exist"):
        load_demonstration(tmp_path, entry)


def test_a_directory_without_an_index_is_no_set(tmp_path: Path) -> None:
    assert not is_demonstration_set(tmp_path)
    with pytest.raises(RecordingError, match="holds no demonstrations"):
        list_demonstrations(tmp_path)


def test_sets_are_found_by_their_index(tmp_path: Path) -> None:
    assert list_sets(tmp_path / "nowhere") == []
    (tmp_path / "other").mkdir()
    (tmp_path / "file").touch()

    save_demonstration(tmp_path / "arena", recording_of(), mask_of((0, 0, 8)))

    assert list_sets(tmp_path) == [tmp_path / "arena"]


def test_the_place_of_all_sets_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRIDRL_DEMONSTRATIONS", str(tmp_path))

    assert demonstrations_root() == tmp_path


def test_hostile_rules_are_not_saved_under_hostile_names(tmp_path: Path) -> None:
    rules = Rules.model_validate_json(games.navigation(max_steps=3).model_dump_json())
    grid_map = parse_ascii("@.*", "../../../x\x1b[31m")
    maps = [RecordedMap(grid_map.name, cells_for(grid_map, rules))]

    path = save_demonstration(tmp_path, one_step(rules, maps), np.ones((1, 1), np.bool_))

    assert path.parent == tmp_path
    assert sorted(each.suffix for each in tmp_path.iterdir()) == [".gridrec", ".jsonl"]
    assert path.stat().st_mode & 0o077 == 0
