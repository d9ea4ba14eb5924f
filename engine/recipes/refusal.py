"""What pydantic found wrong with a configuration, in the user's words: path, value, and what is allowed.

Pure functions; any thread.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from .overrides import Override, shortened, unknown
from .schema import Slot, allowed, slot_of

Path = tuple[str | int, ...]

_MAX_GIVEN = 6  # overrides repeated in an error
_DOTTED = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")


@dataclass(frozen=True)
class Fault:
    """What is wrong, where, and what to do."""

    location: Path
    """In the data; as deep as it is certain."""
    message: str
    hint: str


def first_fault(
    error: ValidationError, model: type[BaseModel], data: Mapping[str, Any], *, typed: bool = True
) -> Fault:
    """The first thing that is wrong with data that a model refused.

    Args:
        typed: it came from a command line; else from a file.
    """
    return _fault(_in_order(error)[0], model, data, typed=typed)


def faults(
    error: ValidationError,
    model: type[BaseModel],
    data: Mapping[str, Any],
    applied: Sequence[tuple[Path, Override]],
    is_typed: Callable[[Path], bool],
) -> list[Fault]:
    """Everything that is wrong with a configuration.

    Args:
        data: the configuration's JSON that was refused.
        applied: the overrides in it, with their paths in that JSON.
        is_typed: whether the value at a path came from a command line; else from a file.
    """
    found = []
    for details in _in_order(error):
        fault = _fault(details, model, data, typed=is_typed(tuple(details["loc"])))
        given = _given(tuple(details["loc"]), applied) if details["type"] == "value_error" else []
        found.append(Fault(fault.location, fault.message, "; ".join(filter(None, (fault.hint, *given)))))
    return found


def _fault(first: ErrorDetails, model: type[BaseModel], data: Mapping[str, Any], *, typed: bool) -> Fault:
    location: Path = tuple(part for part in first["loc"] if part != "[key]")
    path, slot = _follow(location, model, data)
    if first["type"] == "extra_forbidden":
        above, within = _follow(location[:-1], model, data)
        missed = unknown(above, str(location[-1]), within.model.model_fields if within.model is not None else ())
        return Fault(location, missed.message, missed.hint)
    if first["type"] == "missing":
        return Fault(location, f"{path} is missing", f"it takes {allowed(slot, typed=typed)}")
    if first["loc"][-1:] == ("[key]",):
        return Fault(location, f"{path}: that cannot be a name", "use small letters, digits and _, a letter first")
    if first["type"] == "value_error":
        what, *hints = map(str, first["ctx"]["error"].args)
        return _cross_fault(location, what, "; ".join(hints), model, data)
    return Fault(location, f"{path} cannot be {_shown(first['input'])}", f"it takes {allowed(slot, typed=typed)}")


def _in_order(error: ValidationError) -> list[ErrorDetails]:
    """Unknown keys first, because one may be the misspelled name of one that is missing.

    A list of a wrong item is told for its item, and not for being too short without it.
    """
    found = error.errors(include_url=False)
    above = {details["loc"][:end] for details in found for end in range(len(details["loc"]))}
    told = [details for details in found if details["type"] != "too_short" or details["loc"] not in above]
    return sorted(told, key=lambda details: details["type"] != "extra_forbidden")


def _cross_fault(location: Path, what: str, hint: str, model: type[BaseModel], data: Mapping[str, Any]) -> Fault:
    """A check over several settings; it may begin with the path, from its own table on, of the one to blame."""
    blamed, colon, words = what.partition(": ")
    inner = _inner(blamed, location, data) if colon else None
    if inner is not None:
        location, what = (*location, *inner), words
    path = _follow(location, model, data)[0]
    return Fault(location, f"{path}: {what}" if path else what, hint)


def _inner(dotted: str, location: Path, data: Any) -> Path | None:
    """A dotted path as keys of the data below a location, items of lists by number; None where it is no path."""
    if _DOTTED.fullmatch(dotted) is None:
        return None
    for key in location:
        data = _inside(data, key)
    keys = list[str | int]()
    for name in dotted.split("."):
        keys.append(int(name) if isinstance(data, list) and name.isdecimal() and int(name) < len(data) else name)
        data = _inside(data, keys[-1])
    return tuple(keys)


def _given(location: Path, applied: Sequence[tuple[Path, Override]]) -> list[str]:
    """For a check over several settings: those that were given, since any of them may be the one to change."""
    given = [str(override) for at, override in applied if at != location and _related(at, location)]
    return [f"you gave {', '.join(given[:_MAX_GIVEN])}"] if given else []


def _related(one: Path, other: Path) -> bool:
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


def _follow(location: Path, model: type[BaseModel], data: Any) -> tuple[str, Slot]:
    """The dotted path of a place (list items by name, as they are typed), and its type."""
    slot, names = slot_of(model), list[str]()
    for key in location:
        data = _inside(data, key)
        names.append(
            str(data["name"]) if isinstance(key, int) and isinstance(data, dict) and "name" in data else str(key)
        )
        if slot.model is not None and key in slot.model.model_fields:
            slot = slot.field(str(key))
        elif slot.is_table or slot.is_list:
            slot = slot.entry()
    return shortened(".".join(names)), slot


def _inside(data: Any, key: str | int) -> Any:
    if isinstance(data, list) and isinstance(key, int):
        return data[key]
    return data.get(key) if isinstance(data, dict) else None


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return repr(shortened(value))
    return shortened("none" if value is None else json.dumps(value))
