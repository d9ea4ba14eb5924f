"""What the screen costs, measured on the real program in a real pseudo-terminal of 120 x 40 cells.

    python benchmarks/screen.py [--json] [--only CASE] [--repeats N]

    first_frame    wall and CPU seconds to the first characters, to the map, and to the first key's effect
    keys_idle      milliseconds from a key to the end of the frame that shows its effect
    keys_training  the same with a trainer in the program, playing in Live and reading charts in Train
    bytes          bytes of a frame: a grid of 64 x 40 whose cells change, and the program stepping `arena`
    training       agent steps a second with the program open, against the same run without a screen, and what the
                   thread that draws the screen takes of a core
    detached       agent steps a second of a run of another process, with a program that watches it and without
    view_bytes     bytes of a frame of that grid, by what changes: as differences, and as Textual alone draws it
    view_cpu       what thirty frames a second of that grid take of a core, by what changes
    slow_link      at 200 kB/s and 50 ms round trip: frames a second and from a key to its effect, paced and unpaced
    idle           bytes and CPU seconds of the program over five seconds in which nothing happens
    big_map        milliseconds and CPU milliseconds of a pan over a map of 1024 x 1024, near and far

Each case says in its configuration what was done. Quantiles are of one round of presses; the median, least and
most are over the rounds. Other work on the machine lengthens everything but bytes: look at `machine.load`.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Protocol

sys.path.insert(0, str(Path(__file__).parents[1]))  # run from anywhere, installed or not

from machine import Figure, figure, show
from terminal import PATIENCE_S, ROOT, Frame, SlowTerminal, Terminal

from engine.runs import RunDirectory, list_runs

COLUMNS, ROWS = 120, 40
STARTS = 10
PRESSES = 200
PAUSE_S = (0.02, 0.12)  # between an effect and the next key, at random: keys fall into every phase of a frame
HEAVY = ("torch", "duckdb", "wandb", "safetensors", "pydantic", "numpy", "markdown_it")
ENDLESS = ("trainer.total_steps=1000000000000", "trainer.anneal=false", "trainer.checkpoint_every_s=1e6")
SETTLE_S = 3.0  # from the first iteration of a run to the first measurement
WINDOW_S = 5.0  # of training speed
GRID_FRAMES = 20
GRID_APP = str(ROOT / "benchmarks" / "grid_app.py")
PLAIN = {"GRIDRL_PLAIN_FRAMES": "1"}
REMOTE = {"SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"}
LINK_BYTES_PER_S, LINK_ROUND_TRIP_S = 200_000.0, 0.05
LINK_WARM_UP_S = 4.0  # in which an unpaced program fills the line
IDLE_S = 5.0
PANS = 60

_TICK = re.compile(r"T (\d+)/\d+")
_MOMENT = re.compile(r"T (\d+)/\d+|\bepisode +(\d+)")
_LOG = re.compile(r"log (on|off)")
_CURSOR = re.compile(r" at (\S+)")
_FRONT = re.compile(r"\b(LIVE|TRAIN|MAPS|QUERY)\b")


# ---- The program


def program(root: Path, *arguments: str) -> Terminal:
    """The program with its runs in `root`."""
    return Terminal(["-m", "tui.cli", *arguments], columns=COLUMNS, rows=ROWS, settings={"GRIDRL_RUNS": str(root)})


@contextmanager
def ready_program(*arguments: str) -> Iterator[tuple[Terminal, Path]]:
    """The program once it has its map and all its panes, and where its runs are."""
    with tempfile.TemporaryDirectory() as folder, program(Path(folder), *arguments) as terminal:
        open_train(terminal)
        terminal.press("1")
        terminal.read_for(1.0)
        yield terminal, Path(folder)


def open_train(terminal: Terminal) -> None:
    """Go to the Train pane of a program that has just been started."""
    terminal.until(shows_map, "the map")
    while True:  # the other panes come after the map, and a key that needs one of them does nothing before
        terminal.press("2")
        if any("TRAIN" in frame.text for frame in terminal.read_for(0.3)):
            return


def shows_map(frame: Frame) -> bool:
    """Whether the frame has Live's second status line, which is drawn with the map."""
    return _TICK.search(frame.text) is not None


