"""The codes of a map with all that lies over its things: an overlay, and fog. Pure numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .picture import DARK, FOG, WallJoins, scene_codes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .picture import Codes
    from .scene import Scene


def codes_of(scene: Scene, *, window_shown: bool, joins: WallJoins | None = None) -> Codes:
    """(height, width) codes of a scene's map: as it is, or as far as the selected agent knows it."""
    codes = scene_codes(scene, window_shown=window_shown, joins=joins)
    if scene.overlay is not None and scene.overlay.codes.shape == codes.shape:
        codes |= scene.overlay.codes
    if scene.in_sight is not None and scene.known is not None and scene.known.shape == codes.shape:
        return fogged(codes, scene.in_sight, scene.known)
    return codes


def fogged(codes: Codes, in_sight: NDArray[np.bool_], remembered: NDArray[np.bool_]) -> Codes:
    """The codes as the selected agent knows them: (height, width) of what it sees now, and has seen before."""
    veil = np.where(in_sight, np.uint32(0), np.where(remembered, np.uint32(FOG), np.uint32(DARK)))
    veiled: Codes = codes | veil
    return veiled
