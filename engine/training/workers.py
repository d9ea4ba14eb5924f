"""Threads that run the network side by side, each on its share: torch lets go of the interpreter while it computes.

Owned by the trainer. Their number is part of what a run repeats: sums are taken by share, so another number rounds
otherwise. Each share's arithmetic is on one thread, so it does not depend on who is faster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers:
    """`count` threads, the caller's own among them."""

    def __init__(self, count: int, torch_threads: int) -> None:
        self.count = count
        self._pool = (
            ThreadPoolExecutor(count - 1, "learner", torch.set_num_threads, (torch_threads,)) if count > 1 else None
        )

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """The results in order, the first item's on this thread. Waits for all, whichever raises."""
        if self._pool is None or len(items) < 2:
            return [function(item) for item in items]
        others = [self._pool.submit(function, item) for item in items[1:]]
        try:
            first = function(items[0])
        finally:
            for other in others:
                other.exception()  # waits: nobody may go on while another still works on shared arrays
        return [first, *(other.result() for other in others)]

    def close(self) -> None:
        """End the threads; they are idle."""
        if self._pool is not None:
            self._pool.shutdown()
