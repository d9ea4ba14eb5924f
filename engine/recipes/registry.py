"""Which recipes there are: the modules of engine.recipes.prod, each with a docstring and a `train()`.

Found by walking the package, so that a recipe is added by adding a file. Names are looked up here and never
imported as they were typed.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from engine.errors import UsageError

from . import prod
from .config import RecipeConfig
from .overrides import shortened


@dataclass(frozen=True)
class Recipe:
    """A named way to a configuration."""

    name: str
    summary: str
    """One line: what there is to learn."""
    train: Callable[[], RecipeConfig]
    """Makes the configuration before overrides; play and evaluation share its game and map."""


@cache
def recipes() -> dict[str, Recipe]:
    """All recipes, by name, in the order of the alphabet."""
    names = sorted(module.name for module in pkgutil.iter_modules(prod.__path__) if not module.name.startswith("_"))
    return {name: _load(name) for name in names}


def find_recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        UsageError: there is none; with the nearest names.
    """
    known = recipes()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=2)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
    raise UsageError(f"no recipe is called {shortened(name)!r}", hint=hint)


def _load(name: str) -> Recipe:
    module = importlib.import_module(f"{prod.__name__}.{name}")
    summary = (module.__doc__ or "").strip().splitlines()[0]
    return Recipe(name, summary, module.train)
