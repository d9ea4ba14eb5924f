"""The user's own ssh as a pipe: which hosts we take, and how it is called.

Pure, any thread. Nothing of ours listens on the network, and nothing is written into ssh's configuration.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from typing import Final

from .errors import UsageError

PROGRAM: Final = "GRIDRL_SSH"
"""Variable: another program than `ssh`, with its first arguments; for a configuration of one's own, and for tests."""

REMOTE: Final = "GRIDRL_REMOTE"
"""Variable: how `gridrl` is called on the other machine, where it is not on the path that ssh finds there."""

SILENCE_S: Final = 5
"""Seconds of silence after which ssh asks whether the other side lives; it gives up after three such questions."""

NOT_RUN: Final = (126, 127)
"""Exit codes of a shell that cannot execute, or does not find, a program."""

SSH_FAILED: Final = 255
"""Exit code of ssh where it is ssh that failed."""

_HOST: Final = re.compile(r"(?:[A-Za-z0-9_][\w.+-]*@)?[A-Za-z0-9_][\w.-]*", re.ASCII)
"""What ssh calls a destination; an alias of its configuration too. Never a leading dash: that would be an option."""

_MAX_HOST: Final = 255


def check_host(host: str) -> str:
    """`host` itself if it can be a destination of ssh: `[USER@]HOST`.

    Raises:
        UsageError: it cannot; options of ssh, which may run commands, are among what is refused.
    """
    if len(host) > _MAX_HOST or not _HOST.fullmatch(host):
        raise UsageError(
            f"{host[:80]!r} is no host", hint="say [USER@]HOST, as ssh does; ports and more belong in ~/.ssh/config"
        )
    return host


def ssh_command(host: str, words: Sequence[str], *, may_ask: bool) -> list[str]:
    """The command line by which `gridrl WORDS` runs on `host`, its stdin and stdout ours.

    Args:
        words: arguments of gridrl there; quoted for the shell that ssh hands them to.
        may_ask: whether ssh may ask for passwords and about host keys, on the terminal.
    """
    options = {
        "BatchMode": "no" if may_ask else "yes",
        "ServerAliveInterval": str(SILENCE_S),
        "ServerAliveCountMax": "3",
        "ConnectTimeout": "15",
    }
    program = shlex.split(os.environ.get(PROGRAM, "")) or ["ssh"]
    remote = os.environ.get(REMOTE, "") or "gridrl"
    given = [part for key, value in options.items() for part in ("-o", f"{key}={value}")]
    return [*program, "-T", *given, "--", check_host(host), " ".join([remote, *map(shlex.quote, words)])]


def why_it_ended(host: str, code: int | None, said: Sequence[str], tool: str) -> tuple[str, str]:
    """What a call that ended before its time is to be told as: what is wrong, and what to do.

    Args:
        code: exit code of ssh, which is that of gridrl there; None if it has not ended.
        said: lines of their stderr, the last one last.
        tool: that gridrl was called with.
    """
    own = _after("gridrl: ", said)
    if "no tool is called" in own:
        return f"{host} has an older gridrl-tui, which has no {tool}", "update it there"
    if own:
        return f"{host}: {own}", _after("hint: ", said)
    last = said[-1] if said else ""
    if code in NOT_RUN:
        words = f"{host} has no program gridrl that ssh finds" + (f" ({last})" if last else "")
        return words, f"install it there (pip install gridrl-tui), or say where it is: {REMOTE}=/path/to/gridrl"
    if code == SSH_FAILED:
        words = f"ssh to {host}: {last.removeprefix('ssh: ') or 'no connection'}"
        return words, f"does `ssh {host}` work in the shell?"
    return f"{host} ended the call" + (f": {last}" if last else ""), f"does `ssh {host} gridrl runs` work?"


def _after(start: str, lines: Sequence[str]) -> str:
    return next((line.removeprefix(start) for line in lines if line.startswith(start)), "")
