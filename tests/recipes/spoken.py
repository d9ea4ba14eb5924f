"""Recipes as tests say them: command lines without a process, recipes of a person's own, and settings by key."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from engine.errors import GridrlError
from engine.recipes import Resolution, Setting, examine
from engine.recipes.command_line import read_command, split_tool

ANY_TEXT = st.text(st.characters(codec="utf-8"))

# fmt: off
HOSTILE = st.one_of(
    ANY_TEXT,
    st.sampled_from([
        "1e3", "1e-7", "1e400", "0x1F", "0o7", "1_000", "-0", "-0.0", "+1", ".5", "5.", "007", ".inf", "nan", "1:30",
        "2026-01-02", "null", "Null", "NULL", "none", "None", "~", "", "no", "No", "yes", "on", "off", "y", "true",
        "True", "TRUE", "false", "${run}", "${", "$${", "$$", "$${run}", "$$${run}", "${a.b}c", "a: b", "a #b", "#",
        "- a", "? a", "*a", "&a", "!a", "!!int 3", "%a", "@a", "`a`", "'a'", '"a"', '"', "'", "\\", "a\nb", "a\n", " a",
        "a ", "\ta", "\x1b[2J", "\x00", "\x07", "\x7f", "\x85", "\xa0", "\u2028", "\u202e", "\ufeff", "\ufffe",
        "\ue000", "\U000e0001", "\U0001f600", "[1, 2]", "{a: 1}", "[", "{", "a,b", "a=b", "=", "--", "---", "...",
        "é", "a" * 300,
    ]),
)
# fmt: on
"""Text that a format, a shell or a terminal could take for something else."""

ANY_VALUE = st.one_of(
    ANY_TEXT,
    HOSTILE,
    st.integers().map(str),
    st.floats().map(repr),
    st.sampled_from(["true", "none", "[]", "{}", "[1,2]", '{"a":1}', '"x"', "", "1e400", "nan", "-0"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    ).map(json.dumps),
)
"""What somebody may write behind `key=`."""


def spoken(*words: str) -> Resolution:
    """What `gridrl WORDS` would do, resolved and not judged."""
    recipe, tool = split_tool(words[0])
    command = read_command(tool, recipe, words[1:])
    return examine(command.tool, command.recipe, command.settings)


def without_environment(tool: str, recipe: str, settings: list[str] | None = None) -> Resolution:
    return examine(tool, recipe, settings or [], {})


def by_key(resolution: Resolution) -> Mapping[str, Setting]:
    return {setting.key: setting for setting in (*resolution.parameters, *resolution.settings)}


def covering(resolution: Resolution, key: str) -> Setting:
    """The setting that a key is, or lies in; of a table that is none, the first one in it."""
    settings = by_key(resolution)
    names = key.split(".")
    keys = [".".join(names[:end]) for end in range(len(names), 0, -1)]
    inner = (setting for known, setting in settings.items() if known.startswith(f"{key}."))
    return next((settings[known] for known in keys if known in settings), None) or next(inner)


def words_of(error: GridrlError) -> str:
    return f"{error.message} | {error.hint}"


def missing_from(said: str, words: list[str]) -> list[str]:
    """Those words that should have been said and were not."""
    return [word for word in words if word not in said]


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text).lstrip("\n"), "utf-8")
    return path


def value_at(data: Any, key: str) -> Any:
    """The value of a dotted key in a configuration's JSON; list items by name or number."""
    for name in key.split("."):
        if isinstance(data, list):
            data = next(item for index, item in enumerate(data) if name in (str(index), _name(item)))
        else:
            data = data[name]
    return data


def _name(item: Any) -> str | None:
    return item.get("name") if isinstance(item, dict) else None
