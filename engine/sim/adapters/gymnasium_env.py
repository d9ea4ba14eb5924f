"""A game with one agent as a gymnasium.Env. Owned by whoever makes it; one thread at a time."""

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
    import gymnasium
except ImportError as error:
    raise missing("gymnasium", "gym") from error

Row = NDArray[np.uint8]


class GridworldEnv(gymnasium.Env[Row, np.int64]):
    """One env of a game with one agent.

    An observation is the row that C writes, uint8 of (observation_size,); `spaces.parts` takes it apart. `info` has
    the `action_mask` (int8) and, after a step, its `result`; at the end also the episode's `terms` and `stats`.
    `reset()` without a seed goes on in the stream of the last one, exactly as a Batch of that seed does.

    Args:
        worlds: of one game; each episode draws one.
        render_mode: None, or "ansi" for the map as text.
        characters: of each kind, for "ansi": `engine.maps.CHARACTERS`.

    Raises:
        SimError: the game has more than one agent.
    """

    metadata = {"render_modes": ["ansi"], "render_fps": 10}

    def __init__(
        self,
        worlds: Sequence[World] | World,
        render_mode: str | None = None,
        characters: Mapping[str, str] | None = None,
    ) -> None:
        check_render(render_mode, characters)
        self._episode = Episode(worlds, characters)
        self.game = self._episode.spec
        """Names and sizes of the game. (`spec` is gymnasium's own.)"""
        if self.game.agent_count != 1:
            self._episode.close()
            raise SimError(
                f"the game has {self.game.agent_count} agents, a gymnasium.Env has one",
                hint="use GridworldParallelEnv or GridworldVectorEnv",
            )
        self.render_mode = render_mode
        self.action_space = spaces.action_space(self.game)
        self.observation_space = spaces.observation_space(self.game)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Row, dict[str, Any]]:
        """Start an episode; there are no options."""
        super().reset(seed=seed)
        self._episode.begin(seed, self.np_random)
        return self._episode.observation(0), self._episode.first_infos()[0]

    def step(self, action: np.int64) -> tuple[Row, float, bool, bool, dict[str, Any]]:
        """One step: observation, reward, terminated (by the rules), truncated (out of time), info.

        Raises:
            SimError: no such action, or no episode is running.
        """
        if not self.action_space.contains(action):
            last = len(self.game.action_names) - 1
            raise SimError(f"there is no action {action!r}", hint=f"actions are 0 to {last}")
        self._episode.advance(np.full(1, action, np.int32))
        reward = float(self._episode.batch.rewards[0])
        flags = self._episode.terminated, self._episode.truncated
        return self._episode.observation(0), reward, *flags, self._episode.infos()[0]

    def action_masks(self) -> NDArray[np.bool_]:
        """(actions,): False where the action cannot succeed. The name is the one that sb3-contrib asks for."""
        return np.array(self._episode.action_masks()[0])

    def render(self) -> str | None:
        """The map as text, or None without a render_mode. After the end it is the start of the next episode."""
        return None if self.render_mode is None else self._episode.drawn()

    def close(self) -> None:
        self._episode.close()
