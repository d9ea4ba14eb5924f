"""Opens the installed program in a real pseudo-terminal, looks at its four panes and leaves. For .ci/run.

Only the standard library: it runs in the environment of a user, which has no tools for tests.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time

PATIENCE_S = 60.0

SCRIPT = (
    (b"\x1bOQ", "walls9"),  # f2: Live, on the map that comes with the program
    (b"\x1bOR", "No run yet"),  # f3
    (b"\x1bOS", "brush"),  # f4
    (b"\x1b[15~", "Ask your runs"),  # f5
)
"""Keys, and the words that come up then."""

QUIT = b"\x11"  # ctrl+q


def main() -> int:
    child, terminal = pty.fork()
    if child == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execvp("gridrl-tui", ["gridrl-tui"])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    for key, words in SCRIPT:
        press_until_seen(terminal, key, words.encode())
    os.write(terminal, QUIT)
    drain(terminal)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(f"gridrl-tui: four panes seen, left with {status}")
    return status


def press_until_seen(terminal: int, key: bytes, words: bytes) -> None:
    """Press a key, again now and then because a program that is just opening may miss it, until words are drawn."""
    seen = b""
    pressed, deadline = 0.0, time.monotonic() + PATIENCE_S
    while words not in seen:
        now = time.monotonic()
        if now > deadline:
            sys.exit(f"gridrl-tui never showed {words!r}; it wrote {seen[-2000:]!r}")
        if now > pressed + 1:
            os.write(terminal, key)
            pressed = now
        if select.select([terminal], [], [], 0.1)[0]:
            seen += os.read(terminal, 65536)


def drain(terminal: int) -> None:
    """Read until the program has closed its side."""
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:  # how Linux says that the other side is closed
        return


if __name__ == "__main__":
    sys.exit(main())
