"""The errors that a person may see.

Every one carries a sentence (what is wrong, and where) and a hint (what to do). Tools print both and exit
with `exit_code`; the screen shows both and lives on. Anything else that is raised is a defect of ours.
"""

from __future__ import annotations


class GridrlError(Exception):
    """Base of all errors that are answered in the user's words."""

    exit_code = 1
    """Exit status of a command-line tool that ends with this error."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageError(GridrlError):
    """The command line or a key press asks for something that does not exist."""

    exit_code = 2


class PlacedError(GridrlError):
    """Something in a text is wrong. `line` and `column` count from 1, 0 where there is no place to name."""

    def __init__(self, message: str, *, hint: str = "", line: int = 0, column: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.line = line
        self.column = column


class ConfigError(PlacedError):
    """A configuration key or value is wrong; the message names its path, and its place where it came from a file."""

    exit_code = 2


class SimError(GridrlError):
    """The engine refused rules, a snapshot or a call."""


class RecordingError(SimError):
    """A recording is damaged, of another version, or not of this game and these maps."""


class MapError(PlacedError):
    """A map cannot be used as it is."""


class RunError(GridrlError):
    """A run directory is missing, locked, of a newer version or damaged."""


class CheckpointError(RunError):
    """A checkpoint is missing, damaged or does not fit."""


class RankLost(GridrlError):
    """Of the processes that train together another one has ended: this one cannot go on, whatever it was doing."""


class QueryError(PlacedError):
    """SQL that the database refused."""


class QueryCancelled(QueryError):
    """The user cancelled the query."""
