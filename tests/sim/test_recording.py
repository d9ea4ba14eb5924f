"""Recordings: what was played comes back tick for tick, and whatever is wrong with one has a name and a place.

The oracle is a straight run: the same actions in a batch that nobody saved, loaded or recorded.
"""

from __future__ import annotations

import dataclasses
import json
import math
import struct
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import GridrlError, RecordingError, SimError
from engine.maps import cells_for, load_map
from engine.sim import ENGINE_VERSION, Batch, Keyframes, Playback, RecordedMap, Recorder, Recording, World, games
from engine.sim.gridrec import FORMAT, MAGIC, SECTIONS, from_bytes, to_bytes
from engine.sim.recording import NO_ACTION

from .test_games_goldens import MAPS

MAX_TICKS = 300
SEED = 11

WORLDS_WITH_WEIGHTS = ("t_maze_left", "t_maze_right")


def maps_for(rules: Any, names: tuple[str, ...]) -> list[RecordedMap]:
    return [RecordedMap(name, cells_for(load_map(name), rules)) for name in names]


def batch_on(rules: Any, maps: list[RecordedMap], seed: int = SEED) -> Batch:
    return Batch([World(rules, each.cells) for each in maps], seed=seed)


def random_actions(batch: Batch, seed: int = SEED) -> Iterator[np.ndarray]:
    """Now and then one that the game does not have: it is part of what may happen."""
    random = np.random.default_rng(seed)
    while True:
        yield random.integers(-1, len(batch.spec.action_names) + 1, batch.rows, np.int32)


def recorded(batch: Batch, maps: list[RecordedMap], seed: int = SEED, most: int = MAX_TICKS) -> tuple[Recorder, list]:
    """An episode of random play; and what every tick was, by the batch itself."""
    recorder = Recorder(batch, maps, seed)
    trace = [traced(batch)]
    for actions in random_actions(batch, seed):
        if recorder.ended or recorder.ticks == most:
            return recorder, trace
        batch.step(actions)
        recorder.record(actions)
        trace.append(traced(batch))
    raise AssertionError


def traced(batch: Batch) -> tuple[Any, ...]:
    """All there is to compare of a tick: the state's full hash and every array of the step that led there."""
    arrays = (batch.observations, batch.rewards, batch.terminated, batch.truncated, batch.results)
    return (batch.hash(), *(array.tobytes() for array in arrays))


def recording_of(game: str = "arena", most: int = MAX_TICKS, **changes: Any) -> Recording:
    rules = games.GAMES[game](**changes)
    maps = maps_for(rules, MAPS[game])
    with batch_on(rules, maps) as batch:
        return recorded(batch, maps, most=most)[0].recording()


# ---- Every game, forward and back


@pytest.mark.parametrize("game", MAPS)
def test_every_tick_of_every_game_comes_back(game: str) -> None:
    rules = games.GAMES[game]()
    maps = maps_for(rules, MAPS[game])
    with batch_on(rules, maps) as batch:
        recorder, trace = recorded(batch, maps)
    recording = from_bytes(to_bytes(recorder.recording()))
    ticks = np.random.default_rng(1).integers(0, recording.ticks + 1, 60).tolist()

    with Playback(recording) as playback:
        verification = playback.verify()
        assert (verification.compared, verification.first_difference) == (recording.ticks + 1, None)
        for tick in (*ticks, recording.ticks, 0):
            playback.seek(tick)
            assert traced(playback.batch) == trace[tick], tick


@pytest.mark.parametrize("game", ["arena", "hide_and_seek"])
def test_ticks_come_back_in_any_order_without_a_first_pass(game: str) -> None:
    rules = games.GAMES[game]()
    maps = maps_for(rules, MAPS[game])
    with batch_on(rules, maps) as batch:
        recorder, trace = recorded(batch, maps)

    with Playback(recorder.recording()) as playback:
        for tick in (200, 5, 31, 32, 33, 64, 0, 150, 149, 16):
            playback.seek(tick)
            assert (playback.tick, traced(playback.batch)) == (tick, trace[tick])


