"""`gridrl validate`: a configuration resolved, with the origin of each value, or everything that is wrong with it.

Main thread; reads only.
"""

from __future__ import annotations

import argparse
import json

from engine.errors import ConfigError, GridrlError, UsageError
from engine.recipes import TOOLS, RecipeConfig, Resolution, examine
from engine.recipes.command_line import Command, read_command, split_tool
from engine.recipes.origins import Layer
from engine.recipes.recipe_schema import recipe_schema
from engine.recipes.recipe_text import why
from engine.recipes.registry import is_path
from engine.recipes.rules_file import load_rules
from engine.recipes.yaml_text import MAX_BYTES, read_yaml
from engine.sim import Rules
from engine.text_files import expanded, read_text

from .plan import changes, plan
from .recipe_help import list_tools, print_arguments
from .text import count, line, note, printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "gridrl validate CONFIG [key=value ...] [options of the tool] [--tool TOOL] [--diff] | --schema"
    parser.epilog = (
        "CONFIG: a recipe, RECIPE.TOOL, a recipe file, or a rules file; settings in all forms that tools read"
    )
    tools = ", ".join(TOOLS)
    parser.add_argument("--tool", choices=TOOLS, default=None, help=f"for which tool: {tools}; train")
    parser.add_argument("--diff", action="store_true", help="print only what differs from the recipe")
    parser.add_argument("--schema", action="store_true", help="print the JSON Schema of recipe files, for editors")


def run(arguments: argparse.Namespace, words: list[str]) -> int:
    """Judge what the words say.

    Args:
        words: a CONFIG with its settings, as they would stand behind the tool.
    """
    if arguments.schema != (not words):
        raise UsageError("give a CONFIG, or --schema", hint="gridrl validate -h says what each does")
    if arguments.schema:
        line(json.dumps(recipe_schema(), indent=2))
        return 0
    command = _command(arguments.tool, words)
    if "--list" in command.switches:
        list_tools(command.recipe)
        return 0
    if _is_rules_file(command.recipe):
        return _validate_rules(command)
    try:
        resolution = examine(command.tool, command.recipe, command.settings)
    except ConfigError as error:  # it cannot even be read: that is the answer to the question
        return _answer(command.recipe, [error])
    if "--verbose" in command.switches:
        print_arguments(resolution)
    return _validate(resolution, command.recipe, only_changes=arguments.diff)


def _command(asked: str | None, words: list[str]) -> Command:
    """The words as the tool itself would read them; `arena.play` names it, too."""
    recipe, named = split_tool(words[0])
    if not recipe:
        named = ""
    if asked and named and asked != named:
        raise UsageError(f"{words[0]} is about {named}, --tool says {asked}", hint="keep one of the two")
    command = read_command(asked or named or "train", recipe, words[1:] if recipe else words)
    if not command.recipe:
        raise UsageError("give a CONFIG, or --schema", hint="gridrl validate -h says what each does")
    return command


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


def _validate_rules(command: Command) -> int:
    path = command.recipe
    if command.settings:
        raise UsageError(f"{path} is a rules file: it takes no settings", hint=f"rules={path} is one of a recipe")
    try:
        rules = load_rules(path)
    except ConfigError as error:
        return _answer(path, [error])
    things = f"agents {rules.agents}, actions {len(rules.actions)}, kinds {len(rules.kinds)}"
    line(printable(f"{path} is right: {rules.name}, {things}, rewards {len(rules.rewards)}"))
    return 0
