"""Maps: the GridMap value, its text format, files, lint, and the cell codes that the engine compiles.

Pure but for `load_map` and `save_map`, which touch the disk.
"""

from .ascii import parse_ascii
from .characters import AGENT, CHARACTERS, EMPTY, OBJECTS, WALL, character_of, is_passable, is_spawn
from .compile import cells_for, map_of
from .dialect import translated
from .files import SUFFIX, expanded, is_stock, load_map, save_map, stock_names
from .grid_map import MAX_SIDE, GridMap
from .lint import Problem, lint
from .scatter import scattered

__all__ = [
    "AGENT",
    "CHARACTERS",
    "EMPTY",
    "MAX_SIDE",
    "OBJECTS",
    "SUFFIX",
    "WALL",
    "GridMap",
    "Problem",
    "cells_for",
    "character_of",
    "expanded",
    "is_passable",
    "is_spawn",
    "is_stock",
    "lint",
    "load_map",
    "map_of",
    "parse_ascii",
    "save_map",
    "scattered",
    "stock_names",
    "translated",
]
