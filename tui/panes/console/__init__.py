"""The Query pane: SQL over everything the runs have recorded."""

from .pane import ConsolePane

__all__ = ["ConsolePane"]
