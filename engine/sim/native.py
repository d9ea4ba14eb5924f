"""The one door to the compiled simulator: `ffi`, `lib`, and the translation of its errors.

Nothing outside engine.sim imports this. Every C call releases the interpreter lock, so a batch guards
itself with a busy flag and a second caller gets a SimError.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import MapError, SimError

try:
    from ._gridworld import ffi, lib
except ImportError as error:
    raise SimError(
        "the compiled simulator is missing",
        hint="install the program with a C compiler at hand: pip install . (or pip install -e .)",
    ) from error

__all__ = ["ENGINE_BUILD", "ENGINE_VERSION", "check", "ffi", "lib", "put_name"]

ENGINE_VERSION = ".".join(str(lib.gw_version() // unit % 100) for unit in (10_000, 100, 1))
"""Version of the C engine; snapshots are good for the same one only."""

ENGINE_BUILD = ffi.string(lib.built_with()).decode(errors="replace")
"""The compiler of the C engine, and its flags."""

_WORDS = {
    lib.GW_INVALID_ARGUMENT: "the simulator was called with an argument out of range",
    lib.GW_OUT_OF_MEMORY: "the simulator could not get enough memory",
    lib.GW_BUSY: "another thread is using this batch",
    lib.GW_NOT_FREE: "something stands in that cell",
}


def check(status: int, error: Any = None) -> None:
    """Raise what a status means; `error` is the gw_error that the call filled, if it takes one."""
    if status == lib.GW_OK:
        return
    message = ffi.string(error.message).decode() if error is not None and error.status else _WORDS.get(status, "")
    if status == lib.GW_INVALID_MAP:
        # Rows count from 0 in C and lines from 1 in files; GW_NONE (-1) becomes 0, "no place".
        raise MapError(message, line=error.row + 1, column=error.column + 1)
    raise SimError(message or f"the simulator answered with status {status}")


def put_name(target: Any, name: str) -> None:
    """Write a name into a fixed char array; longer ones are refused before they get here."""
    data = name.encode()
    if len(data) >= lib.GW_NAME_SIZE:
        raise SimError(f"the name {name!r} is too long", hint="use at most 31 letters")
    ffi.memmove(target, data + b"\0", len(data) + 1)


def bytes_of(array: NDArray[np.uint8]) -> Any:
    """The memory of a C-contiguous array, which the caller keeps alive; so do the two below."""
    return _memory_of(array, np.uint8, "uint8_t[]")


def whole_of(array: NDArray[np.int32]) -> Any:
    return _memory_of(array, np.int32, "int32_t[]")


def floats_of(array: NDArray[np.float32]) -> Any:
    return _memory_of(array, np.float32, "float[]")


def _memory_of(array: NDArray[Any], dtype: type[np.generic], declared: str) -> Any:
    assert array.dtype == dtype  # from_buffer looks at neither type nor order
    assert array.flags.c_contiguous
    return ffi.from_buffer(declared, array)
