"""Ends, stops and resizes the real program in a real pseudo-terminal while a run trains in it (goal R11).

    python benchmarks/attack/terminal.py [--cases TERM,HUP,QUIT,INT,TSTP,loss,silence,resizes] [--resizes 1000]
                                         [--seed 0] [--json]

    TERM HUP QUIT INT  the signal
    TSTP               stopped as by a shell, continued, then SIGTERM
    loss, silence      the terminal vanishes, with SIGHUP and without
    resizes            random sizes from 1x1 to 250x80 with keys in between, then SIGTERM

After each: the terminal's attributes are those from before, every mode that was set is reset, what was written outside
the alternate screen is words, the exit code tells the signal, the run is whole with a checkpoint at its last step, and
no process is left. The exit code is 1 if not.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import random
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import textual
import torch

from engine.runs import RunDirectory, RunState, load_checkpoint

ROOT = Path(__file__).parents[2]
RUN = "calm-fox"
SETTINGS = (
    "trainer.env_count=32",
    "trainer.horizon=16",
    "trainer.minibatch_size=256",
    "trainer.total_steps=1000000000000",
    "trainer.anneal=false",
    f"run={RUN}",
)
PATIENCE_S = 120.0
SIGNALS = ("TERM", "HUP", "QUIT", "INT")
CASES = (*SIGNALS, "TSTP", "loss", "silence", "resizes")
KEYS = ("\x1b[12~", "\x1b[13~", "\x1b[14~", "\x1b[15~", "\x1b[13~")  # F2 to F5: the panes; F3 shows the run
ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_].*?\x1b\\|[ -/]*[0-~])", re.DOTALL
)
ON_AT_START = {7, 25}  # of a terminal's private modes: lines wrap, the cursor is seen
LASTING = re.compile(r"\x1b\[\d* q|\x1b\[\d+;\d+r|\x1b[()][^B]|\x1b\]22;(?!default)|\x1b\[22;\dt")
"""What changes a terminal beyond modes and colours: cursor shape, scroll region, character set, pointer, title."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--resizes", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="of the sizes")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    record: dict[str, Any] = {"python": sys.version.split()[0], "textual": textual.__version__}
    record |= {"torch": torch.__version__, "system": os.uname().release}
    wrong: list[str] = []
    for case in options.cases.split(","):
        with tempfile.TemporaryDirectory() as folder:
            record[case], found = attacked(case, Path(folder), options)
        wrong += [f"{case}: {each}" for each in found]
    record["wrong"] = wrong
    print(json.dumps(record) if options.json else "\n".join(f"{name}: {value}" for name, value in record.items()))
    return 1 if wrong else 0


