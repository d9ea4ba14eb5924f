"""Which recipes there are, and how to find one by what a person calls it.

Recipes that come with the program are modules of engine.recipes.prod, .experiment and .validation; a person's own
lie in a directory, as modules or YAML files. Found by looking there, so that a recipe is added by adding a file.
Names are looked up here and never imported as they were typed. Reads the disk; any thread.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Final

from engine.errors import ConfigError, GridrlError, UsageError
from engine.places import recipes_directory
from engine.text_files import expanded

from . import experiment, prod, validation
from .module import RecipeModule, load_module, take_module
from .overrides import shortened
from .recipe_file import SUFFIXES, RecipeFile, read_recipe_file

GROUPS: Final = {
    "prod": "tested in every build",
    "experiment": "no promises yet",
    "validation": "small checks of the program itself",
    "user": "your own",
}
"""The groups, and what their recipes promise."""

_SHIPPED: Final = (prod, experiment, validation)
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_PREFIXES: Final = ("engine.recipes.", "experiments.recipes.", "recipes.")
"""What may stand before a recipe's name and says nothing more."""

_OLD_GROUPS: Final = {"experiments": "experiment"}


@dataclass(frozen=True)
class Recipe:
    """A named way to a configuration: a Python module or a YAML file."""

    name: str
    group: str
    source: RecipeModule | RecipeFile

    @property
    def summary(self) -> str:
        """One line: what there is to learn."""
        return self.source.summary

    @property
    def where(self) -> str:
        """The file."""
        return str(self.source.path)


@dataclass(frozen=True)
class BrokenRecipe:
    """A file that should be a recipe, and why it is none."""

    name: str
    group: str
    error: GridrlError
    path: Path


def recipes() -> dict[str, Recipe]:
    """All recipes that can be used, by name: those that ship, then the person's own, each in the alphabet's order."""
    return {recipe.name: recipe for recipe in (*_shipped(), *_own()) if isinstance(recipe, Recipe)}


def broken_recipes() -> list[BrokenRecipe]:
    """Those of the person's own that cannot be used, each with its file, its line and what is wrong."""
    return [recipe for recipe in _own() if isinstance(recipe, BrokenRecipe)]


def find_recipe(name: str) -> Recipe:
    """The recipe of that name: `arena`, `prod.arena`, `recipes.prod.arena`, or a file's path.

    Raises:
        UsageError: there is none; with the nearest names.
        ConfigError: there is one, but it cannot be used.
    """
    if is_path(name):
        return _at_path(expanded(name, ConfigError))
    group, bare = split_name(name)
    for recipe in chain(_shipped(), _own(bare)):  # a person's own are run only for their name
        if recipe.name == bare and group in ("", recipe.group):
            if isinstance(recipe, BrokenRecipe):
                raise recipe.error
            return recipe
    known = recipes()
    near = difflib.get_close_matches(bare, known, n=2)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
    raise UsageError(f"no recipe is called {shortened(name)!r}", hint=hint)


def is_path(name: str) -> bool:
    """Whether a recipe is meant by its file: it has a directory in it, or a recipe's ending."""
    return "/" in name or name.endswith((".py", *SUFFIXES))


def split_name(name: str) -> tuple[str, str]:
    """A dotted name as its group (or nothing) and the recipe's own name."""
    prefix = next((prefix for prefix in _PREFIXES if name.startswith(prefix)), "")
    group, dot, rest = name.removeprefix(prefix).partition(".")
    group = _OLD_GROUPS.get(group, group)
    return (group, rest) if dot and group in GROUPS else ("", name.removeprefix(prefix))


@cache
def _shipped() -> tuple[Recipe, ...]:
    found = []
    for package in _SHIPPED:
        group = package.__name__.rpartition(".")[2]
        names = sorted(each.name for each in pkgutil.iter_modules(package.__path__) if not each.name.startswith("_"))
        for name in names:
            module = importlib.import_module(f"{package.__name__}.{name}")
            found.append(Recipe(name, group, take_module(module)))
    return tuple(found)


def _own(name: str = "") -> Iterator[Recipe | BrokenRecipe]:
    """Those of a person, or the one of that name. Read anew each time: they edit them while the program is open."""
    directory = recipes_directory()
    try:
        files = sorted(path for path in directory.iterdir() if path.suffix in (".py", *SUFFIXES))
    except OSError:
        return
    taken = {recipe.name: recipe.where for recipe in _shipped()}
    for path in files:
        if path.stem.startswith("_") or (name and path.stem != name):
            continue
        recipe = _own_recipe(path, taken)
        taken.setdefault(path.stem, str(path))
        yield recipe


def _own_recipe(path: Path, taken: dict[str, str]) -> Recipe | BrokenRecipe:
    try:
        if _NAME.fullmatch(path.stem) is None:
            hint = "rename it: small letters, digits and _, a letter first"
            raise ConfigError(f"{path}: its name cannot be a recipe's name", hint=hint)
        if path.stem in taken:
            raise ConfigError(f"{path}: {path.stem} is {taken[path.stem]} already", hint="rename the file")
        return Recipe(path.stem, "user", _load(path))
    except GridrlError as error:
        return BrokenRecipe(path.stem, "user", error, path)


def _at_path(path: Path) -> Recipe:
    return Recipe(path.stem, "user", _load(path))


def _load(path: Path) -> RecipeModule | RecipeFile:
    return load_module(path) if path.suffix == ".py" else read_recipe_file(path)
