"""The floors of the house: who may import whom, and what a program has loaded by its first frame."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("engine", "tui", "maps", "benchmarks")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))

SLOW_TO_IMPORT = {"torch", "wandb", "duckdb", "optuna"}


@functools.cache
def loaded_by(statement: str) -> frozenset[str]:
    """Every module that a fresh interpreter has after the statement, and does not have without it."""
    script = f"import sys; before = set(sys.modules); {statement}; print(*(set(sys.modules) - before), sep='\\n')"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return frozenset(done.stdout.split())


def packages_loaded_by(statement: str) -> set[str]:
    """The packages of others that it loads: neither the standard library's nor this house's."""
    names = {name.partition(".")[0] for name in loaded_by(statement)}
    names = {name for name in names if not name.startswith("_sysconfigdata")}  # part of the standard library
    return names - sys.stdlib_module_names - set(ROOMS)


def test_the_import_contracts_hold() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]

    done = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("module", ["tui.cli", "tui.app"])
def test_the_screen_opens_before_anything_slow_is_loaded(module: str) -> None:
    assert not packages_loaded_by(f"import {module}") & SLOW_TO_IMPORT


def test_the_command_line_knows_neither_screen_nor_torch() -> None:
    assert not packages_loaded_by("import engine.cli") & {*SLOW_TO_IMPORT, "textual"}
    assert not {name for name in loaded_by("import engine.cli") if name.partition(".")[0] == "tui"}


def test_the_simulator_needs_numpy_cffi_and_pydantic_alone() -> None:
    own = {"numpy", "pydantic", "_cffi_backend", "cffi"}
    of_pydantic = {"pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"}

    assert packages_loaded_by("import engine.sim") <= own | of_pydantic
    loaded = {name for name in loaded_by("import engine.sim") if name.startswith("engine.")}
    assert {name for name in loaded if not name.startswith("engine.sim.games.")} <= {
        "engine.errors",
        "engine.sim",
        *(
            f"engine.sim.{name}"
            for name in ("_gridworld", "_gridworld.lib", "batch", "games", "native", "rules", "spec", "world")
        ),
        "engine.sim.playback",
        "engine.sim.recording",
        "engine.sim.timeline",
    }


@pytest.mark.parametrize("module", ["engine.errors", "engine.maps", "engine.runs", "engine.recipes"])
def test_the_lower_floors_load_nothing_slow(module: str) -> None:
    assert not packages_loaded_by(f"import {module}") & {*SLOW_TO_IMPORT, "textual"}


def imports_of(path: Path) -> set[str]:
    """Dotted names that a file imports, relative ones by their last part alone."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or ""} | {f"{node.module or ''}.{alias.name}" for alias in node.names}
    return names


def test_only_one_file_opens_the_compiled_module() -> None:
    opening = {
        path.relative_to(ROOT).as_posix() for path in SOURCES if any("_gridworld" in n for n in imports_of(path))
    }

    assert opening == {"engine/sim/native.py"}


# What must not be there, and why. Matched against code alone: a comment may speak of it.
FORBIDDEN = {
    r"weights_only\s*=\s*False": "runs whatever a checkpoint says",
    r"\bpickle\s*\.\s*loads?\b": "runs whatever a file says",
    r"\byaml\s*\.\s*(unsafe_|full_)?load\s*\(": "builds whatever a file says; safe_load does not",
    r"\bshell\s*=\s*True": "lets a file name be a command",
    r"\bcall_from_thread\b": "makes a worker wait for the screen",
    r"\bos\s*\.\s*(system|popen)\s*\(": "lets a file name be a command",
    r"\ballow_pickle\s*=\s*True": "runs whatever an array file says",
    r"(?<![.\w])(eval|exec)\s*\(": "runs text",
}


def code_of(path: Path) -> str:
    """The file without comments and strings."""
    return ast.unparse(_without_text(ast.parse(path.read_text(encoding="utf-8"))))


def _without_text(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
        elif isinstance(node, ast.JoinedStr):
            node.values = [value for value in node.values if isinstance(value, ast.FormattedValue)]
    return tree


@pytest.mark.parametrize("pattern", FORBIDDEN)
def test_nothing_forbidden_is_called(pattern: str) -> None:
    found = [path.relative_to(ROOT).as_posix() for path in SOURCES if has(pattern, path)]

    assert found == [], FORBIDDEN[pattern]


def has(pattern: str, path: Path) -> bool:
    text = path.read_text(encoding="utf-8")
    # The search in the plain text is fast and nearly always says no.
    return re.search(pattern, text) is not None and re.search(pattern, code_of(path)) is not None


@pytest.mark.parametrize(
    ("code", "pattern"),
    [
        ("torch.load(path, weights_only=False)", r"weights_only\s*=\s*False"),
        ("data = pickle.load(file)", r"\bpickle\s*\.\s*loads?\b"),
        ("run(line, shell=True)", r"\bshell\s*=\s*True"),
        ("eval(text)", r"(?<![.\w])(eval|exec)\s*\("),
    ],
)
def test_the_search_finds_what_it_is_for(code: str, pattern: str, tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.py", tmp_path / "good.py"
    bad.write_text(code)
    good.write_text(f"# {code}\ntext = {code!r}\n")

    assert has(pattern, bad)
    assert not has(pattern, good)


def test_no_pane_is_left_out_of_the_contracts() -> None:
    panes = {path.parent.name for path in (ROOT / "tui" / "panes").glob("*/__init__.py")}
    contract = re.search(
        r'name = "panes never import one another".*?modules = \[(.*?)\]',
        (ROOT / "pyproject.toml").read_text(encoding="utf-8"),
        re.DOTALL,
    )

    assert contract is not None
    assert {name.rpartition(".")[2] for name in re.findall(r'"([^"]+)"', contract[1])} == panes


def test_every_package_is_shipped() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.search(r"^packages = \[(.*?)\]", text, re.MULTILINE | re.DOTALL)
    there = {
        path.parent.relative_to(ROOT).as_posix().replace("/", ".")
        for room in ("engine", "tui", "maps")
        for path in (ROOT / room).rglob("__init__.py")
    }

    assert listed is not None
    assert set(re.findall(r'"([^"]+)"', listed[1])) == there
