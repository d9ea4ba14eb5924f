"""The words between a run and its watchers: what is taken, what is refused, what fits together again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RunError
from engine.runs import Checkpoint, Command, Pause, Resume, SetHyper, SharePolicy, Stop, Unwatch, Watch
from engine.runs.desk import Desk
from engine.runs.wire import LineBuffer, command_of, command_record, to_line

FINITE = st.floats(allow_nan=False, allow_infinity=False)
COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.sampled_from([Pause(), Resume(), Stop(), Checkpoint(), SharePolicy(), Unwatch()]),
    st.builds(Watch, st.integers(0, 2**20), FINITE),
    st.builds(SetHyper, st.text(max_size=40), FINITE),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(COMMANDS, st.integers(0, 2**50))
def test_a_command_arrives_as_it_was_given(command: Command, number: int) -> None:
    (record,) = LineBuffer().feed(to_line(command_record(command, number)))

    assert command_of(record) == command
    assert record["id"] == number


@given(st.lists(st.dictionaries(st.text(max_size=5), st.integers(), max_size=3), max_size=6), st.data())
def test_a_stream_that_is_cut_anywhere_gives_the_same_records(
    records: list[dict[str, int]], data: st.DataObject
) -> None:
    stream = b"".join(map(to_line, records))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    buffer = LineBuffer()

    heard = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        heard += buffer.feed(stream[start:end])

    assert heard == records


@given(st.dictionaries(st.sampled_from(["op", "env", "fps", "name", "value", "id"]), JSON))
def test_what_is_no_command_is_refused_in_words(record: dict[str, object]) -> None:
    try:
        command = command_of(record)
    except RunError:
        return
    assert command_of(command_record(command, 1)) == command


@pytest.mark.parametrize("line", [b"[]", b"1", b"{", b'{"op": \xff}', b'{"a": ' + b"[" * 100_000, b"\x1b[2J"])
def test_a_line_that_is_no_record_is_refused(line: bytes) -> None:
    with pytest.raises(RunError, match="no record"):
        LineBuffer().feed(line + b"\n")


def test_a_line_without_end_is_given_up() -> None:
    buffer = LineBuffer(limit=1000)
    buffer.feed(b"x" * 900)

    with pytest.raises(RunError, match="more than 1000 bytes"):
        buffer.feed(b"x" * 200)


@given(st.dictionaries(st.sampled_from(["frame", "applied", "refused", "accepted", "words", "hint"]), JSON))
def test_a_desk_takes_anything_or_refuses_in_words(record: dict[str, object]) -> None:
    desk = Desk()
    desk.ask(Watch(0, 10.0))
    try:
        desk.hear(record)
    except RunError:
        return
    assert all(isinstance(answer.words, str) for answer in desk.answers())


def test_what_was_asked_and_not_answered_is_known_when_the_line_is_cut() -> None:
    desk = Desk()
    for command in (Pause(), Watch(3, 5.0), Stop()):
        desk.ask(command)
    desk.hear({"applied": 1, "words": "paused"})

    assert desk.cut() == [Stop()]
    assert desk.cut() == []
    assert [record["op"] for record in desk.greet()] == ["watch"]  # a fresh line is told what is looked at
