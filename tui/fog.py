"""Fog: what an agent sees of the map now, and what it had in its window before. Owned by a Game; UI thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .play import Play

    Cells = NDArray[np.bool_]


class Fog:
    """The fog over one Play."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self._before: tuple[object, Cells] = (None, np.zeros((0, 0), np.bool_))

    def cells(self) -> tuple[Cells, Cells]:
        """What the selected agent sees, (height, width), and what lay in its window before in this episode."""
        play, spec = self._play, self._play.spec
        height, width = play.view.cells.shape
        me = play.view.agents[play.selected]
        rows, columns = spec.window_height // 2, spec.window_width // 2
        top, left = me.row - rows, me.column - columns
        known = self._known((height, width), (rows, columns))
        in_sight = np.zeros_like(known)
        box = (slice(max(top, 0), me.row + rows + 1), slice(max(left, 0), me.column + columns + 1))
        in_sight[box] = self._seen()[max(-top, 0) : height - top, max(-left, 0) : width - left]
        return in_sight, known

    def _known(self, shape: tuple[int, int], reach: tuple[int, int]) -> Cells:
        """What was known a step ago and what lies in the window now; after a jump, all of the episode anew."""
        play = self._play
        me = play.view.agents[play.selected]
        before, known = self._before
        if before == (play.branch, play.selected, play.view.episode, play.tick - 1) and known.shape == shape:
            known, places = known.copy(), np.array([[me.row, me.column]])  # the old one is part of a scene
        else:
            known, stood = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
            track = play.track(play.episode_start, play.tick)[:, play.selected]
            stood[track[:, 0], track[:, 1]] = stood[me.row, me.column] = True
            places = np.argwhere(stood)
        for row, column in places.tolist():
            known[max(row - reach[0], 0) : row + reach[0] + 1, max(column - reach[1], 0) : column + reach[1] + 1] = True
        self._before = ((play.branch, play.selected, play.view.episode, play.tick), known)
        return known

    def _seen(self) -> Cells:
        """(window height, window width): the cells that the observation tells of; all, where it does not say which."""
        spec = self._play.spec
        window = (spec.window_height, spec.window_width)
        if "kind" not in spec.planes:
            return np.ones(window, np.bool_)
        size, at = window[0] * window[1], spec.planes.index("kind")
        seen: Cells = self._play.observation()[at * size : (at + 1) * size].reshape(window) > 0
        return seen
