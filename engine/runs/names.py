"""Where runs live and what they may be called.

Pure functions, called from any thread. A run's name is a directory's name on every platform, a word in a shell
and a word in SQL, so it is checked wherever it enters.
"""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

import platformdirs

from engine.errors import RunError

ADJECTIVES = (
    "amber", "brisk", "calm", "clever", "coral", "crisp", "dapper", "deft", "dusky", "eager", "early", "fleet",
    "frosty", "gentle", "glad", "golden", "hardy", "hazel", "hidden", "humble", "ivory", "jolly", "keen", "kind",
    "lively", "lucid", "lunar", "mellow", "merry", "misty", "nimble", "noble", "olive", "patient", "placid", "plucky",
    "proud", "quick", "quiet", "rapid", "ready", "ruddy", "rustic", "sandy", "silent", "silver", "sleek", "snowy",
    "solar", "steady", "sturdy", "sunny", "swift", "tidy", "tranquil", "trusty", "umber", "upbeat", "vivid", "warm",
    "wild", "windy", "wise", "witty",
)  # fmt: skip

ANIMALS = (
    "badger", "beaver", "bison", "bobcat", "condor", "coyote", "crane", "cricket", "dingo", "dolphin", "eagle", "egret",
    "ermine", "falcon", "ferret", "finch", "fox", "gazelle", "gecko", "gibbon", "heron", "hornet", "ibex", "iguana",
    "jackal", "jaguar", "kestrel", "kiwi", "lemur", "linnet", "lizard", "lynx", "magpie", "marmot", "marten", "mole",
    "moose", "newt", "ocelot", "oriole", "osprey", "otter", "owl", "panda", "pelican", "petrel", "plover", "puffin",
    "quail", "rabbit", "raven", "robin", "salmon", "seal", "shrike", "stoat", "swallow", "tapir", "tern", "toucan",
    "viper", "walrus", "weasel", "wombat",
)  # fmt: skip

MAX_NAME_LENGTH = 64
"""Characters of a run's name: short enough for one line of the run list and for every file system."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.ASCII | re.IGNORECASE)
_WORD_TRIES = 64


def runs_root() -> Path:
    """The directory of all runs: `GRIDRL_RUNS`, else the user's data directory. It need not exist yet.

    Raises:
        RunError: something else is in its place.
    """
    chosen = os.environ.get("GRIDRL_RUNS")
    root = Path(chosen).expanduser() if chosen else platformdirs.user_data_path("gridrl") / "runs"
    if os.path.lexists(root) and not root.is_dir():
        hint = "set GRIDRL_RUNS to a directory" if chosen else "move it away, or set GRIDRL_RUNS to a directory"
        raise RunError(f"{root} is not a directory, so no runs can be kept in it", hint=hint)
    return root


def new_run_id(root: Path) -> str:
    """A name of two words that no run under `root` has yet."""
    for _ in range(_WORD_TRIES):
        name = _two_words()
        if not os.path.lexists(root / name):
            return name
    return f"{_two_words()}-{secrets.token_hex(4)}"  # thousands of runs: two words no longer suffice


def check_run_name(name: str) -> str:
    """`name` itself if it is safe as a directory's name on every platform.

    Raises:
        RunError: it is empty, too long, reserved by some platform or holds other characters.
    """
    problem = _name_problem(name)
    if problem:
        raise RunError(
            f"{name[:80]!r} cannot be a run's name: {problem}", hint="use letters, digits and '-', like ruddy-otter"
        )
    return name


def _two_words() -> str:
    return f"{secrets.choice(ADJECTIVES)}-{secrets.choice(ANIMALS)}"


def _name_problem(name: str) -> str:
    if not name:
        return "it is empty"
    if len(name) > MAX_NAME_LENGTH:
        return f"it has {len(name)} characters, {MAX_NAME_LENGTH} are allowed"
    if not _NAME.fullmatch(name):
        return "it may hold only letters, digits, '.', '_' and '-', and begins with a letter or digit"
    if name.endswith("."):
        return "it ends with a dot"
    if _DEVICE.fullmatch(name):
        return "Windows keeps that name for a device"
    return ""
