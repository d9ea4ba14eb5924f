"""Real pixels, through the library, to a terminal that answers as one with graphics does."""

from __future__ import annotations

import base64
import fcntl
import io
import os
import pty
import re
import select
import struct
import sys
import termios
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("textual_image")

ROOT = Path(__file__).parents[2]
COLUMNS, LINES, CELL = 20, 6, (10, 20)  # characters, and pixels of each

CHILD = """
import os
import numpy as np
from textual.app import App
from tui.widgets.sprite_map import SpriteMap, find_graphics

found = find_graphics(os.environ)
print(f"found<{found.kind}|{found.words}>", flush=True)

class Shown(App):
    def compose(self):
        yield SpriteMap()

    def on_mount(self):
        self.call_after_refresh(self.draw)

    def draw(self):
        picture = np.arange(24 * 40, dtype=np.uint32).reshape(24, 40)
        picture = np.stack([picture % 251, picture % 7 * 30, picture // 40], axis=2).astype(np.uint8)
        self.query_one(SpriteMap).show(picture)
        self.set_timer(0.5, self.exit)

if found:
    Shown().run()
"""


def answer(asked: bytes, kitty: bool, sixel: bool) -> bytes:
    """What a terminal says to a question; nothing to one that it does not understand."""
    if asked.endswith(b"\x1b[c"):
        return b"\x1b[?62;4c" if sixel else b"\x1b[?62;22c"
    query = re.search(rb"\x1b_Gi=(\d+)[^\x1b]*a=q[^\x1b]*\x1b\\$", asked)
    return b"\x1b_Gi=" + query[1] + b";OK\x1b\\" if query and kitty else b""


def sent_to(kitty: bool = False, sixel: bool = False) -> bytes:
    """All that the child sends to a terminal of this kind."""
    child, terminal = pty.fork()
    if not child:
        os.chdir(ROOT)
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", COLUMNS=str(COLUMNS), LINES=str(LINES))
        os.environ.pop("SSH_CONNECTION", None)
        os.execv(sys.executable, [sys.executable, "-c", CHILD])
    size = struct.pack("HHHH", LINES, COLUMNS, COLUMNS * CELL[0], LINES * CELL[1])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)
    sent, answered = b"", 0
    while select.select([terminal], [], [], 60)[0]:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # it has ended
            break
        if not piece:
            break
        sent += piece
        words = answer(sent[answered:], kitty, sixel)
        if words:
            answered = len(sent)
            os.write(terminal, words)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, sent[-2000:].decode(errors="replace")
    return sent


def test_a_terminal_with_kitty_graphics_gets_every_pixel() -> None:
    from PIL import Image

    sent = sent_to(kitty=True)

    assert b"found<kitty|>" in sent
    image = b""
    for header, payload in re.findall(rb"\x1b_G([^;\x1b]*);([^\x1b]*)\x1b\\", sent):
        image += payload if b"f=100" in header else b""
    drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(image))).convert("RGB"))
    assert drawn.shape == (LINES * CELL[1], COLUMNS * CELL[0], 3)
    picture = np.arange(24 * 40, dtype=np.uint32).reshape(24, 40)
    wanted = np.stack([picture % 251, picture % 7 * 30, picture // 40], axis=2).astype(np.uint8)
    assert np.array_equal(drawn, wanted.repeat(5, axis=0).repeat(5, axis=1))


def test_a_terminal_with_sixel_gets_an_image_of_its_size() -> None:
    sent = sent_to(sixel=True)

    assert b"found<sixel|>" in sent
    sizes = {tuple(map(int, size)) for size in re.findall(rb'\x1bP[0-9;]*q"\d+;\d+;(\d+);(\d+)', sent)}
    assert sizes == {(COLUMNS * CELL[0], LINES * CELL[1])}


def test_a_terminal_without_graphics_is_told_of_half_blocks() -> None:
    sent = sent_to()

    assert b"found<|Sprites are half blocks: this terminal has neither Kitty graphics nor Sixel.>" in sent
