"""Films as files of other kinds, by the ending of their name. Called on one thread; plays the film as it goes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from engine.errors import RecordingError, RunError, UsageError
from engine.maps.sprites import SIDE, picture_of
from engine.runs.files import replace_file
from engine.runs.recordings import SUFFIX, save_recording
from engine.sim import AGENT, Recording

from .cast import Still, cast_of
from .drawing import plain, rows_of
from .film import Film
from .odd import safe
from .pictures import Picture, gif_of, png_of
from .svg import svg_of
from .writer import SUFFIXES, save_replay

DEFAULT_FPS: Final = 8.0
MOST_CELLS: Final = 20_000_000
"""Cells of all frames of a text film: 32,000 frames of 25x25."""
MOST_PIXELS: Final = 256_000_000
"""Pixels of all frames before they are enlarged: 6,400 frames of 25x25."""

_PACKED: Final = {".z": b"\x78", ".gz": b"\x1f\x8b", ".json": b"{"}
_BEGINNINGS: Final = {
    SUFFIX: b"\x89gridrec",
    **{suffix: _PACKED[suffix[suffix.rindex(".") :]] for suffix in SUFFIXES},
    ".cast": b'{"version": 2',
    ".svg": b"<svg",
    ".gif": b"GIF8",
    ".png": b"\x89PNG",
    ".txt": b"tick ",
}
"""Every ending, and how files of its kind begin: nothing else is written over."""

ENDINGS: Final = tuple(_BEGINNINGS)


@dataclass(frozen=True)
class Part:
    """Which ticks of a film, and how fast."""

    ticks: range
    fps: float = DEFAULT_FPS


def suffix_of(path: Path) -> str:
    """Which of ENDINGS a place has.

    Raises:
        UsageError: none of them, no such directory, or something else is there.
    """
    name = path.name.lower()
    suffix = next((each for each in ENDINGS if name.endswith(each) and name != each), "")
    shown = safe(str(path))
    if not suffix:
        raise UsageError(f"'{shown}': what is that to be?", hint=f"end its name in {', '.join(ENDINGS)}")
    if not os.path.isdir(path.parent):
        raise UsageError(f"there is no directory '{safe(str(path.parent))}'", hint="make it first")
    if os.path.lexists(path) and not _holds(path, _BEGINNINGS[suffix]):
        raise UsageError(f"'{shown}' is there and is no {suffix} file", hint="choose another name")
    return suffix


def part_of(film: Film, first: int | None, last: int | None, every: int, fps: float) -> Part:
    """The part of a film from one tick to another, both included.

    Raises:
        UsageError: it has no such ticks.
    """
    begin = film.ticks[0] if first is None else first
    end = film.ticks[-1] if last is None else last
    for tick in (begin, end):
        if tick not in film.ticks:
            raise UsageError(f"there is no tick {tick}", hint=f"it shows ticks {film.ticks[0]} to {film.ticks[-1]}")
    if begin > end:
        raise UsageError(f"tick {begin} comes after tick {end}", hint="take --from before --to")
    return Part(range(begin, end + 1, every), fps)


def export(film: Film, path: Path, part: Part) -> str:
    """Write a film, or a part of it, as what the name's ending says. Returns what was written, in words.

    Raises:
        UsageError: as `suffix_of`, or the ending asks for what this film cannot give.
        RecordingError: too much for such a file, or the disk refuses.
    """
    suffix = suffix_of(path)
    if suffix == SUFFIX:
        save_recording(path, _recording(film))
        return "the recording"
    if suffix in SUFFIXES:
        save_replay(path, _recording(film))
        return "a replay of version 3"
    _check_amount(film, part, suffix)
    _write(path, _MAKERS[suffix](film, part))
    count = 1 if suffix == ".png" else len(part.ticks)
    return f"{count:,} {'frame' if count == 1 else 'frames'}"


def _recording(film: Film) -> Recording:
    if film.recording is None:
        raise UsageError(
            "it holds pictures only: nothing that could be played again",
            hint="a .cast, .svg, .gif, .png or .txt can be made of it",
        )
    return film.recording


def _check_amount(film: Film, part: Part, suffix: str) -> None:
    height, width = film.view(part.ticks[0]).cells.shape
    frames = 1 if suffix == ".png" else len(part.ticks)
    per_cell, most = (SIDE * SIDE, MOST_PIXELS) if suffix in (".gif", ".png") else (1, MOST_CELLS)
    if frames * height * width * per_cell > most:
        raise RecordingError(
            f"{frames:,} frames of {width}x{height} cells are too many for {suffix}",
            hint="take fewer: --from, --to, --every",
        )


def _write(path: Path, data: bytes) -> None:
    try:
        replace_file(Path(os.path.realpath(path)), data)
    except RunError as error:
        raise RecordingError(error.message, hint="choose a place that can be written") from error


def _holds(path: Path, beginning: bytes) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            found = file.read(len(beginning))
    except (OSError, ValueError):  # not ours to read
        return False
    return found in (beginning, b"")


# ---- What each ending makes


def _stills(film: Film, part: Part) -> Iterator[Still]:
    for tick in part.ticks:
        yield Still(tick, rows_of(film.view(tick), film.spec))


def _pictures(film: Film, part: Part) -> Iterator[Picture]:
    for tick in part.ticks:
        view = film.view(tick)
        there = tuple(agent for agent in view.agents if view.cells[agent.row, agent.column] == AGENT)
        yield picture_of(replace(view, agents=there), film.spec.cell_names)


def _text(film: Film, part: Part) -> bytes:
    blocks = ("\n".join((still.caption, *map(plain, still.rows), "")) for still in _stills(film, part))
    return "\n".join(blocks).encode()


def _cast(film: Film, part: Part) -> bytes:
    height, width = film.view(part.ticks[0]).cells.shape
    return "\n".join((*cast_of(_stills(film, part), width, height, part.fps, film.name), "")).encode()


def _svg(film: Film, part: Part) -> bytes:
    height, width = film.view(part.ticks[0]).cells.shape
    return "\n".join((*svg_of(_stills(film, part), width, height, part.fps, safe(film.name)), "")).encode()


_MAKERS: Final[dict[str, Callable[[Film, Part], bytes]]] = {
    ".txt": _text,
    ".cast": _cast,
    ".svg": _svg,
    ".gif": lambda film, part: gif_of(_pictures(film, part), part.fps),
    ".png": lambda film, part: png_of(next(_pictures(film, part))),
}
