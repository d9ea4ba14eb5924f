"""Envs as text, in the characters of map files. Pure; any thread."""

from __future__ import annotations

import numpy as np

from engine.maps import character_of
from engine.sim import EnvView, Spec

_AGENT, _OUTSIDE, _UNDRAWN = "@", " ", "?"


def drawn(view: EnvView, spec: Spec) -> list[str]:
    """An env in the characters of map files, row by row."""
    glyphs = np.array([_OUTSIDE, ".", _AGENT, *(character_of(kind) or _UNDRAWN for kind in spec.kind_names)])
    return ["".join(row) for row in glyphs[view.cells]]
