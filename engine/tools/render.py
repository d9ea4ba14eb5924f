"""`gridrl render`: a policy plays a recipe, and frames are printed, for pipes, logs and whoever looks on. Main thread.

Frames follow one another; nothing is erased. Whoever has seen enough ends it with Ctrl-C, or closes the pipe.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import closing
from typing import Final

from engine.policies.registry import take_step
from engine.recipes import RenderConfig, Resolution, worlds_of
from engine.replays.drawing import ansi, plain, rows_of
from engine.sim import Batch

from .policies import find_player
from .text import count, line, note, number

_WIDE_LETTERS: Final = ("box", "miniscope")
"""Modes that need more than ASCII."""


def run(resolution: Resolution) -> int:
    """Print the frames, and what was earned in all. Returns the exit code."""
    config = resolution.config
    assert isinstance(config, RenderConfig)
    player, worlds = find_player(config.policy), worlds_of(config)
    policy = player.maker(worlds[0])(config.seed)
    mode = _mode_for(config.mode)
    is_coloured = _is_coloured(mode)
    with closing(Batch(worlds, seed=config.seed)) as batch:
        tally = _Tally(batch)
        try:
            _draw(batch, mode, config.follow, is_coloured)
            for _ in range(config.frames - 1):
                began = time.monotonic()
                for _ in range(config.every):
                    take_step(policy, batch)
                    tally.add()
                _wait(began, config.fps)
                _draw(batch, mode, config.follow, is_coloured)
        finally:  # also where Ctrl-C ends it
            tally.say()
    return 0


class _Tally:
    """What all agents were paid so far, and in how many episodes."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._steps, self._ended, self._total = 0, 0, 0.0

    def add(self) -> None:
        """Count the step that was just taken."""
        self._steps += 1
        self._total += float(self._batch.rewards.sum())
        self._ended += bool(self._batch.terminated.any() or self._batch.truncated.any())

    def say(self) -> None:
        """The line at the end."""
        ends = f"{self._ended:,} {'episode' if self._ended == 1 else 'episodes'}" if self._ended else "no episode"
        steps = "step" if self._steps == 1 else "steps"
        line(f"total reward {number(self._total)} in {count(self._steps)} {steps}; {ends} ended")


def _draw(batch: Batch, mode: str, agent: int | None, is_coloured: bool) -> None:
    view = batch.look()
    paint = ansi if is_coloured else plain
    rows = [paint(row) for row in rows_of(view, batch.spec, mode, agent)]
    line("\n".join((f"episode {view.episode}, step {view.tick}", *rows, "")))  # a frame at a time reaches a pipe


def _wait(began: float, fps: float) -> None:
    left = began + 1 / fps - time.monotonic() if fps else 0.0
    if left > 0:
        time.sleep(left)


def _mode_for(mode: str) -> str:
    """The mode itself, or ascii where the output cannot show it."""
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "")
    if mode not in _WIDE_LETTERS or encoding.startswith("utf"):
        return mode
    note(f"{mode} needs UTF-8, and the output is {encoding}: drawn in ascii")
    return "ascii"


def _is_coloured(mode: str) -> bool:
    """ascii never is, ansi always; all others on a terminal. NO_COLOR is heard by all."""
    if mode == "ascii" or os.environ.get("NO_COLOR"):
        return False
    return mode == "ansi" or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")
