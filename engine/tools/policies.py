"""Who plays, by what a person calls it: a scripted policy, a run, one of its checkpoints, a file, a URI of elsewhere.

Called by the tools on the main thread; reads the disk, and the network where a URI says so. Loads torch only for a
policy that is a network.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.errors import UsageError
from engine.policies.registry import TRAINED, Policy, create_policy, policy_names
from engine.policies.streams import Seeds
from engine.recipes.overrides import shortened
from engine.runs.finding import UnknownRun, find_checkpoints
from engine.runs.uris import read_uri, shown
from engine.sim import World

from .text import note, printable

SCRIPTED: Final = tuple(name for name in policy_names() if name != TRAINED)
"""The policies that need no training."""

MAX_PLAYERS: Final = 64
"""Policies at once: each is loaded before any of them plays."""

Tell = Callable[[str], None]
"""Takes a sentence that is worth saying, and no error."""

_TRAINED: Final = f"{TRAINED}:"
_MOCK: Final = "mock://"


@dataclass(frozen=True)
class Player:
    """A policy that was found, and not yet loaded."""

    name: str
    """As the person called it; of several that were chosen at once, each by its own number."""
    scripted: str | None
    checkpoint: Path | None
    """One of the two; of a run's latest checkpoint, the file that it was when it was looked for."""

    def maker(self, world: World, tell: Tell | None = None) -> Callable[[Seeds], Policy]:
        """What makes the policy for a game, as often as needed, each with random numbers of its own.

        Args:
            tell: told what the policy does not know of the game; stderr, unless given.

        Raises:
            UsageError: the scripted policy cannot play the game.
            CheckpointError: the checkpoint is damaged or belongs to another game.
        """
        if self.checkpoint is None:
            assert self.scripted is not None
            made = create_policy(self.scripted, world.rules, world.spec)  # what it has against the game, it says now
            return made.again
        from engine.policies.trained import load_policy  # deferred: torch takes seconds to import

        loaded = load_policy(self.checkpoint, world.spec)
        for each in loaded.notes:
            (tell or note)(printable(f"{shortened(self.name)}: {each}"))
        return loaded.again


def find_player(text: str, tell: Tell | None = None) -> Player:
    """Find one policy: `simple`, `mock://simple`, `trained:RUN`, or one checkpoint as engine/runs/uris.py names it.

    Args:
        tell: told before something is fetched from elsewhere; stderr, unless given.

    Raises:
        UsageError: there is none by that name; with the nearest, or with what to do instead. Or it means several.
        RunError, CheckpointError: another place refuses, or what came from there is damaged.
    """
    if not _is_scripted(text) and not read_uri(text).choice.is_one:
        hint = "choose one, such as RUN:latest, RUN:best or RUN:v4096; gridrl evaluate takes several"
        raise UsageError(f"{shown(text)} means several policies", hint=hint)
    return _found(text, tell)[0]


def find_players(texts: Iterable[str]) -> list[Player]:
    """Find all policies of a list; a text such as `RUN:all` or `RUN:top:3:METRIC` stands for several.

    Raises:
        UsageError, RunError, CheckpointError: as find_player; or there are more than MAX_PLAYERS.
    """
    players = [player for text in texts for player in _found(text)]
    if len(players) > MAX_PLAYERS:
        raise UsageError(f"that is {len(players)} policies, {MAX_PLAYERS} are allowed", hint="evaluate them in parts")
    return players


def _found(text: str, tell: Tell | None = None) -> list[Player]:
    if _is_scripted(text):
        return [Player(text, _scripted(text.removeprefix(_MOCK)), None)]
    head = _TRAINED if text.startswith(_TRAINED) else ""
    try:
        checkpoints = find_checkpoints(text.removeprefix(head), lambda words: (tell or note)(printable(words)))
    except UnknownRun as error:
        raise _unknown(error) from None
    return [Player(head + each.name, None, each.path) for each in checkpoints]


def _is_scripted(text: str) -> bool:
    return text in SCRIPTED or text.startswith(_MOCK)


def _scripted(name: str) -> str:
    if name in SCRIPTED:
        return name
    raise UsageError(f"no scripted policy is called {shortened(name)!r}", hint=_nearest(name, SCRIPTED, "there are"))


def _unknown(error: UnknownRun) -> UsageError:
    """A name is looked for among the scripted policies, too."""
    several = """several are a list: policies='["goal-seeker","random"]'"""
    run, choice, _ = error.name.partition(":")
    if choice and run in error.known:
        hint = f"of {run} there are :latest, :best, :v4096, :v1000..v5000, :all and :top:3:METRIC"
        return UsageError(f"{shown(error.name)!r} is no choice among the checkpoints of {run}", hint=hint)
    hint = several if "," in error.name else _hint(error.name, error.known)
    return UsageError(f"no policy and no run is called {shown(error.name)!r}", hint=hint)


def _hint(name: str, runs: list[str]) -> str:
    if name == TRAINED or not name:
        return f"say whose: {_TRAINED}RUN; gridrl runs lists the runs"
    return _nearest(name, (*SCRIPTED, *runs), "policies are", SCRIPTED) + "; gridrl runs lists the runs"


def _nearest(name: str, known: tuple[str, ...], words: str, few: tuple[str, ...] = ()) -> str:
    near = difflib.get_close_matches(name, dict.fromkeys(known), n=3)
    return f"did you mean {' or '.join(near)}?" if near else f"{words} {', '.join(few or known)}"
