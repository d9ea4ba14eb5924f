"""Compiles and runs the C tests (c_src/tests): once with sanitizers and once as shipped, by every compiler there is.

Each pytest case is one subject of one build. `python tests/test_c.py` prints the commands, for building by hand.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "c_src").glob("*.c"))
TESTS = sorted((ROOT / "c_src" / "tests").glob("*.c"))
SUBJECTS = re.findall(r"^\s+X\((\w+)\)", (ROOT / "c_src/tests/test_macros.h").read_text(encoding="utf-8"), re.MULTILINE)

WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wshadow"]
SHIPPED = ["-std=c11", "-O3", "-ffp-contract=off", "-pthread"]  # build_ffi.py says the same; a test compares them
ALLOCATIONS = ["calloc", "malloc", "realloc", "aligned_alloc", "free", "pthread_create"]


@dataclass(frozen=True)
class Build:
    """One way to compile the tests."""

    compiler: str
    flavour: str
    arguments: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.compiler}-{self.flavour}"


FLAVOURS = {
    "sanitized": ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover"),
    "release": ("-O3",),
    "races": ("-O1", "-g", "-fsanitize=thread"),  # runs the subject of threads alone
}
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)] or ["cc"]
BUILDS = [Build(compiler, flavour, FLAVOURS[flavour]) for compiler in COMPILERS for flavour in FLAVOURS]
CASES = [
    pytest.param(build, subject, id=f"{build.name}-{subject}")
    for build in BUILDS
    for subject in (SUBJECTS if build.flavour != "races" else ["threads"])
]


def build_command(build: Build, target: Path) -> list[str]:
    """The whole compilation as one command."""
    renamed = [f"-D{name}=test_{name}" for name in ALLOCATIONS]  # see c_src/tests/allocations.h
    flags = [flag for flag in SHIPPED if not flag.startswith("-O")]
    sources = [str(path) for path in (*SOURCES, *TESTS)]
    return [build.compiler, *flags, *WARNINGS, *build.arguments, *renamed, *sources, "-lm", "-o", str(target)]


@pytest.fixture(scope="session")
def executable_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Build], Path]:
    """Gives the program of a build; it is compiled when it is first asked for."""
    folder = tmp_path_factory.mktemp("c_tests")

    @cache
    def compiled(build: Build) -> Path:
        done = subprocess.run(build_command(build, folder / build.name), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return folder / build.name

    return compiled


@pytest.mark.parametrize(("build", "subject"), CASES)
def test_c_subject(build: Build, subject: str, executable_of: Callable[[Build], Path]) -> None:
    command = [str(executable_of(build)), subject]

    done = subprocess.run(command, capture_output=True, text=True, timeout=300)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_subject_has_its_file() -> None:
    assert SUBJECTS
    assert {path.stem for path in TESTS if path.stem.startswith("test_")} == {f"test_{name}" for name in SUBJECTS}


def test_the_shipped_extension_is_what_the_tests_compile() -> None:
    text = (ROOT / "build_ffi.py").read_text(encoding="utf-8")
    built = re.search(r"^SOURCES = (\[.*?\])", text, re.MULTILINE | re.DOTALL)
    headers = re.search(r"^HEADERS = (\[.*\])", text, re.MULTILINE)
    arguments = re.search(r"^COMPILE_ARGS = (\[.*\])", text, re.MULTILINE)

    assert built is not None
    assert headers is not None
    assert arguments is not None
    assert re.findall(r'"c_src/(\w+\.h)"', headers[1]) == sorted(path.name for path in (ROOT / "c_src").glob("*.h"))
    assert re.findall(r'"(\w+)"', built[1]) == [path.stem for path in SOURCES]
    assert re.findall(r'"([^"]+)"', arguments[1]) == SHIPPED


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The engine's object files, without position-independent code: constants then lie in .rodata."""
    folder = tmp_path_factory.mktemp("c_objects")
    subprocess.run([COMPILERS[0], *SHIPPED, "-fno-pic", "-c", *map(str, SOURCES)], cwd=folder, check=True)
    return sorted(folder.glob("*.o"))


def symbols(path: Path) -> list[tuple[str, str]]:
    """(kind, name) of every symbol, as nm prints them."""
    done = subprocess.run(["nm", "-P", str(path)], capture_output=True, text=True, check=True)
    return [(line.split()[1], line.split()[0]) for line in done.stdout.splitlines()]


@pytest.mark.skipif(sys.platform == "darwin" or shutil.which("nm") is None, reason="needs nm for ELF")
def test_the_engine_has_no_mutable_file_scope_data(objects: list[Path]) -> None:
    mutable = [(path.name, kind, name) for path in objects for kind, name in symbols(path) if kind in "BbDdCcSsGg"]

    assert len(objects) == len(SOURCES)
    assert mutable == []


@pytest.mark.skipif(sys.platform == "darwin" or shutil.which("nm") is None, reason="needs nm for ELF")
def test_the_engine_calls_nothing_of_libc_but_memory_threads_and_text(objects: list[Path]) -> None:
    own = {name for path in objects for kind, name in symbols(path) if kind in "TtRr"}
    called = {name.split("@")[0] for path in objects for kind, name in symbols(path) if kind == "U"} - own

    words = {"memcpy", "memset", "strlen", "strcmp", "strncmp", "snprintf"}
    memory = {"calloc", "aligned_alloc", "free"}
    hardening = {"__assert_fail", "__stack_chk_fail", "__snprintf_chk", "__memcpy_chk", "_GLOBAL_OFFSET_TABLE_"}
    which_cpu = {"__cpu_model", "__cpu_indicator_init"}  # of the compiler's own library
    others = {
        name for name in called - words - memory - hardening - which_cpu if not name.startswith(("pthread_", "sched_"))
    }
    assert others == set()


@pytest.mark.skipif(sys.platform == "darwin" or shutil.which("nm") is None, reason="needs nm for ELF")
def test_only_create_allocates_and_only_the_pool_knows_threads(objects: list[Path]) -> None:
    for path in objects:
        called = {name.split("@")[0] for kind, name in symbols(path) if kind == "U"}

        assert not called & {"calloc", "malloc", "realloc", "aligned_alloc"} or path.stem in {"rules", "batch", "pool"}
        assert not any(name.startswith("pthread_") for name in called) or path.stem == "pool"


def test_c_is_formatted() -> None:
    if shutil.which("clang-format") is None:
        pytest.skip("clang-format is not installed")
    files = [str(path) for path in (ROOT / "c_src").rglob("*.[ch]")]

    done = subprocess.run(["clang-format", "--dry-run", "-Werror", *files], capture_output=True, text=True, cwd=ROOT)

    assert done.returncode == 0, done.stderr


if __name__ == "__main__":
    for each in BUILDS:
        print(shlex.join(build_command(each, Path(each.name))))
