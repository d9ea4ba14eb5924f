"""Clock: where in the time of a game a scene is, and what lies around it. A value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Line:
    """One branch, as far as a timeline shows it."""

    branch: int
    parent: int | None
    fork: int
    """The tick at which it leaves its parent."""
    end: int


@dataclass(frozen=True)
class Clock:
    """Ticks count steps from the beginning of the history, through all episodes."""

    first: int
    """The oldest tick that is not forgotten."""
    tick: int
    """The present one."""
    end: int
    """The last one of this branch."""
    branch: int
    lines: tuple[Line, ...]
    """All branches, this one included."""
    marks: NDArray[np.uint8]
    """(end - first, agents): what each step brought each agent, see tui/marks.py."""

    def parting(self, branch: int) -> int:
        """The tick from which on another branch is not this one."""
        mine, theirs = self._way(self.branch), self._way(branch)
        shared = self.first
        for (one, till), (other, other_till) in zip(mine, theirs, strict=False):
            if one != other:
                break
            shared = min(till, other_till)
        return shared

    def _way(self, branch: int) -> list[tuple[int, int]]:
        """The branches that lead to one, the oldest first, and the tick at which each is left."""
        lines = {line.branch: line for line in self.lines}
        line, way = lines[branch], [(branch, lines[branch].end)]
        while line.parent is not None:
            way.append((line.parent, line.fork))
            line = lines[line.parent]
        return way[::-1]

    @property
    def last(self) -> int:
        """The last tick of all branches."""
        return max(line.end for line in self.lines)

    @property
    def back(self) -> int:
        """Steps from here to the end of this branch: 0 in the present."""
        return self.end - self.tick
