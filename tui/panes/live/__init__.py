"""The Live pane: see what the agents do, and do it yourself."""

from .pane import LivePane
from .scene import Scene

__all__ = ["LivePane", "Scene"]