def start_training(terminal: Terminal, root: Path) -> RunDirectory:
    """Press t, and wait until the run is past its warm-up."""
    terminal.press("t")
    return settled_run(root, terminal.read_for)


def settled_run(root: Path, pause: Callable[[float], object]) -> RunDirectory:
    """The one run in `root`, some seconds after its first iteration."""
    deadline = time.perf_counter() + PATIENCE_S
    while time.perf_counter() < deadline:
        pause(0.1)
        runs = list_runs(root)
        if runs and runs[0].read_metrics():
            pause(SETTLE_S)
            return runs[0]
    raise TimeoutError("no training run has begun")


# ---- The first frame


def first_frame(starts: int) -> Iterator[Figure]:
    samples: dict[str, list[float]] = {}
    for _ in range(starts):
        with tempfile.TemporaryDirectory() as folder, program(Path(folder), "navigation") as terminal:
            terminal.until(shows_map, "the map")
            map_cpu, map_bytes = terminal.cpu_s(), terminal.byte_count
            map_wall = time.perf_counter() - terminal.started
            pressed = terminal.press("l")
            key = terminal.until(Walk().answered, "the first step").at - pressed
            assert terminal.first_content is not None
            for name, value in (
                ("first_frame_cpu", terminal.first_content[1]),
                ("first_frame_wall", terminal.first_content[0]),
                ("map_cpu", map_cpu),
                ("map_wall", map_wall),
                ("first_key_wall", key),
                ("bytes_to_map", float(map_bytes)),
            ):
                samples.setdefault(name, []).append(value)
    configuration = {"recipe": "navigation", "size": f"{COLUMNS}x{ROWS}", "not_loaded_at_first_frame": not_loaded()}
    for name, values in samples.items():
        yield figure(name, "bytes" if name.startswith("bytes") else "s", configuration, values)


