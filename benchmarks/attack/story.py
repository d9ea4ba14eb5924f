"""The whole life of a run: does it tell one true story to all who watch it, and leave nothing behind?

    python benchmarks/attack/story.py [--iterations 1200] [--cuts 4] [--seed 0] [--json]

It is started in the program, in a real pseudo-terminal, and killed with it; resumed in a process of its own, and killed
there; opened in the program once more, resumed by `R` and handed over by `D`. Then it is held until three have come to
watch: a screen of 160x45 here, one of 120x40 over a real sshd, and one of 80x24 over the same through a line of 100 ms
and 20 kB/s each way, which is cut while they watch. It goes on to its end.

Afterwards the metrics that count must be those of a run of the same seed that nobody disturbed, bit for bit but for
what each process tells of itself; the mirrors must be the run's log, row by row; all screens must say the same of its
end; every terminal must be as it was; and no process, socket, lock or temporary file may be left. The exit code is 1
if not.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # run from anywhere, installed or not
sys.path.append(str(Path(__file__).parents[1]))

import psutil
from machine import machine
from terminal import wrong_terminal

from engine.runs import RunDirectory, RunState
from tests.link import sshd
from tests.link.link import Link
from tests.link.screen import APP, Screen

RUN, UNDISTURBED = "ruddy-otter", "calm-fox"
ENV_COUNT, HORIZON = 8, 32
GRIDRL = (sys.executable, "-P", "-m", "engine.cli")
MARK = "GRIDRL_STORY"  # in the environment of all that is started here
OF_THE_PROCESS = ("time/", "system/", "memory/", "maps/cache_hit_rate")
"""Metrics told by clocks and meters, by the cache of maps, or once at the start of each process."""

TORCHS_OWN = "torchinductor_"  # a cache between processes, which torch makes below TMPDIR when it is imported
COUNTED = "time/total_timesteps"
PATIENCE_S = 180.0
ENDING_S = 900.0  # for training to the end beside three screens
AFTERWARDS_S = 8.0  # that whatever was cut off has to notice it
QUIT = "\x11"
LEAST_STEP = 3  # iterations behind a checkpoint before each kill


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=1200)
    parser.add_argument("--cuts", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the cuts")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    if reason := sshd.missing():
        raise SystemExit(reason)
    with tempfile.TemporaryDirectory() as name, closing(sshd.start(Path(name) / "box")) as box:
        folder = Path(name)
        for each in ("tmp", "runtime"):
            (folder / each).mkdir(mode=0o700)
        os.environ |= {"GRIDRL_RUNS": f"{name}/runs", "GRIDRL_CACHE": f"{name}/cache", MARK: name}
        os.environ |= {"TMPDIR": f"{name}/tmp", "XDG_RUNTIME_DIR": f"{name}/runtime"}
        os.environ |= {"XDG_STATE_HOME": f"{name}/state", "XDG_CONFIG_HOME": f"{name}/config"}
        os.environ |= {"GRIDRL_REMOTE": box.remote(folder / "runs")}
        try:
            record = told_of(box, folder, options)
        finally:
            for process in ours(name):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
    record["machine"] = machine()
    print(json.dumps(record) if options.json else "\n".join(f"{key}: {value}" for key, value in record.items()))
    return 1 if record["wrong"] else 0


def told_of(box: sshd.Box, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    agent_steps = ENV_COUNT * HORIZON * options.iterations
    settings = (
        f"trainer.env_count={ENV_COUNT}",
        f"trainer.horizon={HORIZON}",
        "trainer.minibatch_size=128",
        f"trainer.total_steps={agent_steps}",
        "trainer.components.checkpointer.every=20",
    )
    gridrl("train", "navigation", f"run={UNDISTURBED}", *settings)
    run = RunDirectory(folder / "runs" / RUN)
    wrong = begun_and_killed(run, settings)
    wrong += resumed_and_killed(run)
    wrong += handed_over(run)
    gridrl("pause", RUN)
    wrong += watched(box, run, folder, options)
    left = [] if waited(lambda: not ours(str(folder)), AFTERWARDS_S) else ours(str(folder))
    wrong += [f"left running: {each.pid} {' '.join(words_of(each))}" for each in left]
    wrong += [f"left running over there: {words_of(each)}" for each in box.processes()]
    wrong += wrong_metrics(run, RunDirectory(folder / "runs" / UNDISTURBED))
    wrong += wrong_files(folder, run)
    attempts = max(row["attempt"] for row in run.log("metrics").read_new())
    rows, counting = len(run.log("metrics").read_new()), len(run.read_metrics())
    return {"attempts": attempts, "rows": rows, "rows that count": counting, "wrong": wrong}


# The story


def begun_and_killed(run: RunDirectory, settings: tuple[str, ...]) -> list[str]:
    with Screen([*APP, "navigation", f"run={RUN}", *settings], {}) as screen:
        screen.until_seen("Walk with the arrows")
        screen.type("\x1b[13~")
        screen.until_seen("No run yet")
        screen.type("t")
        until(lambda: is_behind_a_checkpoint(run), "a checkpoint and more of the run in the program")
        screen.process.send_signal(signal.SIGKILL)
        screen.until_gone()
    return after_a_kill(run)


def resumed_and_killed(run: RunDirectory) -> list[str]:
    gridrl("resume", RUN, "--detach")
    until(lambda: is_behind_a_checkpoint(run), "a checkpoint and more of the run in a process of its own")
    trainer(run).kill()
    until(lambda: not run.is_live(), "its end")
    return after_a_kill(run)


def handed_over(run: RunDirectory) -> list[str]:
    """Opened and resumed in the program, and left to a process of its own by key; the program quits."""
    with Screen([*APP, "attach", RUN], {}, columns=120, rows=40) as screen:
        screen.until_seen(f"{RUN}  ✗ failed")
        screen.type("R")
        screen.until_seen(f"{RUN}  ● training")
        screen.type("D")
        screen.until_seen("trains in a process of its own")
        wrong = [] if trainer(run).pid != screen.process.pid else ["handed over, and trains in the program still"]
        screen.type(QUIT)
        code = screen.until_gone()
        wrong += [f"the program that handed it over ended with {code}"] if code else []
        return wrong + [f"handed over: {each}" for each in wrong_terminal(screen)]  # type: ignore[arg-type]


def watched(box: sshd.Box, run: RunDirectory, folder: Path, options: argparse.Namespace) -> list[str]:
    """Three screens come while it is held, and watch it to its end; one of them over a bad line."""
    dice = random.Random(options.seed)
    far = f"{sshd.HOST}:{RUN}"
    with ExitStack() as stack:
        link = stack.enter_context(Link(box.port, delay_s=0.1, bytes_per_s=20e3))
        clear, bad = {"GRIDRL_SSH": box.ssh()}, {"GRIDRL_SSH": box.ssh(link.port)}
        wide = stack.enter_context(Screen([*APP, "attach", RUN], {}, columns=160, rows=45))
        other = stack.enter_context(Screen([*APP, "attach", "--all", "--episodes", far], clear, columns=120, rows=40))
        other.until_seen(f"{RUN}  ‖ paused")  # so that it has the first mirror
        narrow = stack.enter_context(Screen([*APP, "attach", "--all", far], bad))
        screens = {"160x45": wide, "120x40 over ssh": other, "80x24 over a bad line": narrow}
        for screen in screens.values():
            screen.type("\x1b[13~")
            screen.until_seen(f"{RUN}  ‖ paused")
        gridrl("resume", RUN)
        for _ in range(options.cuts):
            narrow.until_seen(f"{RUN} ● ")
            time.sleep(dice.uniform(0.5, 2.0))
            link.cut()
            narrow.until(lambda text: " reconnecting " in text or "finished" in text, "sign of the cut")
        until(lambda: run.state().status is RunState.FINISHED, "end of the run", seconds=ENDING_S)
        ended = {name: last_words(screen) for name, screen in screens.items()}
        wrong = [f"the screens do not say the same: {ended}"] if len(set(ended.values())) > 1 else []
        until(lambda: not differing(run, mirrors(folder)), "mirrors that are the run", fatal=False)
        wrong += differing(run, mirrors(folder))
        wrong += [] if link.connections == options.cuts + 1 else [f"{link.connections} calls for {options.cuts} cuts"]
        for name, screen in screens.items():
            screen.type(QUIT)
            code = screen.until_gone()
            wrong += [f"{name} ended with {code}"] if code else []
            wrong += [f"{name}: {each}" for each in wrong_terminal(screen)]  # type: ignore[arg-type]
    return wrong


def last_words(screen: Screen) -> str:
    """What it says of the run when that has ended: name, state and steps."""
    text = screen.until(lambda text: f"{RUN}  ✓ finished" in text, "word of the end")
    row = next(row for row in text.splitlines() if f"{RUN}  ✓ finished" in row)
    return " ".join(row[row.index(RUN) :].split()[:4])


# What it takes


def gridrl(*words: str) -> None:
    done = subprocess.run([*GRIDRL, *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"gridrl {' '.join(words)}: {done.stderr}")


def until(condition: Callable[[], object], what: str, *, seconds: float = PATIENCE_S, fatal: bool = True) -> None:
    if not waited(condition, seconds) and fatal:
        raise SystemExit(f"no {what} in {seconds:.0f} s")


def waited(condition: Callable[[], object], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def is_behind_a_checkpoint(run: RunDirectory) -> bool:
    """Whether this attempt has saved one, and has gone on: so that a kill costs something."""
    rows = run.log("metrics").read_new() if run.path.exists() else []
    saved = run.checkpoints()
    if not rows or not saved or not run.is_live():
        return False
    first = min(row["step"] for row in rows if row["attempt"] == rows[-1]["attempt"])
    return first < saved[-1].step <= rows[-1]["step"] - LEAST_STEP * ENV_COUNT * HORIZON


def after_a_kill(run: RunDirectory) -> list[str]:
    state = run.state()
    return [] if state.status is RunState.FAILED else [f"killed, and {state}"]


def trainer(run: RunDirectory) -> psutil.Process:
    """The process that holds the run's lock."""
    return psutil.Process(int((run.path / "writer.lock").read_text().split()[0]))


