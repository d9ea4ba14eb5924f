"""`gridrl rules`: a recipe's game as YAML, the check of such a file, and the JSON Schema of all. Main thread."""

from __future__ import annotations

import argparse
import json

from engine.errors import ConfigError, GridrlError, UsageError
from engine.recipes import resolve
from engine.recipes.rules_file import load_rules, rules_schema, rules_to_yaml

from .text import line, printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", nargs="?", help="whose game to print; gridrl --list shows them")
    parser.add_argument("settings", metavar="key=value", nargs="*", help="settings, such as rules.max_steps=50")
    parser.add_argument("--check", metavar="FILE", help="say whether a rules file is right; exit code 0 or 1")
    parser.add_argument("--schema", action="store_true", help="print the JSON Schema of rules files, for editors")


def run(arguments: argparse.Namespace) -> int:
    asked = [arguments.recipe is not None, arguments.check is not None, arguments.schema]
    if sum(asked) != 1:
        raise UsageError("give a RECIPE, or --check FILE, or --schema", hint="gridrl rules -h says what each does")
    if arguments.schema:
        line(json.dumps(rules_schema(), indent=2))
    elif arguments.check is not None:
        _check(arguments.check)
    else:
        line(rules_to_yaml(resolve(arguments.recipe, arguments.settings).rules).rstrip("\n"))
    return 0


def _check(path: str) -> None:
    try:
        rules = load_rules(path)
    except ConfigError as error:  # not a wrong setting, but the answer to the question: exit code 1
        raise GridrlError(error.message, hint=error.hint) from None
    things = f"agents {rules.agents}, actions {len(rules.actions)}, kinds {len(rules.kinds)}"
    line(printable(f"{path} is right: {rules.name}, {things}, rewards {len(rules.rewards)}"))
