"""The Train pane: the curves of a run, its figures and its controls."""

from .pane import MonitorPane

__all__ = ["MonitorPane"]
