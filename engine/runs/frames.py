"""Live frames for a wire of JSON lines: a whole picture first, then what has changed since the one sent before.

Pure state of one connection: whoever writes to it owns a `FrameEncoder`, whoever reads from it a `FrameDecoder`, and
each is called from one thread. The wire is reliable and in order; frames are dropped before they are encoded.

A picture is bytes: cells, ready plane, then the table of agents, each field's lowest bytes first, so that what seldom
changes lies together. A delta is the difference byte by byte, nearly all zeros. Both travel deflated, in base64: lists
of what has changed are a fifth smaller on the wire (130 against 170 bytes for 24 agents that all move), and not worth
their length in code.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from engine.errors import RunError

from .names import check_run_name
from .records import Frame

if TYPE_CHECKING:  # deferred below as well: listing runs loads neither numpy nor the compiled simulator
    import numpy as np
    from numpy.typing import NDArray

    from engine.sim import AgentView, EnvView

MAX_SIDE: Final = 1024
MAX_AGENTS: Final = 1024
MAX_RESOURCES: Final = 32
"""What the engine takes (GW_MAX_*); so that the largest picture is 2 MiB of planes and 176 kB of agents."""

_INTEGERS: Final = (
    "row", "column", "group", "facing", "last_action", "last_result", "role", "frozen", "shield", "glyph",
)  # fmt: skip
_FLOATS: Final = ("step_reward", "episode_return")
_FIXED_FIELDS: Final = len(_INTEGERS) + len(_FLOATS)  # the inventory comes behind them

_MAX_INT32: Final = 2**31 - 1
_MAX_INT64: Final = 2**63 - 1
_MAX_KIND: Final = 66  # codes of cells: nothing, agent, and 64 kinds; outside is none on a map
_MAX_READY: Final = 3
_MAX_UNITS: Final = 65_535


class OutOfStep(RunError):
    """A delta builds on another picture than the one at hand. Nothing is damaged: ask for a whole picture."""


@dataclass(frozen=True)
class _Place:
    """What a picture is of. A delta goes from one picture of a place to the next, so its bytes fit."""

    run_id: str
    env: int
    world: int
    height: int
    width: int
    agents: int
    resources: int

    @property
    def cell_count(self) -> int:
        return self.height * self.width

    @property
    def fields(self) -> int:
        """Columns of the table of agents."""
        return _FIXED_FIELDS + self.resources

    @property
    def size(self) -> int:
        """Bytes of a picture."""
        return 2 * self.cell_count + 4 * self.fields * self.agents


class FrameEncoder:
    """Turns the frames that are sent on one connection into records for it, each a mapping of JSON's own types."""

    def __init__(self) -> None:
        self._place: _Place | None = None
        self._picture: NDArray[np.uint8] | None = None
        self._number = 0

    def restart(self) -> None:
        """Make the next one a whole picture: the other side has lost step."""
        self._place = self._picture = None

    def encode(self, frame: Frame) -> dict[str, object]:
        """The record of a frame that is sent after all those encoded before: `frame.view` is one of the engine's."""
        view = frame.view
        place = _place_of(frame)
        picture = _picture_of(view, place)
        number = self._number + 1
        record: dict[str, object] = {"n": number, "step": frame.step, "tick": view.tick, "episode": view.episode}
        whole = {**asdict(place), "z": _packed(picture)}
        delta = self._delta(place, picture)
        record |= whole if delta is None or len(delta) > len(whole["z"]) else {"on": self._number, "z": delta}
        self._place, self._picture, self._number = place, picture, number
        return record

    def _delta(self, place: _Place, picture: NDArray[np.uint8]) -> str | None:
        """None where there is nothing to build on."""
        if self._picture is None or place != self._place:
            return None
        return _packed(picture - self._picture)


class FrameDecoder:
    """Turns the records of one connection back into frames. What it refuses leaves it as it was."""

    def __init__(self) -> None:
        self._place: _Place | None = None
        self._picture: NDArray[np.uint8] | None = None
        self._number = 0

    def decode(self, record: Mapping[str, Any]) -> Frame:
        """The frame of a record. Everything in it is checked against what the engine can have: never against one game.

        Keys that are not a frame's are passed over.

        Raises:
            OutOfStep: it is a delta, and not on the frame that was decoded last; a whole picture helps.
            RunError: it is no frame.
        """
        number = _integer(record, "n", 1, _MAX_INT64)
        if "on" in record:
            place, before = self._base(_integer(record, "on", 1, _MAX_INT64))
            picture = _unpacked(record, place.size) + before
        else:
            place = _read_place(record)
            picture = _unpacked(record, place.size)
        view = _view_of(record, place, picture)
        frame = Frame(place.run_id, _integer(record, "step", 0, _MAX_INT64), view, place.env)
        self._place, self._picture, self._number = place, picture, number
        return frame

    def _base(self, number: int) -> tuple[_Place, NDArray[np.uint8]]:
        if self._place is None or self._picture is None or number != self._number:
            there = f"frame {self._number}" if self._place else "no frame"
            raise OutOfStep(f"a live frame builds on frame {number}, and {there} is here", hint="ask for a whole one")
        return self._place, self._picture


# A view and its picture


def _place_of(frame: Frame) -> _Place:
    view = frame.view
    height, width = view.cells.shape
    resources = len(view.agents[0].inventory)
    return _Place(frame.run_id, frame.env, view.world, height, width, len(view.agents), resources)


