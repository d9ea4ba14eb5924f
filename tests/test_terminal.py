"""The real program in a real pseudo-terminal: what it leaves behind, on the terminal and on the disk."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from textwrap import dedent
from typing import Any

import psutil
import pyte
import pytest

from engine.runs import CheckpointInfo, RunDirectory, RunState, load_checkpoint

COLUMNS, LINES = 80, 24
PATIENCE_S = 30.0

ENDLESS_RUN = (
    "trainer.env_count=32",
    "trainer.horizon=16",
    "trainer.minibatch_size=256",
    "trainer.total_steps=1000000000000",
    "trainer.anneal=false",
    "run=calm-fox",
)

# What the program may switch on, by its private mode numbers, and what it must then switch off again: alternate
# screen, bracketed paste, focus reports, mouse reports of all kinds. 25 is the cursor, shown at the start.
MODES_OFF_AT_START = (1049, 2004, 1004, 1000, 1002, 1003, 1006, 1015, 1016, 2048)

PROGRAM = (sys.executable, "-m", "tui.cli")


class Terminal:
    """A pseudo-terminal with the program in it. Remembers every byte, and what the screen shows."""

    def __init__(self, command: tuple[str, ...], runs: Path, *, controlling: bool = True, **environment: str) -> None:
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self.attributes = termios.tcgetattr(self.slave)
        self.written = b""
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)
        clean = {name: value for name, value in os.environ.items() if name not in ("SSH_CONNECTION", "NO_COLOR")}
        environment = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "GRIDRL_RUNS": str(runs), **environment}
        self.process = subprocess.Popen(
            command,
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env={**clean, **environment},
            cwd=Path(__file__).parents[1],
            start_new_session=True,
            preexec_fn=_take_terminal if controlling else None,
        )

    @property
    def screen(self) -> str:
        return "\n".join(line.rstrip() for line in self._screen.display)

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def read(self, seconds: float) -> bool:
        """Take in what comes within some time. False where the other side is gone."""
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.written += data
        self._stream.feed(_for_pyte(data))
        return bool(data)

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Read until something holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"still waiting for {what}:\n{self.screen}"
            assert self.process.poll() is None, f"gone while waiting for {what}:\n{self.screen}"
            self.read(0.05)

    def until_seen(self, words: str) -> None:
        self.until(lambda: words in self.screen, repr(words))

    def type_until_seen(self, keys: str, words: str) -> None:
        """Type keys that do no harm twice until they are heard."""

        def seen() -> bool:
            if words not in self.screen:
                self.type(keys)
                self.read(0.2)
            return words in self.screen

        self.until(seen, repr(words))

    def until_gone(self) -> int:
        """The exit status, with everything written taken in."""
        deadline = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"still running:\n{self.screen}"
            self.read(0.05)
        while select.select([self.master], [], [], 0.05)[0] and self.read(0):
            pass
        return self.process.returncode

    def hang_up(self) -> None:
        """The other end vanishes, as when an ssh connection breaks."""
        os.close(self.slave)
        os.close(self.master)
        self.master = self.slave = -1

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for end in (self.master, self.slave):
            with suppress(OSError):
                os.close(end)

    # ---- What is left of the terminal

    def assert_restored(self) -> None:
        """Attributes, modes and cursor as before, nothing unexpected on the way."""
        assert termios.tcgetattr(self.slave) == self.attributes
        modes = modes_after(self.written)
        left_on = [mode for mode in MODES_OFF_AT_START if modes.get(mode)]
        assert not left_on, f"modes left on: {left_on}"
        assert modes.get(25, True), "the cursor is left hidden"
        assert modes.get(1049) is False, "the alternate screen was never used and left"
        assert self.written.count(b"\x1b[>1u") <= self.written.count(b"\x1b[<u"), "keyboard protocol left on"
        assert "Traceback" not in self.written.decode("utf-8", "replace")

    @property
    def last_words(self) -> str:
        """What was written after the screen was given back."""
        _, _, after = self.written.rpartition(b"\x1b[?1049l")
        return _plain(after.decode("utf-8", "replace"))


def _take_terminal() -> None:
    """In the child: the pseudo-terminal becomes its controlling one, so that hanging up reaches it."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _for_pyte(data: bytes) -> bytes:
    """pyte takes the private `CSI >` and `CSI <` sequences of the keyboard protocol for plain ones."""
    for sequence in (b"\x1b[>1u", b"\x1b[<u", b"\x1b[?u"):
        data = data.replace(sequence, b"")
    return data


