"""Writing a recording as a JSON replay of version 3, for viewers that know no other, with all that we know in it.

Everything is played once to be written. A step's frame is the state after it, so step s is our tick s + 1; how it
began, the hashes and the recording itself are in the block `gridrl`, which others ignore. Pure but for `save_replay`.
"""

from __future__ import annotations

import base64
import gzip
import os
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import RecordingError, RunError
from engine.runs.files import replace_file, to_json
from engine.sim import AGENT, EMPTY, ENGINE_VERSION, FIRST_KIND, EnvView, Kind, Playback, Recording, Rules, Style
from engine.sim.gridrec import to_bytes

from .own import FORMAT, Annotation
from .reader import AGENT_TYPE, MAX_BYTES, MAX_PARTS, MAX_UNPACKED

VERSION: Final = 3
MAX_AGENT_TICKS: Final = 1_000_000
"""Some 35 bytes and four lists each before packing; a .gridrec holds 64 times as many."""

SUFFIXES: Final = (".json.z", ".json.gz", ".json")

_COLUMNS: Final = ("row", "column", "group", "facing", "last_action", "last_result", "frozen", "shield", "glyph")
_SWITCHED_ON: Final = 2  # code of the ready plane: cooling down or converting

Frame = dict[str, Any]


def save_replay(path: Path, recording: Recording, annotations: Sequence[Annotation] = ()) -> None:
    """Write a replay, packed as its name says: .json.z, .json.gz, or .json. An existing file is replaced in one step.

    Raises:
        RecordingError: it is too large, cannot be played, or the disk refuses.
    """
    content = to_json(document(recording, name=path.name, annotations=annotations))
    parts = content.count(b"[") + content.count(b"{")
    if len(content) > MAX_UNPACKED or parts > MAX_PARTS:  # nobody could read it, not even we
        raise _too_large(f"{len(content):,} bytes of {parts:,} lists")
    data = _packed(content, path.name)
    if len(data) > MAX_BYTES:
        raise _too_large(f"{len(data):,} bytes")
    try:
        replace_file(Path(os.path.realpath(path)), data)
    except RunError as error:
        raise RecordingError(error.message, hint="choose a place that can be written") from error


def _packed(content: bytes, name: str) -> bytes:
    if name.endswith(".z"):
        return zlib.compress(content, 6)
    return gzip.compress(content, 6, mtime=0) if name.endswith(".gz") else content  # the same replay, the same bytes


def is_played_by(written: Frame, recording: Recording) -> bool:
    """Whether the pictures in a document are those that the recording gives when it is played."""
    own = document(recording)
    block = written.get("gridrl")
    first = block.get("initial") if isinstance(block, dict) else None
    return bool(written.get("objects") == own["objects"] and first == own["gridrl"]["initial"])


def document(recording: Recording, *, name: str = "", annotations: Sequence[Annotation] = ()) -> dict[str, Any]:
    """The replay as JSON would have it.

    Args:
        name: the file's.

    Raises:
        RecordingError: it is too long for a replay, or cannot be played.
    """
    rules, last = recording.rules, recording.ticks - recording.ended
    if last * rules.agents > MAX_AGENT_TICKS:
        raise _too_large(f"{last:,} ticks of {rules.agents:,} agents")
    with Playback(recording) as playback:
        first = playback.batch.look()
        agents, things = _Agents(rules, last), _Things(rules, first)
        agents.take(0, playback.batch.standing())
        for tick in range(1, last + 1):
            playback.step()
            agents.take(tick, playback.batch.standing())
            things.take(tick, playback.batch.look())
        end = _end(playback) if recording.ended else None
    height, width = first.cells.shape
    objects = [*agents.objects(), *things.objects()]
    return {
        "version": VERSION,
        "file_name": name,
        "action_names": list(rules.action_names),
        "item_names": list(rules.resources),
        "type_names": [AGENT_TYPE, *rules.kinds],
        "group_names": [f"group_{group}" for group in range(rules.groups)],
        "map_size": [width, height],
        "num_agents": rules.agents,
        "max_steps": last,
        "mg_config": rules.model_dump(mode="json"),
        "objects": objects,
        "gridrl": {
            "format": FORMAT,
            "engine": recording.engine,
            "written_by": ENGINE_VERSION,
            "game": rules.name,
            "map": recording.maps[first.world].name.encode("utf-8", "backslashreplace").decode()[:200],
            "seed": recording.seed,
            "start": {"tick": first.tick, "episode": first.episode, "world": first.world},
            "initial": [*agents.first_frame(), *things.first_frame()],
            "hashes": recording.hashes.tolist(),
            "final_hash": recording.final_hash,
            "end": end,
            "annotations": [{"tick": each.tick, "agent": each.agent, "words": each.words} for each in annotations],
            "gridrec": base64.b64encode(to_bytes(recording)).decode("ascii"),
        },
    }


