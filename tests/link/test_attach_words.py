"""`gridrl-tui attach` in a real terminal, up to its screen: what ssh asks is asked before it, what is wrong is said."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.runs import RunState, RunWriter

from .screen import APP, Screen
from .sshd import HOST, Box

SCREEN = b"\x1b[?1049h"
RUN = "night"

ASKING = """#!/bin/sh
trap 'stty echo < /dev/tty; exit 255' INT TERM
printf 'password: ' > /dev/tty
stty -echo < /dev/tty
read -r word < /dev/tty
stty echo < /dev/tty
echo > /dev/tty
[ "$word" = sesame ] || { echo 'Permission denied (password).' >&2; exit 255; }
for last; do :; done
exec sh -c "$last"
"""
"""In place of ssh: asks as that does, on the terminal, and runs its last argument here."""

PLAIN = """#!/bin/sh
for last; do :; done
exec sh -c "$last"
"""


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Where the other side has its runs: one that has ended."""
    path = tmp_path / "runs"
    meta = {"recipe": "navigation", "game": "navigation", "map": "m", "seed": 0, "versions": {}}
    writer = RunWriter.create(path, RUN, {}, meta)
    writer.metrics(4711, {"rollout/ep_rew_mean": 815.0})
    writer.close(RunState.STOPPED)
    return path


@pytest.fixture
def attach(tmp_path: Path, runs: Path) -> Iterator[Callable[..., Screen]]:
    """`gridrl-tui attach` in a terminal; over a program in place of ssh unless another is named."""
    screens: list[Screen] = []

    def open_screen(*words: str, ssh: str = PLAIN, **environment: str) -> Screen:
        program = tmp_path / "in-place-of-ssh"
        program.write_text(ssh)
        program.chmod(0o755)
        gridrl = [sys.executable, "-P", "-m", "engine.cli"]
        own = {
            "GRIDRL_SSH": str(program),
            "GRIDRL_REMOTE": shlex.join(["env", f"GRIDRL_RUNS={runs}", *gridrl]),
            "GRIDRL_RUNS": str(tmp_path / "none"),
            "GRIDRL_CACHE": str(tmp_path / "cache"),
        }
        screens.append(Screen([*APP, "attach", *words], {**own, **environment}))
        return screens[-1]

    yield open_screen
    for screen in screens:
        screen.close()


def refusal(screen: Screen) -> tuple[int, list[str]]:
    """Exit code and lines of a program that never took the screen and left the terminal as it was."""
    code = screen.until_gone()
    assert screen.is_as_before
    assert b"\x1b" not in screen.written
    return code, screen.written.decode().split("\r\n")


def see_the_run_and_leave(screen: Screen) -> None:
    screen.until(lambda text: "+815.0" in text and "4.71k" in text, "figures of the run")
    screen.type("\x11")
    assert screen.until_gone() == 0
    assert screen.is_as_before
    assert screen.written.rstrip().endswith(b"l")  # the modes that are switched off at last; no words
    assert b"\x1b[?1049l" in screen.written


# What ssh asks


def until_asked(screen: Screen) -> None:
    screen.until_written("password: ")
    screen.until(lambda _: not screen.is_as_before, "silent terminal")


def test_what_ssh_asks_is_asked_before_the_screen_and_the_right_answer_opens_it(attach: Callable[..., Screen]) -> None:
    screen = attach(f"far:{RUN}", ssh=ASKING)
    until_asked(screen)
    before = screen.written
    screen.type("sesame\r")

    see_the_run_and_leave(screen)
    assert b"\x1b" not in before
    assert before.decode().split("\r\n") == ["Calling far...", "password: "]
    assert b"sesame" not in screen.written


def test_a_wrong_answer_ends_it_in_one_line(attach: Callable[..., Screen]) -> None:
    screen = attach(f"far:{RUN}", ssh=ASKING)
    until_asked(screen)
    screen.type("simsim\r")

    code, lines = refusal(screen)
    assert code == 1
    assert lines[-3:] == [
        "gridrl-tui: ssh to far: Permission denied (password).",
        "  attach anew: ssh can ask then",
        "",
    ]


def test_ctrl_c_at_the_question_ends_it_in_one_line_and_the_echo_is_back(attach: Callable[..., Screen]) -> None:
    screen = attach(f"far:{RUN}", ssh=ASKING)
    until_asked(screen)
    screen.type("\x03")

    code, lines = refusal(screen)
    assert code == 130
    assert lines[-2:] == ["gridrl-tui: interrupted", ""]
    assert len(lines) <= 4


def test_ctrl_c_while_the_other_side_says_nothing(attach: Callable[..., Screen]) -> None:
    screen = attach(f"far:{RUN}", GRIDRL_REMOTE="sh -c 'cat > /dev/null'")
    screen.until_written("Calling far...")
    screen.type("\x03")

    code, lines = refusal(screen)
    assert code == 130
    assert lines[-2:] == ["gridrl-tui: interrupted", ""]