def _picture_of(view: EnvView, place: _Place) -> NDArray[np.uint8]:
    """(size,) bytes."""
    import numpy as np  # deferred: see above

    table = np.empty((place.agents, place.fields), "<i4")
    table[:, : len(_INTEGERS)] = [attrgetter(*_INTEGERS)(agent) for agent in view.agents]
    floats = [attrgetter(*_FLOATS)(agent) for agent in view.agents]
    table[:, len(_INTEGERS) : _FIXED_FIELDS] = np.array(floats, "<f4").view("<i4")
    table[:, _FIXED_FIELDS:] = [agent.inventory for agent in view.agents]
    # (agents, fields) of four bytes -> (fields, bytes, agents) of one
    by_byte = table.view(np.uint8).reshape(place.agents, place.fields, 4).transpose(1, 2, 0)
    return np.concatenate([view.cells.ravel(), view.ready.ravel(), by_byte.ravel()])


def _view_of(record: Mapping[str, Any], place: _Place, picture: NDArray[np.uint8]) -> EnvView:
    from engine.sim import EnvView  # deferred: see above

    shape = (place.height, place.width)
    planes = picture[: 2 * place.cell_count].reshape(2, *shape).copy()  # the picture stays ours
    _check_range(planes[0], 0, _MAX_KIND, "codes of cells")
    _check_range(planes[1], 0, _MAX_READY, "codes of readiness")
    return EnvView(
        tick=_integer(record, "tick", 0, _MAX_INT32),
        episode=_integer(record, "episode", 0, _MAX_INT64),
        world=place.world,
        cells=planes[0],
        ready=planes[1],
        agents=_agents_of(place, picture[2 * place.cell_count :]),
    )


def _agents_of(place: _Place, data: NDArray[np.uint8]) -> tuple[AgentView, ...]:
    import numpy as np

    from engine.sim import AgentView

    by_byte = data.reshape(place.fields, 4, place.agents).transpose(0, 2, 1)
    table = np.ascontiguousarray(by_byte).view("<i4")[:, :, 0]  # (fields, agents)
    _check_table(table, place)
    columns = dict(zip(_INTEGERS, table[: len(_INTEGERS)].tolist(), strict=True))
    columns["shield"] = [bool(up) for up in columns["shield"]]
    floats = np.ascontiguousarray(table[len(_INTEGERS) : _FIXED_FIELDS]).view("<f4").tolist()
    columns |= dict(zip(_FLOATS, floats, strict=True))
    columns["inventory"] = [tuple(held) for held in table[_FIXED_FIELDS:].T.tolist()]
    return tuple(AgentView(**dict(zip(columns, values, strict=True))) for values in zip(*columns.values(), strict=True))


def _check_table(table: NDArray[np.int32], place: _Place) -> None:
    from engine.sim import DIRECTIONS, FOREVER, ActionResult

    # Upper ends in the order of _INTEGERS; the lower is 0 but for an action, where -1 is none.
    highest = (place.height - 1, place.width - 1, 7, len(DIRECTIONS) - 1, 63, max(ActionResult), 7, FOREVER, 1, 249)
    for name, column, high in zip(_INTEGERS, table, highest, strict=False):
        _check_range(column, -1 if name == "last_action" else 0, high, f"agents' {name}")
    _check_range(table[_FIXED_FIELDS:], 0, _MAX_UNITS, "agents' inventory")


# The terms of the wire


def _packed(data: NDArray[np.uint8]) -> str:
    return base64.b64encode(zlib.compress(data.tobytes())).decode("ascii")


def _unpacked(record: Mapping[str, Any], size: int) -> NDArray[np.uint8]:
    """The (size,) bytes under `z`; no more than those are ever unpacked."""
    import numpy as np

    text = record.get("z")
    if not isinstance(text, str):
        raise _no_frame("has no picture")
    inflate = zlib.decompressobj()
    try:
        data = inflate.decompress(base64.b64decode(text, validate=True), size + 1)
    except (ValueError, binascii.Error, zlib.error) as error:
        raise _no_frame(f"has a picture that cannot be unpacked ({error})") from error
    if len(data) != size or not inflate.eof or inflate.unused_data:
        raise _no_frame(f"has a picture that is not {size:,} bytes")
    return np.frombuffer(data, np.uint8)


def _read_place(record: Mapping[str, Any]) -> _Place:
    run_id = record.get("run_id")
    if not isinstance(run_id, str):
        raise _no_frame("does not say of which run it is")
    return _Place(
        check_run_name(run_id),
        env=_integer(record, "env", 0, _MAX_INT32),
        world=_integer(record, "world", 0, _MAX_INT32),
        height=_integer(record, "height", 1, MAX_SIDE),
        width=_integer(record, "width", 1, MAX_SIDE),
        agents=_integer(record, "agents", 1, MAX_AGENTS),
        resources=_integer(record, "resources", 0, MAX_RESOURCES),
    )


def _integer(record: Mapping[str, Any], key: str, low: int, high: int) -> int:
    value = record.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise _no_frame(f"needs a whole number from {low} to {high} as {key!r}")
    return value


def _check_range(values: NDArray[Any], low: int, high: int, what: str) -> None:
    if values.size and not (low <= values.min() and values.max() <= high):
        raise _no_frame(f"has {what} outside {low} to {high}")


def _no_frame(problem: str) -> RunError:
    return RunError(f"a live frame {problem}", hint="are both sides of the same version of gridrl?")
