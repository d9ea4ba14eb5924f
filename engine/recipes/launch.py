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
    """The configuration's map, fit for its game.

    Raises:
        MapError: it cannot be read, or its game cannot be played on it.
    """
    grid_map = load_map(config.map)
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
    """The configuration's game compiled with its map.

    Raises:
        MapError: the map does not fit the game.
        SimError: the engine refused the rules.
    """
    return World(config.rules, cells_for(map_of(config), config.rules))


def prepare_run(
    recipe: str, config: RecipeConfig, root: Path | None = None, *, grid_map: GridMap | None = None
) -> LocalRun:
    """Make the run's directory and a LocalRun that is not yet started; whoever calls must close it.

    Args:
        recipe: where the configuration came from, for the record.
        root: where runs live; the user's own place by default.
        grid_map: a map in hand, such as an edited one, instead of the configuration's.

    Raises:
        MapError, SimError, RunError: before anything is left on the disk.
    """
    root = runs_root() if root is None else root
    grid_map = map_of(config) if grid_map is None else grid_map
    cells = cells_for(grid_map, config.rules)
    World(config.rules, cells)  # the engine's own opinion, before there is a directory
    meta = {
        "recipe": recipe,
        "game": config.rules.name,
        "map": grid_map.name,
        "map_text": grid_map.to_text(),  # the file may change later; what was trained on may not
        "seed": config.trainer.seed,
        "versions": versions(),
    }
    name = config.run or new_run_id(root)
    writer = RunWriter.create(root, name, config.model_dump(mode="json"), meta)
    return LocalRun(config.rules, [cells], config.trainer, writer)


def versions() -> dict[str, str]:
    """What this program is made of: its own version, Python's and those of the packages that shape a result."""
    own = {"gridrl-tui": _version("gridrl-tui"), "engine": ENGINE_VERSION, "python": platform.python_version()}
    return own | {name: _version(name) for name in ("torch", "numpy")}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
