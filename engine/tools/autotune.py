"""`gridrl autotune`: measures which trainer settings are fastest here, and keeps them as a recipe. Main thread.

The recipe that it writes builds on the one that was measured. Beside each setting stands what another value means:
only learner_threads leaves alone what is learnt.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from engine.errors import ConfigError
from engine.places import recipes_directory
from engine.recipes import AutotuneConfig, Resolution, recipes, worlds_of
from engine.recipes.origins import Layer
from engine.recipes.recipe_file import RecipeFile
from engine.recipes.recipe_text import flow
from engine.runs.files import replace_file
from engine.training.autotune import CHANGES, Measured, best_of, candidates, changed, measurements
from engine.training.config import TrainerConfig

from .outputs import output_path
from .text import GAP, aligned, line, note, printable

_MB: Final = 1 << 20
_HEADER: Final = ("envs", "minibatch", "threads", "agent-steps/s", "CPU us/step", "MB")


def run(resolution: Resolution) -> int:
    config = resolution.config
    assert isinstance(config, AutotuneConfig)
    path = _place(resolution, config.output)
    worlds = worlds_of(config)
    base = config.trainer
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    tried = candidates(base, worlds[0].spec, cores, config.memory_mb * _MB)
    note(f"{len(tried)} settings in about {config.seconds:g} s, on {cores} cores")
    found = list(measurements(worlds, tried, config.seconds))
    _print_table(found)
    if len(found) < len(tried):
        note(f"{len(tried) - len(found)} settings were not measured: there was no time; seconds= gives more")
    same, best = best_of(found, base)
    line()
    for text in _reasons(found[0], same, best, base):
        line(text)
    replace_file(Path(os.path.realpath(path)), _recipe(resolution, best.config, base).encode())
    line(f"written: {printable(path)}")
    return 0


def _place(resolution: Resolution, output: str | None) -> Path:
    if output is not None:
        return output_path("output", output, ".yaml")
    folder = recipes_directory()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make {folder}: {error.strerror}", hint="output=FILE.yaml goes elsewhere") from None
    return folder / f"{Path(resolution.recipe.name).stem}_fast.yaml"


def _print_table(found: list[Measured]) -> None:
    """Fastest first; the settings as they are have a mark."""
    rows = []
    for each in sorted(found, key=lambda one: -one.rate):
        config = each.config
        shape = [f"{config.env_count}", f"{config.minibatch_size}", f"{config.learner_threads}"]
        mark = "as it is" if each is found[0] else ""
        rows.append([*shape, f"{each.rate:,.0f}", f"{each.cpu_us:.2f}", f"{each.memory / _MB:,.0f}", mark])
    for text in aligned((*_HEADER, ""), rows, right=range(len(_HEADER))):
        line(text)


def _reasons(now: Measured, same: Measured, best: Measured, base: TrainerConfig) -> list[str]:
    words = [f"fastest that learns the same: {_shown(same, base)}{GAP}x {same.rate / now.rate:.2f}"]
    if best is same:
        return [*words, "nothing else is clearly faster"]
    words.append(f"fastest of all: {_shown(best, base)}{GAP}x {best.rate / now.rate:.2f}")
    return words + [f"  {name}: {CHANGES[name]}" for name in CHANGES if name in changed(best.config, base)]


def _shown(measured: Measured, base: TrainerConfig) -> str:
    different = [name for name in CHANGES if name in changed(measured.config, base)]
    return " ".join(f"trainer.{name}={getattr(measured.config, name)}" for name in different) or "as it is"


# ---- The file


def _recipe(resolution: Resolution, best: TrainerConfig, base: TrainerConfig) -> str:
    """YAML: the recipe that was measured, what was typed beside it, and the settings that were found."""
    source = resolution.recipe.source
    name = resolution.recipe.name
    if name not in recipes() and isinstance(source, RecipeFile):
        name = str(source.path.resolve())
    lines = [f"summary: {flow(f'{Path(name).stem} with the trainer settings that gridrl autotune chose')}"]
    lines.append(f"recipe: {flow(name)}")
    if resolution.preset:
        lines.append(f"preset: {flow(resolution.preset)}")
    tree = _typed(resolution)
    tree.setdefault("trainer", {}).update({key: getattr(best, key) for key in CHANGES})
    return "\n".join([*lines, *_lines(tree, best, base)]) + "\n"


def _typed(resolution: Resolution) -> dict[str, Any]:
    """What the command line and the environment said of the run itself."""
    assert resolution.config is not None
    data = resolution.config.model_dump(mode="json", exclude=AutotuneConfig.own_fields())
    tree: dict[str, Any] = {}
    for setting in resolution.settings:
        names = setting.key.split(".")
        if setting.origin.layer < Layer.ENVIRONMENT or names[0] not in data:
            continue
        value: Any = data
        for name in names:
            value = value[int(name)] if isinstance(value, list) else value[name]
        holder = tree
        for name in names[:-1]:
            holder = holder.setdefault(name, {})
        holder[names[-1]] = value
    return tree


def _lines(tree: dict[str, Any], best: TrainerConfig, base: TrainerConfig) -> list[str]:
    lines = []
    for key, value in tree.items():
        if key != "trainer":
            lines.append(f"{key}: {flow(value)}")
            continue
        lines.append("trainer:")
        for name, setting in value.items():
            was = f"  # was {getattr(base, name)}: {CHANGES[name]}" if name in changed(best, base) else ""
            lines.append(f"  {name}: {flow(setting)}{was}")
    return lines