@pytest.fixture
def strict_box(box: Box, tmp_path: Path) -> str:
    """A value for GRIDRL_SSH: real ssh to a machine that it does not know yet, with a key that has a passphrase."""
    key = tmp_path / "locked_key"
    shutil.copyfile(box.directory / "user_key", key)
    key.chmod(0o600)
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "open sesame", "-f", key], check=True)
    box.ssh()
    config = (box.directory / f"ssh_config_{box.port}").read_text()
    config = config.replace("StrictHostKeyChecking yes", "StrictHostKeyChecking ask")
    config = config.replace(str(box.directory / "user_key"), str(key))
    config = config.replace(str(box.directory / "known_hosts"), str(tmp_path / "known_hosts"))
    path = tmp_path / "ssh_config"
    path.write_text(config)
    return shlex.join(["ssh", "-F", str(path)])


def test_the_real_ssh_asks_for_host_key_and_passphrase_before_the_screen(
    attach: Callable[..., Screen], strict_box: str, box: Box, runs: Path
) -> None:
    screen = attach(f"{HOST}:{RUN}", GRIDRL_SSH=strict_box, GRIDRL_REMOTE=box.remote(runs))
    screen.until_written("(yes/no")
    screen.type("yes\r")
    screen.until_written("Enter passphrase")
    before = screen.written
    screen.type("open sesame\r")

    see_the_run_and_leave(screen)
    assert b"\x1b" not in before


def test_ctrl_c_at_a_question_of_the_real_ssh(
    attach: Callable[..., Screen], strict_box: str, box: Box, runs: Path
) -> None:
    screen = attach(f"{HOST}:{RUN}", GRIDRL_SSH=strict_box, GRIDRL_REMOTE=box.remote(runs))
    screen.until_written("(yes/no")
    screen.type("\x03")

    code, lines = refusal(screen)
    assert code == 130
    assert lines[-2:] == ["gridrl-tui: interrupted", ""]


# What is wrong


def says(words: str) -> str:
    """A remote command that says these words, as they are, and then listens."""
    return shlex.join(["sh", "-c", f"read line; printf '%s\\n' {shlex.quote(words)}; cat > /dev/null", "sh"])


@pytest.mark.parametrize(
    ("run", "settings", "code", "words", "hint"),
    [
        ("-oProxyCommand=x:night", {}, 2, "'-oProxyCommand=x' is no host", "say [USER@]HOST"),
        (":night", {}, 2, "'' is no host", "say [USER@]HOST"),
        ("far/away:night", {}, 2, "'far/away' is no host", "say [USER@]HOST"),
        ("far:nigth", {}, 1, "far: there is no run nigth", "did you mean night?"),
        ("far:../x", {}, 1, "'../x' cannot be a run's name", "use letters"),
        ("nigth", {}, 2, "there is no run nigth", "gridrl runs lists them"),
        ("far:night", {"GRIDRL_SSH": "/no/such/ssh"}, 1, "ssh cannot be started: is it installed?", "No such file"),
        (
            "far:night",
            {"GRIDRL_REMOTE": "no-gridrl-here"},
            1,
            "far has no program gridrl that ssh finds",
            "install it there",
        ),
        ("far:night", {"GRIDRL_REMOTE": "yes"}, 1, "far answers, but not as gridrl does", "does its shell print"),
        (
            "far:night",
            {"GRIDRL_REMOTE": says('{"hello": "night", "proto": 2, "identity": {}}')},
            1,
            "gridrl-tui on far speaks version 2, this one 1",
            "install the same version on both sides",
        ),
        (
            "far:night",
            {"GRIDRL_REMOTE": "sh -c 'echo Segmentation fault >&2; exit 7' sh"},
            1,
            "far ended the call: Segmentation fault",
            "does `ssh far gridrl runs` work?",
        ),
        (
            "far:night",
            {"GRIDRL_REMOTE": says(r'{"error": "\u001b]0;owned\u0007gone", "hint": "\u202egnp"}')},
            1,
            r"far: \x1b]0;owned\x07gone",
            r"\u202egnp",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_line_and_a_hint(
    attach: Callable[..., Screen], run: str, settings: dict[str, str], code: int, words: str, hint: str
) -> None:
    got, lines = refusal(attach("--", run, **settings))

    assert got == code
    assert lines.pop() == ""
    if lines[0].startswith("Calling"):
        lines.pop(0)
    assert lines.pop(0).startswith(f"gridrl-tui: {words}")
    assert len(lines) == (1 if hint else 0)
    assert not lines or lines[0].startswith(f"  {hint}")


@pytest.mark.skipif(shutil.which("ssh") is None, reason="no ssh here: apt-get install openssh-client")
def test_a_host_that_nobody_knows(attach: Callable[..., Screen]) -> None:
    code, lines = refusal(attach(f"nowhere.invalid:{RUN}", GRIDRL_SSH="ssh -F none"))

    assert code == 1
    assert lines[0] == "Calling nowhere.invalid..."
    assert lines[1].startswith("gridrl-tui: ssh to nowhere.invalid: ")
    assert lines[2:] == ["  does `ssh nowhere.invalid` work in the shell?", ""]


def test_the_other_side_is_told_of_another_version(tmp_path: Path, runs: Path) -> None:
    """The same from there: an app of another version hears it in words."""
    command: dict[str, Any] = {"args": [sys.executable, "-P", "-m", "engine.cli", "stream"], "cwd": tmp_path}
    follow = b'{"op": "follow", "proto": 2, "run": "night"}\n'
    done = subprocess.run(**command, input=follow, capture_output=True, timeout=120, check=False)

    assert done.returncode == 1
    assert b"this side speaks version 1, the other 2" in done.stdout
    assert done.stderr == b""
