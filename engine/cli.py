"""`gridrl TOOL ...`: the command line. Finds the tool, runs it, and turns whatever happens into an exit code.

Main thread. Knows the tools by name only and imports the one that is asked for: `gridrl -h` must be there at once.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
from typing import NoReturn

from engine.errors import GridrlError, UsageError

TOOLS = {
    "train": "learn a recipe, in the foreground; Ctrl-C saves and ends",
    "play": "let a policy play a recipe and print how it went",
    "replay": "play a recording again and check that it is the same",
    "rules": "print a recipe's game as YAML, or check such a file",
    "runs": "list the runs on this machine",
    "query": "ask all runs in SQL",
}
"""Each tool's line in the help; its module is engine.tools.NAME."""

INTERRUPTED = 130  # 128 + SIGINT
PIPE_CLOSED = 141  # 128 + SIGPIPE
_MAX_MESSAGE = 2_000  # characters of an error: enough for a person, whatever was pasted into the command line

PAGE = """\
gridrl: train, play and query multi-agent gridworlds from the shell. (gridrl-tui is the full-screen program.)

usage: gridrl TOOL [RECIPE] [key=value ...] [options]

tools (gridrl TOOL -h says what each takes):
{tools}

also:
  gridrl --list      the recipes
  gridrl --version   what this program is made of

examples:
  gridrl train navigation trainer.total_steps=5e5 run=first
  gridrl play navigation --policy first --episodes 3 --render
  gridrl query "SELECT run_id, status, step FROM runs"

A key=value changes one setting of a recipe; gridrl train RECIPE --dry-run prints them all.
map=my.map takes a map of your own, rules=my.yaml a game; gridrl rules RECIPE prints one to begin with.
Runs live in {runs} (set GRIDRL_RUNS to move them).
Exit codes: 0 done, 1 failed, 2 wrong usage or setting, 130 Ctrl-C."""


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
        _print_versions()
    elif first == "--list":
        _print_recipes()
    else:
        return _run_tool(first, arguments[1:])
    return 0


def _run_tool(name: str, arguments: list[str]) -> int:
    if name not in TOOLS:
        near = difflib.get_close_matches(name, TOOLS, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(TOOLS)}; gridrl -h says more"
        raise UsageError(f"no tool is called {name!r}", hint=hint)
    if "--list" in arguments:
        _print_recipes()
        return 0
    tool = importlib.import_module(f"engine.tools.{name}")
    parser = _Parser(prog=f"gridrl {name}", description=TOOLS[name], allow_abbrev=False)
    tool.add_arguments(parser)
    return int(tool.run(parser.parse_intermixed_args(arguments)))


class _Parser(argparse.ArgumentParser):
    """argparse, whose complaints are ours."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"{self.prog} -h says what it takes")


def _print_page() -> None:
    from engine.runs.names import runs_root  # deferred, as all imports here: each page loads only what it shows

    tools = "\n".join(f"  {name:<17}{summary}" for name, summary in TOOLS.items())
    print(PAGE.format(tools=tools, runs=_cleaned(str(runs_root()))))


def _print_versions() -> None:
    from engine.recipes import versions

    for name, version in versions().items():
        print(f"{name:<12}{_cleaned(version)}")


def _print_recipes() -> None:
    from engine.recipes import recipes

    print("recipes, each for train and play:")
    for recipe in recipes().values():
        print(f"  {recipe.name:<17}{_cleaned(recipe.summary)}")
    print("tools:")
    for name, summary in TOOLS.items():
        print(f"  {name:<17}{summary}")


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
    sys.exit(main())
