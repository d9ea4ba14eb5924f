"""One env for callers who reset by hand: a batch of one, and where its episode stands.

C begins the next episode in the step that ends one; this hides it until `begin` is called. Owned by the env of
others' making that wraps it; one thread at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import SimError
from engine.sim.batch import Batch
from engine.sim.spec import AGENT, EMPTY, FIRST_KIND, ActionResult
from engine.sim.world import World

SEEDS: Final = 2**63
"""Episodes without a seed draw one below this."""


class _State(Enum):
    NEW = "reset() has not been called yet"
    RUNNING = "an episode is running"
    ENDED = "the episode has ended"
    CLOSED = "this env is closed"


class Episode:
    """Owns a batch of one env and the state of its episode."""

    def __init__(self, worlds: Sequence[World] | World, characters: Mapping[str, str] | None = None) -> None:
        self.batch = Batch(worlds, episode_capacity=1)  # C's batch makes that one for each agent
        self.spec = self.batch.spec
        self._characters = characters
        self._state = _State.NEW

    @property
    def has_ended(self) -> bool:
        return self._state is _State.ENDED

    def begin(self, seed: int | None, random: np.random.Generator) -> None:
        """Start an episode: with this seed, or the stream's next one, or where one is cut short one drawn anew."""
        self._refuse(_State.CLOSED, "make a new one")
        if seed is not None:
            self.batch.reset(seed)
        elif self._state is not _State.ENDED:  # else C has begun it already
            self.batch.reset(int(random.integers(SEEDS)))
        self._state = _State.RUNNING

    def advance(self, actions: NDArray[np.int32]) -> None:
        """Step once with (agents,) actions.

        Raises:
            SimError: no episode is running.
        """
        self._refuse(_State.CLOSED, "make a new one")
        self._refuse(_State.NEW, "call reset() before step()")
        self._refuse(_State.ENDED, "call reset() to begin the next one")
        self.batch.step(actions)
        if self.terminated or self.truncated:  # of all agents at once
            self._state = _State.ENDED

    def _refuse(self, state: _State, hint: str) -> None:
        if self._state is state:
            raise SimError(state.value, hint=hint)

    @property
    def terminated(self) -> bool:
        return bool(self.batch.terminated[0])

    @property
    def truncated(self) -> bool:
        return bool(self.batch.truncated[0])

    def observation(self, agent: int) -> NDArray[np.uint8]:
        """(observation_size,): what the agent sees; after the end, the last it saw. The caller's own."""
        rows = self.batch.final_observations if self.has_ended else self.batch.observations
        return np.array(rows[agent])

    def action_masks(self) -> NDArray[np.bool_]:
        """(agents, actions): False where an action cannot succeed; nothing can once the episode has ended."""
        self._refuse(_State.CLOSED, "make a new one")
        masks = self.batch.action_mask()
        return np.zeros_like(masks) if self.has_ended else masks

    def infos(self) -> list[dict[str, Any]]:
        """For each agent its mask and what came of its action; at the end also its stats and terms, by name."""
        masks = self.action_masks().astype(np.int8)  # int8 is what Discrete.sample() takes
        infos: list[dict[str, Any]] = [
            {"action_mask": mask, "result": ActionResult(result).name.lower()}
            for mask, result in zip(masks, self.batch.results.tolist(), strict=True)
        ]
        if self.has_ended:
            episodes = self.batch.drain_episodes()
            for agent, terms, stats in zip(episodes.agent, episodes.terms, episodes.stats, strict=True):
                infos[agent]["terms"] = dict(zip(self.spec.term_names, terms.tolist(), strict=True))
                infos[agent]["stats"] = dict(zip(self.spec.stat_names, stats.tolist(), strict=True))
        return infos

    def first_infos(self) -> list[dict[str, Any]]:
        """For each agent its mask, before there is a step that something could come of."""
        return [{"action_mask": mask} for mask in self.action_masks().astype(np.int8)]

    def drawn(self) -> str:
        """The map as text, in the characters of map files: agents are `@`, or in teams their group from `1`."""
        self._refuse(_State.CLOSED, "make a new one")
        self._refuse(_State.NEW, "call reset() before render()")
        assert self._characters is not None
        view = self.batch.look()
        by_code = {EMPTY: ".", AGENT: "@"}
        by_code |= {FIRST_KIND + n: self._characters.get(kind, "?") for n, kind in enumerate(self.spec.kind_names)}
        rows = [[by_code[code] for code in row] for row in view.cells.tolist()]
        for agent in view.agents:
            rows[agent.row][agent.column] = "@" if self.spec.group_count == 1 else str(agent.group + 1)
        return "\n".join("".join(row) for row in rows)

    def close(self) -> None:
        """Free the batch; whatever is called afterwards raises a SimError, but for this."""
        self._state = _State.CLOSED
        self.batch.close()


def check_render(mode: str | None, characters: Mapping[str, str] | None) -> None:
    """Refuse a mode that there is not, or text without the characters to write it in."""
    if mode not in (None, "ansi"):
        raise SimError(f"there is no render_mode {mode!r}", hint="'ansi' draws the map as text")
    if mode == "ansi" and characters is None:
        raise SimError(
            "render_mode 'ansi' needs a character for each kind",
            hint="characters=engine.maps.CHARACTERS are those of the map files",
        )
