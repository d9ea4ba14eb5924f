"""`gridrl fetch URI`: checkpoints from elsewhere into the cache, and where they lie then. Main thread.

With --to-stdout it is the other end of `ssh://HOST/RUN`: see engine/runs/ssh_checkpoints.py.
"""

from __future__ import annotations

import argparse
import sys

from engine.runs.finding import find_checkpoints

from .text import line, note, printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("uri", metavar="URI", help="such as s3://BUCKET/PREFIX:best, ssh://HOST/RUN or RUN:all")
    words = "talk to the gridrl at the other end of a pipe: ssh://HOST/RUN does"
    parser.add_argument("--to-stdout", action="store_true", help=words)


def run(arguments: argparse.Namespace) -> int:
    found = find_checkpoints(arguments.uri, lambda words: note(printable(words)))
    if arguments.to_stdout:
        from engine.runs.ssh_checkpoints import serve_checkpoints  # deferred: nobody else needs it

        serve_checkpoints([each.path for each in found], sys.stdin.buffer, sys.stdout.buffer)
        return 0
    for each in found:
        line(printable(each.path))
    return 0