def not_loaded() -> list[str]:
    """Which heavy packages are not imported when the first characters are on the screen, asked of the program."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "modules"
        code = (
            "import signal, sys\n"
            f"tell = lambda *_: open({str(answer)!r}, 'w').write(' '.join(sys.modules) + ' .')\n"
            "signal.signal(signal.SIGUSR1, tell)\n"
            "from tui.cli import main\n"
            "main()"
        )
        with Terminal(["-c", code, "navigation"], columns=COLUMNS, rows=ROWS, settings={"GRIDRL_RUNS": folder}) as one:
            while one.first_content is None:
                one.read_for(0.001)
            one.tell(signal.SIGUSR1)
            while not (answer.exists() and answer.read_text().endswith(" .")):
                one.read_for(0.05)
            loaded = set(answer.read_text().split())
    return [name for name in HEAVY if name not in loaded]


# ---- Keys


class Typist(Protocol):
    """Knows what to press next, and the frame that shows its effect."""

    where: str

    def key(self) -> str: ...

    def answered(self, frame: Frame) -> bool: ...


class Walk:
    """Walks the agent to and fro in Live; each step counts one up, or ends the episode."""

    where = "live"

    def __init__(self) -> None:
        self._keys, self._moment = cycle("lh"), [("0", "")]

    def key(self) -> str:
        return next(self._keys)

    def answered(self, frame: Frame) -> bool:
        before, self._moment = self._moment, _MOMENT.findall(frame.text) or self._moment
        return self._moment != before  # an episode of one step begins and ends at 0: the next one tells


class Scale:
    """Toggles the logarithmic scale in Train, which draws every chart anew."""

    where = "train, all charts drawn anew"

    def __init__(self) -> None:
        self._state = "off"

    def key(self) -> str:
        return "y"

    def answered(self, frame: Frame) -> bool:
        found = _LOG.search(frame.text)
        before, self._state = self._state, found[1] if found else self._state
        return self._state != before


class Cursor:
    """Moves the cursor over the charts of Train: twenty back, twenty on."""

    where = "train, cursor over all charts"

    def __init__(self) -> None:
        self._keys, self._at = cycle("[" * 20 + "]" * 10), ""

    def key(self) -> str:
        return next(self._keys)

    def answered(self, frame: Frame) -> bool:
        found = _CURSOR.search(frame.text)
        before, self._at = self._at, found[1] if found else self._at
        return self._at != before


class Switch:
    """Goes to and fro between Live and Train: a whole new screen each time."""

    where = "live <-> train"

    def __init__(self) -> None:
        self._keys, self._wanted = cycle((("2", "TRAIN"), ("1", "LIVE"))), ""

    def key(self) -> str:
        key, self._wanted = next(self._keys)
        return key

    def answered(self, frame: Frame) -> bool:
        found = _FRONT.search(frame.text)
        return found is not None and found[1] == self._wanted


def keys_idle(rounds: int) -> Iterator[Figure]:
    with ready_program("navigation") as (terminal, _):
        yield from latencies(terminal, Walk(), rounds, PRESSES, training="no")
        yield from latencies(terminal, Switch(), rounds, PRESSES // 2, training="no")


def keys_training(rounds: int) -> Iterator[Figure]:
    with ready_program("navigation", *ENDLESS) as (terminal, root):
        start_training(terminal, root)
        yield from latencies(terminal, Scale(), rounds, PRESSES, training="yes")
        yield from latencies(terminal, Cursor(), rounds, PRESSES, training="yes")
        terminal.press("\x1b")
        terminal.read_for(0.5)
        terminal.press("1")
        terminal.read_for(0.5)
        yield from latencies(terminal, Walk(), rounds, PRESSES, training="yes")
        yield from latencies(terminal, Switch(), rounds, PRESSES // 2, training="yes")


def latencies(terminal: Terminal, typist: Typist, rounds: int, presses: int, training: str) -> Iterator[Figure]:
    """p50, p99 and the longest of each round, in milliseconds."""
    gaps = random.Random(1)
    quantiles: dict[str, list[float]] = {"p50": [], "p99": [], "max": []}
    for _ in range(rounds):
        taken: list[float] = []
        for _ in range(presses):
            for frame in terminal.read_for(gaps.uniform(*PAUSE_S)):
                typist.answered(frame)  # what comes by itself is no answer to the next key
            pressed = terminal.press(typist.key())
            taken.append((terminal.until(typist.answered, f"a key's effect ({typist.where})").at - pressed) * 1000)
        taken.sort()
        quantiles["p50"].append(statistics.median(taken))
        quantiles["p99"].append(taken[round(0.99 * (presses - 1))])
        quantiles["max"].append(taken[-1])
    configuration = {"recipe": "navigation", "training": training, "where": typist.where, "presses_per_round": presses}
    for name, values in quantiles.items():
        yield figure(f"key_to_screen_{name}", "ms", configuration, values)


# ---- Bytes


def frame_bytes(repeats: int) -> Iterator[Figure]:
    for pattern in ("random", "rooms"):
        with grid(pattern) as terminal:
            for key, changed in (("a", "all cells"), ("p", "5 % of the cells"), ("s", "16 cells")):
                frames = [_effect(terminal, key, lambda _: True) for _ in range(GRID_FRAMES)]
                yield from _sizes("grid_bytes", {"grid": "64x40", "pattern": pattern, "changed": changed}, frames)
    with ready_program("arena") as (terminal, _):
        frames = [_effect(terminal, ".", shows_map) for _ in range(5 * GRID_FRAMES)]
        yield from _sizes("step_bytes", {"recipe": "arena", "size": f"{COLUMNS}x{ROWS}", "key": "."}, frames)
        terminal.press("+")  # 20 steps a second
        terminal.press(" ")
        terminal.read_for(1.0)
        play: dict[str, list[float]] = {"play_bytes": [], "play_frames": [], "play_cpu": []}
        for _ in range(repeats):
            began, cpu, sent = time.perf_counter(), terminal.cpu_s(), terminal.byte_count
            count = len(terminal.read_for(2.0))
            seconds = time.perf_counter() - began
            play["play_bytes"].append((terminal.byte_count - sent) / seconds)
            play["play_frames"].append(count / seconds)
            play["play_cpu"].append((terminal.cpu_s() - cpu) / seconds)
        units = {"play_bytes": "bytes/s", "play_frames": "frames/s", "play_cpu": "CPU s/s"}
        for name, values in play.items():
            yield figure(name, units[name], {"recipe": "arena", "steps_a_second": 20}, values)


def _effect(terminal: Terminal, key: str, answers: Callable[[Frame], bool]) -> bytes:
    """Everything that the program writes from a key on until, after its effect, it is silent for a while."""
    terminal.press(key)
    effect = terminal.until(answers, "a key's effect").data
    while part := b"".join(frame.data for frame in terminal.read_for(0.15)):
        effect += part
    return effect


def _sizes(name: str, configuration: dict[str, object], frames: Sequence[bytes]) -> Iterator[Figure]:
    """Bytes as they are, and as `ssh -C` would send them: one zlib stream, flushed after each frame."""
    squeeze = zlib.compressobj(6)
    squeezed = [len(squeeze.compress(frame) + squeeze.flush(zlib.Z_SYNC_FLUSH)) for frame in frames]
    yield figure(name, "bytes/frame", configuration, [float(len(frame)) for frame in frames])
    yield figure(name, "bytes/frame", {**configuration, "compressed": "zlib 6"}, [float(size) for size in squeezed])


@contextmanager
def grid(pattern: str, settings: dict[str, str] | None = None) -> Iterator[Terminal]:
    """The grid alone, drawn and at rest."""
    with Terminal([GRID_APP, pattern], columns=COLUMNS, rows=ROWS, settings=settings) as terminal:
        rest(terminal)
        yield terminal


def rest(terminal: Terminal) -> None:
    terminal.until(shows_grid, "the grid")
    terminal.read_for(0.5)


def shows_grid(frame: Frame) -> bool:
    """Whether the frame has the grid's cells."""
    return sum(character.isalpha() for character in frame.text) > 2000


