"""What the words before the cursor ask for, and which words may follow. Main thread.

Follows engine.cli and engine.recipes.command_line from afar: those load the schema, and most words need none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from . import names
from .bash import REDIRECTED
from .names import Candidate

if TYPE_CHECKING:
    from .settings import Known

APP: Final = "gridrl-tui"
APP_RECIPE: Final = "navigation"  # what the app opens by itself
SHELLS: Final = ("bash", "zsh", "fish")

SWITCHES: Final = ("--dry-run", "--verbose", "--list", "--help", "--detach")
"""Options without a value; those of engine.recipes.command_line."""

FLAGS: Final = ("--render",)
"""Settings that need no value where they are written as an option."""

OPTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "runs": {"--watch": "look again each second", "--live": "only those that somebody trains now"},
    "demos": {},
    "resume": {"--detach": "train in a process of its own"},
    "pause": {},
    "checkpoint": {},
    "stop": {},
    "stream": {"--no-episodes": "leave the lines of the episodes out", "--history": "no more rows of the past"},
    "query": {"--rows": "print at most so many", "--json": "a JSON list", "--csv": "comma-separated values"},
    "validate": {
        "--tool": "for which tool",
        "--diff": "print only what differs from the recipe",
        "--schema": "print the JSON Schema of recipe files",
    },
    "rules": {"--check": "say whether a rules file is right", "--schema": "print the JSON Schema of rules files"},
    "fetch": {"--to-stdout": "talk to the gridrl at the other end of a pipe"},
    "upload": {},
    "completion": {},
}
"""Of the tools that argparse reads, whose modules take a while to load."""

VALUED: Final = ("--rows", "--tool", "--check", "--history")
"""Those of them that take a value."""

_REPLAY_OPTIONS: Final = {
    "--at": "draw the map as it was at a tick",
    "--export": "write it as another file",
    "--from": "export from a tick on",
    "--to": "export up to a tick",
    "--every": "export only every Nth tick",
    "--fps": "frames a second of what moves",
}
"""Of `gridrl replay FILE`; each takes a value."""

_OF_A_RUN: Final = ("resume", "pause", "checkpoint", "stop", "stream")

_HELP: Final = Candidate("--help", "what it takes")
_FRONT: Final = (
    _HELP,
    Candidate("--list", "the recipes"),
    Candidate("--version", "what this program is made of"),
)
_APP_OPTIONS: Final = (
    _HELP,
    Candidate("--settings", "print the settings of the app and where each comes from"),
    Candidate("--version", "its version"),
)
_ATTACH_OPTIONS: Final = (
    _HELP,
    Candidate("--episodes", "fetch the episodes too"),
    Candidate("--all", "fetch every row of the past"),
)
_RULES: Final = (".yaml", ".yml")


def candidates(words: Sequence[str], tools: Mapping[str, str], recipe_tools: Sequence[str]) -> list[Candidate]:
    """The words that may stand in place of the last one, each with what it is. All begin with it.

    Args:
        words: the program, what was typed after it, and the word at the cursor, which may be empty; without quotes.
        tools: each tool's line in the help.
        recipe_tools: those that take a recipe.

    Returns:
        Printable text of one line each: a name that a terminal would obey is left out.
    """
    program, *before, word = words
    grammar = _Grammar(tools, tuple(recipe_tools))
    if program == REDIRECTED:
        found = names.files(word, ("",))
    elif PurePath(program).name == APP:
        found = grammar.app(before, word)
    else:
        found = grammar.line(before, word)
    fitting = [each for each in found if each.text.startswith(word) and each.text.isprintable()]
    unique = {each.text: _harmless(each) for each in reversed(fitting)}
    return list(reversed(unique.values()))


def _harmless(candidate: Candidate) -> Candidate:
    about = "".join(character if character.isprintable() else "?" for character in candidate.about)
    return Candidate(candidate.text, about)


@dataclass
class _Typed:
    """What was typed for a tool so far."""

    tool: str
    recipe: str = ""
    settings: list[str] = field(default_factory=list)
    option: str = ""
    """The option whose value comes next."""

    def known(self) -> Known:
        from .settings import Known  # deferred: it loads the schema

        return Known(self.tool, _found(self.recipe), self.settings)


class _Grammar:
    """Which words follow which."""

    def __init__(self, tools: Mapping[str, str], recipe_tools: tuple[str, ...]) -> None:
        self._tools, self._recipe_tools = tools, recipe_tools

    def line(self, before: Sequence[str], word: str) -> Iterator[Candidate]:
        """After `gridrl`."""
        if not before:
            return self._first(word)
        first, *rest = before
        recipe, dot, tool = first.rpartition(".")
        if first in OPTIONS:
            return self._plain(first, rest, word)
        if first in self._recipe_tools:
            return self._with_recipe(_read(_Typed(first), rest), rest, word)
        if dot and tool in self._recipe_tools:
            return self._with_recipe(_read(_Typed(tool, recipe), rest), rest, word)
        return iter((Candidate("--list", "the tools of the recipe"),) if names.find_recipe(first) else ())

    def app(self, before: Sequence[str], word: str) -> Iterator[Candidate]:
        """After `gridrl-tui`."""
        if before and before[0] == "attach":
            return iter(_ATTACH_OPTIONS) if word.startswith("-") else names.runs()
        typed = _read(_Typed("train"), before)
        if word.startswith("-"):
            return iter(_APP_OPTIONS)
        if not before and word and "attach".startswith(word):
            return iter((Candidate("attach", "watch a run, here or on another machine"), *names.recipes(word)))
        if "=" in word or typed.recipe or typed.settings:
            typed.recipe = typed.recipe or APP_RECIPE
            return _settings(typed, word)
        return names.recipes(word)

    def _first(self, word: str) -> Iterator[Candidate]:
        yield from _FRONT if word.startswith("-") else ()
        yield from (Candidate(name, about) for name, about in self._tools.items())
        if word:
            yield from names.dotted(word, self._recipe_tools)

    def _with_recipe(self, typed: _Typed, rest: Sequence[str], word: str) -> Iterator[Candidate]:
        if typed.tool == "replay" and any(each.endswith(names.RECORDINGS) for each in rest):
            return self._of_a_replay(rest[-1], word)
        if typed.option:
            return _values(typed, typed.option, "", word)
        if word.startswith("--") and "=" in word:
            option, _, value = word.partition("=")
            return _values(typed, _key_of(option), f"{option}=", value)
        if word.startswith("-"):
            from .settings import option_words  # deferred: it loads the schema

            return option_words(typed.tool)
        return _settings(typed, word) if typed.recipe or "=" in word else _starts(typed.tool, word)

    def _of_a_replay(self, previous: str, word: str) -> Iterator[Candidate]:
        if previous == "--export":
            yield from names.files(word, ("",))
        elif previous not in _REPLAY_OPTIONS:
            yield from (Candidate(name, about) for name, about in _REPLAY_OPTIONS.items())
            yield _HELP

    def _plain(self, tool: str, rest: Sequence[str], word: str) -> Iterator[Candidate]:
        previous = rest[-1] if rest else ""
        if previous in VALUED:
            return self._value_of(previous, word)
        if word.startswith("-"):
            return self._options_of(tool, rest)
        if tool == "completion" and not rest:
            return (Candidate(shell, f"the script for {shell}") for shell in SHELLS)
        if tool in _OF_A_RUN and not rest:
            return names.runs()
        if tool in ("fetch", "upload") and not rest:
            return names.checkpoints(word)
        if tool not in ("validate", "rules") or "--schema" in rest or "--check" in rest:
            return iter(())
        if tool == "validate":
            return self._with_recipe(self._validated(rest), (), word)
        typed = _read(_Typed("train"), _without_options(rest))
        return _settings(typed, word) if typed.recipe or "=" in word else names.recipes(word)

    def _value_of(self, option: str, word: str) -> Iterator[Candidate]:
        if option == "--tool":
            return (Candidate(tool, self._tools[tool]) for tool in self._recipe_tools)
        return names.files(word, _RULES) if option == "--check" else iter(())

    def _options_of(self, tool: str, rest: Sequence[str]) -> Iterator[Candidate]:
        yield from (Candidate(name, about) for name, about in {**OPTIONS[tool], "--help": _HELP.about}.items())
        if tool == "validate":
            yield from self._with_recipe(self._validated(rest), (), "-")

    def _validated(self, rest: Sequence[str]) -> _Typed:
        """What `gridrl validate` is to check, read as that tool's own words."""
        pairs = zip(("", *rest), rest, strict=False)
        words = [word for previous, word in pairs if word not in OPTIONS["validate"] and previous != "--tool"]
        recipe, dot, tool = words[0].rpartition(".") if words else ("", "", "")
        if dot and tool in self._recipe_tools:
            return _read(_Typed(tool, recipe), words[1:])
        named = rest[rest.index("--tool") + 1] if "--tool" in rest else ""
        return _read(_Typed(named if named in self._recipe_tools else "train"), words)


