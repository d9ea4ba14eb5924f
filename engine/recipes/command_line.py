"""A command line as a person writes it: which tool, which recipe, which settings.

Pure but for looking recipes up; any thread. All forms of it come to the same Command:

    train arena run=x               arena.train run=x
    train prod.arena run=x          recipes.prod.arena.train run=x
    train arena --run x             train arena --overrides "run=x"
    train ./my.yaml +run=x          train arena "run=x trainer.seed=3"
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, get_args

from engine.errors import UsageError

from .config import TOOLS
from .overrides import shortened
from .schema import Slot, slot_of

SWITCHES: Final = {
    "--dry-run": "check and print what would run, and why; start nothing",
    "--verbose": "say what was made of each argument",
    "--list": "list the recipes of the tool, or the tools of the recipe",
    "--help": "this page, with every setting of the recipe",
}
"""Options that every tool with a recipe has."""

_OWN_SWITCHES: Final = {"train": {"--detach": "train in a process of its own, which outlives the terminal"}}

_SHORT: Final = {"-h": "--help", "-v": "--verbose", "-n": "--dry-run"}
QUOTES: Final = ("'", '"')
_SETTING: Final = re.compile(r"\+{0,2}[A-Za-z_][A-Za-z0-9_.-]*=")


@dataclass(frozen=True)
class Command:
    """What was asked for."""

    tool: str
    recipe: str
    """Empty: none was named."""
    settings: tuple[str, ...] = ()
    switches: frozenset[str] = frozenset()


def switches(tool: str) -> dict[str, str]:
    """The options of a tool that take no value, and what each does."""
    return SWITCHES | _OWN_SWITCHES.get(tool, {})


def split_tool(word: str) -> tuple[str, str]:
    """`arena.train` or `recipes.prod.arena.train` as its recipe and its tool; a tool's name alone; or neither."""
    recipe, dot, tool = word.rpartition(".")
    if word in TOOLS:
        return "", word
    return (recipe, tool) if dot and tool in TOOLS and "=" not in word else ("", "")


def read_command(tool: str, recipe: str, arguments: Sequence[str]) -> Command:
    """What the arguments after the tool, or after the dotted form, say.

    Args:
        recipe: empty, where it is still to come.

    Raises:
        UsageError: an option that there is not, an option without its value, or a word that is no setting.
    """
    reader = _Reader(tool, recipe, list(arguments))
    reader.read()
    return Command(tool, reader.recipe, tuple(reader.settings), frozenset(reader.switches))


class _Reader:
    """Takes one argument after another. One use."""

    def __init__(self, tool: str, recipe: str, arguments: list[str]) -> None:
        self._tool, self.recipe = tool, recipe
        self._left = arguments
        self.settings: list[str] = []
        self.switches: set[str] = set()

    def read(self) -> None:
        while self._left:
            argument = self._left.pop(0)
            if argument == "--":
                self.settings += map(_without_plus, self._left)
                return
            if argument.startswith("-") and len(argument) > 1:
                self._take_option(argument)
            elif not self.recipe and "=" not in argument:
                self.recipe = argument
            else:
                self._take_settings(argument)

    def _take_settings(self, argument: str) -> None:
        """One setting, or several in one argument: a trailing "width=50 height=50"."""
        words = split_settings(argument)
        several = len(words) > 1 and all(_SETTING.match(word) for word in words)
        for word in words if several else [argument]:
            self._take_setting(word)

    def _take_setting(self, argument: str) -> None:
        if _SETTING.match(argument) is None:
            raise UsageError(
                f"{shortened(argument)!r} is not key=value", hint="write settings like trainer.learning_rate=3e-4"
            )
        self.settings.append(_without_plus(argument))

    def _take_option(self, argument: str) -> None:
        name, equals, value = argument.partition("=")
        name = _SHORT.get(name, name)
        if name in switches(self._tool) and not equals:
            self.switches.add(name)
        elif name == "--overrides":
            for part in split_settings(value if equals else self._value_of(name)):
                self._take_setting(part)
        else:
            key = name.removeprefix("--").replace("-", "_")
            slot = _slot_of(self._tool, key) if name.startswith("--") else None
            if slot is None:
                raise self._unknown(name)
            flag = slot.type is bool and not equals
            self.settings.append(f"{key}={'true' if flag else value if equals else self._value_of(name)}")

    def _value_of(self, name: str) -> str:
        if not self._left or self._left[0].startswith("--"):
            raise UsageError(f"{name} takes a value", hint=f"write {name} VALUE")
        return self._left.pop(0)

    def _unknown(self, name: str) -> UsageError:
        known = [*switches(self._tool), "--overrides", *(f"--{key.replace('_', '-')}" for key in options(self._tool))]
        near = difflib.get_close_matches(name, known, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else f"settings are key=value; gridrl {self._tool} -h"
        return UsageError(f"gridrl {self._tool} has no option {shortened(name)!r}", hint=hint)


def options(tool: str) -> list[str]:
    """The settings of a tool that may also be written as an option: those at the top that take one value."""
    return ["preset", *(key for key in TOOLS[tool].model_fields if _slot_of(tool, key) is not None)]


def _slot_of(tool: str, key: str) -> Slot | None:
    if key == "preset":
        return Slot(str, optional=True)
    if key not in TOOLS[tool].model_fields:
        return None
    slot = slot_of(TOOLS[tool]).field(key)
    is_list_of_values = slot.is_list and slot.entry().model is None and bool(get_args(slot.type))
    is_table = slot.model is not None or slot.is_table or (slot.is_list and not is_list_of_values)
    return None if is_table else slot


def split_settings(text: str) -> list[str]:
    """`a=1 b=2` as its words: as a shell would, but that blanks and quotes within brackets belong to a JSON value."""
    words, begin, depth, quote = list[str](), 0, 0, ""
    for at, character in enumerate(text):
        if quote:
            quote = "" if character == quote and text[at - 1] != "\\" else quote
        elif character in QUOTES:
            quote = character
        elif character in "[{":
            depth += 1
        elif character in "]}":
            depth -= 1
        elif character.isspace() and depth <= 0:
            words.append(text[begin:at])
            begin = at + 1
    if quote or depth > 0:  # not closed: it is one value, whatever is in it
        return [text]
    return [_unquoted(word) for word in (*words, text[begin:]) if word]


def _unquoted(setting: str) -> str:
    """Without the quotes that a shell would have taken off: around the whole of it, or around its value."""
    if len(setting) > 1 and setting[0] == setting[-1] and setting[0] in QUOTES:
        return setting[1:-1]
    key, equals, value = setting.partition("=")
    if len(value) > 1 and value[0] == value[-1] and value[0] in QUOTES:
        return f"{key}{equals}{value[1:-1]}"
    return setting


def _without_plus(setting: str) -> str:
    """`+key=value` adds and `++key=value` forces elsewhere; here both say what `key=value` says."""
    return setting.lstrip("+") if _SETTING.match(setting) else setting
