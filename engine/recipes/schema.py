"""What a configuration allows: the type behind a dotted path, and that type in words.

Pure functions over pydantic models; any thread. The words end in an error's hint, so they say what may be
typed and not how it is stored.
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


@dataclass(frozen=True)
class Slot:
    """The type of one place in a configuration, taken apart."""

    type: Any
    """The bare type: a class, a generic such as tuple[int, ...], or a Literal."""
    optional: bool
    """Whether the place may be empty (none)."""
    limits: tuple[Any, ...] = ()
    """Constraints as pydantic keeps them: ge, gt, le, lt, min_length, max_length, pattern."""

    @property
    def model(self) -> type[BaseModel] | None:
        """The model that stands here, if one does."""
        return self.type if isinstance(self.type, type) and issubclass(self.type, BaseModel) else None

    @property
    def is_table(self) -> bool:
        """Whether entries by name stand here."""
        return get_origin(self.type) is dict

    @property
    def is_list(self) -> bool:
        """Whether entries in an order stand here."""
        return get_origin(self.type) is tuple

    @property
    def is_text(self) -> bool:
        """Whether a value is text, however much it looks like a number."""
        if get_origin(self.type) is Literal:
            return all(isinstance(choice, str) for choice in get_args(self.type))
        return isinstance(self.type, type) and issubclass(self.type, str)

    def field(self, name: str) -> Slot:
        """The place of a model's field."""
        assert self.model is not None
        return slot_of(self.model.model_fields[name].annotation, tuple(self.model.model_fields[name].metadata))

    def entry(self) -> Slot:
        """The place of any entry of a table or a list."""
        return slot_of(get_args(self.type)[1 if self.is_table else 0])


def slot_of(annotation: Any, limits: tuple[Any, ...] = ()) -> Slot:
    """Take a type apart: constraints and `| None` off, whatever the order they were put on in."""
    optional = False
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *extras = get_args(annotation)
            limits += tuple(limit for extra in extras for limit in _limits_of(extra))
        elif get_origin(annotation) in (Union, types.UnionType):
            annotation, *others = [part for part in get_args(annotation) if part is not type(None)]
            assert not others, "a configuration has no unions but with None"
            optional = True
        else:
            return Slot(annotation, optional, limits)


def allowed(slot: Slot, *, typed: bool = True) -> str:
    """What may stand there: 'a whole number, 1 or more, or none'.

    Args:
        typed: on a command line, where a table is JSON; else in a file, where it is a table.
    """
    words = _what(slot, typed) + _bounds(slot)
    if slot.is_table or slot.is_list:
        words += f"; each is {allowed(slot.entry(), typed=typed)}"
    return f"{words}, or {'none' if typed else 'null'}" if slot.optional else words


def _limits_of(extra: Any) -> list[Any]:
    return list(extra.metadata) if isinstance(extra, FieldInfo) else [extra]


def choices(slot: Slot) -> tuple[str, ...]:
    """The values of a place that has only a few, as one would type them; else nothing."""
    if slot.type is bool:
        return ("true", "false")
    values = get_args(slot.type) if get_origin(slot.type) is Literal else ()
    if isinstance(slot.type, type) and issubclass(slot.type, Enum):
        values = tuple(member.value for member in slot.type)
    return tuple(map(str, values))


def _what(slot: Slot, typed: bool) -> str:
    if slot.type is not bool and choices(slot):
        return "one of " + ", ".join(choices(slot))
    table, sequence = ("a JSON object", "a JSON list") if typed else ("a table", "a list")
    if slot.model is not None:
        return f"{table} with " + ", ".join(slot.model.model_fields)
    if slot.is_table:
        return f"{table} of entries by name"
    if slot.is_list:
        return sequence
    return {bool: "true or false", int: "a whole number", float: "a number", str: "text"}[slot.type]


def _bounds(slot: Slot) -> str:
    forms = {
        "gt": "above {}",
        "ge": "{} or more",
        "min_length": "at least {} long",
        "lt": "below {}",
        "le": "at most {}",
        "max_length": "at most {} long",
        "pattern": "of the form {}",
    }
    found = [form.format(limit) for name, form in forms.items() if (limit := _limit(slot, name)) is not None]
    return "".join(f", {words}" for words in found)


def _limit(slot: Slot, name: str) -> Any:
    return next((value for limit in slot.limits if (value := getattr(limit, name, None)) is not None), None)
