"""What pydantic found wrong with a configuration, in the user's words: path, value, and what is allowed.

Pure functions; any thread.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from engine.errors import ConfigError

from .overrides import Override, shortened, unknown
from .schema import Slot, allowed, slot_of

Path = tuple[str | int, ...]

_MAX_GIVEN = 6  # overrides repeated in an error


def refusal(
    error: ValidationError, model: type[BaseModel], data: Mapping[str, Any], applied: Sequence[tuple[Path, Override]]
) -> ConfigError:
    """The first thing that is wrong, as an error that can be shown.

    Args:
        data: the configuration's JSON that was refused.
        applied: the overrides in it, with their paths in that JSON.
    """
    first = error.errors(include_url=False)[0]
    location: Path = tuple(part for part in first["loc"] if part != "[key]")
    path, slot = _follow(location, model, data)
    if first["type"] == "extra_forbidden":
        above, within = _follow(location[:-1], model, data)
        return unknown(above, str(location[-1]), within.model.model_fields if within.model is not None else ())
    if first["type"] == "missing":
        return ConfigError(f"{path} is missing", hint=f"it takes {allowed(slot)}")
    if first["loc"][-1:] == ("[key]",):
        return ConfigError(f"{path}: that cannot be a name", hint="use small letters, digits and _, a letter first")
    if first["type"] == "value_error":
        what, *hints = map(str, first["ctx"]["error"].args)
        hints += _given(location, applied)
        return ConfigError(f"{path}: {what}" if path else what, hint="; ".join(hints))
    return ConfigError(f"{path} cannot be {_shown(first['input'])}", hint=f"it takes {allowed(slot)}")


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
