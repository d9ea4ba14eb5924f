"""`trainer.learning_rate=3e-4`: reading an override, and writing a configuration as overrides. Pure; any thread."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from engine.errors import ConfigError

from .schema import Slot, allowed, slot_of
from .tree import leaves, typed_text

MAX_VALUE_CHARACTERS = 1_000_000  # of one value: what an operating system lets through is more than anybody means
_MAX_SHOWN = 60  # characters of a value in an error

_WHOLE = re.compile(r"[+-]?[0-9]+", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_WORDS = {"true": True, "false": False, "none": None, "null": None}


@dataclass(frozen=True)
class Override:
    """One `key=value` as it was typed."""

    key: str
    text: str

    @property
    def names(self) -> tuple[str, ...]:
        """The parts of the key."""
        return tuple(self.key.split("."))

    def __str__(self) -> str:
        return f"{self.key}={shortened(self.text)}"


def parse_override(argument: str) -> Override:
    """Split `key=value` at the first `=`.

    Raises:
        ConfigError: there is no `=`, no key, or the text is not UTF-8.
    """
    key, equals, text = argument.partition("=")
    if not equals or not all(key.split(".")):
        raise ConfigError(
            f"{shortened(argument)!r} is not key=value", hint="write settings like trainer.learning_rate=3e-4"
        )
    try:
        argument.encode()
    except UnicodeEncodeError:
        raise ConfigError(f"{shortened(key)}: the value is not UTF-8 text", hint="use plain text") from None
    return Override(key, text)


def parse_value(text: str) -> Any:
    """true/false, none/null, JSON if bracketed or quoted, a whole number, a number (1e3 too), else the text itself.

    Raises:
        ValueError: bracketed but no JSON, or beyond the numbers we know; the message says which.
    """
    if len(text) > MAX_VALUE_CHARACTERS:
        raise ValueError(f"{len(text)} characters, {MAX_VALUE_CHARACTERS} are allowed")
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if text[:1] in ("[", "{", '"'):
        return _json(text)
    return parse_number(text)


def parse_number(text: str) -> Any:
    """A whole number, a number (1e3 too), else the text itself.

    Raises:
        ValueError: beyond the numbers we know; the message says why.
    """
    if _WHOLE.fullmatch(text):
        return _whole(text)
    if _NUMBER.fullmatch(text):
        return _number(text)
    return text


def value_for(override: Override, slot: Slot) -> Any:
    """The value as its place wants it: where text belongs, it is the text as it stands (run=2026 is a name).

    Raises:
        ConfigError: it cannot be read; with what is allowed.
    """
    text = override.text
    try:
        value = parse_value(text)
    except ValueError as error:
        if slot.is_text and text[:1] != '"':
            return text
        raise ConfigError(f"{override.key}: {error}", hint=f"it takes {allowed(slot)}") from None
    if slot.is_text and text[:1] != '"' and not (value is None and slot.optional):
        return text
    if slot.is_list and slot.entry().is_text and not isinstance(value, list):
        return [text if text[:1] != '"' else value]  # one alone is a list of one: policies=random
    return value


def overrides_of(config: BaseModel) -> list[Override]:
    """A configuration as the overrides that make it: one for each setting, entries of tables and lists whole."""
    data = config.model_dump(mode="json")
    return [Override(leaf.key, typed_text(leaf.slot, leaf.value)) for leaf in leaves(slot_of(type(config)), data)]


def unknown(path: str, name: str, known: Iterable[str]) -> ConfigError:
    """The refusal of a name that is not there: the whole path, and the nearest names that are."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=3)
    where = f" in {path}" if path else ""
    full = f"{path}.{name}" if path else name
    hint = f"did you mean {' or '.join(near)}?" if near else f"there is{where}: {', '.join(names) or 'nothing'}"
    return ConfigError(f"{shortened(full)}: there is no {shortened(name)!r}{where}", hint=hint)


def shortened(text: str) -> str:
    """Enough of a text to know it again in an error."""
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "..."


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_number, parse_int=_whole)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number that can be used")


def _whole(text: str) -> int:
    if len(text) > 30:  # no setting needs more, and Python itself balks at 4300 digits
        raise ValueError("a number of too many digits")
    return int(text)


def _number(text: str) -> int | float:
    """A float, or an int where the number is whole and was written for short: 2e6 steps are 2,000,000 steps."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number too large")
    short = "e" in text.lower() and value.is_integer() and abs(value) < 2**53
    return int(value) if short else value