def view_bytes(repeats: int) -> Iterator[Figure]:
    changes = (("u", "none, refreshed"), ("s", "16 cells"), ("p", "5 % of the cells"), ("a", "all cells"))
    for drawn, settings in (("differences", {}), ("plain", PLAIN)):
        for pattern in ("random", "rooms"):
            with grid(pattern, settings) as terminal:
                for key, changed in changes:
                    sizes = []
                    for _ in range(repeats):
                        before = terminal.byte_count
                        terminal.press(key)
                        terminal.read_for(0.25)
                        sizes.append(float(terminal.byte_count - before))
                    what = {"grid": "64x40", "pattern": pattern, "changed": changed, "drawn": drawn}
                    yield figure("view_bytes", "bytes/frame", what, sizes)


def view_cpu(repeats: int) -> Iterator[Figure]:
    for pattern in ("random", "rooms"):
        for key, changed in (("S", "16 cells"), ("P", "5 % of the cells"), ("A", "all cells")):
            with grid(pattern) as terminal:
                terminal.press(key)
                terminal.read_for(1.0)
                shares, rates = [], []
                for _ in range(repeats):
                    began, cpu = time.perf_counter(), terminal.cpu_s()
                    frames = len(terminal.read_for(2.0))
                    seconds = time.perf_counter() - began
                    shares.append((terminal.cpu_s() - cpu) / seconds)
                    rates.append(frames / seconds)
                what = {"grid": "64x40", "pattern": pattern, "changed": changed, "fps": 30}
                yield figure("view_cpu", "CPU s/s", what, shares)
                yield figure("view_frames", "frames/s", what, rates)


# ---- Slow links, rest, large maps


class Letter:
    """Writes the next letter beside the grid. Told by what is written alone: reading large frames takes time."""

    def __init__(self) -> None:
        self._letters, self._letter = cycle("BCDEFGHIJKLMNOPQRSTUVWXYZA"), ""

    def key(self) -> str:
        self._letter = next(self._letters)
        return "k"

    def answered(self, frame: Frame) -> bool:
        return self._letter in frame.written


class Speed:
    """Changes the speed of the game that plays; the status says so."""

    def __init__(self) -> None:
        self._keys, self._words = cycle((("+", "50"), ("-", "20"))), ""

    def key(self) -> str:
        key, self._words = next(self._keys)
        return key

    def answered(self, frame: Frame) -> bool:
        return f"Speed: {self._words} steps" in frame.text


