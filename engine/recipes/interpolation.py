"""`${trainer.seed}` in a value: the value of another setting.

Pure; any thread. The standard library's `string.Template` reads the text and `graphlib` finds the order, so that
nothing is ever evaluated: only keys of the same configuration can be named. `$${` is a `${` that stays.
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from engine.errors import ConfigError

from .overrides import shortened, unknown
from .tree import Path, item_name

UNREAD: Final = object()
"""In place of a value that needs one which has been refused."""

MAX_TEXTS: Final = 1_000_000  # characters of all of them together
MAX_TEXT: Final = 10_000  # characters of a value made from others: names and paths are far shorter, a bomb is not


class _Template(string.Template):
    idpattern = None  # type: ignore[assignment]  # `$name` without braces is text
    pattern = r"""
        \$(?:(?P<escaped>\$(?=\{)) | (?P<named>(?!)) | \{(?P<braced>[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*)\} |
        (?P<invalid>(?=\{)))
    """  # type: ignore[assignment]


def interpolated(data: dict[str, Any]) -> Iterator[tuple[Path, str, Any]]:
    """Every value with `${` in it: its path, what it is made from, and its value, a ConfigError or UNREAD.

    They come in an order in which each needs only earlier ones, and each must be written into `data` before the next.
    """
    templates = {path: text for path, text in _texts(data, ()) if "${" in text}
    needs: dict[Path, list[Path]] = {}
    broken = set[Path]()
    for path, text in templates.items():
        try:
            needs[path] = [_find(data, key, path) for key in _keys(text, data, path)]
        except ConfigError as error:
            broken.add(path)
            yield path, text, error
    while cycle := _cycle(needs):
        for path in dict.fromkeys(cycle):
            del needs[path]
            yield path, templates[path], _goes_round(cycle, data) if path == cycle[0] else UNREAD
        broken.update(cycle)
    left = MAX_TEXTS
    for path in TopologicalSorter(needs).static_order():
        if path not in needs:
            continue
        if broken.intersection(needs[path]):
            broken.add(path)
            yield path, templates[path], UNREAD
            continue
        value = _value(templates[path], data, needs[path], path)
        left -= len(value) if isinstance(value, str) else 0
        if left < 0:
            value = _refusal(data, path, f"values made from others become more than {MAX_TEXTS} characters", "say less")
        if isinstance(value, ConfigError):
            broken.add(path)
        yield path, templates[path] if needs[path] else "", value


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))


def _keys(text: str, data: Any, path: Path) -> list[str]:
    keys = []
    for match in _Template.pattern.finditer(text):  # type: ignore[attr-defined]
        if match["invalid"] is not None:
            words = f"{shortened(text)!r} names no setting at character {match.start() + 1}"
            raise _refusal(data, path, words, "write ${trainer.seed}, or $${ for a ${ that stays")
        if match["braced"] is not None:
            keys.append(match["braced"])
    return keys


def _find(data: Any, key: str, path: Path) -> Path:
    """Where a key lies; items of lists by their name or number."""
    whole, found = data, list[str | int]()
    for name in key.split("."):
        known: list[str | int] = []
        if isinstance(data, dict):
            known = list(data)
        elif isinstance(data, list):
            known = [item_name(item, index) for index, item in enumerate(data)]
        if name not in known:
            missing = unknown(".".join(map(str, found)), name, map(str, known))
            raise _refusal(whole, path, f"${{{shortened(key)}}}: {missing.message}", missing.hint)
        step: str | int = known.index(name) if isinstance(data, list) else name
        data = data[step]
        found.append(step)
    if isinstance(data, dict | list):
        kind = "table" if isinstance(data, dict) else "list"
        words = f"${{{shortened(key)}}} is a {kind}, not a value"
        raise _refusal(whole, path, words, f"name one value in {shortened(key)}")
    return tuple(found)


def _value(text: str, data: Any, needed: list[Path], path: Path) -> Any:
    """The value itself where the text is one `${key}` and nothing else; else the text with values put in."""
    values = dict(zip(_keys(text, data, path), (_at(data, place) for place in needed), strict=True))
    match = _Template.pattern.fullmatch(text)  # type: ignore[attr-defined]
    if match is not None and match["braced"] is not None:
        made = values[match["braced"]]
    else:
        made = _Template(text).substitute({key: as_text(value) for key, value in values.items()})
    if isinstance(made, str) and len(made) > MAX_TEXT and needed:
        return _refusal(data, path, f"the text becomes {len(made)} characters long", "name shorter values")
    return made


def _at(data: Any, path: Path) -> Any:
    for key in path:
        data = data[key]
    return data


def as_text(value: Any) -> str:
    """A value inside a text."""
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def _cycle(needs: dict[Path, list[Path]]) -> list[Path]:
    """Values that need one another, each the one before it; the first is there twice. Empty: there are none."""
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def _goes_round(cycle: list[Path], data: Any) -> ConfigError:
    names = " -> ".join(_key(data, path) for path in cycle)
    return _refusal(data, cycle[0], f"it goes round: {names}", "give one of them a value")


def _refusal(data: Any, path: Path, words: str, hint: str) -> ConfigError:
    return ConfigError(f"{_key(data, path)}: {words}", hint=hint)


def _key(data: Any, path: Path) -> str:
    """A path as a person types it: items of lists by name."""
    names = []
    for key in path:
        data = data[key]
        names.append(item_name(data, key) if isinstance(key, int) else key)
    return ".".join(names)