def _read(typed: _Typed, words: Sequence[str]) -> _Typed:
    """Take in whole words, as engine.recipes.command_line does."""
    for word in words:
        if typed.option:
            typed.settings.append(f"{typed.option}={word}")
            typed.option = ""
        elif word in FLAGS:
            typed.settings.append(f"{_key_of(word)}=true")
        elif word.startswith("--") and "=" in word:
            typed.settings.append(f"{_key_of(word.partition('=')[0])}={word.partition('=')[2]}")
        elif word.startswith("--") and word not in SWITCHES:
            typed.option = _key_of(word)
        elif not word.startswith("-"):
            _take(typed, word)
    return typed


def _take(typed: _Typed, word: str) -> None:
    if typed.recipe or "=" in word:
        typed.settings.append(word.lstrip("+"))
    else:
        typed.recipe = word


def _without_options(words: Sequence[str]) -> list[str]:
    """The words that argparse takes for arguments."""
    pairs = zip(("", *words), words, strict=False)
    return [word for previous, word in pairs if not word.startswith("-") and previous not in VALUED]


def _key_of(option: str) -> str:
    return option.removeprefix("--").replace("-", "_")


def _found(recipe: str) -> str:
    """How to ask for a recipe so that no other one is run to find it; empty: there is none."""
    if "/" in recipe or recipe.endswith(names.RECIPE_SUFFIXES):
        return recipe
    found = names.find_recipe(recipe)
    if found is None:
        return ""
    return found.name if found.group in names.GROUPS else str(found.path)


