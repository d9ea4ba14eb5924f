"""Live frames on the wire: what comes out is what went in, a frame that is missing is noticed, rubbish is refused."""

from __future__ import annotations

import base64
import json
import tracemalloc
import zlib
from dataclasses import fields, replace
from itertools import chain
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from engine.errors import RunError
from engine.maps import cells_for, load_map
from engine.runs import Frame
from engine.runs.frames import FrameDecoder, FrameEncoder, OutOfStep
from engine.sim import AgentView, Batch, EnvView, World, games

INT32, INT64 = st.integers(0, 2**31 - 1), st.integers(0, 2**63 - 1)
FLOAT = st.floats(width=32)


@st.composite
def agent_views(draw: st.DrawFn, height: int, width: int, resources: int) -> AgentView:
    return AgentView(
        row=draw(st.integers(0, height - 1)),
        column=draw(st.integers(0, width - 1)),
        group=draw(st.integers(0, 7)),
        facing=draw(st.integers(0, 7)),
        last_action=draw(st.integers(-1, 63)),
        last_result=draw(st.integers(0, 12)),
        role=draw(st.integers(0, 7)),
        frozen=draw(st.integers(0, 65535)),
        shield=draw(st.booleans()),
        glyph=draw(st.integers(0, 249)),
        step_reward=draw(FLOAT),
        episode_return=draw(FLOAT),
        inventory=tuple(draw(st.lists(st.integers(0, 65535), min_size=resources, max_size=resources))),
    )


