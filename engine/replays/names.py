"""Names from elsewhere as names of a game: rules for a replay that brings none, so that words and pictures work.

Pure; any thread.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, get_args

from engine.sim import Action, Kind, Resource, Rules, Verb
from engine.sim.rules import RESERVED_KINDS, Direction

from .odd import Oddities, safe

MAX_KINDS: Final = 64
MAX_RESOURCES: Final = 32
MAX_ACTIONS: Final = 64
MAX_GROUPS: Final = 8
MAX_AGENTS: Final = 1024
MAX_GLYPHS: Final = 250

_NAME_LENGTH: Final = 31
_SHORT_DIRECTIONS: Final = {
    **{direction: direction for direction in get_args(Direction)},
    "up": "north",
    "down": "south",
    "left": "west",
    "right": "east",
}


def clean_names(names: Sequence[str], limit: int, what: str, odd: Oddities, taken: Sequence[str] = ()) -> list[str]:
    """Names that rules take, each once. Those past the limit are left out.

    Args:
        what: the key in the file, for what is odd.
        taken: names that are the engine's own.
    """
    if len(names) > limit:
        odd.note(what, f"{len(names):,} names, {limit} are known here; the others are left out")
    clean: list[str] = []
    for name in names[:limit]:
        mended = _mended(name)
        unique = _free(mended, {*clean, *taken})
        if not _is_plain(name) or unique != mended:
            odd.note(what, f"'{safe(name)}' is called {unique} here")
        clean.append(unique)
    return clean


def _is_plain(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9_.:-]*", name) is not None and len(name) <= _NAME_LENGTH


def _mended(name: str) -> str:
    """`ore.red` as ore_red; what does not begin with a letter gets one."""
    word = re.sub(r"[^a-z0-9_]", "_", name[:200].lower())[:_NAME_LENGTH]
    return word if word[:1].isalpha() else f"x{word}"[:_NAME_LENGTH]


def _free(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name[: _NAME_LENGTH - 5]}_{number}"
    return free


def rules_of(
    *,
    name: str,
    agents: int,
    groups: int,
    kinds: Sequence[str],
    resources: Sequence[str],
    actions: Sequence[str],
    glyphs: int,
    window: int,
) -> Rules:
    """A game with these names, of which nothing else is known. All names are clean already."""
    side = min(max(window | 1, 1), 15)
    return Rules.model_validate(
        {
            "name": name,
            "agents": min(max(agents, 1), MAX_AGENTS),
            "groups": min(max(groups, 1), MAX_GROUPS),
            "glyphs": min(max(glyphs, 1), MAX_GLYPHS),
            "window": {"width": side, "height": side},
            "kinds": {kind: Kind() for kind in kinds},
            "resources": {resource: Resource(limit=65535) for resource in resources},
            "actions": [_action(each) for each in actions] or [Action(name="noop")],
        }
    )


def _action(name: str) -> Action:
    """An action whose name says what it does; of the others it is not known, so they do nothing here."""
    first, _, rest = name.partition("_")
    direction = _SHORT_DIRECTIONS.get(rest)
    if first in ("move", "rotate") and direction is not None:
        return Action.model_validate({"name": name, "verb": first, "direction": direction})
    verbs = {"swap": Verb.SWAP, "put": Verb.PUT, "get": Verb.GET}
    return Action(name=name, verb=verbs.get(first, Verb.NOOP))


def clean_kinds(names: Sequence[str], odd: Oddities) -> list[str]:
    """The kinds among type names. Of more than there may be, the last stands for all that are left."""
    if len(names) <= MAX_KINDS:
        return clean_names(names, MAX_KINDS, "type_names", odd, taken=RESERVED_KINDS)
    odd.note("type_names", f"{len(names):,} kinds of objects; from the {MAX_KINDS}th on all are called other here")
    return clean_names([*names[: MAX_KINDS - 1], "other"], MAX_KINDS, "type_names", odd, taken=RESERVED_KINDS)
