"""Many envs as the VecEnv of Stable-Baselines3: one batch, every agent a row. One thread at a time.

Faster than DummyVecEnv over single envs, whose Python loop steps one env after the other.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import SimError
from engine.sim.batch import Batch
from engine.sim.world import World

from . import missing, spaces

try:
    from gymnasium import Wrapper
    from stable_baselines3.common.vec_env import VecEnv
    from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn
except ImportError as error:
    raise missing("stable-baselines3", "sb3") from error


class GridworldVecEnv(VecEnv):
    """`env_count` envs of a game for PPO and its like; agents of one env are rows of their own.

    Observations are the rows that C writes. Where an episode ended, `infos` has its `terminal_observation` and
    `TimeLimit.truncated`, which is what value bootstrapping needs; wrap it in a VecMonitor to see returns.

    Args:
        worlds: of one game; each env draws one at every reset.
        env_count: envs, so `num_envs == env_count * agents`.
        thread_count: C workers; results do not depend on it.
    """

    def __init__(self, worlds: Sequence[World] | World, env_count: int = 1, thread_count: int = 1) -> None:
        # Nobody drains the episodes: stats are for those who use the batch.
        self.batch = Batch(worlds, env_count, thread_count=thread_count, episode_capacity=1)
        self.game = self.batch.spec
        self._actions = np.zeros(self.batch.rows, np.int32)
        super().__init__(self.batch.rows, spaces.observation_space(self.game), spaces.action_space(self.game))

    def reset(self) -> NDArray[np.uint8]:
        """Start an episode in every env, with the first of the seeds that `seed()` gave, if it did."""
        seed = self._seeds[0]
        self.batch.reset(secrets.randbits(63) if seed is None else seed)
        self._reset_seeds()
        self._reset_options()
        return self.batch.observations.copy()

    def step_async(self, actions: NDArray[Any]) -> None:
        self._actions[:] = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Step every env: (rows, size) observations, rewards, whether an episode ended, infos. Copies, as SB3 wants."""
        batch = self.batch
        batch.step(self._actions)
        ended = np.logical_or(batch.terminated, batch.truncated)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for row in np.flatnonzero(ended):
            infos[row]["terminal_observation"] = batch.final_observations[row].copy()
            infos[row]["TimeLimit.truncated"] = bool(batch.truncated[row])
        return batch.observations.copy(), batch.rewards.copy(), ended, infos

    def action_masks(self) -> NDArray[np.bool_]:
        """(rows, actions): False where the action cannot succeed, but one True at least. A new array."""
        masks = np.zeros((self.batch.rows, len(self.game.action_names)), np.bool_)
        self.batch.action_masks_into(masks)
        return masks

    def close(self) -> None:
        self.batch.close()

    # ---- There are no env objects to reach through to, but sb3-contrib asks each for its mask

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        rows = list(self._get_indices(indices))
        if attr_name == "render_mode":
            return [None for _ in rows]
        if attr_name != "action_masks":
            raise AttributeError(f"rows of a batch have no attribute {attr_name!r}")
        return [lambda row=row: self.action_masks()[row] for row in rows]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        raise SimError(f"{attr_name} cannot be set: the envs of a batch are rows", hint="change the rules instead")

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **method_kwargs: Any
    ) -> list[Any]:
        if method_name != "action_masks":
            raise SimError(f"rows of a batch have no method {method_name!r}", hint="action_masks is the only one")
        masks = self.action_masks()
        return [masks[row] for row in self._get_indices(indices)]

    def env_is_wrapped(
        self, wrapper_class: type[Wrapper[Any, Any, Any, Any]], indices: VecEnvIndices = None
    ) -> list[bool]:
        return [False for _ in self._get_indices(indices)]
