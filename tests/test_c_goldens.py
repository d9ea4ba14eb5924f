"""Every game's pinned hash in every build there is: gcc and clang, with sanitizers and assertions, and as shipped."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from sim.exported import export_games
from sim.test_games_goldens import GOLDENS
from test_c import BUILDS, ROOT, SHIPPED, SOURCES, WARNINGS, Build

FUZZ = ROOT / "c_src" / "fuzz"
GOLDEN_BUILDS = [build for build in BUILDS if build.flavour != "races"]


def soak_command(build: Build, target: Path) -> list[str]:
    """The compilation of c_src/fuzz/soak.c with the engine."""
    flags = [flag for flag in SHIPPED if not flag.startswith("-O")]
    sources = [str(path) for path in (*SOURCES, FUZZ / "soak.c")]
    return [build.compiler, *flags, *WARNINGS, *build.arguments, *sources, "-o", str(target)]


@pytest.fixture(scope="session")
def program_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Build], Path]:
    """Gives the program of a build; it is compiled when it is first asked for."""
    folder = tmp_path_factory.mktemp("c_goldens")

    @cache
    def compiled(build: Build) -> Path:
        done = subprocess.run(soak_command(build, folder / build.name), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return folder / build.name

    return compiled


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("games") / "games.bin"
    export_games(path)
    return path


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("build", [pytest.param(build, id=build.name) for build in GOLDEN_BUILDS])
def test_every_game_has_its_hash_in_every_build(
    build: Build, threads: int, program_of: Callable[[Build], Path], exported: Path
) -> None:
    done = subprocess.run([program_of(build), "hash", exported, str(threads)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    hashes = dict(line.split() for line in done.stdout.splitlines())
    assert hashes == {game: f"{golden:#018x}" for game, golden in GOLDENS.items()}