def slow_link(repeats: int) -> Iterator[Figure]:
    for paced, settings in (("yes", REMOTE), ("no", {})):
        for key, changed in (("A", "all cells, random"), ("P", "5 % of the cells, random")):
            with over_link([GRID_APP, "random"], settings) as terminal:
                rest(terminal)
                terminal.press(key)
                yield from _over_link(
                    terminal, Letter(), repeats, {"grid": "64x40", "changed": changed, "paced": paced}
                )
        with tempfile.TemporaryDirectory() as folder:
            settings = {**settings, "GRIDRL_RUNS": folder}
            with over_link(["-m", "tui.cli", "arena"], settings) as terminal:
                terminal.until(shows_map, "the map")
                terminal.read_for(2.0)
                for key in ("+", " "):  # 20 steps a second
                    terminal.press(key)
                yield from _over_link(terminal, Speed(), repeats, {"recipe": "arena", "paced": paced})


def over_link(arguments: Sequence[str], settings: dict[str, str]) -> SlowTerminal:
    return SlowTerminal(arguments, LINK_BYTES_PER_S, LINK_ROUND_TRIP_S, settings=settings)


def _over_link(
    terminal: SlowTerminal, typist: Letter | Speed, repeats: int, what: dict[str, object]
) -> Iterator[Figure]:
    terminal.read_for(LINK_WARM_UP_S)
    gaps, taken, rates = random.Random(1), [], []
    for _ in range(repeats):
        began = time.perf_counter()
        frames = len(terminal.read_for(1.0 + gaps.uniform(0.0, 0.3)))
        rates.append(frames / (time.perf_counter() - began))
        pressed = terminal.press(typist.key())
        taken.append((terminal.until(typist.answered, "a key's effect").at - pressed) * 1000)
    what = {**what, "bytes_per_s": LINK_BYTES_PER_S, "round_trip_s": LINK_ROUND_TRIP_S}
    yield figure("link_frames", "frames/s", what, rates)
    yield figure("link_key_to_effect", "ms", what, taken)


def idle(repeats: int) -> Iterator[Figure]:
    with ready_program("arena") as (terminal, _):
        terminal.press(".")
        terminal.read_for(5.0)  # words that go away by themselves have gone
        written, cpu = [], []
        for _ in range(repeats):
            before = terminal.byte_count, terminal.cpu_s()
            terminal.read_for(IDLE_S)
            written.append(float(terminal.byte_count - before[0]))
            cpu.append(terminal.cpu_s() - before[1])
    what = {"recipe": "arena", "seconds": IDLE_S}
    yield figure("idle_bytes", "bytes", what, written)
    yield figure("idle_cpu", "CPU s", what, cpu)


