"""A configuration as its JSON: defaults filled in or left out, and its settings one by one.

Pure functions over plain data and the types behind it; any thread. Data may be wrong anywhere: what does not fit its
type is passed on as it is, for pydantic to complain about.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from .schema import Slot

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Leaf:
    """One setting: as small as it can be given alone; entries of tables and lists are whole."""

    names: tuple[str, ...]
    """The parts of its key, as a person types them."""
    path: Path
    """Where it lies in the data."""
    slot: Slot
    value: Any
    help: str
    """What it is, as its field says."""

    @property
    def key(self) -> str:
        return ".".join(self.names)


def filled(slot: Slot, value: Any) -> Any:
    """A value with the defaults of every model in it that it does not give."""
    if slot.model is not None and isinstance(value, dict):
        given = {name: filled(_field(slot, name), item) for name, item in value.items()}
        whole = {name: copy.deepcopy(default) for name, default in _defaults(slot.model).items()} | given
        known = [name for name in slot.model.model_fields if name in whole]
        return {name: whole[name] for name in known} | whole
    if slot.is_table and isinstance(value, dict):
        return {name: filled(slot.entry(), item) for name, item in value.items()}
    if slot.is_list and isinstance(value, list):
        return [filled(slot.entry(), item) for item in value]
    return value


def stripped(slot: Slot, value: Any) -> Any:
    """A value without what its models would fill in. `filled` gives it back."""
    if slot.model is not None and isinstance(value, dict):
        defaults = _defaults(slot.model)
        kept = {k: item for k, item in value.items() if k not in defaults or not same(item, defaults[k])}
        return {name: stripped(_field(slot, name), item) for name, item in kept.items()}
    if slot.is_table and isinstance(value, dict):
        return {name: stripped(slot.entry(), item) for name, item in value.items()}
    if slot.is_list and isinstance(value, list):
        return [stripped(slot.entry(), item) for item in value]
    return value


def leaves(slot: Slot, value: Any, about: str = "", names: tuple[str, ...] = (), path: Path = ()) -> Iterator[Leaf]:
    """The settings of a configuration, in the order of its fields."""
    if slot.model is not None and isinstance(value, dict):
        for name, field in slot.model.model_fields.items():  # a key that it does not have is no setting
            if name in value:
                words = field.description or ""
                yield from leaves(slot.field(name), value[name], words, (*names, name), (*path, name))
    elif slot.is_table and isinstance(value, dict) and slot.entry().model is not None and value:
        for name, item in value.items():
            yield Leaf((*names, name), (*path, name), slot.entry(), item, about)
    elif slot.is_list and isinstance(value, list) and slot.entry().model is not None and value:
        for index, item in enumerate(value):
            yield Leaf((*names, item_name(item, index)), (*path, index), slot.entry(), item, about)
    else:
        yield Leaf(names, path, slot, value, about)


def item_name(item: Any, index: int) -> str:
    """What a list's item is called in a key: its name or, where it has none, its number from 0."""
    return str(item["name"]) if isinstance(item, dict) and "name" in item else str(index)


def typed_text(slot: Slot, value: Any) -> str:
    """The shortest text that a person could type for a value: `key=TEXT` gives it back."""
    if value is None:
        return "none"
    value = escaped(value)
    if isinstance(value, str):
        return json.dumps(value) if value.lower() in ("none", "null") or value[:1] == '"' else value
    return json.dumps(stripped(slot, value), separators=(",", ":"))


def escaped(value: Any) -> Any:
    """A value that is meant as it stands: a `${` in it names no other setting."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, dict):
        return {name: escaped(item) for name, item in value.items()}
    return [escaped(item) for item in value] if isinstance(value, list) else value


def default_tree(slot: Slot) -> Any:
    """What a value would be if nobody said anything; fields that must be given are left out."""
    assert slot.model is not None
    tree = filled(slot, {})
    for name in slot.model.model_fields:
        inner = slot.field(name)
        if name not in tree and inner.model is not None:
            tree[name] = default_tree(inner)
    return tree


def same(one: Any, other: Any) -> bool:
    """Whether two values are written alike: -0.0 equals 0.0 and yet is another number."""
    return repr(one) == repr(other)


@lru_cache(maxsize=256)  # a person's recipe has models of its own, new ones each time it is read
def _defaults(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON of the fields that need not be given."""
    fields = {name: field for name, field in model.model_fields.items() if not field.is_required()}
    return {
        name: to_jsonable_python(field.get_default(call_default_factory=True, validated_data={}))
        for name, field in fields.items()
    }


def _field(slot: Slot, name: str) -> Slot:
    assert slot.model is not None
    return slot.field(name) if name in slot.model.model_fields else Slot(object, optional=True)
