"""The shipped games as C has them, in a file that c_src/fuzz/soak.c reads: for builds that Python does not load."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.maps import cells_for, load_map
from engine.sim import games
from engine.sim.native import ffi
from engine.sim.world import rules_def

from .test_games_goldens import MAPS

_NAME_SIZE = 32


def export_games(path: Path) -> None:
    """Write every game with its maps; read on the same machine only, since it is C's own memory."""
    with path.open("wb") as file:
        for game, maps in MAPS.items():
            rules = games.GAMES[game]()
            tables = bytes(ffi.buffer(rules_def(rules)))
            file.write(game.encode().ljust(_NAME_SIZE, b"\0"))
            file.write(np.array([len(tables), len(maps)], np.int32).tobytes())
            file.write(tables)
            for name in maps:
                cells = cells_for(load_map(name), rules)
                file.write(np.array([cells.shape[1], cells.shape[0]], np.int32).tobytes())
                file.write(cells.tobytes())
