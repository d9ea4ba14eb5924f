"""Names for completion: recipes, runs, maps, policies and files, each as cheaply as it can be had.

Reads directories and the first lines of recipes; runs and imports none of them. Any thread.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import engine
from engine.errors import GridrlError
from engine.places import recipes_directory

RECORDINGS: Final = (".gridrec", ".json.z", ".json.gz")
"""Endings of the files that replay takes, and nothing else does."""

RECIPE_SUFFIXES: Final = (".py", ".yaml", ".yml")
GROUPS: Final = {"prod": "group of recipes", "experiment": "group of recipes", "validation": "group of recipes"}
"""Those that ship; the person's own are the group `user`."""

SCRIPTED: Final = ("random", "noop", "simple", "goal-seeker")
"""Those of engine.policies.registry; named here because that loads numpy."""

_OWN: Final = "user"
_MAP: Final = ".map"
_RECIPE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_PREFIX: Final = re.compile(r"(?:(?:engine\.|experiments\.)?recipes\.)?(?:(prod|experiment|validation|user)\.)?")
_DOCSTRING: Final = re.compile(r"(?:\s|#[^\n]*\n)*[rR]?(\"\"\"|'''|\"|')\s*(.*?)\s*(?:\1|\n)")
_SUMMARY: Final = re.compile(r"""^summary:[ \t]*["']?(.*?)["']?[ \t]*(?:#.*)?$""", re.MULTILINE)
_SUMMARY_BYTES: Final = 4096  # a summary is at the beginning
_CHECKPOINT: Final = re.compile(r"ck-(\d{12,18})\.safetensors", re.ASCII)
_FIRST_TRIAL: Final = "-000"  # what the first run of a sweep is called after the sweep's name


@dataclass(frozen=True)
class Candidate:
    """A word that may stand there."""

    text: str
    """The whole word."""
    about: str = ""

    @property
    def goes_on(self) -> bool:
        """Whether more belongs to the word: no space follows it."""
        return self.text.endswith(("=", ".", "/", ":"))


@dataclass(frozen=True)
class RecipeName:
    """A recipe as its file's name says."""

    name: str
    group: str
    path: Path


# ---- Recipes


def recipe_names() -> list[RecipeName]:
    """All recipes, also those that may turn out to be broken."""
    names = [
        RecipeName(path.stem, group, path)
        for group in GROUPS
        for path in _files_in(Path(engine.__file__).parent / "recipes" / group)
        if path.suffix == ".py" and not path.stem.startswith("_")
    ]
    taken = {recipe.name for recipe in names}
    for path in _files_in(recipes_directory()):
        if path.suffix in RECIPE_SUFFIXES and _RECIPE.fullmatch(path.stem) and path.stem not in taken:
            names.append(RecipeName(path.stem, _OWN, path))
    return names


def find_recipe(word: str) -> RecipeName | None:
    """The recipe that a name means; None: none that is known."""
    head, group = split_prefix(word)
    bare = word.removeprefix(head)
    return next((each for each in recipe_names() if each.name == bare and group in ("", each.group)), None)


def split_prefix(word: str) -> tuple[str, str]:
    """What stands before a recipe's own name, such as `recipes.prod.`, and the group in it or nothing."""
    found = _PREFIX.match(word)
    assert found is not None  # it may be empty
    return found[0], found[1] or ""


def recipes(word: str) -> Iterator[Candidate]:
    """Recipes by name and, in a word that was begun, by group, module path or file."""
    yield from (Candidate(text, _summary(recipe.path)) for text, recipe in _recipe_words(word))
    if word:
        yield from _groups(word)
    yield from _not_settings(files(word, RECIPE_SUFFIXES if word else RECIPE_SUFFIXES[1:]))


def recordings(word: str) -> Iterator[Candidate]:
    """Recordings and replays by file."""
    return _not_settings(files(word, RECORDINGS))


def dotted(word: str, tools: tuple[str, ...]) -> Iterator[Candidate]:
    """`arena.`, then `arena.train`."""
    for text, recipe in _recipe_words(word):
        if word.startswith(f"{text}."):
            yield from (Candidate(f"{text}.{tool}", f"gridrl {tool} {recipe.name}") for tool in tools)
        else:
            yield Candidate(f"{text}.", _summary(recipe.path))
    yield from _groups(word)


def _recipe_words(word: str) -> Iterator[tuple[str, RecipeName]]:
    head, group = split_prefix(word)
    for recipe in recipe_names():
        if group in ("", recipe.group):
            yield f"{head}{recipe.name}", recipe


def _groups(word: str) -> Iterator[Candidate]:
    head, group = split_prefix(word)
    if not group:
        yield from (Candidate(f"{head}{name}.", about) for name, about in GROUPS.items())


