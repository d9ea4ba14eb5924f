"""The fuzz targets of c_src/fuzz, run for a while under sanitizers: by libFuzzer, and by their own driver.

A finding fails with the sanitizer's words; its input is in the folder that pytest names.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from test_c import ROOT, SHIPPED, SOURCES, WARNINGS

FUZZ = ROOT / "c_src" / "fuzz"
TARGETS = ("fuzz_definitions", "fuzz_step")
RUNS = 20_000
SANITIZED = ["-O1", "-g", "-fno-sanitize-recover=all"]


def compile_target(
    compiler: str, sanitizers: str, sources: list[str], target: Path
) -> subprocess.CompletedProcess[str]:
    flags = [flag for flag in SHIPPED if not flag.startswith("-O")]
    own = [str(FUZZ / f"{name}.c") for name in ("fuzz", *sources)]
    command = [compiler, *flags, *WARNINGS, *SANITIZED, f"-fsanitize={sanitizers}", *map(str, SOURCES), *own]
    return subprocess.run([*command, "-o", str(target)], capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.skipif(shutil.which("clang") is None, reason="libFuzzer comes with clang")
def test_libfuzzer_finds_nothing(target: str, tmp_path: Path) -> None:
    built = compile_target("clang", "fuzzer,address,undefined", [target], tmp_path / target)
    assert built.returncode == 0, built.stderr

    options = [f"-runs={RUNS}", "-seed=1", "-max_len=2048", "-len_control=0", "-timeout=20", "-rss_limit_mb=4096"]
    done = subprocess.run([tmp_path / target, *options], capture_output=True, text=True, cwd=tmp_path)

    assert done.returncode == 0, done.stderr[-6000:]
    assert f"Done {RUNS} runs" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_the_driver_finds_nothing(target: str, tmp_path: Path) -> None:
    compiler = shutil.which("gcc") or "cc"
    built = compile_target(compiler, "address,undefined", [target, "driver"], tmp_path / target)
    assert built.returncode == 0, built.stderr

    done = subprocess.run([tmp_path / target, "3", "2026"], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr[-6000:]
    assert int(done.stdout.split()[0]) > 1000