def big_map(repeats: int) -> Iterator[Figure]:
    with grid("big") as terminal:
        for level in ("1 column", "half blocks", "braille", "braille 1:2", "braille 1:4", "braille 1:8"):
            walls, cpus = [], []
            for _ in range(repeats):
                taken, cpu = [], terminal.cpu_s()
                for key in ["\x1b[B"] * (PANS // 2) + ["\x1b[A"] * (PANS // 2):
                    pressed = terminal.press(key)
                    frames = terminal.read_for(0.05)  # none where the whole map is in sight
                    taken += [(frames[-1].at - pressed) * 1000] if frames else []
                cpus.append((terminal.cpu_s() - cpu) / PANS * 1000)
                walls += [statistics.median(taken)] if taken else []
            what = {"map": "1024x1024", "view": "64x40", "zoom": level}
            if walls:
                yield figure("pan", "ms", what, walls)
            yield figure("pan_cpu", "CPU ms", what, cpus)
            terminal.press("z")
            terminal.read_for(1.0)


# ---- What an open screen costs the trainer


def training(pairs: int) -> Iterator[Figure]:
    speeds: dict[str, list[float]] = {}
    shares: dict[str, list[float]] = {}
    for pair in range(pairs):
        halves = [headless_speed, screen_speeds]
        for half in halves if pair % 2 == 0 else reversed(halves):  # in turn, as others load the machine or not
            for name, speed, share in half():
                speeds.setdefault(name, []).append(speed)
                shares.setdefault(name, []).append(share)
    configuration: dict[str, object] = {"recipe": "navigation", "window_s": WINDOW_S}
    alone = speeds["no screen"]
    for name, values in speeds.items():
        yield figure("training_speed", "agent steps/s", {**configuration, "screen": name}, values)
    for name, values in speeds.items():
        if values is not alone:
            ratios = [value / other for value, other in zip(values, alone, strict=True)]
            yield figure("training_share", "of no screen", {**configuration, "screen": name}, ratios)
            yield figure("screen_thread", "CPU s/s", {**configuration, "screen": name}, shares[name])


def detached(pairs: int) -> Iterator[Figure]:
    """One run in a process of its own, in windows with and without a program that shows its curves."""
    speeds: dict[str, list[float]] = {"no screen": [], "watched": []}
    with headless_run() as run:
        for pair in range(pairs):
            for name in list(speeds)[:: -1 if pair % 2 else 1]:
                speeds[name].append(watched_speed(run) if name == "watched" else speed_of(run, time.sleep))
    configuration: dict[str, object] = {"recipe": "navigation", "window_s": WINDOW_S}
    for name, values in speeds.items():
        yield figure("detached_speed", "agent steps/s", {**configuration, "screen": name}, values)
    ratios = [watched / alone for alone, watched in zip(*speeds.values(), strict=True)]
    yield figure("detached_share", "of no screen", configuration, ratios)


def watched_speed(run: RunDirectory) -> float:
    """While the program shows the run's curves."""
    with program(run.path.parent, "navigation") as terminal:
        open_train(terminal)
        terminal.press("r")
        terminal.read_for(0.5)
        terminal.press("\r")
        terminal.until(lambda frame: "time/fps" in frame.text, "the curves of the run")
        terminal.read_for(SETTLE_S)
        return speed_of(run, terminal.read_for)


def headless_speed() -> Iterator[tuple[str, float, float]]:
    """The run as `gridrl train` has it, without a thread for a screen."""
    with headless_run() as run:
        yield "no screen", speed_of(run, time.sleep), 0.0


@contextmanager
def headless_run() -> Iterator[RunDirectory]:
    """`gridrl train`, past its warm-up."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "engine.cli", "train", "navigation", *ENDLESS],
            cwd=ROOT,
            env={**os.environ, "GRIDRL_RUNS": folder},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield settled_run(Path(folder), time.sleep)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE_S)


def screen_speeds() -> Iterator[tuple[str, float, float]]:
    """The same run inside the program: seen in Train, behind a resting and a playing Live pane, and watched.

    With each, the share of a core that the screen's own thread takes, which neighbours hardly change.
    """
    with ready_program("navigation", *ENDLESS) as (terminal, root):
        run = start_training(terminal, root)
        views = (("train", "2"), ("live, resting", "1"), ("live, playing 10/s", " "), ("live, watching the run", "w"))
        for name, key in views:
            terminal.press(key)
            terminal.read_for(1.0)
            began, cpu = time.perf_counter(), terminal.main_thread_cpu_s()
            speed = speed_of(run, terminal.read_for)
            yield name, speed, (terminal.main_thread_cpu_s() - cpu) / (time.perf_counter() - began)


def speed_of(run: RunDirectory, pause: Callable[[float], object]) -> float:
    """Agent steps a second by the run's own log, over a window that begins now."""
    began = time.time()
    pause(WINDOW_S)
    lines = [line for line in run.read_metrics() if line.time >= began]
    return (lines[-1].step - lines[0].step) / (lines[-1].time - lines[0].time)


CASES: dict[str, tuple[Callable[[int], Iterator[Figure]], int]] = {
    "first_frame": (first_frame, STARTS),
    "keys_idle": (keys_idle, 3),
    "keys_training": (keys_training, 3),
    "bytes": (frame_bytes, 5),
    "training": (training, 5),
    "detached": (detached, 5),
    "view_bytes": (view_bytes, 10),
    "view_cpu": (view_cpu, 5),
    "slow_link": (slow_link, 10),
    "idle": (idle, 3),
    "big_map": (big_map, 3),
}
"""What measures each case, and how often unless told otherwise."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--only", choices=list(CASES), help="one case")
    parser.add_argument("--repeats", type=int, help="starts, rounds of presses or pairs of runs")
    options = parser.parse_args()
    for name in [options.only] if options.only else CASES:
        measure, repeats = CASES[name]
        for one in measure(options.repeats or repeats):
            show(one, options.json)


if __name__ == "__main__":
    main()
