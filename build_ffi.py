"""Builds engine.sim._gridworld, the compiled simulator, from c_src (called by setup.py through cffi).

gridworld.h is the single source of the interface: what cffi sees is that file without its preprocessor
lines. Run by itself (`python build_ffi.py`) it builds the extension in place.
"""

import json
import os
import re
import shlex
import shutil
import sys
import sysconfig
from pathlib import Path

from cffi import FFI

SOURCES = [
    "actions",
    "batch",
    "combat",
    "heads",
    "inventory",
    "objects",
    "observe",
    "onehot",
    "planes",
    "pool",
    "rewards",
    "rules",
    "sight",
    "snapshot",
    "stats",
    "step",
    "tag",
]
# What a source distribution takes along.
HEADERS = ["c_src/gridworld.h", "c_src/internal.h", "c_src/lanes.h", "c_src/rng.h"]
# -ffp-contract=off: a fused multiply-add would make rewards differ between platforms.
COMPILE_ARGS = ["-std=c11", "-O3", "-ffp-contract=off", "-pthread"]


def check_platform() -> None:
    """Say in one line what is missing, before a compiler's or a linker's own words do."""
    if sys.platform == "win32":
        raise SystemExit("gridrl-tui: Windows is not supported directly; install and run it inside WSL")
    choose_compiler()
    headers = Path(sysconfig.get_path("include"), "Python.h")
    if not headers.exists():
        raise SystemExit(
            f"gridrl-tui: {headers} is missing; install Python's headers, for example `apt install python3-dev`"
        )


def choose_compiler() -> None:
    """Take $CC, else the compiler that built this Python, else the system's own; setuptools stops at the second."""
    wanted = os.environ.get("CC")
    built_with = sysconfig.get_config_var("CC") or "cc"
    found = next(filter(is_command, [wanted] if wanted else [built_with, "cc", "gcc", "clang"]), None)
    if found is None:
        raise SystemExit(
            f"gridrl-tui: no C compiler found ({wanted or built_with}); install one, "
            "for example `apt install build-essential` or `xcode-select --install`, and try again"
        )
    if found != built_with:
        os.environ["CC"] = found


def is_command(words: str) -> bool:
    """Whether there is a program by the first of these words: `gcc -pthread`."""
    parts = shlex.split(words)
    return bool(parts) and shutil.which(parts[0]) is not None


def declarations() -> str:
    """The header as cffi wants it: no preprocessor lines, `bool` spelled as C11 does."""
    text = Path(__file__).with_name("c_src").joinpath("gridworld.h").read_text(encoding="utf-8")
    return re.sub(r"^#.*$", "", text, flags=re.MULTILINE)


def built_with() -> str:
    """C that says how it was compiled: the compiler's own word for itself, then what we and $CFLAGS told it."""
    flags = json.dumps(" ".join([*COMPILE_ARGS, *shlex.split(os.environ.get("CFLAGS", ""))]))
    return f"""
#ifdef __clang__
#define BUILT_BY __VERSION__
#else
#define BUILT_BY "gcc " __VERSION__
#endif
static const char *built_with(void) {{ return BUILT_BY " " {flags}; }}
"""


check_platform()
ffibuilder = FFI()
ffibuilder.cdef(declarations() + "\nconst char *built_with(void);")
ffibuilder.set_source(
    "engine.sim._gridworld",
    '#include "gridworld.h"' + built_with(),
    sources=[f"c_src/{name}.c" for name in SOURCES],
    include_dirs=["c_src"],
    depends=HEADERS,
    extra_compile_args=COMPILE_ARGS,
    extra_link_args=["-pthread"],
)

if __name__ == "__main__":
    ffibuilder.compile(verbose=True)