def _summary(path: Path) -> str:
    """A recipe's own line about itself, read and not run."""
    try:
        with path.open("rb") as file:
            text = file.read(_SUMMARY_BYTES).decode(errors="replace")
    except OSError:
        return ""
    found = _DOCSTRING.match(text) if path.suffix == ".py" else _SUMMARY.search(text)
    return found[found.re.groups] if found else ""


# ---- Files


def files(word: str, suffixes: tuple[str, ...]) -> Iterator[Candidate]:
    """Files that end so, and the directories on the way to them once a word was begun.

    Args:
        suffixes: `("",)` for any file.
    """
    head, slash, start = word.rpartition("/")
    for entry in _entries(os.path.expanduser(head + slash) or "."):
        if not entry.name.startswith(start) or (entry.name.startswith(".") and not start.startswith(".")):
            continue
        with suppress(OSError):  # a link that leads nowhere or round
            if entry.is_dir() and word:
                yield Candidate(f"{head}{slash}{entry.name}/", "directory")
            elif entry.name.endswith(suffixes) and entry.is_file():
                yield Candidate(f"{head}{slash}{entry.name}", "file")


def _not_settings(found: Iterator[Candidate]) -> Iterator[Candidate]:
    """Without names that would be read as a setting or an option where they stand alone."""
    return (each for each in found if "=" not in each.text and not each.text.startswith("-"))


def _entries(directory: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except (OSError, ValueError):
        return []


def _files_in(directory: Path) -> list[Path]:
    found = []
    for entry in _entries(str(directory)):
        with suppress(OSError):
            if entry.is_file():  # opening a pipe would wait for somebody
                found.append(Path(entry.path))
    return found


# ---- Maps, runs, policies


def maps(word: str) -> Iterator[Candidate]:
    """Maps by name or file; behind `scatter:` once more."""
    head = "scatter:" if word.startswith("scatter:") else ""
    yield from (Candidate(f"{head}{name}", "a map that comes with the program") for name in stock_maps())
    if not head:
        yield Candidate("scatter:", "a map whose things are strewn anew")
    for found in files(word.removeprefix(head), (_MAP,)):
        yield Candidate(head + found.text, found.about)


def stock_maps() -> list[str]:
    """Those of engine.maps; read here because that loads numpy."""
    from importlib import resources  # deferred: a fifth of the time that any other word takes

    there = [file.name for file in resources.files("maps").iterdir()]
    return sorted(name.removesuffix(_MAP) for name in there if name.endswith(_MAP))


def policies(word: str) -> Iterator[Candidate]:
    """Scripted policies, and checkpoints."""
    yield from (Candidate(name, "a scripted policy") for name in SCRIPTED)
    yield from checkpoints(word)


def checkpoints(word: str) -> Iterator[Candidate]:
    """Runs, a run's checkpoints once it has its `@`, and checkpoint files."""
    run, at, _ = word.rpartition("@")
    if at and run in _runs():
        yield Candidate(f"{run}@latest", "the latest checkpoint")
        if _has_best(run):
            yield Candidate(f"{run}@best", "the best checkpoint")
        yield from (Candidate(f"{run}@v{step}", f"after {step:,} agent steps") for step in _steps(run))
        return
    yield from runs()
    if "/" in word:
        yield from files(word, (".safetensors",))


def runs() -> Iterator[Candidate]:
    """All runs there are."""
    return (Candidate(name, "a run") for name in _runs())


def sweeps() -> Iterator[Candidate]:
    """Sweeps that can go on, by the names of their first runs."""
    names = [name.removesuffix(_FIRST_TRIAL) for name in _runs() if name.endswith(_FIRST_TRIAL)]
    return (Candidate(name, "a sweep to go on with") for name in names)


def presets() -> Iterator[Candidate]:
    from engine.training.presets import PRESETS  # deferred, as below: each word loads what it asks for

    return (Candidate(preset.name, preset.summary) for preset in PRESETS.values())


def _runs() -> list[str]:
    from engine.runs import run_paths, runs_root

    try:
        return sorted(path.name for path in run_paths(runs_root()))
    except GridrlError:  # something else is in its place, or it may not be read
        return []


def _has_best(run: str) -> bool:
    from engine.runs import runs_root

    return (runs_root() / run / "checkpoints" / "BEST").is_file()


def _steps(run: str) -> list[int]:
    from engine.runs import runs_root

    names = [path.name for path in _files_in(runs_root() / run / "checkpoints")]
    return [int(found[1]) for name in names if (found := _CHECKPOINT.fullmatch(name))]
