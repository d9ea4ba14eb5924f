"""Recipes: named configurations, the overrides on top of them, and what they make. Loads no torch."""

from .config import RecipeConfig
from .launch import map_of, maps_of, prepare_run, versions, world_of, worlds_of
from .overrides import Override, overrides_of
from .registry import Recipe, find_recipe, recipes
from .resolver import resolve

__all__ = [
    "Override",
    "Recipe",
    "RecipeConfig",
    "find_recipe",
    "map_of",
    "maps_of",
    "overrides_of",
    "prepare_run",
    "recipes",
    "resolve",
    "versions",
    "world_of",
    "worlds_of",
]
