"""`gridrl completion`: the script by which a shell asks us for completions. Main thread."""

from __future__ import annotations

import argparse
from importlib import resources

from engine.completion.words import SHELLS

from .text import line

HOW = """\
to have it in this shell, and in every new one by a line in its own file:
  bash   source <(gridrl completion bash)        ~/.bashrc
  zsh    source <(gridrl completion zsh)         ~/.zshrc
  fish   gridrl completion fish | source         ~/.config/fish/config.fish

It completes tools, recipes, settings and their values, runs, maps and files, for gridrl and gridrl-tui.
"""
"""What `gridrl completion -h` says."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = HOW
    parser.add_argument("shell", choices=SHELLS, help="whose script to print")


def run(arguments: argparse.Namespace) -> int:
    line(resources.files("engine.completion").joinpath(f"gridrl.{arguments.shell}").read_text("utf-8").rstrip("\n"))
    return 0
