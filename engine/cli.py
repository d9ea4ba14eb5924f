"""`gridrl TOOL ...`: the command line. Finds the tool, runs it, and turns whatever happens into an exit code.

Main thread. Knows the tools by name only and imports the one that is asked for: `gridrl -h` must be there at once.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from engine.errors import GridrlError, UsageError

if TYPE_CHECKING:
    from engine.recipes import Resolution
    from engine.recipes.command_line import Command

CATEGORIES = {
    "learn": {
        "train": "learn a recipe, in the foreground, or with --detach in a process of its own",
        "resume": "go on with a run that is paused, stopped or was killed, exactly where it stood",
        "pause": "hold a run that is under way",
        "checkpoint": "save a run that is under way, now",
        "stop": "end a run that is under way, with a checkpoint",
        "sweep": "train a recipe again and again, with settings drawn anew",
        "autotune": "measure which trainer settings are fastest here, and keep them",
    },
    "look": {
        "play": "let a policy play a recipe and print how it went",
        "evaluate": "hold policies against one another, with the same seeds",
        "render": "let a policy play a recipe and print frames, for pipes and logs",
        "replay": "record an episode, or play a recording again and prove it; also replays of others",
        "runs": "list the runs on this machine; --watch keeps at it",
        "demos": "list what people played by hand, and how to train on it",
        "stream": "speak of a run in JSON lines on stdin and stdout, for programs and for ssh",
        "query": "ask all runs in SQL",
        "fetch": "get checkpoints from a bucket, wandb or another machine, and say where they lie",
        "upload": "put checkpoints into a bucket, wandb or a directory",
    },
    "prepare": {
        "validate": "check a recipe or a file, and say where each value comes from",
        "rules": "print a recipe's game as YAML, or check such a file",
        "completion": "print a script by which bash, zsh or fish completes these words",
    },
}
"""Each tool's line in the help, by what it is for; its module is engine.tools.NAME."""

TOOLS = {name: words for tools in CATEGORIES.values() for name, words in tools.items()}
RECIPE_TOOLS = ("train", "play", "evaluate", "replay", "render", "sweep", "autotune")
"""Those of engine.recipes.TOOLS; named here so that the first page needs no pydantic."""

_RECORDINGS = (".gridrec", ".json.z", ".json.gz", ".json")
"""Endings of files that are no recipes, even where there is no such file."""

INTERRUPTED = 130  # 128 + SIGINT
PIPE_CLOSED = 141  # 128 + SIGPIPE
_MAX_MESSAGE = 2_000  # characters of an error: enough for a person, whatever was pasted into the command line
_MAX_FAULTS = 10  # of a configuration, printed at once

PAGE = """\
gridrl: train, play and query multi-agent gridworlds from the shell. (gridrl-tui is the full-screen program.)

usage: gridrl TOOL [RECIPE] [key=value ...] [options]        gridrl TOOL -h says what each takes

{tools}

  gridrl --list      the recipes; also gridrl TOOL --list and gridrl RECIPE --list
  gridrl --version   what this program is made of

examples:
  gridrl train navigation trainer.total_steps=5e5 run=first
  gridrl play navigation --policy first --episodes 3 --render
  gridrl train arena preset=tiny trainer.lr=3e-4 --dry-run

A recipe says what to learn and how; key=value changes one setting of it; --dry-run shows all of them, and why.
map=my.map takes a map of your own, rules=my.yaml a game; a recipe of your own is a file: gridrl train my.yaml.

files:
  runs       {runs}   (GRIDRL_RUNS)
  recipes    {recipes}   (GRIDRL_RECIPES)
  settings   {settings}   (GRIDRL_SETTINGS)
  cache      {cache}   (GRIDRL_CACHE)

exit codes: 0 done, 1 failed, 2 wrong usage or setting, 130 Ctrl-C"""


def entry() -> NoReturn:
    """Run this process's command line, and end it."""
    code = main()
    if "WORLD_SIZE" in os.environ:
        # gloo's threads may hold tensors until the very end, and abort an interpreter that is being taken down.
        # All is written by now, so it need not be taken down.
        _flush_quietly()
        os._exit(code)
    sys.exit(code)


