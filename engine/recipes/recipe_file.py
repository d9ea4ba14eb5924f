"""A recipe as a YAML file: what it builds on, and what it changes, for each tool.

Reads the disk; any thread. docs/recipes.md is its manual.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from engine.errors import ConfigError
from engine.text_files import expanded, read_text

from .aliases import spellings, translated_table
from .config import TOOLS
from .origins import Layer, Origin
from .yaml_text import MAX_BYTES, YamlText, read_yaml

SUFFIXES: Final = (".yaml", ".yml")
ABOUT: Final = ("summary", "recipe", "preset")
"""The keys that are about the file itself."""

_SHARED: Final = frozenset(TOOLS["train"].model_fields)
"""What may stand at the top: each tool takes of it what it knows."""


@dataclass(frozen=True)
class RecipeFile:
    """One file, read and not yet judged."""

    path: Path
    document: YamlText
    summary: str = ""
    base: str = ""
    """The recipe that it builds on; empty: none."""
    preset: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    """All the rest."""

    def tables(
        self, tool: str, names: Iterable[str], parameters: Collection[str]
    ) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
        """What the file says to one tool: what stands at the top and concerns it, and then its own table, with the
        keys above each. Other programs' names are replaced by our own.

        Args:
            names: of settings that only other tools take.
            parameters: of the recipe's function.
        """
        fields = frozenset(TOOLS[tool].model_fields)
        others = {*TOOLS, *_SHARED, *names} - fields
        top = translated_table(self.data, fields | _SHARED, parameters)
        yield {key: value for key, value in top.items() if key not in others}, ()
        own = self.data.get(tool)
        if isinstance(own, dict):
            yield translated_table(own, fields, parameters), (tool,)

    def origin_at(self, above: tuple[str, ...], names: tuple[str | int, ...]) -> Origin:
        """Where a setting stands in the file, below the keys above its table."""
        written = [(*above, *spelled) for spelled in (names, *spellings(names))]
        _, line, column = min(map(self._place, written), key=itemgetter(0))
        return Origin(Layer.FILE, f"{self.document.name}, line {line}", column)

    def _place(self, path: tuple[str | int, ...]) -> tuple[int, int, int]:
        """How much of a path is not in the file, and the line and column of what is."""
        places = self.document.places
        end = next((end for end in range(len(path), 0, -1) if path[:end] in places), 0)
        return len(path) - end, *places.get(path[:end], (1, 1))

    def beside(self, name: str) -> str:
        """A path in the file is one from the file's own directory, if there is such a file."""
        prefix, colon, rest = name.rpartition(":")
        near = self.path.parent / rest
        return f"{prefix}{colon}{near}" if os.path.isfile(near) else name  # False for what no file can be called


def read_recipe_file(source: str | Path) -> RecipeFile:
    """Read a recipe file.

    Raises:
        ConfigError: there is no such file, it is no plain YAML, or what it says of itself is wrong; with its place.
    """
    path = expanded(source, ConfigError)
    text = read_text(
        path,
        noun="recipe file",
        max_bytes=MAX_BYTES,
        missing="gridrl train RECIPE --dry-run prints one to begin with",
        refused=ConfigError,
    )
    document = read_yaml(text, path.name)
    about = {key: _word(document, key) for key in ABOUT if key in document.data}
    for tool in TOOLS:
        if tool in document.data and not isinstance(document.data[tool], dict):
            raise document.error((tool,), f"{tool} is a table of what gridrl {tool} takes", f"write it below {tool}:")
    rest = {key: value for key, value in document.data.items() if key not in ABOUT}
    return RecipeFile(path, document, about.get("summary", ""), about.get("recipe", ""), about.get("preset", ""), rest)


def _word(document: YamlText, key: str) -> str:
    value = document.data[key]
    if not isinstance(value, str):
        raise document.error((key,), f"{key} takes text, not {str(value)[:40]}", "put it in quotes")
    return value
