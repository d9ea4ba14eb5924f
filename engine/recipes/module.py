"""A recipe as a Python module: small functions that make the configurations of the tools.

`world()` is shared by all tools; `train()`, `play()`, `evaluate()`, `replay()` and `sweep()` make what each of them is
configured with; `simulations()` gives `evaluate` further worlds. A module has at least world() or train(): what is
missing is made from what is there. Parameters of a function are settings, too.

A person's own module is run when it is loaded: it is theirs. Whatever it raises is told with its file and line.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
import traceback
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NoReturn

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic.errors import PydanticUserError
from pydantic_core import PydanticSerializationError

from engine.errors import ConfigError, GridrlError

from .config import TOOLS, WorldConfig
from .schema import allowed, slot_of
from .tree import filled

MAKERS: Final = ("world", "simulations", *TOOLS)
"""The functions that a recipe may have."""


@dataclass(frozen=True)
class RecipeModule:
    """A module's functions, checked for what they are called and not yet called."""

    path: Path
    summary: str
    functions: Mapping[str, Callable[..., Any]] = field(hash=False)

    @property
    def own_tools(self) -> tuple[str, ...]:
        """The tools that the module has a function for; the others are made from its world."""
        return tuple(tool for tool in TOOLS if tool in self.functions)

    def parameters(self, tool: str) -> type[BaseModel]:
        """What the tool's function takes, as a model: a setting for each parameter."""
        return _parameters_of(self._function(tool), self.path)

    def place(self, tool: str) -> str:
        """Where the tool's function stands: `my.py, line 7: world()`."""
        function = inspect.unwrap(self._function(tool))
        return f"{self.path}, line {function.__code__.co_firstlineno}: {function.__name__}()"

    def parameter_names(self) -> set[str]:
        """Of all its functions."""
        return {name for function in self.functions.values() for name in inspect.signature(function).parameters}

    def make(self, tool: str, parameters: Mapping[str, Any]) -> WorldConfig:
        """The tool's configuration.

        Args:
            parameters: of the tool's function; checked against `parameters(tool)`.

        Raises:
            ConfigError: the module raised something, or gave something else; with file and line.
        """
        model = TOOLS[tool]
        with told_by(self.path):
            made = self._function(tool)(**parameters)
            if not isinstance(made, model):
                made = self._derived(tool, made)
            made.model_dump(mode="json", warnings=False)  # model_copy() checks nothing: it may hold anything
        return made

    def _function(self, tool: str) -> Callable[..., Any]:
        """The tool's own, else world() or train(): both know the world, and train() how to train, if need be."""
        others = ("train", "world") if "trainer" in TOOLS[tool].model_fields else ("world", "train")
        return next(self.functions[name] for name in (tool, *others) if name in self.functions)

    def _derived(self, tool: str, made: Any) -> WorldConfig:
        """A tool's configuration from the world of another's."""
        name, model = self._function(tool).__name__, TOOLS[tool]
        if name == tool or not isinstance(made, WorldConfig):
            kind = model if name == tool else TOOLS.get(name, WorldConfig)
            raise ConfigError(f"{self.path}: {name}() gives {type(made).__name__}, not {kind.__name__}", hint="mend it")
        values = {key: getattr(made, key) for key in type(made).model_fields if key in model.model_fields}
        if tool == "evaluate" and "simulations" in self.functions:
            values["simulations"] = tuple(self.functions["simulations"]())
        return model(**values)


def take_module(module: ModuleType) -> RecipeModule:
    """The recipe in a module that is loaded."""
    path = Path(module.__file__ or module.__name__)
    found = {name: getattr(module, name) for name in MAKERS if inspect.isfunction(getattr(module, name, None))}
    if not {"world", "train"} & set(found):
        raise ConfigError(f"{path}: there is neither world() nor train() in it", hint="see docs/recipes.md")
    lines = (module.__doc__ or "").strip().splitlines()
    return RecipeModule(path, lines[0] if lines else "", found)


def load_module(path: Path) -> RecipeModule:
    """Run a person's own module.

    Raises:
        ConfigError: there is none, it raises, or it is no recipe; with file and line.
    """
    if not os.path.isfile(path):  # which pathlib's own may raise for
        raise ConfigError(f"there is no recipe {path}", hint="gridrl --list shows the recipes")
    name = f"gridrl_recipe_{path.stem}"
    spec = importlib.util.spec_from_loader(name, _SourceLoader(name, str(path)))
    assert spec is not None, "it has a loader"
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up there
    with told_by(path):
        spec.loader.exec_module(module)
        return take_module(module)


class _SourceLoader(SourceFileLoader):
    """Loads the source alone: a .pyc would litter a person's directory, and hide an edit of the same second."""

    def path_stats(self, path: Any) -> NoReturn:
        raise OSError("no cache")


@contextmanager
def told_by(path: Path) -> Iterator[None]:
    """Whatever a recipe's own code raises becomes one sentence with its file and line.

    Raises:
        ConfigError: something was raised.
    """
    try:
        yield
    except GridrlError as error:
        if str(path) in error.message:
            raise
        told = _told(path, error, error.message)
        raise ConfigError(told.message, hint=error.hint or told.hint, line=told.line) from None
    except SyntaxError as error:
        where = f"{error.filename or path}, line {error.lineno or 1}"
        raise ConfigError(f"{where}: not Python: {error.msg}", hint="mend it there", line=error.lineno or 1) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        words = first["msg"]
        if first["type"] == "value_error":  # in our words; the rest of them is a hint
            words = next(map(str, first["ctx"]["error"].args), words)
        words = f"{key}: {words}" if key else words
        raise _told(path, error, words) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001  a stranger's module may raise anything
        raise _told(path, error, f"{type(error).__name__}: {error}") from None


def _told(path: Path, error: BaseException, words: str) -> ConfigError:
    frames = traceback.extract_tb(error.__traceback__)
    line = next((frame.lineno for frame in reversed(frames) if Path(frame.filename) == path), None) or 0
    where = f"{path}, line {line}" if line else str(path)
    return ConfigError(f"{where}: {words}", hint="mend the recipe, or move it away", line=line)


def _parameters_of(function: Callable[..., Any], path: Path) -> type[BaseModel]:
    with told_by(path):
        hints = typing.get_type_hints(function, include_extras=True)
        fields: dict[str, Any] = {}
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            default = ... if parameter.default is parameter.empty else parameter.default
            kind = type(default) if isinstance(default, bool | int | float) else str
            fields[parameter.name] = (hints.get(parameter.name, kind), default)
    try:
        model: type[BaseModel] = create_model(function.__name__, __config__=ConfigDict(extra="forbid"), **fields)
        for name in model.model_fields:
            allowed(slot_of(model).field(name))  # or nobody could say what to type
        filled(slot_of(model), {})  # or its default could not be shown
    except (PydanticUserError, PydanticSerializationError, AssertionError, KeyError, IndexError):
        words = f"{path}: a parameter of {function.__name__}() is of a type that cannot be typed in"
        raise ConfigError(words, hint="take bool, int, float, str, a Literal, or tuples and dicts of them") from None
    return model
