"""Where a value came from: the layers of a configuration, and one origin for each value.

Immutable; any thread.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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


@dataclass
class _Node:
    """What is known of one place, and of those within it."""

    origin: Origin | None = None
    inner: dict[str | int, _Node] = field(default_factory=dict)


class Origins:
    """The origin of every value, kept as the tree that the values are; owned by the draft that writes them."""

    def __init__(self) -> None:
        self._root = _Node()

    def put(self, path: Path, origin: Origin) -> None:
        """A value was written: whatever was known of what lay within it is forgotten."""
        node = self._made(path)
        node.origin = origin
        node.inner.clear()

    def mark(self, path: Path, origin: Origin) -> None:
        """Say more of one value inside what was put."""
        self._made(path).origin = origin

    def at(self, path: Path) -> Origin:
        """Of the value at a path, or of the nearest thing above it."""
        return self._reached(path)[0]

    def within(self, path: Path) -> Origin:
        """Of a value with all that lies in it: the layer that had the last word on any part of it."""
        found, node = self._reached(path)
        waiting = [node] if node is not None else []
        while waiting:
            node = waiting.pop()
            if node.origin is not None and node.origin.layer > found.layer:
                found = node.origin
            waiting += reversed(node.inner.values())
        return found

    def _made(self, path: Path) -> _Node:
        node = self._root
        for key in path:
            node = node.inner.setdefault(key, _Node())
        return node

    def _reached(self, path: Path) -> tuple[Origin, _Node | None]:
        """The origin nearest to a path, and the node at its end, if there is one."""
        node: _Node | None = self._root
        found = self._root.origin or DEFAULT
        for key in path:
            node = node.inner.get(key) if node is not None else None
            if node is None:
                break
            found = node.origin or found
        return found, node
