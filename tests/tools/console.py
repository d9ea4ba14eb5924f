"""The command line as a shell sees it: a process, its exit code, and what it wrote."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from engine.cli import main

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 120  # torch may take a while to load on a busy machine


def command(*arguments: str | bytes) -> list[str | bytes]:
    return [sys.executable, "-m", "engine.cli", *arguments]


def environment(runs: Path) -> dict[str, str]:
    return {**os.environ, "GRIDRL_RUNS": str(runs), "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}


def gridrl(runs: Path, *arguments: str | bytes) -> subprocess.CompletedProcess[str]:
    """Run a command line to its end."""
    return subprocess.run(
        command(*arguments),
        env=environment(runs),
        cwd=runs,
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_S,
        check=False,
    )


def here(runs: Path, *arguments: str | bytes, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The same in this process, which has torch already: for what a command says and does, and not for how it ends."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, chdir(cwd or runs), redirect_stdout(out), redirect_stderr(err):
        patch.setenv("GRIDRL_RUNS", str(runs))
        code = main([os.fsdecode(each) for each in arguments])
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def started(runs: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a command line whose stdout is a pipe to us. stderr goes with it."""
    return subprocess.Popen(
        command(*arguments),
        env=environment(runs),
        cwd=runs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def has_controls(text: str) -> bool:
    """Whether a terminal would find anything to obey in it, but for line ends."""
    return not all(character.isprintable() or character == "\n" for character in text)
