"""A configuration tried out as far as can be without starting anything: for dry runs, `validate` and the launch form.

Reads the disk; any thread. What is refused here would be refused when the tool starts.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from engine.errors import GridrlError
from engine.runs import runs_root
from engine.sim import World
from engine.training.checks import Check

from .config import RecipeConfig, WorldConfig
from .launch import impossible, require_device, trainer_checks, world_of, worlds_of
from .metrics import require_followed


@dataclass(frozen=True)
class Attempt:
    """What came of it."""

    world: World | None
    """With the first map; None where that cannot be."""
    checks: tuple[Check, ...]
    """The trainer's arithmetic; nothing for a tool that trains nothing."""
    faults: tuple[GridrlError, ...]
    """What is wrong though each setting is right: a map that does not fit, a run that is there already."""


def attempt(config: WorldConfig) -> Attempt:
    """Compile the worlds, do the arithmetic, and look for the run."""
    faults: list[GridrlError] = []
    checks: tuple[Check, ...] = ()
    world = None
    try:
        world = world_of(config)
        checks = trainer_checks(config, world.spec.observation_size)
        faults += impossible(checks)
        worlds_of(config)
        if type(config) is RecipeConfig:  # a sweep's trials may switch on what logs a metric
            require_device(config.trainer.device)
            require_followed(config)
    except GridrlError as error:
        faults.append(error)
    if type(config) is RecipeConfig and config.run is not None and os.path.lexists(runs_root() / config.run):
        faults.append(GridrlError(f"run {config.run} is there already", hint="choose another name: run=NAME"))
    return Attempt(world, checks, tuple(faults))
