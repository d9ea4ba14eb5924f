"""Reading JSON replays of versions 1, 2 and 3: packed with zlib, with gzip, or not at all. Pure but for `read_replay`.

Tolerant: whatever part of a file makes no sense is left out and told (`Replay.odd`), with its object, key and step.
Refused is only what is no replay at all. Nothing is unpickled, and nothing unpacks beyond MAX_UNPACKED.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from engine.errors import RecordingError, RunError
from engine.runs.files import refusals_in_words
from engine.sim import Rules
from engine.sim.recording import MAX_ACTIONS as MAX_AGENT_TICKS

from .fields import MAX_STEPS, items, name_or_number, pair, place, real, series_of, truth, whole
from .names import MAX_ACTIONS, MAX_AGENTS, MAX_RESOURCES, clean_kinds, clean_names
from .odd import Oddities, safe, shown
from .own import OwnBlock, read_own, rules_in
from .tracks import Series, merged

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_UNPACKED: Final = 64 * 1024 * 1024
MAX_PARTS: Final = 4_000_000
"""Lists and tables in it: Python takes some hundred bytes for each, however short it is written."""

MAX_SIDE: Final = 1024  # of a map, as in the engine
MAX_OBJECTS: Final = MAX_SIDE * MAX_SIDE

AGENT_TYPE: Final = "agent"
_OLD_ITEMS: Final = ["ore.red", "ore.blue", "ore.green", "battery", "heart", "armor", "laser", "blueprint"]
"""What version 1 means where it names no items."""

_GZIP, _ZLIB_METHOD = b"\x1f\x8b", 8


@dataclass(frozen=True)
class AgentSeries:
    """One agent over time; every field a series in ticks."""

    id: int
    place: Series
    facing: Series
    group: int
    frozen: Series  # own turns still to lose
    action: Series
    succeeded: Series
    reward: Series
    total: Series
    glyph: Series
    held: Series  # ((item, count), ...)
    shield: Series
    result: Series | None  # an ActionResult, where it is told: only ours do


@dataclass(frozen=True)
class ThingSeries:
    """One object that is no agent: (tick, (place, type, ready)), the type by its index among all names."""

    states: list[tuple[int, tuple[tuple[int, int] | None, int, int]]]


@dataclass(frozen=True)
class Replay:
    """What a replay file says, as far as it makes sense."""

    version: int
    name: str
    width: int
    height: int
    first_tick: int  # 0 where the file says how it began; files of others begin after the first step
    last_tick: int
    actions: list[str]
    resources: list[str]
    kinds: list[str]
    groups: int
    window: int
    agents: list[AgentSeries]
    things: list[ThingSeries]
    rules: Rules | None  # where it holds a game of ours
    own: OwnBlock | None
    odd: tuple[str, ...] = field(default=())


def read_bytes(path: Path) -> bytes:
    """A replay file's bytes.

    Raises:
        RecordingError: there is no such file, or it is too large to be one.
    """
    try:
        with refusals_in_words("read", path):
            if path.exists() and not path.is_file():  # a pipe would keep us waiting, a device would never end
                raise RecordingError(f"{path} is not a regular file", hint="replays end in .json.z or .json.gz")
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
    except RunError as error:
        raise RecordingError(error.message) from error  # its hints are about runs
    if len(data) > MAX_BYTES:
        raise RecordingError(f"{path} is larger than the {MAX_BYTES:,} bytes that a replay may have")
    return data


def parse_replay(data: bytes, name: str = "") -> Replay:
    """The replay in a file's bytes.

    Args:
        name: what to call it where it does not say.

    Raises:
        RecordingError: it is no replay at all.
    """
    odd = Oddities()
    document = document_of(data, odd)
    return _Reader(document, name, odd).replay()


# ---- From bytes to JSON


def document_of(data: bytes, odd: Oddities) -> dict[str, Any]:
    """A replay's JSON: a table with a list of objects in it, and nothing else is known of it.

    Raises:
        RecordingError: it is no replay.
    """
    return _document(_unpacked(data, odd), odd)


def _unpacked(data: bytes, odd: Oddities) -> bytes:
    if not data:
        raise RecordingError("the replay is empty")
    if data[:2] == _GZIP:
        return _inflated(data, 31, odd)
    if len(data) > 2 and data[0] & 15 == _ZLIB_METHOD and int.from_bytes(data[:2], "big") % 31 == 0:
        return _inflated(data, 15, odd)
    return data


def _inflated(data: bytes, window: int, odd: Oddities) -> bytes:
    unpacker = zlib.decompressobj(window)
    try:
        content = unpacker.decompress(data, MAX_UNPACKED + 1)  # never more, whatever the bytes would give
    except zlib.error as error:
        raise RecordingError("the replay is damaged: it cannot be unpacked", hint="copy the file again") from error
    if len(content) > MAX_UNPACKED:
        raise RecordingError(f"the replay would unpack to more than the {MAX_UNPACKED:,} bytes that it may have")
    if not unpacker.eof:
        raise RecordingError("the replay is cut short: its packed data has no end", hint="copy the file again")
    if unpacker.unused_data:
        odd.note("file", f"{len(unpacker.unused_data):,} bytes after the end of the packed data")
    return content


def _document(content: bytes, odd: Oddities) -> dict[str, Any]:
    if len(content) > MAX_UNPACKED:
        raise RecordingError(f"the replay is larger than the {MAX_UNPACKED:,} bytes that it may have")
    parts = content.count(b"[") + content.count(b"{")
    if parts > MAX_PARTS:
        raise RecordingError(f"the replay has {parts:,} lists and tables, more than the {MAX_PARTS:,} that it may have")
    text = content.decode("utf-8-sig", "replace")
    if "\N{REPLACEMENT CHARACTER}" in text:
        odd.note("file", "some of its bytes are no UTF-8 text")
    document = _json(text)
    if not isinstance(document, dict) or not any(
        isinstance(document.get(key), list) for key in ("objects", "grid_objects")
    ):
        raise RecordingError(
            "this is no replay: it has no list of objects", hint="replays hold objects, names and sizes"
        )
    return document


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise RecordingError(
            f"this is no replay: not JSON at character {error.pos + 1:,} ({error.msg})",
            hint="replays are JSON, packed with zlib or gzip",
        ) from None
    except RecursionError:
        raise RecordingError("this is no replay: its JSON is nested too deeply") from None
    except ValueError:  # a number of more digits than Python cares to read
        return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < 20 else float("inf"))


# ---- From JSON to a replay


class _Reader:
    """Takes one document apart. One use."""

    def __init__(self, document: dict[str, Any], name: str, odd: Oddities) -> None:
        self._document, self._name, self._odd = document, name, odd
        self._version = self._read_version()
        is_old = self._version == 1
        self._types = self._names("object_types" if is_old else "type_names")
        self._items = self._names("inventory_items" if is_old else "item_names") or (_OLD_ITEMS if is_old else [])
        self._kinds = [name for name in self._types if name != AGENT_TYPE]
        self._kind_of = {name: index for index, name in reversed(list(enumerate(self._kinds)))}
        self._objects = self._tables("grid_objects" if is_old else "objects")

    def replay(self) -> Replay:
        own = read_own(self._document.get("gridrl"), self._odd)
        actions = clean_names(self._names("action_names"), MAX_ACTIONS, "action_names", self._odd)
        resources = clean_names(self._items, MAX_RESOURCES, "item_names", self._odd)
        if own is not None:
            self._put_first_frame(own)
        agents, others = self._agents()
        things = [self._thing(where, table) for where, table in others]
        kinds = clean_kinds(self._kinds, self._odd)
        width, height = self._map_size(agents, things)
        return Replay(
            version=self._version,
            name=safe(self._document.get("file_name") or self._name, 200),
            width=width,
            height=height,
            first_tick=1 if own is None or not own.first_frame else 0,
            last_tick=self._last_tick(agents, things),
            actions=actions,
            resources=resources,
            kinds=kinds,
            groups=max((agent.group for agent in agents), default=0) + 1,
            window=self._window,
            agents=agents,
            things=things,
            rules=rules_in(self._document.get("mg_config"), actions, resources, kinds) if own is not None else None,
            own=own,
            odd=self._odd.sentences(),
        )

    def _read_version(self) -> int:
        version = self._document.get("version", 1 if "grid_objects" in self._document else None)
        if version in (1, 2, 3) and ("objects" if version > 1 else "grid_objects") in self._document:
            return int(version)
        known = 1 if "grid_objects" in self._document else 3
        self._odd.note("version", f"{shown(version)} is not known here; read as version {known}")
        return known

    def _names(self, key: str) -> list[str]:
        value = self._document.get(key, [])
        if not isinstance(value, list):
            self._odd.note(key, f"it takes a list of names, not {shown(value)}")
            return []
        for index, name in enumerate(value):
            if not isinstance(name, str):
                self._odd.note(f"{key}, {index}", f"it takes a name, not {shown(name)}")
        return [name if isinstance(name, str) else f"nameless_{index}" for index, name in enumerate(value)]

    def _tables(self, key: str) -> list[tuple[str, dict[str, Any]]]:
        """The objects that are tables, each with its place for what is odd."""
        listed = self._document[key] if isinstance(self._document.get(key), list) else []
        if len(listed) > MAX_OBJECTS:
            self._odd.note(key, f"{len(listed):,} objects; {MAX_OBJECTS:,} are read")
        found = []
        for index, table in enumerate(listed[:MAX_OBJECTS]):
            if isinstance(table, dict):
                found.append((f"object {index}", table))
            else:
                self._odd.note(f"object {index}", f"it is no table, but {shown(table)}")
        return found

    def _put_first_frame(self, own: OwnBlock) -> None:
        """Ours says how it began: those values hold from tick 0 on, each in its object's place."""
        if len(own.first_frame) > len(self._objects):
            self._odd.note("gridrl.initial", "it has more objects than the replay")
        for (_, table), first in zip(self._objects, own.first_frame, strict=False):
            table[_FIRST] = first

    def _series(self, where: str, table: Mapping[str, Any], read: Callable[[Any], Any], *keys: str) -> Series:
        """A field by the first of its keys that is there; a missing one is 0, false or nothing."""
        key = next((key for key in keys if key in table), "")
        series = series_of(table[key], read, f"{where}, {key}", self._odd) if key else [(0, read(0))]
        first = table.get(_FIRST)
        if first is not None:
            at_start = series_of(first.get(keys[0], 0), read, f"{where}, {keys[0]} at tick 0", self._odd)[0][1]
            series = _begun_with(at_start, series)
        return series

    def _constant(self, where: str, table: Mapping[str, Any], read: Callable[[Any], Any], *keys: str) -> Any:
        """What a field is as a rule: constant, or what it is first."""
        series = self._series(where, {key: value for key, value in table.items() if key is not _FIRST}, read, *keys)
        return series[0][1] if len(series) == 1 else series[1][1]

    # ---- Agents

    def _agents(self) -> tuple[list[AgentSeries], list[tuple[str, dict[str, Any]]]]:
        """The agents in the order of their ids, and everything else."""
        agents: list[AgentSeries] = []
        others = []
        for where, table in self._objects:
            if not self._is_agent(where, table):
                others.append((where, table))
            elif len(agents) == MAX_AGENTS:
                self._odd.note(where, f"there are more than {MAX_AGENTS:,} agents; this one is left out")
            else:
                agents.append(self._agent(where, table, len(agents)))
        agents.sort(key=lambda agent: agent.id)
        if [agent.id for agent in agents] != list(range(len(agents))):
            self._odd.note("agent_id", f"they are not 0 to {len(agents) - 1}, each once; agents are numbered anew")
        told = self._document.get("num_agents", len(agents))
        if told != len(agents):
            self._odd.note("num_agents", f"it says {shown(told)}, and there are {len(agents):,}")
        if not agents:
            self._odd.note("objects", "none of them is an agent")
        return agents, others

    def _is_agent(self, where: str, table: Mapping[str, Any]) -> bool:
        if table.get("is_agent") is True or "agent_id" in table:
            return True
        if "type_name" in table:  # as a series it is 0 while the thing is not there, which is no type's number
            return any(value == AGENT_TYPE for _, value in self._types_of(where, table))
        return bool(_NUMBERED & table.keys()) and self._type_name(self._types_of(where, table)[-1][1]) == AGENT_TYPE

    def _agent(self, where: str, table: dict[str, Any], count: int) -> AgentSeries:
        actions = self._series(where, table, whole, "gridrl_action", "action_id")
        if "action" in table and "action_id" not in table:
            both = self._series(where, table, pair, "action")
            actions = [(tick, value[0]) for tick, value in both]
        told = "action_success" in table
        if not told:
            self._odd.note(where, "it says of no action whether it succeeded")
        return AgentSeries(
            id=self._constant(where, table, whole, "agent_id") if "agent_id" in table else count,
            place=self._places(where, table),
            facing=self._series(where, table, whole, "orientation", "agent:orientation", "rotation"),
            group=self._constant(where, table, whole, "group_id", "agent:group"),
            frozen=self._frozen(where, table),
            action=actions,
            succeeded=self._series(where, table, truth, "action_success") if told else [(0, True)],
            reward=self._series(where, table, real, "current_reward", "reward"),
            total=self._series(where, table, real, "total_reward"),
            glyph=self._glyphs(where, table),
            held=self._held(where, table),
            shield=self._series(where, table, truth, "gridrl_shield"),
            result=self._series(where, table, whole, "gridrl_result") if "gridrl_result" in table else None,
        )

    def _places(self, where: str, table: dict[str, Any]) -> Series:
        if "location" in table or _FIRST in table:
            return self._series(where, table, place, "location")
        if "c" not in table and "r" not in table:
            self._odd.note(where, "it has no location")
            return [(0, None)]
        columns = self._series(where, table, whole, "c")
        rows = self._series(where, table, whole, "r")
        return list(merged((columns, rows)))

    def _frozen(self, where: str, table: dict[str, Any]) -> Series:
        """Own turns still to lose; 1 where it is only told that there are some."""
        turns = self._series(where, table, whole, "freeze_remaining", "frozen_progress", "agent:frozen")
        flags = self._series(where, table, truth, "is_frozen", "frozen")
        return [(tick, max(left, int(flag))) for tick, (left, flag) in merged((turns, flags))]

    def _glyphs(self, where: str, table: dict[str, Any]) -> Series:
        if "vibe_id" not in table and isinstance(table.get("vibe"), str):  # a name, of a list that is not in the file
            return [(0, 0)]
        return self._series(where, table, whole, "vibe_id", "vibe", "agent:glyph")

    def _held(self, where: str, table: dict[str, Any]) -> Series:
        if "inventory" in table or self._version > 1:
            return self._series(where, table, items, "inventory")
        many = [self._series(where, table, whole, f"inv:{item}", f"agent:inv:{item}") for item in self._items]
        return [
            (tick, tuple((item, count) for item, count in enumerate(counts) if count > 0))
            for tick, counts in merged(many)
        ] or [(0, ())]

    @property
    def _window(self) -> int:
        sizes = [table["vision_size"] for _, table in self._objects if isinstance(table.get("vision_size"), int)]
        return int(min(sizes[0], 15)) if sizes else 11

    # ---- Everything else

    def _thing(self, where: str, table: dict[str, Any]) -> ThingSeries:
        states = []
        for tick, (at, value, ready) in merged(
            (self._places(where, table), self._types_of(where, table), self._ready(where, table))
        ):
            is_there = at is not None and not (value == 0 and "type_name" in table)  # what has vanished says 0
            states.append((tick, (at, self._kind(where, value), ready) if is_there else (None, 0, 0)))
        return ThingSeries(states)

    def _types_of(self, where: str, table: Mapping[str, Any]) -> Series:
        if not {"type_name", _FIRST, *_NUMBERED} & table.keys():
            self._odd.note(where, "it has no type")
        return self._series(where, table, name_or_number, "type_name", "type_id", "type")

    def _type_name(self, value: str | int) -> str:
        """A type's name; empty where there is none by that number."""
        if isinstance(value, str):
            return value
        return self._types[value] if 0 <= value < len(self._types) else ""

    def _kind(self, where: str, value: str | int) -> int:
        """The index of a type among all kinds. A name that was not announced joins them."""
        name = self._type_name(value)
        if name in ("", AGENT_TYPE):  # the first of all types is what a thing without one says
            self._odd.note(where, f"there is no type {shown(value)}")
            name = "unknown"
        if name not in self._kind_of:
            if name != "unknown":
                self._odd.note(where, f"its type '{safe(name)}' is not among the type names")
            self._kind_of[name] = len(self._kinds)
            self._kinds.append(name)
        return self._kind_of[name]

    def _ready(self, where: str, table: dict[str, Any]) -> Series:
        """Codes of the ready plane: 1 can be used, 2 cooling down or converting, 3 used up, 0 for what nobody uses."""
        if "gridrl_ready" in table or _FIRST in table:
            return self._series(where, table, whole, "gridrl_ready")
        converts = any(table.get(key) for key in _RECIPES)
        if not converts and not table.keys() & set(_BUSY):
            return [(0, 0)]
        busy = [self._series(where, table, real, key) for key in _BUSY if key in table]
        uses = [self._series(where, table, whole, key) for key in ("uses_count", "max_uses")]
        return [
            (tick, 3 if 0 < most <= used else 2 if any(left > 0 for left in lefts) else 1)
            for tick, (used, most, *lefts) in merged((*uses, *busy))
        ]

    # ---- Sizes

    def _map_size(self, agents: list[AgentSeries], things: list[ThingSeries]) -> tuple[int, int]:
        told = self._document.get("map_size")
        if (
            isinstance(told, list)
            and len(told) >= 2
            and all(isinstance(side, int) and 1 <= side <= MAX_SIDE for side in told[:2])
        ):
            return int(told[0]), int(told[1])
        places = [at for agent in agents for _, at in agent.place if at is not None]
        places += [at for thing in things for _, (at, _, _) in thing.states if at is not None]
        sides = [max((min(at[axis], MAX_SIDE - 1) for at in places), default=0) + 1 for axis in (0, 1)]
        if self._version > 1:
            self._odd.note("map_size", f"{shown(told)} is no size; {sides[0]}x{sides[1]} holds every object")
        return max(sides[0], 1), max(sides[1], 1)

    def _last_tick(self, agents: list[AgentSeries], things: list[ThingSeries]) -> int:
        told = self._document.get("max_steps")
        most = min(MAX_STEPS, MAX_AGENT_TICKS // max(len(agents), 1))  # as of a recording
        if isinstance(told, int) and not isinstance(told, bool) and 0 <= told <= most:
            return told
        last = max(
            (
                *(series[-1][0] for agent in agents for series in (agent.place, agent.action, agent.total)),
                *(thing.states[-1][0] for thing in things),
                1,
            )
        )
        last = min(last, most)
        self._odd.note("max_steps", f"{shown(told)} is no number of steps; the last change is at step {last - 1}")
        return last


_FIRST: Final = "gridrl initial"  # a key that no file has: what an object of ours was at tick 0
_NUMBERED: Final = frozenset(("type_id", "type"))
_RECIPES: Final = ("input_resources", "output_resources", "recipe_input", "recipe_output", "protocols")
_BUSY: Final = (
    "cooldown_remaining",
    "is_cooling_down",
    "conversion_remaining",
    "is_converting",
    "cooldown_progress",
    "production_progress",
)


def _begun_with(start: Any, series: Series) -> Series:
    """A series whose value at tick 0 is known; of a constant one the file speaks from tick 1 on."""
    later = series if len(series) > 1 else [(1, series[0][1])]
    return [(0, start), *(entry for entry in later if entry[0] > 0)]