def main(argv: list[str] | None = None) -> int:
    """Run a command line. Returns the exit code."""
    _never_fail_to_print()
    arguments = sys.argv[1:] if argv is None else argv
    try:
        code = _dispatch(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
    except GridrlError as error:
        _explain(error)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        return PIPE_CLOSED
    except OSError as error:
        _explain(GridrlError(f"cannot write the output: {error.strerror}"))
        _forget_stdout()
        return 1
    return code


def _dispatch(arguments: list[str]) -> int:
    first = arguments[0] if arguments else "--help"
    if first in ("-h", "--help", "help"):
        _print_page()
    elif first == "--version":
        from engine.tools.version import print_version

        print_version()
    elif first == "__complete":
        from engine.completion import answer

        answer(arguments[1:], TOOLS, RECIPE_TOOLS)
    elif first == "--list":
        from engine.tools.recipe_help import list_all  # deferred, as all imports here: each page loads only its own

        list_all()
    elif first in TOOLS and first not in RECIPE_TOOLS:
        return _run_plain_tool(first, arguments[1:])
    else:
        return _run_recipe_tool(first, arguments[1:])
    return 0


def _run_plain_tool(name: str, arguments: list[str]) -> int:
    tool = importlib.import_module(f"engine.tools.{name}")
    parser = _Parser(prog=f"gridrl {name}", description=TOOLS[name], allow_abbrev=False)
    tool.add_arguments(parser)
    if name == "validate":  # what it leaves is read as the words of the tool that it is about
        return int(tool.run(*parser.parse_known_args(arguments)))
    return int(tool.run(parser.parse_intermixed_args(arguments)))


def _run_recipe_tool(first: str, arguments: list[str]) -> int:
    from engine.recipes.command_line import read_command, split_tool

    recipe, tool = split_tool(first)
    if not tool:
        return _without_tool(first, arguments)
    if tool == "replay" and _names_a_recording(arguments):
        return _replay_file(arguments)
    command = read_command(tool, recipe, arguments)
    if "--help" in command.switches or "--list" in command.switches:
        _print_about(command)
        return 0
    if not command.recipe:
        raise UsageError(f"gridrl {tool} needs a recipe", hint=f"gridrl {tool} --list shows them")
    return _resolve_and_run(command)


def _resolve_and_run(command: Command) -> int:
    from engine.recipes import examine

    resolution = examine(command.tool, command.recipe, command.settings)
    if "--verbose" in command.switches:
        from engine.tools.recipe_help import print_arguments

        print_arguments(resolution)
    if "--dry-run" in command.switches:
        return _print_plan(resolution)
    if resolution.faults:
        raise resolution.faults[0]
    if "--detach" in command.switches:
        return _detach(command)
    return int(importlib.import_module(f"engine.tools.{command.tool}").run(resolution))


def _detach(command: Command) -> int:
    """Of train, which alone has that option."""
    from engine.tools.train import detach

    return detach(command.recipe, command.settings)


def _print_plan(resolution: Resolution) -> int:
    """What would run, and why. Returns the exit code: that of the first fault."""
    from engine.tools.plan import plan

    faults = list(resolution.faults)
    if resolution.config is not None:
        planned = plan(resolution)
        print("\n".join(planned.lines))
        faults += planned.faults
    for fault in faults[:_MAX_FAULTS]:
        _explain(fault)
    if not faults:
        print("the settings are right; nothing was started", file=sys.stderr)
    return faults[0].exit_code if faults else 0


def _print_about(command: Command) -> None:
    from engine.tools import recipe_help

    if "--help" in command.switches:
        recipe_help.print_help(command.tool, command.recipe, TOOLS[command.tool])
    elif command.recipe:
        recipe_help.list_tools(command.recipe)
    else:
        recipe_help.list_for(command.tool)


def _without_tool(name: str, arguments: list[str]) -> int:
    """`gridrl arena --list`; anything else names no tool."""
    from engine.recipes import find_recipe

    near = difflib.get_close_matches(name, TOOLS, n=2)
    try:
        recipe = find_recipe(name)
    except UsageError:
        _check_not_half_right(name)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(TOOLS)}; gridrl -h says more"
        raise UsageError(f"no tool is called {name[:80]!r}", hint=hint) from None
    if "--list" in arguments:
        from engine.tools.recipe_help import list_tools

        list_tools(name)
        return 0
    raise UsageError(f"{recipe.name} is a recipe, not a tool", hint=f"gridrl train {name}, gridrl play {name}")


def _check_not_half_right(name: str) -> None:
    """`arena.nosuch`: say which half is wrong.

    Raises:
        UsageError: what stands before the last dot is a recipe.
    """
    from engine.recipes import recipes
    from engine.recipes.registry import split_name

    recipe, dot, tool = name.rpartition(".")
    if dot and split_name(recipe)[1] in recipes():
        raise UsageError(f"{recipe} has no tool {tool[:80]!r}", hint=f"there are {', '.join(RECIPE_TOOLS)}")


def _names_a_recording(arguments: list[str]) -> bool:
    """Whether `gridrl replay` is given a file: anything that is there and no recipe, or could only be a replay."""
    words = [word for word in arguments if not word.startswith("-") and "=" not in word]
    if any(word.endswith(_RECORDINGS) for word in words) or any(word.split("=")[0] == "--at" for word in arguments):
        return True
    first = words[0] if words and words[0] == arguments[0] else ""  # what follows an option is its value
    is_there = os.path.lexists(first) if "/" in first else os.path.isfile(first)  # a folder may be called arena
    return is_there and not first.endswith((".py", ".yaml", ".yml"))


def _replay_file(arguments: list[str]) -> int:
    from engine.tools import replay

    parser = _Parser(prog="gridrl replay", description=TOOLS["replay"], allow_abbrev=False)
    replay.add_arguments(parser)
    return replay.run_file(parser.parse_intermixed_args(arguments))


class _Parser(argparse.ArgumentParser):
    """argparse, whose complaints are ours."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"{self.prog} -h says what it takes")


def _print_page() -> None:
    from engine.places import cache_directory, recipes_directory, settings_file
    from engine.runs.names import runs_root

    lines = []
    for category, tools in CATEGORIES.items():
        lines += [f"{category}:", *(f"  {name:<12}{words}" for name, words in tools.items())]
    places = {
        "runs": str(runs_root()),
        "recipes": str(recipes_directory()),
        "settings": str(settings_file()),
        "cache": str(cache_directory()),
    }
    print(PAGE.format(tools="\n".join(lines), **{name: _cleaned(path) for name, path in places.items()}))


def _explain(error: GridrlError) -> None:
    """What is wrong, and what to do: two lines on stderr."""
    _flush_quietly()
    print(f"gridrl: {_cleaned(error.message)}", file=sys.stderr)
    if error.hint:
        print(f"hint: {_cleaned(error.hint)}", file=sys.stderr)


def _cleaned(text: str) -> str:
    from engine.tools.text import printable

    return printable(text[:_MAX_MESSAGE])


def _never_fail_to_print() -> None:
    """A terminal that cannot show a character gets its escape."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _flush_quietly() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()


def _forget_stdout() -> None:
    """Whoever read us is gone; Python would complain once more when it closes stdout at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    entry()
