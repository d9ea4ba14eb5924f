"""Plays every game with random actions in the C engine and in the plain-Python reference, and compares everything.

    python benchmarks/differential.py [--steps 1000000] [--seed 1] [--only arena]

For a checkout, since the reference lives with the tests. Prints one line for each game as it is done. Ends with the
first difference: its assertion, and the line that repeats it. A million agent-steps of one game take some minutes.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run from anywhere

from tests.sim.differential import cases, play


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1_000_000, help="agent-steps of each game")
    parser.add_argument("--seed", type=int, default=1, help="all that is random follows from it")
    parser.add_argument("--only", default="", help="games whose name contains this")
    arguments = parser.parse_args()
    chosen = [case for case in cases() if arguments.only in case.name]
    total = 0
    for case in chosen:
        started = time.perf_counter()
        try:  # one thread: it is the reference that takes the time
            count = play(case, arguments.steps, arguments.seed, threads=1)
        except AssertionError:
            print(f"{case.name} differs: --only {case.name} --steps {arguments.steps} --seed {arguments.seed}")
            raise
        seconds = time.perf_counter() - started
        total += count
        print(
            f"{case.name:<28} {case.rules.agents:>3} agents  {len(case.maps)} maps  "
            f"{count:>9,} agent-steps agree  {seconds:7.1f} s",
            flush=True,
        )
    print(f"{len(chosen)} games, {total:,} agent-steps, seed {arguments.seed}: no difference")


if __name__ == "__main__":
    main()
