"""`gridrl validate`: a configuration resolved, with the origin of each value, or everything that is wrong with it.

Main thread; reads only.
"""

from __future__ import annotations

import argparse
import json

from engine.errors import ConfigError, GridrlError, UsageError
from engine.recipes import TOOLS, RecipeConfig, Resolution, examine
from engine.recipes.command_line import read_command
from engine.recipes.origins import Layer
from engine.recipes.recipe_schema import recipe_schema
from engine.recipes.recipe_text import why
from engine.recipes.registry import is_path
from engine.recipes.rules_file import load_rules
from engine.recipes.yaml_text import MAX_BYTES, read_yaml
from engine.sim import Rules
from engine.text_files import expanded, read_text

from .plan import changes, plan
from .text import count, line, note, printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", metavar="CONFIG", nargs="?", help="a recipe's name, a recipe file, or a rules file")
    parser.add_argument("settings", metavar="key=value", nargs="*", help="settings on top of it")
    tools = ", ".join(TOOLS)
    parser.add_argument("--tool", choices=TOOLS, default="train", help=f"for which tool: {tools}; train")
    parser.add_argument("--diff", action="store_true", help="print only what differs from the recipe")
    parser.add_argument("--schema", action="store_true", help="print the JSON Schema of recipe files, for editors")


def run(arguments: argparse.Namespace) -> int:
    if arguments.schema == (arguments.config is not None):
        raise UsageError("give a CONFIG, or --schema", hint="gridrl validate -h says what each does")
    if arguments.schema:
        line(json.dumps(recipe_schema(), indent=2))
        return 0
    if _is_rules_file(arguments.config):
        return _validate_rules(arguments.config)
    settings = read_command(arguments.tool, arguments.config, arguments.settings).settings
    try:
        resolution = examine(arguments.tool, arguments.config, settings)
    except ConfigError as error:  # it cannot even be read: that is the answer to the question
        return _answer(arguments.config, [error])
    return _validate(resolution, arguments.config, only_changes=arguments.diff)


def _validate(resolution: Resolution, name: str, *, only_changes: bool) -> int:
    faults = list(resolution.faults)
    if resolution.config is None:
        _print_said(resolution)
    else:
        planned = plan(resolution)
        faults += planned.faults
        for text in map(printable, changes(resolution)) if only_changes else planned.lines:
            line(text)
    faults += _faults_of_other_tables(resolution, faults)
    stands_alone = bool(resolution.files) and not resolution.files[0].base
    changed = sum(each.changed for each in (*resolution.parameters, *resolution.settings))
    return _answer(name, faults, changed, "defaults" if stands_alone else "recipe")


def _print_said(resolution: Resolution) -> None:
    """What cannot be resolved as a whole, as far as somebody said it."""
    for setting in (*resolution.parameters, *resolution.settings):
        if setting.origin.layer is not Layer.DEFAULT:
            line(printable(f"# {setting.key}={setting.text}  {why(setting)}"))


def _faults_of_other_tables(resolution: Resolution, known: list[GridrlError]) -> list[GridrlError]:
    """What is wrong in the tables that a file has for tools other than the one that was asked about."""
    others = [tool for tool in TOOLS if tool != resolution.tool and any(tool in file.data for file in resolution.files)]
    found = [fault for tool in others for fault in examine(tool, resolution.recipe.where).faults]
    said = {fault.message for fault in known}
    return [fault for fault in dict.fromkeys(found) if fault.message not in said]


def _answer(name: str, faults: list[GridrlError], changed: int = 0, base: str = "recipe") -> int:
    for fault in faults:
        note(printable(f"fault: {fault.message}"))
        if fault.hint:
            note(printable(f"  {fault.hint}"))
    if faults:
        note(printable(f"{name}: {count(len(faults))} {'fault' if len(faults) == 1 else 'faults'}"))
        return 1
    note(
        printable(
            f"{name} is right; {count(changed)} setting{'s differ' if changed != 1 else ' differs'} from the {base}"
        )
    )
    return 0


def _is_rules_file(config: str) -> bool:
    """A file that gives a game and no recipe: nothing but fields of rules at its top, and a name."""
    if not is_path(config) or config.endswith(".py"):
        return False
    try:
        path = expanded(config, ConfigError)
        text = read_text(path, noun="file", max_bytes=MAX_BYTES, missing="", refused=ConfigError)
        top = set(read_yaml(text, config).data)
    except ConfigError:
        return False  # whoever reads it next says what is wrong
    return "name" in top and top <= set(Rules.model_fields) and not top & set(RecipeConfig.model_fields)


def _validate_rules(path: str) -> int:
    try:
        rules = load_rules(path)
    except ConfigError as error:
        return _answer(path, [error])
    things = f"agents {rules.agents}, actions {len(rules.actions)}, kinds {len(rules.kinds)}"
    line(printable(f"{path} is right: {rules.name}, {things}, rewards {len(rules.rewards)}"))
    return 0
