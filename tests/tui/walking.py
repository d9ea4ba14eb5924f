"""One game on a map drawn in text, stepped by hand: what the tests of travelling, counting and choices share."""

from __future__ import annotations

from textwrap import dedent

import numpy as np

from engine.maps import cells_for, parse_ascii
from engine.sim import Batch, EnvView, Rules, World, games
from tui.travel import Journey, way_to

WALK = games.navigation().model_copy(update={"spawn_anywhere": False})  # eight ways, no turns
ARENA = games.arena(agents=1)  # four ways, four turns
CLASSIC = games.arena_classic("basic", agents=1)  # turns, and steps along the facing


class Walk:
    """One game on a map drawn in text, stepped by hand: agent 0 as told, the others as `others` says."""

    def __init__(self, drawing: str, rules: Rules, others: str = "noop") -> None:
        self.rules = rules
        grid_map = parse_ascii(dedent(drawing).strip("\n"), "drawn")
        self.batch = Batch(World(rules, cells_for(grid_map, rules)))
        self.others = rules.action_names.index(others)

    @property
    def view(self) -> EnvView:
        return self.batch.look()

    @property
    def cell(self) -> tuple[int, int]:
        return self.view.agents[0].row, self.view.agents[0].column

    def step(self, action: int) -> None:
        actions = np.full(self.batch.rows, self.others, np.int32)
        actions[0] = action
        self.batch.step(actions)

    def names(self, target: tuple[int, int]) -> list[str]:
        way = way_to(self.view, self.rules, 0, target)
        assert not way.why_not
        return [self.rules.action_names[action] for action in way.actions]

    def travel(self, target: tuple[int, int]) -> Journey:
        """Go on a journey until it ends by itself."""
        journey = Journey(self.rules, 0, target)
        while (action := journey.next_action(self.view, self.batch.action_mask()[0])) is not None:
            self.step(action)
        return journey
