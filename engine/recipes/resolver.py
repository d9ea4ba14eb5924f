"""From a recipe's name and `key=value` overrides to a configuration that is right as a whole.

Pure but for loading the recipe; any thread.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from pydantic import ValidationError

from .config import RecipeConfig
from .overrides import parse_override, put
from .refusal import refusal
from .registry import find_recipe


def resolve(recipe: str, overrides: Iterable[str] = ()) -> RecipeConfig:
    """The configuration of a recipe with overrides on top; later ones win.

    Raises:
        UsageError: no such recipe.
        ConfigError: a key that does not exist, or a value that its place refuses; the message names the path.
    """
    config = find_recipe(recipe).train()
    data = config.model_dump(mode="json")
    given = [parse_override(argument) for argument in overrides]
    applied = [(put(data, RecipeConfig, override), override) for override in given]
    try:
        # Through JSON, because strict JSON refuses true for 1 and yet takes lists for tuples.
        return RecipeConfig.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        raise refusal(error, RecipeConfig, data, applied) from None
