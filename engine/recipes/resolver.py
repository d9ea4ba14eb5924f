"""From a recipe's name and `key=value` overrides to a configuration that is right as a whole.

Reads the disk for the recipe and for rules=FILE; any thread.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from engine.errors import ConfigError

from .config import RecipeConfig
from .overrides import Override, parse_override, parse_value, put
from .refusal import refusal
from .registry import find_recipe
from .rules_file import load_rules


def resolve(recipe: str, overrides: Iterable[str] = ()) -> RecipeConfig:
    """The configuration of a recipe with overrides on top; later ones win.

    Raises:
        UsageError: no such recipe.
        ConfigError: a key that does not exist, a value that its place refuses, or a rules file that is wrong; the
            message names the path.
    """
    config = find_recipe(recipe).train()
    data = config.model_dump(mode="json")
    given = [parse_override(argument) for argument in overrides]
    applied = [(_apply(override, data), override) for override in given]
    try:
        # Through JSON, because strict JSON refuses true for 1 and yet takes lists for tuples.
        return RecipeConfig.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        raise refusal(error, RecipeConfig, data, applied) from None


def _apply(override: Override, data: dict[str, Any]) -> tuple[str | int, ...]:
    """Write an override into a configuration's JSON and return its place; `rules=my.yaml` stands for what is in it."""
    file = _rules_file(override)
    if file is None:
        return put(data, RecipeConfig, override)
    try:
        data["rules"] = load_rules(file).model_dump(mode="json")
    except ConfigError as error:
        raise ConfigError(f"rules: {error.message}", hint=error.hint, line=error.line, column=error.column) from None
    return ("rules",)


def _rules_file(override: Override) -> str | None:
    """The path that stands for the rules, None where it is another setting or a value."""
    if override.key != "rules":
        return None
    try:
        value = parse_value(override.text)
    except ValueError:  # torn JSON: for `put` to complain about
        return None
    return value if isinstance(value, str) else None