def _too_large(what: str) -> RecordingError:
    return RecordingError(f"{what} are too much for a JSON replay", hint="a .gridrec holds it, in a hundredth")


def _end(playback: Playback) -> Frame:
    """What the step that ended the episode gave: the state after it is another episode's, so it is no frame."""
    playback.step()
    episodes = playback.episodes
    assert episodes is not None, "it ended"
    return {
        "terminated": bool(episodes.terminated.any()),
        "rewards": [_short(value) for value in playback.batch.rewards],
        "returns": [_short(value) for value in episodes.episode_return],
    }


def _short(value: Any) -> float:
    """A 32-bit float in the fewest digits that give it back."""
    return float(str(np.float32(value)))


def _series(pairs: list[list[Any]]) -> Any:
    """A series as it is written: one that holds from the beginning is its value."""
    return pairs[0][1] if len(pairs) == 1 else pairs


def _items(units: Iterable[int]) -> list[list[int]]:
    return [[item, int(count)] for item, count in enumerate(units) if count]


# ---- Agents


class _Agents:
    """All agents at every tick, as arrays."""

    def __init__(self, rules: Rules, last: int) -> None:
        shape = (last + 1, rules.agents)
        self._rules = rules
        self._columns = {name: np.zeros(shape, np.int32) for name in _COLUMNS}
        self._rewards = {name: np.zeros(shape, np.float32) for name in ("step_reward", "episode_return")}
        self._held = np.zeros((*shape, len(rules.resources)), np.uint16)

    def take(self, tick: int, standing: NDArray[np.void]) -> None:
        for columns in (self._columns, self._rewards):
            for name, column in columns.items():
                column[tick] = standing[name]
        self._held[tick] = standing["inventory"][:, : self._held.shape[2]]

    def first_frame(self) -> list[Frame]:
        """All fields that change, as they were at tick 0."""
        return [
            {key: value for key, (column, tell) in self._fields(agent).items() for value in (tell(column[0]),)}
            for agent in range(self._rules.agents)
        ]

    def objects(self) -> list[Frame]:
        """Each agent's fields: constants, or series from step 0 on."""
        return [self._object(agent) for agent in range(self._rules.agents)]

    def _object(self, agent: int) -> Frame:
        series = {key: _compressed(column[1:], tell) for key, (column, tell) in self._fields(agent).items()}
        if series["gridrl_action"] == series["action_id"]:
            del series["gridrl_action"]
        rules = self._rules
        freeze = max(rules.combat.freeze_turns, 0 if rules.tag is None else rules.tag.freeze_turns)
        return {
            "id": agent,
            "type_name": AGENT_TYPE,
            "is_agent": True,
            "agent_id": agent,
            "group_id": int(self._columns["group"][0, agent]),
            "color": int(self._columns["group"][0, agent]),
            "vision_size": max(rules.window.width, rules.window.height),
            "inventory_max": max((resource.limit for resource in rules.resources.values()), default=0),
            "freeze_duration": freeze,
            **series,
        }

    def _fields(self, agent: int) -> dict[str, tuple[NDArray[Any], Any]]:
        """Each field's column, (ticks, ...), and how one of its values is written."""
        column = {name: values[:, agent] for name, values in self._columns.items()}
        place = np.stack([column["column"], column["row"]], axis=1)
        return {
            "location": (place, lambda at: [int(at[0]), int(at[1])]),
            "orientation": (column["facing"], int),
            "inventory": (self._held[:, agent], _items),
            "action_id": (np.maximum(column["last_action"], 0), int),
            "action_param": (np.zeros_like(column["row"]), int),
            "action_success": (column["last_result"] == 0, bool),
            "current_reward": (self._rewards["step_reward"][:, agent], _short),
            "total_reward": (self._rewards["episode_return"][:, agent], _short),
            "freeze_remaining": (column["frozen"], int),
            "is_frozen": (column["frozen"] > 0, bool),
            "vibe_id": (column["glyph"], int),
            "gridrl_action": (column["last_action"], int),
            "gridrl_result": (column["last_result"], int),
            "gridrl_shield": (column["shield"] != 0, bool),
        }


def _compressed(column: NDArray[Any], tell: Any) -> Any:
    """A column as a series: [step, value] where it changes. Empty ones say nothing: 0."""
    if not len(column):
        return 0
    flat = column.reshape(len(column), -1)
    steps = [0, *(np.flatnonzero((flat[1:] != flat[:-1]).any(axis=1)) + 1).tolist()]
    return _series([[step, tell(column[step])] for step in steps])


