"""Any game as a pettingzoo.ParallelEnv. Owned by whoever makes it; one thread at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import SimError
from engine.sim.world import World

from . import missing, spaces
from .episode import Episode, check_render

try:
    from gymnasium.spaces import Box, Discrete
    from gymnasium.utils import seeding
    from pettingzoo import ParallelEnv
except ImportError as error:
    raise missing("pettingzoo", "gym") from error

Row = NDArray[np.uint8]


class GridworldParallelEnv(ParallelEnv):  # type: ignore[misc]  # pettingzoo has no types
    """One env of a game; its agents are `agent_0`, `agent_1`, ... and end together.

    Observations, infos, seeds and arguments are those of GridworldEnv, by agent.
    """

    def __init__(
        self,
        worlds: Sequence[World] | World,
        render_mode: str | None = None,
        characters: Mapping[str, str] | None = None,
    ) -> None:
        check_render(render_mode, characters)
        self._episode = Episode(worlds, characters)
        self.game = self._episode.spec
        self.render_mode = render_mode
        rules = self._episode.batch.worlds[0].rules
        self.metadata = {"name": rules.name, "render_modes": ["ansi"], "render_fps": 10, "is_parallelizable": True}
        self.possible_agents = [f"agent_{number}" for number in range(self.game.agent_count)]
        self.agents: list[str] = []
        # One space for each agent, so that sampling from one leaves the others' random streams alone.
        self.observation_spaces = {agent: spaces.observation_space(self.game) for agent in self.possible_agents}
        self.action_spaces = {agent: spaces.action_space(self.game) for agent in self.possible_agents}
        self._random, _ = seeding.np_random()

    def observation_space(self, agent: str) -> Box[np.uint8]:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Discrete:
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Row], dict[str, dict[str, Any]]]:
        """Start an episode; there are no options."""
        if seed is not None:
            self._random, _ = seeding.np_random(seed)
        self._episode.begin(seed, self._random)
        self.agents = list(self.possible_agents)
        return self._observations(), self._by_agent(self._episode.first_infos())

    def step(
        self, actions: Mapping[str, int]
    ) -> tuple[dict[str, Row], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """One step of all agents: observations, rewards, terminations, truncations, infos, by agent.

        Raises:
            SimError: an agent has no action or none that there is, or no episode is running.
        """
        self._episode.advance(self._checked(actions))
        if self._episode.has_ended:
            self.agents = []
        agents = self.possible_agents
        return (
            self._observations(),
            self._by_agent(self._episode.batch.rewards.tolist()),
            dict.fromkeys(agents, self._episode.terminated),
            dict.fromkeys(agents, self._episode.truncated),
            self._by_agent(self._episode.infos()),
        )

    def _checked(self, actions: Mapping[str, int]) -> NDArray[np.int32]:
        if self.agents and set(actions) != set(self.agents):
            odd = sorted(set(actions) ^ set(self.agents))[0]
            what = "no action for" if odd in self.agents else "there is no agent"
            raise SimError(f"{what} {odd}", hint="give one action for each of env.agents")
        for agent, action in actions.items():
            if not self.action_space(agent).contains(action):
                last = self.action_space(agent).n - 1
                raise SimError(f"{agent}: there is no action {action!r}", hint=f"actions are 0 to {last}")
        return np.array([actions[agent] for agent in self.agents], np.int32)

    def _observations(self) -> dict[str, Row]:
        return {agent: self._episode.observation(row) for row, agent in enumerate(self.possible_agents)}

    def _by_agent(self, values: list[Any]) -> dict[str, Any]:
        return dict(zip(self.possible_agents, values, strict=True))

    def action_masks(self) -> dict[str, NDArray[np.bool_]]:
        """By agent (actions,): False where the action cannot succeed."""
        return self._by_agent(list(self._episode.action_masks()))

    def render(self) -> str | None:
        """The map as text, or None without a render_mode. After the end it is the start of the next episode."""
        return None if self.render_mode is None else self._episode.drawn()

    def close(self) -> None:
        self._episode.close()
