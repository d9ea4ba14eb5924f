"""Who plays, by what a person calls it: a scripted policy, a run, one of its checkpoints, or a file.

Called by the tools on the main thread; reads the disk. Loads torch only for a policy that is a network.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from engine.errors import UsageError
from engine.policies.registry import TRAINED, Policy, create_policy, policy_names
from engine.policies.streams import Seeds
from engine.recipes.overrides import shortened
from engine.runs import latest_checkpoint, list_checkpoints, run_paths, runs_root
from engine.sim import World

from .text import note, printable

SCRIPTED: Final = tuple(name for name in policy_names() if name != TRAINED)
"""The policies that need no training."""

_TRAINED: Final = f"{TRAINED}:"
_MOCK: Final = "mock://"
_FILE: Final = "file://"
_ELSEWHERE: Final = ("s3://", "wandb://", "metta://")
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*)://.*", re.ASCII | re.DOTALL | re.IGNORECASE)
_VERSION: Final = re.compile(r"(.*)[:@](latest|v[0-9]{1,18})", re.ASCII | re.DOTALL)
_LATEST: Final = "latest"
_TENSORS: Final = ".safetensors"
_CHECKPOINTS: Final = "checkpoints"
_MAX_SHOWN: Final = 8  # checkpoints named in a hint; a run keeps five


@dataclass(frozen=True)
class Player:
    """A policy that was found, and not yet loaded."""

    name: str
    """As the person called it."""
    scripted: str | None
    checkpoint: Path | None
    """One of the two; of a run's latest checkpoint, the file that it was when it was looked for."""

    def maker(self, world: World) -> Callable[[Seeds], Policy]:
        """What makes the policy for a game, as often as needed, each with random numbers of its own.

        Raises:
            UsageError: the scripted policy cannot play the game.
            CheckpointError: the checkpoint is damaged or belongs to another game.
        """
        if self.checkpoint is None:
            assert self.scripted is not None
            make = partial(create_policy, self.scripted, world.rules, world.spec)
            make()  # what it has against the game, it says now
            return lambda seed: make(seed=seed)
        from engine.policies.trained import load_policy  # deferred: torch takes seconds to import

        loaded = load_policy(self.checkpoint, world.spec)
        for each in loaded.notes:
            note(printable(f"{shortened(self.name)}: {each}"))
        return loaded.again


def find_player(text: str) -> Player:
    """Find a policy: `simple`, `mock://simple`, `RUN`, `trained:RUN`, `RUN:v4096`, `RUN@latest`, a path, `file://PATH`.

    Raises:
        UsageError: there is none by that name; with the nearest, or with what to do instead.
    """
    if text in SCRIPTED:
        return Player(text, text, None)
    if text.startswith(_MOCK):
        return Player(text, _scripted(text.removeprefix(_MOCK)), None)
    if text.startswith(_FILE):
        return Player(text, None, _checkpoint_at(text.removeprefix(_FILE)))
    _refuse_elsewhere(text)
    if text.startswith(_TRAINED):
        return Player(text, None, _checkpoint_of(text.removeprefix(_TRAINED)))
    if "/" in text or text.endswith(_TENSORS) or text in (".", "..", "~"):
        return Player(text, None, _checkpoint_at(text))
    return Player(text, None, _checkpoint_of(text))


def _scripted(name: str) -> str:
    if name in SCRIPTED:
        return name
    raise UsageError(f"no scripted policy is called {shortened(name)!r}", hint=_nearest(name, SCRIPTED, "there are"))


def _refuse_elsewhere(text: str) -> None:
    scheme = _SCHEME.fullmatch(text)
    if scheme is None:
        return
    words = "policies are read from this machine alone" if text.startswith(_ELSEWHERE) else "that is no kind of policy"
    raise UsageError(f"{shortened(text)}: {words}", hint=f"copy it here and say {_FILE}PATH, or name a run")


# ---- Runs


def _checkpoint_of(text: str) -> Path:
    """A checkpoint of a run on this machine."""
    known = {path.name: path for path in run_paths(runs_root())}
    run, version = (text, _LATEST) if text in known else _split_version(text)
    if run not in known:
        hint = """several are a list: policies='["simple","random"]'""" if "," in run else _hint(run, list(known))
        raise UsageError(f"no policy and no run is called {shortened(run)!r}", hint=hint)
    return _chosen(known[run] / _CHECKPOINTS, version, f"run {run}")


def _hint(name: str, runs: list[str]) -> str:
    if name == TRAINED or not name:
        return f"say whose: {_TRAINED}RUN; gridrl runs lists the runs"
    return _nearest(name, (*SCRIPTED, *runs), "policies are", SCRIPTED) + "; gridrl runs lists the runs"


def _nearest(name: str, known: tuple[str, ...], words: str, few: tuple[str, ...] = ()) -> str:
    near = difflib.get_close_matches(name, dict.fromkeys(known), n=3)
    return f"did you mean {' or '.join(near)}?" if near else f"{words} {', '.join(few or known)}"


def _split_version(text: str) -> tuple[str, str]:
    found = _VERSION.fullmatch(text)
    return (found[1], found[2]) if found else (text, _LATEST)


def _chosen(directory: Path, version: str, owner: str) -> Path:
    """The latest checkpoint in a directory, or the one of a number: the agent steps after which it was made."""
    if version == _LATEST:
        latest = latest_checkpoint(directory)
        if latest is None:
            raise UsageError(f"{owner} has no checkpoint yet", hint="training saves one when it ends")
        return latest
    there = {info.step: info.path for info in list_checkpoints(directory)}
    number = int(version.removeprefix("v"))
    if number not in there:
        listed = ", ".join(f"v{step}" for step in list(there)[-_MAX_SHOWN:])
        hint = f"there is {listed}" if there else "training saves one when it ends"
        raise UsageError(f"{owner} has no checkpoint v{number}", hint=hint)
    return there[number]


# ---- Paths


def _checkpoint_at(text: str) -> Path:
    """A checkpoint by its file, by the directory that it lies in, or by its run's."""
    try:
        if not text:
            raise ValueError
        path, version = Path(text).expanduser(), _LATEST
        if not path.exists():
            bare, version = _split_version(text)
            path = Path(bare).expanduser()
        return _checkpoint_in(path, version, shortened(text))
    except (OSError, ValueError, RuntimeError):  # too long, a zero byte, no such home: no name of a file at all
        raise UsageError(f"{shortened(text)}: that is no path of a checkpoint", hint=f"say {_FILE}PATH") from None


def _checkpoint_in(path: Path, version: str, shown: str) -> Path:
    if path.is_dir():
        inner = path / _CHECKPOINTS
        return _chosen(inner if inner.is_dir() else path, version, shown)
    tensors = path.with_suffix(_TENSORS)
    if path.suffix not in ("", _TENSORS, ".json") and path.exists():
        hint = f"checkpoints end in {_TENSORS}; other programs' files may hold code, which is never run"
        raise UsageError(f"{shown} is no checkpoint", hint=hint)
    if not (tensors.is_file() and tensors.with_suffix(".json").is_file()):  # a pipe would keep us waiting
        hint = f"name a run, a {_CHECKPOINTS} directory, or a {_TENSORS} file with its .json beside it"
        raise UsageError(f"there is no checkpoint {shown}", hint=hint)
    return tensors
