"""From a configuration to what it describes: a map, a world, a run that is ready to start.

Called by tools and by the screen's session; touches the disk. Loads no torch.
"""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

from engine.errors import ConfigError
from engine.maps import GridMap, load_map
from engine.runs import RunWriter, SilentWriter, new_run_id, runs_root
from engine.sim import ENGINE_VERSION, World
from engine.training.checks import Check, Level, check_trainer
from engine.training.curriculum import Curriculum
from engine.training.local import LocalRun
from engine.training.torchrun import ALONE, Place, require_shares

from .config import SCATTER, RecipeConfig, WorldConfig
from .metrics import require_followed
from .worlds import WORLDS, MadeWorld, MapSource

_GPU_NODES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""What a GPU's driver shows: NVIDIA's, AMD's, Windows's in WSL."""


def map_of(config: WorldConfig) -> GridMap:
    """The configuration's first map, fit for its game.

    Raises:
        MapError: it cannot be read, or its game cannot be played on it.
    """
    return WORLDS.get(config.rules, _sources_of(config)[0]).grid_map


def maps_of(config: WorldConfig) -> tuple[GridMap, ...]:
    """All maps of the configuration, fit for its game; the first is `map_of`'s.

    Raises:
        MapError: one of them cannot be read, or its game cannot be played on it.
    """
    return tuple(made.grid_map for made in _made_of(config))


def world_of(config: WorldConfig) -> World:
    """The configuration's game compiled with its first map.

    Raises:
        MapError: the map does not fit the game.
        SimError: the engine refused the rules.
    """
    return WORLDS.get(config.rules, _sources_of(config)[0]).world


def worlds_of(config: WorldConfig) -> list[World]:
    """The configuration's game compiled with each of its maps; a batch draws one of them at each reset.

    Raises:
        MapError: a map does not fit the game.
        SimError: the engine refused the rules.
    """
    return [made.world for made in _made_of(config)]


def _made_of(config: WorldConfig) -> list[MadeWorld]:
    return [WORLDS.get(config.rules, source) for source in _sources_of(config)]


def _sources_of(config: WorldConfig) -> list[MapSource]:
    """What each map is made from; reads the drawings."""
    sources = []
    for name in (config.map, *config.more_maps):
        drawing = load_map(name.removeprefix(SCATTER))
        first = config.first_seed
        seeds = range(first, first + config.scatters) if name.startswith(SCATTER) else (None,)
        sources += [MapSource(drawing, seed) for seed in seeds]
    return sources


def prepare_run(
    recipe: str,
    config: RecipeConfig,
    root: Path | None = None,
    *,
    grid_map: GridMap | None = None,
    place: Place = ALONE,
) -> LocalRun:
    """Make the run's directory and a LocalRun that is not yet started; whoever calls must close it.

    Args:
        recipe: where the configuration came from, for the record.
        root: where runs live; the user's own place by default.
        grid_map: a map in hand, such as an edited one. Where it is none of the configuration's, it is trained on
            alone.
        place: among the processes that train together; the first of them makes the directory.

    Raises:
        MapError, SimError, RunError, ConfigError: before anything is left on the disk.
    """
    root = runs_root() if root is None else root
    misses = WORLDS.misses
    made = _made_with(grid_map, config)  # the engine's own opinion, before there is a directory
    maps = [each.grid_map for each in made]
    meta = {
        "recipe": recipe,
        "game": config.rules.name,
        "map": maps[0].name,
        "map_text": maps[0].to_text(),  # the file may change later; what was trained on may not
        "more_maps": {each.name: each.to_text() for each in maps[1:]},
        "seed": config.trainer.seed,
        "versions": versions(),
    }
    for error in impossible(trainer_checks(config, made[0].world.spec.observation_size)):
        raise error
    require_shares(config.trainer, config.rules.agents, place)
    require_device(config.trainer.device)
    require_followed(config)
    names = _names_of(config) if len(made) == len(_names_of(config)) else [maps[0].name]
    Curriculum(config.trainer.curriculum, names)  # refuses maps that there are not
    writer: RunWriter | SilentWriter = SilentWriter(f"rank-{place.rank}")
    if place.is_first:
        name = config.run or new_run_id(root)
        writer = RunWriter.create(root, name, config.model_dump(mode="json"), {**meta, "map_names": names})
    worlds = [each.world for each in made]
    misses = WORLDS.misses - misses
    return LocalRun(worlds, config.trainer, writer, world_names=names, worlds_made=misses, place=place)


def trainer_checks(config: WorldConfig, observation_bytes: int) -> tuple[Check, ...]:
    """The arithmetic of a trainer's settings on this machine; nothing for a tool that trains nothing."""
    if not isinstance(config, RecipeConfig):
        return ()
    import psutil  # deferred: only who is about to train asks for the memory

    memory = psutil.virtual_memory().total
    cores = os.cpu_count() or 1
    observed = observation_bytes
    return check_trainer(config.trainer, config.rules, cores=cores, observation_bytes=observed, memory_bytes=memory)


def require_device(device: str) -> None:
    """Refuse a GPU on a Linux machine that shows none. Without torch, which alone knows for certain, and seconds later.

    Raises:
        ConfigError: with what to write instead.
    """
    if not device.startswith("cuda") or platform.system() != "Linux":
        return
    if not any(os.path.exists(node) for node in _GPU_NODES):
        raise ConfigError(
            f"trainer.device {device}: this machine shows no GPU", hint="trainer.device=auto takes what is there"
        )


def impossible(checks: tuple[Check, ...]) -> list[ConfigError]:
    """Those that cannot work on this machine, as errors."""
    errors = [check for check in checks if check.level is Level.ERROR]
    return [ConfigError(f"trainer.{check.key}: {check.words}", hint=check.hint) for check in errors]


def _names_of(config: WorldConfig) -> list[str]:
    """The configuration's name for the map of each world: those scattered from one drawing share it."""
    counts = ((name, config.scatters if name.startswith(SCATTER) else 1) for name in (config.map, *config.more_maps))
    return [name for name, count in counts for _ in range(count)]


def _made_with(grid_map: GridMap | None, config: RecipeConfig) -> list[MadeWorld]:
    """All maps of the configuration, unless the one in hand is none of them: then that one alone."""
    if grid_map is not None:
        made = WORLDS.get(config.rules, MapSource(grid_map))
        if not config.more_maps and not config.map.startswith(SCATTER):
            return [made]
    configured = _made_of(config)
    if grid_map is None or grid_map in [each.grid_map for each in configured]:
        return configured
    return [made]


def versions() -> dict[str, str]:
    """What this program is made of: its own version, Python's and those of the packages that shape a result."""
    own = {"gridrl-tui": _version("gridrl-tui"), "engine": ENGINE_VERSION, "python": platform.python_version()}
    return own | {name: _version(name) for name in ("torch", "numpy")}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
