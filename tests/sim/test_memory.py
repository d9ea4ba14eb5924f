"""Episodes, batches and worlds come and go, and memory stays as it was: counted by malloc, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

EPISODES_MAY_ADD = 2048
"""Bytes that Python itself may come to hold; one leaked byte an episode would be five times that."""

BATCHES_MAY_ADD = 48_000
"""Python holds some bytes more for objects made and gone; the smallest block of malloc, leaked each time, is 64,000."""

COUNTED = """
import ctypes, gc, sys
import numpy as np
from engine.maps import cells_for, load_map
from engine.sim import Batch, World, games

fields = ("arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost").split()
Info = type("Info", (ctypes.Structure,), {"_fields_": [(name, ctypes.c_size_t) for name in fields]})
mallinfo2 = ctypes.CDLL(None).mallinfo2
mallinfo2.restype = Info

def in_use():
    gc.collect()
    info = mallinfo2()
    return info.uordblks + info.hblkhd

rules = games.arena_classic("full", max_steps=5)
cells = cells_for(load_map("arena_classic_full"), rules)
leak = []
"""

EPISODES = """
batch = Batch([World(rules, cells), World(rules, cells)], env_count=10)
actions = np.ones(batch.rows, np.int32)

def play(episodes):
    for number in range(episodes // 20):  # ten envs, and each once by the clock and once by a call
        for _ in range(5):
            batch.step(actions)
        assert batch.truncated.all()
        batch.reset(number)
        batch.drain_episodes()
        leak.append(bytearray(LEAK)) if LEAK else None

play(1000)
before = in_use()
play(10_000)
print(in_use() - before)
"""

BATCHES = """
def make(count):
    for number in range(count):
        batch = Batch(World(rules, cells), env_count=3, seed=number, thread_count=1 + number % 2)
        batch.step(np.ones(batch.rows, np.int32))
        batch.close()

make(2000)  # Python's own growth has slowed down by then
before = in_use()
make(2000)
print(in_use() - before)
"""


def growth(code: str, leak: int = 0) -> int:
    """Bytes that a script holds more at its end."""
    script = COUNTED + code.replace("LEAK", str(leak))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


needs_glibc = pytest.mark.skipif(sys.platform != "linux", reason="mallinfo2 is glibc's")


@needs_glibc
def test_ten_thousand_episodes_leave_memory_flat() -> None:
    assert growth(EPISODES) <= EPISODES_MAY_ADD


@needs_glibc
def test_two_thousand_batches_and_worlds_leave_nothing_behind() -> None:
    assert growth(BATCHES) <= BATCHES_MAY_ADD


@needs_glibc
def test_a_leak_would_be_seen() -> None:
    assert growth(EPISODES, leak=600) > EPISODES_MAY_ADD  # pymalloc serves less than 512 bytes
