"""Exports: what a terminal, a browser and a picture show is what the film shows, frame by frame."""

from __future__ import annotations

import builtins
import io
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pyte
import pytest
from rich.cells import cell_len

from engine.errors import RecordingError, UsageError
from engine.maps.sprites import picture_of
from engine.replays import Film, RecordedFilm, film_of, open_film
from engine.replays.drawing import MODES, ansi, drawn, plain, rows_of
from engine.replays.export import ENDINGS, Part, export, part_of, suffix_of
from engine.runs.recordings import load_recording, save_recording
from engine.sim.gridrec import to_bytes

from .foreign import V3, changed, data_of
from .played import of_recipe

ESCAPE = '\x1b]0;x\x07<script>&"'
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def film() -> Film:
    return RecordedFilm(of_recipe("arena_easy", 20, seed=4))


def part(film: Film, **changes: Any) -> Part:
    return part_of(film, **{"first": None, "last": None, "every": 1, "fps": 10.0, **changes})


def frames_of(film: Film, ticks: range) -> list[list[str]]:
    return [[*drawn(film.view(tick), film.spec), f"tick {tick}"] for tick in ticks]


def test_text_is_every_frame(film: Film, tmp_path: Path) -> None:
    words = export(film, tmp_path / "a.txt", part(film, first=3, last=9, every=3))

    text = (tmp_path / "a.txt").read_text("utf-8")
    assert words == "3 frames"
    assert text.split("\n\n")[1].splitlines() == ["tick 6", *drawn(film.view(6), film.spec)]
    assert text.count("tick ") == 3


def test_a_cast_plays_what_the_film_shows(film: Film, tmp_path: Path) -> None:
    export(film, tmp_path / "a.cast", part(film))

    header, *events = map(json.loads, (tmp_path / "a.cast").read_text("utf-8").splitlines())
    assert (header["version"], header["width"], header["height"]) == (2, 13, 12)
    screen = pyte.Screen(header["width"], header["height"])
    stream = pyte.Stream(screen)
    shown = []
    for _, kind, data in events:
        assert kind == "o"
        stream.feed(data)
        shown.append([row.rstrip() for row in screen.display])
    assert shown[:-1] == frames_of(film, film.ticks)
    assert [time for time, _, _ in events] == [round(index / 10, 6) for index in range(22)]
    me = film.view(20).agents[0]
    assert screen.buffer[me.row][me.column].fg == "e69f00"  # the first group's
    assert screen.buffer[me.row][me.column].bold
    sizes = [len(data) for _, _, data in events]
    assert max(sizes[2:]) < sizes[0]  # only rows that change are written again


def svg_frames(path: Path, count: int) -> list[list[str]]:
    """What a viewer shows at each picture, by the times in the file."""
    root = ElementTree.parse(path).getroot()
    frames: list[dict[float, str]] = [{} for _ in range(count)]
    for text in root.iter(f"{SVG}text"):
        row = [" "] * 80
        for span in text.iter(f"{SVG}tspan"):
            at = round((float(span.attrib["x"]) - 8) / 9.6)
            row[at : at + len(span.text or "")] = span.text or ""
        animation = text.find(f"{SVG}animate")
        for index in range(count):
            if _is_visible(animation, index / count):
                assert float(text.attrib["y"]) not in frames[index]
                frames[index][float(text.attrib["y"])] = "".join(row).rstrip()
    return [[frame[y] for y in sorted(frame)] for frame in frames]


def _is_visible(animation: Any, moment: float) -> bool:
    if animation is None:
        return True
    times = [float(time) for time in animation.attrib["keyTimes"].split(";")]
    values = animation.attrib["values"].split(";")
    assert times[0] == 0
    assert times == sorted(times)
    return bool([value for time, value in zip(times, values, strict=True) if time <= moment + 1e-5][-1] == "visible")


def test_an_svg_shows_what_the_film_shows(film: Film, tmp_path: Path) -> None:
    export(film, tmp_path / "a.svg", part(film))

    assert svg_frames(tmp_path / "a.svg", 21) == frames_of(film, film.ticks)
    text = (tmp_path / "a.svg").read_text("utf-8")
    assert 'dur="2.1s"' in text
    assert "script" not in text
    assert "href" not in text


def test_pictures_are_the_sprites(film: Film, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    assert export(film, tmp_path / "a.png", part(film, first=7, last=7)) == "1 frame"
    assert export(film, tmp_path / "a.gif", part(film, last=4)) == "5 frames"

    def enlarged(tick: int) -> np.ndarray:
        return picture_of(film.view(tick), film.spec.cell_names).repeat(4, axis=0).repeat(4, axis=1)

    with image.open(tmp_path / "a.png") as png:
        assert np.array_equal(np.asarray(png.convert("RGB")), enlarged(7))
    with image.open(tmp_path / "a.gif") as gif:
        assert (gif.n_frames, gif.info["duration"], gif.info["loop"]) == (5, 100, 0)
        for tick in range(5):
            gif.seek(tick)
            assert np.array_equal(np.asarray(gif.convert("RGB")), enlarged(tick))


def test_without_pillow_it_says_what_to_install(film: Film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == "PIL":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)

    with pytest.raises(RecordingError, match="pictures need Pillow") as refused:
        export(film, tmp_path / "a.gif", part(film))
    assert "gridrl-tui[pictures]" in refused.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".json.z", ".json.gz", ".json"])