def test_a_recording_is_the_same_after_its_way_through_bytes() -> None:
    recording = recording_of("hide_and_seek")

    again = from_bytes(to_bytes(recording))

    for field in dataclasses.fields(Recording):
        before, after = getattr(recording, field.name), getattr(again, field.name)
        if field.name == "maps":
            assert [each.name for each in before] == [each.name for each in after]
            assert all(np.array_equal(one.cells, other.cells) for one, other in zip(before, after, strict=True))
        elif isinstance(before, np.ndarray):
            assert before.dtype == after.dtype
            assert np.array_equal(before, after)
        else:
            assert before == after


def test_any_name_of_a_map_fits() -> None:
    recording = recording_of(most=3)
    maps = tuple(RecordedMap("\udcff" + "x" * 300, each.cells) for each in recording.maps)

    again = from_bytes(to_bytes(dataclasses.replace(recording, maps=maps)))

    assert again.maps[0].name == "\\udcff" + "x" * 194


def test_nobody_can_write_to_a_recording() -> None:
    for recording in (recording_of(most=3), from_bytes(to_bytes(recording_of(most=3)))):
        for array in (recording.actions, recording.hashes, recording.maps[0].cells):
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0


# ---- Where an episode begins and ends


def test_the_seed_is_enough_for_a_first_episode() -> None:
    assert recording_of().state == b""


def test_a_later_episode_carries_its_start() -> None:
    rules = games.GAMES["navigation"](max_steps=20)
    maps = maps_for(rules, MAPS["navigation"])
    with batch_on(rules, maps) as batch:
        for actions in random_actions(batch, seed=5):
            batch.step(actions)
            if batch.look().episode == 3:
                break
        recorder, trace = recorded(batch, maps)
    recording = from_bytes(to_bytes(recorder.recording()))

    with Playback(recording) as playback:
        assert recording.state
        assert playback.batch.look().episode == 3
        assert playback.batch.hash() == trace[0][0]
        assert playback.verify().first_difference is None


def test_a_recording_may_begin_and_stop_in_mid_episode() -> None:
    rules = games.arena(max_steps=100)
    maps = maps_for(rules, MAPS["arena"])
    with batch_on(rules, maps) as batch:
        for actions, _ in zip(random_actions(batch), range(30), strict=False):
            batch.step(actions)
        recorder, trace = recorded(batch, maps, most=40)
        assert not recorder.ended

    with Playback(from_bytes(to_bytes(recorder.recording()))) as playback:
        assert playback.verify().first_difference is None
        assert playback.batch.look().tick == 70
        assert playback.episodes is None
        assert playback.batch.hash() == trace[-1][0]


def test_weighted_worlds_play_as_they_were_drawn() -> None:
    """A playback knows no weights: not what the first draw was made with, and not what the next one would be."""
    rules = games.t_maze()
    maps = maps_for(rules, WORLDS_WITH_WEIGHTS)
    drawn = set()
    for weights in ([1, 0], [0, 1]):
        with batch_on(rules, maps) as batch:
            batch.set_world_weights(weights)
            batch.reset(SEED)
            drawn.add(batch.look().world)
            recording = recorded(batch, maps)[0].recording()
        with Playback(recording) as playback:
            assert playback.batch.look().world == weights.index(1)
            assert recording.ended
            assert playback.verify().first_difference is None
    assert drawn == {0, 1}


def test_the_agents_episodes_are_those_that_were_played() -> None:
    rules = games.arena(max_steps=120)
    maps = maps_for(rules, MAPS["arena"])
    with batch_on(rules, maps) as batch:
        recording = recorded(batch, maps)[0].recording()
        played = batch.drain_episodes()

    with Playback(recording) as playback:
        playback.verify()

        assert playback.episodes is not None
        for field in dataclasses.fields(played):
            assert np.array_equal(getattr(played, field.name), getattr(playback.episodes, field.name)), field.name


def test_a_recorder_is_done_when_its_episode_is() -> None:
    rules = games.arena(max_steps=5)
    maps = maps_for(rules, MAPS["arena"])
    with batch_on(rules, maps) as batch:
        recorder, _ = recorded(batch, maps)
        before = to_bytes(recorder.recording())

        with pytest.raises(RecordingError, match="has ended"):
            recorder.record(np.zeros(batch.rows, np.int32))

        assert (recorder.ticks, recorder.ended) == (5, True)
        assert to_bytes(recorder.recording()) == before


