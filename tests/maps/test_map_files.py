"""Maps on disk: loading refuses what is no map, saving never leaves half a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.errors import MapError
from engine.maps import GridMap, is_stock, load_map, parse_ascii, save_map, stock_names
from engine.maps import files as map_files

ROOM = parse_ascii("####\n#.*#\n####\n", "room")


def test_saved_map_loads_as_the_same_map(tmp_path: Path) -> None:
    path = save_map(tmp_path / "room.map", ROOM)

    assert load_map(path) == ROOM


def test_saving_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    path = save_map(tmp_path / "room.map", ROOM)
    first = path.read_bytes()

    save_map(path, load_map(path))

    assert path.read_bytes() == first == b"####\n#.*#\n####\n"


def test_saving_leaves_no_other_file_behind(tmp_path: Path) -> None:
    save_map(tmp_path / "room.map", ROOM)
    save_map(tmp_path / "room.map", ROOM)

    assert os.listdir(tmp_path) == ["room.map"]


def test_saving_keeps_the_permissions_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "room.map"
    path.write_text("#\n")
    path.chmod(0o640)

    save_map(path, ROOM)

    assert path.stat().st_mode & 0o777 == 0o640


def test_saving_through_a_link_writes_its_target(tmp_path: Path) -> None:
    target, link = tmp_path / "real.map", tmp_path / "link.map"
    target.write_text("#\n")
    link.symlink_to(target)

    save_map(link, ROOM)

    assert link.is_symlink()
    assert load_map(target).rows == ROOM.rows


def test_failed_save_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_map(tmp_path / "room.map", ROOM)

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(map_files.os, "fsync", full_disk)
    with pytest.raises(MapError, match="no space left on device"):
        save_map(path, GridMap.walled("other", 9, 9))

    assert load_map(path) == ROOM
    assert os.listdir(tmp_path) == ["room.map"]


def test_map_that_cannot_be_written_touches_no_file(tmp_path: Path) -> None:
    with pytest.raises(MapError):
        save_map(tmp_path / "odd.map", GridMap("odd", (("lava",),)))

    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["", "  ", "a\0b", "\ud800"])
def test_what_cannot_be_a_path_is_refused(name: str) -> None:
    with pytest.raises(MapError, match="not a file name"):
        load_map(name)


def test_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MapError, match="is a directory"):
        load_map(tmp_path)
    with pytest.raises(MapError, match="is a directory"):
        save_map(tmp_path, ROOM)


def test_fifo_is_refused_and_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.map")

    with pytest.raises(MapError, match="not a regular file"):
        load_map(tmp_path / "pipe.map")
    with pytest.raises(MapError, match="not a regular file"):
        save_map(tmp_path / "pipe.map", ROOM)


def test_device_is_refused() -> None:
    with pytest.raises(MapError, match="not a regular file"):
        load_map("/dev/zero")


def test_missing_map_names_the_stock_maps() -> None:
    with pytest.raises(MapError, match="there is no map") as caught:
        load_map("nowhere/at_all.map")

    assert "arena_basic" in caught.value.hint


def test_file_over_four_megabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "huge.map"
    with path.open("wb") as file:
        file.truncate(4 * 1024 * 1024 + 1)

    with pytest.raises(MapError, match="larger than 4 MB"):
        load_map(path)


@pytest.mark.parametrize(
    ("data", "line", "column"),
    [(b"##\n#\xff\n", 2, 2), (b"\xff", 1, 1), (b"##\n\xc3", 2, 1), (b"\x00\x01", 1, 1), (b"#\x7fELF", 1, 2)],
)
def test_bytes_that_are_no_map_are_refused_with_their_place(
    tmp_path: Path, data: bytes, line: int, column: int
) -> None:
    path = tmp_path / "noise.map"
    path.write_bytes(data)

    with pytest.raises(MapError) as caught:
        load_map(path)

    assert (caught.value.line, caught.value.column) == (line, column)
    assert caught.value.message.startswith("noise.map, line")


def test_unreadable_target_is_an_answer_not_a_crash(tmp_path: Path) -> None:
    with pytest.raises(MapError, match="cannot save"):
        save_map(tmp_path / "missing" / "room.map", ROOM)
    with pytest.raises(MapError, match="cannot save"):
        save_map(tmp_path / ("n" * 300), ROOM)


def test_stock_name_wins_over_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_map("arena_basic", ROOM)

    assert load_map("arena_basic").size == "25x25"
    assert load_map("./arena_basic") == ROOM.renamed("arena_basic")


def test_stock_name_may_be_written_with_a_slash() -> None:
    assert load_map("arena/basic") == load_map("arena_basic")
    assert is_stock("arena/basic")
    assert not is_stock("arena_basic.map")


def test_stock_maps_are_listed() -> None:
    assert set(stock_names()) >= {"arena_basic", "arena_small", "navigation_rooms", "navigation_walls9"}
