"""A configuration in the making: its JSON, written by one layer after another, and who wrote what.

Owned by whoever resolves; one thread. A key goes only through what exists, so that a typo is never a new entry; a
last key may name a new entry of a table (`rules.resources.gold={"limit":5}`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from engine.errors import ConfigError

from .interpolation import UNREAD, as_text, interpolated
from .origins import Layer, Origin, Origins
from .overrides import Override, unknown, value_for
from .refusal import faults
from .schema import Slot, slot_of
from .tree import Path, escaped, filled, item_name, same

Model = TypeVar("Model", bound=BaseModel)
Names = tuple[str | int, ...]


class Place(NamedTuple):
    """Where a value lies in the data, and what may stand there."""

    holder: Any
    """The dict or list with the value."""
    key: str | int
    slot: Slot
    path: Path

    @property
    def value(self) -> Any:
        return self.holder.get(self.key) if isinstance(self.holder, dict) else self.holder[self.key]


class Draft(Generic[Model]):
    """The JSON of one model."""

    def __init__(self, model: type[Model]) -> None:
        self.model = model
        self.slot = slot_of(model)
        self.data: dict[str, Any] = filled(self.slot, {})
        self.origins = Origins()
        self._given: list[tuple[Path, Override]] = []
        self._unread = set[Path]()
        """Where a `${key}` still stands, for it could not be replaced."""

    def adopt(self, config: BaseModel, origin: Origin) -> None:
        """Take over a whole configuration, but for fields that this model does not have."""
        data = escaped(config.model_dump(mode="json", include=set(self.model.model_fields), warnings=False))
        _mark_changes(self.origins, self.slot, data, self.data, (), origin)
        self.data = {
            name: data.get(name, self.data.get(name))
            for name in self.model.model_fields
            if name in data or name in self.data
        }

    def put(self, override: Override, origin: Origin) -> None:
        """Write a `key=value`.

        Raises:
            ConfigError: nothing is there by that key, or the value cannot be read; with the path and what is there.
        """
        place = self._place(override.names)
        place.holder[place.key] = filled(place.slot, value_for(override, place.slot))
        self.origins.put(place.path, origin)
        self._given.append((place.path, override))

    def put_value(self, names: Names, value: Any, origin: Origin) -> None:
        """Write a whole value that is meant as it stands.

        Raises:
            ConfigError: nothing is there by that key.
        """
        place = self._place(names)
        place.holder[place.key] = filled(place.slot, escaped(value))
        self.origins.put(place.path, origin)

    def merge(
        self, table: Mapping[str, Any], origin_at: Callable[[Names], Origin], names: Names = ()
    ) -> list[ConfigError]:
        """Write what a table gives and leave the rest. Items of lists may be given by name; a list replaces a list.

        Args:
            origin_at: the origin of a value, by its keys in the table.
            names: where to write it.

        Returns:
            What could not be written, each with its place.
        """
        refused = []
        for key, value in table.items():
            try:
                refused += self._merge((*names, key), value, origin_at)
            except ConfigError as error:
                origin = origin_at((*names, key))
                refused.append(ConfigError(origin.prefix + error.message, hint=error.hint))
        return refused

    def interpolate(self) -> list[ConfigError]:
        """Replace each `${key}` by what stands there. Returns those that could not be."""
        refused = []
        for path, template, value in interpolated(self.data):
            origin = self.origins.at(path)
            if isinstance(value, ConfigError):
                refused.append(ConfigError(origin.prefix + value.message, hint=value.hint))
            if isinstance(value, ConfigError) or value is UNREAD:
                self._unread.add(path)
                continue
            holder: Any = self.data
            for key in path[:-1]:
                holder = holder[key]
            slot = self._slot_at(path)
            keeps = slot is None or not slot.is_text or (value is None and slot.optional)
            holder[path[-1]] = value if keeps else as_text(value)
            self.origins.mark(path, Origin(origin.layer, origin.where, origin.column, template))
        return refused

    def check(self) -> tuple[Model | None, list[ConfigError]]:
        """The configuration, or everything that is wrong with it, but for what `interpolate` refused."""
        try:
            # Through JSON, because strict JSON refuses true for 1 and yet takes lists for tuples.
            return self.model.model_validate_json(json.dumps(self.data), strict=True), []
        except ValidationError as error:
            found = faults(error, self.model, self.data, self._given, self._is_typed)
            above = {path[:end] for path in self._unread for end in range(len(path) + 1)}
            told = [fault for fault in found if fault.location not in above]
            return None, [ConfigError(self.origins.within(f.location).prefix + f.message, hint=f.hint) for f in told]

    def _is_typed(self, path: Path) -> bool:
        return self.origins.within(path).layer is not Layer.FILE

    def _slot_at(self, path: Path) -> Slot | None:
        """What may stand at a path; None where nothing may."""
        slot = self.slot
        for key in path:
            if slot.model is not None and key in slot.model.model_fields:
                slot = slot.field(str(key))
            elif slot.is_table or slot.is_list:
                slot = slot.entry()
            else:
                return None
        return slot

    def _merge(self, names: Names, value: Any, origin_at: Callable[[Names], Origin]) -> list[ConfigError]:
        place = self._place(names)
        if isinstance(value, str) and place.slot.is_list and place.slot.entry().is_text:
            value = [value]  # one alone is a list of one
        if not isinstance(value, dict) or not (place.slot.model or place.slot.is_table or place.slot.is_list):
            place.holder[place.key] = filled(place.slot, value)
            self.origins.put(place.path, origin_at(names))
            self._mark_items(place.path, names, value, origin_at)
            return []
        if place.slot.is_list and not isinstance(place.value, list):
            place.holder[place.key] = []
        elif not place.slot.is_list and not isinstance(place.value, dict):
            place.holder[place.key] = filled(place.slot, {})
            self.origins.put(place.path, origin_at(names))
        return self.merge(value, origin_at, names)

    def _mark_items(self, path: Path, names: Names, value: Any, origin_at: Callable[[Names], Origin]) -> None:
        items: Iterable[tuple[str | int, Any]] = ()
        if isinstance(value, list):
            items = enumerate(value)
        elif isinstance(value, dict):
            items = value.items()
        for key, item in items:
            self.origins.mark((*path, key), origin_at((*names, key)))
            self._mark_items((*path, key), (*names, key), item, origin_at)

    def _place(self, names: Names) -> Place:
        """Find a place; models that are not there yet are made on the way."""
        holder: Any = self.data
        slot, path = self.slot, list[str | int]()
        for depth, name in enumerate(names):
            above = ".".join(map(str, names[:depth]))
            last = depth == len(names) - 1
            key = _key_of(holder, slot, str(name), above, may_add=last)
            slot = slot.field(str(key)) if slot.model is not None else slot.entry()
            path.append(key)
            if last:
                break
            if isinstance(holder, dict) and holder.get(key) is None and slot.model is not None:
                holder[key] = filled(slot, {})  # rules.end.resource=heart in a game without an end
            holder = holder.get(key, {}) if isinstance(holder, dict) else holder[key]
        return Place(holder, path[-1], slot, tuple(path))


def _key_of(holder: Any, slot: Slot, name: str, path: str, *, may_add: bool) -> str | int:
    if slot.is_list and isinstance(holder, list):
        return _index_of(holder, name, path)
    if (slot.model is None and not slot.is_table) or not isinstance(holder, dict):
        raise ConfigError(f"{path}.{name}: {path} is one value, there is nothing in it", hint=f"write {path}=...")
    known: Iterable[str] = slot.model.model_fields if slot.model is not None else holder
    if name not in known and not (may_add and slot.is_table):
        raise unknown(path, name, known)
    return name


def _index_of(items: list[Any], name: str, path: str) -> int:
    """A list's item by its name (rules.rewards.heart) or, where items have none, by its number from 0."""
    names = [item_name(item, index) for index, item in enumerate(items)]
    if name not in names:
        raise unknown(path, name, names)
    return names.index(name)


def _mark_changes(origins: Origins, slot: Slot, new: Any, old: Any, path: Path, origin: Origin) -> None:
    """Mark each value that is not as it would be without this layer."""
    if slot.model is not None and isinstance(new, dict):
        before = old if isinstance(old, dict) else {}
        for name, item in new.items():
            inner = slot.field(name)
            was = before.get(name, filled(inner, {}) if inner.model is not None else _NOTHING)
            _mark_changes(origins, inner, item, was, (*path, name), origin)
    elif slot.is_table and isinstance(new, dict) and new:
        for name in new:
            origins.mark((*path, name), origin)
    elif slot.is_list and isinstance(new, list) and slot.entry().model is not None and new:
        for index in range(len(new)):
            origins.mark((*path, index), origin)
    elif not same(new, old):
        origins.mark(path, origin)


_NOTHING = object()
