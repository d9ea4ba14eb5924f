"""How the fields of replay objects are read: which keys say the same in which version, and what a list means there.

A list may be a constant (a place, an inventory) or a series of [step, value]; only the field tells which. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

from .odd import Oddities, shown
from .tracks import Series

MAX_STEPS: Final = 10_000_000
_MAX_WHOLE: Final = 2**31 - 1
_MAX_ITEMS: Final = 4096  # entries of one inventory
_MAX_REAL: Final = 1e30


class Misfit(ValueError):
    """A value that is not what its field takes; its text says what it should have been."""


def whole(value: Any) -> int:
    """An integer of 32 bits; truths and whole floats count as such."""
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        value = int(value)
    if not isinstance(value, int) or abs(value) > _MAX_WHOLE:
        raise Misfit("a whole number")
    return int(value)


def real(value: Any) -> float:
    """A finite number."""
    if isinstance(value, int) and abs(value) <= _MAX_WHOLE:
        return float(value)
    if not isinstance(value, float) or not abs(value) <= _MAX_REAL:  # also NaN
        raise Misfit("a number")
    return value


def truth(value: Any) -> bool:
    """A truth, or a number that stands for one."""
    return whole(value) != 0


def name_or_number(value: Any) -> str | int:
    """A type by its name or its number; 0 once the thing has vanished."""
    return value if isinstance(value, str) else whole(value)


def place(value: Any) -> tuple[int, int] | None:
    """(column, row); None while the thing is not there. A third number, a layer, means nothing any more."""
    if value in (0, None) or value == []:
        return None
    if not isinstance(value, list) or len(value) not in (2, 3):
        raise Misfit("[column, row]")
    return _two_wholes(value, "[column, row]")


def pair(value: Any) -> tuple[int, int]:
    """An action of version 1: [type, argument]; 0 before the first."""
    if value == 0:
        return 0, 0
    if not isinstance(value, list) or len(value) != 2:
        raise Misfit("[type, argument]")
    return _two_wholes(value, "[type, argument]")


def _two_wholes(value: list[Any], what: str) -> tuple[int, int]:
    try:
        return whole(value[0]), whole(value[1])
    except Misfit:
        raise Misfit(what) from None


def items(value: Any) -> tuple[tuple[int, int], ...]:
    """(item, count) pairs from [[item, count], ...], from {item: count}, or from items said once for each unit."""
    if value in (0, None):
        return ()
    if isinstance(value, dict):
        value = [[int(key) if str(key).isdecimal() and len(str(key)) < 9 else None, n] for key, n in value.items()]
    if not isinstance(value, list) or len(value) > _MAX_ITEMS:
        raise Misfit("[[item, count], ...]")
    counts: dict[int, int] = {}
    for entry in value:
        is_pair = isinstance(entry, list) and len(entry) == 2
        item, count = (whole(entry[0]), whole(entry[1])) if is_pair else (whole(entry), 1)
        if item < 0 or count < 0:
            raise Misfit("[[item, count], ...], none below 0")
        counts[item] = counts.get(item, 0) + count
    return tuple(sorted((item, count) for item, count in counts.items() if count))


# ---- Series or constant


def _is_flat(values: list[Any]) -> bool:
    """A place or an action: a list of numbers is one, a list of lists is a series of them."""
    return not any(isinstance(each, list) for each in values)


def _is_inventory(values: list[Any]) -> bool:
    """Unless some entry is [step, list] or [step, table]: [[0, 5]] are five of item 0, and no step."""
    return not any(isinstance(each, list) and len(each) == 2 and isinstance(each[1], (list, dict)) for each in values)


def _never(values: list[Any]) -> bool:
    """A number or a word is never a list, so a list of them is a series."""
    return False


_CONSTANT: Final[dict[Callable[[Any], Any], Callable[[list[Any]], bool]]] = {
    place: _is_flat,
    pair: _is_flat,
    items: _is_inventory,
}


def series_of(value: Any, read: Callable[[Any], Any], where: str, odd: Oddities) -> Series:
    """A field's value over time, in ticks: a step's frame is the state after it, so step s is tick s + 1.

    Args:
        read: what the field takes; raises Misfit.
        where: the object and the key, for what is odd.

    Returns:
        At least one entry, the first of tick 0; what cannot be read is left out and noted.
    """
    is_constant = _CONSTANT.get(read, _never)
    if not isinstance(value, list) or is_constant(value):
        return [(0, _read(value, read, where, odd, read(0)))]
    found: Series = [(0, read(0))]
    for entry in value:
        step = _step_of(entry, where, odd)
        if step is None:
            continue
        new = _read(entry[1], read, f"{where}, step {step}", odd, _NOTHING)
        if new is not _NOTHING:
            found.append((step + 1, new))
    if any(earlier[0] > later[0] for earlier, later in pairwise(found)):
        odd.note(where, "its steps are not in order")
        found.sort(key=lambda entry: entry[0])
    return list(dict(found).items())  # of two at one step the later one holds


_NOTHING: Final = object()


def _read(value: Any, read: Callable[[Any], Any], where: str, odd: Oddities, default: Any) -> Any:
    try:
        return read(value)
    except Misfit as error:
        odd.note(where, f"it takes {error}, not {shown(value)}")
        return default


def _step_of(entry: Any, where: str, odd: Oddities) -> int | None:
    if not isinstance(entry, list) or len(entry) != 2 or isinstance(entry[0], bool) or not isinstance(entry[0], int):
        odd.note(where, f"{shown(entry)} in a list of [step, value]")
        return None
    if not 0 <= entry[0] < MAX_STEPS:
        odd.note(where, f"there is no step {shown(entry[0])}")
        return None
    return entry[0]