def modes_after(written: bytes) -> dict[int, bool]:
    """The private modes as the last CSI ? n h or l for each left them."""
    modes: dict[int, bool] = {}
    for sequence in control_sequences(written):
        if sequence.startswith("\x1b[?") and sequence[-1] in "hl":
            for number in sequence[3:-1].split(";"):
                modes[int(number)] = sequence[-1] == "h"
    return modes


def control_sequences(written: bytes) -> Iterator[str]:
    """Every escape sequence in order, whole."""
    text = written.decode("utf-8", "replace")
    at = text.find("\x1b")
    while at >= 0:
        end = at + 2
        if text[at + 1 : at + 2] == "[":
            while end < len(text) and not "@" <= text[end] <= "~":
                end += 1
        elif text[at + 1 : at + 2] in "]P_^X":
            while end < len(text) and text[end] != "\x07" and text[end - 1 : end + 1] != "\x1b\\":
                end += 1
        yield text[at : end + 1] if text[at + 1 : at + 2] in "[]P_^X" else text[at:end]
        at = text.find("\x1b", end)


def _plain(text: str) -> str:
    for sequence in control_sequences(text.encode()):
        text = text.replace(sequence, "", 1)
    return text


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def opened(runs: Path) -> Iterator[Callable[..., Terminal]]:
    """Opens programs in terminals of their own; closes what is left of them."""
    terminals: list[Terminal] = []

    def open_terminal(*arguments: str, command: tuple[str, ...] = PROGRAM, **options: Any) -> Terminal:
        terminals.append(Terminal((*command, *arguments), runs, **options))
        return terminals[-1]

    yield open_terminal
    for terminal in terminals:
        terminal.close()


def assert_whole(run: RunDirectory, status: RunState) -> CheckpointInfo:
    """Nobody writes there, every line of the log is a record, and the last checkpoint is verified."""
    assert not run.is_live()
    assert run.state().status is status
    for log in run.path.glob("*.jsonl"):
        lines = log.read_text("utf-8").splitlines()
        assert [json.loads(line)["seq"] for line in lines] == list(range(1, len(lines) + 1)), log.name
    checkpoint = run.checkpoints()[-1]
    tensors, manifest = load_checkpoint(checkpoint.path)
    assert tensors
    assert manifest["step"] == checkpoint.step == run.state().step > 0
    assert not list(run.path.rglob("*.tmp"))
    assert oct(run.path.stat().st_mode & 0o777) == "0o700"
    return checkpoint


def trained(terminal: Terminal) -> None:
    """Start a run and wait until the status line counts its steps."""
    terminal.until_seen("Walk with the arrows")
    terminal.type_until_seen("\x1b[13~", "No run yet")  # F3: this pane comes after the first frame
    terminal.type("t")
    terminal.until_seen("calm-fox ●")


def test_a_whole_sitting(opened: Callable[..., Terminal], runs: Path) -> None:
    terminal = opened("navigation", *ENDLESS_RUN)
    terminal.until_seen("LIVE train maps query")
    terminal.until_seen("Walk with the arrows")

    terminal.type("l")
    terminal.until_seen("@0 you")
    terminal.type("\x1b[A\x1b[B")
    terminal.until_seen("T 3/100")

    terminal.type("t")
    terminal.until_seen("rollout/ep_rew_mean")
    metrics = runs / "calm-fox" / "metrics-00001.jsonl"
    terminal.until(lambda: metrics.exists() and len(metrics.read_bytes().splitlines()) > 10, "ten iterations")

    terminal.type("\x1b[15~")  # F5
    terminal.until_seen("live train maps QUERY")
    terminal.type("SELECT run_id, count(*) > 9 AS enough FROM metrics GROUP BY ALL")
    terminal.until_seen("GROUP BY ALL")  # the editor has it, so the next key is the editor's
    terminal.type("\x1b[15~")
    terminal.until_seen("true")
    assert "calm-fox" in terminal.screen

    terminal.type("\x11")  # Ctrl+Q
    terminal.until_seen("quitting stops it with a checkpoint")
    terminal.type("y")
    assert terminal.until_gone() == 0

    terminal.assert_restored()
    assert terminal.last_words.split("\r\n") == ["Stopping calm-fox with a checkpoint...", ""]
    assert_whole(RunDirectory(runs / "calm-fox"), RunState.STOPPED)


