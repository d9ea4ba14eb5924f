"""The Maps pane: draw, check, play and train on a map."""

from .pane import EditorPane, MapPlayRequested, MapSaved, MapTrainRequested

__all__ = ["EditorPane", "MapPlayRequested", "MapSaved", "MapTrainRequested"]