@st.composite
def frames_of_a_place(draw: st.DrawFn) -> list[Frame]:
    """Frames of one env of one world; every one may differ from the next in everything that moves, or in nothing."""
    shape = (draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    agents, resources = draw(st.integers(1, 4)), draw(st.integers(0, 3))
    run_id, env, world = draw(st.sampled_from(["ruddy-otter", "x"])), draw(st.integers(0, 3)), draw(st.integers(0, 2))
    made: list[Frame] = []
    for _ in range(draw(st.integers(1, 5))):
        if made and draw(st.booleans()):
            before = made[-1]
            cells = before.view.cells.copy()
            cells[-1, -1] = (cells[-1, -1] + 1) % 67
            made.append(replace(before, view=replace(before.view, cells=cells, tick=draw(INT32))))
            continue
        view = EnvView(
            tick=draw(INT32),
            episode=draw(INT64),
            world=world,
            cells=draw(arrays.arrays(np.uint8, shape, elements=st.integers(0, 66))),
            ready=draw(arrays.arrays(np.uint8, shape, elements=st.integers(0, 3))),
            agents=tuple(draw(agent_views(*shape, resources)) for _ in range(agents)),
        )
        made.append(Frame(run_id, draw(INT64), view, env=env))
    return made


SEQUENCES = st.lists(frames_of_a_place(), min_size=1, max_size=3).map(lambda places: [*chain(*places)])


def told(frame: Frame) -> dict[str, Any]:
    """Everything in a frame as text and plain numbers, NaN and the sign of zero included."""
    parts = {field.name: getattr(frame.view, field.name) for field in fields(EnvView)}
    parts |= {name: (parts[name].dtype, parts[name].tolist()) for name in ("cells", "ready")}
    return parts | {"agents": repr(frame.view.agents), "head": (frame.run_id, frame.step, frame.env)}


def sent(encoder: FrameEncoder, frame: Frame) -> dict[str, Any]:
    """The record as it is on the other side of a wire of JSON."""
    record: dict[str, Any] = json.loads(json.dumps(encoder.encode(frame), allow_nan=False))
    return record


def game_frames(count: int, *, stride: int = 1) -> list[Frame]:
    """Frames of an arena in which everybody acts by chance, `stride` steps apart."""
    rules = games.arena()
    random = np.random.default_rng(7)
    made = []
    with Batch(World(rules, cells_for(load_map("arena_basic"), rules)), env_count=2, seed=7) as batch:
        for number in range(count):
            for _ in range(stride):
                batch.step(random.integers(len(rules.actions), size=batch.rows))
            made.append(Frame("ruddy-otter", 100 * number, batch.look(1), env=1))
    return made


@given(SEQUENCES)
def test_frames_come_back_as_they_were(frames: list[Frame]) -> None:
    encoder, decoder = FrameEncoder(), FrameDecoder()

    for frame in frames:
        assert told(decoder.decode(sent(encoder, frame))) == told(frame)


@pytest.mark.parametrize("stride", [1, 50])
def test_frames_of_a_game_come_back_as_they_were(stride: int) -> None:
    encoder, decoder = FrameEncoder(), FrameDecoder()

    for frame in game_frames(40, stride=stride):
        assert told(decoder.decode(sent(encoder, frame))) == told(frame)


def test_only_the_first_frame_of_a_game_is_whole() -> None:
    encoder = FrameEncoder()

    records = [sent(encoder, frame) for frame in game_frames(20)]

    assert [record.get("on") for record in records] == [None, *range(1, 20)]
    assert max(len(record["z"]) for record in records[1:]) < len(records[0]["z"])


@given(frames_of_a_place(), frames_of_a_place())
def test_a_delta_is_never_larger_than_the_whole(one: list[Frame], other: list[Frame]) -> None:
    encoder = FrameEncoder()

    for frame in [*one, *other]:
        record = encoder.encode(frame)
        whole = FrameEncoder().encode(frame)

        assert len(str(record["z"])) <= len(str(whole["z"]))


def test_another_env_world_or_run_begins_with_a_whole_picture() -> None:
    encoder = FrameEncoder()
    frame = game_frames(1)[0]
    changes = [{"env": 0}, {"view": replace(frame.view, world=1)}, {"run_id": "other"}]

    for change in changes:
        encoder.encode(frame)
        assert "on" not in encoder.encode(replace(frame, **change))


def test_a_frame_may_be_kept_while_others_come() -> None:
    encoder, decoder = FrameEncoder(), FrameDecoder()
    frames = game_frames(5)

    decoded = [decoder.decode(sent(encoder, frame)) for frame in frames]
    decoded[-1].view.cells[:] = 0  # nor does it matter what is done to one
    again = decoder.decode(sent(encoder, frames[0]))

    assert [told(frame) for frame in decoded[:-1]] == [told(frame) for frame in frames[:-1]]
    assert told(again) == told(frames[0])


def test_a_missing_frame_is_noticed_and_a_whole_picture_mends_it() -> None:
    encoder, decoder = FrameEncoder(), FrameDecoder()
    first, lost, third, fourth, fifth = game_frames(5)
    decoder.decode(sent(encoder, first))
    sent(encoder, lost)

    with pytest.raises(OutOfStep, match="builds on frame 2, and frame 1 is here"):
        decoder.decode(sent(encoder, third))
    encoder.restart()

    assert told(decoder.decode(sent(encoder, fourth))) == told(fourth)
    assert told(decoder.decode(sent(encoder, fifth))) == told(fifth)


def test_a_delta_that_comes_first_is_out_of_step() -> None:
    encoder = FrameEncoder()
    first, second = game_frames(2)
    encoder.encode(first)

    with pytest.raises(OutOfStep, match="no frame is here"):
        FrameDecoder().decode(sent(encoder, second))


def test_the_same_delta_twice_is_out_of_step() -> None:
    encoder, decoder = FrameEncoder(), FrameDecoder()
    first, second = (sent(encoder, frame) for frame in game_frames(2))
    decoder.decode(first)
    decoder.decode(second)

    with pytest.raises(OutOfStep):
        decoder.decode(second)


# Rubbish

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(
    ["n", "on", "step", "tick", "episode", "z", "run_id", "env", "world", "height", "width", "agents", "resources"]
)
PICTURES = st.binary(max_size=300).map(lambda data: base64.b64encode(zlib.compress(data)).decode())


@given(st.dictionaries(KEYS | st.text(max_size=5), JSON | PICTURES))
def test_records_made_of_anything_are_refused(record: dict[str, Any]) -> None:
    with pytest.raises(RunError):
        FrameDecoder().decode(record)


@given(st.data())
def test_a_damaged_record_is_refused_or_harmless_and_never_leaves_a_trace(data: st.DataObject) -> None:
    encoder, decoder = FrameEncoder(), FrameDecoder()
    first, second, third = game_frames(3)
    decoder.decode(sent(encoder, first))
    good = sent(encoder, second)
    bad = good | data.draw(st.dictionaries(KEYS, JSON | PICTURES | st.integers(0, 30), min_size=1, max_size=2))
    if data.draw(st.booleans()):
        bad.pop(data.draw(KEYS), None)

    try:
        decoder.decode(bad)
    except RunError:
        assert told(decoder.decode(good)) == told(second)
        assert told(decoder.decode(sent(encoder, third))) == told(third)


@given(st.data())
def test_a_picture_of_any_bytes_is_refused_or_can_be_drawn(data: st.DataObject) -> None:
    head = {"n": 1, "run_id": "x", "env": 0, "world": 0, "height": 2, "width": 3, "agents": 1, "resources": 1}
    head |= {"step": 0, "tick": 0, "episode": 0}
    size = 2 * 6 + 4 * 13
    picture = bytearray(size)
    for at, value in data.draw(st.dictionaries(st.integers(0, size - 1), st.integers(0, 255), max_size=4)).items():
        picture[at] = value

    try:
        view = FrameDecoder().decode(head | {"z": packed(bytes(picture))}).view
    except RunError:
        return
    agent = view.agents[0]
    assert view.cells.max() <= 66
    assert view.ready.max() <= 3
    assert (0 <= agent.row < 2, 0 <= agent.column < 3) == (True, True)
    assert (agent.group < 8, agent.facing < 8, -1 <= agent.last_action < 64) == (True, True, True)
    assert (agent.last_result <= 12, agent.role < 8, 0 <= agent.frozen <= 65535) == (True, True, True)
    assert (0 <= agent.glyph < 250, 0 <= agent.inventory[0] <= 65535) == (True, True)


def packed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 9)).decode()


def whole_record() -> dict[str, Any]:
    return sent(FrameEncoder(), game_frames(1)[0])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"width": 1025}, "'width'"),
        ({"height": 0}, "'height'"),
        ({"agents": 1025}, "'agents'"),
        ({"agents": True}, "'agents'"),
        ({"step": 1.0}, "'step'"),
        ({"tick": 10**6000}, "'tick'"),
        ({"run_id": "../other"}, "cannot be a run's name"),
        ({"run_id": 3}, "of which run"),
        ({"z": "ä"}, "cannot be unpacked"),
        ({"z": "AAAA"}, "cannot be unpacked"),
        ({"z": None}, "has no picture"),
        ({"z": packed(bytes(100))}, "is not"),
        ({"resources": 4}, "is not"),
    ],
)
def test_a_refusal_says_what_is_wrong(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(RunError, match=words):
        FrameDecoder().decode(whole_record() | changes)


def test_a_picture_that_would_be_huge_is_not_unpacked() -> None:
    record = whole_record() | {"z": packed(bytes(64 << 20))}

    tracemalloc.start()
    with pytest.raises(RunError, match="is not 1,610 bytes"):
        FrameDecoder().decode(record)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 1 << 20
