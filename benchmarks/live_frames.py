"""What live frames weigh on the wire of `gridrl stream`, and how long it takes to make and to read one.

    python benchmarks/live_frames.py [--json] [--frames 300] [--repeats 5] [--only NAME]

Everybody acts by chance. Frames are lines of JSON in one deflated stream that is flushed after each, as over ssh;
bytes a second are those of 10 frames a second. `stride` is the steps from one frame to the next: 1 is a slow game of
which one follows every step, 200 a trainer that takes 2,000 steps a second in each env, whose agents are somewhere
else each time. `frames_all_whole` is what it would weigh without deltas.
"""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run from anywhere, installed or not

import numpy as np
from machine import Figure, figure, seconds, show

from engine.maps import GridMap, cells_for, load_map
from engine.runs import Frame
from engine.runs.frames import FrameDecoder, FrameEncoder
from engine.sim import Batch, Rules, World, games

FPS = 10
STRIDES = (1, 200)
OBJECT_EVERY = 40  # cells of the drawn map


def drawn_map(side: int) -> GridMap:
    """A walled square with every kind of object scattered over it."""
    places = [(row, column) for row in range(1, side - 1) for column in range(1, side - 1)][::OBJECT_EVERY]
    kinds = ("mine", "generator", "altar", "wall")
    cells = [(row, column, kinds[number % len(kinds)]) for number, (row, column) in enumerate(places)]
    return GridMap.walled(f"drawn_{side}", side, side).with_cells(cells)


def spread(rules: Rules) -> Rules:
    """More agents than the map has spawn cells for."""
    return rules.model_copy(update={"spawn_anywhere": True})


CASES: dict[str, Callable[[], tuple[Rules, GridMap]]] = {
    "arena": lambda: (games.arena(), load_map("arena_basic")),
    "arena_40": lambda: (spread(games.arena(agents=24)), drawn_map(40)),
    "largest": lambda: (spread(games.arena(agents=1024)), drawn_map(1024)),
}


def play(name: str, count: int, stride: int, seed: int) -> list[Frame]:
    rules, grid_map = CASES[name]()
    random = np.random.default_rng(seed)
    frames = []
    with Batch(World(rules, cells_for(grid_map, rules)), seed=seed) as batch:
        for number in range(count):
            for _ in range(stride):
                batch.step(random.integers(len(rules.actions), size=batch.rows, dtype=np.int32))
            frames.append(Frame("ruddy-otter", number * stride * batch.rows, batch.look()))
    return frames


def wire_bytes(records: Sequence[dict[str, object]]) -> float:
    """Bytes of a frame, on average, in one stream; the first, which is whole, among them."""
    squeeze = zlib.compressobj()
    total = 0
    for record in records:
        line = json.dumps({"frame": record}, separators=(",", ":")).encode() + b"\n"
        total += len(squeeze.compress(line)) + len(squeeze.flush(zlib.Z_SYNC_FLUSH))
    return total / len(records)


def measure(name: str, count: int, stride: int, repeats: int) -> list[Figure]:
    settings = {"case": name, "stride": stride, "frames": count}
    weights, wholes, encoding, decoding = [], [], [], []
    for seed in range(repeats):
        frames = play(name, count, stride, seed)
        records: list[dict[str, object]] = []
        encoding.append(1e3 * seconds(partial(records.extend, map(FrameEncoder().encode, frames))) / count)
        decoding.append(1e3 * seconds(partial(deque, map(FrameDecoder().decode, records), 0)) / count)
        weights.append(FPS * wire_bytes(records) / 1e3)
        wholes.append(FPS * wire_bytes([FrameEncoder().encode(frame) for frame in frames]) / 1e3)
    return [
        figure("frames_on_the_wire", "kB/s", settings, weights),
        figure("frames_all_whole", "kB/s", settings, wholes),
        figure("encode_frame", "ms", settings, encoding),
        figure("decode_frame", "ms", settings, decoding),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--frames", type=int, default=300, help="frames of each repeat")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=CASES, help="one case")
    options = parser.parse_args()
    for name in [options.only] if options.only else CASES:
        count = options.frames if name != "largest" else max(options.frames // 30, 1)
        for stride in STRIDES:
            for one in measure(name, count, stride, options.repeats):
                show(one, options.json)


if __name__ == "__main__":
    main()
