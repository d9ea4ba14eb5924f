"""From the directory of a run that ended to the same run, ready to go on where its last checkpoint stands.

Called by tools and by the screen's session; touches the disk. Loads no torch.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from engine.errors import CheckpointError, ConfigError, RunError
from engine.maps import GridMap, cells_for, parse_ascii
from engine.runs import RunDirectory, RunInfo, RunState, RunWriter, SilentWriter, load_checkpoint, run_paths
from engine.sim import World
from engine.training.config import TrainerConfig
from engine.training.local import LocalRun
from engine.training.torchrun import ALONE, Place, require_shares

from .config import RecipeConfig
from .launch import versions

CHANGEABLE: Final = ("total_steps", "threads", "checkpoint_every_s", "log_episodes")
"""Settings of the trainer that another value may be given when a run goes on. The first bends annealing from there on;
the others change nothing that is learnt."""


def resume_run(path: Path, changes: Mapping[str, Any] | None = None, *, place: Place = ALONE) -> LocalRun:
    """Open the run's directory and return a LocalRun that is not yet started; whoever calls must close it.

    A checkpoint that is damaged is passed over for the one before, and the run's log says so.

    Args:
        path: of the run's directory.
        changes: other values for some of CHANGEABLE.
        place: among the processes that train together; the first of them writes.

    Raises:
        RunError: no such run, or another process writes it, or nothing is left to do.
        ConfigError: its configuration, or a change, is none of ours.
        CheckpointError: no checkpoint of it can be read.
    """
    directory = _existing(path)
    if place.is_first and directory.is_live():
        raise RunError(f"run {path.name} is under way: another process writes it", hint="stop it there first")
    info = directory.info()
    rules = recorded_config(info).rules
    damaged: list[CheckpointError] = []
    checkpoint, meta = _usable(directory, damaged)
    config = _settings_of(info, meta, changes or {})
    step = int(meta.get("step", 0))
    if step >= config.total_steps:
        raise RunError(
            f"run {info.run_id} is finished: it has taken {step:,} of {config.total_steps:,} steps",
            hint=f"gridrl resume {info.run_id} trainer.total_steps={2 * step} goes on to there",
        )
    config.require_fit(rules.agents)
    require_shares(config, rules.agents, place)
    maps = recorded_maps(info)
    worlds = [World(rules, cells_for(each, rules)) for each in maps]
    names = [str(name) for name in info.meta.get("map_names") or ()]
    writer: RunWriter | SilentWriter = SilentWriter(f"rank-{place.rank}")
    if place.is_first:
        writer = RunWriter.resume(path)
        _tell(writer, checkpoint, step, config, [*map(str, damaged), *_other_versions(info)])
    return LocalRun(worlds, config, writer, world_names=names, checkpoint=checkpoint, step=step, place=place)


def _existing(path: Path) -> RunDirectory:
    if not (path / "run.json").exists():
        near = difflib.get_close_matches(path.name, [each.name for each in run_paths(path.parent)], n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else "gridrl runs lists them"
        raise RunError(f"there is no run {path.name}", hint=hint)
    return RunDirectory(path)


def _usable(directory: RunDirectory, damaged: list[CheckpointError]) -> tuple[Path, Mapping[str, Any]]:
    """The newest checkpoint of which every byte is right, and its meta; what is wrong with newer ones.

    Raises:
        RunError: there is none at all.
        CheckpointError: all of them are damaged.
    """
    latest = directory.latest_checkpoint()
    others = [each.path for each in reversed(directory.checkpoints()) if each.path != latest]
    for path in [latest, *others] if latest is not None else others:
        try:
            return path, load_checkpoint(path)[1]["meta"]
        except CheckpointError as error:
            damaged.append(error)
    if damaged:
        raise CheckpointError(
            f"run {directory.run_id}: none of its checkpoints can be used; the newest: {damaged[0].message}",
            hint="start it anew under another name",
        )
    raise RunError(
        f"run {directory.run_id} has no checkpoint to go on from: it ended before the first",
        hint="start it anew under another name",
    )


def _settings_of(info: RunInfo, meta: Mapping[str, Any], changes: Mapping[str, Any]) -> TrainerConfig:
    """Those of the attempt before, with the changes.

    Raises:
        ConfigError: a change is of something else, or to an impossible value.
    """
    for name in changes:
        if name not in CHANGEABLE:
            raise ConfigError(
                f"trainer.{name} cannot be changed in a run that goes on",
                hint=f"{', '.join(CHANGEABLE)} can; for others, start a new run",
            )
    before = meta.get("config", recorded_config(info).trainer.model_dump())
    try:
        return TrainerConfig.model_validate({**before, **changes})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if key in changes:
            raise ConfigError(f"trainer.{key}={str(changes[key])[:60]}: {first['msg']}") from error
        raise _of_another_version(info, f"trainer.{key}", first["msg"]) from error


def _tell(writer: RunWriter, checkpoint: Path, step: int, config: TrainerConfig, warnings: list[str]) -> None:
    """Into the run's log, at the step that it goes on from."""
    writer.state(RunState.STARTING, step, config.total_steps)
    for words in warnings:
        writer.event("warning", words)
    writer.event("state", f"resumed from {checkpoint.stem} (attempt {writer.attempt})", path=checkpoint.name)


def _other_versions(info: RunInfo) -> list[str]:
    """What the run began with and this program has otherwise: then it goes on, and may round otherwise."""
    now = versions()
    return [
        f"the run began with {name} {before}, and goes on with {now[name]}: what follows may differ in the last digits"
        for name, before in info.versions.items()
        if name in ("engine", "torch") and before != now[name]
    ]


def recorded_maps(info: RunInfo) -> list[GridMap]:
    """The maps that a run is trained on, as they were when it began.

    Raises:
        RunError: the run does not say.
    """
    texts = {info.map: info.meta.get("map_text"), **dict(info.meta.get("more_maps") or {})}
    if not all(isinstance(text, str) for text in texts.values()):
        raise RunError(f"run {info.run_id} does not say what its maps look like", hint="it cannot be resumed")
    return [parse_ascii(str(text), name) for name, text in texts.items()]


def recorded_config(info: RunInfo) -> RecipeConfig:
    """The configuration that a run began with.

    Raises:
        ConfigError: this version knows none like it.
    """
    try:
        return RecipeConfig.model_validate(dict(info.config))
    except ValidationError as error:
        first = error.errors()[0]
        raise _of_another_version(info, ".".join(str(part) for part in first["loc"]), first["msg"]) from error


def _of_another_version(info: RunInfo, key: str, reason: str) -> ConfigError:
    began = info.versions.get("gridrl-tui", "another version")
    return ConfigError(
        f"the configuration of run {info.run_id} is none of this version: {key}: {reason}",
        hint=f"it began with gridrl-tui {began}: go on with that one",
    )
