"""The agent-eye as a picture: what an observation says of each cell, of planes and of tokens alike. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.sim import EMPTY

from .overlay import MARK_SHIFT, TINT_SHIFT
from .picture import codes_of_planes, observed_codes

if TYPE_CHECKING:
    from engine.policies.sights import Eye
    from engine.sim import Spec

    from .picture import Codes
    from .scene import Scene

DROPPED_TINT = 16
"""The strongest of the tints for too little: something of this cell did not find room."""
DROPPED_MARK = 9

_PLANE_OF_TOKEN = {
    "type_id": "kind",
    "group": "group",
    "orientation": "facing",
    "frozen": "frozen",
    "shield": "shield",
    "ready": "ready",
}


def eye_codes(scene: Scene, *, joined: bool = False) -> Codes:
    """(window height, window width) codes of what the selected agent is told, from its observation alone.

    Of tokens: cells without any are drawn as floor, and those of which some were dropped are tinted.
    """
    if scene.spec.planes or scene.eye is None:
        return observed_codes(scene, joined=joined)
    codes = codes_of_planes(scene.spec, _planes_of(scene.eye, scene.spec), joined=joined)
    for index, dropped in enumerate(scene.eye.dropped):
        if dropped:
            row, column = divmod(index, scene.eye.width)
            codes[row, column] |= np.uint32(DROPPED_TINT << TINT_SHIFT | DROPPED_MARK << MARK_SHIFT)
    return codes


def _planes_of(eye: Eye, spec: Spec) -> dict[str, np.ndarray[tuple[int, int], np.dtype[np.uint8]]]:
    """What tokens tell, as planes would."""
    planes = {name: np.zeros((spec.window_height, spec.window_width), np.uint8) for name in _PLANE_OF_TOKEN.values()}
    planes["kind"][:] = EMPTY
    for index, told in enumerate(eye.cells):
        for feature in told:
            plane = _PLANE_OF_TOKEN.get(feature.name)
            if plane is not None:
                planes[plane][divmod(index, eye.width)] = feature.value
    return planes
