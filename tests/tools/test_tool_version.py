"""`gridrl --version`: the facts that explain a report, without loading what they are about."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from engine.sim import ENGINE_BUILD, ENGINE_VERSION
from engine.tools.version import VARIABLES
from tui.settings import settings_path

from .console import ROOT, TIMEOUT_S, environment, gridrl


def facts(tmp_path: Path) -> dict[str, str]:
    done = gridrl(tmp_path, "--version")
    assert (done.returncode, done.stderr) == (0, "")
    return {line[:10].strip(): line[10:] for line in done.stdout.splitlines()[1:]}


def test_the_facts_are_those_of_this_program(tmp_path: Path) -> None:
    said = facts(tmp_path)

    assert said["engine"] == ENGINE_VERSION
    assert said["built by"] == ENGINE_BUILD
    assert "-ffp-contract=off" in ENGINE_BUILD.split()
    assert ENGINE_BUILD.split()[0].lower() in ("gcc", "clang", "apple")
    assert said["python"].endswith(".".join(map(str, sys.version_info[:3])))
    assert "core" in said["platform"]
    for package in ("torch", "numpy", "textual", "duckdb", "pydantic", "wandb"):
        assert said[package] == metadata.version(package)
    assert said["runs"] == str(tmp_path)
    assert said["recipes"] == environment(tmp_path)["GRIDRL_RECIPES"]
    assert said["settings"] == str(settings_path(environment(tmp_path)))


def test_the_variables_that_matter_are_told_and_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    said = {"RANK": "3", "CUDA_VISIBLE_DEVICES": "", "AWS_PROFILE": "lab\x1b[2J", "GRIDRL__TRAINER__SEED": "7"}
    for name, value in {**said, "WANDB_API_KEY": "hush-1", "GRIDRL_X_TOKEN": "hush-2", "OTHER": "hush-3"}.items():
        monkeypatch.setenv(name, value)

    out = gridrl(tmp_path, "--version").stdout

    told = {line[10:] for line in out.splitlines() if line.startswith("variable ")}
    assert {
        "RANK=3",
        "CUDA_VISIBLE_DEVICES=",
        "AWS_PROFILE=lab\\x1b[2J",
        "WANDB_API_KEY is set",
        "GRIDRL_X_TOKEN is set",
        "GRIDRL__TRAINER__SEED=7",
        f"GRIDRL_RUNS={tmp_path}",
    } <= told
    assert "hush" not in out
    assert "WORLD_SIZE" not in out


def test_both_programs_begin_alike(tmp_path: Path) -> None:
    app = subprocess.run(
        [sys.executable, "-m", "tui.cli", "--version"],
        env=environment(tmp_path),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )

    first = gridrl(tmp_path, "--version").stdout.splitlines()[0]

    assert first.split(" ", 1)[0] == "gridrl-tui"
    assert app.stdout == f"{first}\n"


def test_nothing_slow_is_loaded() -> None:
    script = "import json, sys\nfrom engine.cli import main\nmain(['--version'])\nprint(json.dumps(list(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S)

    assert not {"torch", "textual", "duckdb", "wandb"} & set(json.loads(done.stdout.splitlines()[-1]))


def test_a_missing_simulator_is_one_of_the_facts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from engine.tools.version import print_version

    for name in [name for name in sys.modules if name == "engine.sim" or name.startswith("engine.sim.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "engine.sim._gridworld", None)

    print_version()

    said = capsys.readouterr().out
    assert "engine    none\n" in said
    assert "built by  the compiled simulator is missing" in said
