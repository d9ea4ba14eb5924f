"""What a tool would do, and why, as a recipe file with comments: for --dry-run and `gridrl validate`.

Main thread. Whatever is printed is YAML, remarks included, so that it can be kept and run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from engine.errors import GridrlError
from engine.recipes import (
    EvaluateConfig,
    PlayConfig,
    RecipeConfig,
    ReplayConfig,
    Resolution,
    SweepConfig,
    WorldConfig,
    world_of,
    worlds_of,
)
from engine.recipes.launch import impossible, trainer_checks
from engine.recipes.recipe_text import flow, recipe_yaml, remarks, why
from engine.runs import runs_root
from engine.training.checks import Check, Level

from .text import padded, printable


@dataclass(frozen=True)
class Plan:
    """A configuration that is right in itself, tried out on its maps."""

    lines: list[str]
    faults: list[GridrlError]
    """What is wrong though each setting is right: a map that does not fit, a run that is there already."""


def plan(resolution: Resolution) -> Plan:
    """Try a configuration without starting anything, and write it down."""
    config = resolution.config
    assert config is not None, "it has been checked"
    faults: list[GridrlError] = []
    checks: tuple[Check, ...] = ()
    world = ""
    try:
        made = world_of(config)
        size = f"{made.spec.observation_size} bytes an observation"
        world = f"{config.map}, agents {made.spec.agent_count}, {size}"
        checks = trainer_checks(config, made.spec.observation_size)
        faults += impossible(checks)
    except GridrlError as error:
        faults.append(error)
    else:
        faults += _tried(config)
    if type(config) is RecipeConfig and config.run is not None and os.path.lexists(runs_root() / config.run):
        faults.append(GridrlError(f"run {config.run} is there already", hint="choose another name: run=NAME"))
    lines = [*_head(resolution, world), *_checked(checks), *_body(resolution, config)]
    return Plan([printable(line) for line in lines], faults)


def _tried(config: WorldConfig) -> list[GridrlError]:
    """What else a tool would refuse when it starts: further maps and worlds, who plays, what is varied."""
    from .policies import find_player  # deferred: each tool's plan loads only its own
    from .sweep import checked_space

    attempts: list[Callable[[], object]] = [partial(worlds_of, config)]
    if isinstance(config, EvaluateConfig):
        attempts += [partial(worlds_of, world) for world in config.worlds.values()]
        attempts += [partial(find_player, policy) for policy in config.policies]
    elif isinstance(config, PlayConfig | ReplayConfig):
        attempts.append(partial(find_player, config.policy))
    elif isinstance(config, SweepConfig):
        attempts.append(partial(checked_space, config))
    faults = []
    for attempt in attempts:
        try:
            attempt()
        except GridrlError as error:
            faults.append(error)
    return list({fault.message: fault for fault in faults}.values())


def changes(resolution: Resolution) -> list[str]:
    """The settings that are not as the recipe has them, and why."""
    changed = [each for each in (*resolution.parameters, *resolution.settings) if each.changed]
    width = max((len(setting.key) + len(setting.text) + 1 for setting in changed), default=0)
    return [f"{padded(f'{each.key}={each.text}', min(width, 48))}  {why(each)}" for each in changed]


def _head(resolution: Resolution, world: str) -> Iterator[str]:
    recipe = resolution.recipe
    yield f"summary: {flow(f'as gridrl {resolution.tool} {recipe.name} would have it')}"
    facts = {"recipe": f"{recipe.name} ({recipe.group}), {recipe.where}", "world": world}
    if isinstance(resolution.config, RecipeConfig):
        name = resolution.config.run
        facts["run"] = str(runs_root() / name) if name else f"two words, in {runs_root()}"
    for name, words in facts.items():
        if words:
            yield f"# {name:<8}{words}"
    for setting in resolution.parameters:
        yield f"# {setting.key}={setting.text}  {setting.origin}; parameter of {recipe.name}"


def _checked(checks: tuple[Check, ...]) -> Iterator[str]:
    if checks:
        yield "#"
    for check in checks:
        hint = f"; {check.hint}" if check.hint and check.level is not Level.OK else ""
        yield f"# {check.level:<8}{check.words}{hint}"


def _body(resolution: Resolution, config: WorldConfig) -> Iterator[str]:
    yield "#"
    yield from recipe_yaml(resolution.tool, config.model_dump(mode="json"), remarks(resolution))
