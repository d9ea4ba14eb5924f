"""The map buffer: drawing, strokes and the way back, with no screen at all."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.maps import CHARACTERS, GridMap, parse_ascii
from tui.panes.editor import buffer as editor_buffer
from tui.panes.editor.buffer import MapBuffer
from tui.panes.editor.shapes import block, line, outline

Operation = Callable[[MapBuffer], object]


def buffer_from(drawing: str) -> MapBuffer:
    return MapBuffer(parse_ascii(drawing, "drawn"))


def drawn(buffer: MapBuffer) -> str:
    return buffer.to_map().to_text()


def operations() -> st.SearchStrategy[Operation]:
    cells = st.tuples(st.integers(-1, 6), st.integers(-1, 6))
    names = st.sampled_from(sorted(CHARACTERS))
    sides = st.integers(1, 6)

    def fill(cell: tuple[int, int], name: str) -> Operation:
        return lambda buffer: buffer.fill(min(cell[0] % buffer.height, 6), min(cell[1] % buffer.width, 6), name)

    return st.one_of(
        st.builds(lambda cells, name: lambda buffer: buffer.paint(cells, name), st.lists(cells, max_size=5), names),
        st.builds(fill, cells, names),
        st.builds(lambda width, height: lambda buffer: buffer.resize(width, height), sides, sides),
        st.just(MapBuffer.begin_stroke),
        st.just(MapBuffer.end_stroke),
        st.just(MapBuffer.undo),
        st.just(MapBuffer.redo),
    )


@given(st.lists(operations(), max_size=30))
def test_undo_all_gives_the_original_and_redo_all_the_final_map(steps: list[Operation]) -> None:
    original = GridMap.walled("drawn", 5, 5)
    buffer = MapBuffer(original)

    for step in steps:
        step(buffer)
    while buffer.can_redo:
        buffer.redo()
    buffer.end_stroke()
    final = buffer.to_map()

    while buffer.can_undo:
        buffer.undo()
    assert buffer.to_map() == original
    assert not buffer.is_dirty

    while buffer.can_redo:
        buffer.redo()
    assert buffer.to_map() == final


@given(st.lists(operations(), max_size=30))
def test_cursor_never_leaves_the_map(steps: list[Operation]) -> None:
    buffer = MapBuffer(GridMap.walled("drawn", 5, 5))
    buffer.move_to(9, 9)

    for step in steps:
        step(buffer)

        assert buffer.contains(*buffer.cursor)


@given(st.lists(operations(), max_size=30))
def test_redrawn_rows_are_all_that_changed(steps: list[Operation]) -> None:
    buffer = MapBuffer(GridMap.walled("drawn", 5, 5))

    for step in steps:
        before = buffer.to_map().rows
        redrawn = step(buffer)
        after = buffer.to_map().rows

        changed = {row for row, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]}
        assert changed <= (redrawn or set())


def test_stroke_is_one_step_of_undo() -> None:
    buffer = buffer_from("....")

    buffer.begin_stroke()
    buffer.paint([(0, 0)], "wall")
    buffer.paint([(0, 2)], "wall")
    buffer.end_stroke()
    assert drawn(buffer) == "#.#.\n"

    buffer.undo()
    assert drawn(buffer) == "....\n"


def test_stroke_that_changes_nothing_is_not_recorded() -> None:
    buffer = buffer_from("#.")

    buffer.paint([(0, 0)], "wall")

    assert not buffer.can_undo
    assert not buffer.is_dirty


def test_new_stroke_forgets_what_was_undone() -> None:
    buffer = buffer_from("..")
    buffer.paint([(0, 0)], "wall")
    buffer.undo()

    buffer.paint([(0, 1)], "goal")

    assert not buffer.can_redo
    assert drawn(buffer) == ".*\n"


def test_undo_moves_the_cursor_to_the_change() -> None:
    buffer = buffer_from("...\n...")
    buffer.paint([(1, 2)], "wall")

    buffer.undo()

    assert buffer.cursor == (1, 2)


def test_fill_stops_at_other_objects_and_diagonal_gaps() -> None:
    buffer = buffer_from("..#.\n.#..\n#...")

    buffer.fill(0, 0, "mine")

    assert drawn(buffer) == "mm#.\nm#..\n#...\n"


def test_fill_with_the_same_object_changes_nothing() -> None:
    buffer = buffer_from("...")

    assert buffer.fill(0, 0, "empty") == set()


def test_cells_outside_the_map_are_left_out() -> None:
    buffer = buffer_from("..")

    assert buffer.paint([(-1, 0), (0, 1), (0, 2)], "wall") == {0}
    assert drawn(buffer) == ".#\n"


def test_resize_keeps_what_fits() -> None:
    buffer = buffer_from("##\n#*")

    buffer.resize(3, 1)
    assert drawn(buffer) == "##.\n"

    buffer.undo()
    assert drawn(buffer) == "##\n#*\n"


@pytest.mark.parametrize("size", [(0, 1), (1, 0), (1025, 1)])
def test_impossible_size_is_refused(size: tuple[int, int]) -> None:
    buffer = buffer_from("..")

    with pytest.raises(ValueError, match="1024"):
        buffer.resize(*size)
    assert not buffer.can_undo


def test_buffer_is_clean_at_the_saved_state_alone() -> None:
    buffer = buffer_from("..")
    buffer.paint([(0, 0)], "wall")
    buffer.mark_saved(buffer.state)
    assert not buffer.is_dirty

    buffer.undo()
    assert buffer.is_dirty

    buffer.redo()
    assert not buffer.is_dirty


def test_branch_after_undo_is_dirty_though_as_many_steps_long() -> None:
    buffer = buffer_from("..")
    buffer.paint([(0, 0)], "wall")
    buffer.mark_saved(buffer.state)

    buffer.undo()
    buffer.paint([(0, 1)], "wall")

    assert buffer.is_dirty


def test_open_stroke_counts_as_unsaved() -> None:
    buffer = buffer_from("..")

    buffer.begin_stroke()
    buffer.paint([(0, 0)], "wall")

    assert buffer.is_dirty


def test_history_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editor_buffer, "HISTORY_CELLS", 3)
    buffer = buffer_from(".....")

    for column in range(5):
        buffer.paint([(0, column)], "wall")
    while buffer.can_undo:
        buffer.undo()

    assert drawn(buffer) == "##...\n"


@given(*[st.tuples(st.integers(-9, 9), st.integers(-9, 9))] * 2)
def test_line_joins_its_ends_without_a_gap(start: tuple[int, int], end: tuple[int, int]) -> None:
    cells = line(start, end)

    assert cells[0] == start
    assert cells[-1] == end
    steps = [max(abs(a[0] - b[0]), abs(a[1] - b[1])) for a, b in itertools.pairwise(cells)]
    assert set(steps) <= {1}


def test_outline_is_the_edge_of_the_block() -> None:
    assert set(block((2, 2), (0, 0))) - set(outline((2, 2), (0, 0))) == {(1, 1)}
