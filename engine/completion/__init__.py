"""Completions: what may stand where a shell's cursor is, and the scripts by which shells ask.

`gridrl __complete` answers here, on the main thread of a process of its own, before anybody has pressed a key again.
So names come from file names where they can, and a person's own recipe is run only where its settings are asked for.
"""

from .answer import answer
from .names import Candidate
from .words import candidates

__all__ = ["Candidate", "answer", "candidates"]
