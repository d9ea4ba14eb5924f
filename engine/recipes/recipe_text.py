"""A resolved configuration as a recipe file: complete, readable, and with the origin of each value beside it.

Pure; any thread. What is written here, read back as a recipe of its own, is the same configuration.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import yaml

from .config import TOOLS
from .origins import Layer
from .resolver import Resolution, Setting
from .schema import Slot, slot_of
from .tree import Leaf, escaped, leaves, stripped
from .yaml_text import reads_as_text

COMMENT_COLUMN: Final = 46
"""Where comments begin, unless a value reaches farther."""

_WORD: Final = re.compile(r"[A-Za-z_./][A-Za-z0-9_./-]*", re.ASCII)

Remark = Callable[[Leaf], str]


def recipe_yaml(tool: str, config: dict[str, Any], remark: Remark = lambda leaf: "") -> Iterator[str]:
    """The lines of a recipe file for a tool's configuration.

    Args:
        config: its JSON. What lies in it by default is left out of the rules, and written elsewhere.
        remark: what to say of a setting, in a comment.
    """
    slot = slot_of(TOOLS[tool])
    top, own = _parts(tool, config)
    yield from _table(slot, top, (), "", remark)
    if own:
        yield f"{tool}:"
        yield from _table(slot, own, (), "  ", remark)


def why(setting: Setting) -> str:
    """Where a value comes from and, where it was changed, what it was."""
    words = str(setting.origin)
    if setting.origin.layer is Layer.DEFAULT:
        return words
    if setting.recipe is not None and setting.changed:
        return f"{words}; recipe: {_short(setting.recipe)}"
    if setting.default is not None and setting.text != setting.default:
        return f"{words}; default: {_short(setting.default)}"
    return words


def remarks(resolution: Resolution) -> Remark:
    """`why` for each setting of a resolution."""
    settings = {setting.key: setting for setting in resolution.settings}
    return lambda leaf: why(settings[leaf.key]) if leaf.key in settings else ""


def _parts(tool: str, config: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What stands at the top of a recipe file, the run first and the long game last, and the tool's own table."""
    shared = TOOLS["train"].model_fields
    order = sorted(shared, key=lambda key: (key == "rules") - (key == "run"))
    top = {key: config[key] for key in order if key in config}
    return top, {key: value for key, value in config.items() if key not in shared}


def _table(slot: Slot, table: dict[str, Any], names: tuple[str, ...], indent: str, remark: Remark) -> Iterator[str]:
    assert slot.model is not None
    for name, value in table.items():
        inner, path = slot.field(name), (*names, name)
        if inner.model is not None and isinstance(value, dict):
            kept = stripped(inner, value) if path[0] == "rules" else value
            if kept:
                yield f"{indent}{name}:"
                yield from _table(inner, kept, path, indent + "  ", remark)
        else:
            yield from _entries(inner, name, value, names, indent, remark)


def _entries(slot: Slot, name: str, value: Any, names: tuple[str, ...], indent: str, remark: Remark) -> Iterator[str]:
    """One setting in its line; a table or a list of tables with a line for each entry."""
    found = list(leaves(slot, value, "", (*names, name), (*names, name)))
    if len(found) == 1 and len(found[0].names) == len(names) + 1:
        yield _line(f"{indent}{name}: {flow(value)}", remark(found[0]))
        return
    yield f"{indent}{name}:"
    for leaf in found:
        head = "-" if slot.is_list else f"{leaf.names[-1]}:"
        yield _line(f"{indent}  {head} {flow(stripped(leaf.slot, leaf.value))}", remark(leaf))


def _line(text: str, comment: str) -> str:
    return f"{text:<{COMMENT_COLUMN}}  # {comment}" if comment else text


def flow(value: Any) -> str:
    """A value on one line, as the reader of recipe files reads it back."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(str(name))}: {flow(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return _text(escaped(value)) if isinstance(value, str) else json.dumps(value)


def _text(text: str) -> str:
    if _WORD.fullmatch(text) and reads_as_text(text):
        return text
    quoted = yaml.dump(text, Dumper=yaml.SafeDumper, default_style='"', allow_unicode=True, width=1_000_000)
    return str(quoted).rstrip("\n")


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