def _starts(tool: str, word: str) -> Iterator[Candidate]:
    yield from names.recipes(word)
    if tool == "replay":
        yield from names.recordings(word)


def _settings(typed: _Typed, word: str) -> Iterator[Candidate]:
    """Keys, or the values of one. `+key=` and `++key=` are read as `key=`."""
    bare = word.lstrip("+")
    plus = word.removesuffix(bare)
    key, equals, value = bare.partition("=")
    if equals:
        return _values(typed, key, f"{plus}{key}=", value)
    return (Candidate(plus + found.text, found.about) for found in typed.known().keys(bare))


def _values(typed: _Typed, key: str, before: str, value: str) -> Iterator[Candidate]:
    """What may be the value of a key.

    Args:
        before: what stands before the value in its word.
    """
    return (Candidate(before + found.text, found.about) for found in _values_of(typed, key, value))


def _values_of(typed: _Typed, key: str, value: str) -> Iterator[Candidate]:
    last = key.rpartition(".")[2]
    if last in ("map", "more_maps"):
        return names.maps(value)
    if key == "rules":
        return names.files(value, _RULES)
    if key in ("policy", "policies", "policy_uri", "policy_uris"):
        return names.policies(value)
    if key == "preset":
        return names.presets()
    if key == "run":  # a new one, but for a sweep that goes on
        return names.sweeps() if typed.tool == "sweep" else iter(())
    if key in ("record", "output"):
        return names.files(value, (".gridrec",) if key == "record" else (".json",))
    return typed.known().values(key)