def test_recording_changes_nothing_in_the_batch() -> None:
    rules = games.arena(max_steps=50)
    maps = maps_for(rules, MAPS["arena"])
    with batch_on(rules, maps) as alone, batch_on(rules, maps) as watched:
        recorder = Recorder(watched, maps, SEED)
        for actions, _ in zip(random_actions(alone), range(50), strict=False):
            alone.step(actions)
            watched.step(actions)
            recorder.record(actions)
            assert alone.hash() == watched.hash()
        assert len(alone.drain_episodes()) == len(watched.drain_episodes()) == rules.agents


def test_a_recorder_wants_one_env_and_its_own_maps() -> None:
    rules = games.arena()
    maps = maps_for(rules, MAPS["arena"])
    with Batch(World(rules, maps[0].cells), 2, seed=SEED) as two, pytest.raises(RecordingError, match="has 2"):
        Recorder(two, maps, SEED)
    with batch_on(rules, maps) as batch:
        before = batch.hash()
        with pytest.raises(RecordingError, match="not the maps of the batch"):
            Recorder(batch, maps_for(rules, ("arena_small",)), SEED)
        with pytest.raises(RecordingError, match="not the maps of the batch"):
            Recorder(batch, maps * 2, SEED)
        assert batch.hash() == before


# ---- Proof


@pytest.mark.parametrize("tick", [0, 1, 57, 118, 119])
def test_a_changed_action_is_found_at_its_tick(tick: int) -> None:
    recording = recording_of(max_steps=120)
    actions = recording.actions.copy()
    actions[tick, 2] = (actions[tick, 2] + 1) % len(recording.rules.actions)

    forged = from_bytes(to_bytes(dataclasses.replace(recording, actions=actions)))

    with Playback(forged) as playback:
        verification = playback.verify()
        assert verification.first_difference == tick + 1  # actions[t] lead to tick t + 1
        assert verification.compared == tick + 2
        assert playback.tick == tick + 1


def with_a_hash_changed(recording: Recording, tick: int) -> Recording:
    hashes = recording.hashes.copy()
    hashes[tick] ^= 1
    return dataclasses.replace(recording, hashes=hashes)


FORGERIES: dict[str, tuple[Callable[[Recording], Recording], int]] = {
    "another seed": (lambda r: dataclasses.replace(r, seed=r.seed + 1), 0),
    "other rules": (lambda r: dataclasses.replace(r, rules=games.arena(max_steps=121)), 0),
    "another map": (lambda r: dataclasses.replace(r, maps=tuple(maps_for(r.rules, ("arena_small",)))), 0),
    "the first hash": (lambda r: with_a_hash_changed(r, 0), 0),
    "a hash": (lambda r: with_a_hash_changed(r, 60), 60),
    "the last 48 bits": (lambda r: dataclasses.replace(r, final_hash=r.final_hash ^ (1 << 63)), 120),
    "no end": (lambda r: dataclasses.replace(r, ended=False), 120),
}


@pytest.mark.parametrize("what", FORGERIES)
def test_a_forgery_with_right_checksums_is_found(what: str) -> None:
    forge, tick = FORGERIES[what]
    forged = from_bytes(to_bytes(forge(recording_of(max_steps=120))))

    with Playback(forged) as playback:
        assert playback.verify().first_difference == tick


def test_a_stopped_recording_that_claims_an_end_is_found() -> None:
    recording = recording_of(most=20)

    with Playback(dataclasses.replace(recording, ended=True)) as playback:
        assert playback.verify().first_difference == 20


