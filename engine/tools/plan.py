"""What a tool would do, and why, as a recipe file with comments: for --dry-run and `gridrl validate`.

Main thread. Whatever is printed is YAML, remarks included, so that it can be kept and run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from engine.errors import GridrlError
from engine.recipes import (
    EvaluateConfig,
    PlayConfig,
    RecipeConfig,
    RenderConfig,
    ReplayConfig,
    Resolution,
    SweepConfig,
    WorldConfig,
    worlds_of,
)
from engine.recipes.attempt import attempt
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
    tried = attempt(config)
    faults = [*tried.faults]
    world = ""
    if tried.world is not None:
        spec = tried.world.spec
        world = f"{config.map}, agents {spec.agent_count}, {spec.observation_size} bytes an observation"
        faults += _faults_of_tool(config)
    lines = [*_head(resolution, world), *_checked(tried.checks), *_body(resolution, config)]
    return Plan([printable(line) for line in lines], list({fault.message: fault for fault in faults}.values()))


def _faults_of_tool(config: WorldConfig) -> Iterator[GridrlError]:
    """What else a tool would refuse when it starts: further worlds, who plays, what is varied and compared."""
    for look in _looks(config):
        try:
            look()
        except GridrlError as error:
            yield error


def _looks(config: WorldConfig) -> Iterator[Callable[[], object]]:
    if isinstance(config, EvaluateConfig | PlayConfig | RenderConfig | ReplayConfig):
        from .policies import find_player, find_players  # deferred: each tool's plan loads only its own

        if isinstance(config, EvaluateConfig):
            yield from (partial(find_players, (policy,)) for policy in config.policies)
        else:
            yield partial(find_player, config.policy)
    if isinstance(config, EvaluateConfig):
        yield from (partial(worlds_of, world) for world in config.worlds.values())
    if isinstance(config, SweepConfig):
        from .sweep import checked_space

        yield partial(checked_space, config)


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
