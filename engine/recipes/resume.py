"""From the directory of a run that ended to the same run, ready to go on where its last checkpoint stands.

Called by tools and by the screen's session; touches the disk. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from engine.errors import ConfigError, RunError
from engine.maps import GridMap, cells_for, parse_ascii
from engine.runs import RunDirectory, RunInfo, RunWriter
from engine.sim import World
from engine.training.local import LocalRun

from .config import RecipeConfig

CHANGEABLE: Final = ("total_steps", "threads", "torch_threads", "checkpoint_every_s", "log_episodes")
"""Settings of the trainer that another value may be given when a run goes on. The first bends annealing from there on;
the others change nothing that is learnt."""


def resume_run(path: Path, changes: Mapping[str, Any] | None = None) -> LocalRun:
    """Open the run's directory and return a LocalRun that is not yet started; whoever calls must close it.

    Args:
        path: of the run's directory.
        changes: other values for some of CHANGEABLE.

    Raises:
        RunError: no such run, or another process writes it, or nothing is left to do.
        ConfigError: its configuration, or a change, is none of ours.
        CheckpointError: no checkpoint of it can be read.
    """
    directory = RunDirectory(path)
    info = directory.info()
    trainer = _config_of(info).trainer.model_copy(update={})
    config = type(trainer).model_validate({**trainer.model_dump(), **_checked(changes or {})})
    checkpoint = directory.latest_checkpoint()
    if checkpoint is None:
        raise RunError(f"run {info.run_id} has no checkpoint to go on from", hint="start it anew under another name")
    done = max(each.step for each in directory.checkpoints())
    if done >= config.total_steps:
        raise RunError(
            f"run {info.run_id} is finished: it has taken {done:,} of {config.total_steps:,} steps",
            hint=f"trainer.total_steps={2 * config.total_steps} goes on to there",
        )
    worlds = [World(_config_of(info).rules, cells_for(each, _config_of(info).rules)) for each in recorded_maps(info)]
    names = [str(name) for name in info.meta.get("map_names") or ()]
    return LocalRun(worlds, config, RunWriter.resume(path), world_names=names, checkpoint=checkpoint)


def recorded_maps(info: RunInfo) -> list[GridMap]:
    """The maps that a run is trained on, as they were when it began."""
    texts = {info.map: info.meta.get("map_text"), **dict(info.meta.get("more_maps") or {})}
    if not all(isinstance(text, str) for text in texts.values()):
        raise RunError(f"run {info.run_id} does not say what its maps look like", hint="it cannot be resumed")
    return [parse_ascii(str(text), name) for name, text in texts.items()]


def _config_of(info: RunInfo) -> RecipeConfig:
    try:
        return RecipeConfig.model_validate(dict(info.config))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"the configuration of run {info.run_id} is none of this version: {key}: {first['msg']}"
        ) from error


def _checked(changes: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in changes:
        if name not in CHANGEABLE:
            raise ConfigError(
                f"trainer.{name} cannot be changed in a run that goes on",
                hint=f"{', '.join(CHANGEABLE)} can; for others, start a new run",
            )
    return changes