def test_another_engine_may_play_it_but_not_restore_its_state() -> None:
    recording = dataclasses.replace(recording_of(most=20), engine="0.0.1")
    with Playback(from_bytes(to_bytes(recording))) as playback:
        assert playback.verify().first_difference is None
        state = bytearray(playback.batch.save())
    struct.pack_into("<i", state, 4, 1)  # the version in a snapshot's head: 0.0.1

    with pytest.raises(RecordingError, match="another version of the engine") as caught:
        Playback(dataclasses.replace(recording, state=bytes(state)))

    assert caught.value.hint == f"it was recorded by engine 0.0.1, and this is {ENGINE_VERSION}"


# ---- Seeking and memory


def test_a_tick_that_is_not_there_leaves_the_playback_where_it_is() -> None:
    with Playback(recording_of(most=40)) as playback:
        playback.seek(17)
        before = traced(playback.batch)
        for tick in (-1, 41):
            with pytest.raises(RecordingError, match=f"no tick {tick}"):
                playback.seek(tick)
        assert (playback.tick, traced(playback.batch)) == (17, before)

        playback.seek(40)
        with pytest.raises(RecordingError, match="ends at tick 40"):
            playback.step()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 3000), st.lists(st.integers(0, 400), min_size=1, max_size=12))
def test_keyframes_keep_their_budget_and_are_never_far(budget: int, ticks: list[int]) -> None:
    keyframes = Keyframes(b"0" * 100, budget)
    for tick in range(401):
        if keyframes.is_due(tick):
            keyframes.put(tick, f"{tick:0100}".encode())
        assert keyframes.size <= max(budget, 100)

    for tick in ticks:
        at, state = keyframes.before(tick)
        assert at <= tick < at + 2 * keyframes.stride
        assert int(state) == at


def test_little_memory_means_more_steps_not_other_states() -> None:
    rules = games.arena()
    maps = maps_for(rules, MAPS["arena"])
    with batch_on(rules, maps) as batch:
        recorder, trace = recorded(batch, maps)

    with Playback(recorder.recording(), keyframe_bytes=5000) as playback:
        assert playback.verify().first_difference is None
        assert playback.keyframe_size <= 5000
        for tick in (299, 3, 128, 127, 300, 0):
            playback.seek(tick)
            assert traced(playback.batch) == trace[tick]


def test_a_jump_is_a_few_steps_from_a_keyframe_or_from_here(monkeypatch: pytest.MonkeyPatch) -> None:
    with Playback(recording_of()) as playback:
        playback.verify()
        steps = []
        step = playback.step
        monkeypatch.setattr(playback, "step", lambda: (steps.append(playback.tick), step()))
        for tick in (0, 300, 150, 299, 16, 17, 1):
            playback.seek(tick)
            assert len(steps) <= 16
            steps.clear()
        playback.seek(40)
        steps.clear()
        playback.seek(42)
        assert steps == [40, 41]