def test_recordings_become_replays_and_come_back(tmp_path: Path, suffix: str) -> None:
    recording = of_recipe("arena_easy", 300, "rules.max_steps=40")
    save_recording(tmp_path / "a.gridrec", recording)

    with open_film(tmp_path / "a.gridrec") as one:
        assert export(one, tmp_path / f"b{suffix}", part(one)) == "a replay of version 3"
    with open_film(tmp_path / f"b{suffix}") as other:
        assert export(other, tmp_path / "c.gridrec", part(other)) == "the recording"

    assert (tmp_path / "c.gridrec").read_bytes() == (tmp_path / "a.gridrec").read_bytes()
    assert to_bytes(load_recording(tmp_path / "c.gridrec")) == to_bytes(recording)


def test_replays_of_others_become_pictures_and_no_recording(tmp_path: Path) -> None:
    film = film_of(data_of(changed(V3, file_name=ESCAPE)))

    for suffix in (".cast", ".svg", ".txt"):
        assert export(film, tmp_path / f"a{suffix}", part(film)) == "5 frames"
        assert "\x07" not in (tmp_path / f"a{suffix}").read_text("utf-8")
    assert svg_frames(tmp_path / "a.svg", 5) == frames_of(film, film.ticks)
    for suffix in (".gridrec", ".json.z"):
        with pytest.raises(UsageError, match="nothing that could be played again"):
            export(film, tmp_path / f"a{suffix}", part(film))


# ---- Places and amounts


def test_places_are_looked_at_first(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "frames.txt").write_text("tick 0\n")
    (tmp_path / "folder.svg").mkdir()

    assert suffix_of(tmp_path / "frames.txt") == ".txt"
    assert [suffix_of(tmp_path / f"new{ending}") for ending in ENDINGS] == list(ENDINGS)
    for name, words in {
        "notes.txt": "is there and is no .txt file",
        "folder.svg": "is there and is no .svg file",
        "a.mp4": "what is that to be?",
        ".gif": "what is that to be?",
        "no/a.gif": "there is no directory",
        f"{ESCAPE}.mp4": "what is that to be?",
    }.items():
        with pytest.raises(UsageError, match=words.replace("?", r"\?")) as refused:
            suffix_of(tmp_path / name)
        assert refused.value.message.isprintable()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_each_kind_may_be_written_over(film: Film, tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    for ending in ENDINGS:
        for _ in range(2):
            export(film, tmp_path / f"a{ending}", part(film, last=2))

    assert len(list(tmp_path.iterdir())) == len(ENDINGS)


def test_ticks_that_are_not_there_are_refused(film: Film) -> None:
    for first, last, words in (
        (0, 21, "there is no tick 21"),
        (30, None, "there is no tick 30"),
        (5, 4, "comes after"),
    ):
        with pytest.raises(UsageError, match=words):
            part(film, first=first, last=last)


def test_too_much_is_refused_with_words(film: Film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.replays.export.MOST_CELLS", 13 * 11 * 20)

    with pytest.raises(RecordingError, match=r"21 frames of 13x11 cells are too many for \.cast") as refused:
        export(film, tmp_path / "a.cast", part(film))
    assert refused.value.hint == "take fewer: --from, --to, --every"
    assert export(film, tmp_path / "a.cast", part(film, last=19)) == "20 frames"


# ---- Drawing


def test_modes_draw_the_same_cells(film: Film) -> None:
    view = film.view(20)
    texts = {mode: [plain(row) for row in rows_of(view, film.spec, mode)] for mode in MODES}

    assert texts["ascii"] == texts["ansi"] == drawn(view, film.spec)
    assert texts["human"] == texts["nethack"]
    for index, agent in enumerate(view.agents):
        assert texts["ascii"][agent.row][agent.column] == "@"
        assert texts["human"][agent.row][agent.column] == str(index)
    assert texts["box"][0] == "┌─────┬─────┐"
    assert {cell_len(row) for row in texts["miniscope"]} == {26}


def test_the_window_of_an_agent_is_centred_on_it(film: Film) -> None:
    me = film.view(0).agents[0]
    rows = [plain(row) for row in rows_of(film.view(0), film.spec, "ascii", 0)]
    height, width = film.spec.window_height, film.spec.window_width

    assert (len(rows), {len(row) for row in rows}) == (height, {width})
    assert rows[height // 2][width // 2] == "@"
    whole = drawn(film.view(0), film.spec)
    assert rows[height // 2][width // 2 - me.column :].rstrip() == whole[me.row][: width // 2 + 1 + me.column]


def test_ansi_says_what_plain_says_in_colour(film: Film) -> None:
    screen = pyte.Screen(13, 1)
    stream = pyte.Stream(screen)
    row = rows_of(film.view(3), film.spec)[4]

    stream.feed(ansi(row))

    assert screen.display == [plain(row)]
    assert io.StringIO(plain(row)).read().isascii()