# ---- Everything else


class _Things:
    """All objects that are no agents. They are found again from picture to picture by kind and by the shortest way.

    In the engine they move and vanish, and none is ever added: all fields begin at step 0.
    """

    def __init__(self, rules: Rules, first: EnvView) -> None:
        self._rules, self._kinds = rules, list(rules.kinds)
        self._width = first.cells.shape[1]
        self._cells, self._ready = _without_agents(first), first.ready.ravel()
        self._at: dict[int, int] = {}  # index of the object on a cell
        self._series: list[dict[str, list[list[Any]]]] = []
        self._codes: list[int] = []
        for index, cell in enumerate(np.flatnonzero(self._cells != EMPTY).tolist()):
            self._at[cell] = index
            self._series.append({})
            self._codes.append(int(self._cells[cell]))
        self._first = [self._state(cell) for cell in self._at]  # they lie there in the order of their indices
        self._is_begun = False

    def first_frame(self) -> list[Frame]:
        """As they were at tick 0."""
        return self._first

    def objects(self) -> list[Frame]:
        """Each object's fields. Where nothing was stepped, as it began."""
        agents = self._rules.agents
        found = []
        for index, series in enumerate(self._series):
            told = {key: _series(pairs) for key, pairs in series.items()}
            about = _about(self._rules.kinds[self._kinds[self._codes[index] - FIRST_KIND]], list(self._rules.resources))
            state = told if self._is_begun else self._first[index]
            found.append({"id": agents + index, **state, **about})
        return found

    def take(self, tick: int, view: EnvView) -> None:
        """The next picture."""
        cells, ready = _without_agents(view), view.ready.ravel()
        is_other = cells != self._cells
        changed = np.flatnonzero(is_other | (ready != self._ready)).tolist()
        lost = [self._at.pop(cell) for cell in np.flatnonzero(is_other & (self._cells != EMPTY)).tolist()]
        from_cells = dict(zip(lost, np.flatnonzero(is_other & (self._cells != EMPTY)).tolist(), strict=True))
        self._cells, self._ready = cells, ready
        for cell in np.flatnonzero(is_other & (cells != EMPTY)).tolist():
            self._arrive(cell, from_cells)
        step = tick - 1
        for cell in changed if self._is_begun else list(self._at):
            if cell in self._at:
                self._tell(self._at[cell], step, self._state(cell))
        for index in from_cells:  # nobody arrived: they are gone
            self._tell(index, step, dict.fromkeys(self._series[index], 0))
        self._is_begun = True

    def _arrive(self, cell: int, lost: dict[int, int]) -> None:
        """An object that was on another cell."""
        code = int(self._cells[cell])
        same = [index for index in lost if self._codes[index] == code]
        nearest = min(same, key=lambda index: self._way(lost[index], cell))
        del lost[nearest]
        self._at[cell] = nearest

    def _way(self, one: int, other: int) -> int:
        rows, columns = one // self._width - other // self._width, one % self._width - other % self._width
        return int(abs(rows) + abs(columns))

    def _state(self, cell: int) -> Frame:
        name = self._kinds[int(self._cells[cell]) - FIRST_KIND]
        state: Frame = {"type_name": name, "location": [cell % self._width, cell // self._width]}
        if self._rules.kinds[name].style is not Style.SOLID:
            ready = int(self._ready[cell])
            state |= {"is_cooling_down": ready == _SWITCHED_ON, "gridrl_ready": ready}
        return state

    def _tell(self, index: int, step: int, state: Frame) -> None:
        series = self._series[index]
        for key, value in state.items():
            pairs = series.setdefault(key, [])
            if not pairs or pairs[-1][1] != value:
                pairs.append([step, value])


def _without_agents(view: EnvView) -> NDArray[np.uint8]:
    flat = view.cells.ravel()
    return np.where(flat == AGENT, np.uint8(EMPTY), flat)


def _about(kind: Kind, resources: list[str]) -> Frame:
    """What a viewer may want to know of a kind. What is not told is 0."""
    if kind.style is Style.SOLID:
        return {}
    told = {
        "input_resources": [[resources.index(name), units] for name, units in kind.inputs.items()],
        "output_resources": [[resources.index(name), units] for name, units in kind.outputs.items()],
        "output_limit": kind.max_output,
        "conversion_duration": kind.conversion_ticks,
        "cooldown_duration": kind.cooldown,
        "max_uses": kind.max_uses,
    }
    return {key: value for key, value in told.items() if value}
