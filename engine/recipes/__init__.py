"""Recipes: named configurations, the layers on top of them, and what they make. Loads no torch."""

from .config import (
    TOOLS,
    AutotuneConfig,
    EvaluateConfig,
    PlayConfig,
    RecipeConfig,
    RenderConfig,
    ReplayConfig,
    SweepConfig,
    WorldConfig,
)
from .launch import map_of, maps_of, prepare_run, versions, world_of, worlds_of
from .overrides import Override, overrides_of
from .registry import GROUPS, BrokenRecipe, Recipe, broken_recipes, find_recipe, recipes
from .resolver import Argument, Resolution, Setting, examine, resolve, resolve_tool

__all__ = [
    "GROUPS",
    "TOOLS",
    "Argument",
    "AutotuneConfig",
    "BrokenRecipe",
    "EvaluateConfig",
    "Override",
    "PlayConfig",
    "Recipe",
    "RecipeConfig",
    "RenderConfig",
    "ReplayConfig",
    "Resolution",
    "Setting",
    "SweepConfig",
    "WorldConfig",
    "broken_recipes",
    "examine",
    "find_recipe",
    "map_of",
    "maps_of",
    "overrides_of",
    "prepare_run",
    "recipes",
    "resolve",
    "resolve_tool",
    "versions",
    "world_of",
    "worlds_of",
]
