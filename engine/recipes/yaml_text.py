"""YAML as we take it from people: one document of plain tables, lists and values, and where each of them stands.

Pure; any thread. A file is not trusted: anchors and aliases (a bomb in ten lines), tags (they build objects), keys
given twice and depths that nobody means are refused by line and column, while reading, before anything is built.
Values are read as `key=value` reads them, so `no` is a word, `1e-7` a number, and nothing is a date.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

from engine.errors import ConfigError

from .overrides import parse_number, shortened

MAX_BYTES: Final = 256 * 1024
"""Largest file. Every game that ships has below 8 KB; this much is read within some seconds."""

MAX_DEPTH: Final = 32
"""Tables and lists within one another; no model of ours is half as deep."""

Path = tuple[str | int, ...]
Place = tuple[int, int]
"""Line and column, from 1."""

_WORDS: Final = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(frozen=True)
class YamlText:
    """What a document says, and where."""

    name: str
    """What to call it in errors."""
    data: dict[str, Any]
    places: dict[Path, Place]
    """Of each key, and of each item of a list."""

    def error(self, path: Path, message: str, hint: str = "") -> ConfigError:
        """An error at the place of a path, or of the nearest thing above it that is written down."""
        known = next((path[:end] for end in range(len(path), 0, -1) if path[:end] in self.places), ())
        line, column = self.places.get(known, (1, 1))
        return _refusal(self.name, (line, column), message, hint)


def read_yaml(text: str, name: str) -> YamlText:
    """Read a document.

    Args:
        name: what to call it, also in error messages.

    Raises:
        ConfigError: it is no YAML, no table, or more than plain YAML; with line and column.
    """
    if len(text) > MAX_BYTES:
        raise ConfigError(f"{name} is larger than {MAX_BYTES // 1024} KB", hint="it takes a few KB at most")
    try:
        return _Reader(text, name).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        raise _refusal(name, place, f"not YAML: {error.problem}", "tables are `key: value`, one a line") from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = (before.count("\n") + 1, error.position - before.rfind("\n"))
        raise _refusal(name, place, f"character U+{error.character:04X} is not text", "take it out") from None


class _Reader:
    """Builds data from the parser's events. One use."""

    def __init__(self, text: str, name: str) -> None:
        self._name = name
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.SafeLoader)
        self._places: dict[Path, Place] = {}

    def document(self) -> YamlText:
        next(self._events)  # the start of the stream
        start = next(self._events)
        if isinstance(start, yaml.StreamEndEvent):
            raise _refusal(self._name, (1, 1), "there is nothing in it", "write `key: value`, one a line")
        first = next(self._events)
        if not isinstance(first, yaml.MappingStartEvent):
            raise self._refused(first, "a table is needed here", "write `key: value`, one a line")
        data = self._value(first, ())
        next(self._events)  # the end of the document
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._refused(after, "a second document begins", "put each into a file of its own")
        return YamlText(self._name, data, self._places)

    def _value(self, event: yaml.Event, path: Path) -> Any:
        self._refuse_more_than_plain(event, path)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.MappingStartEvent):
            return self._table(path)
        return self._list(path)

    def _table(self, path: Path) -> dict[str, Any]:
        table: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event)
            if key in table:
                line = self._places[*path, key][0]
                raise self._refused(event, f"{shortened(key)!r} is there twice, first in line {line}", "keep one")
            self._places[*path, key] = _place(event)
            table[key] = self._value(next(self._events), (*path, key))
        return table

    def _key(self, event: yaml.Event) -> str:
        self._refuse_more_than_plain(event, ())
        if not isinstance(event, yaml.ScalarEvent):
            raise self._refused(event, "a table or a list cannot be a key", "write `key: value`")
        return str(event.value)

    def _list(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            here = (*path, len(items))
            self._places[here] = _place(event)
            items.append(self._value(event, here))
        return items

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        """Quoted text is text; else null, true and false (as YAML writes them), numbers, and everything else text."""
        try:
            return event.value if event.style is not None else _plain(event.value)
        except ValueError as error:
            raise self._refused(event, str(error)) from None

    def _refuse_more_than_plain(self, event: yaml.Event, path: Path) -> None:
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if anchor is not None:
            what = "an alias (*" if isinstance(event, yaml.AliasEvent) else "an anchor (&"
            raise self._refused(event, f"{what}{shortened(anchor)})", "write it out where it is needed")
        if tag is not None:
            named = shortened(tag.replace("tag:yaml.org,2002:", "!!"))
            raise self._refused(event, f"a tag ({named})", "values here are plain: text, numbers, true, false, null")
        if len(path) > MAX_DEPTH:
            raise self._refused(event, f"nested deeper than {MAX_DEPTH}", "no setting lies so deep")

    def _refused(self, event: yaml.Event, message: str, hint: str = "") -> ConfigError:
        return _refusal(self._name, _place(event), message, hint)


def reads_as_text(text: str) -> bool:
    """Whether an unquoted word is read as the text that it is."""
    try:
        return bool(_plain(text) == text)
    except ValueError:
        return False


def _plain(text: str) -> Any:
    if text in _WORDS or text in ("Null", "NULL", "True", "TRUE", "False", "FALSE"):
        return _WORDS[text.lower()]
    return parse_number(text)


def _place(event: yaml.Event) -> Place:
    assert event.start_mark is not None, "what is read from text has its place"
    return event.start_mark.line + 1, event.start_mark.column + 1


def _refusal(name: str, place: Place, message: str, hint: str) -> ConfigError:
    line, column = place
    return ConfigError(f"{name}, line {line}, column {column}: {message}", hint=hint, line=line, column=column)
