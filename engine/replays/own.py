"""Our own block in a JSON replay: how it began, remarks, and the recording that plays it again. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from engine.errors import GridrlError
from engine.sim import Recording, Rules
from engine.sim.gridrec import MAX_BYTES, from_bytes

from .odd import Oddities, safe, shown

FORMAT: Final = 1
MAX_ANNOTATIONS: Final = 10_000
_MAX_WORDS: Final = 200


@dataclass(frozen=True)
class Annotation:
    """A remark at a tick; about one agent, or about none (-1)."""

    tick: int
    agent: int
    words: str


@dataclass(frozen=True)
class OwnBlock:
    """What the block says, as far as it makes sense."""

    engine: str
    seed: int
    tick: int  # of the env when the recording began
    episode: int
    world: int
    first_frame: list[dict[str, Any]]  # the objects at tick 0; empty: not told
    annotations: tuple[Annotation, ...]
    recording: Recording | None


def read_own(block: Any, odd: Oddities) -> OwnBlock | None:
    """The block, or None where there is none."""
    if block is None:
        return None
    if not isinstance(block, dict) or block.get("format") != FORMAT:
        odd.note("gridrl", "a block that this version cannot read")
        return None
    start = block.get("start")
    start = start if isinstance(start, dict) else {}
    first = block.get("initial")
    is_frame = isinstance(first, list) and all(isinstance(each, dict) for each in first)
    return OwnBlock(
        engine=safe(block.get("engine", "")),
        seed=_whole(block.get("seed"), "gridrl.seed", odd),
        tick=_whole(start.get("tick"), "gridrl.start.tick", odd),
        episode=_whole(start.get("episode"), "gridrl.start.episode", odd),
        world=_whole(start.get("world"), "gridrl.start.world", odd),
        first_frame=first if is_frame and isinstance(first, list) else [],
        annotations=_annotations(block.get("annotations", []), odd),
        recording=_recording(block.get("gridrec"), odd),
    )


def rules_in(config: Any, actions: Sequence[str], resources: Sequence[str], kinds: Sequence[str]) -> Rules | None:
    """The game that a replay of ours holds, unless its names are not those of the replay."""
    try:
        rules = Rules.model_validate(config)
    except (ValidationError, RecursionError):
        return None
    names = (list(rules.action_names), list(rules.resources), list(rules.kinds))
    return rules if names == (list(actions), list(resources), list(kinds)) else None


def _whole(value: Any, where: str, odd: Oddities) -> int:
    if isinstance(value, int) and 0 <= value < 2**64:
        return int(value)
    odd.note(where, f"{shown(value)} is no such number")
    return 0


def _annotations(value: Any, odd: Oddities) -> tuple[Annotation, ...]:
    if not isinstance(value, list) or len(value) > MAX_ANNOTATIONS:
        odd.note("gridrl.annotations", f"it takes a list of at most {MAX_ANNOTATIONS:,}, not {shown(value)}")
        return ()
    found = []
    for index, each in enumerate(value):
        table = each if isinstance(each, dict) else {}
        tick, agent, words = table.get("tick"), table.get("agent", -1), table.get("words")
        if isinstance(tick, int) and isinstance(agent, int) and isinstance(words, str) and abs(tick) < 2**31:
            found.append(Annotation(int(tick), max(min(int(agent), 1023), -1), safe(words, _MAX_WORDS)))
        else:
            odd.note(f"gridrl.annotations, {index}", "it takes a tick, an agent and words")
    return tuple(found)


def _recording(text: Any, odd: Oddities) -> Recording | None:
    if not isinstance(text, str) or len(text) > MAX_BYTES:
        odd.note("gridrl.gridrec", "there is no recording in it, so it cannot be played again")
        return None
    try:
        return from_bytes(base64.b64decode(text, validate=True))
    except GridrlError as error:
        odd.note("gridrl.gridrec", safe(error.message, _MAX_WORDS))
    except (ValueError, binascii.Error):
        odd.note("gridrl.gridrec", "it is not base64")
    return None
