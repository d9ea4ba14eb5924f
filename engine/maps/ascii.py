"""Read a map drawn in text: one character a cell, one line a row, nothing else.

Pure; any thread. What a file holds is not trusted: every way in which it can be wrong is answered by a
MapError that names the map, the line, the column and what to do. Messages are plain ASCII except for the name.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from engine.errors import MapError

from .characters import CHARACTERS, OBJECTS
from .grid_map import MAX_SIDE, GridMap

_BYTE_ORDER_MARK: Final = "\ufeff"


def parse_ascii(text: str, name: str) -> GridMap:
    """Build a map from its text.

    Args:
        text: rows of map characters; empty lines at the end are ignored.
        name: what to call the map, also in error messages.

    Raises:
        MapError: anything but a rectangle of known characters.
    """
    lines = text.rstrip("\n").split("\n")
    _check_size(lines, name)

    rows = tuple(_parse_line(line, number, name) for number, line in enumerate(lines, start=1))
    _check_width(lines, name)

    return GridMap(name, rows)


def _check_size(lines: list[str], name: str) -> None:
    if lines == [""]:
        raise MapError(f"{name} is empty", hint="draw at least one line of map characters")
    if len(lines) > MAX_SIDE:
        raise _error(name, MAX_SIDE + 1, 1, f"more than {MAX_SIDE} lines", "split it into smaller maps")
    for number, line in enumerate(lines, start=1):
        if len(line) > MAX_SIDE:
            raise _error(name, number, MAX_SIDE + 1, f"more than {MAX_SIDE} columns", "split it into smaller maps")


def _parse_line(line: str, number: int, name: str) -> tuple[str, ...]:
    try:
        return tuple([OBJECTS[character] for character in line])
    except KeyError:
        column = next(index for index, character in enumerate(line) if character not in OBJECTS)
        what, hint = _describe_refusal(line[column], number, column)
        raise _error(name, number, column + 1, what, hint) from None


def _check_width(lines: list[str], name: str) -> None:
    """After the characters: a stray tab or carriage return explains more than the length it causes."""
    width = len(lines[0])
    for number, line in enumerate(lines, start=1):
        if len(line) != width:
            what = f"{len(line)} columns, but the first line has {width}"
            raise _error(name, number, min(len(line), width) + 1, what, "make all lines equally long; '.' is empty")


def _describe_refusal(character: str, number: int, column: int) -> tuple[str, str]:
    """What is wrong with this character, and what to do."""
    if character == "\r":
        return "a carriage return", "save the file with Unix line ends (LF)"
    if character == "\t":
        return "a tab", "use '.' or spaces for empty cells"
    if character == _BYTE_ORDER_MARK and (number, column) == (1, 0):
        return "a byte order mark", "save the file as UTF-8 without one"
    if character == "\0":
        return "a zero byte: this is not a text file", "choose a map drawn in text"
    known = " ".join(CHARACTERS.values())
    return f"unknown character {_spelled(character)}", f"known are {known} and space"


def _spelled(character: str) -> str:
    """A character in ASCII: itself where that shows, else its number and name."""
    if character.isascii() and character.isprintable():
        return f"'{character}'"
    return f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip()


def _error(name: str, line: int, column: int, what: str, hint: str) -> MapError:
    return MapError(f"{name}, line {line}, column {column}: {what}", hint=hint, line=line, column=column)