def test_leaving_without_a_run_says_nothing(opened: Callable[..., Terminal]) -> None:
    terminal = opened()
    terminal.until_seen("Walk with the arrows")

    terminal.type("\x11")

    assert terminal.until_gone() == 0
    terminal.assert_restored()
    assert terminal.last_words == ""


def test_settings_alone_are_those_of_the_recipe_that_opens_by_itself(opened: Callable[..., Terminal]) -> None:
    terminal = opened("map=navigation_rooms")

    terminal.until_seen("navigation/rooms")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_the_run_and_gives_the_terminal_back(
    opened: Callable[..., Terminal], runs: Path, number: signal.Signals
) -> None:
    terminal = opened("navigation", *ENDLESS_RUN)
    trained(terminal)

    terminal.process.send_signal(number)

    assert terminal.until_gone() == 128 + number
    terminal.assert_restored()
    assert_whole(RunDirectory(runs / "calm-fox"), RunState.STOPPED)


@pytest.mark.parametrize("controlling", [True, False], ids=["with SIGHUP", "without a signal"])
def test_a_broken_connection_ends_the_run_with_a_checkpoint(
    opened: Callable[..., Terminal], runs: Path, controlling: bool
) -> None:
    terminal = opened("navigation", *ENDLESS_RUN, controlling=controlling)
    trained(terminal)
    terminal.type("\x1b[12~ ")  # F2 and space: a game in motion, so that there is something to write to nobody
    terminal.until_seen("> 10/s")

    terminal.hang_up()

    terminal.process.wait(PATIENCE_S)
    assert_whole(RunDirectory(runs / "calm-fox"), RunState.STOPPED)


CRASH = """
    import sys
    from textual.binding import Binding
    from tui import app, cli


    class Broken(app.GridrlApp):
        BINDINGS = [Binding("X", "break", priority=True)]

        def action_break(self) -> None:
            raise RuntimeError("broken on purpose")


    app.GridrlApp = Broken
    cli.main()
    """


def test_a_defect_gives_the_terminal_back_and_ends_the_run(
    opened: Callable[..., Terminal], runs: Path, tmp_path: Path
) -> None:
    terminal = opened(
        "navigation",
        *ENDLESS_RUN,
        command=(sys.executable, "-c", dedent(CRASH)),
        XDG_STATE_HOME=str(tmp_path / "state"),
    )
    trained(terminal)

    terminal.type("X")

    assert terminal.until_gone() == 1
    terminal.assert_restored()
    words = terminal.last_words
    crash = next((tmp_path / "state").rglob("crash.txt"))
    assert "which is a defect of it" in words
    assert crash.name in words
    assert "broken on purpose" in crash.read_text("utf-8")
    assert_whole(RunDirectory(runs / "calm-fox"), RunState.STOPPED)


def test_an_interrupt_from_outside_gives_the_terminal_back(opened: Callable[..., Terminal]) -> None:
    terminal = opened()
    terminal.until_seen("Walk with the arrows")

    terminal.process.send_signal(signal.SIGINT)

    assert terminal.until_gone() == 128 + signal.SIGINT
    terminal.assert_restored()


def test_a_stopped_program_gives_the_terminal_back_and_ends_well_after_it_went_on(
    opened: Callable[..., Terminal], runs: Path
) -> None:
    terminal = opened("navigation", *ENDLESS_RUN)
    trained(terminal)
    process = psutil.Process(terminal.process.pid)

    terminal.process.send_signal(signal.SIGTSTP)
    terminal.until(lambda: process.status() == psutil.STATUS_STOPPED, "standstill")
    terminal.read(0.1)
    terminal.assert_restored()

    terminal.process.send_signal(signal.SIGCONT)
    terminal.until(lambda: modes_after(terminal.written)[1049], "the screen")
    terminal.type_until_seen("\x1b[12~", "LIVE")  # F2
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.until_gone() == 128 + signal.SIGTERM
    terminal.assert_restored()
    assert_whole(RunDirectory(runs / "calm-fox"), RunState.STOPPED)


