"""Plays all shipped games by random actions in a build with sanitizers, and prints what was played.

    python benchmarks/soak.py [--steps 100000000] [--seconds 3600] [--seed 1] [--compiler clang]

For a checkout. Ends with the sanitizer's words at the first fault: an address out of bounds, a leak, undefined
behaviour, a promise of gridworld.h that does not hold. Batches are of 1 to 64 envs on 1 to 3 threads, saved and loaded
on the way; one action in a hundred is none.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run from anywhere
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from machine import machine
from test_c import ROOT, SHIPPED, SOURCES, WARNINGS

from tests.sim.exported import export_games

SANITIZERS = "address,undefined"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100_000_000, help="agent-steps of all games together")
    parser.add_argument("--seconds", type=int, default=3600, help="end after this long, whatever has been played")
    parser.add_argument("--seed", type=int, default=1, help="all that is random follows from it")
    parser.add_argument("--compiler", default="clang" if shutil.which("clang") else "cc")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        program, games = Path(folder) / "soak", Path(folder) / "games.bin"
        flags = [*SHIPPED, *WARNINGS, "-g", f"-fsanitize={SANITIZERS}", "-fno-sanitize-recover=all"]
        sources = [*map(str, SOURCES), str(ROOT / "c_src" / "fuzz" / "soak.c")]
        subprocess.run([options.compiler, *flags, *sources, "-o", str(program)], check=True)
        export_games(games)
        print(f"{options.compiler} -O3 -fsanitize={SANITIZERS}, {machine()['cpu']}", flush=True)
        numbers = [str(number) for number in (options.seconds, options.steps, options.seed)]
        return subprocess.run([program, "run", games, *numbers]).returncode


if __name__ == "__main__":
    sys.exit(main())
