"""What every benchmark shares: repeated timing, and one line of JSON (or of text) for each figure.

Owned by the scripts beside it; run by a person, never by a test.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "cffi", "torch", "textual", "duckdb", "stable-baselines3")


@dataclass(frozen=True)
class Figure:
    """One measured quantity: the median of its repeats is what counts, the ends tell how far to trust it."""

    name: str
    unit: str
    configuration: dict[str, Any]
    median: float
    minimum: float
    maximum: float
    repeats: int
    machine: dict[str, Any] = field(default_factory=lambda: machine())

    def as_json(self) -> str:
        record = asdict(self)
        record["min"], record["max"] = record.pop("minimum"), record.pop("maximum")
        return json.dumps(record, sort_keys=True)

    def as_text(self) -> str:
        settings = " ".join(f"{key}={value}" for key, value in self.configuration.items())
        spread = f"{self.minimum:,.4g} .. {self.maximum:,.4g}"
        return f"{self.name:<28} {self.median:>12,.4g} {self.unit:<16} ({spread}, {self.repeats} repeats)  {settings}"


def figure(name: str, unit: str, configuration: dict[str, Any], samples: Sequence[float]) -> Figure:
    """Sum up the samples of one quantity."""
    return Figure(
        name, unit, configuration, statistics.median(samples), min(samples), max(samples), repeats=len(samples)
    )


def seconds(work: Callable[[], None]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def show(one: Figure, as_json: bool) -> None:
    print(one.as_json() if as_json else one.as_text(), flush=True)


def machine() -> dict[str, Any]:
    """What the figures were measured on: no names of hosts, users or paths."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),  # others on the machine make every figure smaller
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"
