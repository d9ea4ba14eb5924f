"""Arguments that more than one tool takes, and the types they are read with."""

from __future__ import annotations

import argparse
from collections.abc import Callable

MAX_SEED = 2**63 - 1


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """A type for argparse: whole numbers from `least` to `most`."""

    def read(text: str) -> int:
        refused = argparse.ArgumentTypeError(f"takes a whole number from {least} to {most}, not {text[:40]!r}")
        if len(text) > 30:
            raise refused
        try:
            value = int(text)
        except ValueError:
            raise refused from None
        if not least <= value <= most:
            raise refused
        return value

    return read