class Terminal:
    """The program in a pseudo-terminal, with a run that trains. Remembers every byte."""

    def __init__(
        self,
        folder: Path,
        *,
        controlling: bool = True,
        under: tuple[str, ...] = (),
        overrides: tuple[str, ...] = (),
        **settings: str,
    ) -> None:
        """Start it, under another command and with more settings and environment variables if asked."""
        self.run = RunDirectory(folder / "runs" / RUN)
        self.written = b""
        self.master, self.slave = pty.openpty()
        self.resize(80, 24)
        self.attributes = termios.tcgetattr(self.slave)
        own = {name: value for name, value in os.environ.items() if name not in ("SSH_CONNECTION", "NO_COLOR")}
        own |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "GRIDRL_RUNS": str(folder / "runs")}
        own |= {"XDG_STATE_HOME": str(folder / "state"), "XDG_CONFIG_HOME": str(folder / "config")}
        self.process = subprocess.Popen(
            [*under, sys.executable, "-m", "tui.cli", "navigation", *SETTINGS, *overrides],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env={**own, **settings},
            cwd=ROOT,
            start_new_session=True,
            preexec_fn=(lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) if controlling else None,
        )

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def read(self, seconds: float) -> None:
        if select.select([self.master], [], [], seconds)[0]:
            with suppress(OSError):  # the other side is gone
                self.written += os.read(self.master, 1 << 16)

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Read until something holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"no {what}; exit code {self.process.poll()}; it last wrote {self.written[-2000:]!r}")
            self.read(0.05)

    def until_written(self, words: str) -> None:
        start = len(self.written)
        self.until(lambda: words in ESCAPES.sub("", self.written[start:].decode(errors="replace")), repr(words))

    def train(self) -> None:
        """Begin a run in it."""
        self.until_written("Walk with the arrows")
        self.type("\x1b[13~")  # F3
        self.until_written("No run yet")
        self.type("t")
        self.until_trained()

    def iterations(self) -> int:
        return len(self.run.read_metrics()) if self.run.path.exists() else 0

    def until_trained(self, iterations: int = 3) -> None:
        """Until the run is so many iterations further."""
        wanted = self.iterations() + iterations
        self.until(lambda: self.iterations() >= wanted, "iterations")

    def until_gone(self) -> int:
        deadline = time.monotonic() + PATIENCE_S
        while self.process.poll() is None and time.monotonic() < deadline:
            if self.master >= 0:
                self.read(0.05)
            else:
                time.sleep(0.05)
        while self.master >= 0 and select.select([self.master], [], [], 0.05)[0]:
            self.read(0)
        return self.process.returncode if self.process.returncode is not None else -1

    def hang_up(self) -> None:
        os.close(self.slave)
        os.close(self.master)
        self.master = self.slave = -1

    def left_behind(self) -> list[str]:
        """Processes of its session that still are."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, ProcessLookupError):
                if os.getsid(process.pid) == self.process.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(" ".join(process.cmdline()))
        return found

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        for end in (self.master, self.slave):
            if end >= 0:
                os.close(end)


def attacked(case: str, folder: Path, options: argparse.Namespace) -> tuple[str, list[str]]:
    """What was done in a case, and what was wrong with it."""
    terminal = Terminal(folder, controlling=case != "silence")
    try:
        terminal.train()
        started = time.monotonic()
        told, expected, wrong = act(case, terminal, options)
        code = terminal.until_gone()
        told = f"{told}; exit code {code} after {time.monotonic() - started:.1f} s, {terminal.iterations()} iterations"
        wrong += [crash.read_text()[-2000:] for crash in folder.rglob("crash.txt")]
        if code not in expected:
            wrong.append(f"exit code {code} instead of {expected}: {terminal.written[-1000:]!r}")
        wrong += wrong_run(terminal.run)
        wrong += [f"left running: {each}" for each in terminal.left_behind()]
        return told, wrong + (wrong_terminal(terminal) if terminal.master >= 0 else [])
    finally:
        terminal.close()


def act(case: str, terminal: Terminal, options: argparse.Namespace) -> tuple[str, list[int], list[str]]:
    """Do it: what was done, the exit codes that are right, and what is wrong already."""
    if case in SIGNALS:
        terminal.process.send_signal(getattr(signal, f"SIG{case}"))
        return f"SIG{case}", [128 + getattr(signal, f"SIG{case}")], []
    if case in ("loss", "silence"):
        terminal.hang_up()
        return "the terminal vanished", [128 + signal.SIGHUP], []
    told, wrong = stopped(terminal) if case == "TSTP" else resized(terminal, options)
    terminal.process.send_signal(signal.SIGTERM)
    return f"{told}, SIGTERM", [128 + signal.SIGTERM], wrong


def stopped(terminal: Terminal) -> tuple[str, list[str]]:
    process = psutil.Process(terminal.process.pid)
    wrong = []
    for _ in range(3):
        terminal.process.send_signal(signal.SIGTSTP)
        terminal.until(lambda: process.status() == psutil.STATUS_STOPPED, "standstill")
        terminal.read(0.1)
        wrong += [f"stopped: {each}" for each in wrong_terminal(terminal)]
        before = terminal.iterations()
        time.sleep(0.5)
        if terminal.iterations() != before:
            wrong.append("stopped: it trains on")
        terminal.process.send_signal(signal.SIGCONT)
        terminal.until_written(RUN)
        terminal.until_trained()
    return "stopped and continued 3 times", wrong


def resized(terminal: Terminal, options: argparse.Namespace) -> tuple[str, list[str]]:
    dice = random.Random(options.seed)
    before = terminal.iterations()
    for number in range(options.resizes):
        smallest = number % 10 == 0
        terminal.resize(*((1, 1) if smallest else (dice.randint(1, 250), dice.randint(1, 80))))
        if number % 5 == 0:
            terminal.type(dice.choice(KEYS))
        terminal.read(0.004)
        if terminal.process.poll() is not None:
            return f"gone at resize {number}", [ESCAPES.sub("", terminal.written[-3000:].decode(errors="replace"))]
    terminal.resize(100, 30)
    terminal.until_trained()
    terminal.type("\x1b[13~")
    terminal.type("\x1b[12~")
    terminal.type("\x1b[13~")
    terminal.resize(80, 24)
    terminal.until_written(RUN)
    return f"{options.resizes} resizes, {terminal.iterations() - before} iterations meanwhile", []


def wrong_terminal(terminal: Terminal) -> list[str]:
    """What the program has left of its own on the terminal."""
    wrong = []
    if termios.tcgetattr(terminal.slave) != terminal.attributes:
        wrong.append("the terminal's attributes are others")
    text = terminal.written.decode(errors="replace")
    modes: dict[int, bool] = {}
    for sequence in ESCAPES.findall(text):
        if private := re.fullmatch(r"\x1b\[\?([\d;]+)([hl])", sequence):
            modes.update((int(number), private[2] == "h") for number in private[1].split(";"))
    wrong += [f"mode {mode} is {'on' if on else 'off'}" for mode, on in modes.items() if on != (mode in ON_AT_START)]
    if 1049 not in modes:
        wrong.append("it never used the alternate screen")
    if text.count("\x1b[>1u") > text.count("\x1b[<u"):
        wrong.append("the keyboard protocol is on")
    wrong += [f"{found.group()!r} lasts" for found in LASTING.finditer(text)]
    outside = "".join(part.rpartition("\x1b[?1049l")[2] for part in text.split("\x1b[?1049h"))
    words = ESCAPES.sub("", outside)
    if "Traceback" in words or any(character < " " and character not in "\r\n" for character in words):
        wrong.append(f"outside of its screen it wrote {words[-2000:]!r}")
    return wrong


def wrong_run(run: RunDirectory) -> list[str]:
    wrong = []
    state, checkpoint = run.state(), run.latest_checkpoint()
    if run.is_live() or state.status is not RunState.STOPPED:
        wrong.append(f"the run is {state}")
    if checkpoint is None or load_checkpoint(checkpoint)[1]["step"] != state.step or state.step == 0:
        wrong.append(f"the last checkpoint {checkpoint} is not at step {state.step}")
    for name in ("metrics", "episodes", "events"):
        numbers = [record["seq"] for record in run.log(name).read_new()]
        if numbers != list(range(1, len(numbers) + 1)):
            wrong.append(f"the numbers of {name} have a hole")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
