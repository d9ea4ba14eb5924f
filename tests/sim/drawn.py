"""Maps drawn as text, and sims drawn back, so that a test shows the world beside what it expects."""

from __future__ import annotations

from textwrap import dedent

import numpy as np

from engine.maps import CHARACTERS
from engine.sim import (
    CELL_EMPTY,
    CELL_KIND,
    CELL_SPAWN_ANY,
    CELL_SPAWN_GROUP,
    ActionResult,
    AgentView,
    Batch,
    Rules,
    World,
)

KINDS = CHARACTERS  # of the kinds, as map files draw them. `@` starts anybody, 1..8 a group.
FACINGS = "^v<>7913"  # by direction; diagonals as on a number pad


def cells_from(text: str, rules: Rules) -> np.ndarray:
    """(height, width) cell codes of a drawing."""
    codes = {".": CELL_EMPTY, "@": CELL_SPAWN_ANY}
    codes |= {str(group + 1): CELL_SPAWN_GROUP + group for group in range(8)}
    codes |= {KINDS[name]: CELL_KIND + index for index, name in enumerate(rules.kinds)}
    rows = dedent(text).strip("\n").split("\n")
    return np.array([[codes[character] for character in row] for row in rows], np.uint8)


def world_from(text: str, rules: Rules) -> World:
    return World(rules, cells_from(text, rules))


def sim_from(text: str, rules: Rules, env_count: int = 1, seed: int = 0, thread_count: int = 1) -> Batch:
    return Batch(world_from(text, rules), env_count, seed=seed, thread_count=thread_count)


def step(sim: Batch, *actions: str) -> None:
    """Step with one action name for each row; a lone name is for all rows."""
    names = actions if len(actions) == sim.rows else actions * sim.rows
    sim.step(np.array([sim.spec.action_names.index(name) for name in names], np.int32))


def drawn(sim: Batch, env: int = 0) -> list[str]:
    """One env as rows of text, agents as arrows."""
    view = sim.look(env)
    characters = ["?", ".", "A", *(KINDS[name] for name in sim.spec.kind_names)]
    rows = [[characters[code] for code in row] for row in view.cells]
    for agent in view.agents:
        assert rows[agent.row][agent.column] == "A", "every agent on a cell of its own, which says so"
        rows[agent.row][agent.column] = FACINGS[agent.facing]
    assert not any("A" in row for row in rows), "no marks of agents but theirs"
    return ["".join(row) for row in rows]


def agent_of(sim: Batch, agent: int = 0) -> AgentView:
    """One agent of the first env as it stands now."""
    return sim.look().agents[agent]


def held(sim: Batch, agent: int = 0) -> dict[str, int]:
    """What an agent holds, by name; nothing of what it holds none of."""
    pairs = zip(sim.spec.resource_names, agent_of(sim, agent).inventory, strict=True)
    return {name: units for name, units in pairs if units}


def result(sim: Batch, row: int = 0) -> ActionResult:
    """What came of a row's last action."""
    return ActionResult(sim.results[row])


def starting_with(rules: Rules, **units: int) -> Rules:
    """The game with everybody holding so much at the start."""
    changed = {name: rules.resources[name].model_copy(update={"initial": count}) for name, count in units.items()}
    return rules.model_copy(update={"resources": {**rules.resources, **changed}})
