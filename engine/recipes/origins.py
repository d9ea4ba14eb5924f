"""Where a value came from: the layers of a configuration, and one origin for each value.

Immutable; any thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from .tree import Path


class Layer(IntEnum):
    """Who said it; a higher one has the last word."""

    DEFAULT = 0
    RECIPE = 1
    PRESET = 2
    FILE = 3
    ENVIRONMENT = 4
    COMMAND_LINE = 5

    @property
    def word(self) -> str:
        """As a person reads it."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True)
class Origin:
    """A layer, and the place in it."""

    layer: Layer
    where: str = ""
    """`arena`, `gpu`, `my.yaml, line 4`, `GRIDRL__TRAINER__SEED`, `trainer.lr=3e-4`."""
    column: int = 0
    """In a file; 0: no place to name."""
    template: str = ""
    """The text with `${...}` that the value was made from."""

    def __str__(self) -> str:
        words = f"{self.layer.word} {self.where}".strip()
        return f"{words} ({self.template})" if self.template and self.template not in self.where else words

    @property
    def prefix(self) -> str:
        """What an error about the value begins with: its place, where the command line does not show it."""
        if self.layer is Layer.FILE:
            return f"{self.where}, column {self.column}: " if self.column else f"{self.where}: "
        return f"{self.where}: " if self.layer is Layer.ENVIRONMENT else ""


DEFAULT = Origin(Layer.DEFAULT)


class Origins:
    """The origin of every value, kept by path; owned by the draft that writes the values."""

    def __init__(self) -> None:
        self._at: dict[Path, Origin] = {}

    def put(self, path: Path, origin: Origin) -> None:
        """A value was written: whatever was known of what lay within it is forgotten."""
        for inner in [known for known in self._at if known[: len(path)] == path]:
            del self._at[inner]
        self._at[path] = origin

    def mark(self, path: Path, origin: Origin) -> None:
        """Say more of one value inside what was put."""
        self._at[path] = origin

    def at(self, path: Path) -> Origin:
        """Of the value at a path, or of the nearest thing above it."""
        ends = range(len(path), -1, -1)
        return next((self._at[path[:end]] for end in ends if path[:end] in self._at), DEFAULT)

    def within(self, path: Path) -> Origin:
        """Of a value with all that lies in it: the layer that had the last word on any part of it."""
        inner = [origin for known, origin in self._at.items() if known[: len(path)] == path]
        return max([self.at(path), *inner], key=lambda origin: origin.layer)
