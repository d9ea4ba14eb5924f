"""The simulator as Python sees it: rules, worlds, batches. The only package that opens the door to C."""

from . import games
from .batch import AgentView, Batch, EnvView, Episodes, Step
from .native import ENGINE_VERSION
from .rules import (
    DIRECTION_STEPS,
    DIRECTIONS,
    Action,
    End,
    Kind,
    Plane,
    Resource,
    Rules,
    Term,
    Verb,
    Window,
)
from .spec import AGENT, EMPTY, FIRST_KIND, NOT_READY_CODES, OUTSIDE, ActionResult, Spec, spec_of
from .world import CELL_EMPTY, CELL_KIND, CELL_SPAWN_ANY, CELL_SPAWN_GROUP, World

__all__ = [
    "AGENT",
    "CELL_EMPTY",
    "CELL_KIND",
    "CELL_SPAWN_ANY",
    "CELL_SPAWN_GROUP",
    "DIRECTIONS",
    "DIRECTION_STEPS",
    "EMPTY",
    "ENGINE_VERSION",
    "FIRST_KIND",
    "NOT_READY_CODES",
    "OUTSIDE",
    "Action",
    "ActionResult",
    "AgentView",
    "Batch",
    "End",
    "EnvView",
    "Episodes",
    "Kind",
    "Plane",
    "Resource",
    "Rules",
    "Spec",
    "Step",
    "Term",
    "Verb",
    "Window",
    "World",
    "games",
    "spec_of",
]