# What is refused before the screen opens


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("navigatoin",), "navigation"),
        (("navigation", "trainer.lerning_rate=1"), "learning_rate"),
        (("navigation", "map=no/such.map"), "no/such.map"),
    ],
)
def test_what_cannot_be_opened_is_said_in_words(
    opened: Callable[..., Terminal], arguments: tuple[str, ...], words: str
) -> None:
    terminal = opened(*arguments)

    assert terminal.until_gone() not in (0, None)

    terminal.assert_restored()
    assert terminal.last_words.startswith("gridrl-tui: ")
    assert words in terminal.last_words
    assert len(terminal.last_words.strip().splitlines()) <= 3


@pytest.mark.parametrize("term", ["dumb", "", "unknown"])
def test_a_terminal_that_cannot_place_text_is_refused(opened: Callable[..., Terminal], term: str) -> None:
    terminal = opened(TERM=term)

    assert terminal.until_gone() == 1
    assert b"\x1b" not in terminal.written
    lines = terminal.written.decode().splitlines()
    assert lines[0].startswith("gridrl-tui: the terminal says it is")
    assert "TERM=xterm-256color" in lines[1]


def run_without_terminal(**pipes: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        PROGRAM, cwd=Path(__file__).parents[1], timeout=PATIENCE_S, stderr=subprocess.PIPE, check=False, **pipes
    )


def test_no_terminal_is_refused() -> None:
    ended = run_without_terminal(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)

    assert ended.returncode == 1
    assert ended.stdout == b""
    assert ended.stderr.decode().splitlines() == [
        "gridrl-tui: this is a full-screen program and needs a terminal",
        "  for pipes and logs: gridrl -h",
    ]


# Hostile text on the way to a real terminal


HOSTILE = "[@click=app.quit]x[/] [/]\x1b]52;c;aGk=\x07\x1b[6n\x1b]0;owned\x07\u202egnp\u200b\x9b31m"


def allowed(sequence: str) -> bool:
    """What Textual's own driver writes: places, colours, modes, the pointer's shape, requests about itself."""
    if sequence.startswith("\x1b["):
        return sequence[-1] in "mHChlJKurtnqpc" and not sequence.endswith("6n")
    return sequence == "\x1b]22;default\x07" or not sequence.startswith(("\x1b]", "\x1bP", "\x1b_", "\x1b^", "\x1bX"))


def test_hostile_text_reaches_a_real_terminal_as_text(
    opened: Callable[..., Terminal], runs: Path, tmp_path: Path
) -> None:
    from engine.runs import RunWriter

    with RunWriter.create(runs, "calm-fox", {}, {"recipe": HOSTILE, "game": "navigation", "map": HOSTILE}) as writer:
        for step in range(1, 5):
            writer.metrics(step, {f"rollout/{HOSTILE}": step / 2, "rollout/ep_rew_mean": 0.5})
        writer.event("warning", HOSTILE)
        writer.close(RunState.FAILED, HOSTILE)
    drawing = tmp_path / f"{HOSTILE.replace('/', '')}.map"
    drawing.write_text("#####\n#@.*#\n#####\n")

    terminal = opened("navigation", f"map={drawing}")
    terminal.until_seen("Walk with the arrows")
    terminal.type_until_seen("\x1b[13~", "No run yet")  # F3
    terminal.type("r")
    terminal.until_seen("calm-fox")
    terminal.type("\r")
    terminal.until_seen("rollout/ep_rew_mean")
    terminal.type("\x1b[14~")  # F4: the map's name
    terminal.until_seen("MAPS")
    terminal.type("\x1b[15~")  # F5
    terminal.until_seen("QUERY")
    terminal.type("SELECT recipe, map, chr(27) || ']52;c;aGk=' || chr(7) AS c FROM runs\x1b[15~")
    terminal.until_seen("1 row")
    terminal.type("\x11")

    assert terminal.until_gone() == 0
    terminal.assert_restored()
    refused = {sequence for sequence in control_sequences(terminal.written) if not allowed(sequence)}
    assert not refused
    text = _plain(terminal.written.decode("utf-8", "replace"))
    assert not {character for character in text if character < " " and character not in "\r\n\t"}
    assert not {"\x9b", "\u202e", "\u200b", "\x7f"} & set(text)


def test_alt_and_a_digit_go_to_a_pane_where_text_is_typed_too(opened: Callable[..., Terminal]) -> None:
    terminal = opened()
    terminal.until_seen("space play")
    terminal.type_until_seen(":", "act >")

    terminal.type("\x1b2")

    terminal.until_seen("TRAIN")
    assert "\u2122" not in terminal.screen