def ours(mark: str) -> list[psutil.Process]:
    """What was started here and still is."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            is_dead = process.status() == psutil.STATUS_ZOMBIE
            if process.environ().get(MARK) == mark and process.pid != os.getpid() and not is_dead:
                found.append(process)
    return found


def words_of(process: psutil.Process) -> list[str]:
    try:
        words: list[str] = process.cmdline()
    except psutil.NoSuchProcess:
        return []
    return words


def mirrors(folder: Path) -> list[Path]:
    return sorted((folder / "cache" / "remote").glob(f"*/*/{RUN}"))


# What must be true afterwards


def wrong_metrics(run: RunDirectory, undisturbed: RunDirectory) -> list[str]:
    ours, theirs = run.read_metrics(), undisturbed.read_metrics()
    wrong = [] if len(ours) == len(theirs) else [f"{len(ours)} rows count, undisturbed {len(theirs)}"]
    for a, b in zip(ours, theirs, strict=False):
        names = [name for name in sorted(a.values.keys() | b.values.keys()) if is_exact(name)]
        other = [name for name in names if repr(a.values.get(name)) != repr(b.values.get(name))]
        if a.step != b.step or other:
            wrong.append(f"step {a.step} (undisturbed {b.step}): {other}")
    return wrong[:5]


def is_exact(name: str) -> bool:
    return name == COUNTED or not name.startswith(OF_THE_PROCESS)


def differing(run: RunDirectory, copies: list[Path]) -> list[str]:
    """Where a mirror is not the run's log, row by row."""
    wrong = [] if len(copies) == 2 else [f"{len(copies)} mirrors"]
    for log in ("metrics", "episodes", "events"):
        theirs = run.log(log).read_new()
        for copy in copies[:1] if log == "episodes" else copies:  # the second was not asked to fetch them
            if RunDirectory(copy).log(log).read_new() != theirs:
                wrong.append(f"{copy.parent.name}: {log} differ: {len(theirs)} rows in the run")
    return wrong


def wrong_files(folder: Path, run: RunDirectory) -> list[str]:
    wrong = ["the run is locked"] if run.is_live() else []
    wrong += [f"left: {path}" for path in folder.rglob("*") if path.is_socket() or path.suffix == ".tmp"]
    left = [path for path in (folder / "tmp").iterdir() if not path.name.startswith(TORCHS_OWN)]
    wrong += [f"left: {path}" for path in left]
    wrong += [f"defect: {path.read_text()[-1000:]}" for path in folder.rglob("crash.txt")]
    return wrong


if __name__ == "__main__":
    sys.exit(main())
