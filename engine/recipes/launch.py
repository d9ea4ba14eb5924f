"""From a configuration to what it describes: a map, a world, a run that is ready to start.

Called by tools and by the screen's session; touches the disk. Loads no torch.
"""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path

from engine.errors import MapError
from engine.maps import GridMap, cells_for, lint, load_map
from engine.runs import RunWriter, new_run_id, runs_root
from engine.sim import ENGINE_VERSION, World
from engine.training.local import LocalRun

from .config import RecipeConfig


def map_of(config: RecipeConfig) -> GridMap:
    """The configuration's first map, fit for its game.

    Raises:
        MapError: it cannot be read, or its game cannot be played on it.
    """
    return _fit_map(config.map, config)


def maps_of(config: RecipeConfig) -> tuple[GridMap, ...]:
    """All maps of the configuration, fit for its game; the first is `map_of`'s.

    Raises:
        MapError: one of them cannot be read, or its game cannot be played on it.
    """
    return tuple(_fit_map(name, config) for name in (config.map, *config.more_maps))


def _fit_map(name: str, config: RecipeConfig) -> GridMap:
    grid_map = load_map(name)
    errors = [problem for problem in lint(grid_map, config.rules) if problem.is_error]
    if errors:
        first = errors[0]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise MapError(
            f"{grid_map.name}, line {first.row + 1}, column {first.column + 1}: {first.message}{more}",
            hint=first.hint,
            line=first.row + 1,
            column=first.column + 1,
        )
    return grid_map


def world_of(config: RecipeConfig) -> World:
    """The configuration's game compiled with its first map.

    Raises:
        MapError: the map does not fit the game.
        SimError: the engine refused the rules.
    """
    return World(config.rules, cells_for(map_of(config), config.rules))


def worlds_of(config: RecipeConfig) -> list[World]:
    """The configuration's game compiled with each of its maps; a batch draws one of them at each reset.

    Raises:
        MapError: a map does not fit the game.
        SimError: the engine refused the rules.
    """
    return [World(config.rules, cells_for(grid_map, config.rules)) for grid_map in maps_of(config)]


def prepare_run(
    recipe: str, config: RecipeConfig, root: Path | None = None, *, grid_map: GridMap | None = None
) -> LocalRun:
    """Make the run's directory and a LocalRun that is not yet started; whoever calls must close it.

    Args:
        recipe: where the configuration came from, for the record.
        root: where runs live; the user's own place by default.
        grid_map: a map in hand, such as an edited one, instead of the configuration's. Where it is another than
            the configuration's first, it is trained on alone.

    Raises:
        MapError, SimError, RunError: before anything is left on the disk.
    """
    root = runs_root() if root is None else root
    maps = maps_of(config) if grid_map is None else _maps_with(grid_map, config)
    cells = [cells_for(each, config.rules) for each in maps]
    for each in cells:
        World(config.rules, each)  # the engine's own opinion, before there is a directory
    meta = {
        "recipe": recipe,
        "game": config.rules.name,
        "map": maps[0].name,
        "map_text": maps[0].to_text(),  # the file may change later; what was trained on may not
        "more_maps": {each.name: each.to_text() for each in maps[1:]},
        "seed": config.trainer.seed,
        "versions": versions(),
    }
    name = config.run or new_run_id(root)
    writer = RunWriter.create(root, name, config.model_dump(mode="json"), meta)
    return LocalRun(config.rules, cells, config.trainer, writer)


def _maps_with(grid_map: GridMap, config: RecipeConfig) -> tuple[GridMap, ...]:
    """All maps of the configuration if the one in hand is its first, untouched; else that one alone."""
    if not config.more_maps:
        return (grid_map,)
    maps = maps_of(config)
    return maps if grid_map == maps[0] else (grid_map,)


def versions() -> dict[str, str]:
    """What this program is made of: its own version, Python's and those of the packages that shape a result."""
    own = {"gridrl-tui": _version("gridrl-tui"), "engine": ENGINE_VERSION, "python": platform.python_version()}
    return own | {name: _version(name) for name in ("torch", "numpy")}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