def test_ten_thousand_steps_of_24_agents_stay_within_64_mib() -> None:
    rules = games.arena_classic("full", agents=24, max_steps=10_000).model_copy(update={"spawn_anywhere": True})
    maps = maps_for(rules, ("arena_classic_full",))
    with batch_on(rules, maps) as batch:
        recorder = Recorder(batch, maps, SEED)
        for actions, _ in zip(random_actions(batch), range(10_000), strict=False):
            batch.step(actions)
            recorder.record(actions)
    data = to_bytes(recorder.recording())
    assert (recorder.ticks, recorder.ended) == (10_000, True)

    tracemalloc.start()  # counts the arrays of numpy and the bytes of snapshots too
    try:
        with Playback(from_bytes(data)) as playback:
            assert playback.verify().first_difference is None
            playback.seek(5_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 64 * 1024 * 1024
    bits = math.log2(len(rules.actions) + 1) + 0.2  # of an action by chance, and what zlib wastes
    assert len(data) < 10_000 * (24 * bits / 8 + 2) + 4096  # 2 bytes of hash a tick; rules and map


# ---- Damage


@pytest.fixture(scope="module")
def whole() -> bytes:
    return to_bytes(recording_of("t_maze", most=40))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_recording_cut_anywhere_is_refused(whole: bytes, data: st.DataObject) -> None:
    size = data.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(RecordingError, match=r"is empty|is cut short: .* at byte [\d,]+ needs"):
        from_bytes(whole[:size])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_flipped_bit_anywhere_is_refused(whole: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, 8 * len(whole) - 1))
    damaged = bytearray(whole)
    damaged[at // 8] ^= 1 << at % 8

    with pytest.raises(RecordingError):
        from_bytes(bytes(damaged))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_other_bytes_are_refused(content: bytes) -> None:
    for prefix in (b"", MAGIC, MAGIC + struct.pack("<H", FORMAT)):
        with pytest.raises(RecordingError):
            from_bytes(prefix + content)


def test_bytes_after_the_end_are_refused(whole: bytes) -> None:
    with pytest.raises(RecordingError, match=f"3 bytes too many from byte {len(whole):,}"):
        from_bytes(whole + b"abc")


def test_another_format_is_named(whole: bytes) -> None:
    with pytest.raises(RecordingError, match="has format 7, and this program reads format 1"):
        from_bytes(MAGIC + struct.pack("<H", 7) + whole[10:])


def contents_of(whole: bytes) -> dict[str, bytes]:
    """The sections, by a reader of its own: the layout that the page promises."""
    at, contents = 10, {}
    while at < len(whole):
        name, packed, size, _ = struct.unpack_from("<8sIII", whole, at)
        content = zlib.decompress(whole[at + 20 : at + 20 + packed])
        assert len(content) == size
        contents[name.rstrip(b"\0").decode()] = content
        at += 20 + packed
    return contents


def section(name: str, packed: bytes, size: int) -> bytes:
    start = struct.pack("<8sII", name.encode(), len(packed), size)
    return start + struct.pack("<I", zlib.crc32(start + packed)) + packed


def rebuilt(contents: dict[str, bytes]) -> bytes:
    """A file with right checksums, whatever is in it."""
    sections = [section(name, zlib.compress(content), len(content)) for name, content in contents.items()]
    return MAGIC + struct.pack("<H", FORMAT) + b"".join(sections)


def with_head(whole: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    contents = contents_of(whole)
    head = json.loads(contents["head"])
    change(head)
    return rebuilt(contents | {"head": json.dumps(head).encode()})


def test_the_layout_is_the_one_that_the_page_describes(whole: bytes) -> None:
    contents = contents_of(whole)
    head = json.loads(contents["head"])

    assert list(contents) == list(SECTIONS)
    assert set(head) == {"engine", "seed", "ticks", "ended", "final_hash", "maps", "rules"}
    assert from_bytes(rebuilt(contents)).ticks == head["ticks"] == len(contents["actions"]) == 40


BROKEN_HEADS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "section head, rules.actions.0.verb: Input should be": lambda h: h["rules"]["actions"][0].update(verb="fly"),
    "section head, rules.rewards.0.weight: Input should be": lambda h: h["rules"]["rewards"][0].update(weight=1e30),
    "section head, rules.surprise: Extra inputs": lambda h: h["rules"].update(surprise=1),
    "section head, rules: end.resource: no resource 'gold'": lambda h: h["rules"].update(end={"resource": "gold"}),
    "section head, seed: Input should be": lambda h: h.update(seed=-1),
    "section head, ticks: Field required": lambda h: h.pop("ticks"),
    "section head, ticks: Input should be": lambda h: h.update(ticks=10**12),
    "section actions has 40 bytes; 41 ticks of 1 agents take 41": lambda h: h.update(ticks=41),
    "section head, maps.0.width: Input should be": lambda h: h["maps"][0].update(width=0),
    "section maps has": lambda h: h["maps"][0].update(width=1024, height=1024),
    "section head, engine: String should match": lambda h: h.update(engine="\x1b[2J"),
    "the hash of the last tick is not final_hash": lambda h: h.update(final_hash=h["final_hash"] ^ 1),
}


@pytest.mark.parametrize("words", BROKEN_HEADS)
def test_a_wrong_field_is_named_with_its_path(whole: bytes, words: str) -> None:
    with pytest.raises(RecordingError) as caught:
        from_bytes(with_head(whole, BROKEN_HEADS[words]))

    assert words in caught.value.message


def test_a_head_that_is_no_json_is_refused(whole: bytes) -> None:
    for content in (b"", b"{", b"[" * 100_000, b"\xff", b"9" * 100_000):
        with pytest.raises(RecordingError, match="section head"):
            from_bytes(rebuilt(contents_of(whole) | {"head": content}))


def test_an_end_without_a_step_is_refused() -> None:
    def ended(head: dict[str, Any]) -> None:
        head["ended"] = True

    with pytest.raises(RecordingError, match="section head: ended"):
        from_bytes(with_head(to_bytes(recording_of(most=0)), ended))


def test_an_action_that_the_game_does_not_have_is_named_with_tick_and_agent() -> None:
    recording = recording_of(most=30)
    actions = recording.actions.copy()
    actions[21, 4] = len(recording.rules.actions)
    actions[25, 0] = NO_ACTION - 1

    with pytest.raises(RecordingError, match=r"section actions, tick 21, agent 4: there is no action 10"):
        from_bytes(to_bytes(dataclasses.replace(recording, actions=actions)))


def test_a_section_that_would_grow_without_bounds_is_not_unpacked(whole: bytes) -> None:
    contents = contents_of(whole)
    bomb = zlib.compress(b"\0" * 50_000_000, 9)
    before = rebuilt({"head": contents["head"]})

    tracemalloc.start()
    try:
        for size in (50_000_000, 2**32 - 1, 1000):  # too large by its own word; by far too large; a lie
            with pytest.raises(RecordingError, match="section maps at byte"):
                from_bytes(before + section("maps", bomb, size))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 5_000_000


def test_a_section_is_its_stream_and_nothing_else(whole: bytes) -> None:
    contents = contents_of(whole)
    maps, before = contents["maps"], rebuilt({"head": contents["head"]})
    stream = zlib.compress(maps)

    for packed in (stream + b"x", stream[:-1], b"x" + stream):
        with pytest.raises(RecordingError, match=f"section maps at byte {len(before):,} (does not|cannot)"):
            from_bytes(before + section("maps", packed, len(maps)))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_damage_with_right_checksums_ends_in_words_or_in_a_difference(whole: bytes, data: st.DataObject) -> None:
    """Whoever forges a file may say anything; the answer is an error of ours or a playback that tells."""
    contents = contents_of(whole)
    name = data.draw(st.sampled_from([name for name in SECTIONS if contents[name]]))
    content = bytearray(contents[name])
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    forged = rebuilt(contents | {name: bytes(content)})

    try:
        with Playback(from_bytes(forged)) as playback:
            found = playback.verify().first_difference
    except GridrlError:
        return

    assert found is not None or name == "head"  # where another name, say, plays just as well


def test_a_batch_is_untouched_by_a_state_that_does_not_load() -> None:
    rules = games.arena()
    maps = maps_for(rules, MAPS["arena"])
    with batch_on(rules, maps) as batch:
        for actions, _ in zip(random_actions(batch), range(10), strict=False):
            batch.step(actions)
        before, state = batch.hash(), batch.save()
        for broken in (b"", state[:-1], state + b"\0", state[:100] + b"\xff" + state[101:], b"\0" * len(state)):
            with pytest.raises(SimError):
                batch.load(broken)
            assert batch.hash() == before


def test_a_state_that_does_not_load_is_refused_in_words() -> None:
    rules = games.arena()
    maps = maps_for(rules, MAPS["arena"])
    with batch_on(rules, maps) as batch:
        for actions, _ in zip(random_actions(batch), range(10), strict=False):
            batch.step(actions)
        recording = recorded(batch, maps, most=5)[0].recording()

    with pytest.raises(RecordingError, match="the state it begins with cannot be restored: the snapshot is cut short"):
        Playback(from_bytes(to_bytes(dataclasses.replace(recording, state=recording.state[:-8]))))


def test_a_map_that_the_rules_cannot_use_is_named() -> None:
    recording = recording_of(most=5)
    walls = RecordedMap("all walls", np.full((5, 5), 1, np.uint8))

    with pytest.raises(RecordingError, match="the map 'all walls' cannot be played"):
        Playback(from_bytes(to_bytes(dataclasses.replace(recording, maps=(walls,)))))
