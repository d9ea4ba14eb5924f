"""Films in the Live pane: what can be simulated again is played on, all else is looked at; hostile words stay words."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from front_door import Door, OpenedApp, opened
from test_hostile import HOSTILE, assert_harmless

from engine.errors import GridrlError
from engine.policies.architecture import Architecture
from engine.policies.networks import build_network
from engine.policies.signature import Signature
from engine.policies.trained import TorchPolicy
from engine.recipes import maps_of, resolve, worlds_of
from engine.replays import Film, document, open_film, save_replay
from engine.runs.recordings import save_recording
from engine.sim import Batch, Playback, RecordedMap, Recorder, Recording
from tui.app import GridrlApp
from tui.cli import _film_session
from tui.panes.live.pane import LivePane
from tui.panes.live.wishes import Wish

WIDE = (120, 40)


def recorded(recipe: str = "arena_easy", ticks: int = 30, name: str | None = None) -> Recording:
    """Random play of a recipe."""
    config = resolve(recipe, [])
    maps = [RecordedMap(name or each.name, cells) for each, cells in _cells_of(config)]
    random = np.random.default_rng(1)
    with Batch(list(worlds_of(config)), seed=5) as batch:
        recorder = Recorder(batch, maps, 5)
        for _ in range(ticks):
            actions = random.integers(0, len(batch.spec.action_names), batch.rows)
            batch.step(actions)
            recorder.record(actions)
        return recorder.recording()


def _cells_of(config: Any) -> list[tuple[Any, Any]]:
    from engine.maps import cells_for

    return [(each, cells_for(each, config.rules)) for each in maps_of(config)]


def pictured(version: int) -> dict[str, Any]:
    """A foreign replay: four columns, three rows; agent 0 steps east and is paid at step 4, agent 1 stands below."""
    actions, types = ["noop", "move_east"], ["agent", "wall"]
    common = {"version": version, "action_names": actions, "map_size": [4, 3], "num_agents": 2, "max_steps": 9}
    if version == 1:
        things = [
            {"id": 0, "type": 1, "c": 0, "r": 0},
            {"id": 1, "type": 0, "agent_id": 0, "c": [[0, 1], [1, 2]], "r": 1, "reward": [[4, 1.5], [5, 0]]},
            {"id": 2, "type": 0, "agent_id": 1, "c": 0, "r": 2, "reward": [[0, 0], [8, 0]]},
        ]
        return {**common, "inventory_items": ["ore"], "object_types": types, "grid_objects": things}
    depth = [0] if version == 2 else []
    kinds: list[dict[str, Any]] = [{"type_id": index} for index in range(2)]
    if version == 3:
        kinds = [{"type_name": name} for name in types]
    things = [
        {"id": 0, **kinds[1], "location": [0, 0, *depth]},
        {
            "id": 1,
            **kinds[0],
            "agent_id": 0,
            "location": [[0, [1, 1, *depth]], [1, [2, 1, *depth]]],
            "current_reward": [[0, 0], [4, 1.5], [5, 0]],
            "action_id": [[0, 0], [1, 1], [2, 0]],
        },
        {"id": 2, **kinds[0], "agent_id": 1, "location": [0, 2, *depth], "current_reward": [[0, 0], [8, 0]]},
    ]
    return {**common, "file_name": "scene.json.z", "item_names": ["ore"], "type_names": types, "objects": things}


class OpenedFilm(OpenedApp):
    """The app on a replay file, as `gridrl-tui replay FILE` opens it."""

    def __init__(self, path: Path, size: tuple[int, int] = WIDE) -> None:
        super().__init__(path.parent / "runs", "navigation", (), size)
        self._app = GridrlApp(lambda fps: _film_session(path, fps))


@pytest.fixture(autouse=True)
def _runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRIDRL_RUNS", str(tmp_path / "runs"))


def written(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


# ---- What can be simulated again


def gridrec(folder: Path, recording: Recording) -> Path:
    save_recording(folder / "game.gridrec", recording)
    return folder / "game.gridrec"


def own_replay(folder: Path, recording: Recording) -> Path:
    save_replay(folder / "game.json.z", recording)
    return folder / "game.json.z"


@pytest.mark.parametrize("made", [gridrec, own_replay])
async def test_what_we_recorded_is_a_past_that_can_be_branched(
    tmp_path: Path, made: Callable[[Path, Recording], Path]
) -> None:
    recording = recorded()
    with Playback(recording) as playback:
        expected = [playback.batch.hash()]
        while playback.tick < recording.ticks:
            playback.seek(playback.tick + 1)
            expected.append(playback.batch.hash())
    async with OpenedFilm(made(tmp_path, recording)) as door:
        play = door.session.play
        assert (play.tick, play.is_past, door.session.reel) == (0, True, None)
        assert "30 steps" in door.said
        for key, tick in ((".", 1), ("pagedown", 21), (",", 20), ("end", 30), ("home", 0), ("pagedown", 20)):
            await door.press(key)
            assert (play.tick, play.batch.hash()) == (tick, expected[tick])

        await door.press("J")
        assert (play.branch, play.tick, play.is_past) == (1, 21, False)
        await door.press("P", ".", ".")
        assert play.tick == 23
        await door.press("~")
        assert (play.branch, play.batch.hash()) == (0, expected[23])
        await door.press("ctrl+s")
        await door.until(lambda: door.said.startswith("Saved "), "the file")


async def test_what_a_person_plays_on_a_replay_is_a_demonstration(tmp_path: Path) -> None:
    async with OpenedFilm(gridrec(tmp_path, recorded())) as door:
        await door.press(".", ".", "J", "K", "R")
        await door.until(lambda: not door.session.has_demonstrations and not door.app.workers._workers, "the writing")

        assert list((tmp_path / "demonstrations").rglob("*.gridrec"))


async def test_a_replay_of_another_game_brings_its_rules_along(tmp_path: Path) -> None:
    async with OpenedFilm(gridrec(tmp_path, recorded("hide_and_seek"))) as door:
        assert door.session.config.rules.name == "hide_and_seek"
        await door.press("I")
        assert "seeker" in door.screen


async def test_what_is_under_way_is_kept_when_a_film_is_opened(tmp_path: Path) -> None:
    recording = recorded()
    async with opened(tmp_path, recipe="arena_easy", size=WIDE) as door:
        await door.press("J", "K")

        door.session.open_film(open_film(gridrec(tmp_path, recording)))

        (kept,) = door.session._demonstrations
        assert (kept[0].ticks, kept[1][:, 0].all()) == (2, True)


# ---- What can only be looked at


@pytest.mark.parametrize("version", [1, 2, 3])
async def test_a_replay_of_others_is_looked_at_from_all_sides(tmp_path: Path, version: int) -> None:
    async with OpenedFilm(written(tmp_path / "scene.json", pictured(version))) as door:
        reel = door.session.reel
        assert reel is not None
        assert "It can be looked at, not played" in door.said
        first, last = reel.film.ticks[0], reel.film.ticks[-1]
        assert door.session.scene().view.agents[0].column == 1
        await door.press(".")
        assert (reel.tick, door.session.scene().view.agents[0].column) == (first + 1, 2)
        await door.press(",", ",", ",")
        assert reel.tick == first
        await door.press("end")
        assert reel.tick == last
        await door.press(".")
        assert reel.tick == last
        await door.press("home", ">")
        assert reel.tick == 5  # what is paid with step 4 is seen at the tick after it
        await door.press("home")
        assert "+" in door.part("#live-timeline")[0]
        await door.press(">", ">")
        assert door.said.startswith("agent 0 has no event after this moment")
        await door.press("<")
        assert door.said.startswith("agent 0 has no event before this moment")
        await door.press("pageup")
        assert reel.tick == first
        await door.press("]")
        assert (reel.selected, door.session.scene().selected) == (1, 1)
        await door.press("G")
        await door.type("3")
        await door.press("enter")
        assert reel.tick == 3


async def test_the_time_of_a_film_flows_to_its_end_and_begins_anew(tmp_path: Path) -> None:
    async with OpenedFilm(written(tmp_path / "scene.json", pictured(3))) as door:
        reel = door.session.reel
        assert reel is not None
        await door.press("+", "+", "+", "space")
        await door.until(lambda: not reel.playing, "its end")
        assert reel.tick == reel.film.ticks[-1]
        assert not door.session.is_busy
        await door.press("-", "space")
        assert reel.pacer.rate == door.session.game.pacer.rate == 50
        assert reel.playing or reel.tick == reel.film.ticks[-1]
        await door.press("escape")
        assert not reel.playing


ELSEWHERE = {"live.train", "live.launch", "live.edit", "live.restart"}
LOOKING = {
    "live.window",
    "live.overlay",
    "live.overlay_before",
    "live.play",
    "live.step",
    "live.back",
    "live.scrub_back",
    "live.scrub_on",
    "live.beginning",
    "live.end",
    "live.event_before",
    "live.event_after",
    "live.go_to",
    "live.next",
    "live.before",
    "live.faster",
    "live.slower",
    "live.explain",
    "live.legend",
    "live.follow",
    "live.minimap",
    "live.zoom_in",
    "live.zoom_out",
    "live.look",
    "live.travel",
    "live.count",
    "live.leave",
    "live.by_name",
    "live.assign",
    *(f"live.pan_{way}" for way in ("up", "down", "left", "right")),
}


async def test_every_key_of_the_pane_looks_or_is_refused_in_words(tmp_path: Path) -> None:
    async with OpenedFilm(written(tmp_path / "scene.json", pictured(3))) as door:
        session = door.session
        before, reel = session.game.play.batch.hash(), session.reel
        refused = set()
        for binding in LivePane.BINDINGS:
            if binding.id in ELSEWHERE:
                continue
            door.app._live.tell("-")
            await door.press(binding.key.split(",")[0])
            if door.said.startswith("This is a film: it can be looked at, not played."):
                refused.add(binding.id)
            await door.press("escape", "escape")
            assert session.game.play.batch.hash() == before
            assert session.reel is reel
            assert session.game.play.held == set()
        assert refused == {binding.id for binding in LivePane.BINDINGS} - ELSEWHERE - LOOKING
        for key, text in ((":", "noop"), ("A", "simple")):
            await door.press(key)
            await door.type(text)
            await door.press("enter")
            assert door.said.startswith("This is a film")
        await door.press("_", "l", "enter")
        assert door.said.startswith("This is a film")
        assert session.game.play.batch.hash() == before


async def test_no_wish_breaks_a_film(tmp_path: Path) -> None:
    async with OpenedFilm(written(tmp_path / "scene.json", pictured(2))) as door:
        before, reel = door.session.game.play.batch.hash(), door.session.reel
        for wish in [each for each in Wish if each is not Wish.RESTART]:
            for by, cell in ((1, (0, 0)), (-1, (2, 3)), (0, None)):
                selected = abs(by) if wish is Wish.AGENT else by
                door.app._live.post_message(LivePane.Wished(wish, selected, "noop", cell))
                await door.settled()
            assert door.session.reel is reel
            assert door.session.game.play.batch.hash() == before
            assert_harmless(door)


async def test_r_goes_back_to_the_game(tmp_path: Path) -> None:
    async with OpenedFilm(written(tmp_path / "scene.json", pictured(3))) as door:
        await door.press("R")
        assert door.session.reel is None
        assert door.said == "Back to your game."
        await door.press("l")
        assert door.view.tick == 1


async def test_what_is_odd_in_a_film_is_said(tmp_path: Path) -> None:
    scene = pictured(3)
    scene["objects"][1]["location"] = [[0, [1, 1]], [1, [99, -4]], ["x", None]]
    scene["objects"].append({"id": 7, "type_name": 12})
    async with OpenedFilm(written(tmp_path / "scene.json", scene)) as door:
        assert "odd, such as: " in door.said
        await door.press("end", "home", "i", "m")
        assert_harmless(door)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"version": 3}', '{"version": 9, "objects": []}', "\x1b[31m", "[" * 100_000]
)
def test_what_is_no_replay_is_refused_in_words(tmp_path: Path, content: str) -> None:
    path = written(tmp_path / "scene.json", content)

    with pytest.raises(GridrlError) as refused:
        _film_session(path, 30.0)

    assert "\x1b" not in str(refused.value)


def test_a_film_with_nobody_in_it_is_refused(tmp_path: Path) -> None:
    scene = pictured(3)
    scene["objects"] = scene["objects"][:1]
    path = written(tmp_path / "scene.json", scene)

    with pytest.raises(GridrlError):
        _film_session(path, 30.0)


# ---- Hostile words

LONG = "\x1b]52;c;aGk=\x07[bold]漢字🙂\u202e" * 700  # some 10,000 characters
WORDS = {"hostile": HOSTILE.replace("\ud800", ""), "long": LONG[:10_000]}


def spoiled(node: Any, words: str, count: list[int] | None = None) -> Any:
    """Every name in a replay replaced: of the file, of things, actions and resources."""
    count = [0] if count is None else count
    if isinstance(node, dict):
        return {key: spoiled(each, words, count) for key, each in node.items()}
    if isinstance(node, list):
        return [spoiled(each, words, count) for each in node]
    if isinstance(node, str) and node != "agent":
        count[0] += 1
        return f"{words}{count[0]}"
    return node


async def look_everywhere(door: Door) -> None:
    """All that shows words, at every moment of interest."""
    assert_harmless(door)
    for key in ("i", "v", "I", "m", "o", "o", "o", "end", "<", "home", ">", "]", "g", ";", "l", "j", "escape", "s"):
        await door.press(key)
        assert_harmless(door)
        if len(door.app.screen_stack) > 1:
            await door.press("escape")
    for key in (":", "A"):
        await door.press(key)
        assert_harmless(door)
        await door.press("escape")
    for key in ("f3", "f4", "f5", "f2", "?"):
        await door.press(key)
        assert_harmless(door)


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize(("version", "size"), [(1, WIDE), (2, WIDE), (3, WIDE), (3, (60, 20))])
async def test_hostile_names_in_a_replay_stay_words(
    tmp_path: Path, version: int, words: str, size: tuple[int, int]
) -> None:
    scene = spoiled(copy.deepcopy(pictured(version)), WORDS[words])
    scene["objects" if version > 1 else "grid_objects"][1].setdefault("agent_id", 0)
    path = written(tmp_path / "scene.json", scene)
    async with OpenedFilm(path, size) as door:
        await look_everywhere(door)


@pytest.mark.parametrize("words", WORDS)
async def test_hostile_words_in_an_own_replay_stay_words(tmp_path: Path, words: str) -> None:
    content = json.loads(json.dumps(document(recorded(ticks=6), name="game.json", annotations=())))
    block = content.pop("gridrl")
    path = written(tmp_path / "game.json", {**spoiled(content, WORDS[words]), "gridrl": block})
    async with OpenedFilm(path) as door:
        await look_everywhere(door)


@pytest.mark.parametrize("words", WORDS)
async def test_a_hostile_name_of_a_recorded_map_stays_words(tmp_path: Path, words: str) -> None:
    async with OpenedFilm(gridrec(tmp_path, recorded(ticks=6, name=WORDS[words]))) as door:
        await look_everywhere(door)


@pytest.mark.parametrize("size", [(60, 20), WIDE])
@pytest.mark.parametrize("words", WORDS)
async def test_a_hostile_name_of_a_policy_stays_words(tmp_path: Path, words: str, size: tuple[int, int]) -> None:
    async with opened(tmp_path, recipe="arena_easy", size=size) as door:
        network = build_network(Architecture(hidden=(8,)), Signature.of(door.session.play.spec), 0)
        policy = TorchPolicy(network, name=WORDS[words])
        door.session.use_trained(policy)
        door.app._refresh_live()
        await door.press(".", ".", ",")
        assert "policy trained" not in door.screen
        await look_everywhere(door)
        await door.press("escape", "o", "o")
        await door.until(lambda: not door.app.workers._workers, "the overlay")
        await door.settled()
        assert_harmless(door)
        door.session.game.use(door.session.game.player, "random")
        door.app.on_player_found(_found(policy, [1], [WORDS[words]]))
        await door.settled()
        assert_harmless(door)
        await door.press("p", "p", "B")
        assert_harmless(door)


def _found(policy: TorchPolicy, agents: list[int], notes: list[str]) -> Any:
    from tui.messages import PlayerFound

    return PlayerFound(policy, agents, notes)


# ---- Sizes

STORM = [(20, 5), (250, 80), (40, 10), (99, 18), (100, 17), (21, 80), (250, 5), (60, 20), (20, 5), (120, 40)]


@pytest.mark.parametrize("recipe", ["arena_easy", "navigation"])
async def test_a_storm_of_sizes_with_all_that_can_be_open(tmp_path: Path, recipe: str) -> None:
    async with opened(tmp_path, recipe=recipe, size=WIDE) as door:
        await door.press(*["."] * 12, ",", ",", "B", ".", "C", "m", "v", "i", "I", "o", ";", "l")
        assert door.session.scene().beside is not None
        for before, after in pairwise(STORM):
            await door.pilot.resize_terminal(*before)
            await door.settled()
            await door.press(".", ",", "m", "m", "}", "{")
            await door.pilot.resize_terminal(*after)
            await door.settled()
            lines = door.screen.splitlines()
            assert len(lines) == after[1]
            assert max(map(len, lines)) <= after[0]
            assert_harmless(door)
        assert door.app.query_one("#live-other").display
        await door.press("escape", "end", "escape")
        assert "@" in "\n".join(door.part("#live-map"))


async def test_a_storm_of_sizes_while_time_flows(tmp_path: Path) -> None:
    async with opened(tmp_path, recipe="arena_easy", size=WIDE) as door:
        await door.press(*["+"] * 6, "m", "space")
        for size in STORM:
            await door.pilot.resize_terminal(*size)
        await door.settled()
        await door.press("space")
        assert_harmless(door)
        assert len(door.screen.splitlines()) == 40


def test_the_film_is_closed_with_the_session(tmp_path: Path) -> None:
    session = _film_session(written(tmp_path / "scene.json", pictured(3)), 30.0)
    closed: list[bool] = []
    assert session.reel is not None
    film: Film = session.reel.film
    film.close = lambda: closed.append(True)  # type: ignore[method-assign]

    session.close()

    assert closed == [True]
