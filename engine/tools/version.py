"""`gridrl --version`: what this program is made of, and where it keeps things. Main thread.

Packages are asked for their versions and not loaded: torch alone would take seconds.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from importlib import metadata

PACKAGE = "gridrl-tui"
PACKAGES = ("torch", "numpy", "textual", "duckdb", "pydantic", "wandb")
"""Those whose versions explain most of what a person may report."""


VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "NODE_INDEX", "CUDA_VISIBLE_DEVICES", "WANDB_API_KEY", "AWS_PROFILE")
"""Of the environment: those that change what is done here, or that a report should name. And all of PREFIX."""

PREFIX = "GRIDRL_"
_SECRET = ("KEY", "TOKEN", "SECRET", "PASSWORD")  # in a variable's name: its value is nobody's business


def own_version() -> str:
    """The first line; all that `gridrl-tui --version` says."""
    return f"{PACKAGE} {_version(PACKAGE)}"


def print_version() -> None:
    """Print everything."""
    from .text import line, printable  # deferred: the screen's front door loads this module for one line

    line(own_version())
    for name, fact in _facts().items():
        line(f"{name:<10}{printable(fact)}")
    for fact in _variables(os.environ):
        line(f"{'variable':<10}{printable(fact)}")


def _facts() -> dict[str, str]:
    version, build = _engine()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    machine = f"{platform.system()} {platform.release()} {platform.machine()}, {_cores()}"
    packages = {name: _version(name) for name in PACKAGES}
    return {"engine": version, "built by": build, "python": python, "platform": machine} | packages | _places()


def _engine() -> tuple[str, str]:
    """Its version, and its compiler with the flags."""
    from engine.errors import SimError  # deferred, as all below

    try:
        from engine.sim import ENGINE_BUILD, ENGINE_VERSION
    except SimError as error:  # the one fact that whoever asks would need
        return "none", str(error)
    return ENGINE_VERSION, ENGINE_BUILD


def _cores() -> str:
    there = os.cpu_count() or 1
    ours = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else there
    words = f"{there} {'core' if there == 1 else 'cores'}"
    return words if ours == there else f"{words}, {ours} of them for us"


def _places() -> dict[str, str]:
    from engine.places import recipes_directory, settings_file
    from engine.runs.names import runs_root

    places = {"runs": runs_root(), "recipes": recipes_directory(), "settings": settings_file()}
    return {name: str(path) for name, path in places.items()}


def _variables(environ: Mapping[str, str]) -> Iterator[str]:
    """Those that are set."""
    own = sorted(name for name in environ if name.startswith(PREFIX) and name not in VARIABLES)
    for name in (*(name for name in VARIABLES if name in environ), *own):
        is_secret = any(word in name.upper() for word in _SECRET)
        yield f"{name} is set" if is_secret else f"{name}={environ[name]}"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
