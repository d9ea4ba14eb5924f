"""What a recording weighs, and how long it takes to be at any tick of it.

    python benchmarks/recording.py [--json] [--seeks 2000] [--repeats 5] [--only NAME]

Everybody acts by chance, the hardest play to pack. Recordings are made to the end of their episode, taken through their
bytes, and verified: that pass makes the keyframes. Seeks then go to random ticks, forward and back. `seek_cold`
is the way to the last tick of a playback that has been nowhere yet, thus without a keyframe to begin from.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run from anywhere, installed or not

import numpy as np
from machine import Figure, figure, seconds, show

from engine.maps import GridMap, cells_for, load_map
from engine.sim import Batch, Playback, RecordedMap, Recorder, Recording, Rules, World, games
from engine.sim.gridrec import from_bytes, to_bytes

SEED = 1
MIB = 1024 * 1024
OBJECT_EVERY = 40  # cells of the drawn map


def stock_map(name: str) -> GridMap:
    return load_map(name)


def drawn_map(side: int) -> GridMap:
    """A walled square with every kind of object scattered over it."""
    places = [(row, column) for row in range(1, side - 1) for column in range(1, side - 1)][::OBJECT_EVERY]
    kinds = ("mine", "generator", "altar", "wall")
    cells = [(row, column, kinds[number % len(kinds)]) for number, (row, column) in enumerate(places)]
    return GridMap.walled(f"drawn_{side}", side, side).with_cells(cells)


def spread(rules: Rules) -> Rules:
    """More agents than a stock map has spawn cells for."""
    return rules.model_copy(update={"spawn_anywhere": True})


CASES: dict[str, Callable[[], tuple[Rules, GridMap]]] = {
    "arena": lambda: (spread(games.arena(agents=24)), stock_map("arena_basic")),
    "arena_classic_full": lambda: (
        spread(games.arena_classic("full", agents=24, max_steps=10_000)),
        stock_map("arena_classic_full"),
    ),
    "large": lambda: (spread(games.arena(agents=1024)), drawn_map(256)),
}


def recorded(rules: Rules, recorded_map: RecordedMap) -> tuple[Recording, float, float]:
    """One episode; and the seconds that its steps took, and that keeping them took."""
    stepping = keeping = 0.0
    random = np.random.default_rng(SEED)
    with Batch(World(rules, recorded_map.cells), seed=SEED) as batch:
        recorder = Recorder(batch, [recorded_map], SEED)
        while not recorder.ended:
            actions = random.integers(len(rules.actions), size=batch.rows, dtype=np.int32)
            stepping += seconds(partial(batch.step, actions))
            keeping += seconds(partial(recorder.record, actions))
        return recorder.recording(), stepping, keeping


def measure(name: str, seeks: int, repeats: int) -> list[Figure]:
    rules, grid_map = CASES[name]()
    recorded_map = RecordedMap(grid_map.name, cells_for(grid_map, rules))
    recording, stepping, keeping = recorded(rules, recorded_map)
    data = to_bytes(recording)
    settings = {"game": name, "map": grid_map.size, "agents": rules.agents, "ticks": recording.ticks}
    thousands = recording.ticks / 1000

    with Playback(from_bytes(data)) as playback:
        verifying = seconds(lambda: check_all(playback))
        rounds = [seek_times(playback, seeks, SEED + number) for number in range(repeats)]
        keyframes = playback.keyframe_size / MIB
    cold = [cold_seek(recording) for _ in range(repeats)]
    return [
        figure("recording_bytes", "B/1,000 ticks", settings, [len(data) / thousands]),
        figure(
            "record_step",
            "us",
            settings | {"step_us": round(stepping / thousands * 1e3, 1)},
            [keeping / thousands * 1e3],
        ),
        figure("verify", "ms", settings, [verifying * 1e3]),
        figure("keyframes", "MiB", settings, [keyframes]),
        figure("seek_p50", "ms", settings | {"seeks": seeks}, [float(np.median(times)) for times in rounds]),
        figure("seek_p99", "ms", settings | {"seeks": seeks}, [float(np.quantile(times, 0.99)) for times in rounds]),
        figure("seek_cold", "ms", settings, cold),
    ]


def check_all(playback: Playback) -> None:
    if playback.verify().first_difference is not None:
        sys.exit("the recording does not play as it was recorded: these figures mean nothing")


def seek_times(playback: Playback, seeks: int, seed: int) -> list[float]:
    """Milliseconds of each."""
    ticks = np.random.default_rng(seed).integers(playback.recording.ticks + 1, size=seeks).tolist()
    return [1e3 * seconds(partial(playback.seek, tick)) for tick in ticks]


def cold_seek(recording: Recording) -> float:
    with Playback(recording) as playback:
        return 1e3 * seconds(partial(playback.seek, recording.ticks))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--seeks", type=int, default=2000, help="random ticks of each repeat")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=CASES, help="one case")
    options = parser.parse_args()
    for name in [options.only] if options.only else CASES:
        for one in measure(name, options.seeks, options.repeats):
            show(one, options.json)


if __name__ == "__main__":
    main()
