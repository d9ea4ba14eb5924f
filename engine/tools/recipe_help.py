"""Pages about recipes: the lists, and every setting that a tool takes. Main thread; prints only."""

from __future__ import annotations

import os
from collections.abc import Iterator

from engine.recipes import GROUPS, TOOLS, Recipe, Resolution, Setting, broken_recipes, examine, find_recipe, recipes
from engine.recipes.command_line import switches
from engine.recipes.module import RecipeModule
from engine.recipes.overrides import shortened
from engine.recipes.schema import allowed, slot_of
from engine.recipes.tree import default_tree, leaves, typed_text
from engine.training.presets import PRESETS

from .text import aligned, line, note, printable

_EXAMPLES = {
    "train": ("gridrl train navigation trainer.total_steps=5e5 run=first", "gridrl train arena preset=tiny --dry-run"),
    "play": ("gridrl play navigation", "gridrl play navigation --policy first --episodes 3 --render"),
    "evaluate": ("gridrl evaluate navigation", 'gridrl evaluate navigation policies=\'["goal-seeker","random"]\''),
    "replay": ("gridrl replay arena_easy record=easy.gridrec", "gridrl replay easy.gridrec --at 20"),
    "render": ("gridrl render arena_easy --frames 20", "gridrl render navigation --mode human --fps 8 policy=random"),
    "sweep": ("gridrl sweep navigation trials=4 run=search",),
    "autotune": ("gridrl autotune navigation", "gridrl autotune arena seconds=120 output=fast.yaml"),
}


def list_all() -> None:
    """Every recipe, by group."""
    for group, promise in GROUPS.items():
        found = [recipe for recipe in recipes().values() if recipe.group == group]
        if found:
            line(f"{group}: {promise}")
            for text in _rows(found):
                line(text)
    _list_broken()


def list_for(tool: str) -> None:
    """The recipes that a tool takes."""
    line(f"recipes for gridrl {tool}:")
    for text in _rows(list(recipes().values())):
        line(text)
    _list_broken()


def list_tools(name: str) -> None:
    """The tools of one recipe, and where each gets its settings."""
    recipe = find_recipe(name)
    line(printable(f"{recipe.name} ({recipe.group}): {recipe.summary}"))
    line(printable(f"in {recipe.where}"))
    rows = [[f"  {tool}", _maker(recipe, tool)] for tool in TOOLS]
    for text in aligned(("  tool", "settings"), rows):
        line(text)


def print_help(tool: str, name: str, about: str) -> None:
    """How a tool is called and every setting it takes, with its type, its value and what it is.

    Args:
        name: a recipe, whose own values and parameters are shown; empty: the defaults.
    """
    line(f"gridrl {tool}: {about}")
    line()
    line(f"usage: gridrl {tool} RECIPE [key=value ...] [options]      gridrl {tool} --list shows the recipes")
    line()
    line("options:")
    rows = [[f"  {switch}", words] for switch, words in switches(tool).items()]
    rows.append(["  --overrides TEXT", "settings in one argument: --overrides 'a=1 b=2'"])
    rows.append(["  --KEY VALUE", "the same as KEY=VALUE, for settings without a dot"])
    for text in aligned(("", ""), rows):
        if text:
            line(text)
    line()
    line("examples:")
    for example in _EXAMPLES[tool]:
        line(f"  {example}")
    line()
    for text in _settings_page(tool, name):
        line(printable(text))


def print_arguments(resolution: Resolution) -> None:
    """What was made of each argument, on stderr."""
    for argument in resolution.arguments:
        note(printable(f"{shortened(argument.text)}: {argument.meaning}"))


def _rows(found: list[Recipe]) -> Iterator[str]:
    for recipe in found:
        yield printable(f"  {recipe.name:<22}{recipe.summary}")


def _list_broken() -> None:
    for broken in broken_recipes():
        words = str(broken.error)
        where = f"{broken.path.parent}{os.sep}" if words.startswith(broken.path.name) else ""
        note(printable(f"{broken.name}: cannot be used: {where}{words}"))


def _maker(recipe: Recipe, tool: str) -> str:
    if isinstance(recipe.source, RecipeModule):
        return f"{tool}()" if tool in recipe.source.own_tools else "from its world"
    if tool in recipe.source.data:
        return "a table of its own"
    return f"from {recipe.source.base}" if recipe.source.base else "from its world"


def _settings_page(tool: str, name: str) -> Iterator[str]:
    if not name:
        yield f"settings of {tool} (key=default), and of the game: rules... (gridrl {tool} RECIPE -h shows them all):"
        slot = slot_of(TOOLS[tool])
        for leaf in leaves(slot, default_tree(slot)):
            if leaf.names[0] != "rules":
                yield from _entry(leaf.key, typed_text(leaf.slot, leaf.value), leaf.help, allowed(leaf.slot))
        yield from _entry("map", "", "a stock map's name, or a map file's path", "text")
    else:
        resolution = examine(tool, name)
        if resolution.parameters:
            yield f"parameters of {resolution.recipe.name}:"
            for setting in resolution.parameters:
                yield from _setting(setting)
            yield ""
        yield f"settings of gridrl {tool} {resolution.recipe.name} (key=value as it is):"
        for setting in sorted(resolution.settings, key=lambda each: each.key.startswith("rules.")):
            yield from _setting(setting)
    if "trainer" in TOOLS[tool].model_fields:
        yield ""
        yield "presets (preset=NAME):"
        for preset in PRESETS.values():
            yield f"  {preset.name:<10}{preset.summary}"


def _setting(setting: Setting) -> Iterator[str]:
    return _entry(setting.key, setting.text, setting.help, setting.allowed)


def _entry(key: str, text: str, about: str, takes: str) -> Iterator[str]:
    yield f"  {key}={text}"
    yield f"      {about}; {takes}" if about else f"      {takes}"
